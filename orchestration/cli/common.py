"""What the commands share: the consoles, the --json option, the opened workspace."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

if TYPE_CHECKING:
    from proofset.workspace import Workspace

# A pipe or a log has no width of its own; the tables need about a hundred columns to stay on one line.
_WIDTH = None if sys.stdout.isatty() else int(os.environ.get("COLUMNS", "110"))

console = Console(width=_WIDTH, highlight=False)
errors_console = Console(stderr=True, width=_WIDTH, highlight=False, soft_wrap=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


def opened(ctx: typer.Context) -> Workspace:
    """The workspace the command works in."""
    from proofset.workspace import Workspace

    folder: Path = ctx.obj
    return Workspace.find(folder)


def print_json(value: Any) -> None:
    """Print a value as JSON on standard output."""
    # Plain ASCII: a file's name may hold what the terminal's encoding cannot.
    sys.stdout.write(json.dumps(value, indent=2, default=str) + "\n")
