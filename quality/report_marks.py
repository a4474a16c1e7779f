"""Where a measure, its reference and its threshold lie on a line."""

from __future__ import annotations

from collections.abc import Sequence

from proofset.evidence import Measure
from proofset.policy_demands import Requirement
from quality.plots import Limit, Mark


def limit_of(measure: Measure, threshold: Requirement | None) -> Limit | None:
    """Where a threshold lies on the measure's line; None where it needs a reference that is missing."""
    if threshold is None:
        return None
    if threshold.kind in ("max", "min"):
        return Limit(threshold.amount, at_most=threshold.at_most)
    if measure.reference is None:
        return None
    return Limit(threshold.limit(measure.reference), at_most=threshold.at_most)


def marks_of(measure: Measure) -> tuple[Mark, Mark | None] | None:
    """The value and the reference; the latter without an interval where it has none."""
    if measure.value is None or measure.low is None or measure.high is None:
        return None
    real = measure.reference
    if real is None:
        return Mark(measure.value, measure.low, measure.high), None
    low = real if measure.reference_low is None else measure.reference_low
    high = real if measure.reference_high is None else measure.reference_high
    return Mark(measure.value, measure.low, measure.high), Mark(real, low, high)


def whole(asked: Sequence[Requirement]) -> list[Requirement]:
    """The demands that can be drawn on the whole measure's line."""
    return [r for r in asked if r.of == "whole"]


__all__ = ["limit_of", "marks_of", "whole"]
