"""No way around the gate: not by commands, not by Dagster, not by editing what is stored."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from home import POLICY, add_people, command, make_workspace, people

from orchestration.definitions import build
from orchestration.instance import open_instance
from orchestration.runner import QUIET
from proofset.digest import canonical, sha256_bytes
from proofset.workspace import Workspace

Answer = Callable[..., tuple[int, Any]]


def approve_both(workspace: Workspace) -> None:
    for person in ("ada", "grace"):
        assert command(workspace, "approve", "people", "--as", person) == 0


def released(workspace: Workspace) -> list[Path]:
    return [p for p in workspace.releases.rglob("*") if p.is_file()]


def candidate_folder(workspace: Workspace) -> Path:
    (folder,) = (workspace.state / "candidates" / "people").iterdir()
    return folder


def materialise(workspace: Workspace, job: str) -> bool:
    with open_instance(workspace) as instance:
        jobs = build(workspace, mart=False)
        done = jobs.resolve_job_def(job).execute_in_process(instance=instance, raise_on_error=False, run_config=QUIET)
        return done.success


def test_two_approvals_release_and_verify(workspace: Workspace, answer: Answer) -> None:
    assert command(workspace, "release", "people") == 1
    approve_both(workspace)
    code, said = answer(workspace, "release", "people")
    assert code == 0
    assert command(workspace, "verify", said["folder"], "--roster", "keys/roster.yaml") == 0
    again, _ = answer(workspace, "release", "people")
    assert again == 0


@pytest.mark.parametrize("signers", [[], ["ada"], ["grace"], ["ada", "ada"]], ids=["nobody", "ada", "grace", "twice"])
def test_fewer_than_two_people_release_nothing(workspace: Workspace, answer: Answer, signers: list[str]) -> None:
    for person in signers:
        command(workspace, "approve", "people", "--as", person)
    code, said = answer(workspace, "release", "people")
    assert code == 1
    assert said["error"]["kind"] == "DeniedError"
    assert not materialise(workspace, "people_release")
    assert released(workspace) == []


def test_two_keys_of_one_person_are_one_person(workspace: Workspace) -> None:
    private = workspace.private / "keys"
    (private / "ada.pem").rename(private / "first.pem")
    add = ("keys", "new", "ada", "--role", "data_steward", "--name", "Ada", "--email", "ada@example.org")
    assert command(workspace, *add) == 0
    assert command(workspace, "approve", "people", "--as", "ada") == 0
    assert command(workspace, "approve", "people", "--as", "ada", "--key", str(private / "first.pem")) == 0
    assert command(workspace, "release", "people") == 1
    assert released(workspace) == []


def test_a_rejection_stops_a_release(workspace: Workspace) -> None:
    approve_both(workspace)
    assert command(workspace, "reject", "people", "--as", "grace", "--comment", "not yet") == 0
    assert command(workspace, "release", "people") == 1
    assert released(workspace) == []


def test_an_approval_of_other_bytes_does_not_count(workspace: Workspace) -> None:
    approve_both(workspace)
    spec = workspace.root / "datasets" / "people.yaml"
    spec.write_text(spec.read_text().replace("seed: 7", "seed: 8"))
    assert command(workspace, "run", "people") == 0
    assert command(workspace, "release", "people") == 1
    assert not materialise(workspace, "people_release")
    assert released(workspace) == []


def test_the_owner_may_not_approve_the_own_request(workspace: Workspace) -> None:
    owner = ("keys", "new", "owner", "--role", "data_steward", "--name", "Owner", "--email", "owner@example.org")
    assert command(workspace, *owner) == 0
    assert command(workspace, "approve", "people", "--as", "owner") == 1


@pytest.mark.parametrize("rewritten", [False, True], ids=["plainly", "with its digest corrected"])
def test_a_measure_deleted_from_the_evidence_denies(workspace: Workspace, answer: Answer, rewritten: bool) -> None:
    approve_both(workspace)
    folder = candidate_folder(workspace)
    path = folder / "evidence" / "scorecard.json"
    card = json.loads(path.read_bytes())
    card["measures"] = [m for m in card["measures"] if m["name"] != "privacy.membership_auc"]
    path.write_bytes(canonical(card))
    if rewritten:
        described = json.loads((folder / "candidate.json").read_bytes())
        for entry in described["files"]:
            if entry["path"] == "evidence/scorecard.json":
                entry |= {"sha256": sha256_bytes(path.read_bytes()), "size": path.stat().st_size}
        (folder / "candidate.json").write_bytes(canonical(described))
    code, said = answer(workspace, "release", "people")
    assert code == 1
    assert "json" in said["error"]["what"]
    assert not materialise(workspace, "people_release")
    assert released(workspace) == []


def test_a_policy_loosened_after_the_verdict_denies(workspace: Workspace) -> None:
    approve_both(workspace)
    policy = workspace.root / "policies" / "sharing.yaml"
    policy.write_text(policy.read_text().replace("required: 2, roles: [data_steward, privacy_officer]", "required: 1"))
    assert command(workspace, "release", "people") == 1
    assert released(workspace) == []


def test_thresholds_that_cannot_be_met_can_never_be_released(tmp_path: Path, answer: Answer) -> None:
    strict = POLICY.replace("fidelity.shape_error, max: 0.2", "fidelity.shape_error, max: 0")
    workspace = make_workspace(tmp_path / "strict", people(600), policy=strict)
    add_people(workspace)
    code, said = answer(workspace, "run", "people")
    assert (code, said["outcome"]) == (1, "fail")
    approve_both(workspace)
    for _ in range(2):
        assert command(workspace, "release", "people") == 1
        assert not materialise(workspace, "people_release")
        assert materialise(workspace, "people_candidate")
    # Another candidate's passing scorecard does not help: it is about other bytes.
    loose = make_workspace(tmp_path / "loose", people(600, seed=1))
    assert command(loose, "run", "people") == 0
    for step in ("scorecard", "validation"):
        shutil.copy(*(w.state / "steps" / "people" / f"{step}.json" for w in (loose, workspace)))
    (workspace.root / "policies" / "sharing.yaml").write_text(POLICY)
    assert not materialise_only(workspace, "verdict", "record", "candidate")
    assert command(workspace, "release", "people") == 1
    assert released(workspace) == []


def materialise_only(workspace: Workspace, *steps: str) -> bool:
    from dagster import AssetSelection, define_asset_job

    definitions = build(workspace, mart=False)
    job = define_asset_job("some", AssetSelection.assets(*[["people", s] for s in steps]))
    with open_instance(workspace) as instance:
        resolved = job.resolve(asset_graph=definitions.resolve_asset_graph(), resource_defs=definitions.resources)
        return resolved.execute_in_process(instance=instance, raise_on_error=False, run_config=QUIET).success
