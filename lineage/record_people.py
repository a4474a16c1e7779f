"""Sections 8 to 13 of the provenance record: who agreed, for whom it is, and what happened since."""

from __future__ import annotations

from lineage.record_sections import Section
from proofset.spec import Frozen, Purpose


class Approver(Frozen):
    """A person who decided, in which roles. counted: whether it counted towards the release.

    file, sha256: the signed decision in the release's folder; None where it is not in there.
    expires_at: when the approval stops to count for a release yet to come.
    """

    person: str
    name: str | None = None
    roles: tuple[str, ...]
    decision: str
    counted: bool
    key: str
    signed_at: str
    expires_at: str | None = None
    reason: str = ""
    conditions: tuple[str, ...] = ()
    accepts: tuple[str, ...] = ()
    file: str | None = None
    sha256: str | None = None


class Separation(Frozen):
    """A duty kept apart from approving. held: whether nobody whose approval counted has it. by: who has it."""

    duty: str
    required: bool
    by: tuple[str, ...]
    held: bool
    detail: str


class Approvals(Section):
    """8. The approvers, and whether duties were kept apart. required, roles: what the policy asks for."""

    required: int
    roles: tuple[str, ...]
    valid_days: int
    approvers: tuple[Approver, ...]
    separation: tuple[Separation, ...]
    separated: bool
    """Whether every duty that the policy keeps apart was."""
    enough: bool
    """Whether as many people approved as the policy asks for, with nobody's rejection standing among the counted."""


class Event(Frozen):
    """An entry of the ledger. index: its number.  detail: what it says, where that is text for people."""

    index: int
    at: str
    kind: str
    actor: str = ""
    subject: str
    detail: str = ""
    hash: str


class Use(Section):
    """9. For whom and what for. downloads: as the ledger recorded them."""

    purpose: Purpose
    permitted_purposes: tuple[Purpose, ...]
    recipients: tuple[str, ...] | None = None
    terms: str | None = None
    conditions: tuple[str, ...] | None = None
    contact: str | None = None
    keywords: tuple[str, ...] = ()
    downloads: tuple[Event, ...] = ()


class Budget(Section):
    """10. What releases of this source have cost it.

    releases: of the source so far, this one included where it is released.  epsilon: the sum over distinct tables
    (basic composition); None unless each states its own.  without_guarantee: tables with no ε at all.
    """

    source: str
    releases: tuple[str, ...]
    epsilon: float | None = None
    without_guarantee: int
    statement: str


class History(Section):
    """11. What happened to it, to its source and to its dataset."""

    drift: tuple[Event, ...] = ()
    reapprovals: tuple[Event, ...] = ()
    revocations: tuple[Event, ...] = ()
    incidents: tuple[Event, ...] = ()
    reproductions: tuple[Event, ...] = ()
    denials: tuple[Event, ...] = ()
    withdrawn: tuple[str, ...] = ()
    """Why it must not be used any more: what was revoked, itself or something it derives from; empty for no reason."""


class Proof(Frozen):
    """That an entry is in the ledger: RFC 6962 audit path, and the signed head it leads to (C2SP tlog-checkpoint)."""

    index: int
    size: int
    path: tuple[str, ...]
    checkpoint: str


class Log(Section):
    """12. Where the ledger has it. entry: the candidate's.  vkey: the ledger's verifier key.  size, root: its head."""

    entry: Event | None = None
    entries: tuple[Event, ...] = ()
    proof: Proof | None = None
    vkey: str | None = None
    size: int | None = None
    root: str | None = None
    retention: str


class Readers(Section):
    """13. Who read or exported the evidence."""

    audits: tuple[Event, ...] = ()
