"""No way around the gate: not by commands, not by Dagster, not by editing what is stored."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from home import POLICY, add_people, command, make_workspace, people

from orchestration.chain import ledger
from orchestration.definitions import build
from orchestration.instance import open_instance
from orchestration.resources import WorkspaceResource
from orchestration.runner import QUIET, run_job
from orchestration.states import find, objections
from orchestration.store import Store
from proofset.digest import canonical, sha256_bytes
from proofset.errors import DeniedError
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
    strict = POLICY.replace("fidelity.shape_error, max: 0.2", "fidelity.c2st_auc, max: 0.1")
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
    loose = make_workspace(tmp_path / "loose", people(1200, seed=1))
    assert command(loose, "run", "people") == 0
    for step in ("scorecard", "validation"):
        shutil.copy(*(w.private / "steps" / "people" / f"{step}.json" for w in (loose, workspace)))
    (workspace.root / "policies" / "sharing.yaml").write_text(POLICY)
    assert not materialise_only(workspace, "verdict", "record", "candidate")
    assert command(workspace, "release", "people") == 1
    assert released(workspace) == []


def test_a_spec_that_changed_since_denies(workspace: Workspace, answer: Answer) -> None:
    approve_both(workspace)
    spec = workspace.root / "datasets" / "people.yaml"
    good = spec.read_text()
    for old, new in [("title: People", "title: Others"), ("{type: number,", "{type: number, treatment: drop,")]:
        spec.write_text(good.replace(old, new))
        code, said = answer(workspace, "release", "people")
        assert code == 1
        assert "spec" in said["error"]["what"]
    spec.write_text(good)
    assert command(workspace, "release", "people") == 0


def test_steps_of_different_specs_make_no_candidate(workspace: Workspace) -> None:
    before = candidate_folder(workspace)
    spec = workspace.root / "datasets" / "people.yaml"
    spec.write_text(spec.read_text().replace("{type: number,", "{type: number, treatment: fake,"))
    assert not materialise_only(workspace, "profile", "verdict", "record", "candidate")
    assert not materialise_only(workspace, "record")
    assert candidate_folder(workspace) == before


def test_a_claimed_measurement_is_not_believed(workspace: Workspace) -> None:
    store = Store(workspace, "people")
    table, digest = pq.read_table(workspace.root / "people.parquet"), store.need("synthetic").digest
    # Real rows under the synthetic table's name are not what the digest says.
    pq.write_table(table.slice(0, 1000), store.table_path(digest, private=False))
    assert not materialise_only(workspace, "verdict", "record", "candidate")
    assert command(workspace, "run", "people") == 0
    assert store.get_table(digest, private=False).num_rows == 1000


def test_a_dataset_releases_its_own_candidates_only(workspace: Workspace) -> None:
    approve_both(workspace)
    other = (workspace.root / "datasets" / "people.yaml").read_text().replace("dataset: people", "dataset: others")
    (workspace.root / "datasets" / "others.yaml").write_text(other)
    resource = WorkspaceResource(root=str(workspace.root), release_ref=find(workspace, "people")[0].digest)
    with pytest.raises(DeniedError, match="is not one of dataset 'others'"):
        run_job(workspace, "others_release", resource)
    assert released(workspace) == []


def test_objections_and_release_are_about_one_candidate(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another candidate of the dataset is recorded between the two: what was looked at is what is released."""
    approve_both(workspace)
    meant, book = find(workspace, "people")[0], ledger(workspace)
    [entry] = book.entries("candidate")
    later = meant.model_copy(update={"requested_by": "grace"})
    asked: list[str] = []

    def meanwhile(where: Workspace, ref: str) -> tuple[str, ...]:
        asked.append(ref)
        book.append("candidate", later.digest, entry.body | {"candidate": later.plain()})
        return objections(where, ref)

    monkeypatch.setattr("orchestration.assets.objections", meanwhile)
    assert materialise(workspace, "people_release")
    assert find(workspace, "people")[0] == later
    assert asked == [meant.digest]
    assert [e.subject for e in book.entries("release")] == [meant.digest]


@pytest.mark.parametrize("name", ["Ada", " ada", "ADA@example.org"])
def test_who_asks_may_not_approve_however_it_is_spelt(workspace: Workspace, name: str) -> None:
    assert command(workspace, "run", "people", "--requested-by", name) == 0
    assert command(workspace, "approve", "people", "--as", "ada") == 1
    assert command(workspace, "approve", "people", "--as", "grace") == 0
    assert command(workspace, "release", "people") == 1


def test_who_asks_must_be_somebody(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(workspace, "run", "people", "--requested-by", "adda") == 2
    assert "Did you mean 'ada'?" in capsys.readouterr().err


def test_a_folder_of_the_right_name_is_no_release(workspace: Workspace, answer: Answer) -> None:
    candidate, _ = find(workspace, "people")
    (workspace.releases / "people" / candidate.digest[:12]).mkdir(parents=True)
    assert answer(workspace, "status")[1][0]["stage"] == "pending"


def materialise_only(workspace: Workspace, *steps: str) -> bool:
    from dagster import AssetSelection, define_asset_job

    definitions = build(workspace, mart=False)
    job = define_asset_job("some", AssetSelection.assets(*[["people", s] for s in steps]))
    with open_instance(workspace) as instance:
        resolved = job.resolve(asset_graph=definitions.resolve_asset_graph(), resource_defs=definitions.resources)
        return resolved.execute_in_process(instance=instance, raise_on_error=False, run_config=QUIET).success
