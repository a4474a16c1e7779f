"""Component: one dataset spec = one governed dataset in the asset graph."""

from __future__ import annotations

from pathlib import Path

import dagster as dg

from orchestration.assets import build_assets, key
from orchestration.chain import STEPS
from orchestration.resources import WorkspaceResource
from proofset.workspace import Workspace


class GovernedDataset(dg.Component, dg.Model, dg.Resolvable):
    """A governed dataset, from its YAML file in a workspace.

    In a Dagster project, a `defs.yaml` of two lines adds one:

        type: orchestration.component.GovernedDataset
        attributes: {workspace: path/to/workspace, dataset: adult}
    """

    workspace: str
    """Folder of the workspace; a relative path starts at the folder of the defs.yaml."""
    dataset: str
    """Name of the dataset: the file datasets/NAME.yaml."""

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Assets, checks, jobs and the schedule of the dataset, with the workspace they work in."""
        folder = Path(self.workspace)
        opened = Workspace(folder if folder.is_absolute() else context.path / folder)
        resources = {"workspace": WorkspaceResource(root=str(opened.root))}
        return dg.Definitions.merge(dataset_definitions(opened, self.dataset), dg.Definitions(resources=resources))


def dataset_definitions(workspace: Workspace, dataset: str) -> dg.Definitions:
    """Assets, checks, jobs and the schedule of one dataset; the resource `workspace` is added by the caller."""
    spec = workspace.dataset(dataset)
    policy = workspace.policy_for(spec)
    candidate_job = dg.define_asset_job(
        f"{dataset}_candidate",
        selection=dg.AssetSelection.assets(*[key(dataset, step) for step in STEPS]),
        description=f"From the source of '{dataset}' to a candidate with its verdict.",
        tags={"dataset": dataset},
    )
    release_job = dg.define_asset_job(
        f"{dataset}_release",
        selection=dg.AssetSelection.assets(key(dataset, "release")),
        description=f"Release the newest candidate of '{dataset}', if policy and people agree.",
        tags={"dataset": dataset},
    )
    schedules = []
    if spec.schedule:
        schedules.append(
            dg.ScheduleDefinition(name=f"{dataset}_schedule", job=candidate_job, cron_schedule=spec.schedule)
        )
    return dg.Definitions(assets=build_assets(spec, policy), jobs=[candidate_job, release_job], schedules=schedules)
