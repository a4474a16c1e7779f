"""Check: one thing that was checked of a release folder."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator

from lineage.folders import printable
from proofset.errors import ProofsetError
from proofset.spec import Frozen

Shown = Annotated[str, BeforeValidator(printable)]
"""Text that may quote the folder, with what could disturb a reader escaped."""


class Check(Frozen):
    """One thing that was checked. file: relative path of the file at fault."""

    name: str
    ok: bool
    detail: Shown
    file: Shown | None = None


def line(error: ProofsetError) -> str:
    """An error in one line."""
    return " ".join(part for part in (error.what, error.why) if part)
