"""States: where a candidate stands, read from ledger, evidence and signatures. For screens; decides nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.chain import ledger
from proofset.errors import ProofsetError, RosterError

if TYPE_CHECKING:
    from proofset.evidence import Candidate
    from proofset.workspace import Workspace


@dataclass(frozen=True)
class Standing:
    """Whether a candidate may be released, and what is missing."""

    allowed: bool
    reasons: tuple[str, ...]


def find(workspace: Workspace, ref: str) -> tuple[Candidate, Path]:
    """The candidate a person means: by first digits of its digest, or the newest of a dataset."""
    from lineage.release import find_candidate

    return find_candidate(workspace, ledger(workspace), ref)


def decision(workspace: Workspace, digest: str) -> Standing:
    """Whether a candidate may be released now, and every reason against it; a roster that cannot be used is one."""
    from lineage.release import status_of

    try:
        now = status_of(workspace, ledger(workspace), digest, datetime.now(UTC), objections(workspace, digest))
    except RosterError as error:
        return Standing(allowed=False, reasons=(error.what,))
    return Standing(allowed=now.allowed, reasons=now.reasons)


def objections(workspace: Workspace, ref: str) -> tuple[str, ...]:
    """Why the policy of a candidate's dataset is unfit for use; a policy that cannot be read is the gate's reason."""
    from orchestration.policy_check import unsound

    candidate, _ = find(workspace, ref)
    try:
        policy = workspace.policy_for(workspace.dataset(candidate.dataset))
    except ProofsetError:
        return ()
    return tuple(f"the policy is not sound, {text}" for text in unsound(policy))


def is_released(workspace: Workspace, candidate: Candidate) -> bool:
    """Whether the ledger has the candidate's release and its folder is there."""
    entries = ledger(workspace).entries("release", candidate.digest)
    return bool(entries) and released_folder(workspace, candidate).is_dir()


def released_folder(workspace: Workspace, candidate: Candidate) -> Path:
    """Where a candidate's release lies, or would lie."""
    return workspace.releases / candidate.dataset / candidate.digest[:12]
