"""A quick scorecard for a first look: the same families of measures, on samples small enough for a few seconds.

What is left out are SDMetrics' own reports, whose library takes longer to load than everything here to compute.
Every measure states the rows it rests on. The samples have random streams of their own, so that the same tables and
seed give the same scorecard. It is about samples, so it is bound to no digest and can support no verdict.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from proofset import __version__
from proofset.codes import PARTS, Part, modelled
from proofset.evidence import Measure, Profile, Scorecard
from proofset.progress import Progress, silent
from proofset.seeds import stream
from proofset.spec import TableSpec
from quality import REGISTRY
from quality.base import Context

UNBOUND = "ungoverned"
"""Stands where a scorecard that counts as evidence has digests."""
MAX_COLUMNS = 80
"""Modelled columns that are measured; of a wider table so many are drawn, but for copies, which look at all."""
_CELLS = 5_000_000
_PAIRED = 20_000_000
_LEAST = 2_000
"""Rows are at most _CELLS / columns for copies and _PAIRED / columns² for pairs, but never fewer than _LEAST."""
_LEARNED: dict[Part, int] = {"train": 20_000, "holdout": 8_000, "synthetic": 20_000}
"""Rows the learners and the membership attack are given."""


def quick_score(
    train: pa.Table,
    holdout: pa.Table,
    synthetic: pa.Table,
    *,
    profile: Profile,
    target: str | None,
    seed: int,
    progress: Progress = silent,
) -> Scorecard:
    """Measure `synthetic` against the rows it was made from and rows nobody has seen, in seconds at any size.

    target: the column whose prediction measures utility, or None. Other arguments as for `quality.scoring.score`.
    A family that fails yields measures with status "error".
    """
    tables: dict[Part, pa.Table] = {"train": train, "holdout": holdout, "synthetic": synthetic}
    names = [c.name for c in modelled(profile, train)]
    chosen = _columns(names, target, seed)
    pairs = max(_LEAST, _PAIRED // max(len(chosen), 1) ** 2)
    cells = max(_LEAST, _CELLS // max(len(names), 1))
    plan: tuple[tuple[tuple[str, ...], list[str], dict[Part, int]], ...] = (
        (("fidelity",), chosen, dict.fromkeys(PARTS, pairs)),
        (("detection", "coverage", "utility", "membership"), chosen, _LEARNED),
        (("copies",), names, dict.fromkeys(PARTS, cells)),
    )
    total = sum(len(families) for families, _, _ in plan)
    measures: list[Measure] = []
    done = 0
    for families, columns, most in plan:
        few = {
            part: _rows(
                table.select([i for i, c in enumerate(table.column_names) if c in columns]), most[part], seed, part
            )
            for part, table in tables.items()
        }
        context = Context(few["train"], few["holdout"], few["synthetic"], profile, TableSpec(target=target), seed)
        for name in families:
            progress(f"measuring {name}", done / total)
            observed = REGISTRY[name].observe(context)
            measures.extend(observed.measures)
            done += 1
    progress("measured", 1.0)
    return Scorecard(
        synthetic_digest=UNBOUND,
        train_digest=UNBOUND,
        holdout_digest=UNBOUND,
        measures=tuple(sorted(measures, key=lambda m: m.name)),
        versions={"proofset": __version__},
    )


def _columns(names: list[str], target: str | None, seed: int) -> list[str]:
    """At most MAX_COLUMNS of the columns, among them the target, in their order."""
    if len(names) <= MAX_COLUMNS:
        return names
    drawn = stream(seed, "quality", "quick", "columns").permutation(len(names))
    chosen = {names[i] for i in drawn[: MAX_COLUMNS - 1]} | ({target} if target in names else {names[drawn[-1]]})
    return [n for n in names if n in chosen]


def _rows(table: pa.Table, most: int, seed: int, part: Part) -> pa.Table:
    """At most so many rows, drawn at random, in their order."""
    if table.num_rows <= most:
        return table
    drawn = stream(seed, "quality", "quick", part).choice(table.num_rows, most, replace=False)
    return table.take(np.sort(drawn))
