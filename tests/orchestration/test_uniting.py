"""Two datasets of one source through the whole chain: the second meets the attacks on both, or is not released."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import pytest
from home import POLICY, SPEC, command

from lineage.candidate import read_candidate
from orchestration.chain import Chain, dry_run
from orchestration.states import find
from proofset.evidence import Outcome
from proofset.policy_union import OF_UNION
from proofset.workspace import Workspace

Answer = Callable[..., tuple[int, Any]]
SECOND = SPEC.replace("dataset: people", "dataset: folk").replace("name: trees", "name: trees, rows: 990")


def planned(workspace: Workspace) -> dict[str, str]:
    return dry_run(Chain.open(workspace, "folk"))


def publish(workspace: Workspace, answer: Answer, dataset: str) -> tuple[int, Any]:
    candidate, folder = find(workspace, dataset)
    doubts = [f.check for f in read_candidate(folder, candidate).verdict.blocking if f.outcome is Outcome.REVIEW]
    accepted = [word for check in doubts for word in ("--accept", check)]
    for person in ("ada", "grace"):
        assert command(workspace, "approve", dataset, "--as", person, *accepted) == 0
    return answer(workspace, "release", dataset)


@pytest.mark.slow
def test_a_second_dataset_of_the_source_is_attacked_together_with_the_first(
    workspace: Workspace, answer: Answer, capsys: pytest.CaptureFixture[str]
) -> None:
    (workspace.root / "datasets" / "folk.yaml").write_text(SECOND)
    assert command(workspace, "run", "folk") == 0
    alone, _ = find(workspace, "folk")
    assert publish(workspace, answer, "people")[0] == 0
    first, _ = find(workspace, "people")
    # The first dataset's own release asks nothing of itself; what the second was measured by is stale.
    assert set(dry_run(Chain.open(workspace, "people")).values()) >= {"reuse"}
    assert dry_run(Chain.open(workspace, "people"))["scorecard"] == "reuse"
    assert (planned(workspace)["synthetic"], planned(workspace)["scorecard"]) == ("reuse", "make")
    code, said = publish(workspace, answer, "folk")
    assert code == 1
    assert f"not run together with the live release people/{first.digest[:12]}" in said["error"]["what"]
    # Run again, it is: under limits of their own for so few rows.
    assert command(workspace, "run", "folk") in (0, 1)
    candidate, folder = find(workspace, "folk")
    assert candidate.digest != alone.digest
    assert candidate.synthetic_digest == alone.synthetic_digest
    card = read_candidate(folder, candidate).scorecard
    assert card.union == (first.synthetic_digest,)
    assert {m.name for m in card.measures} >= OF_UNION
    assert planned(workspace)["scorecard"] == "reuse"
    code, said = answer(workspace, "policy", "explain", "folk")
    united = {"privacy_union_membership_auc_max", "privacy_union_averaged_auc_max"}
    assert {d["check"] for d in said["demands"]} >= united
    report = (folder / "report.md").read_text()
    assert "Membership told by averaging the live releases (AUC)" in report
    easy = POLICY.replace("max: 0.65", "max: 0.9, when_inconclusive: review")  # few rows are asked about
    (workspace.root / "policies" / "sharing.yaml").write_text(easy)
    assert command(workspace, "run", "folk") in (0, 1)
    code, said = publish(workspace, answer, "folk")
    assert code == 0, said
    published, roster = workspace.root / said["folder"], str(workspace.roster_path)
    assert command(workspace, "verify", str(published), "--roster", roster) == 0
    code, spent = answer(workspace, "spend", "people")
    assert code == 0
    assert spent["datasets"] == ["folk", "people"]
    assert [r["together"] for r in spent["releases"]] == [0, 1]
    assert len(spent["releases"][1]["union"]) == len(OF_UNION)
    capsys.readouterr()
    assert command(workspace, "spend", "folk") == 0
    shown = capsys.readouterr().out
    assert "2 releases, 2 live, 0 revoked" in shown
    assert "no bound is claimed" in shown


@pytest.mark.slow
def test_a_live_release_whose_table_is_lost_denies(workspace: Workspace, answer: Answer) -> None:
    assert publish(workspace, answer, "people")[0] == 0
    first, _ = find(workspace, "people")
    (workspace.root / "datasets" / "folk.yaml").write_text(SECOND)
    shutil.rmtree(workspace.releases / "people")
    (workspace.state / "tables" / f"{first.synthetic_digest}.parquet").unlink()
    command(workspace, "run", "folk")
    candidate, folder = find(workspace, "folk")
    parts = read_candidate(folder, candidate)
    assert {m.status for m in parts.scorecard.measures if m.name in OF_UNION} == {"inconclusive"}
    assert parts.verdict.outcome.value == "inconclusive"
    told = " ".join(f.reason for f in parts.verdict.blocking)
    assert f"the live release with the table {first.synthetic_digest[:12]} is lost" in told
