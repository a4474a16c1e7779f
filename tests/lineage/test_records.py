"""Records: the newest candidate of a dataset is the one just run, and evidence ages from its measurement."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from lineage import standing
from lineage.kinds import CANDIDATE, DENIAL, RELEASE
from lineage.lookup import lookup
from lineage.records import find_candidate, measured_time, record_candidate
from lineage.release import status_of
from lineage.times import utc_text
from proofset.errors import DeniedError, LedgerError
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


OTHER = "f" * 64
"""The subject of entries that another program wrote."""


def readers(place: Place) -> dict[str, Callable[[], Any]]:
    """What people ask of a ledger."""
    return {
        "find": lambda: find_candidate(place.workspace, place.ledger, "shop"),
        "record": lambda: place.record(at=NOW + 5 * HOUR),
        "lookup": lambda: lookup(place.workspace, place.ledger, "shop"),
        "lookup by digest": lambda: lookup(place.workspace, place.ledger, OTHER),
        "releases": lambda: standing.releases(place.ledger),
        "passports": lambda: standing.passports(place.ledger, OTHER),
        "states": lambda: standing.released_states(place.ledger, NOW + 5 * HOUR),
        "release": lambda: place.release(now=NOW + 5 * HOUR),
    }


def refused(place: Place, asked: Callable[[], Any], expected: str) -> None:
    """It must stop with an error that names the entry, and quotes nothing of its body."""
    seq = place.ledger.head.size
    with pytest.raises(LedgerError, match=f"Ledger entry {seq} {expected}") as caught:
        asked()
    assert "Another version of the platform wrote it" in caught.value.why
    assert "PRIVATE" not in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [{}, {"candidate": None}, {"candidate": "PRIVATE"}, {"candidate": {}}, {"candidate": {"dataset": ["PRIVATE"]}}],
)
@pytest.mark.parametrize("name", ["find", "record", "lookup", "lookup by digest", "release"])
def test_a_candidate_entry_without_its_dataset_is_named(released: Place, body: dict[str, Any], name: str) -> None:
    released.ledger.append(CANDIDATE, OTHER, body, NOW + 4 * HOUR)
    refused(released, readers(released)[name], "does not say its candidate.dataset")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"candidate": {"dataset": "shop"}}, "does not describe a candidate"),
        ({"provenance": None}, "does not say its provenance.source_digest"),
        ({"provenance": {"source_digest": 7}}, "does not say its provenance.source_digest"),
        ({"folder": None}, "does not say its folder"),
    ],
)
def test_lookup_names_a_candidate_entry_that_it_cannot_read(
    place: Place, change: dict[str, Any], expected: str
) -> None:
    candidate, _ = place.record()
    body = place.ledger.entries(CANDIDATE)[0].body | change
    place.ledger.append(CANDIDATE, candidate.digest, body, NOW + 4 * HOUR)
    query = "shop" if "folder" in change else OTHER
    refused(place, lambda: lookup(place.workspace, place.ledger, query), expected)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"passport_digest": None}, "does not say its passport_digest"),
        ({"passport_digest": ["PRIVATE"]}, "does not say its passport_digest"),
        ({"dataset": None}, "does not say its dataset"),
        ({"dataset": {"PRIVATE": 1}}, "does not say its dataset"),
        ({"expires_at": 7}, "does not say its expires_at"),
        ({"expires_at": "PRIVATE"}, "does not give its expires_at as a time"),
    ],
)
def test_a_release_entry_that_cannot_be_read_is_named(released: Place, change: dict[str, Any], expected: str) -> None:
    body = released.ledger.entries(RELEASE)[0].body | change
    body = {name: value for name, value in body.items() if value is not None}
    released.ledger.append(RELEASE, OTHER, body, NOW + 4 * HOUR)
    for name in ("releases", "passports", "states", "lookup", "release"):
        refused(released, readers(released)[name], expected)


@pytest.mark.parametrize("withdrawn", [["PRIVATE"], {"PRIVATE": 1}, 7, True])
def test_a_denial_entry_that_cannot_be_read_is_named(released: Place, withdrawn: object) -> None:
    released.ledger.append(DENIAL, OTHER, {}, NOW + 3 * HOUR)  # of a candidate that was never released: it names none
    assert len(standing.releases(released.ledger)) == 1
    released.ledger.append(DENIAL, OTHER, {"withdrawn": withdrawn}, NOW + 4 * HOUR)
    for name in ("releases", "passports", "states", "lookup", "release"):
        refused(released, readers(released)[name], "does not say its withdrawn")
