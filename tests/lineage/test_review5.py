"""What an adversarial review of approvals, releases and revocations tried; each was possible once, or nearly."""

from __future__ import annotations

import shutil
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import lineage.download as download_module
import lineage.release as release_module
import lineage.roster as roster_module
from lineage import standing
from lineage.approval import tally
from lineage.decisions import Signed, make_approval
from lineage.download import download
from lineage.kinds import APPROVAL, DENIAL, DOWNLOAD, DRIFT, RELEASE, REVOCATION
from lineage.passport import INCLUSION, PASSPORT, read_passport, sign_passport
from lineage.records import append, find_candidate
from lineage.revocation import Made, Revocation, reached
from lineage.revocation_list import read_list, sign_list
from lineage.revoking import current_list, revoke
from lineage.roster import Person, Roster, revoke_key
from lineage.signers import signer_from
from lineage.states import State
from lineage.times import parse_utc, utc_text
from lineage.verify import verify_release
from orchestration.cli import keys
from orchestration.cli.inspect import _withdrawn
from proofset.errors import DeniedError, LedgerError, ProofsetError, SpecError
from proofset.evidence import Candidate
from proofset.files import whole_folder
from proofset.spec import Purpose
from proofset.workspace import Workspace
from tests.lineage.shop import DAY, HOUR, LATER, NOW, Place, another_ledger, enter, named_ledger


@pytest.fixture
def released(place: Place) -> Place:
    candidate, _ = place.record()
    place.sign(candidate, "ben", "cho")
    place.release()
    return place


def newest(place: Place) -> str:
    return place.ledger.entries("candidate")[-1].subject


def folder_of(place: Place, digest: str | None = None) -> Path:
    return place.workspace.releases / "shop" / (digest or newest(place))[:12]


def other(place: Place, rows: int = 1, at: datetime = LATER) -> Candidate:
    """Another candidate of the same dataset: a shorter table."""
    evidence = place.evidence
    evidence.union = tuple(e.body["candidate"]["synthetic_digest"] for e in place.ledger.entries("candidate")) or None
    evidence.table = evidence.table.slice(rows)
    return place.record(evidence, at)[0]


def take(place: Place, target: Path, ref: str = "shop", now: datetime = LATER, **changes: Any) -> Any:
    told: dict[str, Any] = {"recipient": "A University", "purpose": Purpose.SHARING, "who": "ada"} | changes
    return download(place.workspace, place.ledger, ref, target, place.roster, now=now, **told)


def held(**changes: Any) -> Made:
    told = {"candidate": "c", "dataset": "shop", "sources": ("s",), "generator": "trees", "generator_version": "1"}
    return Made.model_validate(told | changes)


def gone(kind: str, target: str) -> Revocation:
    return Revocation.model_validate({"kind": kind, "target": target, "reason": "why", "who": "ada", "at": NOW})


# Revocation must reach what it says.


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


# The list for those who are offline.


def test_a_list_of_another_ledger_clears_nothing(released: Place) -> None:
    another_ledger().append("begin", "", {})
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


# Releases.


def test_a_release_that_was_published_is_never_unsaid(released: Place) -> None:
    """What was given out stays given out: its folder removed and the gate denying must not strike it off."""
    digest = newest(released)
    shutil.rmtree(folder_of(released))
    candidate, _ = find_candidate(released.workspace, released.ledger, "shop")
    released.sign(candidate, "cho", decision="reject", at=LATER)
    with pytest.raises(DeniedError, match="cho rejected it"):
        released.release(now=LATER + HOUR)
    assert "withdrawn" not in released.ledger.entries(DENIAL)[-1].body
    assert set(standing.releases(released.ledger)) == {digest}


