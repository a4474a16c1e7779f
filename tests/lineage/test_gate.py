"""The gate: every reason to deny, by its own test; and the control that nothing else is missing."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from lineage.candidate import CandidateFolder, read_candidate
from lineage.decisions import Signed, make_approval, read_approval
from lineage.gate import Circumstances, Decision, decide
from proofset.evidence import Outcome
from proofset.policy import Policy
from tests.lineage.shop import DATASET, DAY, HOUR, NOW, Place, make_measures


def asked(
    place: Place,
    parts: CandidateFolder,
    *,
    policy: Policy | None = None,
    signed: list[Signed] | None = None,
    now: datetime = NOW + HOUR,
    recorded_at: datetime | None = NOW,
    measured_at: datetime | None = None,
) -> Decision:
    both = signed if signed is not None else decisions(place, parts, "ben", "cho")
    today = policy or place.workspace.policy("sharing")
    spec = place.workspace.dataset("shop")
    around = Circumstances(recorded_at=recorded_at, measured_at=measured_at)
    decision = decide(parts, today, spec, both, place.roster, now, around)
    assert decision.allowed == (not decision.reasons)
    return decision


def decisions(place: Place, parts: CandidateFolder, *people: str) -> list[Signed]:
    return [
        read_approval(make_approval(parts.candidate, place.signers[p], place.roster, "approve", "", NOW), place.roster)
        for p in people
    ]


@pytest.fixture
def parts(place: Place) -> CandidateFolder:
    return read_candidate(place.build()[1])


def test_a_whole_candidate_with_its_approvals_is_allowed(place: Place, parts: CandidateFolder) -> None:
    decision = asked(place, parts)
    assert decision.allowed
    assert [f.outcome for f in decision.findings] == [Outcome.PASS] * 4


def reasons(decision: Decision) -> str:
    assert not decision.allowed
    return "; ".join(decision.reasons)


def test_an_empty_policy_denies(place: Place, parts: CandidateFolder) -> None:
    empty = Policy.model_construct(**(dict(place.workspace.policy("sharing")) | {"require": ()}))
    assert "demands nothing" in reasons(asked(place, parts, policy=empty))


def test_a_policy_edited_since_denies(place: Place, parts: CandidateFolder) -> None:
    laxer = place.workspace.policy("sharing").model_copy(update={"evidence_max_age_days": 31})
    assert "policy was changed" in reasons(asked(place, parts, policy=laxer))


def test_a_policy_for_other_purposes_denies(place: Place, parts: CandidateFolder) -> None:
    other = place.workspace.policy("sharing").model_copy(update={"purposes": ("analytics",)})
    assert "does not cover the purpose sharing" in reasons(asked(place, parts, policy=other))


def test_an_unrecorded_candidate_is_denied(place: Place, parts: CandidateFolder) -> None:
    assert "does not record" in reasons(asked(place, parts, recorded_at=None))


def test_a_record_from_the_future_is_denied(place: Place, parts: CandidateFolder) -> None:
    assert "future" in reasons(asked(place, parts, recorded_at=NOW + DAY))


def test_stale_evidence_is_denied(place: Place, parts: CandidateFolder) -> None:
    assert asked(place, parts, recorded_at=NOW + HOUR - 30 * DAY).allowed
    assert "older than 30 days" in reasons(asked(place, parts, recorded_at=NOW - 30 * DAY))


def test_evidence_ages_from_its_measurement_not_from_its_record(place: Place, parts: CandidateFolder) -> None:
    assert asked(place, parts, measured_at=NOW + HOUR - 30 * DAY).allowed
    assert "older than 30 days" in reasons(asked(place, parts, measured_at=NOW - 30 * DAY))
    assert "future" in reasons(asked(place, parts, measured_at=NOW + DAY))


def test_a_limit_beyond_any_calendar_is_no_error(place: Place, parts: CandidateFolder) -> None:
    endless = place.workspace.policy("sharing").model_copy(update={"evidence_max_age_days": 10**12})
    assert "older than" not in reasons(asked(place, parts, policy=endless, recorded_at=NOW - 9999 * DAY))


@pytest.mark.parametrize("change", ["seed: 8", "seed: 7\nschedule: 0 6 * * *"])
def test_a_spec_changed_since_denies(change: str, place: Place, parts: CandidateFolder) -> None:
    place.write("datasets/shop.yaml", DATASET.replace("seed: 7", change))
    assert "spec was changed since" in reasons(asked(place, parts))


def test_where_the_source_lies_is_no_change_of_the_spec(place: Place, parts: CandidateFolder) -> None:
    place.write("datasets/shop.yaml", DATASET.replace("data/visits", "elsewhere/visits"))
    assert asked(place, parts).allowed


def test_missing_approvals_are_denied(place: Place, parts: CandidateFolder) -> None:
    assert "1 of 2 approvals" in reasons(asked(place, parts, signed=decisions(place, parts, "ben")))


@pytest.mark.parametrize(
    ("part", "fields", "expected"),
    [
        ("scorecard", {"synthetic_digest": "0" * 64}, "scorecard is about another"),
        ("profile", {"source_digest": "0" * 64}, "profile is about another source"),
        ("suite", {"synthetic_digest": "0" * 64}, "ran on other bytes"),
        ("verdict", {"findings": ()}, "stored verdict is not what"),
        ("spec", {"title": "Another"}, "spec is not the one"),
    ],
)
def test_evidence_that_does_not_hang_together_is_denied(
    part: str, fields: dict[str, Any], expected: str, place: Place, parts: CandidateFolder
) -> None:
    changed = replace(parts, **{part: getattr(parts, part).model_copy(update=fields)})
    assert expected in reasons(asked(place, changed))


def test_a_measure_deleted_from_the_stored_evidence_is_denied(place: Place, parts: CandidateFolder) -> None:
    """Without rewriting digests: the stored verdict still says pass, and is not believed."""
    fewer = parts.scorecard.model_copy(update={"measures": parts.scorecard.measures[1:]})
    assert parts.verdict.outcome is Outcome.PASS
    told = reasons(asked(place, replace(parts, scorecard=fewer)))
    assert "fidelity.shape_error ≤ 0.05: inconclusive, not measured" in told
    assert "the verdict is about another scorecard" in told


def test_a_measure_deleted_with_all_digests_rewritten_is_denied(place: Place) -> None:
    """A candidate that hangs together perfectly, but lacks a measure that its policy demands."""
    candidate, folder = place.build(replace(place.evidence, measures=make_measures()[1:]))
    assert candidate.outcome is Outcome.INCONCLUSIVE
    told = asked(place, read_candidate(folder)).reasons
    assert told == ("fidelity.shape_error ≤ 0.05: inconclusive, not measured",)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"suite_succeeds": False}, "validation_suite every expectation holds: fail"),
        ({"with_suite": False}, "validation_suite every expectation holds: inconclusive, did not run"),
        ({"licence": "BUSL-1.1"}, "generator_licence not BUSL-1.1: fail"),
    ],
)
def test_whatever_the_policy_demands_is_demanded_again(changes: dict[str, Any], expected: str, place: Place) -> None:
    _, folder = place.build(replace(place.evidence, **changes))
    assert expected in reasons(asked(place, read_candidate(folder)))


def test_a_measure_that_errored_or_straddles_is_denied(place: Place) -> None:
    first, *rest = make_measures()
    for changed, expected in [
        (first.model_copy(update={"high": 0.06}), "straddles"),
        (first.model_copy(update={"value": 0.08, "low": 0.07, "high": 0.09}), "fail"),
        (
            first.model_copy(update={"value": None, "low": None, "high": None, "status": "error"}),
            "inconclusive, measurement error",
        ),
    ]:
        _, folder = place.build(replace(place.evidence, measures=(changed, *rest)))
        assert expected in reasons(asked(place, read_candidate(folder)))
