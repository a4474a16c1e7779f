"""Evidence with every status, family and outcome there is, for the tests of the report."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace

import pyarrow as pa
import pytest

from proofset.evidence import Measure, Profile, Provenance, Scorecard, Share, SuiteResult
from proofset.policy import Policy
from proofset.policy_judge import Facts, judge
from proofset.spec import Purpose, TableSpec
from quality.gx_suite import run_suite
from quality.report import Reports, render

FACTS = Facts(licence="Apache-2.0", generator="trees", generations=1, residency="", purpose=Purpose.SHARING)
TODAY = date(2026, 3, 1)

NONE = {
    "value": None, "low": None, "high": None, "reference": None, "reference_low": None, "reference_high": None,
    "parts": (), "n": 0,
}  # fmt: skip
BASE = {"n": 2000, "direction": "lower", "floor": 0, "ceiling": 1}
GROUPS = tuple(
    Share(part=f"sex=s{i} × race=r{i % 7}", value=0.2 - 0.0009 * i, low=0.01, high=0.25, reference=0.1, n=300 + i)
    for i in range(200)
)


def made(name: str, **given: object) -> Measure:
    """A measure with the usual range and title."""
    return Measure.model_validate({"name": name, "title": f"Title of {name}", "method": "a method", **BASE, **given})


def every_kind() -> Scorecard:
    """Every status, warnings, many groups, a family nobody knows, samples, measures without a reference."""
    measures = [
        made("validity.ranges", value=1.0, low=1.0, high=1.0, direction="higher", reference=1.0, reference_low=1.0,
             reference_high=1.0),
        made("fidelity.shape_error", value=0.0115, low=0.0095, high=0.0135, reference=0.005, reference_low=0.004,
             reference_high=0.006, parts=(Share(part="age", value=0.02), Share(part="city", value=0.01))),
        made("fidelity.pair_error", value=0.02, low=0.01, high=0.03,
             parts=(Share(part="age × city", value=0.3, reference=0.1), Share(part="city × plan", value=0.01))),
        made("fidelity.c2st_auc", status="error", detail="MemoryError"),
        made("utility.tstr_auc", value=0.81, low=0.8, high=0.82, direction="higher", unit="AUC", reference=0.9,
             reference_low=0.89, reference_high=0.91),
        made("utility.tstr_r2", status="unsupported", detail="the target is a category", unit="R²"),
        made("utility.uplift", value=-0.02, low=-0.04, high=-0.0001, floor=-2, ceiling=2, unit="difference",
             reference=0.0002, direction="higher"),
        made("privacy.singling_out_risk", value=0.15, low=0.12, high=0.18, reference=0.01,
             detail="by univariate conditions; success 0.200, on the control 0.060, by guessing 0.002; positive "
             "control: risk 0.300 [0.200, 0.400]"),
        made("privacy.inference_risk", value=0.0, low=0.0, high=0.03, detail="said otherwise"),
        made("privacy.linkability_risk", status="inconclusive", detail="the attack does not find rows planted for it"),
        made("privacy.membership_auc", value=0.52, low=0.5, high=0.54, sampled="8,000 of 32,561 rows, seed x"),
        made("privacy.membership_tpr_at_1fpr", value=0.02, low=0.01, high=0.03, reference=0.01),
        made("privacy.membership_tpr_at_01fpr", value=0.002, low=0.001, high=0.003),
        made("privacy.outlier_membership_auc", status="error", detail=""),
        made("privacy.exact_copy_rate", value=0.00001, low=0.0, high=0.001, reference=0.0014),
        made("privacy.near_copy_rate", value=0.2, low=0.1, high=0.3),
        made("privacy.k_anonymity", value=0.1, low=0.09, high=0.11, reference=0.12),
        made("privacy.rare_value_disclosure", value=0.1, low=0.09, high=0.11, reference=0.12),
        made("privacy.canary_exposure", status="unsupported", detail="no canaries were planted"),
        made("privacy.dcr_share", value=0.51, low=0.49, high=0.53, reference=0.5, gates=False),
        made("privacy.nndr", status="inconclusive", detail="fewer than 100 holdout rows", gates=False),
        made("fairness.parity_gap", value=0.2, low=0.15, high=0.25, reference=0.18, unit="difference", parts=GROUPS),
        made("fairness.representation_error", value=0.05, low=0.04, high=0.06, reference=0.01),
        made("timeliness.age", value=3.2, low=2.0, high=4.5, unit="days", ceiling=1e6),
    ]  # fmt: skip
    return Scorecard(
        train_digest="1" * 64,
        holdout_digest="2" * 64,
        synthetic_digest="3" * 64,
        measures=tuple(measures),
        versions={"proofset": "1"},
    )


def every_demand(**more: object) -> Policy:
    """Demands that pass, fail, are open, to be reviewed, waived, warnings, grouped, on parts, and about nothing."""
    return Policy.model_validate(
        {
            "policy": "sharing",
            "purposes": ["sharing"],
            "require": [
                {"measure": "validity.ranges", "min": 1.0, "why": "Ranges are kept.", "source": "a source"},
                {"measure": "fidelity.shape_error", "max": 0.01},
                {"measure": "fidelity.c2st_auc", "max": 0.6},
                {"measure": "utility.tstr_auc", "min": 0.9},
                {"measure": "utility.uplift", "min": 0.0, "end": "value", "severity": "warn"},
                {"measure": "privacy.singling_out_risk", "max": 0.1, "end": "optimistic"},
                {"measure": "privacy.linkability_risk", "max": 0.1, "when_inconclusive": "review"},
                {"measure": "privacy.not_there", "max": 0.1, "why": "Nobody measures this."},
                {"measure": "nowhere.to_be_found", "max": 0.1, "severity": "warn"},
                {"measure": "privacy.dcr_share", "max": 0.6, "severity": "warn"},
                {"measure": "fairness.parity_gap", "max": 0.2, "of": "each"},
                {"measure": "fairness.representation_error", "max": 0.01, "of": "worst", "severity": "warn"},
                {
                    "any_of": [
                        {"measure": "privacy.exact_copy_rate", "max_excess": 0.001},
                        {"measure": "privacy.near_copy_rate", "min_ratio": 0.5},
                    ],
                    "name": "copies",
                    "why": "It repeats no more than others do.",
                },
            ],
            "forbid": {"licences": ["BUSL-1.1"], "max_generations": 1},
            "waivers": [
                {"measure": "utility.tstr_auc", "why": "accepted for now", "by": "grace@example.org",
                 "until": "9999-12-31"}
            ],
            "approvals": {"required": 2, "roles": ["data_steward"]},
            **more,
        }
    )  # fmt: skip


@pytest.fixture(scope="session")
def suite(fresh: pa.Table, profile: Profile) -> SuiteResult:
    return run_suite(fresh, "3" * 64, profile, TableSpec())


@pytest.fixture(scope="session")
def kinds() -> SimpleNamespace:
    """The functions above and the usual facts."""
    return SimpleNamespace(card=every_kind, policy=every_demand, made=made, facts=FACTS, today=TODAY)


@pytest.fixture(scope="session")
def everything(provenance: Provenance, profile: Profile, suite: SuiteResult, fresh: pa.Table) -> Reports:
    """The reports about evidence of every kind."""
    card, policy = every_kind(), every_demand()
    verdict = judge(policy, card, suite, FACTS, TODAY)
    return render(provenance, profile, card, suite, verdict, policy, fresh)