def test_a_passport_that_was_never_published_is_not_the_release(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    candidate, _ = place.record()
    place.sign(candidate, "ben", "cho")

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(release_module, "publish", die)
        place.release()
    place.sign(candidate, "cho", decision="reject", at=NOW + 3 * HOUR)
    with pytest.raises(DeniedError):
        place.release(now=NOW + 4 * HOUR)
    place.sign(candidate, "cho", at=NOW + 5 * HOUR)
    place.release(now=NOW + 6 * HOUR)
    folder = folder_of(place)
    never = next((place.workspace.private / "withdrawn").iterdir())
    shutil.rmtree(folder)
    shutil.copytree(never, folder)  # signed, whole, of the same candidate, and withdrawn
    assert all(c.ok for c in verify_release(folder, place.roster, LATER))
    assert online(place, folder) == ("the ledger knows of no such release",)
    with pytest.raises(DeniedError, match="not the one that the ledger recorded"):
        take(place, place.workspace.root / "out")
    with pytest.raises(DeniedError, match="not the one that the ledger recorded"):
        place.release(now=LATER)


def online(place: Place, folder: Path) -> tuple[str, ...]:
    """What `verify --online` asks the workspace's ledger."""

    class Context:
        obj = place.workspace.root

    return _withdrawn(Context(), folder)  # type: ignore[arg-type]


def test_online_knows_the_release(released: Place) -> None:
    assert online(released, folder_of(released)) == ()
    revoke(released.workspace, released.ledger, "release", "shop", "a mistake", "ada", LATER)
    assert "a mistake" in online(released, folder_of(released))[0]


def test_a_revocation_in_the_middle_of_a_release_stops_it(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """By another machine on the same ledger, which shares no lock."""
    candidate, _ = place.record()
    place.sign(candidate, "ben", "cho")
    stage = release_module.stage

    def staged(*args: Any, **more: Any) -> None:
        stage(*args, **more)
        body = {"kind": "release", "target": candidate.digest, "reason": "leaks", "who": "cho"}
        place.ledger.append(REVOCATION, candidate.digest, body, NOW + 2 * HOUR)

    monkeypatch.setattr(release_module, "stage", staged)
    with pytest.raises(DeniedError, match="leaks"):
        place.release()
    assert not folder_of(place).exists()
    assert standing.releases(place.ledger) == {}


def test_a_revocation_waits_for_the_release_that_is_under_way(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    candidate, _ = place.record()
    place.sign(candidate, "ben", "cho")
    started, ended = threading.Event(), threading.Event()
    publish = release_module.publish

    def slowly(*args: Any) -> None:
        started.set()
        assert not ended.wait(0.5)  # the other one waits
        publish(*args)

    def withdraw() -> None:
        started.wait(10)
        revoke(place.workspace, place.ledger, "release", candidate.digest, "leaks", "cho", LATER)
        ended.set()

    monkeypatch.setattr(release_module, "publish", slowly)
    thread = threading.Thread(target=withdraw)
    thread.start()
    place.release()
    thread.join(20)
    assert standing.released_states(place.ledger, LATER)[candidate.digest].state is State.REVOKED
    assert folder_of(place).with_name(f"{candidate.digest[:12]}.REVOKED.txt").is_file()


def test_a_key_revoked_while_a_release_waits_does_not_count(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    candidate, _ = place.record()
    place.sign(candidate, "ben", "cho")
    lock = place.workspace.lock

    def waited(name: str) -> Any:
        if name == "release":
            revoke_key(place.workspace.roster_path, place.signers["ben"].key_id, NOW, "stolen")
        return lock(name)

    monkeypatch.setattr(place.workspace, "lock", waited)
    with pytest.raises(DeniedError, match="was revoked"):
        place.release()


# Downloads.


def test_a_download_is_the_release_and_is_remembered(released: Place, tmp_path: Path) -> None:
    entry = take(released, tmp_path / "out")
    assert all(c.ok for c in verify_release(tmp_path / "out", released.roster, LATER, table=True))
    assert (entry.kind, entry.actor, entry.body["recipient"]) == (DOWNLOAD, "ada", "A University")


@pytest.mark.parametrize(
    "changes", [{"recipient": " "}, {"who": ""}, {"purpose": Purpose.ANALYTICS}, {"ref": "nothing"}]
)
def test_a_download_to_nobody_or_for_something_else_is_refused(
    released: Place, tmp_path: Path, changes: dict[str, Any]
) -> None:
    with pytest.raises(ProofsetError, match="recipient|not for|nothing"):
        take(released, tmp_path / "out", **changes)
    assert not (tmp_path / "out").exists()
    assert released.ledger.entries(DOWNLOAD) == []


def test_what_changes_between_the_check_and_the_copy_is_not_handed_out(
    released: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = folder_of(released) / "README.md"
    survey = download_module.survey

    def swapped(folder: Path) -> Any:
        victim.write_text("# something else")
        return survey(folder)

    monkeypatch.setattr(download_module, "survey", swapped)
    with pytest.raises(DeniedError, match="does not verify"):
        take(released, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert released.ledger.entries(DOWNLOAD) == []


def test_a_release_revoked_while_it_is_copied_is_not_handed_out(
    released: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    survey = download_module.survey

    def revoked(folder: Path) -> Any:
        revoke(released.workspace, released.ledger, "release", "shop", "leaks", "cho", LATER)
        return survey(folder)

    monkeypatch.setattr(download_module, "survey", revoked)
    with pytest.raises(DeniedError, match="leaks"):
        take(released, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert released.ledger.entries(DOWNLOAD) == []


def test_the_newest_release_comes_last_also_where_it_was_released_again(released: Place) -> None:
    first = newest(released)
    second = other(released)
    released.sign(second, "ben", "cho", at=LATER)
    released.release(second.digest, now=LATER)
    shutil.rmtree(folder_of(released, first))
    body = released.ledger.entries(RELEASE)[0].body
    released.ledger.append(RELEASE, first, body, LATER + HOUR)
    assert list(standing.releases(released.ledger)) == [second.digest, first]


def test_copies_to_folders_of_like_names_leave_each_other_alone(tmp_path: Path) -> None:
    with whole_folder(tmp_path / "a-b") as first:
        (first / "x").write_text("x")
        with whole_folder(tmp_path / "a") as second:
            (second / "y").write_text("y")
        with whole_folder(tmp_path / "*") as third:
            (third / "z").write_text("z")
        assert (first / "x").exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["*", "a", "a-b"]


# People.


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


# Secrets.


def test_no_error_quotes_the_pin_of_a_token(tmp_path: Path) -> None:
    uri = "PKCS11:token=shop;object=key?module-path=/nowhere/lib.so&pin-value=271828"
    with pytest.raises(ProofsetError) as refused:
        signer_from(uri, tmp_path)
    error = refused.value
    assert "271828" not in f"{error} {error.what} {error.why} {error.fix}"


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
