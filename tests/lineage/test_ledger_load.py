"""The ledger under load: eight processes at once, on SQLite and on PostgreSQL, and none of what they wrote is lost."""

from __future__ import annotations

import multiprocessing
import time

import pytest

from lineage.inclusion import Inclusion
from lineage.merkle import Frontier
from tests.lineage.ledgers import Home

WRITERS, ENTRIES = 8, 1000


def _approve(home: Home, writer: int) -> None:
    """A share of the approvals, each opened and appended as the command line does it."""
    ledger = home.open()
    for number in range(ENTRIES // WRITERS):
        body = {"person": f"p{writer}", "decision": "approve", "n": number, "envelope": {"payload": "x" * 600}}
        ledger.append("approval", f"candidate{number % 7}", body, actor=f"p{writer}", evidence="e", policy="p")


@pytest.mark.slow
def test_a_thousand_approvals_by_eight_processes(home: Home) -> None:
    context = multiprocessing.get_context("fork")
    started = [context.Process(target=_approve, args=(home, writer)) for writer in range(WRITERS)]
    begun = time.perf_counter()
    for process in started:
        process.start()
    for process in started:
        process.join(timeout=55)
    seconds = time.perf_counter() - begun
    assert [p.exitcode for p in started] == [0] * WRITERS
    print(f"\n{home.kind}: {ENTRIES} appends by {WRITERS} processes in {seconds:.1f} s, {ENTRIES / seconds:.0f}/s")

    ledger = home.open()
    assert ledger.verify() == ENTRIES
    entries = ledger.entries()
    assert [e.seq for e in entries] == list(range(1, ENTRIES + 1))
    assert [e.at for e in entries] == sorted(e.at for e in entries)
    for writer in range(WRITERS):
        mine = [e.body["n"] for e in entries if e.actor == f"p{writer}"]
        assert mine == list(range(ENTRIES // WRITERS))  # none lost, none twice, each in its writer's order
    frontier = Frontier()
    for entry in entries:
        frontier.add(bytes.fromhex(entry.hash))
    assert frontier.root().hex() == ledger.head.root
    checked = 0
    for seq in range(1, ENTRIES + 1):
        proof = Inclusion.from_bytes(ledger.inclusion(seq).to_bytes(), "proof")
        assert proof.check(ledger.vkey).root == ledger.head.root
        checked += 1
    assert checked == ENTRIES
