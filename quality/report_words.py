"""The report in plain words: what an attack found, what an outcome means, what is certified and what is not."""

from __future__ import annotations

import re
from collections.abc import Callable

from proofset.evidence import Finding, Measure, Outcome, Profile, Provenance, Scorecard, Verdict
from proofset.policy import Policy
from proofset.policy_demands import Requirement
from proofset.policy_union import requirements_with_unions
from proofset.spec import Treatment
from quality.report_numbers import among, of

OUTCOMES = {
    Outcome.PASS: "Pass",
    Outcome.FAIL: "Fail",
    Outcome.INCONCLUSIVE: "Inconclusive",
    Outcome.REVIEW: "To be reviewed",
}
STATUS = {"error": "error", "unsupported": "not applicable", "inconclusive": "inconclusive"}
WHY_STATUS = {
    "error": "Measuring failed, so that nothing is known",
    "unsupported": "It has no meaning for this table",
    "inconclusive": "It has a meaning, but this table does not let it be found out",
}
_RATES = re.compile(r"success ([\d.]+), on the control ([\d.]+), by guessing ([\d.]+)")
_SUBJECTS = {
    "privacy.singling_out_risk": (
        "Of 100 descriptions read off the synthetic table, {own} fitted exactly one person whose row was in the data; "
        "{control} fitted exactly one of the people who were not in it; {naive} did when made up blindly."
    ),
    "privacy.linkability_risk": (
        "Of 100 people in the data whose facts lie in two separate files, {own} could be put together through the "
        "synthetic table; of 100 who were not in it {control}; by blind guessing {naive}."
    ),
    "privacy.inference_risk": (
        "Of 100 guesses at a secret of people in the data, {own} were right; about people who were not in it "
        "{control}; by blind guessing {naive}."
    ),
}
_DIFFERENCE = " What the table gives away is the difference to those who were not in it."


def attack(measure: Measure) -> str:
    """What an attack found, for someone who has to answer for it; "" where there is nothing to add."""
    if measure.status == "inconclusive" and (measure.name in _SUBJECTS or "membership" in measure.name):
        return "This question is open. That an attack without power found nothing says nothing about the risk."
    if measure.value is None:
        return ""
    found = _RATES.search(measure.detail)
    if found and measure.name in _SUBJECTS:
        own, control, naive = (among(float(share)) for share in found.groups())
        return _SUBJECTS[measure.name].format(own=own, control=control, naive=naive) + _DIFFERENCE
    return _ATTACKS[measure.name](measure, measure.value) if measure.name in _ATTACKS else ""


def _pointed(who: str) -> Callable[[Measure, float], str]:
    def words(measure: Measure, value: float) -> str:
        own = "" if measure.low is None else f" (between {among(measure.low)} and {among(measure.high or value)})"
        return (
            f"Shown {who} who was in the data and one who was not, the attacker points at the right one {among(value)} "
            f"times in 100{own}; tossing a coin gives 50."
        )

    return words


def _found(alarms: int) -> Callable[[Measure, float], str]:
    def words(measure: Measure, value: float) -> str:
        high = "" if measure.high is None else f", at most {among(measure.high, alarms)}"
        return (
            f"Where the attacker may be wrong about 1 of {alarms:,} people who were not in the data, they recognise "
            f"{among(value, alarms)} of {alarms:,} who were{high}; by chance it would be 1."
        )

    return words


def _copies(what: str) -> Callable[[Measure, float], str]:
    def words(measure: Measure, value: float) -> str:
        text = f"Of 10,000 synthetic rows {among(value, 10_000)} {what} a row of the data"
        if measure.reference is not None:
            text += f"; of 10,000 rows of people who were not in it {among(measure.reference, 10_000)} do by chance"
        return f"{text}."

    return words


def _small(measure: Measure, value: float) -> str:
    text = f"Of 100 synthetic rows {among(value)} share their identifying facts with fewer than 4 others"
    if measure.reference is not None:
        text += f"; of as many real rows {among(measure.reference)}"
    return f"{text}."


