"""Limits on a union: what a policy asks of one table, it also asks of all live releases of the source together. Pure.

A limit on `privacy.X` holds for `privacy.union_X` too, the same attack on everything that somebody may hold, wherever
other releases of the source were live when the table was measured. A limit on `privacy.membership_auc` holds for
`privacy.union_averaged_auc` as well: several noisy versions of a record, averaged, show more than each of them.
Where the policy itself sets a limit of that kind on the measure of the union, that one counts instead.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from proofset.evidence import Finding, Outcome
from proofset.policy_demands import Requirement

if TYPE_CHECKING:
    from proofset.policy import Policy

AVERAGED = "privacy.union_averaged_auc"
_SINGLE = "privacy.membership_auc"
_OF = (
    "exact_copy_rate", "near_copy_rate", "published_row_share", "membership_auc", "membership_tpr_at_1fpr",
    "membership_tpr_at_01fpr", "outlier_membership_auc", "singling_out_risk", "linkability_risk", "inference_risk",
    "k_anonymity", "rare_value_disclosure",
)  # fmt: skip
UNITED = {f"privacy.{name}": f"privacy.union_{name}" for name in _OF}
"""Measure of one table -> the same of the union."""
OF_UNION = frozenset((*UNITED.values(), AVERAGED))
"""Every measure of a union."""


def beside(requirement: Requirement, policy: Policy) -> Iterator[Requirement]:
    """The requirements on the union that go with one on a table, without those that the policy makes itself."""
    of = requirement.measure
    names = [UNITED[of]] if of in UNITED else []
    if of == _SINGLE:
        names.append(AVERAGED)
    made = [requirement.model_copy(update={"measure": name}) for name in names]
    own = {r.key for r in policy.requirements} if made else set()
    yield from (one for one in made if one.key not in own)


def requirements_with_unions(policy: Policy, checks: Collection[str]) -> tuple[Requirement, ...]:
    """Every requirement of the policy, each with those on the union that were judged. checks: of a verdict."""
    return tuple(
        one for r in policy.requirements for one in (r, *(also for also in beside(r, policy) if also.key in checks))
    )


def union_checks(policy: Policy) -> dict[str, str]:
    """Every check on the union that is made beside the policy's own -> the check it goes with."""
    return {also.key: r.key for r in policy.requirements for also in beside(r, policy)}


def together(found: Sequence[Finding], order: Sequence[Outcome]) -> Finding:
    """What a member of a group says: of a requirement and those on the union that go with it, the worst.

    order: outcomes, the worst first.
    """
    least = min(found, key=lambda f: (order.index(f.counts), order.index(f.outcome)))
    waivers = "; ".join(dict.fromkeys(f.waived for f in found if f.waived))
    waived = waivers if least.counts is Outcome.PASS else least.waived
    return least.model_copy(update={"absent": any(f.absent for f in found), "waived": waived})
