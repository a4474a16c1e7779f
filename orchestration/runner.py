"""Runner: the command line's way to run the same jobs, in the same Dagster instance, that the pages show."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable
from contextlib import ExitStack, redirect_stdout
from pathlib import Path

from orchestration.resources import WorkspaceResource
from proofset.errors import InternalError, WorkspaceError
from proofset.progress import Progress, silent
from proofset.workspace import Workspace

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
"""Run configuration: the command line prints its own screens; Dagster's events are kept in its storage."""


def run_job(
    workspace: Workspace,
    job: str,
    resource: WorkspaceResource | None = None,
    *,
    mart: bool = False,
    started: Callable[[str], None] = lambda step: None,
    ended: Callable[[str, bool], None] = lambda step, reused: None,
    progress: Progress = silent,
) -> str:
    """Run a job in this process and return its run id.

    Raises the ProofsetError of the step that failed, as the step raised it; WorkspaceError where Dagster cannot keep
    its own records.
    """
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "1")
    warnings.filterwarnings("ignore")
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    from sqlalchemy.exc import DBAPIError

    from orchestration.definitions import build
    from orchestration.instance import open_instance
    from orchestration.resources import Watch

    definitions = build(workspace, resource, mart=mart)
    Watch.error, Watch.started, Watch.ended, Watch.progress = None, started, ended, progress
    # dbt talks on standard output; it keeps the same words in its own log.
    try:
        with open_instance(workspace) as instance, Path(os.devnull).open("w") as nowhere, ExitStack() as stack:
            if mart:
                stack.enter_context(redirect_stdout(nowhere))
            result = definitions.resolve_job_def(job).execute_in_process(
                instance=instance, raise_on_error=False, run_config=QUIET
            )
    except (OSError, DBAPIError) as error:  # of Dagster's own storage; a step's errors are told apart
        raise Watch.error or _unkept(workspace, error) from None
    if Watch.error is not None:
        raise Watch.error
    if not result.success:
        failed = ", ".join(e.step_key or "" for e in result.all_events if e.is_step_failure) or job
        raise InternalError(
            f"The job '{job}' failed in: {failed}.",
            why="Dagster's page of the run has the details.",
            fix="Open it with `proofset ui`.",
        )
    return result.run_id


def _unkept(workspace: Workspace, error: Exception) -> WorkspaceError:
    """Dagster's runs and events could not be written. The message of a database's error is not passed on."""
    return WorkspaceError(
        f"Dagster cannot keep its records in {workspace.relative(workspace.state / 'dagster')}: its disk may be full.",
        why=f"It stopped with {type(error).__name__}: no room, a folder that is read-only, or somebody else's.",
        fix="Make room or give yourself write permission there, then do it again; what was finished is kept.",
    )
