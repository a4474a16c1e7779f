"""Select: the releases an audit is about, by the ledger."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from lineage.audit_manifest import Question
from lineage.kinds import CANDIDATE
from lineage.ledger import Ledger
from lineage.records import MIN_PREFIX
from lineage.standing import Stood, released_states
from proofset.errors import SpecError, UnknownNameError, did_you_mean


def select(ledger: Ledger, question: Question, now: datetime) -> list[Stood]:
    """Every release that the question is about, oldest first, whatever became of it.

    Raises SpecError where nothing is asked, UnknownNameError where nothing fits.
    """
    if not (question.release or question.dataset or question.source or question.since):
        raise SpecError(
            "The audit names no release.",
            why="A pack is about a release, a dataset, a source or a span of time.",
            fix="Name a release, or give --dataset, --source or --since.",
        )
    stood = list(released_states(ledger, now).values())
    datasets = {s.dataset for s in stood}
    chosen = stood
    if question.release:
        newest = [s for s in stood if s.dataset == question.release][-1:]
        chosen = newest or [s for s in stood if _begins(s.candidate, question.release)]
        if len({s.candidate for s in chosen}) != 1:
            raise _unknown("release", question.release, datasets, several=len(chosen) > 1)
    if question.dataset:
        if question.dataset not in datasets:
            raise _unknown("released dataset", question.dataset, datasets)
        chosen = [s for s in chosen if s.dataset == question.dataset]
    if question.source:
        chosen = [s for s in chosen if s.candidate in _from_source(ledger, question.source, datasets)]
    if question.since:
        chosen = [s for s in chosen if s.entry.at >= question.since]
    if not chosen:
        raise UnknownNameError(
            f"Nothing was released that fits: {question.words}.", fix="See `proofset status`, and ask for more."
        )
    return sorted(chosen, key=lambda s: s.entry.seq)


def _from_source(ledger: Ledger, source: str, datasets: Iterable[str]) -> set[str]:
    """Candidates made from a source: of a snapshot by its digest, or of every snapshot that a dataset had."""
    snapshots: dict[str, str] = {}
    of_dataset: set[str] = set()
    for entry in ledger.entries(CANDIDATE):
        snapshots[entry.subject] = str(entry.body["provenance"]["source_digest"])
        if entry.body["candidate"]["dataset"] == source:
            of_dataset.add(snapshots[entry.subject])
    wanted = of_dataset or {s for s in snapshots.values() if _begins(s, source)}
    if not wanted or (not of_dataset and len(wanted) > 1):
        raise _unknown("source", source, datasets, several=len(wanted) > 1)
    return {candidate for candidate, snapshot in snapshots.items() if snapshot in wanted}


def _begins(digest: str, prefix: str) -> bool:
    return len(prefix) >= MIN_PREFIX and digest.startswith(prefix)


def _unknown(what: str, name: str, known: Iterable[str], *, several: bool = False) -> UnknownNameError:
    there = sorted(known)
    return UnknownNameError(
        f"'{name}' names {'more than one' if several else 'no'} {what}.{did_you_mean(name, there)}",
        why=f"Released so far: {', '.join(there) or 'nothing'}.",
        fix=f"Give a dataset's name, or at least {MIN_PREFIX} digits of a digest.",
    )
