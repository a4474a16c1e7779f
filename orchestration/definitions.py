"""Definitions: everything Dagster shows for the workspace named by PROOFSET_WORKSPACE (default: this folder).

PROOFSET_WORKSPACE=examples/census dagster dev -m orchestration.definitions
"""

from __future__ import annotations

import os
from pathlib import Path

import dagster as dg

from orchestration.component import dataset_definitions
from orchestration.governance import governance_definitions
from orchestration.resources import WorkspaceResource
from proofset.workspace import Workspace


def build(workspace: Workspace, resource: WorkspaceResource | None = None, *, mart: bool = True) -> dg.Definitions:
    """The workspace's definitions.

    Parameters
    ----------
    resource: how the assets open the workspace; the default asks nothing special.
    mart: with the governance mart, which dbt has to parse first (some seconds when its models changed).
    """
    parts = [dataset_definitions(workspace, name) for name in workspace.dataset_names()]
    if mart:
        parts.append(governance_definitions(workspace))
    resources = {"workspace": resource or WorkspaceResource(root=str(workspace.root))}
    return dg.Definitions.merge(*parts, dg.Definitions(resources=resources))


@dg.definitions
def defs() -> dg.Definitions:
    """What `dagster dev` and `dagster definitions validate` load."""
    return build(Workspace.find(Path(os.environ.get("PROOFSET_WORKSPACE", "."))))
