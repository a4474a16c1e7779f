"""The steps: source, profile, split, model, synthetic, scorecard, validation, verdict, record, candidate.

Each is a function `(Chain) -> Note`. It reads what the steps before it made, by digest, and leaves a note of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from orchestration import uniting
from orchestration.canaries import canaries
from orchestration.chain import STEPS, Chain, ledger, versions
from orchestration.dividing import divide
from orchestration.identifying import has_sketch, keep_sketch, take_stock
from orchestration.policy_check import require_sound
from orchestration.store import Note
from proofset.digest import sha256_file, sha256_json
from proofset.errors import ProofsetError, SpecError
from proofset.evidence import Profile, Provenance, Scorecard, SuiteResult, Verdict
from proofset.files import discard, make_dir, whole_folder
from proofset.policy_judge import Facts, judge
from proofset.source import read_source


def _note(step: str, digest: str, **facts: Any) -> Note:
    return Note(step=step, digest=digest, inputs={}, facts=facts)


def _columns(table: pa.Table) -> list[dict[str, str]]:
    return [{"name": f.name, "type": str(f.type)} for f in table.schema]


def source(chain: Chain) -> Note:
    """Take a private copy of the source as it is now, and say how much of it came out of a generator of ours."""
    table_spec = chain.spec.table
    if table_spec.path is None:
        raise SpecError(
            f"datasets/{chain.spec.dataset}.yaml: tables.{chain.spec.table_name}.path: missing; it is required.",
            why="Every measure compares the synthetic table with a real one.",
            fix="Name the Parquet or CSV file the dataset comes from.",
        )
    path = chain.workspace.root / table_spec.path

    def make() -> Note:
        table = read_source(path, table_spec)
        digest = chain.store.put_table(table, private=True)
        file = sha256_file(path)
        chain.progress("comparing with what is known", 0.5)
        origin = take_stock(chain, table, digest, file)
        return _note("source", digest, rows=table.num_rows, columns=_columns(table), file=file, **origin.facts())

    def intact(note: Note) -> bool:
        told = "real_share" in note.facts  # older notes do not say
        return told and chain.store.holds_table(note.digest, private=True) and has_sketch(chain, note.digest)

    inputs = {"file": sha256_file(path) if path.is_file() else None, "table": table_spec.plain()}
    return chain.once("source", inputs, make, intact)


def profile(chain: Chain) -> Note:
    """Describe the source."""
    from quality.profile import profile_table

    taken = chain.store.need("source")

    def make() -> Note:
        table = chain.store.get_table(taken.digest, private=True)
        seen = profile_table(table, chain.spec.table_name, chain.spec.table, taken.digest)
        return _note("profile", seen.digest, profile=seen.plain())

    return chain.once("profile", {"source": taken.digest, "table": chain.spec.table.plain()}, make)


def split(chain: Chain) -> Note:
    """Divide the rows at random into train and holdout."""
    taken = chain.store.need("source")

    def make() -> Note:
        table = chain.store.get_table(taken.digest, private=True)
        train, holdout = divide(table, chain.spec.split.holdout, chain.spec.seed)
        parts = {"holdout": holdout, "train": train}
        digests = {name: chain.store.put_table(half, private=True) for name, half in parts.items()}
        rows = {f"{name}_rows": half.num_rows for name, half in parts.items()}
        return _note("split", sha256_json(digests), **digests, **rows)

    def intact(note: Note) -> bool:
        return all(chain.store.holds_table(note.facts[p], private=True) for p in ("train", "holdout"))

    inputs = {"source": taken.digest, "split": chain.spec.split.plain(), "seed": chain.spec.seed}
    return chain.once("split", inputs, make, intact)


def model(chain: Chain) -> Note:
    """Fit the generator to the train part; the model stays private."""
    import generators

    checkpoints = chain.store.checkpoints
    generator = generators.create(chain.spec.generator, checkpoints=checkpoints)
    # Not `plain`, which leaves out what is None: a condition may be that a value is missing.
    steer = chain.spec.generator.steer.model_dump(mode="json") if chain.spec.generator.steer else {}
    parts, described = chain.store.need("split"), chain.store.need("profile")

    def make() -> Note:
        train = chain.store.get_table(parts.facts["train"], private=True)
        make_dir(checkpoints, private=True)
        fitted = generator.fit(train, chain.spec.table, _profile(described), chain.spec.seed, chain.progress)
        target = chain.store.model_path(fitted.digest)
        discard(target)
        with whole_folder(target) as folder:
            fitted.save(folder)
        target.chmod(0o700)
        discard(checkpoints)  # the training they belong to has ended
        options = fitted.options | ({"steer": steer} if steer else {})
        facts = {"history": fitted.history, "broken": fitted.broken_in_train}
        return _note("model", fitted.digest, card=fitted.card.plain(), options=options, **facts)

    inputs = {
        "train": parts.facts["train"],
        "profile": described.digest,
        "table": chain.spec.table.plain(),
        "generator": chain.spec.generator.name,
        "options": generator.options.plain(),
        "steer": steer,
        "seed": chain.spec.seed,
    }

    def intact(note: Note) -> bool:
        try:
            generators.load_fitted(chain.store.model_path(note.digest), expected=note.digest)
        except ProofsetError:
            return False
        return True

    return chain.once("model", inputs, make, intact)


def synthetic(chain: Chain) -> Note:
    """Sample the synthetic table."""
    import generators

    parts, fitted = chain.store.need("split"), chain.store.need("model")
    rows = chain.spec.generator.rows or int(parts.facts["train_rows"])

    def make() -> Note:
        loaded = generators.load_fitted(chain.store.model_path(fitted.digest), expected=fitted.digest)
        made = loaded.sample(rows, chain.spec.seed, chain.progress)
        digest = chain.store.put_table(made.table, private=False)
        facts = {"columns": _columns(made.table), "repairs": made.repairs.plain()}
        return _note("synthetic", digest, rows=made.table.num_rows, **facts)

    inputs = {"model": fitted.digest, "rows": rows, "seed": chain.spec.seed}
    return chain.once("synthetic", inputs, make, lambda n: chain.store.holds_table(n.digest, private=False))


def scorecard(chain: Chain) -> Note:
    """Measure the synthetic table against train and holdout, and with the other live releases of the source."""
    from quality.scoring import score

    parts, described, made = (chain.store.need(s) for s in ("split", "profile", "synthetic"))
    digests = (parts.facts["train"], parts.facts["holdout"], made.digest)
    beside = uniting.others(chain, chain.store.need("source"), parts, made)

    def make() -> Note:
        train, holdout = (chain.store.get_table(d, private=True) for d in digests[:2])
        card = score(
            train,
            holdout,
            chain.store.get_table(made.digest, private=False),
            profile=_profile(described),
            table=chain.spec.table,
            seed=chain.spec.seed,
            digests=digests,
            progress=chain.progress,
            canaries=canaries(chain, train, _profile(described)),
            others=beside,
        )
        return _note("scorecard", card.digest, scorecard=card.plain(), measured_at=datetime.now(UTC).isoformat())

    inputs = {
        "digests": list(digests),
        "profile": described.digest,
        "table": chain.spec.table.model_dump(mode="json", exclude={"path", "encoding", "description", "rules"}),
        "seed": chain.spec.seed,
        "model": chain.store.need("model").digest if chain.spec.table.quality.canaries else None,
        **uniting.facts(beside),
    }
    return chain.once("scorecard", inputs, make)


def validation(chain: Chain) -> Note:
    """Run the validation suite, built from profile and spec, on the synthetic table."""
    from quality.gx_docs import data_docs
    from quality.gx_suite import run_suite

    described, made = chain.store.need("profile"), chain.store.need("synthetic")
    rows = chain.spec.generator.rows or int(chain.store.need("split").facts["train_rows"])

    def make() -> Note:
        table, known = chain.store.get_table(made.digest, private=False), _profile(described)
        result = run_suite(table, made.digest, known, chain.spec.table, rows)
        pages = data_docs(result, known, chain.spec.table, table.schema, rows)
        return _note("validation", sha256_json(result.plain()), suite=result.plain(), data_docs=pages)

    inputs = {"synthetic": made.digest, "profile": described.digest, "table": chain.spec.table.plain(), "rows": rows}
    return chain.once("validation", inputs, make)


def verdict(chain: Chain) -> Note:
    """Hold the evidence against the policy. Cheap, so never reused."""
    chain.require_fresh()
    require_sound(chain.policy)
    card = Scorecard.model_validate(chain.store.need("scorecard").facts["scorecard"])
    said = judge(chain.policy, card, _suite(chain), _facts(chain), datetime.now(UTC).date())
    chain.made.add("verdict")
    return chain.store.write(
        Note(
            step="verdict",
            digest=sha256_json(said.plain()),
            inputs={"scorecard": card.digest, "policy": chain.policy.digest},
            facts={"verdict": said.plain()},
        )
    )


def record(chain: Chain) -> Note:
    """Write the candidate's folder with all its evidence, and log it to MLflow."""
    from lineage.candidate import build_candidate
    from lineage.mlflow_log import log_candidate
    from quality.report import render

    chain.require_fresh()
    facts = {s: chain.store.need(s) for s in STEPS[:8]}
    described, card = _profile(facts["profile"]), Scorecard.model_validate(facts["scorecard"].facts["scorecard"])
    said = Verdict.model_validate(facts["verdict"].facts["verdict"])
    suite = _suite(chain)
    origin = _provenance(chain, facts)
    table = chain.store.get_table(facts["synthetic"].digest, private=False)
    chain.progress("report", 0.0)
    reports = render(origin, described, card, suite, said, chain.policy, table)
    key = sha256_json([origin.plain(), said.plain(), chain.policy.digest])
    folder = chain.store.candidate_path(origin.synthetic_digest, key)
    if not _is_candidate(folder):
        discard(folder)  # half removed or damaged: written anew, from the same evidence
    candidate = build_candidate(
        folder,
        synthetic=table,
        provenance=origin,
        profile=described,
        scorecard=card,
        suite=suite,
        verdict=said,
        policy=chain.policy,
        spec=chain.spec.public(),
        report_html=reports.html,
        beside={"report.json": reports.json, "report.md": reports.markdown}
        | {f"evidence/data_docs/{name}": page for name, page in facts["validation"].facts["data_docs"].items()},
    )
    chain.progress("MLflow", 0.5)
    history = facts["model"].facts.get("history", ())
    run = log_candidate(chain.workspace, folder, candidate, origin, card, said, chain.run_id, history)
    chain.made.add("record")
    relative = str(folder.relative_to(chain.workspace.state))
    return chain.store.write(
        Note(
            step="record",
            digest=candidate.digest,
            inputs={"verdict": facts["verdict"].digest},
            facts={"folder": relative, "mlflow_run": run, "evidence": candidate.evidence_digest},
        )
    )


