"""What follows from a release's files, once each is known to be the one that the passport lists."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from lineage.candidate import MANIFEST, CandidateFolder, parse_evidence, read_manifest, read_parquet
from lineage.checks import Check, line
from lineage.decisions import Signed, read_approval
from lineage.exports import EXPORTERS
from lineage.folders import checked_bytes
from lineage.gate import count, unaccepted
from lineage.passport import APPROVALS, PASSPORT, Passport, describe
from lineage.record import RECORD
from lineage.roster import Roster
from lineage.signing import Envelope
from lineage.times import parse_utc
from proofset.digest import table_digest
from proofset.errors import DeniedError
from proofset.evidence import Candidate, Outcome


def contents(folder: Path, passport: Passport, roster: Roster, *, table: bool) -> Iterator[Check]:
    """What follows from the files' contents; each step needs the one before.

    table: whether the synthetic table is read and its digest recomputed, which takes far longer than hashing its file.
    """
    try:
        candidate = read_manifest(folder)
        parts = _candidate(candidate, passport) or parse_evidence(folder, candidate)
    except DeniedError as error:
        yield Check(name="candidate", ok=False, detail=line(error), file=_file_in(error))
        return
    if isinstance(parts, Check):
        yield parts
        return
    yield Check(name="candidate", ok=True, detail=f"digest {candidate.digest}")
    if table:
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
    ours = {MANIFEST, RECORD, *EXPORTERS}  # what is written at the release, and follows from what was approved
    there = {f.path: f for f in passport.files if f.path not in ours and not f.path.startswith(f"{APPROVALS}/")}
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
    recorded = {a.person: parse_utc(a.recorded_at) for a in passport.approvals if a.recorded_at}
    for entry in (f for f in passport.files if f.path.startswith(f"{APPROVALS}/")):
        try:
            one = read_approval(Envelope.from_bytes(checked_bytes(folder, entry), entry.path), roster)
            if entry.path != approval_path(one.person):
                raise DeniedError(f"{entry.path} is signed by '{one.person}'.")
            signed.append(one.model_copy(update={"recorded_at": recorded.get(one.person)}))
        except DeniedError as error:
            yield Check(name="approvals", ok=False, detail=line(error), file=entry.path)
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
        ledger_key=passport.ledger_key,
        software=passport.software,
    )
    held = {a.person: a.roles for a in passport.approvals}  # a roster may change later; the tally used today's
    approvals = tuple(a.model_copy(update={"roles": held.get(a.person, ())}) for a in expected.approvals)
    stated, follows = passport.plain(), expected.model_copy(update={"approvals": approvals}).plain()
    wrong = sorted(name for name in stated.keys() | follows.keys() if stated.get(name) != follows.get(name))
    detail = f"the passport states another {', '.join(wrong)} than the folder" if wrong else "agrees with the folder"
    return Check(name="statement", ok=not wrong, detail=detail, file=PASSPORT if wrong else None)


def _file_in(error: DeniedError) -> str:
    """The file an error of `lineage.candidate` begins with."""
    word = error.what.split(" ", 1)[0].rstrip(":")
    return word if "." in word else MANIFEST
