"""A first look: any table in, a synthetic one out, and a short scorecard, within seconds.

No workspace, no orchestrator, no tracking, no ledger: what it writes is marked ungoverned (see `proofset.marks`) and
can never become a release. Large tables are learned from and measured on random rows, and the result says so.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from orchestration.dividing import divide
from orchestration.guessing import guess_table, guess_target
from proofset.errors import UnknownNameError, WorkspaceError
from proofset.evidence import ColumnProfile, ModelCard, Profile, Scorecard
from proofset.marks import check_target, write_ungoverned
from proofset.progress import Progress, part, silent
from proofset.seeds import stream
from proofset.source import MIN_ROWS
from proofset.spec import GeneratorSpec, SemanticType, SplitSpec, TableSpec, Treatment

MAX_CELLS = 5_000_000
"""Rows × columns a look learns from; of a larger table it takes rows at random."""
MEASURED_CELLS = 5_000_000
"""Rows × columns of the synthetic table that are kept to be measured."""

_NAMES_PEOPLE = {
    SemanticType.ID: "tells rows apart",
    SemanticType.TEXT: "free text, or mostly values few rows share",
    SemanticType.EMAIL: "e-mail addresses",
    SemanticType.PHONE: "phone numbers",
    SemanticType.PERSON_NAME: "names of people",
    SemanticType.ADDRESS: "addresses",
    SemanticType.URL: "web addresses",
    SemanticType.IP_ADDRESS: "IP addresses",
}


@dataclass(frozen=True)
class Fate:
    """What became of a column. treatment: model, fake or drop.  why: for the last two."""

    name: str
    semantic: str
    treatment: str
    why: str = ""


@dataclass
class Clock:
    """Seconds by what they were spent on."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Add the block's time to `name`."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start


@dataclass(frozen=True)
class FirstLook:
    """What a look found.

    rows: of the file.  used: rows taken of it.  train_rows, holdout_rows: the two parts of those.
    out, out_rows: the file that was written.  guessed_target: whether nobody named the target.
    """

    file: Path
    rows: int
    used: int
    train_rows: int
    holdout_rows: int
    columns: tuple[Fate, ...]
    card: ModelCard
    options: dict[str, Any]
    target: str | None
    guessed_target: bool
    seed: int
    out: Path
    out_rows: int
    scorecard: Scorecard
    seconds: dict[str, float]

    def plain(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "file": str(self.file),
            "rows": self.rows,
            "rows_used": self.used,
            "train_rows": self.train_rows,
            "holdout_rows": self.holdout_rows,
            "columns": [vars(c) for c in self.columns],
            "generator": self.card.generator,
            "licence": self.card.licence,
            "options": self.options,
            "target": self.target,
            "target_guessed": self.guessed_target,
            "seed": self.seed,
            "out": str(self.out),
            "out_rows": self.out_rows,
            "status": "ungoverned",
            "scorecard": self.scorecard.plain(),
            "seconds": {name: round(took, 2) for name, took in self.seconds.items()},
        }


