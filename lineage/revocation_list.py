"""Revocation list: a signed statement of everything that is withdrawn, for those who verify offline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import Field

from lineage.entry import Head
from lineage.revocation import Kind, Revocation
from lineage.roster import RELEASER, Roster
from lineage.signing import Envelope, Signer, make_statement, sign_statement
from lineage.statements import read_statement
from lineage.times import parse_utc, utc_text
from proofset.digest import canonical, sha256_json
from proofset.errors import DeniedError
from proofset.spec import Frozen

REVOCATIONS_TYPE = "https://proofset.dev/revocations/v1"
GOOD_FOR = timedelta(days=30)
"""How long a list may be relied on, and the longest that one may say of itself."""
SKEW = timedelta(minutes=5)


class Listed(Frozen):
    """One revocation, as the list states it."""

    kind: Kind
    target: str
    reason: str
    at: str
    since: str | None = None


class Gone(Frozen):
    """A candidate that is reached, and why."""

    candidate: str
    dataset: str
    reasons: tuple[str, ...] = Field(min_length=1)


class RevocationList(Frozen):
    """What is withdrawn at a moment.

    ledger: size and root when it was made.  ledger_key: whose: of releases in another ledger it says nothing.
    good_until: when to ask for a newer one.
    """

    workspace: str
    issued_at: str
    good_until: str
    ledger: Head
    ledger_key: str
    revocations: tuple[Listed, ...]
    withdrawn: tuple[Gone, ...]

    def statement(self) -> dict[str, Any]:
        """What is signed: an in-toto statement whose subject is the list itself."""
        return make_statement([(self.workspace, sha256_json(self.plain()))], REVOCATIONS_TYPE, self.plain())

    def reasons(self, candidate: str) -> tuple[str, ...]:
        """Why a candidate is withdrawn; () where it is not."""
        return next((g.reasons for g in self.withdrawn if g.candidate == candidate), ())


def list_of(
    workspace: str,
    revocations: Sequence[Revocation],
    withdrawn: Mapping[str, tuple[str, ...]],
    datasets: Mapping[str, str],
    ledger: Head,
    ledger_key: str,
    now: datetime,
) -> RevocationList:
    """Say what is withdrawn. datasets: candidate -> its dataset."""
    return RevocationList(
        workspace=workspace,
        issued_at=utc_text(now),
        good_until=utc_text(now + GOOD_FOR),
        ledger=ledger,
        ledger_key=ledger_key,
        revocations=tuple(
            Listed(
                kind=r.kind,
                target=r.target,
                reason=r.reason,
                at=utc_text(r.at),
                since=utc_text(r.since) if r.since else None,
            )
            for r in revocations
        ),
        withdrawn=tuple(Gone(candidate=c, dataset=datasets[c], reasons=withdrawn[c]) for c in sorted(withdrawn)),
    )


def sign_list(made: RevocationList, signer: Signer) -> Envelope:
    """Sign the list's statement."""
    return sign_statement(made.statement(), [signer])


def read_list(data: bytes, name: str, roster: Roster, now: datetime) -> RevocationList:
    """Read a list, check that a releaser of the roster signed it, and that it may still be relied on.

    Raises DeniedError otherwise: a list that is stale, forged or from the future clears nothing. Neither does one by a
    key that was revoked since: no ledger vouches for its date, and a new one is easily had.
    """
    envelope = Envelope.from_bytes(data, name)
    payload = envelope.verified(roster.keys_of(RELEASER))
    try:
        _, made = read_statement(payload, REVOCATIONS_TYPE, RevocationList)
        issued, until = parse_utc(made.issued_at), parse_utc(made.good_until)
        intact = canonical(made.statement()) == payload
    except ValueError:
        intact = False
    if not intact:
        raise DeniedError(f"{name}: the signed statement is not a list of revocations as this platform writes it.")
    flaw = next((f for f in (_flaw(roster, s.keyid, issued, now) for s in envelope.signatures) if f), "")
    if flaw:
        raise DeniedError(f"{name}: its signature does not count: {flaw}.")
    if until - issued > GOOD_FOR:
        raise DeniedError(
            f"{name} claims to be good for longer than {GOOD_FOR.days} days.", fix="Ask the publisher for a new list."
        )
    if issued > now + SKEW:
        raise DeniedError(f"{name} is dated in the future: {made.issued_at}.", fix="Check the clock.")
    if now > until:
        raise DeniedError(
            f"{name} is out of date: it was good until {made.good_until}.",
            why="What was revoked since then is not on it.",
            fix="Ask the publisher for a new list.",
        )
    return made


def _flaw(roster: Roster, key_id: str, issued: datetime, now: datetime) -> str:
    """Why a signature under a list does not count, or "". A key that merely ended was good for what it signed."""
    revoked = any(k.id == key_id and k.revoked_at for p in roster.people for k in p.keys)
    return roster.flaw_of(key_id, issued) or (roster.flaw_of(key_id, now) if revoked else "")
