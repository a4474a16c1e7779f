"""Known tables: every synthetic table and every source of a workspace, with the sketch by which its rows are
recognised. A sketch that is not there, or was made with another key, is made from the stored table.

    .proofset/private/sketches/synthetic/DIGEST.sketch
    .proofset/private/sketches/source/DIGEST.sketch
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from lineage.fingerprint import Columns, Prints, columns_of, fingerprints
from lineage.kinds import CANDIDATE, RELEASE
from lineage.ledger import Entry, Ledger
from lineage.sketch import Chance, Sketch, chance_of, chance_within, make_sketch
from proofset.digest import table_digest
from proofset.errors import WorkspaceError
from proofset.workspace import Workspace

What = Literal["release", "candidate", "source"]


@dataclass(frozen=True)
class Known:
    """A table that rows may come from.

    table: its digest.  candidates: those that hold it, a released one first, then the newest; of a source, those made
    from it.  holdout: digest of rows of the same kind that are not in it; "" where there are none.
    """

    what: What
    dataset: str
    table: str
    candidates: tuple[str, ...]
    generations: int
    holdout: str = ""
    folder: str = ""
    """Of the release where there is one, relative to the workspace."""
    files: tuple[str, ...] = ()
    """SHA-256 of the data files that hold it."""


@dataclass
class Shelf:
    """The known tables of a workspace and their sketches."""

    workspace: Workspace
    key: bytes
    tables: tuple[Known, ...]
    lost: list[Known] = field(default_factory=list)
    """Tables that were asked for and have neither a sketch nor rows."""

    @classmethod
    def of(cls, workspace: Workspace, ledger: Ledger, key: bytes) -> Shelf:
        """Every table that the ledger knows, and every source that was taken since."""
        return cls(workspace, key, tuple(known_tables(workspace, ledger, key)))

    def columns(self, known: Known) -> Columns | None:
        """Names and kinds of a table's columns; None, and noted, where nothing of it is left."""
        sketch = self.sketch(known)
        if sketch is None and known not in self.lost:
            self.lost.append(known)
        return sketch.columns if sketch else None

    def sketch(self, known: Known, columns: Columns | None = None) -> Sketch | None:
        """A table's sketch, over all its columns or some; None where the table is needed and gone."""
        found = read_sketch(self.workspace, known, self.key) if columns is None else None
        if found is not None:
            return found
        table = stored_table(self.workspace, known.table)
        if table is None:
            return None
        over = columns_of(table.schema) if columns is None else columns
        made = sketch_table(self.workspace, known, table, over, self.key)
        if columns is None:
            made.save(sketch_path(self.workspace, known), self.key)
        return made


def sketch_path(workspace: Workspace, known: Known) -> Path:
    """Where a table's sketch lies."""
    return _folder(workspace, known.what) / f"{known.table}.sketch"


def _folder(workspace: Workspace, what: What) -> Path:
    return workspace.private / "sketches" / ("source" if what == "source" else "synthetic")


def read_sketch(workspace: Workspace, known: Known, key: bytes) -> Sketch | None:
    """The stored sketch of a table; None where there is none that this key can read."""
    path = sketch_path(workspace, known)
    try:
        found = Sketch.from_bytes(path.read_bytes(), key, path.name)
    except (OSError, WorkspaceError):
        return None
    return found if found.table == known.table else None


def sketch_table(workspace: Workspace, known: Known, table: pa.Table, columns: Columns, key: bytes) -> Sketch:
    """Sketch a table, with the chance level that its holdout, or for a source a part of itself, gives."""
    prints = fingerprints(table, columns, key)
    chance = _chance(workspace, known, prints, columns, key)
    return make_sketch(known.table, columns, prints, chance, known.generations)


def _chance(workspace: Workspace, known: Known, prints: Prints, columns: Columns, key: bytes) -> Chance:
    if known.what == "source":
        return chance_within(prints)
    held = stored_table(workspace, known.holdout) if known.holdout else None
    if held is None or not {name for name, _ in columns} <= set(held.column_names):
        return Chance(hits=0, rows=0)  # nothing is known, so nothing will be claimed
    return chance_of(fingerprints(held, columns, key), prints)


def stored_table(workspace: Workspace, digest: str) -> pa.Table | None:
    """A table kept under its digest, synthetic or private; None where it is gone or is no longer that table."""
    for folder in (workspace.state, workspace.private):
        path = folder / "tables" / f"{digest}.parquet"
        try:
            table = pq.read_table(path, partitioning=None).replace_schema_metadata(None)
        except (pa.ArrowException, OSError, ValueError):
            continue
        if table_digest(table) == digest:
            return table
    return None


def known_tables(workspace: Workspace, ledger: Ledger, key: bytes) -> list[Known]:
    """Synthetic tables and sources of every recorded candidate, and sketched sources of which none is recorded yet."""
    latest = {e.subject: e for e in ledger.entries(CANDIDATE)}
    releases = {e.subject: e for e in ledger.entries(RELEASE)}
    ordered = sorted(latest.values(), key=lambda e: (e.subject not in releases, -e.seq))
    made = _grouped(ordered, "synthetic_digest")
    taken = _grouped(ordered, "source_digest")
    found = [_synthetic(table, group, releases) for table, group in made.items()]
    found += [_source(table, group) for table, group in taken.items()]
    return found + _unrecorded(workspace, set(taken), key)


def _grouped(entries: Sequence[Entry], name: str) -> dict[str, list[Entry]]:
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(str(entry.body["provenance"][name]), []).append(entry)
    return groups


def _synthetic(table: str, group: list[Entry], releases: dict[str, Entry]) -> Known:
    first, released = group[0], releases.get(group[0].subject)
    origin: dict[str, Any] = first.body["provenance"]
    return Known(
        what="release" if released else "candidate",
        dataset=origin["dataset"],
        table=table,
        candidates=tuple(e.subject for e in group),
        generations=max(int(e.body["provenance"]["generations"]) for e in group),
        holdout=origin["holdout_digest"],
        folder=str((released or first).body["folder"]),
        files=tuple(f["sha256"] for e in group for f in e.body["candidate"]["files"] if f["path"].startswith("data/")),
    )


def _source(table: str, group: list[Entry]) -> Known:
    """A source is one generation nearer to real data than what is made from it; a real one is none away."""
    depth = max(int(e.body["provenance"]["generations"]) for e in group) - 1
    depth = max(depth, 0)
    origin = group[0].body["provenance"]
    return Known(
        what="source",
        dataset=origin["dataset"],
        table=table,
        candidates=tuple(e.subject for e in group),
        generations=depth,
    )


def _unrecorded(workspace: Workspace, recorded: set[str], key: bytes) -> list[Known]:
    """Sources that were taken, but of which no candidate came yet."""
    found = []
    for path in sorted(_folder(workspace, "source").glob("*.sketch")):
        known = Known("source", "", path.stem, (), 0)
        sketch = None if path.stem in recorded else read_sketch(workspace, known, key)
        if sketch is not None:
            found.append(replace(known, generations=sketch.generations))
    return found
