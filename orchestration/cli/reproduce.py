"""The command reproduce: does the same come out again?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from orchestration.cli.common import Json, console, opened, print_json
from proofset.errors import EXIT_DENIED, EXIT_DONE

if TYPE_CHECKING:
    from lineage.reproduction import Reproduction

_NAMES = {
    "split": "train and holdout",
    "fitted": "fitted model",
    "synthetic": "synthetic table",
    "parquet": "bytes of the Parquet file",
}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(reproduce)


def reproduce(
    ctx: typer.Context,
    ref: Annotated[
        str, typer.Argument(help="A release's folder, a dataset, or first digits of a candidate.", show_default=False)
    ],
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Threads; the machine's own by default.")
    ] = None,
    person: Annotated[str, typer.Option("--as", help="Your id in the roster. Default: the platform signs.")] = "",
    key: Annotated[str | None, typer.Option("--key", help="Your private key: a file or URI.")] = None,
    as_json: Json = False,
) -> int:
    """Make a table again from the sealed inputs, elsewhere, and sign whether it is the same. Exits 1 unless it is."""
    from orchestration.keyring import release_signer, signer_of
    from orchestration.reproducing import reproduce as again
    from orchestration.reproducing import sign_and_keep

    workspace = opened(ctx)
    # Before the work: a key that is missing is told at once.
    signer = signer_of(workspace, person, key) if person else release_signer(workspace)
    candidate, made = again(workspace, _digest(ref, ctx.obj), workers)
    signed = sign_and_keep(workspace, candidate, made, signer)
    place = workspace.relative(signed.file)
    code = EXIT_DONE if made.outcome == "reproduced" else EXIT_DENIED
    if as_json:
        told = {"dataset": candidate.dataset, "candidate": candidate.digest, **made.plain()}
        print_json(told | {"person": signed.person, "statement": place, "ledger_entry": signed.entry})
        return code
    _show(made)
    console.print(f"Signed by {signed.person}: {place}, ledger entry {signed.entry}", markup=False, soft_wrap=True)
    return code


def _digest(ref: str, base: Path) -> str:
    """What is meant: a release's folder stands for its candidate."""
    from lineage.candidate import MANIFEST, read_manifest

    for folder in (Path(ref), base / ref):
        if (folder / MANIFEST).is_file():
            return read_manifest(folder).digest
    return ref


def _show(made: Reproduction) -> None:
    for step in made.steps:
        mark = Text("✓ ", style="green") if step.same else Text("✗ ", style="bold red")
        found = "the same" if step.same else f"{(step.found or 'not reached')[:12]} instead of {step.expected[:12]}"
        console.print(Text("  ") + mark + Text(f"{_NAMES[step.step]:<26}") + Text(found, style="dim"))
    for version in made.versions:
        console.print(Text(f"  {version.package} {version.found}; on record {version.expected}", style="yellow"))
    if made.outcome == "reproduced":
        console.print("[bold green]Reproduced[/bold green]: the same table, to the byte.")
    else:
        console.print(f"[bold red]Differs[/bold red], first in: {_NAMES[made.differs_at or 'split']}.")
