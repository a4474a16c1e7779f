"""Linkability: do two halves of a person's row lead to the same synthetic row?

The attacker holds two tables without names, one with half of the columns and one with the other half, and asks the
synthetic table which rows belong together: two halves are linked where they share a nearest synthetic row.
"""

from __future__ import annotations

import numpy as np

from proofset.codes import Column
from proofset.evidence import Direction
from quality.attacks import PAPER, Targets, Trial, Variant, concluded, drawn, known, targets
from quality.base import Context, Family, MeasureCard, Observed, UnsupportedError
from quality.neighbours import Boxes, Near, Rows, joined, nearest
from quality.stats import Floats

NEIGHBOURS = (1, 5, 10)
"""How many nearest rows of each half may hold the shared one; each is an attack of its own."""

LINKABILITY = MeasureCard(
    "privacy.linkability_risk",
    "Halves of a row linked through the synthetic table",
    Direction.LOWER,
    "Share of training rows whose two halves share a nearest synthetic row, beyond the same share of holdout rows:"
    " (attack - control) / (1 - control); interval of a ratio of two Wilson rates; 0 is perfect",
    PAPER,
)


def halves(columns: list[Column]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Two sets of columns that tell about equally much: by number of distinct values, in the order A B B A A B B A."""
    sizes = {c.name: len(np.unique(c.values["train"])) for c in columns}
    ranked = sorted(sizes, key=lambda n: -sizes[n])
    return tuple(ranked[0::4] + ranked[3::4]), tuple(ranked[1::4] + ranked[2::4])


def linked(one: Near, other: Near, count: int) -> Floats:
    """For each question 1 where the first `count` neighbours of both halves have a row in common."""
    a, b = one.place[:, :count, None], other.place[:, None, :count]
    return np.asarray(((a == b) & (a >= 0)).any(axis=(1, 2)), dtype=np.float64)


def by_chance(rows: int, count: int) -> float:
    """Probability that two sets of `count` rows drawn blindly have one in common."""
    if 2 * count > rows:
        return 1.0
    drawn = np.arange(count)
    return float(1 - np.prod((rows - count - drawn) / (rows - drawn)))


def _search(made: Targets, half: tuple[str, ...], workers: int) -> dict[str, tuple[Near, Near]]:
    """Neighbours of attacked and control rows among the published, the planted and the stand-in table."""
    columns = made.where.places(half)

    def some(rows: Rows) -> Rows:
        return rows.among(columns)

    train, holdout = some(made.where.rows["train"]), some(made.where.rows["holdout"])
    asked, control, unseen = train.taken(made.train), holdout.taken(made.control), holdout.taken(made.unseen)
    most, among = max(NEIGHBOURS), Boxes.of(some(made.among))
    planted, others = Boxes.of(asked.taken(made.planted)), Boxes.of(holdout.taken(made.stand_in))
    own = nearest(asked, among, most, workers), nearest(control, among, most, workers)
    there = nearest(asked, planted, most, workers), nearest(control, planted, most, workers)
    return {
        "published": own,
        "planted": (joined(own[0], there[0], *made.turns), joined(own[1], there[1], *made.turns)),
        "reference": (nearest(asked, others, most, workers), nearest(unseen, others, most, workers)),
    }


def ways(context: Context) -> list[Variant]:
    """The attack with each number of neighbours. Raises UnsupportedError, InconclusiveError."""
    made = targets(context)
    names = known(context)
    if len(names) < 2:
        raise UnsupportedError("fewer than two columns are known to the attacker")
    a, b = halves([c for c in context.encoded.columns if c.name in names])
    one, other = _search(made, a, context.workers), _search(made, b, context.workers)
    sizes = {"published": len(made.shuffled), "planted": len(made.shuffled), "reference": len(made.stand_in)}
    variants = []
    for count in NEIGHBOURS:
        trials = {
            table: Trial(
                linked(one[table][0], other[table][0], count),
                linked(one[table][1], other[table][1], count),
                by_chance(rows, count),
            )
            for table, rows in sizes.items()
        }
        name = f"{count} nearest rows" if count > 1 else "the nearest row"
        variants.append(Variant(name, **trials))
    return variants


def _measure(context: Context) -> Observed:
    return Observed((concluded(LINKABILITY, ways(context), [], drawn(context, targets(context))),))


FAMILY = Family("linkability", (LINKABILITY,), _measure)
