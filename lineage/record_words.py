"""Words of the provenance record: the attacker each family of privacy measures supposes. See docs/privacy.md."""

from __future__ import annotations

from collections.abc import Sequence

from lineage.record_sections import Attack
from proofset.evidence import Measure
from proofset.policy_union import OF_UNION

SINGLING_OUT, LINKABILITY, INFERENCE = "singling out", "linkability", "inference"
WP216 = (SINGLING_OUT, LINKABILITY, INFERENCE)
"""The three risks of Opinion 05/2014 on anonymisation techniques (WP216)."""

_FAMILIES: tuple[tuple[str, str | None, tuple[str, ...], str], ...] = (
    (
        "singling out", SINGLING_OUT, ("singling_out_risk",),
        "Somebody with the released table reads off it conditions that one of its rows alone fulfils, and claims that "
        "exactly one person of the source fulfils them.",
    ),
    (
        "linkability", LINKABILITY, ("linkability_risk",),
        "Somebody holds two files about the same people without names, each with half of the columns, and joins the "
        "rows whose nearest released rows are the same.",
    ),
    (
        "attribute inference", INFERENCE, ("inference_risk", "rare_value_disclosure"),
        "Somebody knows everything about a person but one column, and reads that one off the most similar released "
        "rows.",
    ),
    (
        "membership inference", None,
        ("membership_auc", "membership_tpr_at_1fpr", "membership_tpr_at_01fpr", "outlier_membership_auc"),
        "Somebody holds a person's whole row and wants to know whether the generator learned from it, judging by how "
        "near the released rows come to it.",
    ),
    (
        "copies", SINGLING_OUT,
        ("exact_copy_rate", "near_copy_rate", "published_row_share", "dcr_share", "nndr", "k_anonymity"),
        "Somebody looks for real rows among the released ones, or for released rows that come nearer to a real row "
        "than real rows do to one another.",
    ),
    (
        "identifiers in texts", SINGLING_OUT, ("pii_leak",),
        "Somebody searches the released texts for names, addresses and numbers that identify a person of the source.",
    ),
    (
        "all live releases together", None, tuple(sorted(name.removeprefix("privacy.") for name in OF_UNION)),
        "Somebody holds every release of the source that is live, does all of the above with all of their rows, and "
        "averages their versions of a record, to undo what hides it in each.",
    ),
    (
        "memorisation", None, ("canary_exposure",),
        "Invented rows are planted into a second training; somebody tells them from rows that were withheld, by the "
        "distance to what that model makes.",
    ),
)  # fmt: skip
_OTHERS = "What each supposes stands in its method."


def attacks(measures: Sequence[Measure]) -> tuple[Attack, ...]:
    """The families that measures belong to, in a fixed order; measures of plugins come last, as `others`."""
    left = [m.name for m in measures]
    found: list[Attack] = []
    for family, risk, names, model in _FAMILIES:
        mine = tuple(n for n in left if n.removeprefix("privacy.") in names)
        if mine:
            found.append(Attack(family=family, wp216=risk, model=model, measures=mine))
            left = [n for n in left if n not in mine]
    if left:
        found.append(Attack(family="others", wp216=None, model=_OTHERS, measures=tuple(left)))
    return tuple(found)


def untested(measures: Sequence[Measure]) -> tuple[str, ...]:
    """Those of the three risks of WP216 for which no measure gave a value."""
    told = {m.name for m in measures if m.status == "ok"}
    met = {a.wp216 for a in attacks(measures) if a.family != "copies" and told & set(a.measures)}
    return tuple(risk for risk in WP216 if risk not in met)
