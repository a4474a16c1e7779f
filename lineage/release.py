"""Release: publishing what the gate lets through.

Order of a release: gate, write the folder in the private state, verify it there, rename it, append to the ledger.
A crash before the rename leaves nothing in public. A crash after it is completed by releasing again, or, where the
gate has since come to deny, undone by it.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from lineage.approval import Signed, read_approval
from lineage.candidate import MANIFEST, SHORT, CandidateFolder, read_candidate
from lineage.folders import checked_bytes, entry_of, survey
from lineage.gate import Decision, count, decide
from lineage.ledger import Ledger
from lineage.passport import PASSPORT, Passport, describe, read_passport, sign_passport
from lineage.records import (
    APPROVAL,
    CANDIDATE,
    DENIAL,
    RELEASE,
    approve,
    by_prefix,
    find_candidate,
    measured_time,
    record_candidate,
    relative,
)
from lineage.roster import RELEASER, Roster, read_roster
from lineage.signing import Envelope, Signer
from lineage.times import parse_utc, utc_text
from lineage.verify import approval_path, verify_release
from proofset import __version__
from proofset.digest import sha256_file
from proofset.errors import DeniedError, SpecError
from proofset.evidence import Candidate
from proofset.files import make_dir, whole_folder, write_bytes
from proofset.workspace import Workspace

__all__ = ["Released", "approve", "find_candidate", "record_candidate", "release", "status_of"]


@dataclass(frozen=True)
class Released:
    """A published release. passport_digest: SHA-256 of the passport's file; fresh: published or completed just now."""

    folder: Path
    candidate: str
    passport_digest: str
    fresh: bool


@dataclass(frozen=True)
class _Weighed:
    """The gate's decision, the candidate where it could be read, and the verified decisions of people."""

    decision: Decision
    parts: CandidateFolder | None
    envelopes: dict[Signed, Envelope]


def status_of(
    workspace: Workspace, ledger: Ledger, candidate_digest: str, now: datetime, objections: Sequence[str] = ()
) -> Decision:
    """What the gate says about a candidate now; a damaged folder is a reason, too. objections: as for `release`."""
    candidate, folder = by_prefix(workspace, ledger, candidate_digest)
    return _weigh(workspace, ledger, candidate, folder, read_roster(workspace.roster_path), now, objections).decision


def release(
    workspace: Workspace,
    ledger: Ledger,
    ref: str,
    signer: Signer,
    released_by: str,
    now: datetime,
    objections: Sequence[str] = (),
) -> Released:
    """Publish a candidate, or return the release there is.

    Parameters
    ----------
    ref: as for `find_candidate`.
    signer: the platform's key; its holder has the role `releaser` in the roster.
    objections: reasons to deny that the gate cannot see, such as a policy that asks for what nobody can measure.

    Raises DeniedError with every reason the gate gives (recorded as a denial), where the signer is no releaser,
    and where a published folder does not verify; ProofsetError where the releases' folder leads out of the workspace.
    """
    candidate, folder = find_candidate(workspace, ledger, ref)
    roster = read_roster(workspace.roster_path)
    with workspace.lock(f"release-{candidate.dataset}"):
        target = workspace.releases / candidate.dataset / candidate.digest[:SHORT]
        place = relative(workspace, target)
        if target.exists() and ledger.entries(RELEASE, candidate.digest):
            return _published(target, candidate, roster, now, fresh=False)
        _require_releaser(signer, roster)
        weighed = _weigh(workspace, ledger, candidate, folder, roster, now, objections)
        if not weighed.decision.allowed or weighed.parts is None:
            _withdraw(workspace, target)
            raise _denied(ledger, candidate, weighed.decision.reasons, now)
        if not target.exists():
            staging = workspace.private / "releasing"
            _publish(target, staging, weighed.parts, weighed.envelopes, roster, ledger, signer, released_by, now)
        released = _published(target, candidate, roster, now, fresh=True)
        _record_release(ledger, candidate, released, place, read_passport(target, roster), now)
        return released


def _withdraw(workspace: Workspace, target: Path) -> None:
    """Move away what a crash left published but unrecorded, now that the gate denies it. Nothing is destroyed."""
    if not target.exists():
        return
    home = workspace.private / "withdrawn"
    make_dir(home, private=True)
    number = 1
    while (home / f"{target.name}-{number}").exists():
        number += 1
    shutil.move(target, home / f"{target.name}-{number}")