def _rare(measure: Measure, value: float) -> str:
    text = f"Of 100 values that only few people in the data have, {among(value)} turn up"
    if measure.reference is not None:
        text += f"; among other real people {among(measure.reference)} do"
    return f"{text}."


_ATTACKS: dict[str, Callable[[Measure, float], str]] = {
    "privacy.membership_auc": _pointed("one person"),
    "privacy.outlier_membership_auc": _pointed("one of the tenth most unusual people"),
    "privacy.membership_tpr_at_1fpr": _found(100),
    "privacy.membership_tpr_at_01fpr": _found(1000),
    "privacy.exact_copy_rate": _copies("repeat"),
    "privacy.near_copy_rate": _copies("repeat, but for one fact,"),
    "privacy.k_anonymity": _small,
    "privacy.rare_value_disclosure": _rare,
}


def said(finding: Finding, measure: Measure | None, requirement: Requirement | None = None) -> str:
    """Why a demand turned out as it did. requirement: the demand, where it is one on a measure."""
    if measure is not None and measure.status != "ok" and measure.gates:
        return f"{STATUS[measure.status]}: {measure.detail}" if measure.detail else STATUS[measure.status]
    if measure is None or measure.value is None or not measure.gates or finding.part or finding.absent:
        return finding.reason
    interval = f"{of(measure, measure.value)}, interval {of(measure, measure.low)} to {of(measure, measure.high)}"
    if finding.outcome is Outcome.PASS:
        return interval
    if finding.outcome is Outcome.FAIL:
        which = "the value" if requirement is not None and requirement.end == "value" else "even its favourable end"
        return f"{interval}: {which} breaks the limit"
    if "straddles" in finding.reason:
        return f"{interval}: the limit lies inside, so that the evidence does not decide"
    return finding.reason


def sentence(text: str) -> str:
    """Words as a sentence: the first letter large, a full stop at the end."""
    return text[:1].upper() + text[1:] + ("" if not text or text[-1] in ".!?" else ".")


def summary(verdict: Verdict, policy: Policy) -> str:
    """The verdict in one sentence."""
    deciding = [f for f in verdict.findings if f.decides]
    waived = sum(bool(f.waived) for f in deciding)
    held = sum(f.holds for f in deciding)
    demands = "demand" if len(deciding) == 1 else "demands"
    count = f"{held} of {len(deciding)} {demands} of the policy {policy.policy} hold"
    if len(deciding) == 1:
        count = count.replace("hold", "holds")
    if waived:
        count += f"; {waived} more {'is' if waived == 1 else 'are'} waived and shown as failing"
    return {
        Outcome.PASS: f"{count}.",
        Outcome.FAIL: f"{count}. At least one is broken{' beyond doubt' if _beyond_doubt(verdict, policy) else ''}.",
        Outcome.INCONCLUSIVE: f"{count}. The evidence does not decide the rest, and that is never a pass.",
        Outcome.REVIEW: f"{count}. The evidence does not decide the rest; approvers may accept it by name.",
    }[verdict.outcome]


def _beyond_doubt(verdict: Verdict, policy: Policy) -> bool:
    """Whether a demand that stops it fails by no value alone, which may lie on either side of the limit by chance."""
    asked = requirements_with_unions(policy, {f.check for f in verdict.findings})
    by_value = {r.key for r in asked if r.end == "value"}

    def sure(finding: Finding) -> bool:
        inside = [f for f in verdict.findings if f.within == finding.check and f.outcome is Outcome.FAIL]
        return finding.check not in by_value and all(sure(f) for f in inside)

    return any(sure(f) for f in verdict.blocking if f.outcome is Outcome.FAIL)