def first_look(
    file: Path,
    *,
    generator: str = "trees",
    privacy: str | None = None,
    rows: int | None = None,
    seed: int = 0,
    out: Path | None = None,
    target: str | None = None,
    encoding: str = "utf-8",
    force: bool = False,
    progress: Progress = silent,
) -> FirstLook:
    """Read a table, make a synthetic one, write it marked, and measure it.

    Parameters
    ----------
    privacy: the generator's option of that name; None for its default.
    rows: of the synthetic table; None for as many as the file has.
    out: where it goes; None for STEM.synthetic.parquet in the current folder.

    Raises what reading (SourceError), fitting (GeneratorError) and writing (WorkspaceError) raise; nothing is left
    half written.
    """
    import generators
    from quality.profile import profile_table
    from quality.quick import UNBOUND, quick_score

    clock = Clock()
    out = out or Path(f"{file.stem}.synthetic.parquet")
    check_target(out, force=force)
    if out.exists() and file.exists() and out.samefile(file):
        raise WorkspaceError(f"{out.name} is the table itself.", fix="Name another file with --out.")
    maker = generators.create(GeneratorSpec(name=generator, options=_options(generator, privacy)))
    with clock.timed("read"):
        progress("reading", 0.0)
        guessed = guess_table(file, encoding, target)
        table = _few(guessed.table, max(MAX_CELLS // guessed.table.num_columns, MIN_ROWS), seed, "source")
        progress("looking at the columns", 0.05)
        profile = profile_table(table, "table", guessed.spec, UNBOUND)
        chosen = target or guess_target(profile)
        spec = guessed.spec.model_copy(update={"target": chosen})
        train, holdout = divide(table, SplitSpec().holdout, seed)
    with clock.timed("learn"):
        fitted = maker.fit(train, spec, profile, seed, part(progress, 0.15, 0.5))
    many = rows if rows is not None else guessed.table.num_rows
    with clock.timed("write"):
        kept: list[pa.RecordBatch] = []
        most = max(1, MEASURED_CELLS // len(fitted.schema))
        batches = _keeping(fitted.stream(many, seed, part(progress, 0.5, 0.6)), kept, many, most, seed)
        written = write_ungoverned(out, fitted.schema, batches, maker.card.generator, force=force)
    made = pa.Table.from_batches(kept, fitted.schema).unify_dictionaries()
    with clock.timed("measure"):
        card = quick_score(
            train, holdout, made, profile=profile, target=chosen, seed=seed, progress=part(progress, 0.6, 1.0)
        )
    return FirstLook(
        file=file,
        rows=guessed.table.num_rows,
        used=table.num_rows,
        train_rows=train.num_rows,
        holdout_rows=holdout.num_rows,
        columns=_fates(profile, guessed.spec, guessed.dropped),
        card=maker.card,
        options=fitted.options,
        target=chosen,
        guessed_target=target is None and chosen is not None,
        seed=seed,
        out=out,
        out_rows=written,
        scorecard=card,
        seconds=clock.seconds,
    )


def _options(generator: str, privacy: str | None) -> dict[str, Any]:
    """The options to ask for. Raises UnknownNameError where the generator has no `privacy`."""
    import generators

    if privacy is None:
        return {}
    if "privacy" not in generators.REGISTRY[generator].Options.model_fields:
        raise UnknownNameError(
            f"The generator '{generator}' has no option 'privacy'.",
            fix="Leave --privacy out, or take another generator: trees has it.",
        )
    return {"privacy": privacy}


def _few(table: pa.Table, most: int, seed: int, name: str) -> pa.Table:
    """At most so many rows, drawn at random, in their order."""
    if table.num_rows <= most:
        return table
    return table.take(np.sort(stream(seed, "try", name).choice(table.num_rows, most, replace=False)))


def _keeping(
    batches: Iterator[pa.RecordBatch], kept: list[pa.RecordBatch], rows: int, most: int, seed: int
) -> Iterator[pa.RecordBatch]:
    """Hand the batches on and keep at most so many of their rows, drawn at random, in `kept`."""
    chosen = None if rows <= most else np.sort(stream(seed, "try", "kept").choice(rows, most, replace=False))
    first = 0
    for batch in batches:
        if chosen is None:
            kept.append(batch)
        else:
            low, high = np.searchsorted(chosen, [first, first + batch.num_rows])
            kept.append(batch.take(pa.array(chosen[low:high] - first)))
        first += batch.num_rows
        yield batch


def _fates(profile: Profile, spec: TableSpec, dropped: dict[str, str]) -> tuple[Fate, ...]:
    fates = [Fate(c.name, c.semantic.value, c.treatment.value, _why(c, spec)) for c in profile.columns]
    fates += [Fate(name, "unknown", Treatment.DROP.value, why) for name, why in dropped.items()]
    return tuple(fates)


def _why(column: ColumnProfile, spec: TableSpec) -> str:
    if column.treatment is Treatment.MODEL:
        return "mixed types, taken as a category" if column.name in spec.columns else ""
    return _NAMES_PEOPLE.get(column.semantic, column.semantic.value.replace("_", " "))
