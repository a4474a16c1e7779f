"""Instance: Dagster's own storage, inside the workspace's state folder."""

from __future__ import annotations

import os
from pathlib import Path

import dagster as dg

from proofset.files import make_dir, write_bytes
from proofset.workspace import Workspace

# Standard output of steps is not captured: a library's warning may quote a value of the source.
CONFIG = b"""telemetry:
  enabled: false
nux:
  enabled: false
compute_logs:
  module: dagster._core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager
run_monitoring:
  enabled: false
"""


def dagster_home(workspace: Workspace) -> Path:
    """The folder Dagster keeps its runs and events in, with its configuration."""
    home = workspace.state / "dagster"
    make_dir(home)
    if not (home / "dagster.yaml").exists():
        write_bytes(home / "dagster.yaml", CONFIG)
    return home


def open_instance(workspace: Workspace) -> dg.DagsterInstance:
    """Open the workspace's Dagster instance; the pages and the command line share it."""
    home = dagster_home(workspace)
    os.environ["DAGSTER_HOME"] = str(home)
    return dg.DagsterInstance.from_config(str(home))
