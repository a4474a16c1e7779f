"""MLflow: a real store. Candidates become runs, once each; neither data nor the machine's names get in."""

from __future__ import annotations

import getpass
import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lineage.candidate import read_candidate
from lineage.mlflow_log import find_run, log_candidate
from proofset.errors import WorkspaceError
from proofset.evidence import Candidate
from tests.lineage.shop import Place


def log(place: Place, candidate: Candidate, folder: Path, dagster_run_id: str | None = "run-7") -> str:
    parts = read_candidate(folder)
    return log_candidate(
        place.workspace, folder, candidate, parts.provenance, parts.scorecard, parts.verdict, dagster_run_id
    )


def client_of(place: Place) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=place.workspace.tracking_uri)


@pytest.mark.slow
def test_a_candidate_is_logged_once_with_numbers_digests_and_report(place: Place) -> None:
    candidate, folder = place.build()
    assert find_run(place.workspace, candidate.digest) is None
    run_id = log(place, candidate, folder)
    assert log(place, candidate, folder, None) == run_id
    assert find_run(place.workspace, candidate.digest) == run_id
    client = client_of(place)
    run = client.get_run(run_id)
    assert client.get_experiment(run.info.experiment_id).name == "shop"
    assert run.info.status == "FINISHED"
    assert run.data.metrics == {
        "fidelity.shape_error": 0.02,
        "fidelity.shape_error.low": 0.01,
        "fidelity.shape_error.high": 0.03,
        "fidelity.shape_error.reference": 0.015,
        "privacy.exact_copy_rate": 0,
        "privacy.exact_copy_rate.low": 0,
        "privacy.exact_copy_rate.high": 0.005,
        "privacy.exact_copy_rate.reference": 0.002,
    }
    assert run.data.params["options.privacy"] == "medium"
    assert run.data.tags["proofset.candidate"] == candidate.digest
    assert run.data.tags["proofset.sha256.synthetic"] == candidate.synthetic_digest
    assert run.data.tags["dagster.run_id"] == "run-7"
    assert run.data.tags["mlflow.user"] == "proofset"
    artifacts = place.workspace.state / "mlflow" / "shop" / run_id / "artifacts"
    assert {p.name for p in artifacts.iterdir()} == {"scorecard.json", "verdict.json", "report.html", "candidate.json"}
    assert json.loads((artifacts / "verdict.json").read_bytes())["outcome"] == "pass"
    told = json.dumps([run.data.tags, run.data.params])
    assert socket.gethostname() not in told
    assert str(place.workspace.root) not in told
    assert getpass.getuser() == "proofset" or f'"{getpass.getuser()}"' not in told

    # A run that a crash left unfinished is not taken for a logged candidate, and a deleted experiment comes back.
    client.set_terminated(run_id, "FAILED")
    assert find_run(place.workspace, candidate.digest) is None
    client.delete_experiment(run.info.experiment_id)
    again = log(place, candidate, folder, None)
    assert again != run_id
    assert "dagster.run_id" not in client.get_run(again).data.tags


def test_losses_are_logged_by_epoch(place: Place) -> None:
    candidate, folder = place.build()
    held = read_candidate(folder, candidate)
    # More than one batch takes.
    history = [{"epoch": epoch, "loss": 1.0 / epoch, "other": float(epoch)} for epoch in range(1, 701)]
    run_id = log_candidate(
        place.workspace, folder, candidate, held.provenance, held.scorecard, held.verdict, None, history
    )
    logged = client_of(place).get_metric_history(run_id, "training.loss")
    assert sorted((m.step, m.value) for m in logged) == [(e, 1.0 / e) for e in range(1, 701)]
    assert len(client_of(place).get_metric_history(run_id, "training.other")) == 700
    metrics = client_of(place).get_run(run_id).data.metrics
    assert {name for name in metrics if name.startswith("training.")} == {"training.loss", "training.other"}


def test_a_store_that_is_no_database_is_a_workspace_error(place: Place) -> None:
    candidate, folder = place.build()
    (place.workspace.state / "mlflow.db").write_bytes(b"no database" * 100)
    with pytest.raises(WorkspaceError, match=r"\.proofset/mlflow\.db"):
        log(place, candidate, folder)
    with pytest.raises(WorkspaceError, match=r"\.proofset/mlflow\.db"):
        find_run(place.workspace, candidate.digest)


def test_the_room_is_imported_without_mlflow() -> None:
    code = (
        "import sys, lineage.mlflow_log, lineage.release, lineage.verify, lineage.lookup, lineage.export\n"
        "heavy = {'mlflow', 'dagster', 'torch', 'sklearn', 'great_expectations', 'numba', 'sdv', 'matplotlib'}\n"
        "siblings = {'quality', 'generators', 'orchestration'}\n"
        "print(sorted((heavy | siblings) & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert out.stdout.strip() == "[]"
