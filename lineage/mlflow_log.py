"""MLflow: candidates as runs, so that people can compare them. A view, never the truth: runs and tags are mutable.

A run holds parameters, numbers, digests and the report; neither source data nor the synthetic table.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from lineage.candidate import MANIFEST, SHORT
from proofset.digest import canonical
from proofset.errors import WorkspaceError
from proofset.evidence import Candidate, Measure, Provenance, Scorecard, Verdict
from proofset.workspace import Workspace

USER = "proofset"
CANDIDATE_TAG = "proofset.candidate"
_BATCH = 1000
"""Most metrics MLflow takes at once."""
_PARAMETER_LENGTH = 500


def log_candidate(
    workspace: Workspace,
    folder: Path,
    candidate: Candidate,
    provenance: Provenance,
    scorecard: Scorecard,
    verdict: Verdict,
    dagster_run_id: str | None,
    history: Sequence[Mapping[str, float]] = (),
) -> str:
    """Log a candidate as a finished run of the experiment named like its dataset; return the run's id.

    history: what was observed in training, one entry per epoch; logged as `training.NAME` with the epoch as step.

    A candidate logged before keeps its run. Raises WorkspaceError where the store cannot be used.
    """
    with workspace.lock("mlflow"):
        client = _client(workspace)
        try:
            known = _find(client, candidate.digest)
            if known is not None:
                return known
            experiment = _experiment(client, workspace, candidate.dataset)
            tags = _tags(candidate, provenance, dagster_run_id)
            run_id = str(client.create_run(experiment, run_name=candidate.digest[:SHORT], tags=tags).info.run_id)
            _log(client, run_id, provenance, scorecard)
            _log_history(client, run_id, history)
            for name, part in (("scorecard.json", scorecard), ("verdict.json", verdict)):
                client.log_text(run_id, canonical(part.plain()).decode(), name)
            for name in ("report.html", MANIFEST):
                client.log_artifact(run_id, str(folder / name))
            client.set_terminated(run_id, "FINISHED")
        except _mlflow_error() as error:
            raise _unusable(workspace, error) from None
    return run_id


def find_run(workspace: Workspace, candidate_digest: str) -> str | None:
    """The id of the finished run that logged a candidate, or None."""
    with workspace.lock("mlflow"):
        try:
            return _find(_client(workspace), candidate_digest)
        except _mlflow_error() as error:
            raise _unusable(workspace, error) from None


def _client(workspace: Workspace) -> Any:
    """MLflow's client on the workspace's store; the first one makes the store's tables. Held under a lock: their
    making does not stand two processes."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["DO_NOT_TRACK"] = "true"
    for noisy in ("alembic", "mlflow.store.db.utils", "mlflow.tracking"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    from mlflow import MlflowClient

    _ = workspace.state  # made with its .gitignore before MLflow writes into it
    try:
        return MlflowClient(tracking_uri=workspace.tracking_uri)
    except _mlflow_error() as error:
        raise _unusable(workspace, error) from None


def _mlflow_error() -> tuple[type[Exception], ...]:
    from mlflow.exceptions import MlflowException

    return (MlflowException, SQLAlchemyError)


def _unusable(workspace: Workspace, error: BaseException) -> WorkspaceError:
    where = (
        "the tracking server that proofset.yaml names"
        if workspace.config.tracking_uri
        else f"{workspace.config.state}/mlflow.db"
    )
    return WorkspaceError(
        f"MLflow's store cannot be used: {where}.",
        why=f"MLflow raised {type(error).__name__}.",
        fix="Check `tracking_uri` in proofset.yaml; the embedded store may be moved away and is then made anew.",
    )


def _find(client: Any, digest: str) -> str | None:
    experiments = [e.experiment_id for e in client.search_experiments()]
    query = f"tags.`{CANDIDATE_TAG}` = '{digest}' and attributes.status = 'FINISHED'"
    runs = client.search_runs(experiments, query, max_results=1, order_by=["attributes.start_time ASC"])
    return str(runs[0].info.run_id) if runs else None


def _experiment(client: Any, workspace: Workspace, name: str) -> str:
    found = client.get_experiment_by_name(name)
    if found is not None:
        if found.lifecycle_stage == "deleted":
            client.restore_experiment(found.experiment_id)
        return str(found.experiment_id)
    # A tracking server knows best where its artifacts go.
    location = None if workspace.config.tracking_uri else (workspace.state / "mlflow" / name).as_uri()
    return str(client.create_experiment(name, artifact_location=location))


def _tags(candidate: Candidate, provenance: Provenance, dagster_run_id: str | None) -> dict[str, str]:
    tags = {
        "mlflow.user": USER,
        "mlflow.source.name": USER,
        "mlflow.source.type": "PROJECT",
        CANDIDATE_TAG: candidate.digest,
        "proofset.outcome": candidate.outcome.value,
        "proofset.purpose": provenance.purpose.value,
        "proofset.sha256.evidence": candidate.evidence_digest,
        "proofset.sha256.policy": candidate.policy_digest,
    }
    for part in ("spec", "source", "profile", "train", "holdout", "fitted", "synthetic"):
        tags[f"proofset.sha256.{part}"] = str(getattr(provenance, f"{part}_digest"))
    if dagster_run_id:
        tags["dagster.run_id"] = dagster_run_id
    return tags


def _log(client: Any, run_id: str, provenance: Provenance, scorecard: Scorecard) -> None:
    from mlflow.entities import Metric, Param

    params = {
        "generator": provenance.generator.generator,
        "generator_version": provenance.generator.version,
        "generator_licence": provenance.generator.licence,
        "seed": provenance.seed,
        "generations": provenance.generations,
        "source_rows": provenance.source_rows,
        "train_rows": provenance.train_rows,
        "holdout_rows": provenance.holdout_rows,
        "synthetic_rows": provenance.synthetic_rows,
    } | {f"options.{name}": value for name, value in provenance.options.items()}
    client.log_batch(
        run_id,
        metrics=[Metric(name, value, 0, 0) for m in scorecard.measures for name, value in _numbers(m)],
        params=[Param(name, str(value)[:_PARAMETER_LENGTH]) for name, value in params.items()],
    )


def _log_history(client: Any, run_id: str, history: Sequence[Mapping[str, float]]) -> None:
    from mlflow.entities import Metric

    metrics = [
        Metric(f"training.{name}", value, 0, int(observed.get("epoch", place)))
        for place, observed in enumerate(history, 1)
        for name, value in observed.items()
        if name != "epoch"
    ]
    for first in range(0, len(metrics), _BATCH):
        client.log_batch(run_id, metrics=metrics[first : first + _BATCH])


def _numbers(measure: Measure) -> list[tuple[str, float]]:
    """A measure's numbers by metric name; the value has the measure's own."""
    numbers = [
        (measure.name, measure.value),
        (f"{measure.name}.low", measure.low),
        (f"{measure.name}.high", measure.high),
        (f"{measure.name}.reference", measure.reference),
    ]
    return [(name, value) for name, value in numbers if value is not None]
