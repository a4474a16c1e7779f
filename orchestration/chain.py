"""The chain: source, profile, split, model, synthetic, scorecard, validation, verdict, record, candidate.

Each step is a function `(Chain) -> Note`. It reads what the steps before it made, by digest, and does its work only
when its inputs changed. Dagster's assets call these functions; they know nothing of Dagster.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

import proofset
from orchestration.store import Note, Store
from proofset.digest import sha256_file, sha256_json
from proofset.errors import ProofsetError, SpecError, scrubbed
from proofset.evidence import Profile, Provenance, Scorecard, SuiteResult, Verdict
from proofset.files import whole_folder
from proofset.policy import Policy, judge
from proofset.progress import Progress, silent
from proofset.seeds import stream
from proofset.source import read_source
from proofset.spec import DatasetSpec
from proofset.workspace import Workspace

STEPS = (
    "source", "profile", "split", "model", "synthetic", "scorecard", "validation", "verdict", "record", "candidate",
)  # fmt: skip


@dataclass
class Chain:
    """One dataset on its way: its spec, its policy and its store."""

    workspace: Workspace
    spec: DatasetSpec
    policy: Policy
    force: bool = False
    requested_by: str = ""
    progress: Progress = silent
    run_id: str | None = None
    made: set[str] = field(default_factory=set)
    """Steps that did their work in this run, rather than reuse it."""

    @classmethod
    def open(cls, workspace: Workspace, dataset: str, **options: Any) -> Chain:
        """Read the dataset's spec and policy. Raises SpecError."""
        spec = workspace.dataset(dataset)
        return cls(workspace, spec, workspace.policy_for(spec), **options)

    @property
    def store(self) -> Store:
        """The dataset's store."""
        return Store(self.workspace, self.spec.dataset)

    @property
    def requester(self) -> str:
        """Who asks for the candidate, and so may not approve it."""
        return self.requested_by or self.spec.owner

    def run(self, step: str) -> Note:
        """Run one step. A third party's error leaves without its message, which may quote data."""
        try:
            with self.workspace.lock(f"dataset-{self.spec.dataset}"):
                return FUNCTIONS[step](self)
        except ProofsetError:
            raise
        except Exception as error:  # noqa: BLE001 - the edge of the room
            raise scrubbed(error, f"Step '{step}' of dataset '{self.spec.dataset}'") from None

    def once(
        self, step: str, inputs: dict[str, Any], make: Callable[[], Note], intact: Callable[[Note], bool] | None = None
    ) -> Note:
        """Reuse what the step made from these inputs, or make it and write it down."""
        inputs = {**inputs, "version": proofset.__version__}
        if not self.force:
            note = self.store.reusable(step, inputs, intact or (lambda _: True))
            if note is not None:
                return note
        note = make()
        self.made.add(step)
        return self.store.write(Note(step=step, digest=note.digest, inputs=inputs, facts=note.facts))


def _note(step: str, digest: str, **facts: Any) -> Note:
    return Note(step=step, digest=digest, inputs={}, facts=facts)


def _columns(table: pa.Table) -> list[dict[str, str]]:
    return [{"name": f.name, "type": str(f.type)} for f in table.schema]


def source(chain: Chain) -> Note:
    """Take a private copy of the source as it is now."""
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
        return _note("source", digest, rows=table.num_rows, columns=_columns(table), file=sha256_file(path))

    inputs = {"file": sha256_file(path) if path.is_file() else None, "table": table_spec.plain()}
    return chain.once("source", inputs, make, lambda n: chain.store.table_path(n.digest, private=True).exists())


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
        order = stream(chain.spec.seed, "split").permutation(table.num_rows)
        held = min(max(round(table.num_rows * chain.spec.split.holdout), 1), table.num_rows - 1)
        parts = {"holdout": np.sort(order[:held]), "train": np.sort(order[held:])}
        digests = {name: chain.store.put_table(table.take(rows), private=True) for name, rows in parts.items()}
        rows = {f"{name}_rows": len(rows) for name, rows in parts.items()}
        return _note("split", sha256_json(digests), **digests, **rows)

    def intact(note: Note) -> bool:
        return all(chain.store.table_path(note.facts[p], private=True).exists() for p in ("train", "holdout"))

    inputs = {"source": taken.digest, "split": chain.spec.split.plain(), "seed": chain.spec.seed}
    return chain.once("split", inputs, make, intact)


def model(chain: Chain) -> Note:
    """Fit the generator to the train part; the model stays private."""
    import generators

    generator = generators.create(chain.spec.generator)
    parts, described = chain.store.need("split"), chain.store.need("profile")

    def make() -> Note:
        train = chain.store.get_table(parts.facts["train"], private=True)
        fitted = generator.fit(train, chain.spec.table, _profile(described), chain.spec.seed, chain.progress)
        target = chain.store.model_path(fitted.digest)
        if target.exists():
            shutil.rmtree(target)  # force: the same digest, written anew
        with whole_folder(target) as folder:
            fitted.save(folder)
        target.chmod(0o700)
        return _note("model", fitted.digest, card=fitted.card.plain(), options=fitted.options)

    inputs = {
        "train": parts.facts["train"],
        "profile": described.digest,
        "table": chain.spec.table.plain(),
        "generator": chain.spec.generator.name,
        "options": generator.options.plain(),
        "seed": chain.spec.seed,
    }
    return chain.once("model", inputs, make, lambda n: chain.store.model_path(n.digest).exists())


