"""Manifest of an audit pack: the question, the releases with what was found, and every file by digest; signed."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from lineage.entry import Head
from lineage.signing import Envelope, Signer, make_statement, sign_statement
from proofset.evidence import Files
from proofset.spec import Frozen

AUDIT_TYPE = "https://proofset.dev/audit/v1"
MANIFEST = "manifest.dsse.json"
"""The pack's file that lists all others."""


class Question(Frozen):
    """Which releases a pack is about: all that every given field fits. At least one is given.

    release: the first digits of a candidate's digest, or a dataset for its newest release.  dataset: a name.
    source: a dataset's name, for every snapshot of its source, or the first digits of a source's digest.
    since: a moment as `lineage.times` writes it.  asked: what the auditor wants to know, in words.
    """

    release: str | None = None
    dataset: str | None = None
    source: str | None = None
    since: str | None = None
    asked: str = Field(default="", max_length=500)

    @property
    def words(self) -> str:
        """In words."""
        told = (("the release", self.release), ("the dataset", self.dataset), ("the source", self.source))
        parts = [f"{what} {value}" for what, value in told if value]
        if self.since:
            parts.append(f"released since {self.since[:10]}")
        return ", ".join(parts) + (f": {self.asked}" if self.asked else "")


class Packed(Frozen):
    """A release in a pack.

    folder: in the pack.  state: released, superseded, expired or revoked, when the pack was made.
    findings: what did not hold then; () where everything did.  withheld: data files that the pack leaves out.
    """

    candidate: str
    dataset: str
    folder: str
    state: str
    findings: tuple[str, ...] = ()
    withheld: tuple[str, ...] = ()


class Manifest(Frozen):
    """What a pack states. made_by: an id of the roster.  ledger: size and root when it was made."""

    workspace: str
    made_at: str
    made_by: str
    software: str
    question: Question
    ledger: Head
    ledger_key: str
    releases: tuple[Packed, ...] = Field(min_length=1)
    files: Files = ()

    def statement(self) -> dict[str, Any]:
        """What is signed: an in-toto statement about the candidates."""
        return make_statement([(r.dataset, r.candidate) for r in self.releases], AUDIT_TYPE, self.plain())

    def signed(self, signer: Signer) -> Envelope:
        """The signed manifest."""
        return sign_statement(self.statement(), [signer])
