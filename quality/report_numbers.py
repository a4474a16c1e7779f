"""Numbers as people read them. Nothing is rounded to certainty: what is not wholly 0 or 100 % is never written so."""

from __future__ import annotations

from proofset.evidence import Measure
from proofset.policy_demands import Requirement

NBSP = "\u00a0"
_SCORES = ("auc", "r2", "nndr")
_MILLE = 0.001


def number(name: str, value: float | None, unit: str = "share") -> str:
    """A measure's number: shares in per cent, everything else, AUC and R² among it, with three decimals."""
    if value is None:
        return "–"
    return _plain(value) if unit != "share" or any(word in name for word in _SCORES) else percent(value)


def percent(value: float | None) -> str:
    """A share in per cent."""
    if value is None:
        return "–"
    if 0.9999 < value < 1:
        return f"> 99.99{NBSP}%"
    if 0 < abs(value) < 0.0001:
        return f"< 0.01{NBSP}%" if value > 0 else f"> −0.01{NBSP}%"
    digits = 0 if value in (0, 1, -1) else 2
    return f"{100 * value:.{digits}f}{NBSP}%".replace("-", "−")


def _plain(value: float) -> str:
    if value == 0:
        return "0"
    if abs(value) < _MILLE / 2:
        return "< 0.001" if value > 0 else "> −0.001"
    if 1 - _MILLE / 2 < value < 1:
        return "> 0.999"
    return (f"{value:.3f}" if abs(value) < 100 else f"{value:,.4g}").replace("-", "−")


def of(measure: Measure, value: float | None) -> str:
    """A number of a measure."""
    return number(measure.name, value, measure.unit)


def limit_text(requirement: Requirement, measure: Measure | None) -> str:
    """What is demanded; "real" stands for the same measure on real rows."""
    unit = measure.unit if measure else "share"
    amount = number(requirement.measure, requirement.amount, unit)
    words = {
        "max": f"≤ {amount}",
        "min": f"≥ {amount}",
        "max_excess": f"≤ real + {amount}",
        "min_ratio": f"≥ {requirement.ratio('real')}",
    }[requirement.kind]
    if requirement.of != "whole":
        words += " in the worst part" if requirement.of == "worst" else " in each part"
    return words if requirement.end == "cautious" else f"{words}, at the {_END[requirement.end]}"


_END = {"value": "value", "optimistic": "favourable end"}


def among(share: float, hundred: int = 100) -> str:
    """A share as so many of a hundred, or of another round number; below a thousand with a decimal."""
    count = hundred * share
    if 0 < count < 0.1:
        return "fewer than 0.1"
    return f"{count:,.0f}" if count >= 1000 else f"{count:.1f}".removesuffix(".0")


__all__ = ["among", "limit_text", "number", "of", "percent"]
