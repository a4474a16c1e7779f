"""The error tree. Every message says what happened, why, and how to fix it.

A message may name files, fields, columns and counts; it never quotes a value from a source table.
The exit codes are what the command line returns for each branch of the tree.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

EXIT_DONE = 0
EXIT_DENIED = 1
EXIT_BAD_INPUT = 2
EXIT_INTERNAL = 3
EXIT_STOPPED = 130  # by Ctrl-C, as shells count it


class ProofsetError(Exception):
    """Base of all errors meant for a person.

    Parameters
    ----------
    what: what happened, one sentence.
    why: the cause, one sentence; may be empty when `what` says it.
    fix: what to do now, one sentence in the imperative.
    """

    exit_code = EXIT_BAD_INPUT

    def __init__(self, what: str, *, why: str = "", fix: str = "") -> None:
        self.what = what
        self.why = why
        self.fix = fix
        super().__init__("\n".join(part for part in (what, why, fix) if part))


class SpecError(ProofsetError):
    """A YAML file of the workspace is not what its schema asks for."""


class UnknownNameError(ProofsetError):
    """A name is not registered."""


class SourceError(ProofsetError):
    """A source table is missing, unreadable or unfit for use."""


class WorkspaceError(ProofsetError):
    """The workspace folder or its state cannot be used."""


class RosterError(ProofsetError):
    """The roster of people and keys is not usable."""


class LedgerError(ProofsetError):
    """The ledger does not add up: it was edited, truncated or is unreadable."""


class GeneratorError(ProofsetError):
    """A generator cannot do what the spec asks of it."""


class MissingExtraError(ProofsetError):
    """An optional dependency is not installed."""


class DeniedError(ProofsetError):
    """Policy, approval or verification says no."""

    exit_code = EXIT_DENIED


class InternalError(ProofsetError):
    """A defect of proofset or of a library below it; carries no message of the original error, which may quote data."""

    exit_code = EXIT_INTERNAL


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return " Did you mean 'x'?" for the nearest known word, or "" where none is near."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" Did you mean '{near[0]}'?" if near else ""


def unknown_name(kind: str, word: str, known: Iterable[str], where: str = "") -> UnknownNameError:
    """Build the error for a name that is not registered, with the nearest valid word."""
    names = sorted(known)
    place = f" ({where})" if where else ""
    return UnknownNameError(
        f"'{word}' is not a known {kind}{place}.",
        why=f"Known: {', '.join(names) or 'none'}.{did_you_mean(word, names)}",
        fix=f"Use one of the known names, or register the {kind}.",
    )


def scrubbed(error: BaseException, doing: str) -> InternalError:
    """Wrap a third party's error without its message, which may quote a source value.

    The type and the innermost line of code are kept: they help to find the defect and hold no data.
    """
    trace = error.__traceback__
    where = "unknown place"
    while trace is not None:
        where = f"{trace.tb_frame.f_globals.get('__name__', '?')}:{trace.tb_lineno}"
        trace = trace.tb_next
    return InternalError(
        f"{doing} failed with {type(error).__name__} at {where}.",
        why="The original message is withheld because it may quote source data.",
        fix="Check the input named above; if it looks right, report this line as a defect.",
    )
