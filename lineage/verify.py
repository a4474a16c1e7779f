"""Verification of a release folder: offline, with nothing but the folder and a roster of public keys.

Nothing in the folder is believed because it says so: signatures are checked, files hashed, and the table's digest,
the evidence digest, the verdict and the count of approvals recomputed. A folder that is bad in any way gives a
failing check that names the file, never an exception.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import pyarrow as pa
from pydantic import BeforeValidator

from lineage.approval import Signed, read_approval
from lineage.candidate import MANIFEST, CandidateFolder, parse_evidence, read_manifest, read_parquet
from lineage.folders import Flaw, checked_bytes, compare, printable
from lineage.gate import count, unaccepted
from lineage.passport import APPROVALS, PASSPORT, Passport, describe, read_passport
from lineage.roster import Roster
from lineage.signing import Envelope
from lineage.times import parse_utc, utc_text
from proofset.digest import table_digest
from proofset.errors import DeniedError, ProofsetError
from proofset.evidence import Candidate, FileEntry, Outcome
from proofset.spec import Frozen

CLOCK_SKEW = timedelta(minutes=5)
"""How far the clocks of who released and who verifies may be apart."""


Shown = Annotated[str, BeforeValidator(printable)]
"""Text that may quote the folder, with what could disturb a reader escaped."""


class Check(Frozen):
    """One thing that was checked. file: relative path of the file at fault."""

    name: str
    ok: bool
    detail: Shown
    file: Shown | None = None


def verify_release(folder: Path, roster: Roster, now: datetime | None = None) -> list[Check]:
    """Check a release folder. It is good when every check is ok.

    Parameters
    ----------
    roster: whose signatures count. Take it from somewhere you trust, not from the folder.
    now: with time zone; the present where None. A release dated later fails, and one whose life has ended.

    Raises ProofsetError only where there is no such folder.
    """
    if not folder.is_dir():
        raise ProofsetError(f"There is no folder {folder}.", fix="Name the folder of one release.")
    checks: list[Check] = []
    try:  # what was checked before a failure is kept
        checks.extend(_checks(folder, roster, now or datetime.now(UTC)))
    except Exception as error:  # noqa: BLE001 - the folder is somebody else's: whatever it provokes is its failure
        checks.append(Check(name="folder", ok=False, detail=f"cannot be checked ({type(error).__name__})", file="."))
    return checks


def _checks(folder: Path, roster: Roster, now: datetime) -> Iterator[Check]:
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
    if not all(check.ok for check in flaws):
        return
    yield from _contents(folder, passport, roster)


def _passport(folder: Path, roster: Roster) -> Passport | Check:
    try:
        return read_passport(folder, roster)
    except DeniedError as error:
        return Check(name="passport", ok=False, detail=_line(error), file=PASSPORT)


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
        return passport.files, [PASSPORT], ()
    try:
        return read_manifest(folder).files, [PASSPORT, MANIFEST], (f"{APPROVALS}/", PASSPORT)
    except DeniedError:
        return (), [], ("",)


def _contents(folder: Path, passport: Passport, roster: Roster) -> Iterator[Check]:
    """What follows from the files' contents; each step needs the one before."""
    try:
        candidate = read_manifest(folder)
        parts = _candidate(candidate, passport) or parse_evidence(folder, candidate)
    except DeniedError as error:
        yield Check(name="candidate", ok=False, detail=_line(error), file=_file_in(error))
        return
    if isinstance(parts, Check):
        yield parts
        return
    yield Check(name="candidate", ok=True, detail=f"digest {candidate.digest}")
    yield _table(folder, parts)
    links = parts.broken_links()
    yield Check(
        name="evidence",
        ok=not links,
        detail="; ".join(links) or f"digest {candidate.evidence_digest}",
        file=MANIFEST if links else None,
    )
    yield _verdict(parts, parse_utc(passport.released_at))
    yield from _approvals(folder, passport, parts, roster)


def _candidate(candidate: Candidate, passport: Passport) -> Check | None:
    """The candidate must be the passport's, and its files what the folder holds besides passport and approvals.

    The passport's list was held against the folder already, so it stands for what is there.
    """
    if candidate.digest != passport.candidate:
        return Check(name="candidate", ok=False, detail="the passport was given to another candidate", file=MANIFEST)
    there = {f.path: f for f in passport.files if f.path != MANIFEST and not f.path.startswith(f"{APPROVALS}/")}
    listed = {f.path: f for f in candidate.files}
    wrong = sorted(path for path in there.keys() | listed.keys() if there.get(path) != listed.get(path))
    if not wrong:
        return None
    detail = f"what approvers signed lists other files than the folder holds: {', '.join(wrong)}"
    return Check(name="candidate", ok=False, detail=detail, file=wrong[0])