def synthetic(chain: Chain) -> Note:
    """Sample the synthetic table."""
    import generators

    parts, fitted = chain.store.need("split"), chain.store.need("model")
    rows = chain.spec.generator.rows or int(parts.facts["train_rows"])

    def make() -> Note:
        loaded = generators.load_fitted(chain.store.model_path(fitted.digest), expected=fitted.digest)
        made = loaded.sample(rows, chain.spec.seed, chain.progress)
        digest = chain.store.put_table(made.table, private=False)
        return _note("synthetic", digest, rows=made.table.num_rows, columns=_columns(made.table))

    inputs = {"model": fitted.digest, "rows": rows, "seed": chain.spec.seed}
    return chain.once("synthetic", inputs, make, lambda n: chain.store.table_path(n.digest, private=False).exists())


def scorecard(chain: Chain) -> Note:
    """Measure the synthetic table against train and holdout."""
    from quality.scoring import score

    parts, described, made = (chain.store.need(s) for s in ("split", "profile", "synthetic"))
    digests = (parts.facts["train"], parts.facts["holdout"], made.digest)

    def make() -> Note:
        train, holdout = (chain.store.get_table(d, private=True) for d in digests[:2])
        card = score(
            train,
            holdout,
            chain.store.get_table(made.digest, private=False),
            profile=_profile(described),
            target=chain.spec.table.target,
            seed=chain.spec.seed,
            digests=digests,
            progress=chain.progress,
        )
        return _note("scorecard", card.digest, scorecard=card.plain())

    inputs = {
        "digests": list(digests),
        "profile": described.digest,
        "target": chain.spec.table.target,
        "seed": chain.spec.seed,
    }
    return chain.once("scorecard", inputs, make)


def validation(chain: Chain) -> Note:
    """Run the validation suite, built from profile and spec, on the synthetic table."""
    from quality.gx_suite import run_suite

    described, made = chain.store.need("profile"), chain.store.need("synthetic")

    def make() -> Note:
        table = chain.store.get_table(made.digest, private=False)
        result = run_suite(table, made.digest, _profile(described), chain.spec.table)
        return _note("validation", sha256_json(result.plain()), suite=result.plain())

    inputs = {"synthetic": made.digest, "profile": described.digest, "table": chain.spec.table.plain()}
    return chain.once("validation", inputs, make)


def verdict(chain: Chain) -> Note:
    """Hold the evidence against the policy. Cheap, so never reused."""
    card = Scorecard.model_validate(chain.store.need("scorecard").facts["scorecard"])
    licence = chain.store.need("model").facts["card"]["licence"]
    said = judge(chain.policy, card, _suite(chain), licence)
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

    facts = {s: chain.store.need(s) for s in STEPS[:8]}
    described, card = _profile(facts["profile"]), Scorecard.model_validate(facts["scorecard"].facts["scorecard"])
    said = Verdict.model_validate(facts["verdict"].facts["verdict"])
    suite = _suite(chain)
    origin = _provenance(chain, facts)
    table = chain.store.get_table(facts["synthetic"].digest, private=False)
    chain.progress("report", 0.0)
    page = render(origin, described, card, suite, said, chain.policy, table)
    key = sha256_json([origin.plain(), said.plain(), chain.policy.digest])
    folder = chain.store.candidate_path(origin.synthetic_digest, key)
    if chain.force and folder.exists():
        shutil.rmtree(folder)
    candidate = build_candidate(
        folder,
        synthetic=table,
        provenance=origin,
        profile=described,
        scorecard=card,
        suite=suite,
        verdict=said,
        policy=chain.policy,
        spec=_public_spec(chain.spec),
        report_html=page,
    )
    chain.progress("MLflow", 0.5)
    run = log_candidate(chain.workspace, folder, candidate, origin, card, said, chain.run_id)
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
    from lineage.release import record_candidate

    recorded = chain.store.need("record")
    folder: Path = chain.workspace.state / recorded.facts["folder"]
    entry = record_candidate(chain.workspace, ledger(chain.workspace), read_candidate(folder).candidate, folder)
    chain.made.add("candidate")
    return chain.store.write(
        Note(
            step="candidate",
            digest=recorded.digest,
            inputs={"record": recorded.digest},
            facts={"entry": entry.seq, "folder": recorded.facts["folder"]},
        )
    )


def ledger(workspace: Workspace) -> Any:
    """Open the workspace's ledger."""
    from lineage.ledger import Ledger

    return Ledger(workspace.ledger_path, workspace.private / "ledger.head")


def _profile(note: Note) -> Profile:
    return Profile.model_validate(note.facts["profile"])


def _suite(chain: Chain) -> SuiteResult | None:
    note = chain.store.note("validation")
    return SuiteResult.model_validate(note.facts["suite"]) if note else None


def _public_spec(spec: DatasetSpec) -> DatasetSpec:
    """The spec as a release shows it: where a source lies on its owner's machine is nobody else's business."""
    table = spec.table.model_copy(update={"path": spec.table.path and Path(spec.table.path).name})
    return spec.model_copy(update={"tables": {spec.table_name: table}})


def _provenance(chain: Chain, notes: dict[str, Note]) -> Provenance:
    parts, fitted, made = notes["split"], notes["model"], notes["synthetic"]
    return Provenance.model_validate(
        {
            "dataset": chain.spec.dataset,
            "purpose": chain.spec.purpose,
            "owner": chain.spec.owner,
            "requested_by": chain.requester,
            "spec_digest": sha256_json(_public_spec(chain.spec).plain()),
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
            "versions": _versions(),
        }
    )


def _versions() -> dict[str, str]:
    found = {"proofset": proofset.__version__}
    for package in ("numpy", "pandas", "pyarrow", "scikit-learn", "sdmetrics", "great-expectations"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


FUNCTIONS: dict[str, Callable[[Chain], Note]] = {
    "source": source, "profile": profile, "split": split, "model": model, "synthetic": synthetic,
    "scorecard": scorecard, "validation": validation, "verdict": verdict, "record": record, "candidate": candidate,
}  # fmt: skip
