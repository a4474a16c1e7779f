"""Records: the newest candidate of a dataset is the one just run, and evidence ages from its measurement."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lineage.kinds import CANDIDATE
from lineage.records import find_candidate, measured_time, record_candidate
from lineage.release import status_of
from lineage.times import utc_text
from proofset.errors import DeniedError
from tests.lineage.shop import DATASET, DAY, HOUR, NOW, Place, make_table


def test_going_back_to_an_earlier_candidate_makes_it_the_newest(place: Place) -> None:
    first, _ = place.record()
    place.record(replace(place.evidence, table=make_table(seed=1)), NOW + HOUR)
    again, folder = place.record(at=NOW + 2 * HOUR)
    assert again == first
    assert [e.subject for e in place.ledger.entries(CANDIDATE)][2:] == [first.digest]
    assert find_candidate(place.workspace, place.ledger, "shop") == (first, folder)
    entry = record_candidate(place.workspace, place.ledger, first, folder, NOW + 3 * HOUR)
    assert entry.seq == 3  # it is the newest already


def test_a_candidate_of_another_dataset_in_between_changes_nothing(place: Place) -> None:
    place.write("datasets/kiosk.yaml", DATASET.replace("dataset: shop", "dataset: kiosk"))
    place.record()
    place.record(replace(place.evidence, spec=place.workspace.dataset("kiosk").public()), NOW + HOUR)
    place.record(at=NOW + 2 * HOUR)
    assert len(place.ledger.entries(CANDIDATE)) == 2


def test_recording_again_does_not_make_evidence_younger(place: Place) -> None:
    candidate, folder = place.build()
    record_candidate(place.workspace, place.ledger, candidate, folder, NOW, NOW)
    late = NOW + 31 * DAY
    entry = record_candidate(place.workspace, place.ledger, candidate, folder, late, NOW)
    assert entry.body["measured_at"] == utc_text(NOW)
    place.sign(candidate, "ben", "cho", at=late)
    told = status_of(place.workspace, place.ledger, candidate.digest, late + HOUR).reasons
    assert told == ("the evidence is older than 30 days; measure again",)
    record_candidate(place.workspace, place.ledger, candidate, folder, late + HOUR, late)
    assert status_of(place.workspace, place.ledger, candidate.digest, late + HOUR).allowed


def test_only_a_measurement_more_than_a_day_newer_is_recorded_at_once(place: Place) -> None:
    candidate, folder = place.build()
    for measured, at, seq in [(NOW - 9 * DAY, NOW, 1), (NOW - 8 * DAY, NOW, 1), (NOW - 7 * DAY, NOW + HOUR, 2)]:
        entry = record_candidate(place.workspace, place.ledger, candidate, folder, at, measured)
        assert entry.seq == seq
    assert measured_time(entry) == NOW - 7 * DAY
    bare = entry.model_copy(update={"body": {k: v for k, v in entry.body.items() if k != "measured_at"}})
    assert measured_time(bare) == NOW + HOUR


def test_a_spec_changed_or_gone_denies_until_it_is_back(place: Place) -> None:
    candidate, _ = place.record()
    place.sign(candidate, "ben", "cho")
    path = place.workspace.root / "datasets" / "shop.yaml"
    for text, expected in [
        (DATASET.replace("seed: 7", "seed: 8"), "spec was changed since the candidate was made; run it again"),
        (DATASET.replace("owner: shop-team", "owner: other-team"), "spec was changed"),
        ("dataset: shop\n", "missing"),
        (None, "No dataset named 'shop'"),
    ]:
        path.write_text(text) if text else path.unlink()
        decision = status_of(place.workspace, place.ledger, candidate.digest, NOW + 2 * HOUR)
        assert not decision.allowed
        assert expected in "; ".join(decision.reasons)
        with pytest.raises(DeniedError, match=expected):
            place.release()
    path.write_text(DATASET)
    assert place.release().fresh
