"""Release: publishing what the gate lets through.

Order of a release: gate, write and sign the folder in the private state, append to the ledger, put the ledger's proof
beside the passport, verify, rename into place. What is public is therefore always in the ledger. A crash before the
entry leaves nothing; one after it is completed by releasing again, or, where the gate has since come to deny, undone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from lineage import standing
from lineage.candidate import SHORT, CandidateFolder, read_candidate
from lineage.decisions import Signed, read_approval
from lineage.gate import Circumstances, Decision, count, decide
from lineage.kinds import APPROVAL, CANDIDATE, DENIAL, RELEASE
from lineage.ledger import Entry, Ledger
from lineage.passport import PASSPORT, read_passport
from lineage.publishing import Approved, add_inclusion, publish, stage, staging, withdraw
from lineage.records import append, approve, by_prefix, find_candidate, measured_time, record_candidate, relative
from lineage.roster import RELEASER, Roster, read_roster
from lineage.signing import Envelope, Signer
from lineage.spend import live_beside
from lineage.times import parse_utc
from lineage.verify import verify_release
from proofset.digest import sha256_file
from proofset.errors import DeniedError, SpecError
from proofset.evidence import Candidate
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
    circumstances: Circumstances


def status_of(
    workspace: Workspace, ledger: Ledger, candidate_digest: str, now: datetime, objections: Sequence[str] = ()
) -> Decision:
    """What the gate says about a candidate now; a damaged folder is a reason, too. objections: as for `release`."""
    candidate, folder = by_prefix(workspace, ledger, candidate_digest)
    roster = standing.as_revoked(ledger, read_roster(workspace.roster_path))
    return _weigh(workspace, ledger, candidate, folder, roster, now, objections).decision


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

    Raises DeniedError with every reason the gate gives (recorded as a denial), where the signer is no releaser, where
    the release was revoked, and where a published folder does not verify; ProofsetError where the releases' folder
    leads out of the workspace.
    """
    candidate, folder = find_candidate(workspace, ledger, ref)
    with workspace.lock("release"):  # one at a time: what is live decides, and other datasets may share the source
        roster = standing.as_revoked(ledger, read_roster(workspace.roster_path))
        target = workspace.releases / candidate.dataset / candidate.digest[:SHORT]
        place = relative(workspace, target)
        staged = staging(workspace, f"{candidate.dataset}-{target.name}")
        entry = standing.releases(ledger).get(candidate.digest)
        if target.exists() and entry is not None:
            return _published(target, candidate, ledger, roster, now)
        _require_releaser(signer, roster, ledger, now)
        weighed = _weigh(workspace, ledger, candidate, folder, roster, now, objections)
        if not weighed.decision.allowed or weighed.parts is None:
            never = entry if entry is not None and _holds(staged, entry) else None  # else its folder is gone
            error = _denied(ledger, candidate, weighed.decision.reasons, released_by, now, never)
            for left in (target, staged):  # by a crash
                withdraw(workspace, left)
            raise error
        withdraw(workspace, target)  # there without the ledger's knowing: not one of ours
        if entry is None or not _holds(staged, entry):
            counted = _counted(weighed, roster, now)
            approved = Approved(weighed.parts, counted, weighed.envelopes, roster)
            stage(staged, approved, ledger, signer, released_by, now)
            entry = _record(ledger, candidate, staged, counted, signer, roster, place, now)
        add_inclusion(staged, ledger, entry.seq)
        _require_verified(staged, target.name, candidate, roster, now)
        with workspace.lock("revocation"):  # one comes before, and is seen, or after, and finds the folder
            gone = standing.withdrawn(ledger).get(candidate.digest, ())
            if gone:
                reasons = tuple(f"it is withdrawn: {reason}" for reason in gone)
                error = _denied(ledger, candidate, reasons, released_by, now, entry)
                withdraw(workspace, staged)
                raise error
            publish(staged, target)
        return Released(target, candidate.digest, sha256_file(target / PASSPORT), fresh=True)


def _counted(weighed: _Weighed, roster: Roster, now: datetime) -> tuple[Signed, ...]:
    parts = weighed.parts
    if parts is None:
        return ()
    return count(parts, parts.policy, list(weighed.envelopes), roster, now, weighed.circumstances.drifted_at).counted


def _holds(staged: Path, entry: Entry) -> bool:
    """Whether the staged folder is the one that the ledger recorded before a crash."""
    path = staged / PASSPORT
    return path.is_file() and sha256_file(path) == entry.body["passport_digest"]


def _published(target: Path, candidate: Candidate, ledger: Ledger, roster: Roster, now: datetime) -> Released:
    """The release there is. Raises DeniedError where it was revoked, does not verify, or is not the recorded one."""
    gone = standing.withdrawn(ledger).get(candidate.digest, ())
    if gone:
        raise DeniedError(
            f"The release {target.name} was withdrawn: {'; '.join(gone)}.",
            why="What is revoked is not handed out any more.",
            fix="Make a new candidate from what was not revoked.",
        )
    _require_verified(target, target.name, candidate, roster, now)
    digest = sha256_file(target / PASSPORT)
    if digest not in standing.passports(ledger, candidate.digest):
        raise DeniedError(
            f"The folder {target.name} is not the one that the ledger recorded.",
            why="Its passport is another one, which was never published.",
            fix="Move the folder away and release the candidate again.",
        )
    return Released(target, candidate.digest, digest, fresh=False)


