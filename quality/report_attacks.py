"""The attacks on people side by side: what each gains over chance, on one scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from proofset.evidence import Measure
from proofset.policy_demands import Requirement
from quality.plots import Limit, Mark, measure_bar
from quality.report_marks import limit_of, marks_of, whole
from quality.report_numbers import percent
from quality.report_words import STATUS

_FALSE_ALARMS = {"membership_tpr_at_1fpr": 0.01, "membership_tpr_at_01fpr": 0.001}
_ROOM = 1.15


@dataclass(frozen=True)
class AttackView:
    """An attack on the common scale: what it gains over chance, from 0 for nothing to 1 for certainty.

    bar, or the reason why there is none.
    """

    title: str
    anchor: str
    gain: str
    bar: Markup | None
    reason: str


@dataclass(frozen=True)
class _Gain:
    """How a measure becomes a gain: times and minus."""

    times: float
    minus: float

    def of(self, value: float) -> float:
        """The gain; what does worse than chance gains nothing."""
        return max(self.times * value - self.minus, 0.0)

    def mark(self, mark: Mark) -> Mark:
        """The gain of a value with its interval."""
        return Mark(self.of(mark.value), self.of(mark.low), self.of(mark.high))


def attack_views(measures: Sequence[Measure], asked: Mapping[str, Sequence[Requirement]]) -> tuple[AttackView, ...]:
    """The attacks among the measures, the largest possible gain first; those without power last.

    A risk is a gain already; an AUC of 0.5 and as many members found as false alarms are no gain.
    asked: the policy's demands by measure.
    """
    scored = [(m, gain) for m in measures if (gain := _gain(m))]
    top = min(1.0, max([0.05, *(_ROOM * gain.of(m.high) for m, gain in scored if m.high is not None)]))
    views = [_view(m, gain, asked.get(m.name, ()), top) for m, gain in scored]
    return tuple(view for _, view in sorted(views, key=lambda one: (-one[0], one[1].title)))


def _gain(measure: Measure) -> _Gain | None:
    """None for what is no attack on people."""
    family, _, name = measure.name.partition(".")
    if family != "privacy":
        return None
    if name.endswith("_risk"):
        return _Gain(1.0, 0.0)
    if name.endswith("_auc"):
        return _Gain(2.0, 1.0)
    return _Gain(1.0, _FALSE_ALARMS[name]) if name in _FALSE_ALARMS else None


def _view(measure: Measure, gain: _Gain, asked: Sequence[Requirement], top: float) -> tuple[float, AttackView]:
    anchor = measure.name.replace(".", "-")
    marks = marks_of(measure)
    if marks is None:
        return -1.0, AttackView(measure.title, anchor, "", None, f"{STATUS[measure.status]}: proves nothing here")
    own, real = gain.mark(marks[0]), gain.mark(marks[1]) if marks[1] else None
    limits = [Limit(gain.of(found.at), found.at_most) for r in whole(asked) if (found := limit_of(measure, r))]
    shown = f"{percent(own.value)}, at most {percent(own.high)}"
    label = f"{measure.title}: gain over chance {shown}"
    bar = measure_bar(label, own, real, next(iter(limits), None), (0.0, top), percent, whole=True)
    return own.high, AttackView(measure.title, anchor, shown, bar, "")


__all__ = ["AttackView", "attack_views"]
