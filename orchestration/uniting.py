"""Uniting: what somebody holds who has every live release of a source, for the attacks to be run on all of it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from orchestration.chain import Chain, ledger
from orchestration.dividing import divide
from orchestration.store import Note
from proofset.digest import table_digest
from proofset.evidence import Provenance

if TYPE_CHECKING:
    from lineage.gate import Live
    from proofset.workspace import Workspace
    from quality.base import Beside


def others(chain: Chain, taken: Note, parts: Note, made: Note) -> tuple[Beside, ...]:
    """The other live releases of the source, one for each table, in the order of their digests.

    taken, parts, made: notes of the steps source, split and synthetic. Each table is the one of its digest; what cannot
    be had so is None, and the measures will say that they are inconclusive. A release made from the same rows as this
    candidate says so by holding its very train part.
    """
    from lineage.kinds import CANDIDATE
    from lineage.spend import live_beside

    book = ledger(chain.workspace)
    live = {
        one.table: one for one in live_beside(book, chain.spec.dataset, taken.digest, made.digest, datetime.now(UTC))
    }
    if not live:
        return ()
    latest = {e.subject: e for e in book.entries(CANDIDATE)}
    train = chain.store.get_table(parts.facts["train"], private=True)
    found = []
    for one in (live[digest] for digest in sorted(live)):
        origin = Provenance.model_validate(latest[one.candidate].body["provenance"])
        found.append(_beside(chain, one, origin, parts, train))
    return tuple(found)


def facts(found: tuple[Beside, ...]) -> dict[str, Any]:
    """What a scorecard depends on for the other releases; nothing where there are none."""
    if not found:
        return {}
    return {"union": [[o.digest, o.table is not None, o.train is not None and o.rest is not None] for o in found]}


def _beside(chain: Chain, live: Live, origin: Provenance, parts: Note, train: pa.Table) -> Beside:
    from quality.base import Beside

    table = _released(chain.workspace, live, origin)
    if origin.train_digest == parts.facts["train"]:
        return Beside(live.table, table, train, chain.store.get_table(parts.facts["holdout"], private=True))
    return Beside(live.table, table, *_divided(chain.workspace, origin))


def _released(workspace: Workspace, live: Live, origin: Provenance) -> pa.Table | None:
    """A release's table from its folder, or from the store; None where neither holds exactly this table."""
    from lineage.candidate import SHORT, read_parquet
    from lineage.folders import read_regular
    from lineage.known import stored_table

    path: Path = workspace.releases / live.dataset / live.candidate[:SHORT] / "data" / f"{origin.table}.parquet"
    try:
        table = read_parquet(read_regular(path) or b"")
        if table_digest(table) == live.table:
            return table
    except (pa.ArrowException, OSError, ValueError, TypeError):
        pass  # gone or not a table: the store may have it still
    return stored_table(workspace, live.table)


def _divided(workspace: Workspace, origin: Provenance) -> tuple[pa.Table | None, pa.Table | None]:
    """The rows a release was made from, and the others of its source: as stored, or divided again as its seed says."""
    from lineage.known import stored_table

    train, rest = (stored_table(workspace, d) for d in (origin.train_digest, origin.holdout_digest))
    source = None if train is not None and rest is not None else stored_table(workspace, origin.source_digest)
    if source is not None and source.num_rows == origin.source_rows:
        train, rest = divide(source, origin.holdout_rows / origin.source_rows, origin.seed)
        if (table_digest(train), table_digest(rest)) != (origin.train_digest, origin.holdout_digest):
            return None, None
    return (train, rest) if train is not None and rest is not None else (None, None)
