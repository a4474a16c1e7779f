"""Tampering: every named case is refused with a reason that names the file or the fact, by both verifiers."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lineage.candidate import read_manifest
from lineage.passport import PASSPORT
from lineage.revocation_list import RevocationList, read_list, sign_list
from lineage.revoking import current_list
from lineage.roster import write_roster
from lineage.signing import Envelope, Signer, sign_statement
from lineage.verify import verify_release
from orchestration.cli.app import run
from proofset.digest import canonical
from proofset.errors import EXIT_DENIED, EXIT_DONE, DeniedError
from tests.lineage.shop import Place
from tests.lineage.tampering_cases import STRANGERS, Case
from tests.lineage.tampering_forgeries import FORGERIES
from tests.lineage.tampering_proofs import PROOFS
from tests.lineage.tampering_world import World, copy_of, independent, two_releases

CASES = [*STRANGERS, *(replace(case, name=f"forged: {case.name}") for case in FORGERIES), *PROOFS]
Both = tuple[Place, Path, Path]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Both:
    """A place and two releases of it; tests copy them."""
    return two_releases(tmp_path_factory.mktemp("tampering") / "shop")


@pytest.fixture
def world(both: Both, tmp_path: Path) -> World:
    """A copy of the first release, to be tampered with."""
    return copy_of(*both, tmp_path)


def test_there_are_enough_cases_and_no_two_of_one_name() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 140
    assert sum(not case.also for case in CASES) <= 4  # what only the platform's verifier notices


def test_the_controls_pass(both: Both, world: World) -> None:
    """Both releases as they are, and the first with passport and proof made anew: it is no case's helper that fails."""
    place, first, second = both
    for folder in (first, second):
        assert [c for c in verify_release(folder, place.roster, table=True) if not c.ok] == []
        assert independent(folder, place.roster, world.outside)[0] == 0
    world.refit()
    world.seal_again()
    assert [c for c in verify_release(world.folder, world.roster, table=True) if not c.ok] == []
    code, said = independent(world.folder, world.roster, world.outside)
    assert code == 0, said


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_it_is_refused_with_the_reason(case: Case, world: World) -> None:
    case.tamper(world)
    checks = verify_release(world.folder, world.roster, table=True)
    failed = [c for c in checks if not c.ok]
    told = [c for c in failed if c.name == case.check and case.file in (c.file, None) and case.says in c.detail]
    assert told, failed
    assert all(c.name != "folder" for c in failed), failed  # noticed by a check, not by an accident
    assert all(c.detail.isprintable() for c in failed)
    code, said = independent(world.folder, world.roster, world.outside)
    assert (code, "FAIL" in said) == ((1, True) if case.also else (0, False)), said


SEEN = CASES[::8]
"""Cases that somebody at a terminal sees: some of every kind."""


def shown(world: World, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, str]:
    """What `proofset verify` answers. The terminal's lines are joined: a long name may stand on two."""
    roster = world.outside / "roster.yaml"
    write_roster(roster, world.roster)
    capsys.readouterr()
    code = run(["verify", str(world.folder), "--roster", str(roster), "--table", *more])
    out, err = capsys.readouterr()
    return code, out + err