def conclusions(scorecard: Scorecard, verdict: Verdict, policy: Policy, provenance: Provenance) -> tuple[str, ...]:
    """What a reader may conclude, from what was measured."""
    purpose = provenance.purpose.value.replace("_", " ")
    told = {
        Outcome.PASS: f"For {purpose}, every demand that counts is met by these very bytes.",
        Outcome.FAIL: f"It does not meet the policy for {purpose} and must not be released under it.",
        Outcome.INCONCLUSIVE: f"Whether it meets the policy for {purpose} is open; it must not be released under it.",
        Outcome.REVIEW: f"For {purpose} it may be released only if approvers accept every open demand by name.",
    }[verdict.outcome]
    if verdict.outcome is Outcome.PASS and any(f.waived for f in verdict.findings if f.decides):
        told = f"For {purpose}, every demand that counts is met or waived; what is waived is not met."
    lines = [told]
    for name, words in _CONCLUSIONS.items():
        found = scorecard.measure(name)
        if found is not None and found.value is not None:
            line = words.format(value=of(found, found.value), reference=of(found, found.reference))
            lines.append(line if found.reference is not None else line.partition(";")[0].rstrip(".") + ".")
    attacks = [m for m in scorecard.measures if m.name in {*_SUBJECTS, *_ATTACKS} and m.gates]
    judged = [m for m in attacks if m.status == "ok"]
    if judged:
        count = f"{len(judged)} of {len(attacks)} privacy measures"
        lines.append(f"{count} could be judged; what each found is told under Privacy.")
    return tuple(lines)


_CONCLUSIONS = {
    "fidelity.shape_error": "Single columns are {value} off the source on average; fresh real rows are {reference}.",
    "fidelity.pair_error": "Related pairs of columns are {value} off on average; fresh real rows are {reference}.",
    "utility.tstr_auc": "A model that learns from it has an AUC of {value} on real rows; from real rows {reference}.",
    "utility.tstr_r2": "A model that learns from it has an R² of {value} on real rows; from real rows {reference}.",
}


def not_certified(
    scorecard: Scorecard, verdict: Verdict, profile: Profile, provenance: Provenance, policy: Policy
) -> tuple[str, ...]:
    """What this report does not certify."""
    uses = ", ".join(p.value.replace("_", " ") for p in policy.purposes)
    lines = [
        "That nobody can be recognised. Attacks were tried, each with what it knew; another attacker, with other "
        "knowledge or better tools, may succeed where these failed.",
        "Any legal status. Whether data protection law still applies is for people to judge; this is one of the facts.",
        f"Any use but {uses}: others have policies of their own.",
        "That the source itself is right, complete or fair. The table is compared with it, faults included.",
        "Every single value. Measures are means over rows and columns; look at the worst parts under each.",
    ]
    made = [c.name for c in profile.columns if c.treatment != Treatment.MODEL]
    if made:
        which = ", ".join(made[:6]) + (f" and {len(made) - 6} more" if len(made) > 6 else "")
        lines.append(f"Anything about {which}: not modelled on the source, so that they relate to nothing.")
    lost = {s: [m.name for m in scorecard.measures if m.status == s and m.gates] for s in ("inconclusive", "error")}
    if lost["inconclusive"]:
        lines.append(f"What could not be found out on this table: {', '.join(lost['inconclusive'])}.")
    if lost["error"]:
        lines.append(f"What failed to be measured: {', '.join(lost['error'])}.")
    warned = [f.measure or f.check for f in verdict.findings if f.severity == "warn" and not f.holds]
    if warned:
        lines.append(f"What the policy only warns of: {', '.join(warned)}.")
    lines.append(
        f"A guarantee by construction, beyond what the generator states: {_plain(provenance.generator.privacy)}"
    )
    return tuple(lines)


def _plain(text: str) -> str:
    """A model card's text without the marks of code."""
    return text.replace("`", "")


__all__ = ["OUTCOMES", "STATUS", "WHY_STATUS", "attack", "conclusions", "not_certified", "said", "sentence", "summary"]
