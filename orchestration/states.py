"""States: where a candidate stands, read from ledger, evidence and signatures. For screens; decides nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.chain import ledger
from proofset.errors import ProofsetError, RosterError

if TYPE_CHECKING:
    from lineage.states import State
    from proofset.evidence import Candidate, Scorecard
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
    """What the gate itself cannot see: a policy unfit for use, and attacks that the evidence has not met.

    A policy or evidence that cannot be read is the gate's own reason.
    """
    from lineage.candidate import read_candidate
    from orchestration.policy_check import unsound

    candidate, folder = find(workspace, ref)
    try:
        policy = workspace.policy_for(workspace.dataset(candidate.dataset))
        card = read_candidate(folder, candidate).scorecard
    except ProofsetError:
        return ()
    return (*(f"the policy is not sound, {text}" for text in unsound(policy)), *new_attacks(card))


def new_attacks(card: Scorecard) -> tuple[str, ...]:
    """Attacks that the platform makes today and the scorecard says nothing of, in words: measure again."""
    from orchestration.policy_check import measure_cards
    from proofset.policy_union import OF_UNION

    known = {m.name for m in card.measures}
    alone = card.union is None  # whether it should not be is the gate's to say
    attacks = [
        c.name
        for c in measure_cards().values()
        if c.name.startswith("privacy.") and c.gates and not (alone and c.name in OF_UNION)
    ]
    return tuple(
        f"{name} is measured today and not in this evidence; run it again" for name in attacks if name not in known
    )


def is_released(workspace: Workspace, candidate: Candidate) -> bool:
    """Whether the ledger has the candidate's release and its folder is there."""
    from lineage.standing import releases

    return candidate.digest in releases(ledger(workspace)) and released_folder(workspace, candidate).is_dir()


def state_of(workspace: Workspace, candidate: Candidate) -> tuple[State, tuple[str, ...]]:
    """Where a candidate stands now, and why or what is missing. Raises ProofsetError where it cannot be read."""
    from lineage import standing
    from lineage.states import State

    book, now = ledger(workspace), datetime.now(UTC)
    stood = standing.released_states(book, now).get(candidate.digest)
    if stood is not None:
        return stood.state, stood.why
    gone = standing.withdrawn(book).get(candidate.digest, ())
    standing_now = decision(workspace, candidate.digest)
    if gone:
        return State.REVOKED, gone
    reasons = standing_now.reasons
    state = standing.pending_state(
        candidate.outcome,
        gone,
        allowed=standing_now.allowed,
        rejected=any("rejected it" in r for r in reasons),
        stale=any(r.startswith("the evidence is older than") for r in reasons),
    )
    return state, reasons


def released_folder(workspace: Workspace, candidate: Candidate) -> Path:
    """Where a candidate's release lies, or would lie."""
    return workspace.releases / candidate.dataset / candidate.digest[:12]
