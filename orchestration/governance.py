"""Governance mart: the ledger's tables, exported behind every release, and dbt's models over them in DuckDB."""

# Dagster reads the annotations of an asset at run time, so they may not be postponed in this file.

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtCliResource, dbt_assets

import proofset
from orchestration.assets import key
from orchestration.chain import ledger
from orchestration.resources import WorkspaceResource
from orchestration.tools import tool
from proofset.digest import sha256_bytes
from proofset.errors import InternalError
from proofset.files import make_dir, write_bytes
from proofset.workspace import Workspace

PROJECT = Path(__file__).resolve().parent.parent / "dbt_project"
GROUP = "governance"
TABLES = ("datasets", "candidates", "measures", "findings", "approvals", "releases", "denials")
JOB = "governance_mart"


class _Translator(DagsterDbtTranslator):
    """Puts dbt's models into the governance group."""

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        asset = super().get_asset_key(dbt_resource_props)
        return asset if dbt_resource_props["resource_type"] == "source" else asset.with_prefix(GROUP)

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        return GROUP


def governance_folder(workspace: Workspace) -> Path:
    """The mart's folder in the state: exported tables, the DuckDB file, dbt's own output."""
    folder = workspace.state / "governance"
    make_dir(folder / "export")
    return folder


def manifest(workspace: Workspace) -> Path:
    """dbt's manifest for the project as it is now; parsed anew only when a file of the project changed."""
    folder = governance_folder(workspace)
    files = sorted(p for p in PROJECT.rglob("*") if p.suffix in (".sql", ".yml") and "target" not in p.parts)
    state = sha256_bytes(b"\0".join(p.read_bytes() for p in files) + proofset.__version__.encode())
    path, seal = folder / "target" / "manifest.json", folder / "manifest.digest"
    if not (path.exists() and seal.exists() and seal.read_text() == state):
        done = subprocess.run(
            [
                *(tool("dbt"), "--quiet", "parse", "--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)),
                *("--target-path", str(folder / "target"), "--log-path", str(folder / "logs")),
            ],
            env=_environment(folder),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise InternalError(
                "dbt cannot parse the governance project.",
                why=(done.stdout + done.stderr).strip()[-800:],
                fix="Reinstall proofset, or correct the models you changed in dbt_project.",
            )
        write_bytes(seal, state.encode())
    return path


def governance_definitions(workspace: Workspace) -> dg.Definitions:
    """The export of the ledger, dbt's models and tests over it, and the job that makes both."""
    folder = governance_folder(workspace)
    os.environ.update(_environment(folder))
    releases = [key(name, "release") for name in workspace.dataset_names()]

    @dg.multi_asset(
        name="ledger_export",
        group_name=GROUP,
        specs=[
            dg.AssetSpec(
                [GROUP, f"ledger_{table}"],
                deps=releases,
                kinds={"parquet"},
                description=f"The ledger's {table}, exported after its tree of hashes was checked.",
                code_version=proofset.__version__,
            )
            for table in TABLES
        ],
    )
    def ledger_export(workspace: WorkspaceResource) -> Any:
        from lineage.export import export_tables

        opened = workspace.open()
        target = governance_folder(opened) / "export"
        rows = workspace.told("ledger_export", lambda: export_tables(ledger(opened), target))
        for table in TABLES:
            yield dg.MaterializeResult(
                asset_key=[GROUP, f"ledger_{table}"], metadata={"dagster/row_count": rows[table]}
            )

    # DuckDB has one writer across processes, so that everything of dbt's shares a pool of one.
    @dbt_assets(
        manifest=json.loads(manifest(workspace).read_bytes()),
        name="governance_models",
        dagster_dbt_translator=_Translator(),
        pool="governance_duckdb",
    )
    def models(context: dg.AssetExecutionContext, dbt: DbtCliResource) -> Any:
        yield from dbt.cli(["build"], context=context, target_path=folder / "target").stream()

    dbt = DbtCliResource(
        project_dir=str(PROJECT),
        profiles_dir=str(PROJECT),
        dbt_executable=tool("dbt"),
        global_config_flags=["--log-path", str(folder / "logs"), "--no-use-colors"],
    )
    job = dg.define_asset_job(
        JOB, selection=dg.AssetSelection.groups(GROUP), description="Export the ledger and build the governance mart."
    )
    return dg.Definitions(assets=[ledger_export, models], jobs=[job], resources={"dbt": dbt})


def _environment(folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "PROOFSET_GOVERNANCE": str(folder),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
    }
