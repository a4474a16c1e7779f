"""Recording: the provenance record of a candidate or release as of now, from the workspace and its ledger."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from lineage import standing
from lineage.candidate import CandidateFolder, parse_evidence, read_candidate, read_manifest
from lineage.decisions import Signed, read_approval
from lineage.entry import Entry
from lineage.folders import read_regular
from lineage.gate import count
from lineage.kinds import APPROVAL, CANDIDATE
from lineage.ledger import Ledger
from lineage.passport import Passport, read_passport
from lineage.record import Published, Record, files_of, record_of
from lineage.records import find_candidate
from lineage.roster import Roster, read_roster
from lineage.signing import Envelope
from lineage.times import parse_utc, utc_text
from lineage.verify_contents import approval_path
from proofset.errors import DeniedError
from proofset.workspace import Workspace


def record_now(workspace: Workspace, ledger: Ledger, ref: str, now: datetime) -> Record:
    """The record of a candidate as it stands now; of a release where it is one, with what the ledger says since.

    ref: a dataset's name, for its newest candidate, or the first digits of a candidate's digest.

    Raises UnknownNameError where none or several fit, DeniedError where folder or passport are damaged.
    """
    candidate, folder = find_candidate(workspace, ledger, ref)
    roster = read_roster(workspace.roster_path)
    entries = ledger.entries()
    signed = decisions(entries, candidate.digest, roster)
    release = standing.releases(ledger).get(candidate.digest)
    passport = None
    if release is not None:
        folder = workspace.root / str(release.body["folder"])
        passport = read_passport(folder, roster)
        parts = _released(folder, passport)
        stated = {(a.person, a.key, a.signed_at, a.recorded_at) for a in passport.approvals}
        counted = tuple(s for s in signed if _stated(s) in stated)
    else:
        parts = read_candidate(folder, candidate)
        drifted = standing.drifted_at(ledger, candidate.dataset, parts.provenance.source_digest)
        counted = count(parts, parts.policy, signed, roster, now, drifted).counted
    recorded = [e.seq for e in entries if e.kind == CANDIDATE and e.subject == candidate.digest]
    return record_of(
        parts,
        as_of=utc_text(now),
        roster=roster,
        files=files_of(parts, _approvals(folder, counted) if passport else {}),
        published=_published(passport) if passport else None,
        signed=signed,
        counted=counted,
        entries=entries,
        withdrawn=standing.withdrawn(ledger).get(candidate.digest, ()),
        inclusion=ledger.inclusion(recorded[-1]) if recorded else None,
        vkey=ledger.vkey,
        head=ledger.head,
    )


def decisions(entries: list[Entry], digest: str, roster: Roster) -> tuple[Signed, ...]:
    """Every verified decision about a candidate, oldest first; what cannot be verified counts for nothing."""
    found = []
    for entry in entries:
        if entry.kind == APPROVAL and entry.subject == digest:
            try:
                signed = read_approval(Envelope.model_validate(entry.body["envelope"]), roster)
            except (DeniedError, KeyError, ValueError):
                continue
            found.append(signed.model_copy(update={"recorded_at": parse_utc(entry.at)}))
    return tuple(found)


def _released(folder: Path, passport: Passport) -> CandidateFolder:
    """The evidence in a release's folder. Raises DeniedError where it is not the one of its passport."""
    manifest = read_manifest(folder)
    if manifest.digest != passport.candidate:
        raise DeniedError(f"The release {folder.name} is of another candidate.", fix="Fetch the release again.")
    return parse_evidence(folder, manifest)


def _published(passport: Passport) -> Published:
    return Published(
        released_at=passport.released_at,
        released_by=passport.released_by,
        expires_at=passport.expires_at,
        software=passport.software,
    )


def _stated(one: Signed) -> tuple[str, str, str, str | None]:
    """What a passport states of a decision that was counted; of the same person's later ones it states nothing."""
    return one.person, one.key_id, utc_text(one.signed_at), utc_text(one.recorded_at) if one.recorded_at else None


def _approvals(folder: Path, counted: tuple[Signed, ...]) -> dict[str, bytes]:
    """The signed decisions that lie in a release's folder."""
    paths = [approval_path(one.person) for one in counted]
    return {path: data for path in paths if (data := read_regular(folder / path)) is not None}
