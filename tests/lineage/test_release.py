"""Release: the way from a recorded candidate to a published folder, and every way that must not lead there."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from lineage.exports import EXPORTERS
from lineage.kinds import DENIAL, RELEASE
from lineage.ledger import open_ledger
from lineage.passport import INCLUSION, PASSPORT, read_passport
from lineage.record import RECORD
from lineage.release import approve, find_candidate, record_candidate, status_of
from lineage.roster import add_key
from lineage.signing import Signer
from lineage.verify import verify_release
from proofset.digest import sha256_file
from proofset.errors import DeniedError, ProofsetError, RosterError, UnknownNameError
from tests.lineage.shop import DAY, HOUR, NOW, POLICY, Place, make_table


def denied(place: Place, **options: object) -> str:
    """Release, expect a denial, and check that it is recorded and nothing is published."""
    before = len(place.ledger.entries(DENIAL))
    with pytest.raises(DeniedError) as caught:
        place.release(**options)  # type: ignore[arg-type]
    assert caught.value.exit_code == 1
    recorded = place.ledger.entries(DENIAL)
    assert len(recorded) == before + 1
    assert all(reason in str(caught.value) for reason in recorded[-1].body["reasons"])
    assert place.ledger.entries(RELEASE) == []
    assert not list(place.workspace.releases.rglob("*.json"))
    return str(caught.value)


def test_an_approved_candidate_is_published_whole_and_recorded(place: Place) -> None:
    candidate, folder = place.record()
    place.sign(candidate, "ben", "cho")
    released = place.release()
    assert released.fresh
    assert released.folder == place.workspace.releases / "shop" / candidate.digest[:12]
    assert all(check.ok for check in verify_release(released.folder, place.roster, NOW + DAY))
    for file in (*candidate.files,):
        assert (released.folder / file.path).read_bytes() == (folder / file.path).read_bytes()
    names = {p.relative_to(released.folder).as_posix() for p in released.folder.rglob("*") if p.is_file()}
    added = {"candidate.json", "approvals/ben.dsse.json", "approvals/cho.dsse.json", RECORD, PASSPORT, INCLUSION}
    assert names == {f.path for f in candidate.files} | added | set(EXPORTERS)
    entry = place.ledger.entries(RELEASE, candidate.digest)[0]
    assert entry.body["passport_digest"] == sha256_file(released.folder / PASSPORT) == released.passport_digest
    passport = read_passport(released.folder, place.roster)
    assert passport.ledger.size == entry.seq - 1
    assert passport.ledger_key == place.ledger.vkey
    assert [a.person for a in passport.approvals] == ["ben", "cho"]
    assert passport.released_by == "ada@example.org"
    assert json.loads((released.folder / PASSPORT).read_bytes())["payloadType"] == "application/vnd.in-toto+json"


def test_releasing_again_changes_nothing(place: Place) -> None:
    candidate, _ = place.record()
    place.sign(candidate, "ben", "cho")
    first = place.release()
    entries = place.ledger.verify()
    for ref, later in [("shop", 3 * HOUR), (candidate.digest, 300 * DAY), (candidate.digest[:6], DAY)]:
        assert place.release(ref, NOW + later) == replace(first, fresh=False)
    assert place.ledger.verify() == entries


def test_a_damaged_release_is_named_not_repaired(place: Place) -> None:
    candidate, _ = place.record()
    place.sign(candidate, "ben", "cho")
    released = place.release()
    (released.folder / "report.html").write_text("nicer")
    with pytest.raises(DeniedError, match=r"report\.html"):
        place.release()


def test_a_lost_release_is_published_anew(place: Place) -> None:
    candidate, _ = place.record()
    place.sign(candidate, "ben", "cho")
    first = place.release()
    shutil.rmtree(first.folder)
    second = place.release(now=NOW + 3 * HOUR)
    assert second.fresh
    assert [e.body["passport_digest"] for e in place.ledger.entries(RELEASE)] == [
        first.passport_digest,
        second.passport_digest,
    ]


def test_one_of_two_approvals_is_denied(place: Place) -> None:
    candidate, _ = place.record()
    place.sign(candidate, "ben")
    told = denied(place)
    assert "1 of 2 approvals" in told
    assert "privacy_officer" in told


def test_two_keys_of_one_person_are_denied(place: Place) -> None:
    candidate, _ = place.record()
    second = Signer.generate()
    add_key(place.workspace.roster_path, "cho", "Cho", "cho@example.org", [], second.public, NOW.date())
    place.signers["cho2"] = second
    place.sign(candidate, "cho", "cho2")
    assert "1 of 2 approvals" in denied(place)


def test_an_approval_of_other_bytes_does_not_count(place: Place) -> None:
    first, _ = place.record()
    place.sign(first, "ben", "cho")
    second, _ = place.record(replace(place.evidence, table=make_table(seed=1)), NOW + HOUR)
    assert "0 of 2 approvals" in denied(place)
    # Nor does it where the ledger is told that it was about these bytes.
    for entry in place.ledger.entries("approval"):
        place.ledger.append("approval", second.digest, entry.body, NOW + 2 * HOUR)
    assert "about other bytes" in denied(place, now=NOW + 3 * HOUR)
    assert place.release(first.digest, NOW + 4 * HOUR).fresh  # the control


def test_an_expired_approval_is_denied(place: Place) -> None:
    candidate, _ = place.record()
    place.sign(candidate, "ben", "cho")
    assert "older than 20 days" in denied(place, now=NOW + 21 * DAY)


def test_a_rejection_is_denied_until_withdrawn(place: Place) -> None:
    candidate, _ = place.record()
    place.sign(candidate, "ben", "cho")
    place.sign(candidate, "cho", decision="reject", at=NOW + 2 * HOUR)
    assert "cho rejected it" in denied(place, now=NOW + 3 * HOUR)
    place.sign(candidate, "cho", at=NOW + 4 * HOUR)
    assert place.release(now=NOW + 5 * HOUR).fresh


def test_ones_own_request_is_denied(place: Place) -> None:
    candidate, _ = place.record()
    with pytest.raises(DeniedError, match="asked for this candidate"):
        place.sign(candidate, "ada")
    place.sign(candidate, "cho")
    assert "1 of 2 approvals" in denied(place)


def test_a_policy_edited_after_approval_is_denied(place: Place) -> None:
    candidate, _ = place.record()
    place.sign(candidate, "ben", "cho")
    place.write("policies/sharing.yaml", POLICY.replace("max: 0.05", "max: 0.5"))
    assert "policy was changed" in denied(place)
    place.write("policies/sharing.yaml", POLICY.replace("[sharing]", "[analytics]"))
    assert "is not for purpose 'sharing'" in denied(place)
    place.write("policies/sharing.yaml", POLICY)
    assert place.release().fresh


def test_stale_evidence_is_denied_until_recorded_again(place: Place) -> None:
    candidate, folder = place.record()
    late = NOW + 40 * DAY
    place.sign(candidate, "ben", "cho", at=late)
    assert "evidence is older than 30 days" in denied(place, now=late + HOUR)
    record_candidate(place.workspace, place.ledger, candidate, folder, late + 2 * HOUR)
    assert place.release(now=late + 3 * HOUR).fresh


def test_an_unrecorded_candidate_cannot_be_named(place: Place) -> None:
    candidate, _ = place.build()
    for ref in ("shop", candidate.digest):
        with pytest.raises(UnknownNameError, match="no recorded candidate|too short"):
            place.release(ref)
    with pytest.raises(UnknownNameError, match="no recorded candidate"):
        place.sign(candidate, "ben")


def test_a_failing_candidate_is_recorded_signed_and_denied(place: Place) -> None:
    candidate, _ = place.record(replace(place.evidence, suite_succeeds=False))
    place.sign(candidate, "ben", "cho")
    assert "validation_suite" in denied(place)


@pytest.mark.parametrize("path", ["evidence/scorecard.json", "data/visits.parquet", "candidate.json"])
def test_a_candidate_damaged_after_approval_is_denied(path: str, place: Place) -> None:
    candidate, folder = place.record()
    place.sign(candidate, "ben", "cho")
    data = bytearray((folder / path).read_bytes())
    data[len(data) // 2] ^= 4
    (folder / path).write_bytes(bytes(data))
    assert path in denied(place)
    assert not status_of(place.workspace, place.ledger, candidate.digest, NOW + HOUR).allowed


def test_another_candidate_in_the_recorded_folder_is_denied(place: Place) -> None:
    candidate, folder = place.record()
    place.sign(candidate, "ben", "cho")
    other, elsewhere = place.build(replace(place.evidence, table=make_table(seed=1)))
    shutil.rmtree(folder)
    shutil.copytree(elsewhere, folder)
    assert "holds another candidate" in denied(place)
    with pytest.raises(DeniedError, match="holds another candidate"):
        place.sign(candidate, "dia")
    with pytest.raises(DeniedError, match="holds another candidate"):
        record_candidate(place.workspace, place.ledger, candidate, elsewhere, NOW)
    assert other.digest != candidate.digest


def test_only_a_releaser_may_sign(place: Place) -> None:
    candidate, _ = place.record()
    place.sign(candidate, "ben", "cho")
    with pytest.raises(DeniedError, match="may not sign a release"):
        place.release(signer="ben")
    assert place.ledger.entries(RELEASE) == []


def test_a_key_taken_from_the_roster_no_longer_counts(place: Place) -> None:
    candidate, _ = place.record()
    place.sign(candidate, "ben", "cho")
    path = place.workspace.roster_path
    text = path.read_text()
    path.write_text(text.replace(place.roster.people[1].keys[0].plain()["id"], "0" * 64))
    with pytest.raises(RosterError):
        place.release()
    blocks = text.split("- id: ")
    kept = [b for b in blocks if not b.startswith(("ben", place.signers["ben"].key_id))]
    path.write_text("- id: ".join(kept))
    assert "does not count: The signing key" in denied(place)


def test_a_spoiled_decision_in_the_ledger_does_not_count(place: Place) -> None:
    candidate, _ = place.record()
    place.sign(candidate, "ben")
    place.ledger.append("approval", candidate.digest, {"person": "cho"}, NOW + HOUR)
    assert "holds no envelope" in denied(place)


def test_a_folder_put_in_the_releases_place_is_moved_away(place: Place) -> None:
    candidate, folder = place.record()
    place.sign(candidate, "ben", "cho")
    target = place.workspace.releases / "shop" / candidate.digest[:12]
    shutil.copytree(folder, target)
    first = place.release()
    assert first.fresh
    moved = place.workspace.private / "withdrawn" / f"{target.name}-1"
    assert (moved / "candidate.json").read_bytes() == (folder / "candidate.json").read_bytes()
    assert all(check.ok for check in verify_release(target, place.roster, NOW + DAY))


def test_a_release_put_in_anothers_place_is_named(place: Place) -> None:
    candidate, _ = place.record()
    place.sign(candidate, "ben", "cho")
    target = place.release().folder
    beside = replace(place.evidence, table=make_table(seed=1), union=(candidate.synthetic_digest,))
    other, _ = place.record(beside, NOW + 3 * HOUR)
    place.sign(other, "ben", "cho", at=NOW + 4 * HOUR)
    shutil.rmtree(target)
    shutil.copytree(place.release(other.digest, NOW + 5 * HOUR).folder, target)
    with pytest.raises(DeniedError, match="of another candidate"):
        place.release(candidate.digest, NOW + 6 * HOUR)


def test_recording_again_within_a_day_adds_nothing(place: Place) -> None:
    candidate, folder = place.record()
    again = [record_candidate(place.workspace, place.ledger, candidate, folder, NOW + t) for t in (HOUR, DAY, 2 * DAY)]
    assert [e.seq for e in again] == [1, 1, 2]
    body = again[0].body
    assert body["folder"] == f".proofset/candidates/shop/{candidate.synthetic_digest[:12]}"
    assert str(place.workspace.root) not in json.dumps(body)


def test_a_candidate_outside_the_workspace_is_not_recorded(place: Place, tmp_path: Path) -> None:
    candidate, folder = place.build()
    shutil.copytree(folder, tmp_path / "outside")
    with pytest.raises(ProofsetError, match="outside the workspace"):
        record_candidate(place.workspace, place.ledger, candidate, tmp_path / "outside", NOW)


def test_a_candidate_is_found_by_name_and_by_prefix(place: Place) -> None:
    first, _ = place.record()
    second, folder = place.record(replace(place.evidence, table=make_table(seed=1)), NOW + HOUR)
    assert find_candidate(place.workspace, place.ledger, "shop") == (second, folder)
    assert find_candidate(place.workspace, place.ledger, first.digest[:8])[0] == first
    for ref, expected in [("shopp", "too short"), (first.digest[:5], "too short"), ("f" * 64, "no recorded")]:
        with pytest.raises(UnknownNameError, match=expected):
            find_candidate(place.workspace, place.ledger, ref)
    place.ledger.append("candidate", "feedface" + "0" * 56, {"candidate": {"dataset": "old"}})
    with pytest.raises(ProofsetError, match="Ledger entry 3 does not describe"):
        find_candidate(place.workspace, place.ledger, "feedface")


def test_an_approval_is_recorded_with_its_envelope_and_the_status_follows(place: Place) -> None:
    candidate, _ = place.record()
    assert "0 of 2 approvals" in status_of(place.workspace, place.ledger, candidate.digest[:6], NOW).reasons
    entry = approve(place.workspace, place.ledger, candidate.digest[:6], place.signers["ben"], comment="fine", at=NOW)
    assert entry.subject == candidate.digest
    assert entry.body["comment_length"] == 4
    assert entry.body["envelope"]["signatures"][0]["keyid"] == place.signers["ben"].key_id
    place.sign(candidate, "ben", "cho")
    assert status_of(place.workspace, place.ledger, candidate.digest, NOW + HOUR).allowed
    assert open_ledger(place.workspace).verify() == 4
