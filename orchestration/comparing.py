"""Comparing: several generators on one split of one table, through the same scorecard.

It makes no candidate and writes nothing into the ledger: tables are measured and thrown away, and what is kept, in the
private folder, are measures, a picture and a page. Of a dataset, the chain's own source, profile, split and policy are
used; a file is read as for a first look.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import yaml

from proofset.errors import ProofsetError, SpecError
from proofset.evidence import Profile, SuiteResult
from proofset.policy import Policy
from proofset.policy_judge import Facts, judge
from proofset.progress import Progress, part, silent
from proofset.spec import GeneratorSpec, SplitSpec, TableSpec

if TYPE_CHECKING:
    from proofset.workspace import Workspace
    from quality.frontier import Entry

_WARM_ROWS = 300


@dataclass(frozen=True)
class Ground:
    """What the generators are compared on.

    digests: of train and holdout.  policy, facts: None for a file, whose table nobody governs; the facts are of the
    dataset's own generator.  rows: to draw; None for as many as were learned from.
    """

    name: str
    train: pa.Table
    holdout: pa.Table
    profile: Profile
    spec: TableSpec
    digests: tuple[str, str]
    seed: int
    policy: Policy | None = None
    facts: Facts | None = None
    rows: int | None = None


@dataclass(frozen=True)
class Comparison:
    """What was found. entries: in the order they were asked for."""

    ground: Ground
    seeds: int
    entries: tuple[Entry, ...]

    def plain(self) -> dict[str, Any]:
        """JSON-ready: measures, seconds and verdicts, no row of any table."""
        from quality.frontier import frontier

        on = frontier(self.entries)
        return {
            "about": self.ground.name,
            "train_rows": self.ground.train.num_rows,
            "holdout_rows": self.ground.holdout.num_rows,
            "train_digest": self.ground.digests[0],
            "holdout_digest": self.ground.digests[1],
            "target": self.ground.spec.target,
            "seed": self.ground.seed,
            "seeds": self.seeds,
            "policy": self.ground.policy.policy if self.ground.policy else None,
            "entries": [
                {
                    "generator": e.name,
                    "licence": e.licence,
                    "options": e.options,
                    "fit_seconds": round(e.fit, 3),
                    "sample_seconds": round(e.sample, 3),
                    "frontier": e.name in on,
                    "verdict": e.outcome or None,
                    "verdicts": list(e.outcomes),
                    "reasons": list(e.reasons),
                    "failed": e.failed or None,
                    "measures": [m.plain() for m in e.measures],
                }
                for e in self.entries
            ],
        }


def parse_generators(text: str) -> dict[str, GeneratorSpec]:
    """Read "trees,sdv_gaussian_copula,trees:privacy=high": options follow a colon each. The keys are as written.

    Raises SpecError where it is no such list; UnknownNameError and GeneratorError as making the generators does.
    """
    import generators

    found: dict[str, GeneratorSpec] = {}
    for word in (w.strip() for w in text.split(",") if w.strip()):
        name, *settings = word.split(":")
        options = {}
        for setting in settings:
            key, sign, value = setting.partition("=")
            if not (key and sign and value):
                raise SpecError(
                    f"'{word}' is not a generator with options.", fix="Write NAME:option=value, for instance "
                    "trees:privacy=high; more options follow another colon.",
                )  # fmt: skip
            try:
                options[key.strip()] = yaml.safe_load(value)
            except yaml.YAMLError:
                options[key.strip()] = value
        if word in found:
            raise SpecError(f"'{word}' is named twice.", fix="Name it once; --seeds repeats every one.")
        found[word] = GeneratorSpec(name=name.strip(), options=options)
        if found[word].name not in generators.REGISTRY or options:
            generators.create(found[word])  # a wrong name or option is told before anything runs
    if not found:
        raise SpecError("No generators are named.", fix="Name some: --generators trees,sdv_gaussian_copula")
    return found


def ground_of_dataset(workspace: Workspace, dataset: str, progress: Progress = silent) -> Ground:
    """The dataset's own split, profile and policy; made where they are missing or stale. Raises like a run would."""
    from orchestration.chain import Chain

    chain = Chain.open(workspace, dataset, progress=progress)
    for done, step in enumerate(("source", "profile", "split")):
        progress(f"{step} of {dataset}", done / 3)
        chain.run(step)
    parts = chain.store.need("split").facts
    return Ground(
        name=dataset,
        train=chain.store.get_table(parts["train"], private=True),
        holdout=chain.store.get_table(parts["holdout"], private=True),
        profile=Profile.model_validate(chain.store.need("profile").facts["profile"]),
        spec=chain.spec.table,
        digests=(parts["train"], parts["holdout"]),
        seed=chain.spec.seed,
        policy=chain.policy,
        facts=Facts(
            licence="",
            generator=chain.spec.generator.name,
            generations=chain.store.need("source").facts["generations"],
            residency=chain.spec.source.residency,
            purpose=chain.spec.purpose,
            real_share=chain.store.need("source").facts["real_share"],
        ),
        rows=chain.spec.generator.rows,
    )


