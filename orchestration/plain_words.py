"""Plain words: what a measure's number means, for somebody who never saw one. Pure.

Each reading compares the value with the same measure on real rows, or with what guessing would give:

    good   as real rows do, or near it       fair   noticeably worse       poor   do not rely on it

The limits are this file's; they decide nothing. A policy's thresholds do, and they look at intervals.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from proofset.evidence import Measure

Level = Literal["good", "fair", "poor", "none"]


@dataclass(frozen=True)
class Reading:
    """What a number means. level: "none" where there is no number."""

    level: Level
    words: str


TITLES = {
    "fidelity.shape_error": "Single columns (error)",
    "fidelity.pair_error": "Pairs of columns (error)",
    "fidelity.c2st_auc": "Told from real (AUC)",
    "utility.tstr_auc": "Model taught by it (AUC)",
    "utility.tstr_r2": "Model taught by it (R²)",
    "privacy.exact_copy_rate": "Copies of real rows",
    "privacy.membership_auc": "Membership told (AUC)",
}
"""The measures of the short scorecard in its order, and what it calls them."""


def read_measure(measure: Measure) -> Reading:
    """Say what a measure's value means."""
    if measure.value is None:
        if measure.status == "error" and measure.name.startswith("privacy."):
            return Reading("none", "rows too alike, or too few")
        return Reading("none", "not measured" if measure.status == "error" else "has no meaning here")
    name, value, real = measure.name, measure.value, measure.reference
    if name.endswith("_error"):
        return _distance(value, real, measure.reference_high)
    if name == "fidelity.c2st_auc":
        return _steps(
            value,
            (0.56, "good", "hardly told from real rows"),
            (0.66, "fair", "told a little above chance"),
            (0.80, "poor", "often told from real rows"),
            (2.00, "poor", "easily told from real rows"),
        )
    if name == "privacy.membership_auc":
        if value > 0.52 and (measure.low or 0.0) <= 0.51:
            return Reading("fair", "may be chance: few rows")
        return _steps(
            value,
            (0.52, "good", "hardly better than guessing"),
            (0.55, "fair", "a weak trace of who is in it"),
            (2.00, "poor", "tells who is in the table"),
        )
    if name in ("utility.tstr_auc", "utility.tstr_r2"):
        return _utility(value, real, 0.5 if name.endswith("auc") else 0.0)
    if name.endswith("copy_rate"):
        return _copies(value, real or 0.0, measure.reference_high or 0.0)
    return Reading("none", "")


def _steps(value: float, *steps: tuple[float, Level, str]) -> Reading:
    """The first step the value does not exceed."""
    return next(Reading(level, words) for limit, level, words in steps if value <= limit)


def _distance(value: float, real: float | None, high: float | None) -> Reading:
    if real is None or high is None or value <= high:
        return Reading("good", "as near as unseen rows are" if real is not None else "nothing to compare with")
    times = value / real if real > 0 else float("inf")
    far = f"{times:.1f} ×" if times < 10 else f"{times:.0f} ×" if times < 100 else "> 99 ×"
    return Reading("fair" if times <= 3 else "poor", f"{far} as far as unseen rows")


def _utility(value: float, real: float | None, guess: float) -> Reading:
    if real is None or real - guess < 0.03:
        return Reading("none", "real rows teach nothing here")
    kept = max(0.0, (value - guess) / (real - guess))
    level: Level = "good" if kept >= 0.95 else "fair" if kept >= 0.85 else "poor"
    return Reading(level, f"{min(kept, 1):.0%} as good as real rows".replace("%", " %"))


def _copies(value: float, real: float, high: float) -> Reading:
    if value == 0:
        return Reading("good", "none")
    if value <= max(real, high):
        return Reading("good", "as many as chance makes")
    if real > 0.5:
        return Reading("none", "most real rows repeat, too")
    return Reading("fair" if value <= 2 * max(real, high) else "poor", "more than chance: check them")
