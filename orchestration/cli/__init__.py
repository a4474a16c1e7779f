"""The command line. `main` is the console script; it imports the commands when it is called."""

from __future__ import annotations


def main() -> None:
    """Run the command line and exit with its code: 0 done, 1 denied, 2 bad input, 3 internal."""
    from orchestration.cli.app import run

    raise SystemExit(run())