def ground_of_file(file: Path, *, seed: int = 0, target: str | None = None, encoding: str = "utf-8") -> Ground:
    """A file's rows, divided and profiled as for a first look. Raises SourceError, SpecError."""
    from orchestration.dividing import divide
    from orchestration.guessing import guess_table, guess_target
    from proofset.digest import table_digest
    from quality.profile import profile_table

    guessed = guess_table(file, encoding, target)
    profile = profile_table(guessed.table, "table", guessed.spec, table_digest(guessed.table))
    spec = guessed.spec.model_copy(update={"target": target or guess_target(profile)})
    train, holdout = divide(guessed.table, SplitSpec().holdout, seed)
    return Ground(file.name, train, holdout, profile, spec, (table_digest(train), table_digest(holdout)), seed)


def compare(ground: Ground, asked: dict[str, GeneratorSpec], seeds: int = 1, progress: Progress = silent) -> Comparison:
    """Run every generator with seeds seed, seed + 1, ... A generator that fails is told as failed; the others go on."""
    entries = []
    for done, (name, spec) in enumerate(asked.items()):
        span = part(progress, done / len(asked), (done + 1) / len(asked))
        entries.append(_entry(ground, name, spec, seeds, _named(span, name)))
    return Comparison(ground, seeds, tuple(entries))


def _named(progress: Progress, name: str) -> Progress:
    return lambda message, share: progress(f"{name}: {message}", share)


def _entry(ground: Ground, name: str, spec: GeneratorSpec, seeds: int, progress: Progress) -> Entry:
    import generators
    from quality.frontier import Entry, combined

    kind = generators.REGISTRY[spec.name]
    runs: list[_Run] = []
    try:
        _warm(ground, spec)
        for number in range(seeds):
            span = part(progress, number / seeds, (number + 1) / seeds)
            runs.append(_run(ground, spec, ground.seed + number, span))
    except ProofsetError as error:
        return Entry(name, kind.card.title, kind.card.licence, failed=" ".join(filter(None, (error.what, error.fix))))
    measures = [combined([run.measures[m] for run in runs]) for m in runs[0].measures]
    return Entry(
        name=name,
        title=kind.card.title,
        licence=kind.card.licence,
        measures=tuple(measures),
        fit=statistics.median(run.fit for run in runs),
        sample=statistics.median(run.sample for run in runs),
        outcomes=tuple(run.outcome for run in runs if run.outcome),
        reasons=tuple(dict.fromkeys(reason for run in runs for reason in run.reasons)),
        options=runs[0].options,
    )


def _warm(ground: Ground, spec: GeneratorSpec) -> None:
    """Load and compile what a generator needs, so that the first one pays no more than the others.

    A neural one only loads: its training takes long enough for that not to matter.
    """
    import generators

    generator = generators.create(spec)
    if "epochs" not in type(generator).Options.model_fields:
        few = ground.train.slice(0, _WARM_ROWS)
        generator.fit(few, ground.spec, ground.profile, ground.seed).sample(1, ground.seed)


@dataclass(frozen=True)
class _Run:
    """One generator with one seed."""

    measures: dict[str, Any]
    fit: float
    sample: float
    options: dict[str, Any]
    outcome: str = ""
    reasons: tuple[str, ...] = ()


def _run(ground: Ground, spec: GeneratorSpec, seed: int, progress: Progress) -> _Run:
    import generators
    from quality.scoring import score

    generator = generators.create(spec)
    start = time.perf_counter()
    fitted = generator.fit(ground.train, ground.spec, ground.profile, seed, part(progress, 0.0, 0.6))
    middle = time.perf_counter()
    made = fitted.sample(ground.rows or ground.train.num_rows, seed, part(progress, 0.6, 0.7))
    end = time.perf_counter()
    card = score(
        ground.train,
        ground.holdout,
        made.table,
        profile=ground.profile,
        table=ground.spec,
        seed=ground.seed,  # the same rows are asked about, whatever made the table
        digests=(*ground.digests, made.digest),
        progress=part(progress, 0.7, 1.0),
    )
    measures = {m.name: m for m in card.measures}
    run = _Run(measures, middle - start, end - middle, fitted.options)
    if ground.policy is None or ground.facts is None:
        return run
    facts = ground.facts.model_copy(update={"licence": generator.card.licence, "generator": generator.card.generator})
    suite = _suite(ground, made.table, made.digest)
    verdict = judge(ground.policy, card, suite, facts, datetime.now(UTC).date())
    reasons = tuple(
        f"{f.measure or f.check.replace('_', ' ')} {f.threshold}: {f.outcome.value}, {f.reason}"
        for f in verdict.blocking
    )
    return _Run(measures, run.fit, run.sample, run.options, verdict.outcome.value, reasons)


def _suite(ground: Ground, table: pa.Table, digest: str) -> SuiteResult | None:
    if ground.policy is None or not ground.policy.suite:
        return None
    from quality.gx_suite import run_suite

    return run_suite(table, digest, ground.profile, ground.spec)
