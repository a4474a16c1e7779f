"""Verification of a release folder: offline, with nothing but the folder and a roster of public keys.

Nothing in the folder is believed because it says so: signatures are checked, files hashed, and the evidence digest, the
verdict and the count of approvals recomputed; on request the table's digest, too. A folder that is bad in any way gives
a failing check that names the file, never an exception.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lineage.candidate import MANIFEST, read_manifest
from lineage.checks import Check, line
from lineage.exports import EXPORTERS
from lineage.folders import MAX_LIST, Flaw, compare, read_regular
from lineage.inclusion import Inclusion
from lineage.kinds import RELEASE
from lineage.passport import APPROVALS, INCLUSION, PASSPORT, Passport, read_passport
from lineage.record import RECORD
from lineage.revocation_list import RevocationList
from lineage.roster import Roster
from lineage.signing import Envelope
from lineage.times import parse_utc, utc_text
from lineage.verify_contents import contents
from proofset.digest import sha256_file
from proofset.errors import DeniedError, ProofsetError
from proofset.evidence import FileEntry

CLOCK_SKEW = timedelta(minutes=5)
"""How far the clocks of who released and who verifies may be apart."""


def verify_release(
    folder: Path,
    roster: Roster,
    now: datetime | None = None,
    *,
    table: bool = False,
    revocations: RevocationList | None = None,
    withdrawn: Sequence[str] | None = None,
) -> list[Check]:
    """Check a release folder. It is good when every check is ok.

    Parameters
    ----------
    roster: whose signatures count. Take it from somewhere you trust, not from the folder.
    now: with time zone; the present where None. A release dated later fails, and one whose life has ended.
    table: also read the synthetic table and recompute its digest. Its bytes are held against the passport anyway.
    revocations: a list read by `read_list`; withdrawn: what a ledger says of this very release, with reasons. Where
        neither is given, revocations are not looked at.

    Raises ProofsetError only where there is no such folder.
    """
    if not folder.is_dir():
        raise ProofsetError(f"There is no folder {folder}.", fix="Name the folder of one release.")
    checks: list[Check] = []
    try:  # what was checked before a failure is kept
        checks.extend(_checks(folder, roster, now or datetime.now(UTC), table=table))
        checks.extend(_revoked(folder, roster, revocations, withdrawn))
    except Exception as error:  # noqa: BLE001 - the folder is somebody else's: whatever it provokes is its failure
        checks.append(Check(name="folder", ok=False, detail=f"cannot be checked ({type(error).__name__})", file="."))
    return checks


def _checks(folder: Path, roster: Roster, now: datetime, *, table: bool) -> Iterator[Check]:
    passport = _passport(folder, roster)
    if isinstance(passport, Check):
        yield passport
        # Without a manifest to trust, still say which files the candidate's own manifest contradicts.
        yield from _files(folder, None)
        return
    yield Check(name="passport", ok=True, detail=f"signed by a releaser, {passport.released_at}")
    yield _dated(passport, now)
    yield _alive(passport, now)
    flaws = list(_files(folder, passport))
    yield from flaws
    yield _ledger(folder, passport, roster)
    if not all(check.ok for check in flaws):
        return
    yield from contents(folder, passport, roster, table=table)


def _passport(folder: Path, roster: Roster) -> Passport | Check:
    try:
        return read_passport(folder, roster)
    except DeniedError as error:
        return Check(name="passport", ok=False, detail=line(error), file=PASSPORT)


def _dated(passport: Passport, now: datetime) -> Check:
    ok = parse_utc(passport.released_at) <= now + CLOCK_SKEW
    detail = "not in the future" if ok else f"released in the future: {passport.released_at}; it is {utc_text(now)}"
    return Check(name="date", ok=ok, detail=detail, file=None if ok else PASSPORT)


def _alive(passport: Passport, now: datetime) -> Check:
    """Whether the release's life has not ended; that it is the policy's is checked with the statement."""
    end = passport.expires_at
    ok = end is None or now <= parse_utc(end)
    detail = ("good without end" if end is None else f"good until {end}") if ok else f"expired: it was good until {end}"
    return Check(name="expiry", ok=ok, detail=detail, file=None if ok else PASSPORT)


def _files(folder: Path, passport: Passport | None) -> Iterator[Check]:
    """Every file against the passport's manifest or, lacking one, against the candidate's."""
    entries, beside, skipped = _manifest(folder, passport)
    try:
        flaws = [f for f in compare(folder, entries, beside) if not f.path.startswith(skipped)]
    except OSError as error:
        flaws = [Flaw(".", f"cannot be read ({type(error).__name__})")]
    for flaw in flaws:
        yield Check(name="files", ok=False, detail=str(flaw), file=flaw.path)
    if not flaws and passport is not None:
        yield Check(name="files", ok=True, detail=f"{len(passport.files)} files, each as the passport lists it")


def _manifest(folder: Path, passport: Passport | None) -> tuple[tuple[FileEntry, ...], list[str], tuple[str, ...]]:
    if passport is not None:
        return passport.files, [PASSPORT, INCLUSION], ()
    try:
        beside = [PASSPORT, INCLUSION, MANIFEST]
        return read_manifest(folder).files, beside, (f"{APPROVALS}/", PASSPORT, INCLUSION, RECORD, *EXPORTERS)
    except DeniedError:
        return (), [], ("",)


def _ledger(folder: Path, passport: Passport, roster: Roster) -> Check:
    """The ledger that the passport names must have recorded the release of this very passport."""
    try:
        proof = Inclusion.from_bytes(read_regular(folder / INCLUSION, MAX_LIST) or b"", INCLUSION)
        signed = proof.check(passport.ledger_key)
    except DeniedError as error:
        return Check(name="ledger", ok=False, detail=line(error), file=INCLUSION)
    entry, flaw = proof.entry, _unsigned(folder, roster, proof.entry.at)
    if roster.ledgers and passport.ledger_key not in roster.ledgers:
        flaw = "the roster does not list the ledger that the passport names"
    elif entry.kind != RELEASE or entry.subject != passport.candidate:
        flaw = "the entry is not about this release"
    elif entry.body.get("passport_digest") != sha256_file(folder / PASSPORT):
        flaw = "the entry is about another passport"
    elif entry.seq <= passport.ledger.size:
        flaw = "the entry is older than the passport"
    detail = flaw or f"entry {entry.seq} of {signed.size}, root {signed.root[:12]}"
    return Check(name="ledger", ok=not flaw, detail=detail, file=INCLUSION if flaw else None)


def _unsigned(folder: Path, roster: Roster, recorded_at: str) -> str:
    """Why the passport's keys were not good when the ledger recorded it, or "": its own date is its signer's."""
    envelope = Envelope.from_bytes(read_regular(folder / PASSPORT) or b"", PASSPORT)
    flaws = (roster.flaw_of(s.keyid, parse_utc(recorded_at)) for s in envelope.signatures)
    return next((f"the ledger recorded the passport on {recorded_at[:10]}, and {f}" for f in flaws if f), "")


def _revoked(
    folder: Path, roster: Roster, listed: RevocationList | None, withdrawn: Sequence[str] | None
) -> Iterator[Check]:
    """Whether it was withdrawn, by what the caller knows. Nothing is said where the passport is bad."""
    if listed is None and withdrawn is None:
        return
    try:
        passport = read_passport(folder, roster)
    except DeniedError:
        return
    reasons = (*(withdrawn or ()), *(_listed(listed, passport) if listed else ()))
    good = "not on the list of " + listed.issued_at[:10] if listed else "the ledger knows of no revocation"
    yield Check(
        name="revocation", ok=not reasons, detail="; ".join(reasons) or good, file=PASSPORT if reasons else None
    )


def _listed(listed: RevocationList, passport: Passport) -> tuple[str, ...]:
    """What a list says against a release: also that it cannot know of it."""
    if listed.ledger_key != passport.ledger_key:
        return ("the list is of another ledger than the release, and says nothing about it",)
    if listed.ledger.size <= passport.ledger.size:
        return ("the list is older than the release, and says nothing about it",)
    return listed.reasons(passport.candidate)
