"""The asset graph: keys, dependencies, checks and what each asset says of itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
import yaml
from home import command

from orchestration.component import GovernedDataset
from orchestration.definitions import build
from orchestration.instance import open_instance
from proofset.workspace import Workspace

GOLDEN = Path(__file__).with_name("graph.yaml")


def graph(definitions: dg.Definitions) -> dict[str, dict[str, object]]:
    resolved = definitions.resolve_asset_graph()
    shown: dict[str, dict[str, object]] = {}
    for key in sorted(resolved.get_all_asset_keys()):
        node = resolved.get(key)
        shown[key.to_user_string()] = {
            "group": node.group_name,
            "deps": sorted(k.to_user_string() for k in node.parent_keys),
            "kinds": sorted(node.kinds),
            "owners": list(node.owners),
            "checks": sorted(c.name for c in node.check_keys),
        }
    return shown


def test_the_graph_is_the_golden_one(workspace: Workspace) -> None:
    assert graph(build(workspace)) == yaml.safe_load(GOLDEN.read_text())


def test_every_threshold_is_a_check_on_the_verdict(workspace: Workspace) -> None:
    policy = workspace.policy("sharing")
    checks = graph(build(workspace, mart=False))["people/verdict"]["checks"]
    assert checks == sorted([t.key for t in policy.requirements] + ["validation_suite"])


def test_dagster_validates_the_definitions(workspace: Workspace) -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("dagster"), "definitions", "validate", "-m", "orchestration.definitions"],
        cwd=workspace.root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert "All code locations passed validation" in done.stdout + done.stderr


def test_a_defs_yaml_of_two_lines_adds_a_dataset(workspace: Workspace) -> None:
    component = GovernedDataset.resolve_from_yaml(f"workspace: {workspace.root}\ndataset: people\n")
    definitions = component.build_defs(None)  # an absolute folder needs no context
    assert "people/release" in graph(definitions)
    assert {j.name for j in definitions.jobs} == {"people_candidate", "people_release"}


def test_a_schedule_makes_candidates_and_never_releases(workspace: Workspace) -> None:
    spec = workspace.root / "datasets" / "people.yaml"
    spec.write_text(spec.read_text() + 'schedule: "0 3 * * 1"\n')
    (schedule,) = build(workspace, mart=False).schedules
    assert (schedule.cron_schedule, schedule.job_name) == ("0 3 * * 1", "people_candidate")


def test_what_the_command_line_ran_is_in_dagster(workspace: Workspace) -> None:
    with open_instance(workspace) as instance:
        (run,) = instance.get_runs()
        assert (run.job_name, run.status) == ("people_candidate", dg.DagsterRunStatus.SUCCESS)
        assert instance.all_logs(run.run_id)
        event = instance.get_latest_materialization_event(dg.AssetKey(["people", "synthetic"]))
        metadata = event.asset_materialization.metadata
        assert metadata["dagster/row_count"].value == 1000
        columns = [c.name for c in metadata["dagster/column_schema"].schema.columns]
        assert columns[:4] == ["customer_id", "name", "email", "age"]
        lineage = metadata["dagster/column_lineage"].column_lineage.deps_by_column
        assert [d.column_name for d in lineage["age"]] == ["age"]
        assert lineage["email"] == []
        tags = event.asset_materialization.tags
        assert tags["dagster/data_version"] == metadata["digest"].value
        checks = instance.event_log_storage.get_asset_check_execution_history(
            dg.AssetCheckKey(dg.AssetKey(["people", "verdict"]), "fidelity_shape_error_max"), limit=5
        )
        assert [c.status.value for c in checks] == ["SUCCEEDED"]


def test_a_failing_step_is_told_by_dagster_without_a_traceback(workspace: Workspace) -> None:
    (workspace.root / "people.parquet").write_bytes(b"not parquet")
    assert command(workspace, "run", "people") == 2
    with open_instance(workspace) as instance:
        failed = instance.get_runs()[0]
        assert failed.status is dg.DagsterRunStatus.FAILURE
        text = "\n".join(str(e) for e in instance.all_logs(failed.run_id))
    assert "not a readable Parquet file" in text
    assert "ArrowInvalid:" not in text


@pytest.mark.slow
def test_the_governance_mart_is_built_and_tested(workspace: Workspace) -> None:
    import duckdb

    for person in ("ada", "grace"):
        assert command(workspace, "approve", "people", "--as", person) == 0
    assert command(workspace, "release", "people") == 0
    assert command(workspace, "mart") == 0
    with duckdb.connect(str(workspace.state / "governance" / "governance.duckdb"), read_only=True) as mart:
        rows = mart.sql("select dataset, candidates, passing_candidates, releases from dim_datasets").fetchall()
        assert rows == [("people", 1, 1, 1)]
        (candidate,) = mart.sql(
            "select outcome, approvers, is_released, demands = demands_met from fct_candidates"
        ).fetchall()
        assert candidate == ("pass", 2, True, True)
        assert mart.sql("select count(*) from fct_measures where threshold is not null").fetchall() == [(5,)]
        assert mart.sql("select count(*) from fct_approvals where waited_seconds >= 0").fetchall() == [(2,)]
        assert mart.sql("select purpose, approvers from fct_releases").fetchall() == [("sharing", 2)]
    with open_instance(workspace) as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey(["governance", "fct_candidates"]))
        assert event is not None
