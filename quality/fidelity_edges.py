"""How far a contingency table depends on the ends of a number's range, which are those of its two outermost rows.

SDMetrics bins numbers between the least and the greatest value of each table, so that two samples of one population
have different bins. Which ends another sample would have had is drawn REDRAWS times from the tails: what the TAIL
outermost values exceed the next one by is taken for a generalised Pareto distribution (Pickands 1975,
doi:10.1214/aos/1176343003), its shape being three quarters of what the moment estimator says (Dekkers, Einmahl,
de Haan 1989, doi:10.1214/aos/1176347397), which is noisy on so few values and reads a lognormal tail as heavier.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from proofset.codes import Coded, Part
from quality.fidelity_noise import DRAWS
from quality.fidelity_tables import BINS, Tables, binned, cells, values
from quality.stats import Floats

REDRAWS = 48
TAIL = 30
_MOST = 1 << 24
"""Tables of more cells than this are not counted on the fine grid; their bins are taken as they are."""

Places = npt.NDArray[np.int64]


def redrawn(column: Coded, part: Part, rng: np.random.Generator) -> list[Floats]:
    """Pairs of ends of the range of a part: those it has, then REDRAWS that another sample might have had."""
    counts, points = column.totals[part][1:], values(column)
    there = points[counts > 0]
    rows = int(counts.sum())
    if not rows:
        return [there] * (1 + REDRAWS)
    middle = points[np.searchsorted(np.cumsum(counts), rows / 2)]
    whole = bool((there == np.floor(there)).all())
    low, high = (_ends(points, counts, middle, sign, rng, whole) for sign in (-1, 1))
    return [there[[0, -1]], *(np.array([min(a, b), max(a, b)]) for a, b in zip(low, high, strict=True))]


def _ends(points: Floats, counts: Places, middle: float, sign: int, rng: np.random.Generator, whole: bool) -> Floats:
    """REDRAWS outermost values on one side."""
    count = min(TAIL, int(counts.sum()) // 4)
    outer, many = (points, counts) if sign < 0 else (points[::-1], counts[::-1])
    kept = np.searchsorted(np.cumsum(many), count + 1) + 1
    last = np.repeat(outer[:kept], np.minimum(many[:kept], count + 1))[: count + 1]
    reach = np.abs(last - middle)
    uniform = rng.random(REDRAWS)
    if not count or not reach[-1] > 0 or reach[0] == reach[-1]:
        return np.full(REDRAWS, last[0] if len(last) else middle)
    logs = np.log(reach[:-1] / reach[-1])
    first, second = float(logs.mean()), float((logs**2).mean())
    # Values that tie beyond the last give 1 / 0: as light a tail as there can be.
    heavy = first + 1 - 0.5 / max(1 - first**2 / second, 1e-9)
    form = float(np.clip(0.75 * heavy, -0.15, 0.35)) or 1e-9
    scale = float((reach[:-1] - reach[-1]).mean()) * (1 - form)
    rare = -np.expm1(np.log(uniform) / count)  # the chance to exceed the greatest of `count` values
    ends = middle + sign * (reach[-1] + scale * (rare**-form - 1) / form)
    return np.asarray(np.rint(ends) if whole else ends, dtype=np.float64)


def fine(tables: Tables, column: Coded, part: Part) -> tuple[Places, Places]:
    """Cells that no redrawn bin divides: the cell of each code, and each cell's bin by redraw (redraws × cells)."""
    points = values(column)
    rng = tables.rng("fidelity", "edges", part, column.name)
    every = np.stack([binned(points, ends) for ends in redrawn(column, part, rng)])
    starts = np.concatenate([[True], (every[:, 1:] != every[:, :-1]).any(axis=0)])
    return np.cumsum(starts) - 1, np.ascontiguousarray(every[:, starts])


def fine_rows(tables: Tables, column: Coded) -> tuple[dict[Part, npt.NDArray[np.uint16]], dict[Part, Places]]:
    """The fine cells of a number, rows sorted by group, and their bins; made on first use."""
    about: dict[Part, tuple[Places, Places]] = {}

    def make(part: Part) -> npt.NDArray[np.uint16]:
        about[part] = fine(tables, column, part)
        return about[part][0].astype(np.uint16)[column.codes[part]]

    rows = tables.by_group("fine", column.name, make)
    return rows, {p: (about[p] if p in about else fine(tables, column, p))[1] for p in tables.parts}


def moved_by_ends(
    tables: Tables, number: Coded, rows: dict[Part, npt.NDArray[np.uint16]], every: dict[Part, Places], word: Coded
) -> dict[Part, Floats]:
    """For each part, by how much a draw of the ends moves its total variation from train: shape (1 + DRAWS,)."""
    from quality.fidelity_compiled import count_pairs, fold

    second, width = cells(tables, word)
    shares: dict[Part, Floats] = {}
    for part in tables.parts:
        size = every[part].shape[1]
        if size * width > _MOST or width > 1 << 16:
            return {p: np.zeros(1 + DRAWS) for p in tables.others}
        counts = np.zeros((1, size * width), np.int32)
        bounds = np.array([0, tables.rows[part]], np.int64)
        count_pairs(rows[part], second[part], width, bounds, counts)
        binned_counts = np.zeros((len(every[part]), BINS + 2, width), np.int64)
        fold(counts.reshape(size, width), every[part], binned_counts)
        shares[part] = binned_counts / max(tables.rows[part], 1)
    found = {}
    for part in tables.others:
        distances = np.abs(shares["train"] - shares[part]).sum(axis=(1, 2)) / 2
        drawn = distances[1:] - distances[1:].mean()
        found[part] = np.concatenate([[0.0], np.resize(drawn, DRAWS)])
    return found