def test_the_command_line_verifies_the_control(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(world, capsys)[0] == EXIT_DONE


@pytest.mark.parametrize("case", SEEN, ids=lambda case: case.name)
def test_the_command_line_denies_and_names_it(case: Case, world: World, capsys: pytest.CaptureFixture[str]) -> None:
    case.tamper(world)
    code, said = shown(world, capsys)
    assert code == EXIT_DENIED
    assert "Traceback" not in said
    assert "Not verified" in said
    assert case.check in said
    assert (case.file or "") in said.replace("\n", "")


# The list of revocations, which no folder holds.


def signed(world: World, made: RevocationList, by: str = "platform") -> Envelope:
    return sign_list(made, world.place.signers[by])


def changed(envelope: Envelope, edit: Callable[[bytes], bytes]) -> Envelope:
    """Other bytes under the old signature."""
    return envelope.model_copy(update={"payload": base64.b64encode(edit(envelope.payload_bytes)).decode()})


def cleared(made: RevocationList) -> dict[str, Any]:
    return made.model_copy(update={"withdrawn": ()}).statement()


LISTS: dict[str, Callable[[World, RevocationList], bytes]] = {
    "a withdrawal struck out": lambda w, m: changed(signed(w, m), lambda _: canonical(cleared(m))).to_bytes(),
    "signed by an approver": lambda w, m: signed(w, m, "ben").to_bytes(),
    "signed by an unknown key": lambda _, m: sign_list(m, Signer.generate()).to_bytes(),
    "its signature taken off": lambda w, m: canonical(signed(w, m).plain() | {"signatures": []}),
    "out of date": lambda w, m: signed(w, m.model_copy(update={"good_until": m.issued_at})).to_bytes(),
    "dated in the future": lambda w, m: signed(w, m.model_copy(update={"issued_at": m.good_until})).to_bytes(),
    "spelled otherwise": lambda w, m: signed(w, m).to_bytes() + b"\n",
    "a passport in its place": lambda w, _: w.path(PASSPORT).read_bytes(),
    "a title it does not have": lambda w, m: sign_statement(
        m.statement() | {"title": "x"}, [w.place.signers["platform"]]
    ).to_bytes(),
    "about another list": lambda w, m: sign_statement(
        m.statement() | {"subject": m.model_copy(update={"withdrawn": ()}).statement()["subject"] * 2},
        [w.place.signers["platform"]],
    ).to_bytes(),
    "cut short": lambda w, m: signed(w, m).to_bytes()[:-2],
    "empty": lambda _, __: b"",
}
PLATFORM_ONLY = {"a title it does not have", "about another list"}  # signed by a releaser, and the words are the same


@pytest.fixture(scope="module")
def revoked(both: Both) -> RevocationList:
    """A list that names the first release. Made by hand, so that no other test sees a revocation."""
    place, first, _ = both
    now = datetime.now(UTC) - timedelta(hours=1)
    gone = {"candidate": read_manifest(first).digest, "dataset": "shop", "reasons": ("the source was withdrawn",)}
    made = current_list(place.workspace, place.ledger, now).plain() | {"withdrawn": (gone,)}
    return RevocationList.model_validate(made)


def test_a_list_that_names_the_release_is_heeded(
    world: World, revoked: RevocationList, capsys: pytest.CaptureFixture[str]
) -> None:
    path = world.outside / "list.json"
    path.write_bytes(signed(world, revoked).to_bytes())
    code, said = shown(world, capsys, "--revocations", str(path))
    assert code == EXIT_DENIED
    assert "the source was withdrawn" in said
    assert independent(world.folder, world.roster, world.outside, "--revocations", str(path))[0] == 1
    path.write_bytes(signed(world, revoked.model_copy(update={"withdrawn": ()})).to_bytes())
    assert shown(world, capsys, "--revocations", str(path))[0] == EXIT_DONE
    assert independent(world.folder, world.roster, world.outside, "--revocations", str(path))[0] == 0


@pytest.mark.parametrize("name", LISTS)
def test_a_list_that_was_tampered_with_clears_nothing(
    name: str, world: World, revoked: RevocationList, capsys: pytest.CaptureFixture[str]
) -> None:
    path = world.outside / "list.json"
    path.write_bytes(LISTS[name](world, revoked))
    with pytest.raises(DeniedError) as refused:
        read_list(path.read_bytes(), path.name, world.roster, datetime.now(UTC))
    assert refused.value.what
    code, said = shown(world, capsys, "--revocations", str(path))
    assert code == EXIT_DENIED
    assert "Traceback" not in said
    if name not in PLATFORM_ONLY:
        assert independent(world.folder, world.roster, world.outside, "--revocations", str(path))[0] == 1
