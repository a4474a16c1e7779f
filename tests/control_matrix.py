"""What every measure must say of every control: one table, which a test asserts and `docs/controls.md` shows.

`python -m tests.control_matrix` writes the table into the page.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proofset.drift import DriftVerdict
from proofset.evidence import Measure, Outcome
from proofset.policy_demands import Requirement
from proofset.policy_judge import weigh
from quality import REGISTRY
from quality.base import Context
from quality.drift import compare
from tests.control_worlds import SEED, TABLES

PAGE = Path(__file__).parents[1] / "docs" / "controls.md"
BEGIN, END = "<!-- the table: python -m tests.control_matrix -->", "<!-- end of the table -->"
WORDS = {"P": "passes", "F": "**fails**", "-": "–"}
"""P: the cautious end of the interval keeps the limit. F: it does not. -: no meaning here, or no power."""


@dataclass(frozen=True)
class Row:
    """One measure. limit: as in a policy.  outcomes: one letter for each of TABLES, in their order."""

    outcomes: str
    limit: dict[str, float]

    def of(self, table: str) -> str:
        """The letter of one table."""
        return self.outcomes.split()[list(TABLES).index(table)]


def row(outcomes: str, **limit: float) -> Row:
    """A row of the table."""
    return Row(outcomes, limit)


# fmt: off
MATRIX: dict[str, dict[str, Row]] = {
    # in order: honest, copier, copier with noise, marginals, collapser, label shuffler, subgroup dropper
    "validity": {
        "validity.schema":                    row("P P P P P P P", min=1),
        "validity.ranges":                    row("P P P P P P P", min=0.99),
        "validity.categories":                row("P P P P P P P", min=0.99),
        "validity.keys":                      row("P P P P P P P", min=1),
        "validity.constraints":               row("P P F F P P P", min=0.999),
        "validity.missingness":               row("P P P P F P P", min=0.97),
    },
    "sdmetrics": {
        "diagnostic.validity":                row("P P P P P P P", min=0.99),
        "diagnostic.structure":               row("P P P P P P P", min=1),
        "fidelity.sdmetrics_quality":         row("P P P F F P P", min=0.95),
    },
    "fidelity": {
        "fidelity.shape_error":               row("P P P P F P P", max=0.03),
        "fidelity.pair_error":                row("P P F F F P P", max=0.05),
        "fidelity.every_pair_error":          row("P P P F F P P", max_excess=0.04),
        "fidelity.triple_error":              row("P P P F F P P", max_excess=0.04),
        "fidelity.wasserstein":               row("P P P P F P P", max=0.08),
        "fidelity.range_coverage":            row("P P P P F P P", min=0.9),
        "fidelity.category_coverage":         row("P P P P F P F", min=0.972),
        "fidelity.mean_error":                row("P P P P F P P", max=0.08),
        "fidelity.spread_error":              row("P P P P F P P", max=0.08),
        "fidelity.correlation_error":         row("P P P F F P P", max=0.06),
    },
    "detection": {
        "fidelity.c2st_auc":                  row("P P F F F F F", max=0.52),
    },
    "coverage": {
        "fidelity.alpha_precision":           row("P P P P F P P", min=0.9),
        "fidelity.beta_recall":               row("P P P F F P P", min_ratio=0.9),
    },
    "utility": {
        "utility.tstr_auc":                   row("P P P F F F P", min_ratio=0.75),
        "utility.tstr_r2":                    row("- - - - - - -", min_ratio=0.9),
        "utility.tstr_gap":                   row("P P P F F F P", max=0.1),
        "utility.trts_auc":                   row("P P P F P F P", min_ratio=0.9),
        "utility.trts_r2":                    row("- - - - - - -", min_ratio=0.9),
        "utility.importance_agreement":       row("P P P F F F P", min=0.2),
        "utility.uplift":                     row("P P P F P F P", min=-0.085),
    },
    "fairness": {
        "fairness.representation_error":      row("P P P P F P F", max=0.05),
        "fairness.pair_representation_error": row("P P P P F P F", max=0.05),
        "fairness.parity_gap":                row("P P P P F P P", max_excess=0.3),
        "fairness.odds_gap":                  row("P P P P F P P", max_excess=0.45),
        "fairness.bias_amplification":        row("P P P P F P P", max=0.15),
    },
    "copies": {
        "privacy.exact_copy_rate":            row("P F F P F F F", max_excess=0.01),
        "privacy.published_row_share":       row("P F F P P F F", max_excess=0.01),
        "privacy.near_copy_rate":             row("P F F P F F F", max_excess=0.01),
    },
    "membership": {
        "privacy.membership_auc":             row("P F F P P F F", max=0.54),
        "privacy.membership_tpr_at_1fpr":     row("P F F P P F F", max=0.03),
        "privacy.membership_tpr_at_01fpr":    row("P F F P P F F", max=0.01),
        "privacy.outlier_membership_auc":     row("P F F P P F F", max=0.6),
    },
    "singling_out": {
        "privacy.singling_out_risk":          row("P F F F F F F", max=0.1),
    },
    "linkability": {
        "privacy.linkability_risk":           row("P F F P P F F", max=0.1),
    },
    "inference": {
        "privacy.inference_risk":             row("P F F P P F F", max=0.1),
    },
    "disclosure": {
        "privacy.k_anonymity":                row("P P P P P P P", max_excess=0.05),
        "privacy.rare_value_disclosure":      row("P F F F P F F", max_excess=0.08),
    },
    "distances": {
        "privacy.dcr_share":                  row("P F F P F F F", max=0.55),
        "privacy.nndr":                       row("P F F P F F F", min_ratio=0.9),
    },
    "canaries": {
        "privacy.canary_exposure":            row("P F F P P F F", max=0.6),
    },
    "pii": {
        "privacy.pii_leak":                   row("P P P P P P P", max=0.01),
    },
    "drift": {
        "drift.verdict":                      row("P P P F F P F"),
    },
}
"""By family and measure. The family `drift` compares snapshots and is no part of a scorecard; a stable one passes."""
# fmt: on

MUST: dict[str, tuple[str, ...]] = {
    "copier": ("privacy.exact_copy_rate", "privacy.membership_auc", "privacy.singling_out_risk",
               "privacy.linkability_risk", "privacy.inference_risk", "privacy.rare_value_disclosure"),
    "copier, 10 % noise": ("privacy.near_copy_rate", "privacy.membership_auc", "privacy.linkability_risk"),
    "marginals": ("fidelity.pair_error", "fidelity.c2st_auc", "utility.tstr_auc", "utility.tstr_gap"),
    "collapser": ("fidelity.shape_error", "fidelity.range_coverage", "fidelity.category_coverage",
                  "fidelity.c2st_auc", "fidelity.beta_recall"),
    "label shuffler": ("utility.tstr_auc", "utility.tstr_gap", "utility.trts_auc"),
    "subgroup dropper": ("fairness.representation_error", "fairness.pair_representation_error"),
}  # fmt: skip
"""What each control is made for: there, not even the optimistic end of the interval keeps the limit."""

UNBROKEN = (
    "diagnostic.structure", "diagnostic.validity", "privacy.k_anonymity", "privacy.pii_leak",
    "utility.trts_r2", "utility.tstr_r2",
    "validity.categories", "validity.keys", "validity.ranges", "validity.schema",
)  # fmt: skip
"""What none of these controls breaks; it is tested with defects of its own."""


def requirement(measure: str, limit: dict[str, Any]) -> Requirement:
    """The limit as a policy writes it."""
    return Requirement(measure=measure, **limit)


def letter(measure: Measure, limit: dict[str, float]) -> tuple[str, Outcome]:
    """How a measure turns out, and what a policy says; a warning is weighed as if it could gate.

    Raises AssertionError where measuring failed.
    """
    if measure.status == "error":
        raise AssertionError(f"{measure.name}: {measure.detail}")
    outcome = weigh(requirement(measure.name, limit), measure.model_copy(update={"gates": True})).outcome
    if measure.status != "ok":
        return "-", outcome
    return ("P" if outcome is Outcome.PASS else "F"), outcome


def measured(context: Context) -> dict[str, Measure]:
    """Every registered measure, by name."""
    return {m.name: m for name in REGISTRY for m in REGISTRY[name].observe(context).measures}


def drifts(context: Context) -> str:
    """The letter of drift, from the train part to the table."""
    report = compare(context.train, context.synthetic, context.profile, SEED)
    return "P" if report.verdict is DriftVerdict.STABLE else "F"


def _limit(measure: str, one: Row) -> str:
    return requirement(measure, dict(one.limit)).text() if one.limit else "stable"


def page() -> str:
    """The table in Markdown: by family, where one failing measure fails the family, and by measure."""
    names = list(TABLES)
    rule = "|---" * (len(names) + 1) + "|"
    lines = [f"| family | {' | '.join(names)} |", rule]
    for family, rows in MATRIX.items():
        cells = []
        for name in names:
            letters = {one.of(name) for one in rows.values()}
            cells.append(WORDS["F" if "F" in letters else "P" if "P" in letters else "-"])
        lines.append(f"| `{family}` | {' | '.join(cells)} |")
    lines += ["", f"| measure | limit | {' | '.join(names)} |", rule + "---|"]
    for rows in MATRIX.values():
        for measure, one in rows.items():
            told = " | ".join(WORDS[one.of(name)] for name in names)
            lines.append(f"| `{measure}` | {_limit(measure, one)} | {told} |")
    return "\n".join(lines)


def written(text: str) -> str:
    """The page with the table in its place."""
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    return f"{before}{BEGIN}\n{page()}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
