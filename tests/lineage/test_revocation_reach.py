"""Revocation and its list: reaching everything they must, and never being taken back by a file or a date."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lineage import standing
from lineage.decisions import make_approval
from lineage.kinds import APPROVAL, RELEASE, REVOCATION
from lineage.passport import INCLUSION, PASSPORT, read_passport, sign_passport
from lineage.records import append
from lineage.revocation import Made, Revocation, reached
from lineage.revocation_list import read_list, sign_list
from lineage.revoking import current_list, revoke
from lineage.roster import Roster, revoke_key, write_roster
from lineage.times import parse_utc, utc_text
from lineage.verify import verify_release
from orchestration.cli import app
from proofset.errors import DeniedError, LedgerError
from tests.lineage.released import folder_of, newest, other
from tests.lineage.shop import DAY, HOUR, LATER, NOW, Place, another_ledger, enter, named_ledger


def held(**changes: Any) -> Made:
    told = {"candidate": "c", "dataset": "shop", "sources": ("s",), "generator": "trees", "generator_version": "1"}
    return Made.model_validate(told | changes)


def gone(kind: str, target: str) -> Revocation:
    return Revocation.model_validate({"kind": kind, "target": target, "reason": "why", "who": "ada", "at": NOW})


def test_a_datasets_source_is_revoked_for_every_dataset_made_from_a_snapshot_of_it() -> None:
    made = [
        held(candidate="a"),
        held(candidate="b", dataset="renamed"),
        held(candidate="c", dataset="x", sources=("t",)),
    ]
    assert set(reached([gone("source", "dataset:shop")], made)) == {"a", "b"}


def test_revoking_the_release_of_a_dataset_means_the_one_that_is_out(released: Place) -> None:
    out = newest(released)
    fresh = other(released)
    assert newest(released) == fresh.digest
    found = revoke(released.workspace, released.ledger, "release", "shop", "a mistake", "ada", LATER)
    assert [(f.candidate, f.released) for f in found] == [(out, True)]


def test_a_release_that_does_not_say_whose_keys_it_rests_on_is_not_cleared_of_a_revoked_key(released: Place) -> None:
    entry = released.ledger.entries(RELEASE)[0]
    body = {k: v for k, v in entry.body.items() if k != "signatures"}
    released.ledger.append(RELEASE, entry.subject, body, LATER)
    key = released.signers["dia"].key_id
    found = revoke(released.workspace, released.ledger, "key", key, "stolen", "ada", LATER + HOUR)
    assert found == []  # recorded before: it may be hers, and then it stays good
    found = revoke(released.workspace, released.ledger, "key", key, "stolen", "ada", LATER + HOUR, NOW)
    assert [f.candidate for f in found] == [entry.subject]


@pytest.mark.parametrize("signatures", [[["a"]], [["a", "yesterday"]], 7])
def test_signatures_that_cannot_be_read_stop_everything(released: Place, signatures: Any) -> None:
    body = released.ledger.entries(RELEASE)[0].body | {"signatures": signatures}
    released.ledger.append(RELEASE, newest(released), body, LATER)
    released.ledger.append(REVOCATION, "x", {"kind": "key", "target": "x", "reason": "x", "who": "x"}, LATER)
    with pytest.raises(LedgerError, match="does not say by which keys"):
        standing.withdrawn(released.ledger)


def test_a_revocation_by_key_of_an_old_year_does_not_break_ledger_and_roster(released: Place) -> None:
    since = datetime(206, 11, 1, tzinfo=UTC)  # a typing error
    assert parse_utc(utc_text(since)) == since
    revoke(released.workspace, released.ledger, "key", released.signers["dia"].key_id, "lost", "ada", LATER, since)
    assert standing.withdrawn(released.ledger) == {}
    assert released.roster.flaw_of(released.signers["dia"].key_id, NOW)


def test_the_roster_and_the_ledger_name_one_moment_also_after_a_crash(released: Place) -> None:
    key = released.signers["ben"].key_id
    revoke_key(released.workspace.roster_path, key, NOW, "stolen")  # and then the power failed
    found = revoke(released.workspace, released.ledger, "key", key, "stolen", "ada", LATER)
    assert [f.candidate for f in found] == [newest(released)]
    assert released.ledger.entries(REVOCATION)[-1].body["since"] == utc_text(NOW)


def test_a_revoked_key_does_not_come_back_when_the_roster_forgets(place: Place) -> None:
    candidate, _ = place.record()
    key = place.signers["ben"].key_id
    before = place.workspace.roster_path.read_bytes()
    revoke(place.workspace, place.ledger, "key", key, "stolen", "ada", NOW + HOUR)
    place.workspace.roster_path.write_bytes(before)  # an old copy, or a merge that went wrong
    with pytest.raises(DeniedError, match="was revoked"):
        place.sign(candidate, "ben", at=NOW + 2 * HOUR)
    envelope = make_approval(candidate, place.signers["ben"], place.roster, "approve", "", NOW + 2 * HOUR)
    append(place.ledger, APPROVAL, candidate, {"envelope": envelope.plain()}, NOW + 2 * HOUR, "ben")
    place.sign(candidate, "cho", at=NOW + 2 * HOUR)
    with pytest.raises(DeniedError, match="was revoked"):
        place.release(now=NOW + 3 * HOUR)


def test_the_platforms_revoked_key_does_not_come_back_either(place: Place) -> None:
    candidate, _ = place.record()
    place.sign(candidate, "ben", "cho")
    before = place.workspace.roster_path.read_bytes()
    revoke(place.workspace, place.ledger, "key", place.signers["platform"].key_id, "stolen", "ada", NOW + HOUR)
    place.workspace.roster_path.write_bytes(before)
    with pytest.raises(DeniedError, match="A release cannot be signed"):
        place.release()


def test_a_passport_dated_back_behind_the_ledgers_record_of_it_does_not_count(released: Place, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(folder_of(released), tmp_path / "copy"))
    thief = released.signers["platform"]
    revoke(released.workspace, released.ledger, "key", thief.key_id, "stolen", "ada", NOW + 3 * HOUR)
    passport = read_passport(folder, released.roster).model_copy(update=named_ledger())
    (folder / PASSPORT).write_bytes(sign_passport(passport, thief).to_bytes())  # still dated before the theft
    enter(folder, passport.candidate)  # but recorded now, which is later
    bad = [c for c in verify_release(folder, released.roster) if not c.ok]
    assert [(c.name, c.file) for c in bad] == [("ledger", INCLUSION)]
    assert "was revoked" in bad[0].detail


def test_a_list_of_another_ledger_clears_nothing(released: Place) -> None:
    named_ledger()  # makes its key
    made = current_list(released.workspace, another_ledger(), LATER)
    read = read_list(sign_list(made, released.signers["platform"]).to_bytes(), "list", released.roster, LATER)
    bad = [c for c in verify_release(folder_of(released), released.roster, LATER, revocations=read) if not c.ok]
    assert [c.name for c in bad] == ["revocation"]
    assert "another ledger" in bad[0].detail


def test_a_list_older_than_the_release_clears_nothing(place: Place) -> None:
    candidate, _ = place.record()
    place.sign(candidate, "ben", "cho")
    early = current_list(place.workspace, place.ledger, NOW + HOUR)
    place.release()
    read = read_list(sign_list(early, place.signers["platform"]).to_bytes(), "list", place.roster, LATER)
    bad = [c for c in verify_release(folder_of(place), place.roster, LATER, revocations=read) if not c.ok]
    assert [c.name for c in bad] == ["revocation"]
    assert "older than the release" in bad[0].detail


def test_a_list_by_a_key_revoked_since_clears_nothing_whatever_its_date(released: Place) -> None:
    made = current_list(released.workspace, released.ledger, LATER)
    data = sign_list(made, released.signers["platform"]).to_bytes()
    assert read_list(data, "list", released.roster, LATER + HOUR) == made
    revoke(released.workspace, released.ledger, "key", released.signers["platform"].key_id, "x", "ada", LATER + HOUR)
    with pytest.raises(DeniedError, match="was revoked"):
        read_list(data, "list", released.roster, LATER + 2 * HOUR)


def test_a_list_does_not_choose_how_long_it_is_believed(released: Place) -> None:
    made = current_list(released.workspace, released.ledger, LATER)
    forever = made.model_copy(update={"good_until": utc_text(LATER + 3650 * DAY)})
    with pytest.raises(DeniedError, match="longer than"):
        read_list(sign_list(forever, released.signers["platform"]).to_bytes(), "list", released.roster, LATER)


def test_a_list_can_be_made_before_anything_is_recorded(place: Place) -> None:
    made = current_list(place.workspace, place.ledger, NOW)
    assert (made.withdrawn, made.ledger.size, made.ledger_key) == ((), 0, "")


def test_a_key_that_the_roster_no_longer_lists_is_revoked_all_the_same(released: Place) -> None:
    key = released.signers["ben"].key_id
    people = [p.plain() for p in released.roster.people if p.id != "ben"]
    write_roster(released.workspace.roster_path, Roster.model_validate({"people": people}))
    found = revoke(released.workspace, released.ledger, "key", key, "stolen", "ada", LATER, NOW)
    assert [f.candidate for f in found] == [newest(released)]


def test_a_table_that_was_revoked_is_not_cleared_by_a_candidate_that_nobody_released(
    released: Place, tmp_path: Path
) -> None:
    file = Path(shutil.copy(folder_of(released) / "data" / "visits.parquet", tmp_path / "found.parquet"))
    ask = ["--workspace", str(released.workspace.root), "lookup", str(file)]
    assert app.run(ask) == 0
    revoke(released.workspace, released.ledger, "release", "shop", "leaks", "ada", LATER)
    evidence = released.evidence
    evidence.requested_by = "dia@example.org"  # the same table, another candidate
    released.record(evidence, LATER)
    assert app.run(ask) == 1
