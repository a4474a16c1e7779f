"""A thousand approvals by eight processes at once, on SQLite and on PostgreSQL: none is lost, and each is counted."""

from __future__ import annotations

import multiprocessing
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from lineage.approval import tally
from lineage.candidate import read_candidate
from lineage.decisions import read_approval
from lineage.kinds import APPROVAL, CANDIDATE
from lineage.ledger import open_ledger
from lineage.records import approve, by_prefix
from lineage.release import status_of
from lineage.roster import add_key
from lineage.signing import Envelope, Signer
from proofset.evidence import Candidate
from proofset.workspace import Workspace
from tests.lineage.ledgers import Home
from tests.lineage.shop import HOUR, NOW, POLICY, Place, make_place, make_table

WRITERS, CANDIDATES, PEOPLE = 8, 25, 40
ROLES = ("data_steward", "privacy_officer", "analyst", "engineer")
POLICY_OF_MANY = POLICY.replace("required: 2", f"required: {PEOPLE}")


def _approve(root: Path, people: dict[str, Signer], candidates: list[str]) -> None:
    """A share of the people, each approving every candidate, opened as the command line opens it."""
    for person, signer in people.items():
        workspace = Workspace(root)
        ledger = open_ledger(workspace)
        for digest in candidates:
            approve(workspace, ledger, digest, signer, "approve", f"looked, says {person}", NOW + HOUR)


def many_people(place: Place) -> dict[str, Signer]:
    people = {f"person{n}": Signer.generate() for n in range(PEOPLE)}
    for number, (person, signer) in enumerate(people.items()):
        role = ROLES[number % len(ROLES)]
        add_key(place.workspace.roster_path, person, person, f"{person}@example.org", [role], signer.public, NOW.date())
    return people


@pytest.mark.slow
def test_a_thousand_approvals_by_eight_processes_through_the_front_door(home: Home, tmp_path: Path) -> None:
    root = tmp_path / "shop"
    place = make_place(root)
    place.write("policies/sharing.yaml", POLICY_OF_MANY)
    place.write("proofset.yaml", f"workspace: shop\nledger: {{url: '{home.url}'}}\n")
    place = Place(Workspace(root), open_ledger(Workspace(root)), place.signers)
    people = many_people(place)
    evidence = place.evidence
    candidates = [place.record(replace(evidence, table=make_table(seed)))[0] for seed in range(CANDIDATES)]
    digests = [c.digest for c in candidates]
    start = time.perf_counter()
    shares = [dict(list(people.items())[n::WRITERS]) for n in range(WRITERS)]
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_approve, args=(root, share, digests)) for share in shares]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(timeout=300)
    took = time.perf_counter() - start
    assert [w.exitcode for w in writers] == [0] * WRITERS

    workspace = Workspace(root)
    ledger = open_ledger(workspace)
    assert ledger.verify() == CANDIDATES + PEOPLE * CANDIDATES
    entries = ledger.entries(APPROVAL)
    given = Counter((e.actor, e.subject) for e in entries)
    assert given == {(person, digest): 1 for person in people for digest in digests}
    assert all(e.evidence and e.policy for e in entries)
    for candidate in candidates:
        counted(workspace, place, candidate, [e.body["envelope"] for e in entries if e.subject == candidate.digest])
    assert status_of(workspace, ledger, digests[-1], NOW + 2 * HOUR).allowed
    lost = CANDIDATES * PEOPLE - len(entries)
    print(f"\n{home.kind}: {len(entries)} approvals by {WRITERS} processes in {took:.1f} s, {lost} lost")


def counted(workspace: Workspace, place: Place, candidate: Candidate, envelopes: list[dict[str, object]]) -> None:
    """Everybody's approval counts, and one fewer is not enough."""
    ledger, roster = open_ledger(workspace), place.roster
    policy = read_candidate(by_prefix(workspace, ledger, candidate.digest)[1], candidate).policy
    signed = [read_approval(Envelope.model_validate(e), roster) for e in envelopes]
    votes = tally(policy.approvals, candidate, signed, roster, NOW + 2 * HOUR)
    assert votes.approved, votes.reasons
    assert len({s.person for s in votes.counted}) == len(votes.counted) == PEOPLE
    assert not tally(policy.approvals, candidate, signed[1:], roster, NOW + 2 * HOUR).approved
    assert [e.subject for e in ledger.entries(CANDIDATE, candidate.digest)] == [candidate.digest]