def candidate(chain: Chain) -> Note:
    """Enter the candidate in the ledger, where it waits for people."""
    from lineage.candidate import read_candidate
    from lineage.environment import RunFacts
    from lineage.release import record_candidate

    recorded = chain.store.need("record")
    folder: Path = chain.workspace.state / recorded.facts["folder"]
    measured = datetime.fromisoformat(chain.store.need("scorecard").facts["measured_at"])
    found = read_candidate(folder).candidate
    keep_sketch(chain)
    facts = RunFacts.collect(
        chain.workspace.root, dagster_run=chain.run_id, mlflow_run=recorded.facts.get("mlflow_run")
    )
    book = ledger(chain.workspace)
    entry = record_candidate(chain.workspace, book, found, folder, measured_at=measured, run=facts.plain())
    chain.made.add("candidate")
    return chain.store.write(
        Note(
            step="candidate",
            digest=recorded.digest,
            inputs={"record": recorded.digest},
            facts={"entry": entry.seq, "folder": recorded.facts["folder"]},
        )
    )


def _profile(note: Note) -> Profile:
    return Profile.model_validate(note.facts["profile"])


def _suite(chain: Chain) -> SuiteResult | None:
    note = chain.store.note("validation")
    return SuiteResult.model_validate(note.facts["suite"]) if note else None