def _publish(
    target: Path,
    staging: Path,
    parts: CandidateFolder,
    envelopes: dict[Signed, Envelope],
    roster: Roster,
    ledger: Ledger,
    signer: Signer,
    released_by: str,
    now: datetime,
) -> None:
    """Write, sign and verify the folder in `staging`, then move it into place."""
    counted = count(parts, parts.policy, list(envelopes), roster, now).counted
    with whole_folder(target, staging) as folder:
        for entry in parts.candidate.files:
            write_bytes(folder / entry.path, checked_bytes(parts.path, entry))
        write_bytes(folder / MANIFEST, (parts.path / MANIFEST).read_bytes())
        for signed in counted:
            write_bytes(folder / approval_path(signed.person), envelopes[signed].to_bytes())
        passport = describe(
            parts,
            [entry_of(folder, name) for name in survey(folder)[0]],
            counted,
            roster,
            released_by=released_by,
            released_at=utc_text(now),
            ledger=ledger.head,
            software=f"proofset {__version__}",
        )
        write_bytes(folder / PASSPORT, sign_passport(passport, signer).to_bytes())
        _require_verified(folder, target.name, parts.candidate, roster, now)


def _published(target: Path, candidate: Candidate, roster: Roster, now: datetime, *, fresh: bool) -> Released:
    _require_verified(target, target.name, candidate, roster, now)
    return Released(target, candidate.digest, sha256_file(target / PASSPORT), fresh)


def _require_verified(folder: Path, name: str, candidate: Candidate, roster: Roster, now: datetime) -> None:
    bad = [check for check in verify_release(folder, roster, now) if not check.ok]
    if not bad and read_passport(folder, roster).candidate != candidate.digest:
        raise DeniedError(f"The release {name} is of another candidate.", fix="Move the folder away and release again.")
    if bad:
        raise DeniedError(
            f"The release {name} does not verify: "
            + "; ".join(f"{c.file}: {c.detail}" if c.file else c.detail for c in bad)
            + ".",
            why="A published folder was changed or outlived its policy, or the roster no longer backs its signatures.",
            fix="Move the folder away and release the candidate again.",
        )


def _record_release(
    ledger: Ledger, candidate: Candidate, released: Released, place: str, passport: Passport, now: datetime
) -> None:
    """Append to the ledger. place: the folder relative to the workspace."""
    body = {
        "dataset": candidate.dataset,
        "folder": place,
        "passport_digest": released.passport_digest,
        "released_by": passport.released_by,
        "released_at": passport.released_at,
        "expires_at": passport.expires_at,
    }
    ledger.append(RELEASE, candidate.digest, body, now)


def _denied(ledger: Ledger, candidate: Candidate, reasons: tuple[str, ...], now: datetime) -> DeniedError:
    """Record a denial and return its error."""
    ledger.append(DENIAL, candidate.digest, {"dataset": candidate.dataset, "reasons": list(reasons)}, now)
    return DeniedError(
        f"The candidate {candidate.digest[:SHORT]} of '{candidate.dataset}' is not released:\n"
        + "\n".join(f"  - {reason}" for reason in reasons),
        why="Every one of these must be settled; the denial is in the ledger.",
        fix="See `proofset status`, settle the reasons, and release again.",
    )


def _weigh(
    workspace: Workspace,
    ledger: Ledger,
    candidate: Candidate,
    folder: Path,
    roster: Roster,
    now: datetime,
    objections: Sequence[str],
) -> _Weighed:
    """Ask the gate. Whatever cannot be read is a reason to deny."""
    digest = candidate.digest
    envelopes: dict[Signed, Envelope] = {}
    notes: list[str] = []
    for entry in ledger.entries(APPROVAL, digest):
        try:
            envelope = Envelope.model_validate(entry.body["envelope"])
            envelopes[read_approval(envelope, roster)] = envelope
        except (DeniedError, KeyError, ValueError) as error:
            what = error.what if isinstance(error, DeniedError) else "it holds no envelope"
            notes.append(f"the decision in ledger entry {entry.seq} does not count: {what}")
    try:
        parts = read_candidate(folder, candidate)
        spec = workspace.dataset(candidate.dataset)
        policy = workspace.policy_for(spec)
    except (DeniedError, SpecError) as error:
        return _Weighed(Decision(allowed=False, reasons=(error.what, *objections), findings=()), None, envelopes)
    records = ledger.entries(CANDIDATE, digest)
    recorded_at, measured_at = (parse_utc(records[-1].at), measured_time(records[-1])) if records else (None, None)
    decision = decide(parts, policy, spec, list(envelopes), roster, now, recorded_at, measured_at)
    if objections or not decision.allowed:
        reasons = (*decision.reasons, *objections, *notes)
        decision = decision.model_copy(update={"allowed": False, "reasons": reasons})
    return _Weighed(decision, parts, envelopes)


def _require_releaser(signer: Signer, roster: Roster) -> None:
    if signer.key_id not in roster.keys_of(RELEASER):
        raise DeniedError(
            f"The key {signer.key_id[:12]} may not sign a release.",
            why=f"The roster does not list it with the role {RELEASER}.",
            fix=f"Sign with the platform's key, or list it in keys/roster.yaml with the role {RELEASER}.",
        )
