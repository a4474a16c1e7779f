"""Release and sudden death: nothing is lost, nothing is published half-way, running again goes on."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

import lineage.release as release_module
from lineage.kinds import DENIAL, RELEASE
from lineage.passport import PASSPORT, read_passport
from lineage.standing import releases
from lineage.verify import verify_release
from proofset.digest import sha256_file
from proofset.errors import DeniedError, ProofsetError
from tests.lineage.shop import HOUR, NOW, Place


class PowerCut(BaseException):
    """The process dies here."""


PARTS = {
    "stage": 0,  # nothing is written yet
    "_record": 0,  # signed and staged; the ledger knows nothing
    "add_inclusion": 1,  # the ledger knows; nothing is public
    "_require_verified": 1,
    "publish": 1,
}
"""Where a release may die, and how many releases the ledger then knows."""


@pytest.mark.parametrize(("part", "known"), PARTS.items())
def test_a_crash_at_any_moment_publishes_nothing_half_way(
    part: str, known: int, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    candidate, _ = place.record()
    place.sign(candidate, "ben", "cho")

    def die(*_: object, **__: object) -> None:
        raise PowerCut

    with monkeypatch.context() as patch:
        patch.setattr(release_module, part, die)
        with pytest.raises(PowerCut):
            place.release()
    assert len(place.ledger.entries(RELEASE)) == known
    published = place.workspace.releases / "shop" / candidate.digest[:12]
    assert not published.exists()
    # Running again goes on: the folder that the ledger recorded is published, byte for byte, or else a new one.
    staged = place.workspace.private / "releasing" / f"shop-{published.name}"
    before = sha256_file(staged / PASSPORT) if known else None
    released = place.release(now=NOW + 4 * HOUR)
    assert released.fresh
    assert before in (None, released.passport_digest)
    entry = place.ledger.entries(RELEASE)[0]
    assert entry.body["released_at"] == read_passport(published, place.roster).released_at
    assert len(place.ledger.entries(RELEASE)) == 1
    assert not place.release(now=NOW + 5 * HOUR).fresh


KILLED = """
import os, signal, sys
from pathlib import Path
import lineage.release as release
from lineage.ledger import open_ledger
from lineage.signing import Signer
from proofset.workspace import Workspace
from tests.lineage.shop import HOUR, NOW
root, key, part = sys.argv[1:]
setattr(release, part, lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL))
workspace = Workspace(Path(root))
release.release(workspace, open_ledger(workspace), "shop", Signer.load(Path(key)), "ada", NOW + 2 * HOUR)
"""


@pytest.mark.parametrize(("part", "known"), PARTS.items())
def test_a_real_kill_loses_nothing_and_running_again_completes(
    part: str, known: int, place: Place, tmp_path: Path
) -> None:
    candidate, _ = place.record()
    place.sign(candidate, "ben", "cho")
    key = tmp_path / "platform.pem"
    place.signers["platform"].save(key, None)
    command = [sys.executable, "-c", KILLED, str(place.workspace.root), str(key), part]
    assert subprocess.run(command, check=False, timeout=60).returncode == -signal.SIGKILL
    assert len(place.ledger.entries(RELEASE)) == known
    assert not [p for p in place.workspace.releases.rglob("*") if p.is_file()]
    released = place.release(now=NOW + 3 * HOUR)
    assert released.fresh
    assert list((place.workspace.private / "releasing").iterdir()) == []
    assert all(check.ok for check in verify_release(released.folder, place.roster))
    assert len(place.ledger.entries(RELEASE)) == 1


def test_a_release_left_unpublished_is_withdrawn_once_the_gate_denies(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    candidate, _ = place.record()
    place.sign(candidate, "ben", "cho")
    published = place.workspace.releases / "shop" / candidate.digest[:12]
    staged = place.workspace.private / "releasing" / f"shop-{published.name}"

    def die(*_: object, **__: object) -> None:
        raise PowerCut

    for number, hours in [(1, 4), (2, 8)]:
        with monkeypatch.context() as patch, pytest.raises(PowerCut):
            patch.setattr(release_module, "publish", die)
            place.release(now=NOW + hours * HOUR)
        signed = sha256_file(staged / PASSPORT)
        place.sign(candidate, "cho", decision="reject", at=NOW + (hours + 1) * HOUR)
        with pytest.raises(DeniedError, match="cho rejected it"):
            place.release(now=NOW + (hours + 2) * HOUR)
        assert not staged.exists()
        assert not published.exists()
        withdrawn = place.workspace.private / "withdrawn" / f"{staged.name}-{number}"
        assert sha256_file(withdrawn / PASSPORT) == signed
        assert place.ledger.entries(DENIAL)[-1].body["withdrawn"] == signed
        assert releases(place.ledger) == {}
        place.sign(candidate, "cho", at=NOW + (hours + 3) * HOUR)
    assert place.release(now=NOW + 12 * HOUR).fresh
    assert len(releases(place.ledger)) == 1


def test_a_recorded_release_stays_whatever_the_gate_would_say_now(place: Place) -> None:
    candidate, _ = place.record()
    place.sign(candidate, "ben", "cho")
    released = place.release()
    place.sign(candidate, "cho", decision="reject", at=NOW + 3 * HOUR)
    assert not place.release(now=NOW + 4 * HOUR).fresh
    assert released.folder.exists()
    assert place.ledger.entries(DENIAL) == []


def test_releases_that_lead_out_of_the_workspace_are_refused_before_anything_is_public(
    place: Place, tmp_path: Path
) -> None:
    candidate, _ = place.record()
    place.sign(candidate, "ben", "cho")
    (tmp_path / "public").mkdir()
    place.workspace.releases.symlink_to(tmp_path / "public")
    with pytest.raises(ProofsetError, match="outside the workspace"):
        place.release()
    assert list((tmp_path / "public").iterdir()) == []
    assert place.ledger.entries(RELEASE) == []
