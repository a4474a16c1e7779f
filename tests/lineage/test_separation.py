"""People kept apart under every spelling and by every robot, and secrets kept out of errors."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

import lineage.roster as roster_module
from lineage import standing
from lineage.approval import tally
from lineage.decisions import Signed
from lineage.kinds import APPROVAL, DRIFT
from lineage.records import append
from lineage.revoking import revoke
from lineage.roster import Person, Roster
from lineage.signers import signer_from
from orchestration.cli import keys
from orchestration.keyring import release_signer
from proofset.errors import DeniedError, ProofsetError, RosterError, SpecError
from proofset.evidence import Candidate
from proofset.workspace import Workspace
from tests.lineage.shop import HOUR, NOW, Place


def person(name: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "name": name.title(), "email": f"{name}@example.org", "roles": ["data_steward"]} | more


def test_a_robot_answers_to_a_person_and_not_to_a_robot() -> None:
    Roster.model_validate({"people": [person("ada"), person("bot", robot=True, of="ada")]})
    with pytest.raises(ValueError, match="is a robot itself"):
        Roster.model_validate(
            {"people": [person("ada"), person("bot", robot=True, of="ada"), person("bot2", robot=True, of="bot")]}
        )
    with pytest.raises(ValueError, match="is a robot itself"):
        Roster.model_validate({"people": [person("bot", robot=True, of="bot")]})


def of_people(place: Place, **changes: dict[str, Any]) -> Roster:
    people = [p.plain() | changes.get(p.id, {}) for p in place.roster.people]
    return Roster.model_validate({"people": people})


def signed_by(place: Place, candidate: Candidate, *people: str) -> list[Signed]:
    return [
        Signed(
            person=one, key_id=place.signers[one].key_id, decision="approve", comment="", candidate=candidate.digest,
            evidence_digest=candidate.evidence_digest, policy_digest=candidate.policy_digest, signed_at=NOW,
        )
        for one in people
    ]  # fmt: skip


def test_two_robots_of_one_person_are_one_will(place: Place) -> None:
    candidate, _ = place.build()
    rule = place.workspace.policy("sharing").approvals.model_copy(update={"separation": (), "roles": ()})
    signed = signed_by(place, candidate, "ben", "cho")
    assert tally(rule, candidate, signed, place.roster, NOW).approved
    robots = of_people(place, ben={"robot": True, "of": "dia"}, cho={"robot": True, "of": "dia"})
    votes = tally(rule, candidate, signed, robots, NOW)
    assert (votes.approved, [s.person for s in votes.counted]) == (False, ["ben"])


def test_the_robot_of_somebody_kept_apart_is_kept_apart(place: Place) -> None:
    candidate, _ = place.build()
    rule = place.workspace.policy("sharing").approvals.model_copy(update={"separation": ("owner",)})
    roster = of_people(place, ben={"robot": True, "of": "dia"})
    signed = signed_by(place, candidate, "ben", "cho")
    assert tally(rule, candidate, signed, roster, NOW).approved
    votes = tally(rule, candidate, signed, roster, NOW, {"dia@example.org": "the dataset's owner"})
    assert not votes.approved
    assert any("keeps the dataset's owner apart" in r for r in votes.reasons)


@pytest.mark.parametrize(
    "alias",
    ["mu\u0308ller", "M\u00dcLLER", "M\u200b\u00fcller", "[m@example.org]", '"m@example.org"', "\uff4d@example.org"],
)
def test_a_requester_is_known_under_every_spelling(alias: str) -> None:
    known = Person.model_validate({"id": "m", "name": "M\u00fcller", "email": "m@example.org", "roles": ["x"]})
    assert known.is_called(alias)


def test_an_old_approval_that_is_entered_again_after_a_drift_does_not_count(place: Place) -> None:
    candidate, _ = place.record()
    place.sign(candidate, "ben", "cho")
    source = place.ledger.entries("candidate")[-1].body["provenance"]["source_digest"]
    drifted = {"dataset": "shop", "before": source, "after": "f" * 64, "verdict": "drifted"}
    place.ledger.append(DRIFT, "shop", drifted, NOW + 2 * HOUR)
    for entry in place.ledger.entries(APPROVAL):  # by whoever can append, without anybody's key
        append(place.ledger, APPROVAL, candidate, entry.body, NOW + 3 * HOUR, "x")
    with pytest.raises(DeniedError, match="the source drifted after it"):
        place.release(now=NOW + 4 * HOUR)


@pytest.mark.parametrize(("verdict", "ends"), [("stable", True), ("inconclusive", False), ("drifting", False)])
def test_a_drift_ends_by_a_comparison_that_finds_none(place: Place, verdict: str, ends: bool) -> None:
    for told in ("drifted", verdict):
        place.ledger.append(DRIFT, "shop", {"before": "a" * 64, "verdict": told}, NOW)
    assert (standing.drifted_at(place.ledger, "shop", "a" * 64) is None) == ends


def test_no_error_quotes_the_pin_of_a_token(tmp_path: Path) -> None:
    uri = "PKCS11:token=shop;object=key?module-path=/nowhere/lib.so&pin-value=271828"
    with pytest.raises(ProofsetError) as refused:
        signer_from(uri, tmp_path)
    error = refused.value
    assert "271828" not in f"{error} {error.what} {error.why} {error.fix}"


@pytest.mark.parametrize("named", ["-----BEGIN PRIVATE KEY-----\nMC4CAQA", "MC4CAQAwBQYDK2VwBCIEIA=="])
def test_no_error_quotes_a_key_that_was_given_for_its_name(tmp_path: Path, named: str) -> None:
    with pytest.raises(RosterError, match="none named") as refused:
        signer_from(f"env:{named}", tmp_path)
    assert "MC4" not in f"{refused.value} {refused.value.what} {refused.value.why} {refused.value.fix}"


def test_no_error_quotes_the_password_in_a_url(tmp_path: Path) -> None:
    (tmp_path / "proofset.yaml").write_text("workspace: shop\nledger: {url: 'postgresql://bob:hunter2@db/x'}\n")
    with pytest.raises(SpecError) as refused:
        Workspace(tmp_path)
    assert "hunter2" not in str(refused.value) + refused.value.what


def test_a_roster_edited_by_two_at_once_keeps_the_revocation(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    reading, revoked = threading.Event(), threading.Event()
    write = roster_module.write_roster

    def slowly(path: Path, roster: Roster) -> Roster:
        if threading.current_thread().name == "adds":
            reading.set()
            assert not revoked.wait(0.5)  # the other one waits
        return write(path, roster)

    monkeypatch.setattr(roster_module, "write_roster", slowly)
    adds = threading.Thread(
        target=keys.make_key, name="adds", args=(place.workspace, "eve", ["analyst"], "Eve", "eve@example.org")
    )
    adds.start()
    reading.wait(10)
    revoke(place.workspace, place.ledger, "key", place.signers["ben"].key_id, "stolen", "ada", NOW)
    revoked.set()
    adds.join(20)
    assert {"eve", "ben"} <= {p.id for p in place.roster.people}
    assert place.roster.flaw_of(place.signers["ben"].key_id, NOW)


def test_the_platforms_key_may_have_a_passphrase(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROOFSET_KEY_PASSPHRASE", "correct horse")
    _, made = keys.make_key(place.workspace, "release", ["releaser"], "Platform", "release@example.org")
    assert release_signer(place.workspace).key_id == made
    monkeypatch.setenv("PROOFSET_KEY_PASSPHRASE", "another")
    with pytest.raises(RosterError, match="cannot be opened"):
        release_signer(place.workspace)
    monkeypatch.delenv("PROOFSET_KEY_PASSPHRASE")
    with pytest.raises(RosterError, match="locked"):
        release_signer(place.workspace)
