"""Records: candidates and people's decisions in the ledger, and finding them again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from lineage import standing
from lineage.candidate import read_candidate
from lineage.decisions import Decision, make_approval, read_approval
from lineage.entry import text_in, unreadable
from lineage.kinds import APPROVAL, CANDIDATE
from lineage.ledger import Entry, Ledger
from lineage.roster import read_roster
from lineage.signing import Signer
from lineage.times import parse_utc, utc_text
from proofset.errors import DeniedError, ProofsetError, UnknownNameError, unknown_name
from proofset.evidence import Candidate, Outcome
from proofset.workspace import Workspace

MIN_PREFIX = 6
REFRESH = timedelta(days=1)
"""The same candidate is recorded again only this long after its last record."""


def record_candidate(
    workspace: Workspace,
    ledger: Ledger,
    candidate: Candidate,
    folder: Path,
    at: datetime | None = None,
    measured_at: datetime | None = None,
    run: dict[str, Any] | None = None,
) -> Entry:
    """Record a candidate, passing or not.

    Recording the dataset's newest candidate again within a day, without measuring it again, returns the entry there is.

    Parameters
    ----------
    at: when it is recorded; now where None.
    measured_at: when its evidence was measured, from which the evidence ages; `at` where None.
    run: where and by what it was made: code, packages, machine, runs. It is not in the folder, whose bytes are the
        same wherever they are made.

    Raises DeniedError where the folder is not intact or holds another candidate.
    """
    parts = read_candidate(folder, candidate)
    when = at or datetime.now(UTC)
    measured = measured_at or when
    of_dataset = [e for e in ledger.entries(CANDIDATE) if _dataset(e) == candidate.dataset]
    last = of_dataset[-1] if of_dataset else None
    if last is not None and last.subject == candidate.digest:
        newer = measured_at is not None and measured_at - measured_time(last) > REFRESH
        if not newer and when - parse_utc(last.at) <= REFRESH:
            return last
    body = {
        "candidate": candidate.plain(),
        "title": parts.spec.title or parts.spec.dataset,
        "modality": parts.spec.modality.value,
        "folder": relative(workspace, folder),
        "measured_at": utc_text(measured),
        "provenance": parts.provenance.plain(),
        "measures": [m.plain() for m in parts.scorecard.measures],
        "union": list(parts.scorecard.union or ()),
        "findings": [f.plain() for f in parts.verdict.findings],
        "seal": candidate.seal,
        "run": run or {},
    }
    return append(ledger, CANDIDATE, candidate, body, when, candidate.requested_by)


def append(ledger: Ledger, kind: str, candidate: Candidate, body: dict[str, Any], at: datetime, actor: str) -> Entry:
    """Append an entry about a candidate, bound to its evidence and its policy. actor: who did it."""
    return ledger.append(
        kind,
        candidate.digest,
        body,
        at,
        actor=actor,
        evidence=candidate.evidence_digest,
        policy=candidate.policy_digest,
    )


def measured_time(entry: Entry) -> datetime:
    """When the evidence of a recorded candidate was measured; when it was recorded where the entry does not say."""
    return parse_utc(str(entry.body.get("measured_at", entry.at)))


def _dataset(entry: Entry) -> str:
    return text_in(entry, "candidate", "dataset")


def approve(
    workspace: Workspace,
    ledger: Ledger,
    candidate_digest: str,
    signer: Signer,
    decision: Decision = "approve",
    comment: str = "",
    at: datetime | None = None,
    accepts: Sequence[str] = (),
    conditions: Sequence[str] = (),
) -> Entry:
    """Sign a decision about a recorded candidate and record it.

    Parameters
    ----------
    candidate_digest: the digest or the beginning of one, at least 6 digits.
    accepts: checks to be reviewed that the signer accepts.
    conditions: under which it is approved, a sentence each; the passport repeats them.

    Raises UnknownNameError for an unknown candidate and a check that is not to be reviewed; DeniedError for a damaged
    or revoked candidate, a key not in the roster or not good any more, and one's own request.
    """
    candidate, folder = by_prefix(workspace, ledger, candidate_digest)
    gone = standing.withdrawn(ledger).get(candidate.digest, ())
    if gone and decision == "approve":
        raise DeniedError(
            f"The candidate {candidate.digest[:12]} cannot be approved: {gone[0]}.",
            why="What was revoked, or derives from what was, is never released.",
            fix="Make a new candidate from what was not revoked.",
        )
    parts = read_candidate(folder, candidate)  # nobody signs what is not there as it was recorded
    open_checks = [f.check for f in parts.verdict.blocking if f.outcome is Outcome.REVIEW]
    for check in accepts:
        if check not in open_checks:
            raise unknown_name("check to be reviewed", check, open_checks)
    when = at or datetime.now(UTC)
    roster = standing.as_revoked(ledger, read_roster(workspace.roster_path))
    envelope = make_approval(candidate, signer, roster, decision, comment, when, accepts, conditions)
    signed = read_approval(envelope, roster)
    body = {
        "dataset": candidate.dataset,
        "person": signed.person,
        "decision": signed.decision,
        "signed_at": utc_text(signed.signed_at),
        "comment_length": len(comment),
        "accepts": list(signed.accepts),
        "conditions": list(signed.conditions),
        "key": signed.key_id,
        "envelope": envelope.plain(),
    }
    return append(ledger, APPROVAL, candidate, body, when, signed.person)


def find_candidate(workspace: Workspace, ledger: Ledger, ref: str) -> tuple[Candidate, Path]:
    """Return a recorded candidate and its folder.

    Parameters
    ----------
    ref: a dataset's name, for the one recorded last, or the beginning of a candidate's digest.

    Raises UnknownNameError where none or several fit.
    """
    of_dataset = [e for e in ledger.entries(CANDIDATE) if _dataset(e) == ref]
    return located(workspace, of_dataset[-1]) if of_dataset else by_prefix(workspace, ledger, ref)


def by_prefix(workspace: Workspace, ledger: Ledger, prefix: str) -> tuple[Candidate, Path]:
    """The one recorded candidate whose digest begins so. Raises UnknownNameError for none, several, too short."""
    found = {e.subject: e for e in ledger.entries(CANDIDATE) if e.subject.startswith(prefix)}
    if len(prefix) < MIN_PREFIX or len(found) != 1:
        raise UnknownNameError(
            f"'{prefix}' names {'no' if not found else 'more than one'} recorded candidate."
            if len(prefix) >= MIN_PREFIX
            else f"'{prefix}' is too short: give a dataset's name or at least {MIN_PREFIX} digits.",
            fix="See `proofset status` for the candidates there are.",
        )
    return located(workspace, next(iter(found.values())))


def located(workspace: Workspace, entry: Entry) -> tuple[Candidate, Path]:
    """The candidate a ledger entry recorded, and its folder. Raises LedgerError where it does not describe one."""
    return described(entry), workspace.root / text_in(entry, "folder")


def described(entry: Entry) -> Candidate:
    """The candidate a ledger entry recorded. Raises LedgerError where it does not describe one."""
    try:
        return Candidate.model_validate(entry.body.get("candidate"))
    except ValueError:
        raise unreadable(entry, "does not describe a candidate") from None


def relative(workspace: Workspace, folder: Path) -> str:
    """The folder relative to the workspace, so that a ledger names no machine's paths."""
    inside = folder.resolve()
    if not any(inside.is_relative_to(home.resolve()) for home in (workspace.root, workspace.state)):
        raise ProofsetError(
            f"The folder {folder} lies outside the workspace.",
            fix="Keep candidates in the workspace's state folder, and releases in the workspace itself.",
        )
    return workspace.relative(folder)
