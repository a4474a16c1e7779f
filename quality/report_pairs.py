"""The map of pairs: how far each pair of columns is from the source's, from the evidence alone.

Evidence keeps the worst MAX_PARTS pairs of a measure. Where there are more columns than a page can show, the map shows
those that have the worst pairs; a pair that the evidence does not list is known to be at most as far off as the best
one it lists.
"""

from __future__ import annotations

from dataclasses import dataclass

from proofset.evidence import Measure, Profile, Scorecard, Share
from quality.plots_drawn import Block
from quality.report_numbers import percent

SHOWN = 16
"""Columns that a map shows at most."""
STEPS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
"""Where the scale's colours change; fixed, so that reports can be compared."""
BETWEEN = " × "
_SOURCES = ("fidelity.every_pair_error", "fidelity.pair_error")


@dataclass(frozen=True)
class PairMap:
    """The map and what it rests on. left_out: columns of the measure that it does not show."""

    block: Block
    measure: Measure
    left_out: int


def pair_map(profile: Profile, scorecard: Scorecard) -> PairMap | None:
    """The map, or None where the evidence names no pairs of columns."""
    names = {c.name for c in profile.columns}
    for source in _SOURCES:
        measure = scorecard.measure(source)
        pairs = {p: s for s in measure.parts if (p := _pair(s.part, names))} if measure else {}
        if measure and pairs:
            return _drawn(measure, pairs, [c.name for c in profile.columns])
    return None


def _pair(part: str, names: set[str]) -> tuple[str, str] | None:
    """The two columns of a part, or None where it names no two. A column's own name may hold the sign."""
    at = part.find(BETWEEN)
    while at >= 0:
        first, second = part[:at], part[at + len(BETWEEN) :]
        if first in names and second in names:
            return first, second
        at = part.find(BETWEEN, at + 1)
    return None


def _drawn(measure: Measure, pairs: dict[tuple[str, str], Share], order: list[str]) -> PairMap:
    worst: list[str] = []
    for pair in pairs:  # parts come worst first
        worst += [name for name in pair if name not in worst]
    shown = sorted(worst[:SHOWN], key=order.index)
    known = {frozenset(pair): share for pair, share in pairs.items()}
    at_most = measure.parts[-1].value if measure.dropped else None
    cells: list[tuple[int, int, int | None, str]] = []
    for row in range(1, len(shown)):
        for column in range(row):
            name = f"{shown[column]}{BETWEEN}{shown[row]}"
            found = known.get(frozenset((shown[column], shown[row])))
            if found is not None:
                words = f"{name}: {percent(found.value)}"
                words += "" if found.reference is None else f", real rows {percent(found.reference)}"
                cells.append((row, column, step(found.value), words))
            elif at_most is not None:
                cells.append((row, column, step(at_most), f"{name}: at most {percent(at_most)}"))
            else:
                cells.append((row, column, None, f"{name}: not measured"))
    label = f"Map of {len(shown)} columns by {len(shown)}: distance of each pair from the source"
    return PairMap(Block(label, tuple(shown), tuple(cells)), measure, len(worst) - len(shown))


def step(value: float) -> int:
    """The place of a distance on the scale, 0 to len(STEPS)."""
    return sum(value > limit for limit in STEPS)


def scale() -> tuple[str, ...]:
    """What each colour stands for."""
    words = [f"{100 * limit:g}" for limit in STEPS]
    return (f"≤ {words[0]} %", *(f"≤ {word} %" for word in words[1:]), f"> {words[-1]} %")


__all__ = ["SHOWN", "STEPS", "PairMap", "pair_map", "scale", "step"]
