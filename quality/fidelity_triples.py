"""What triples of columns differ in: total variation between three-way tables of binned columns.

Pairs can be right where triples are wrong (an interaction, such as a rule about three columns). Of many triples,
MAX_TRIPLES are drawn by a named seed.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
import numpy.typing as npt

from proofset.codes import Coded, Part
from quality.fidelity_noise import distance, shares
from quality.fidelity_tables import Tables, small_rows
from quality.stats import GROUPS, Floats

MAX_TRIPLES = 500
NUMBER_BINS = 8
"""Cells of about equal weight among the training rows; equal values stay together."""
WORDS = 15
"""The most frequent categories of the training rows that keep a cell of their own; the others share one."""

Cells = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Triples:
    """Triples compared. found: by name, part -> distance and draws.  possible: how many triples there are."""

    found: dict[str, dict[Part, Floats]]
    possible: int


def triples(tables: Tables, rng: np.random.Generator) -> Triples:
    """Compare every triple of columns, or MAX_TRIPLES of them. O(triples · rows)."""
    count = len(tables.columns)
    places = {c.name: binned(c) for c in tables.columns}
    for column in tables.columns:  # before the threads begin, so that each is made once
        small_rows(tables, column, places[column.name][0])

    def compared(chosen: tuple[int, int, int]) -> tuple[str, dict[Part, Floats]]:
        three = [tables.columns[i] for i in chosen]
        return " × ".join(c.name for c in three), _compared(tables, three, places)

    found: dict[str, dict[Part, Floats]] = dict(tables.each(compared, drawn(count, rng)))
    tables.forget("small")
    return Triples(found, comb(count, 3))


def drawn(count: int, rng: np.random.Generator) -> list[tuple[int, int, int]]:
    """Every triple of `count` columns, or MAX_TRIPLES different ones, in ascending order."""
    if comb(count, 3) <= MAX_TRIPLES:
        return list(combinations(range(count), 3))
    kept: set[tuple[int, int, int]] = set()
    while len(kept) < MAX_TRIPLES:
        a, b, c = sorted(int(i) for i in rng.choice(count, 3, replace=False))
        kept.add((a, b, c))
    return sorted(kept)


def binned(column: Coded) -> tuple[Cells, int]:
    """The cell of each code, null's being 0, and how many cells there are."""
    counts = column.totals["train"][1:]
    if column.distinct is None:
        cell = np.minimum(np.arange(len(counts)), WORDS) + 1
    elif column.discrete and len(counts) <= WORDS:
        cell = np.arange(len(counts)) + 1
    else:
        before = np.cumsum(counts) - counts
        cell = np.minimum(before * NUMBER_BINS // max(int(counts.sum()), 1), NUMBER_BINS - 1) + 1
    place = np.concatenate([[0], cell]).astype(np.uint8)
    return place, int(place.max()) + 1


def _compared(tables: Tables, three: list[Coded], places: dict[str, tuple[Cells, int]]) -> dict[Part, Floats]:
    from quality.fidelity_compiled import count_triples

    a, b, c = (small_rows(tables, column, places[column.name][0]) for column in three)
    first, second, third = (places[column.name][1] for column in three)
    counts = {p: np.zeros((GROUPS, first * second * third), np.int32) for p in tables.parts}
    for part, table in counts.items():
        count_triples(a[part], b[part], c[part], second, third, tables.bounds[part], table)
    seen = np.zeros(first * second * third, bool)
    for table in counts.values():
        seen |= table.any(axis=0)
    p, moved = shares(counts["train"][:, seen])
    found = {}
    for part in tables.others:
        q, others = shares(counts[part][:, seen])
        difference = (p - q) / 2
        found[part] = distance(
            float(np.abs(difference).sum()), difference, np.concatenate([moved, others]) / 2, tables.signs(part)
        )
    return found