def _facts(chain: Chain) -> Facts:
    made = chain.store.need("model").facts["card"]
    return Facts(
        licence=made["licence"],
        generator=made["generator"],
        generations=chain.store.need("source").facts["generations"],
        residency=chain.spec.source.residency,
        purpose=chain.spec.purpose,
        real_share=chain.store.need("source").facts["real_share"],
    )


def _is_candidate(folder: Path) -> bool:
    from lineage.candidate import read_candidate

    try:
        read_candidate(folder)
    except ProofsetError:
        return False
    return True


def _provenance(chain: Chain, notes: dict[str, Note]) -> Provenance:
    parts, fitted, made = notes["split"], notes["model"], notes["synthetic"]
    return Provenance.model_validate(
        {
            "dataset": chain.spec.dataset,
            "purpose": chain.spec.purpose,
            "owner": chain.spec.owner,
            "requested_by": chain.requester,
            "spec_digest": sha256_json(chain.spec.public().plain()),
            "source_digest": notes["source"].digest,
            "source_rows": notes["source"].facts["rows"],
            "profile_digest": notes["profile"].digest,
            "train_digest": parts.facts["train"],
            "train_rows": parts.facts["train_rows"],
            "holdout_digest": parts.facts["holdout"],
            "holdout_rows": parts.facts["holdout_rows"],
            "generator": fitted.facts["card"],
            "options": fitted.facts["options"],
            "fitted_digest": fitted.digest,
            "synthetic_digest": made.digest,
            "synthetic_rows": made.facts["rows"],
            "table": chain.spec.table_name,
            "seed": chain.spec.seed,
            **{name: notes["source"].facts[name] for name in ("generations", "parents", "real_share")},
            "versions": versions(),
        }
    )


FUNCTIONS: dict[str, Callable[[Chain], Note]] = {
    "source": source, "profile": profile, "split": split, "model": model, "synthetic": synthetic,
    "scorecard": scorecard, "validation": validation, "verdict": verdict, "record": record, "candidate": candidate,
}  # fmt: skip
