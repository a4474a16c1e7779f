"""Identifying: what of a source came out of a generator of ours, and the sketches by which rows are recognised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from orchestration.chain import Chain, ledger
from proofset.evidence import Parent

if TYPE_CHECKING:
    from lineage.identify import Match
    from lineage.known import Known, Shelf


@dataclass(frozen=True)
class Origin:
    """What a source is made of.

    parents: the synthetic tables in it.  real_share: of its rows, as far as they are not recognised as synthetic.
    generations: of what is made from it.  unclear: rows occur in a known table, but no more than coincidence explains.
    """

    parents: tuple[Parent, ...] = ()
    real_share: float = 1.0
    generations: int = 1
    unclear: bool = False

    def facts(self) -> dict[str, Any]:
        """For the note of the step `source`."""
        return {
            "parents": [p.plain() for p in self.parents],
            "real_share": self.real_share,
            "generations": self.generations,
            "unclear": self.unclear,
        }


def take_stock(chain: Chain, table: pa.Table, digest: str, file: str) -> Origin:
    """Say what a source is made of, and keep its sketch. file: SHA-256 of the file it was read from."""
    from lineage.fingerprint import columns_of, fingerprints, workspace_key
    from lineage.known import Known, Shelf, sketch_path
    from lineage.sketch import chance_within, make_sketch

    workspace = chain.workspace
    key = workspace_key(workspace)
    shelf = Shelf.of(workspace, ledger(workspace), key)
    columns = columns_of(table.schema)
    prints = fingerprints(table, columns, key)
    same = [k for k in shelf.tables if k.what != "source" and (k.table == digest or file in k.files)]
    origin = _whole(same[0]) if same else _parts(shelf, table, prints)
    depth = origin.generations - 1
    known = Known("source", chain.spec.dataset, digest, (), depth)
    made = make_sketch(digest, columns, prints, chance_within(prints), depth)
    made.save(sketch_path(workspace, known), key)
    return origin


def _whole(known: Known) -> Origin:
    """A synthetic table that came back as it is, recognised by its digest."""
    return Origin((_parent(known, 1.0),), 0.0, known.generations + 1)


def _parts(shelf: Shelf, table: pa.Table, prints: Any) -> Origin:
    """What rows alone tell. Sources with synthetic rows in them are left out: the rows' own tables explain them."""
    from lineage.fingerprint import columns_of
    from lineage.identify import Looked, collect, explained, groups_of
    from lineage.known import Shelf as Shelves

    tables = tuple(k for k in shelf.tables if k.what != "source" or not k.generations)
    groups = groups_of(Shelves(shelf.workspace, shelf.key, tables), table.column_names)
    own = columns_of(table.schema)
    looked = collect([g for g in groups if g.columns != own], [table], shelf.key)
    matches, unclear = explained(groups, looked | {own: Looked(table.num_rows, prints)})
    by_table = {k.table: k for k in tables if k.what != "source"}
    telling = [m for m in matches if m.alone and m.what != "source"]
    parents = tuple(_parent(by_table[m.table], _share(m)) for m in telling)
    if not parents:
        return Origin(unclear=unclear)
    real = max(round(1.0 - sum(p.share for p in parents), 3), 0.0)
    return Origin(parents, real, 1 + max(p.generations for p in parents), unclear)


def _share(match: Match) -> float:
    return min(max(round(match.alone, 3), 0.001), 1.0)


def _parent(known: Known, share: float) -> Parent:
    return Parent(
        candidate=known.candidates[0],
        dataset=known.dataset,
        synthetic_digest=known.table,
        share=share,
        generations=known.generations,
    )


def has_sketch(chain: Chain, digest: str) -> bool:
    """Whether the source with this digest is sketched, with the key of this workspace."""
    from lineage.fingerprint import workspace_key
    from lineage.known import Known, read_sketch

    known = Known("source", chain.spec.dataset, digest, (), 0)
    return read_sketch(chain.workspace, known, workspace_key(chain.workspace)) is not None


def keep_sketch(chain: Chain) -> None:
    """Sketch the synthetic table, before the ledger knows of it, so that whatever is recorded can be recognised."""
    from lineage.fingerprint import columns_of, workspace_key
    from lineage.known import Known, read_sketch, sketch_path, sketch_table

    made, parts = chain.store.need("synthetic"), chain.store.need("split")
    known = Known(
        what="candidate",
        dataset=chain.spec.dataset,
        table=made.digest,
        candidates=(),
        generations=chain.store.need("source").facts["generations"],
        holdout=parts.facts["holdout"],
    )
    key = workspace_key(chain.workspace)
    if read_sketch(chain.workspace, known, key) is None:
        table = chain.store.get_table(made.digest, private=False)
        sketch = sketch_table(chain.workspace, known, table, columns_of(table.schema), key)
        sketch.save(sketch_path(chain.workspace, known), key)
