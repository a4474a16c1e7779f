"""Spend: what all releases of one source have told the world, and what differential privacy says of their sum.

Releases are of one source where they were made from the same snapshot of it, or are of the same dataset, whose
snapshots are of the same people. What was given out stays given out, so that revoked and expired releases count
towards the budget; *live* are those that may still be used.

What is made from a release alone, such as a table of a later generation, tells nothing about the source that the
release did not tell, and belongs to a source of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from lineage.gate import Live
from lineage.kinds import CANDIDATE
from lineage.ledger import Entry, Ledger
from lineage.record_made import privacy_of
from lineage.records import MIN_PREFIX
from lineage.standing import Stood, released_states
from lineage.states import LIVE, State
from proofset.errors import LedgerError, UnknownNameError, unknown_name
from proofset.evidence import Measure, Provenance
from proofset.policy_union import OF_UNION
from proofset.spec import Frozen


class Spent(Frozen):
    """What one release spent. epsilon, delta: as its generator states them; None where it states none.

    again: whether an earlier release holds the very same table, so that this one told nothing new.
    union: the attacks on all releases that were live then, as they were measured; () where there was no other.
    """

    candidate: str
    dataset: str
    source: str
    released_at: str
    state: State
    generator: str
    rows: int
    epsilon: float | None = None
    delta: float | None = None
    again: bool = False
    together: int = 0
    union: tuple[Measure, ...] = ()


class Spend(Frozen):
    """What a source has spent.

    releases: of all time, oldest first.  rows: of distinct tables.  epsilon, delta: by basic composition, the sum over
    distinct tables (Dwork, Roth 2014, doi:10.1561/0400000042, theorem 3.16); None unless every release states its own.
    stated: the sum over those that do.
    """

    asked: str
    sources: tuple[str, ...]
    datasets: tuple[str, ...]
    releases: tuple[Spent, ...]
    live: int
    revoked: int
    rows: int
    rows_live: int
    epsilon: float | None
    delta: float | None
    stated: float | None
    statement: str


def live_beside(
    ledger: Ledger, dataset: str, source_digest: str, synthetic_digest: str, now: datetime
) -> tuple[Live, ...]:
    """The live releases of the same source that hold another table, oldest first. now: with time zone.

    Raises LedgerError where the ledger does not say what a live release was made from.
    """
    stood = [s for s in released_states(ledger, now).values() if s.state in LIVE]
    if not stood:
        return ()
    found = []
    for one, _, made in _released(ledger, stood):
        same = dataset == one.dataset or source_digest == made.source_digest
        if same and made.synthetic_digest != synthetic_digest:
            found.append(Live(candidate=one.candidate, dataset=one.dataset, table=made.synthetic_digest))
    return tuple(found)


def _released(ledger: Ledger, stood: list[Stood]) -> Iterator[tuple[Stood, Entry, Provenance]]:
    """Releases with their candidates' last entries, in the order of their release."""
    latest = {e.subject: e for e in ledger.entries(CANDIDATE)}
    for one in sorted(stood, key=lambda s: s.entry.seq):
        try:
            entry = latest[one.candidate]
            yield one, entry, Provenance.model_validate(entry.body["provenance"])
        except (KeyError, ValueError):
            raise LedgerError(
                f"The ledger does not say what the release in entry {one.entry.seq} was made from.",
                why="Another version of the platform wrote it, or its candidate was never recorded.",
                fix="Record the candidate again.",
            ) from None


def spend(ledger: Ledger, ref: str, now: datetime) -> Spend:
    """What a source has spent.

    Parameters
    ----------
    ref: a dataset, or the first digits (>= 6) of a source's digest.

    Raises UnknownNameError where the ledger records nothing made from it.
    """
    made = [e.body["provenance"] for e in ledger.entries(CANDIDATE) if "provenance" in e.body]
    datasets, sources = _meant(ref, made)
    stood = list(released_states(ledger, now).values())
    told: set[str] = set()
    found: list[Spent] = []
    live_rows: dict[str, int] = {}
    all_rows: dict[str, int] = {}
    for one, entry, origin in _released(ledger, stood):
        if origin.dataset not in datasets and origin.source_digest not in sources:
            continue
        found.append(_spent(one, entry, origin, again=origin.synthetic_digest in told))
        told.add(origin.synthetic_digest)
        all_rows[origin.synthetic_digest] = origin.synthetic_rows
        if one.state in LIVE:
            live_rows[origin.synthetic_digest] = origin.synthetic_rows
    counted = [s for s in found if not s.again]
    stated = [s.epsilon for s in counted if s.epsilon is not None]
    deltas = [s.delta for s in counted if s.delta is not None]
    whole = bool(counted) and len(stated) == len(counted)
    return Spend(
        asked=ref,
        sources=tuple(sorted({*sources, *(s.source for s in found)})),
        datasets=tuple(sorted({*datasets, *(s.dataset for s in found)})),
        releases=tuple(found),
        live=sum(s.state in LIVE for s in found),
        revoked=sum(s.state is State.REVOKED for s in found),
        rows=sum(all_rows.values()),
        rows_live=sum(live_rows.values()),
        epsilon=sum(stated) if whole else None,
        delta=sum(deltas) if whole and len(deltas) == len(counted) else None,
        stated=sum(stated) if stated else None,
        statement=_statement(counted, stated),
    )


def _meant(ref: str, made: list[dict[str, Any]]) -> tuple[set[str], set[str]]:
    """The datasets and the sources' digests that are meant."""
    datasets = {str(p.get("dataset")) for p in made}
    sources = {str(p.get("source_digest")) for p in made}
    if ref in datasets:
        return {ref}, {str(p.get("source_digest")) for p in made if p.get("dataset") == ref}
    fitting = {s for s in sources if len(ref) >= MIN_PREFIX and s.startswith(ref)}
    if len(fitting) > 1:
        raise UnknownNameError(f"'{ref}' is the beginning of more than one source's digest.", fix="Give more digits.")
    if not fitting:
        raise unknown_name("dataset or source", ref, sorted(datasets))
    return {str(p.get("dataset")) for p in made if p.get("source_digest") in fitting}, fitting


def _spent(one: Stood, entry: Entry, origin: Provenance, *, again: bool) -> Spent:
    stated = privacy_of(origin.options)
    measures = [Measure.model_validate(m) for m in entry.body.get("measures", ()) if m.get("name") in OF_UNION]
    return Spent(
        candidate=one.candidate,
        dataset=one.dataset,
        source=origin.source_digest,
        released_at=str(one.entry.body.get("released_at", one.entry.at)),
        state=one.state,
        generator=f"{origin.generator.generator} {origin.generator.version}",
        rows=origin.synthetic_rows,
        epsilon=stated.epsilon,
        delta=stated.delta,
        again=again,
        together=len(entry.body.get("union", ())),
        union=tuple(measures),
    )


def _statement(counted: list[Spent], stated: list[float]) -> str:
    """What the sum means, in a sentence or two."""
    if not counted:
        return "Nothing made from this source has been released."
    without = len(counted) - len(stated)
    if not stated:
        return "No differential privacy was used: no bound is claimed, and what was measured is all there is."
    if without:
        return (
            f"The ε of {len(stated)} adds up to {sum(stated):g}, and {without} used no differential privacy: no bound "
            "is claimed for the whole."
        )
    unsaid = sum(s.delta is None for s in counted)
    more = f" For {unsaid} no δ is stated, so that none is for the sum." if unsaid else ""
    return f"All {len(counted)} state their ε; by basic composition they add up to {sum(stated):g}.{more}"
