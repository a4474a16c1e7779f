"""Releases against revocations, removed folders, other passports, and others who work at the same time."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import lineage.release as release_module
from lineage import standing
from lineage.folders import MAX_LIST
from lineage.kinds import DENIAL, RELEASE, REVOCATION
from lineage.passport import INCLUSION, PASSPORT
from lineage.recording import record_now
from lineage.records import find_candidate
from lineage.revoking import revoke
from lineage.roster import revoke_key, write_roster
from lineage.signing import Signer
from lineage.states import State
from lineage.verify import verify_release
from orchestration.cli import keys
from orchestration.cli.inspect import _withdrawn
from proofset.errors import DeniedError
from tests.lineage.released import folder_of, newest, other, take
from tests.lineage.shop import HOUR, LATER, NOW, Place, another_ledger


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


def both(work: Callable[[], Any]) -> list[Any]:
    """Do the same twice at once."""
    with ThreadPoolExecutor(2) as pool:
        return [future.result(60) for future in [pool.submit(work), pool.submit(work)]]


def test_two_releases_at_once_are_one(place: Place) -> None:
    candidate, _ = place.record()
    place.sign(candidate, "ben", "cho")
    made = both(place.release)
    assert sorted(one.fresh for one in made) == [False, True]
    assert len({one.passport_digest for one in made}) == len(place.ledger.entries(RELEASE)) == 1


def test_two_revocations_at_once_are_one(released: Place) -> None:
    key = released.signers["ben"].key_id

    def withdraw() -> list[Any]:
        return revoke(released.workspace, released.ledger, "key", key, "stolen", "ada", LATER, NOW)

    first, second = both(withdraw)
    assert [f.candidate for f in first] == [f.candidate for f in second] == [newest(released)]
    assert len(released.ledger.entries(REVOCATION)) == 1


def test_two_rotations_at_once_leave_the_key_that_counts(place: Place) -> None:
    made = both(lambda: keys.rotate_key(place.workspace, "ben"))
    ben = next(p for p in place.roster.people if p.id == "ben")
    good = [k.id for k in ben.keys if k.valid_until is None]
    assert (len(ben.keys), len(good)) == (3, 1)
    assert Signer.load(made[0][0]).key_id == good[0]


def test_the_newest_release_comes_last_also_where_it_was_released_again(released: Place) -> None:
    first = newest(released)
    second = other(released)
    released.sign(second, "ben", "cho", at=LATER)
    released.release(second.digest, now=LATER)
    shutil.rmtree(folder_of(released, first))
    body = released.ledger.entries(RELEASE)[0].body
    released.ledger.append(RELEASE, first, body, LATER + HOUR)
    assert list(standing.releases(released.ledger)) == [second.digest, first]


def test_a_roster_that_pins_another_ledger_stops_a_release_before_it_is_recorded(place: Place) -> None:
    candidate, _ = place.record()
    place.sign(candidate, "ben", "cho")
    another_ledger().append("begin", "", {})
    pinned = place.roster.model_copy(update={"ledgers": (another_ledger().vkey,)})
    write_roster(place.workspace.roster_path, pinned)
    with pytest.raises(DeniedError, match="does not list this workspace's ledger"):
        place.release()
    assert place.ledger.entries(RELEASE) == []
    write_roster(place.workspace.roster_path, pinned.model_copy(update={"ledgers": (place.ledger.vkey,)}))
    assert place.release().fresh


@pytest.mark.parametrize("name", [PASSPORT, INCLUSION, "candidate.json"])
def test_a_file_without_end_is_not_read(released: Place, tmp_path: Path, name: str) -> None:
    folder = Path(shutil.copytree(folder_of(released), tmp_path / "copy"))
    with (folder / name).open("r+b") as file:
        file.truncate(MAX_LIST + 1)  # sparse: it takes no room
    assert [c for c in verify_release(folder, released.roster, LATER) if not c.ok]


def test_a_record_does_not_take_a_later_rejection_for_an_approval(released: Place) -> None:
    candidate, _ = find_candidate(released.workspace, released.ledger, "shop")
    released.sign(candidate, "cho", decision="reject", at=LATER)
    told = record_now(released.workspace, released.ledger, "shop", LATER + HOUR).approvals
    assert [(a.person, a.decision, a.counted, a.file) for a in told.approvers] == [
        ("ben", "approve", True, "approvals/ben.dsse.json"),
        ("cho", "approve", True, "approvals/cho.dsse.json"),
        ("cho", "reject", False, None),
    ]
    assert told.enough
