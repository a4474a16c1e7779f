"""Scores of one synthetic table against the training and the test rows: the definitions in docs/benchmarks.md.

The measures are the scorecard's own (`quality/`), on more rows where that narrows an interval.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from benchmarks.tables import Split
from proofset.codes import Encoded, Part
from proofset.digest import table_digest
from quality import copies, detection, utility
from quality.base import Context
from quality.fidelity import comparisons
from quality.membership import found_at
from quality.neighbours import Boxes, how_near, space
from quality.profile import profile_table
from quality.stats import auc

PAIRS = 3_200_000_000
"""Distances that the membership attack may take: about 8,000 rows of each side against 200,000 synthetic ones."""
FALSE_POSITIVES = 0.01
TSTR = ("utility.tstr_auc", "utility.tstr_r2")
"""By the kind of target, one of the two has a value."""
SIDES: tuple[tuple[str, Part], ...] = (("", "synthetic"), ("_floor", "holdout"))


def context_of(split: Split, made: pa.Table, seed: int) -> Context:
    """Train, test (in the holdout's place) and synthetic rows, coded once."""
    profile = profile_table(split.train, split.table.name, split.table.spec, table_digest(split.train))
    return Context(split.train, split.test, made, profile, split.table.spec, seed)


def score(split: Split, made: pa.Table, seed: int) -> dict[str, float]:
    """Every figure of one synthetic table; `*_floor` is the same figure of the test rows in the table's place.

    shape_error, pair_error, every_pair_error: 1 − SDMetrics' scores, 0 is perfect (`quality.fidelity`).
    c2st: AUC of telling synthetic from test rows, 0.5 is perfect.  tstr, trtr: AUC on the test rows, 1 is perfect.
    mia: AUC of telling training from test rows by nearness; mia_tpr: members found at 1 % false alarms.
    copies: share of rows equal to a training row; copies_wide: without the near-unique columns.
    duplicates: share of rows that repeat an earlier one, among as many rows as there are test rows.
    """
    context = context_of(split, made, seed)
    found = comparisons(context)
    figures: dict[str, float] = {}
    for name in ("shape_error", "pair_error", "every_pair_error"):
        for suffix, part in SIDES:
            draws = found[part].found[f"fidelity.{name}"].draws
            if draws is not None:
                figures[name + suffix] = float(draws[0])
    columns = context.encoded.columns
    figures["c2st"] = detection.told_apart(columns, "synthetic", context.rng("detection", "synthetic")).value
    for measure in utility.FAMILY.observe(context).measures:
        if measure.name in TSTR and measure.value is not None and measure.reference is not None:
            figures |= {"tstr": measure.value, "trtr": measure.reference}
    return figures | membership(context) | repeated(context.encoded, split.table.unique)


def membership(context: Context) -> dict[str, float]:
    """The nearness attack on as many rows as PAIRS allows."""
    encoded = context.encoded
    rng = context.rng("benchmark", "membership")
    size = min(encoded.rows["holdout"], encoded.rows["train"], PAIRS // (2 * encoded.rows["synthetic"]))
    sides: tuple[Part, ...] = ("train", "holdout")
    rows = {part: np.sort(rng.choice(encoded.rows[part], size, replace=False)) for part in sides}
    where = space(encoded.columns, "rank").rows
    published = Boxes.of(where["synthetic"])
    inside, outside = (-how_near(where[part].taken(rows[part]), published) for part in sides)
    found = auc(inside, outside)
    return {
        "mia": found.value,
        "mia_low": found.low,
        "mia_high": found.high,
        "mia_tpr": found_at(inside, outside, FALSE_POSITIVES),
    }


def repeated(encoded: Encoded, unique: Sequence[str]) -> dict[str, float]:
    """Copies of training rows, and repeated rows, with the test rows' own shares beside them."""
    wide = encoded
    for name in unique:
        wide = wide.without(name)
    figures: dict[str, float] = {}
    for label, columns in (("copies", encoded), ("copies_wide", wide)):
        rows = copies.row_numbers(columns)
        for suffix, part in SIDES:
            figures[label + suffix] = float(np.isin(rows[part], rows["train"]).mean())
        if label == "copies":
            size = min(len(rows["synthetic"]), len(rows["holdout"]))
            for suffix, part in SIDES:
                figures["duplicates" + suffix] = duplicates(rows[part][:size])
    return figures


def duplicates(rows: np.ndarray) -> float:
    """Share of row numbers that repeat an earlier one."""
    return 1 - len(np.unique(rows)) / len(rows)


def means(runs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The mean of each figure over runs, and as `*_se` its standard error where there are several."""
    figures = {}
    for name in runs[0]:
        values = [run[name] for run in runs if isinstance(run.get(name), (int, float))]
        if len(values) == len(runs):
            figures[name] = float(np.mean(values))
            if len(runs) > 1:
                figures[f"{name}_se"] = float(np.std(values, ddof=1) / np.sqrt(len(values)))
    return figures
