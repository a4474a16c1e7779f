"""Fidelity: how far columns, pairs and triples of columns are from the training table's, on all rows.

`shape_error` and `pair_error` are what SDMetrics 0.32 reports as Column Shapes and Column Pair Trends, on codes instead
of data frames and without subsampling. Two rules are stricter than SDMetrics, which leaves a score out where it is
undefined: a column or pair that the source defines and the synthetic table does not (all null, or constant) counts as
wholly wrong. The cards are in fidelity_cards.py, the distances in fidelity_columns.py, fidelity_pairs.py and
fidelity_triples.py, their intervals in fidelity_noise.py.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import sqrt

import numpy as np

from proofset.codes import Coded, Column, Part
from proofset.evidence import Measure, Share
from proofset.progress import Progress, silent
from quality import fidelity_cards as cards
from quality import fidelity_columns as single
from quality.base import Context, Family, InconclusiveError, MeasureCard, Observed, UnsupportedError
from quality.fidelity_noise import mean, spread
from quality.fidelity_pairs import pairs
from quality.fidelity_tables import Tables, prepared
from quality.fidelity_triples import triples
from quality.stats import Estimate, Floats, Z

MIN_ROWS = 40
"""Two rows in each random group: with fewer there is no interval."""


@dataclass(frozen=True)
class Found:
    """One distance of one part: the mean, and by column, pair or triple.

    draws: of the mean, None where there is nothing to compare.  parts: by name, with draws or with an estimate.
    """

    parts: dict[str, Floats | Estimate]

    @property
    def draws(self) -> Floats | None:
        """The mean over parts and its draws (see fidelity_noise.py); None of none."""
        return mean([p for p in self.parts.values() if not isinstance(p, Estimate)])

    def estimate(self, n: int) -> Estimate | None:
        """The mean with its interval; None of none."""
        if (draws := self.draws) is not None:
            return spread(draws, n)
        known = [p for p in self.parts.values() if isinstance(p, Estimate)]
        if not known:
            return None
        # Columns' errors are taken for independent: whether a rare category occurs hardly depends on another one.
        error = sqrt(sum((k.high - k.value) ** 2 for k in known)) / len(known)
        value = float(np.mean([k.value for k in known]))
        return Estimate(value, value - error, value + error, n)

    def part(self, name: str, n: int) -> Estimate:
        """One part with its interval."""
        found = self.parts[name]
        return found if isinstance(found, Estimate) else spread(found, n)


@dataclass(frozen=True)
class Comparison:
    """Every distance of one part to the training table, by the name of its measure.

    rows: of the part.  possible: triples of columns there are.
    """

    found: dict[str, Found]
    rows: int
    possible: int = 0

    @property
    def quality(self) -> Floats | None:
        """SDMetrics' overall score and its draws: the mean of its two properties, 1 is perfect."""
        known = [f for f in (self.found[c.name].draws for c in (cards.SHAPE, cards.PAIR)) if f is not None]
        return 1 - np.mean(known, axis=0) if known else None


def compare(
    tables: Tables, rng: np.random.Generator, *, trends_only: bool = False, progress: Progress = silent
) -> dict[Part, Comparison]:
    """Compare every part with the training table. rng: which triples, of many.  trends_only: shapes and pairs alone."""
    found: dict[Part, dict[str, dict[str, Floats | Estimate]]] = {
        p: {c.name: {} for c in cards.CARDS} for p in tables.others
    }

    def take(part: Part, card: MeasureCard, name: str, draws: Floats | Estimate | None) -> None:
        if draws is not None:
            found[part][card.name][name] = draws

    def alone(column: Coded) -> dict[Part, dict[MeasureCard, Floats | Estimate | None]]:
        more = {p: {} if trends_only else _single(tables, column, p) for p in tables.others}
        return {p: {cards.SHAPE: single.shape(tables, column, p), **more[p]} for p in tables.others}

    for column, by_part in zip(tables.columns, tables.each(alone, tables.columns), strict=True):
        for part, by_card in by_part.items():
            for card, draws in by_card.items():
                take(part, card, column.name, draws)
    progress("measuring pairs of columns", 0.2)
    for pair in pairs(tables):
        for part, draws in pair.found.items():
            take(part, cards.EVERY_PAIR, pair.name, draws)
            if pair.related:
                take(part, cards.PAIR, pair.name, draws)
        if not trends_only:
            for part, draws in pair.correlation.items():
                take(part, cards.CORRELATION, pair.name, np.where(np.isnan(draws), 1.0, draws))
    possible = 0
    if not trends_only and len(tables.columns) > 2:
        progress("measuring triples of columns", 0.6)
        three = triples(tables, rng)
        possible = three.possible
        for name, drawn in three.found.items():
            for part, draws in drawn.items():
                take(part, cards.TRIPLE, name, draws)
    return {
        p: Comparison({n: Found(f) for n, f in by_name.items()}, tables.rows[p], possible)
        for p, by_name in found.items()
    }


