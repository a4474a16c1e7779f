"""The frontier of several generators on one table: fidelity × privacy × time. Pure: measures in, a table out.

A generator is on the frontier where no other is at least as good in all three and better in one. An AUC below 0.5 is
no better than 0.5, so both are taken from there. Figures are compared in steps, STEP of an AUC and FACTOR of the time,
so that noise puts nobody on the frontier.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from proofset.evidence import Direction, Measure

FIDELITY = "fidelity.c2st_auc"
PRIVACY = "privacy.membership_auc"
PER_CENT = "\u00a0%"
STEP = 0.01
FACTOR = 1.25
SHOWN = (
    ("fidelity.shape_error", "Columns", "error of single columns"),
    ("fidelity.pair_error", "Pairs", "error of pairs of columns"),
    (FIDELITY, "C2ST", "AUC of telling synthetic from real rows; 0.5 is perfect"),
    ("utility.tstr_auc", "TSTR", "AUC on real rows of a model trained on synthetic ones"),
    ("utility.tstr_r2", "TSTR R²", "R² on real rows of a model trained on synthetic ones"),
    (PRIVACY, "MIA", "AUC of telling training rows by nearness; 0.5 is perfect"),
    ("privacy.membership_tpr_at_1fpr", "TPR at 1 %", "members found at 1 % false alarms; 1 % is perfect"),
    ("privacy.exact_copy_rate", "Copies", "rows that repeat a training row"),
)
"""Measures of the comparison in their order: name, short name, what it is."""


@dataclass(frozen=True)
class Entry:
    """One generator in the comparison.

    name: as it was asked for, with its options.  measures: over all its seeds, see `combined`.
    fit, sample: seconds, medians over seeds.  outcomes: the policy's verdict by seed; empty where there is no policy.
    reasons: why it would not pass.  failed: why there is nothing to show; "" where there is.
    """

    name: str
    title: str
    licence: str
    measures: tuple[Measure, ...] = ()
    fit: float = 0.0
    sample: float = 0.0
    outcomes: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    failed: str = ""
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Fit and sample together."""
        return self.fit + self.sample

    @property
    def outcome(self) -> str:
        """The worst of the verdicts; "" where there is none."""
        return next((o for o in ("fail", "inconclusive", "review", "pass") if o in self.outcomes), "")

    def measure(self, name: str) -> Measure | None:
        """One measure, where it has a value."""
        return next((m for m in self.measures if m.name == name and m.value is not None), None)

    @property
    def point(self) -> tuple[float, float, float] | None:
        """Fidelity, privacy, seconds, all lower is better; None where one is missing."""
        fidelity, privacy = self.measure(FIDELITY), self.measure(PRIVACY)
        if fidelity is None or privacy is None or fidelity.value is None or privacy.value is None:
            return None
        return max(fidelity.value, 0.5), max(privacy.value, 0.5), self.seconds


def frontier(entries: Sequence[Entry]) -> set[str]:
    """Names of the entries that no other dominates."""
    points = {e.name: _steps(e.point) for e in entries if e.point is not None}
    return {
        name
        for name, point in points.items()
        if not any(dominates(other, point) for key, other in points.items() if key != name)
    }


def _steps(point: tuple[float, float, float]) -> tuple[int, int, int]:
    fidelity, privacy, took = point
    return (
        round((fidelity - 0.5) / STEP),
        round((privacy - 0.5) / STEP),
        round(math.log(max(took, 0.01)) / math.log(FACTOR)),
    )


def dominates(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    """Whether `a` is at least as low as `b` everywhere and lower somewhere."""
    return all(x <= y for x, y in zip(a, b, strict=True)) and a != b


def combined(runs: Sequence[Measure]) -> Measure:
    """One measure over several seeds: the mean, with an interval for both the rows drawn and the seeds.

    Rubin (1987), Multiple Imputation for Nonresponse in Surveys: total variance = mean variance within + (1 + 1/K) ×
    variance between. A run without a value makes the whole one without a value: a failure is not averaged away.
    """
    first = runs[0]
    lost = next((m for m in runs if m.value is None), None)
    if lost is not None or len(runs) == 1:
        return lost or first
    values = [m.value or 0.0 for m in runs]
    mean = sum(values) / len(values)
    within = sum((((m.high or 0.0) - (m.low or 0.0)) / (2 * 1.96)) ** 2 for m in runs) / len(runs)
    between = sum((v - mean) ** 2 for v in values) / (len(values) - 1)
    half = 1.96 * math.sqrt(within + (1 + 1 / len(values)) * between)
    inside = {"low": max(first.floor, mean - half), "high": min(first.ceiling, mean + half)}
    return first.model_copy(
        update={"value": mean, **inside, "n": sum(m.n for m in runs), "detail": f"{len(runs)} seeds"}
    )


def written(measure: Measure | None) -> str:
    """A value as people read it; "–" where there is none."""
    return "–" if measure is None or measure.value is None else _number(measure, measure.value)


def interval(measure: Measure | None) -> str:
    """The interval as people read it; "" where there is none."""
    if measure is None or measure.low is None or measure.high is None:
        return ""
    low, high = _number(measure, measure.low), _number(measure, measure.high)
    return low.removesuffix(PER_CENT) + "–" + high


def reference(measure: Measure | None) -> str:
    """The same measure on real rows; "–" where there is none."""
    return "–" if measure is None or measure.reference is None else _number(measure, measure.reference)


def _number(measure: Measure, value: float) -> str:
    return f"{value:.3f}" if measure.name.endswith(("auc", "r2")) else f"{100 * value:.2f}{PER_CENT}"


def shown(entries: Sequence[Entry]) -> list[tuple[str, str, str]]:
    """The measures worth a column: those that some entry has."""
    return [row for row in SHOWN if any(e.measure(row[0]) for e in entries)]


def best(entries: Sequence[Entry], name: str) -> set[str]:
    """Names of the entries with the best value of a measure."""
    found = {e.name: m for e in entries if (m := e.measure(name)) is not None}
    if not found:
        return set()
    higher = next(iter(found.values())).direction is Direction.HIGHER
    rank = {n: (m.value or 0.0) * (-1 if higher else 1) for n, m in found.items()}
    if name in (FIDELITY, PRIVACY):
        rank = {n: max(v, 0.5) for n, v in rank.items()}
    least = min(rank.values())
    return {n for n, v in rank.items() if v == least}


def seconds(value: float) -> str:
    """Seconds, short."""
    if value < 10:
        return f"{value:.1f} s"
    return f"{value:.0f} s" if value < 600 else f"{value / 60:.0f} min"
