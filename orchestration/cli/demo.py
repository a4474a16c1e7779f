"""The demo: every step a team would take with its own table, on the census table, signed by two people made up."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from orchestration.cli.common import console
from orchestration.cli.govern import run_chain, run_mart, run_release
from orchestration.cli.keys import make_key
from orchestration.cli.people import sign_decision
from orchestration.cli.screens import indented, print_checks, print_decision, print_scorecard, step
from orchestration.cli.start import DEMO_PEOPLE, RELEASER
from orchestration.keyring import key_path
from orchestration.states import decision
from proofset.errors import EXIT_DENIED, EXIT_DONE

if TYPE_CHECKING:
    from pathlib import Path

    from proofset.workspace import Workspace


def run_demo(workspace: Workspace, dataset: str) -> int:
    """Run the demo; returns 0 when it ends with a verified release, 1 when something was denied."""
    start = time.perf_counter()
    spec = workspace.dataset(dataset)
    step("1 Keys", "two approvers and the release service, made here, never committed")
    for person, role, name, email in (*DEMO_PEOPLE, RELEASER):
        made = not key_path(workspace, person).exists()
        if made:
            make_key(workspace, person, [role], name, email)
        console.print(indented(f"{name} [dim]({role}{'' if made else ', kept from before'})[/dim]"))

    step("2 Run", f"{spec.title}: from the source to a candidate")
    card, verdict, digest, seconds = run_chain(workspace, dataset, force=True)
    console.print(indented(f"[dim]{seconds:.0f} s in all[/dim]"))
    print_scorecard(dataset, card, verdict)

    step("3 May it be released?", f"candidate {digest[:12]}")
    now = decision(workspace, digest)
    print_decision(now.allowed, now.reasons, title="Before anybody signs" if not now.allowed else "Signed before")

    step("4 Approve", "each signs the digest of the data, its evidence and the policy")
    for person, role, name, _ in DEMO_PEOPLE:
        sign_decision(workspace, digest, person, None, "approve", "Demo approval")
        console.print(indented(f"[green]✓[/green] {name} [dim]({role})[/dim]"))

    step("5 Release", "the gate recomputes the verdict and counts the signatures again")
    _, folder = run_release(workspace, digest, "demo")
    console.print(indented(f"[green]✓[/green] {workspace.relative(folder)}"))

    step("6 Verify", "offline: from the folder and the roster alone")
    good = _verify(workspace, folder)

    step("7 Governance mart", "the ledger's tables through dbt into DuckDB")
    console.print(indented(f"[green]✓[/green] {workspace.relative(run_mart(workspace))}"))
    console.print(f"\n[bold]Done in {time.perf_counter() - start:.0f} s.[/bold]" if good else "\n[bold red]Denied.")
    _next(workspace, folder)
    return EXIT_DONE if good else EXIT_DENIED


def _verify(workspace: Workspace, folder: Path) -> bool:
    from lineage.roster import read_roster
    from lineage.verify import verify_release

    checks = verify_release(folder, read_roster(workspace.roster_path))
    print_checks(checks)
    return bool(checks) and all(c.ok for c in checks)


def _next(workspace: Workspace, folder: Path) -> None:
    short = workspace.relative(folder)
    console.print("\n[bold]Look at[/bold]")
    console.print(indented(f"{folder / 'report.html'}   the report, in a browser"), soft_wrap=True)
    console.print(indented("make ui   Dagster's asset graph and MLflow's run, on loopback"))
    console.print(indented("proofset -w examples/census status   where the dataset stands"))
    console.print(indented(f"proofset -w examples/census verify {short} --roster keys/roster.yaml"), soft_wrap=True)
    console.print(indented("change one byte in the release and verify again"))