def _single(tables: Tables, column: Coded, part: Part) -> dict[MeasureCard, Floats | Estimate | None]:
    """What is measured of one column beside its shape."""
    if column.distinct is None:
        return {cards.CATEGORY: single.category_coverage(column, part, tables.rows[part])}
    both = single.moments(tables, column, part)
    ordered: dict[MeasureCard, Floats | Estimate | None] = {
        cards.WASSERSTEIN: single.wasserstein(tables, column, part),
        cards.MEAN: both[0] if both else None,
        cards.SPREAD: both[1] if both else None,
    }
    if column.discrete:
        ordered[cards.CATEGORY] = single.category_coverage(column, part, tables.rows[part])
    else:
        ordered[cards.RANGE] = single.range_coverage(tables, column, part)
    return ordered


def _coded(columns: tuple[Column, ...], workers: int) -> tuple[Coded, ...]:
    with ThreadPoolExecutor(max(1, workers)) as pool:
        return tuple(pool.map(lambda column: column.coded, columns))


def tables_of(context: Context) -> Tables:
    """The context's tables, ready to be counted; a holdout too small for an interval is left out."""
    encoded = context.encoded
    if not encoded.columns:
        raise UnsupportedError("no column is modelled")
    for part in ("train", "synthetic"):
        if encoded.rows[part] < MIN_ROWS:
            raise InconclusiveError(f"fewer than {MIN_ROWS} {part} rows: no interval")
    rows = {p: n for p, n in encoded.rows.items() if n >= MIN_ROWS}
    return prepared(_coded(encoded.columns, context.workers), rows, context.rng, context.workers)


def comparisons(context: Context) -> dict[Part, Comparison]:
    """Synthetic and holdout against train; computed once per context."""

    def make() -> dict[Part, Comparison]:
        return compare(tables_of(context), context.rng("fidelity", "triples"), progress=context.progress)

    return context.once("comparisons", make)


def _measure(context: Context) -> Observed:
    return Observed(measured(comparisons(context), cards.CARDS))


WHY = {
    cards.SHAPE.name: "every modelled column is null",
    cards.PAIR.name: "the source relates no two columns",
    cards.EVERY_PAIR.name: "no two columns can be compared",
    cards.TRIPLE.name: "fewer than three columns",
    cards.CORRELATION.name: "no two columns of numbers that vary",
    cards.CATEGORY.name: "no column of categories",
}
"""Why a measure has nothing to compare; the others: no number varies."""


def measured(found: dict[Part, Comparison], asked: tuple[MeasureCard, ...]) -> tuple[Measure, ...]:
    """The measures of these cards."""
    synthetic, holdout = found["synthetic"], found.get("holdout")
    return tuple(_one(card, synthetic, holdout) for card in asked)


def _one(card: MeasureCard, synthetic: Comparison, holdout: Comparison | None) -> Measure:
    here, there = synthetic.found[card.name], holdout.found[card.name] if holdout else None
    with np.errstate(all="ignore"):
        value = here.estimate(synthetic.rows)
    if value is not None and not np.isfinite([value.value, value.low, value.high]).all():
        return card.inconclusive("the table holds numbers too large to calculate with", synthetic.rows)
    if value is None:
        return card.unsupported(WHY.get(card.name, "no column of numbers that varies"))
    reference = there.estimate(holdout.rows) if there and holdout else None
    taken = len(here.parts)
    sampled = ""
    if card is cards.TRIPLE and taken < synthetic.possible:
        sampled = f"{taken:,} of {synthetic.possible:,} triples of columns, seed quality/fidelity/triples"
        value, reference = (
            _widened(e, f, synthetic.possible) if e and f else None for e, f in ((value, here), (reference, there))
        )
    if value is None:  # pragma: no cover - a value stays one
        return card.unsupported(WHY[card.name])
    detail = "" if holdout else f"fewer than {MIN_ROWS} holdout rows: no reference"
    floors = there.parts if there else {}
    parts = [
        _share(name, here.part(name, synthetic.rows).within(card.floor, card.ceiling), floors.get(name))
        for name in here.parts
    ]
    return card.ok(value, reference, detail, parts=parts, sampled=sampled)


def _share(name: str, estimate: tuple[float, float, float], floor: Floats | Estimate | None) -> Share:
    about = None if floor is None else floor.value if isinstance(floor, Estimate) else float(floor[0])
    value, low, high = estimate
    return Share(part=name, value=value, low=low, high=high, reference=None if about is None else round(about, 10))


def _widened(estimate: Estimate, found: Found, possible: int) -> Estimate:
    """The interval of a mean over some triples, for what another choice of triples would have given."""
    means = np.array([p[0] for p in found.parts.values() if not isinstance(p, Estimate)])
    chosen = means.std(ddof=1) / sqrt(len(means)) * sqrt(1 - len(means) / possible)
    half = sqrt((estimate.high - estimate.value) ** 2 + (Z * chosen) ** 2)
    return Estimate(estimate.value, estimate.value - half, estimate.value + half, estimate.n)


FAMILY = Family("fidelity", cards.CARDS, _measure)
