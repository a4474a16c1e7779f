"""Commands to begin with: init, demo, ui."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.cli.common import Json, console, opened, print_json
from proofset.errors import EXIT_DONE, ProofsetError
from proofset.spec import Purpose

if TYPE_CHECKING:
    from proofset.workspace import Workspace

RELEASER = ("release", "releaser", "Release service", "release@example.org")
DEMO_PEOPLE = (
    ("ada", "data_steward", "Ada Demo", "ada@example.org"),
    ("grace", "privacy_officer", "Grace Demo", "grace@example.org"),
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (init, demo, ui):
        app.command()(command)


def init(
    ctx: typer.Context,
    folder: Annotated[Path | None, typer.Argument(help="Folder of the workspace. Default: --workspace.")] = None,
    table: Annotated[Path | None, typer.Option("--table", help="Parquet or CSV file to govern.")] = None,
    owner: Annotated[str, typer.Option("--owner", help="E-mail of who answers for the data, or team:NAME.")] = "",
    lawful_basis: Annotated[str, typer.Option("--lawful-basis", help="Why you may process it, e.g. consent.")] = "",
    licence: Annotated[str, typer.Option("--licence", help="Licence of the source.")] = "proprietary",
    target: Annotated[str | None, typer.Option("--target", help="Column a model would predict.")] = None,
    purpose: Annotated[Purpose, typer.Option("--purpose", help="What the data is for; it picks the policy.")] = (
        Purpose.SHARING
    ),
    as_json: Json = False,
) -> int:
    """Make a workspace; with --table, also a dataset spec from what the table looks like."""
    from orchestration.cli.keys import make_key
    from orchestration.keyring import key_path
    from orchestration.policies import add_pack
    from orchestration.scaffold import draft_spec, make_workspace
    from proofset.files import write_bytes
    from proofset.workspace import CONFIG, Workspace

    base: Path = ctx.obj
    root = folder or base
    if table is not None and not (owner and lawful_basis):
        raise ProofsetError(
            "A dataset needs an owner and a lawful basis.",
            why="Nobody else can say who answers for the data, and why it may be processed.",
            fix="Add --owner you@example.com --lawful-basis consent (or public_data, contract, legal_obligation, "
            "vital_interests, public_task, legitimate_interests).",
        )
    draft = None
    if table is not None:  # first what can go wrong, then the first folder
        draft = draft_spec(
            root, table, owner=owner, lawful_basis=lawful_basis, licence=licence, target=target, purpose=purpose
        )
    if table is None or not (root / CONFIG).exists():
        make_workspace(root)
    workspace = Workspace(root)
    if purpose.value not in workspace.policy_names():
        add_pack(root, purpose.value)
    if not key_path(workspace, RELEASER[0]).exists():
        make_key(workspace, RELEASER[0], [RELEASER[1]], RELEASER[2], RELEASER[3])
    spec = None
    if draft is not None:
        spec, text = draft
        write_bytes(spec, text.encode())
    if as_json:
        print_json({"workspace": str(workspace.root), "spec": str(spec) if spec else None})
        return EXIT_DONE
    console.print(f"[green]✓[/green] Workspace {workspace.root}", soft_wrap=True)
    if spec:
        name = spec.stem
        console.print(f"[green]✓[/green] Dataset spec {spec}  [dim](read it: types and treatments are guesses)[/dim]",
                      soft_wrap=True)  # fmt: skip
        console.print(f"Next: proofset -w {root} plan {name}, then proofset -w {root} run {name}", soft_wrap=True)
    else:
        console.print("Next: proofset init --table FILE --owner YOU@EXAMPLE.COM --lawful-basis BASIS")
    return EXIT_DONE


def demo(ctx: typer.Context, dataset: Annotated[str, typer.Option(help="Dataset to govern.")] = "adult") -> int:
    """The whole way on real data: run, score, sign as two demo people, release, verify."""
    from orchestration.cli.demo import run_demo

    return run_demo(opened(ctx), dataset)


def ui(
    ctx: typer.Context,
    dagster_port: Annotated[int, typer.Option(help="Port of Dagster's page; the next free one is taken.")] = 3000,
    mlflow_port: Annotated[int, typer.Option(help="Port of MLflow's page; the next free one is taken.")] = 5000,
) -> int:
    """Serve Dagster's and MLflow's pages on loopback until Ctrl-C."""
    from orchestration.pages import serve

    workspace: Workspace = opened(ctx)

    def told(name: str, url: str) -> None:
        console.print(f"  {name:<8} {url}")

    console.print(f"Pages of workspace '{workspace.config.workspace}' (Ctrl-C ends them):")
    serve(workspace, dagster_port, mlflow_port, told)
    return EXIT_DONE
