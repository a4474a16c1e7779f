"""The application: its commands, and what an error looks like on a terminal."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli import (
    audit,
    drift,
    govern,
    handing,
    identify,
    inspect,
    keys,
    ledger,
    look,
    people,
    policy,
    record,
    reproduce,
    rules,
    spend,
    start,
    withdraw,
)
from orchestration.cli.common import errors_console
from proofset.errors import EXIT_BAD_INPUT, EXIT_DONE, EXIT_INTERNAL, EXIT_STOPPED, ProofsetError, scrubbed

HELP = """Synthetic datasets that carry their proof.

Exit codes: 0 done, 1 denied by policy or verification, 2 bad input, 3 internal error.
"""

app = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode="rich", pretty_exceptions_enable=False)


@app.callback()
def options(
    ctx: typer.Context,
    workspace: Annotated[
        Path,
        typer.Option("--workspace", "-w", envvar="PROOFSET_WORKSPACE", help="Folder of the workspace, or one in it."),
    ] = Path(),
) -> None:
    """Options that hold for every command."""
    ctx.obj = workspace


for module in (
    start,
    look,
    govern,
    people,
    keys,
    policy,
    inspect,
    ledger,
    drift,
    rules,
    withdraw,
    handing,
    identify,
    reproduce,
    record,
    spend,
    audit,
):
    module.register(app)


def run(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code; a user's mistake never shows a traceback."""
    given = sys.argv[1:] if arguments is None else arguments
    try:
        code = app(args=given, standalone_mode=False)
        if code == EXIT_STOPPED:  # what typer makes of Ctrl-C
            raise KeyboardInterrupt
        return code if isinstance(code, int) else EXIT_DONE
    except ProofsetError as error:
        _tell(error, as_json="--json" in given)
        return error.exit_code
    except (typer.Abort, KeyboardInterrupt):
        errors_console.print("Stopped. What was finished is kept; run the command again to go on.")
        return EXIT_STOPPED
    except BrokenPipeError:
        return EXIT_DONE
    except Exception as error:  # noqa: BLE001 - the outermost edge: no message that could quote data leaves
        if hasattr(error, "show") and hasattr(error, "exit_code"):  # a usage error; its class is private to typer
            error.show()
            return EXIT_BAD_INPUT
        _tell(scrubbed(error, "The command"), as_json="--json" in given)
        return EXIT_INTERNAL


def _tell(error: ProofsetError, *, as_json: bool) -> None:
    if as_json:
        said = {"kind": type(error).__name__, "what": error.what, "why": error.why, "fix": error.fix}
        sys.stdout.write(json.dumps({"error": said, "exit": error.exit_code}, indent=2, ensure_ascii=False) + "\n")
        return
    errors_console.print(f"✗ {error.what}", style="bold red", markup=False, highlight=False)
    if error.why:
        errors_console.print(error.why, markup=False, highlight=False)
    if error.fix:
        errors_console.print(f"→ {error.fix}", style="cyan", markup=False, highlight=False)
