"""`proofset record`: every section on a screen and as JSON, with what the ledger says since."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lineage.record import SECTIONS, Record
from lineage.recording import record_now
from orchestration.cli.app import run
from tests.lineage.record_world import NOW, World, make_world, spec_of
from tests.lineage.shop import DATASET, POLICY


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = make_world(tmp_path, spec_of())
    for path, text in {"datasets/shop.yaml": DATASET, "policies/sharing.yaml": POLICY}.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    from lineage.records import record_candidate

    record_candidate(made.workspace, made.ledger, made.parts.candidate, made.parts.path, NOW)
    return made


def test_the_screen_shows_every_section_and_what_is_not_known(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["-w", str(world.workspace.root), "record", "shop"]) == 0
    shown = capsys.readouterr().out
    for number, name in enumerate(SECTIONS, 1):
        assert f"{number} {name.capitalize()}" in shown
    assert world.parts.candidate.digest in shown
    assert "? Nobody" in shown or "? It is not said who its controller is." in shown
    assert "? It is not released." in shown


def test_the_json_is_the_record(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    digest = world.parts.candidate.digest
    assert run(["-w", str(world.workspace.root), "record", digest[:12], "--json"]) == 0
    record = Record.model_validate(json.loads(capsys.readouterr().out))
    assert record.identity.candidate == digest
    assert record.log.entry is not None
    assert record.log.entry.index == 1
    assert record.log.proof is not None
    world.ledger.inclusion(record.log.proof.index).check(str(record.log.vkey))


def test_decisions_and_later_events_are_in_it(world: World) -> None:
    from lineage.records import approve

    digest = world.parts.candidate.digest
    for person in ("ben", "cho"):
        approve(world.workspace, world.ledger, digest, world.signers[person], "approve", "looked", NOW)
    record = record_now(world.workspace, world.ledger, "shop", NOW)
    assert [(a.person, a.counted, a.reason) for a in record.approvals.approvers] == [
        ("ben", True, "looked"),
        ("cho", True, "looked"),
    ]
    assert record.approvals.enough
    assert record.history.withdrawn == ()
    gone = {"kind": "source", "target": record.source.snapshot_digest, "reason": "asked for", "who": "cho"}
    world.ledger.append("revocation", record.source.snapshot_digest, gone, NOW, actor="cho")
    after = record_now(world.workspace, world.ledger, "shop", NOW)
    assert "asked for" in after.history.withdrawn[0]
    assert [e.detail for e in after.history.revocations] == ["asked for"]


def test_an_unknown_candidate_is_an_error_not_a_crash(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["-w", str(world.workspace.root), "record", "ffffffffffff", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == "UnknownNameError"
