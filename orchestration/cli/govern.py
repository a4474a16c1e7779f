"""Commands that make: plan, run, release, mart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.cli.common import Json, console, opened, print_json
from proofset.errors import EXIT_DENIED, EXIT_DONE

if TYPE_CHECKING:
    from pathlib import Path

    from proofset.evidence import Candidate, Scorecard, Verdict
    from proofset.workspace import Workspace

Dataset = Annotated[str, typer.Argument(help="Name of the dataset.", show_default=False)]
Force = Annotated[bool, typer.Option("--force", help="Do every step again, also where nothing changed.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(plan)
    app.command()(run)
    app.command()(release)
    app.command()(mart)


def plan(ctx: typer.Context, dataset: Dataset, force: Force = False, as_json: Json = False) -> int:
    """Say what a run would do, reuse and demand, without doing it."""
    from orchestration.planning import plan_dataset

    workspace = opened(ctx)
    planned = plan_dataset(workspace, dataset, force=force)
    if as_json:
        print_json(planned.plain())
        return EXIT_DONE
    console.print(planned.title, style="bold", markup=False)
    console.print(
        f"purpose {planned.purpose} · generator {planned.generator} ({planned.licence}) · policy {planned.policy}"
    )
    console.print("\n[bold]Steps[/bold]")
    for name, action in planned.steps.items():
        console.print(f"  {'○' if action == 'reuse' else '●'} {name:<12}[dim]{action}[/dim]")
    console.print("\n[bold]Demands[/bold]")
    for text in planned.demands:
        console.print(f"  {text}", markup=False)
    console.print(f"\n[bold]Then[/bold] {planned.approvals}")
    return EXIT_DONE


def run(
    ctx: typer.Context,
    dataset: Dataset,
    force: Force = False,
    requested_by: Annotated[
        str, typer.Option("--requested-by", help="Who asks, and so may not approve. Default: the dataset's owner.")
    ] = "",
    as_json: Json = False,
) -> int:
    """Run the chain from the source to a candidate with its verdict. Exits 1 unless the verdict is pass."""
    workspace = opened(ctx)
    card, verdict, digest, seconds = run_chain(
        workspace, dataset, force=force, requested_by=requested_by, show=not as_json
    )
    code = EXIT_DONE if verdict.outcome.value == "pass" else EXIT_DENIED
    if as_json:
        print_json(
            {
                "dataset": dataset,
                "candidate": digest,
                "synthetic": card.synthetic_digest,
                "outcome": verdict.outcome.value,
                "scorecard": card.plain(),
                "verdict": verdict.plain(),
                "notes": notes_of(workspace, dataset),
                "seconds": round(seconds, 1),
            }
        )
        return code
    from orchestration.cli.screens import print_decision, print_notes, print_scorecard
    from orchestration.states import decision

    print_notes(notes_of(workspace, dataset))
    print_scorecard(dataset, card, verdict)
    now = decision(workspace, digest)
    console.print()
    print_decision(now.allowed, now.reasons, title=f"Candidate {digest[:12]}")
    if verdict.outcome.value in ("pass", "review"):
        accept = "".join(f" --accept {f.check}" for f in verdict.blocking)
        console.print(f"Next: proofset approve {digest[:12]} --as PERSON{accept}")
    return code


def release(
    ctx: typer.Context,
    ref: Annotated[str, typer.Argument(help="Dataset, or first digits of a candidate's digest.", show_default=False)],
    by: Annotated[str, typer.Option("--by", help="Who releases; noted in the passport.")] = "proofset",
    as_json: Json = False,
) -> int:
    """Publish an approved candidate as a folder with its passport. Exits 1, with the reasons, when it may not be."""
    workspace = opened(ctx)
    candidate, folder = run_release(workspace, ref, by)
    if as_json:
        print_json({"dataset": candidate.dataset, "candidate": candidate.digest, "folder": str(folder)})
    else:
        shown = workspace.relative(folder)
        console.print(f"[green]✓[/green] Released {candidate.dataset}, candidate {candidate.digest[:12]}, in {shown}")
        console.print(f"Next: proofset verify {shown} --roster keys/roster.yaml", style="dim")
    return EXIT_DONE


def mart(ctx: typer.Context, as_json: Json = False) -> int:
    """Export the ledger and build the governance mart (dbt on DuckDB)."""
    workspace = opened(ctx)
    path = run_mart(workspace)
    if as_json:
        print_json({"database": str(path)})
    else:
        console.print(f"[green]✓[/green] Governance mart built and tested: {workspace.relative(path)}")
    return EXIT_DONE


def run_release(workspace: Workspace, ref: str, by: str) -> tuple[Candidate, Path]:
    """Run the release of a candidate; return it and the published folder. Raises DeniedError with every reason."""
    from orchestration.resources import WorkspaceResource
    from orchestration.runner import run_job
    from orchestration.states import find, released_folder

    candidate, _ = find(workspace, ref)
    resource = WorkspaceResource(root=str(workspace.root), actor=by, release_ref=candidate.digest)
    run_job(workspace, f"{candidate.dataset}_release", resource)
    return candidate, released_folder(workspace, candidate)


def run_mart(workspace: Workspace) -> Path:
    """Export the ledger and build the governance mart; return its database."""
    from orchestration.governance import JOB, governance_folder
    from orchestration.runner import run_job

    run_job(workspace, JOB, mart=True)
    return governance_folder(workspace) / "governance.duckdb"


def notes_of(workspace: Workspace, dataset: str) -> list[str]:
    """What the profile noticed: above all, where the spec and the data disagree."""
    from orchestration.store import Store

    return list(Store(workspace, dataset).need("profile").facts["profile"].get("notes", ()))


def run_chain(
    workspace: Workspace, dataset: str, *, force: bool = False, requested_by: str = "", show: bool = True
) -> tuple[Scorecard, Verdict, str, float]:
    """Run a dataset's chain with progress bars; return scorecard, verdict, candidate digest and seconds taken."""
    import time

    from orchestration.chain import STEPS, Chain
    from orchestration.cli.progress import StepBars
    from orchestration.policy_check import require_sound
    from orchestration.resources import WorkspaceResource
    from orchestration.runner import run_job
    from orchestration.store import Store
    from proofset.evidence import Scorecard, Verdict

    # A wrong spec, requester or policy is told before anything starts.
    chain = Chain.open(workspace, dataset, requested_by=requested_by)
    requester = chain.requester
    require_sound(chain.policy)
    resource = WorkspaceResource(root=str(workspace.root), force=force, requested_by=requester)
    start = time.perf_counter()
    with StepBars(STEPS, show=show) as bars:
        run_job(
            workspace,
            f"{dataset}_candidate",
            resource,
            started=bars.started,
            ended=bars.ended,
            progress=bars.progress,
        )
    seconds = time.perf_counter() - start
    store = Store(workspace, dataset)
    card = Scorecard.model_validate(store.need("scorecard").facts["scorecard"])
    verdict = Verdict.model_validate(store.need("verdict").facts["verdict"])
    return card, verdict, store.need("candidate").digest, seconds