def _require_verified(folder: Path, name: str, candidate: Candidate, roster: Roster, now: datetime) -> None:
    bad = [check for check in verify_release(folder, roster, now, table=True) if not check.ok]
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


def _record(
    ledger: Ledger,
    candidate: Candidate,
    staged: Path,
    counted: Sequence[Signed],
    signer: Signer,
    roster: Roster,
    place: str,
    now: datetime,
) -> Entry:
    """Append to the ledger. place: where the folder is about to be, relative to the workspace."""
    passport = read_passport(staged, roster)
    signatures = [(signer.key_id, passport.released_at)]
    signatures += [(a.key, a.recorded_at or a.signed_at) for a in passport.approvals]
    body = {
        "dataset": candidate.dataset,
        "folder": place,
        "passport_digest": sha256_file(staged / PASSPORT),
        "released_by": passport.released_by,
        "released_at": passport.released_at,
        "expires_at": passport.expires_at,
        "seal": passport.seal,
        "signatures": [list(pair) for pair in signatures],
    }
    return append(ledger, RELEASE, candidate, body, now, passport.released_by)


def _denied(
    ledger: Ledger, candidate: Candidate, reasons: tuple[str, ...], actor: str, now: datetime, entry: Entry | None
) -> DeniedError:
    """Record a denial and return its error. entry: of a release that was recorded and never published."""
    body: dict[str, object] = {"dataset": candidate.dataset, "reasons": list(reasons)}
    if entry is not None:
        body["withdrawn"] = entry.body["passport_digest"]
    append(ledger, DENIAL, candidate, body, now, actor)
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
    envelopes, notes = _decisions(ledger, digest, roster)
    records = ledger.entries(CANDIDATE, digest)
    recorded_at, measured_at = (parse_utc(records[-1].at), measured_time(records[-1])) if records else (None, None)
    circumstances = Circumstances(
        recorded_at=recorded_at,
        measured_at=measured_at,
        withdrawn=standing.withdrawn(ledger).get(digest, ()),
    )
    try:
        parts = read_candidate(folder, candidate)
        spec = workspace.dataset(candidate.dataset)
        policy = workspace.policy_for(spec)
    except (DeniedError, SpecError) as error:
        denied = Decision(allowed=False, reasons=(error.what, *objections), findings=())
        return _Weighed(denied, None, envelopes, circumstances)
    source = parts.provenance.source_digest
    drifted_at = standing.drifted_at(ledger, candidate.dataset, source)
    live = live_beside(ledger, candidate.dataset, source, candidate.synthetic_digest, now)
    circumstances = circumstances.model_copy(update={"drifted_at": drifted_at, "live": live})
    decision = decide(parts, policy, spec, list(envelopes), roster, now, circumstances)
    if objections or not decision.allowed:
        reasons = (*decision.reasons, *objections, *notes)
        decision = decision.model_copy(update={"allowed": False, "reasons": reasons})
    return _Weighed(decision, parts, envelopes, circumstances)


def _decisions(ledger: Ledger, digest: str, roster: Roster) -> tuple[dict[Signed, Envelope], list[str]]:
    """Every verified decision about a candidate, and why others do not count."""
    envelopes: dict[Signed, Envelope] = {}
    notes: list[str] = []
    for entry in ledger.entries(APPROVAL, digest):
        try:
            envelope = Envelope.model_validate(entry.body["envelope"])
            signed = read_approval(envelope, roster)
            envelopes[signed.model_copy(update={"recorded_at": parse_utc(entry.at)})] = envelope
        except (DeniedError, KeyError, ValueError) as error:
            what = error.what if isinstance(error, DeniedError) else "it holds no envelope"
            notes.append(f"the decision in ledger entry {entry.seq} does not count: {what}")
    return envelopes, notes


def _require_releaser(signer: Signer, roster: Roster, ledger: Ledger, now: datetime) -> None:
    if signer.key_id not in roster.keys_of(RELEASER):
        raise DeniedError(
            f"The key {signer.key_id[:12]} may not sign a release.",
            why=f"The roster does not list it with the role {RELEASER}.",
            fix=f"Sign with the platform's key, or list it in keys/roster.yaml with the role {RELEASER}.",
        )
    flaw = roster.flaw_of(signer.key_id, now)
    if flaw:
        raise DeniedError(f"A release cannot be signed: {flaw}.", fix="Make a new key: `proofset keys rotate`.")
    if roster.ledgers and ledger.vkey not in roster.ledgers:  # told before the ledger records what would not verify
        raise DeniedError(
            "The roster does not list this workspace's ledger.",
            why="Its `ledgers` names others, and no release in any other verifies.",
            fix="Add the verifier key that `proofset ledger check` prints to `ledgers` in keys/roster.yaml.",
        )