def _table(folder: Path, parts: CandidateFolder) -> Check:
    path = f"data/{parts.spec.table_name}.parquet"
    entry = next((f for f in parts.candidate.files if f.path == path), None)
    data = [f.path for f in parts.candidate.files if f.path.startswith("data/")]
    detail = ""
    if entry is None or data != [path]:
        detail = "the candidate does not hold exactly the table that its spec names"
    else:
        try:
            table = read_parquet(checked_bytes(folder, entry))
            if table_digest(table) != parts.candidate.synthetic_digest:
                detail = "the table is not the one that was measured"
            elif table.num_rows != parts.provenance.synthetic_rows:
                detail = "the table has other rows than the provenance counts"
        except (pa.ArrowException, OSError, ValueError, TypeError, KeyError, DeniedError) as error:
            detail = f"the table cannot be read ({type(error).__name__})"
    good = f"digest {parts.candidate.synthetic_digest}"
    return Check(name="table", ok=not detail, detail=detail or good, file=path if detail else None)


def _verdict(parts: CandidateFolder, released: datetime) -> Check:
    """The policy held against the evidence again, as of the release. Who accepted what is counted later."""
    verdict = parts.judged(parts.policy, released.astimezone(UTC).date())
    wrong = [f.measure or f.check for f in verdict.blocking if f.outcome is not Outcome.REVIEW]
    detail = ""
    if wrong or verdict.outcome not in (Outcome.PASS, Outcome.REVIEW):
        detail = f"recomputed, the policy says {verdict.outcome.value}: {', '.join(wrong)}"
    elif verdict != parts.verdict:
        detail = "the stored verdict is not what the policy says about the stored evidence"
    elif parts.spec.purpose not in parts.policy.purposes:
        detail = "the policy does not cover the purpose"
    demands = [f for f in verdict.findings if f.decides]
    good = f"recomputed: {sum(f.holds for f in demands)} of {len(demands)} demands of '{parts.policy.policy}' are met"
    for count_of, word in ((sum(bool(f.waived) for f in demands), "waived"), (len(verdict.blocking), "to be accepted")):
        good += f", {count_of} {word}" if count_of else ""
    return Check(name="verdict", ok=not detail, detail=detail or good, file="evidence/verdict.json" if detail else None)


def _approvals(folder: Path, passport: Passport, parts: CandidateFolder, roster: Roster) -> Iterator[Check]:
    signed: list[Signed] = []
    known = {f.path for f in parts.candidate.files} | {MANIFEST}
    for entry in (f for f in passport.files if f.path not in known):
        try:
            one = read_approval(Envelope.from_bytes(checked_bytes(folder, entry), entry.path), roster)
            if entry.path != approval_path(one.person):
                raise DeniedError(f"{entry.path} is signed by '{one.person}'.")
            signed.append(one)
        except DeniedError as error:
            yield Check(name="approvals", ok=False, detail=_line(error), file=entry.path)
    votes = count(parts, parts.policy, signed, roster, parse_utc(passport.released_at))
    people = ", ".join(s.person for s in votes.counted)
    detail = f"{len(votes.counted)} counted at the time of release: {people}"
    reasons = [*votes.reasons, *unaccepted(parts.policy, parts.verdict, votes.counted, roster)]
    ok = votes.approved and not reasons
    yield Check(name="approvals", ok=ok, detail=detail if ok else "; ".join(reasons), file=None if ok else PASSPORT)
    yield _statement(passport, parts, votes.counted, roster)


def approval_path(person: str) -> str:
    """Where a release keeps a person's approval."""
    return f"{APPROVALS}/{person}.dsse.json"


def _statement(passport: Passport, parts: CandidateFolder, counted: tuple[Signed, ...], roster: Roster) -> Check:
    """Everything the passport states must follow from the folder, down to the roles people held then."""
    expected = describe(
        parts,
        passport.files,
        counted,
        roster,
        released_by=passport.released_by,
        released_at=passport.released_at,
        ledger=passport.ledger,
        software=passport.software,
    )
    held = {a.person: a.roles for a in passport.approvals}  # a roster may change later; the tally used today's
    approvals = tuple(a.model_copy(update={"roles": held.get(a.person, ())}) for a in expected.approvals)
    stated, follows = passport.plain(), expected.model_copy(update={"approvals": approvals}).plain()
    wrong = sorted(name for name in stated.keys() | follows.keys() if stated.get(name) != follows.get(name))
    detail = f"the passport states another {', '.join(wrong)} than the folder" if wrong else "agrees with the folder"
    return Check(name="statement", ok=not wrong, detail=detail, file=PASSPORT if wrong else None)


def _line(error: ProofsetError) -> str:
    return " ".join(part for part in (error.what, error.why) if part)


def _file_in(error: ProofsetError) -> str:
    """The file an error of `lineage.candidate` begins with."""
    word = error.what.split(" ", 1)[0].rstrip(":")
    return word if "." in word else MANIFEST
