"""Identify: does this file come from one of our releases, is it a source of ours, or neither?

Digests come first: of the file's bytes, and of the table however it was written. Otherwise its rows are compared with
the sketches of all known tables (see `lineage.sketch`), whatever their order, spelling and number.

Every row is explained once: by the table that most of the rows not yet explained occur in, then by the next. A table
is claimed where, coincidences taken off, even the low end of its share is MIN_SHARE of the rows, where the different
rows that occur in it are more than coincidence explains, and where its chance level is no more than MAX_CHANCE: of a
table whose rows real people share anyway nothing can be told.

Nothing here quotes a value of the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from lineage.fingerprint import Columns, Prints, fingerprints, workspace_key
from lineage.known import Known, Shelf, What
from lineage.ledger import Ledger
from lineage.lookup import Hit, lookup
from lineage.seal import Seal, read_seal
from lineage.sketch import ALL, Chance, Sketch, part, surprise
from lineage.tabular import TabularFile, open_tabular, require_file
from proofset.digest import sha256_file
from proofset.frozen import Frozen
from proofset.workspace import Workspace

Verdict = Literal["release", "candidate", "source", "mixture", "unknown", "cannot tell"]
Mask = npt.NDArray[np.bool_]

MIN_SHARE = 0.01
"""The smallest share of a file's rows that is claimed to come from a table."""
MAX_CHANCE = 0.2
"""The largest chance level at which anything is claimed."""
SURPRISE = 9.2
"""How unlikely coincidence must be: 1 in 10,000, as minus a logarithm."""
HALF = 0.5
"""Where so many rows occur in a table, and it is not claimed, it is said that nothing can be told."""
WHOLE = 0.9
"""A file of which even the high end of what is explained is less is a mixture with rows of unknown origin."""
MOST_ROWS = 4_000_000
"""Rows of a file that are looked at; of a longer one a random sample of about half as many or more."""
MOST_BYTES = 1 << 30
"""A larger file is not read whole to compute its table's digest."""
_INDEX = ("", "Unnamed: 0", "__index_level_0__")
"""Columns that pandas adds."""


class Match(Frozen):
    """A table that rows of a file come from.

    share, low, high: of the rows looked at, with its 95 % interval. alone: the share that no better match explains.
    chance: the share of other rows that occur in the table by coincidence; None for a match by digest.
    matched_by: "rows", or what of it has the file's digest.  columns: how many the rows were compared on.
    """

    what: What
    dataset: str
    table: str
    candidates: tuple[str, ...] = ()
    folder: str = ""
    generations: int | None = None
    share: float
    low: float
    high: float
    alone: float
    chance: float | None = None
    matched_by: str = "rows"
    columns: int | None = None


class Answer(Frozen):
    """What a file is.

    matches: the best first; those with `alone` above 0 explain the rows.  rows: of the file; looked_at: of these.
    says: the seal a Parquet file carries, a claim that only digests and rows prove.  notes: what limits the answer.
    """

    verdict: Verdict
    file: str
    rows: int | None = None
    looked_at: int | None = None
    columns: int | None = None
    matches: tuple[Match, ...] = ()
    says: Seal | None = None
    notes: tuple[str, ...] = ()

    @property
    def best(self) -> Match | None:
        """The best match, or None."""
        return self.matches[0] if self.matches else None


def identify(workspace: Workspace, ledger: Ledger, path: Path) -> Answer:
    """Say what the file at `path` is.

    Raises SourceError where its digest is not known and it cannot be read as a table; WorkspaceError where the key
    cannot be used; LedgerError.
    """
    require_file(path)
    hits = lookup(workspace, ledger, str(path.resolve()) if _small(path) else sha256_file(path))
    if hits:
        # The same table may be a release and, later, the source of another dataset: what it is comes before its use.
        found = sorted(map(_by_digest, hits), key=lambda m: ("release", "candidate", "source").index(m.what))
        return Answer(verdict=found[0].what, file=path.name, matches=tuple(found))
    file = open_tabular(path)
    shelf = Shelf.of(workspace, ledger, workspace_key(workspace))
    groups = groups_of(shelf, [c for c in file.columns if c not in _INDEX])
    looked = look(groups, file, shelf.key)
    matches, unclear = explained(groups, looked)
    rows = next(iter(looked.values())).rows if looked else None
    return Answer(
        verdict=_verdict(matches, unclear),
        file=path.name,
        rows=rows,
        looked_at=min((len(seen.prints) for seen in looked.values()), default=None),
        columns=len(file.columns),
        matches=tuple(matches),
        says=read_seal(path),
        notes=tuple(_notes(shelf, groups, unclear)),
    )


def _small(path: Path) -> bool:
    return path.stat().st_size <= MOST_BYTES


def _by_digest(hit: Hit) -> Match:
    part_of = hit.matched_by in ("source", "train", "holdout")
    what: What = "source" if part_of else "release" if hit.kind == "release" else "candidate"
    return Match(
        what=what, dataset=hit.dataset, table="", candidates=(hit.candidate,), folder="" if part_of else hit.folder,
        share=1.0, low=1.0, high=1.0, alone=1.0, matched_by=hit.matched_by,
    )  # fmt: skip


@dataclass
class Group:
    """Known tables that are compared on the same columns."""

    columns: Columns
    sketches: list[tuple[Known, Sketch]]


@dataclass
class Looked:
    """Fingerprints of a file's rows: all that are up to the threshold, in the file's order."""

    rows: int
    prints: Prints
    threshold: int = ALL


def groups_of(shelf: Shelf, names: Sequence[str]) -> list[Group]:
    """The known tables that have all of a file's columns, or only such, by the columns they share with it."""
    asked = set(names)
    groups: dict[Columns, Group] = {}
    for known in shelf.tables:
        columns = shelf.columns(known)
        if columns is None:
            continue
        own = {name for name, _ in columns}
        if not (own <= asked or asked <= own) or not asked:
            continue
        shared = tuple(c for c in columns if c[0] in asked)
        sketch = shelf.sketch(known, None if own <= asked else shared)
        if sketch is not None:
            groups.setdefault(shared, Group(shared, [])).sketches.append((known, sketch))
    return list(groups.values())


def look(groups: Sequence[Group], file: TabularFile, key: bytes) -> dict[Columns, Looked]:
    """The fingerprints of a file's rows, for each group's columns; the file is read once, by batches."""
    wanted = [name for name in file.columns if any(name in dict(g.columns) for g in groups)]
    return collect(groups, file.batches(wanted) if wanted else (), key)


def collect(groups: Sequence[Group], batches: Iterable[pa.RecordBatch | pa.Table], key: bytes) -> dict[Columns, Looked]:
    """The fingerprints of rows, for each group's columns. Of very many rows those up to a threshold are kept."""
    rows = 0
    parts: dict[Columns, list[Prints]] = {g.columns: [] for g in groups}
    threshold = dict.fromkeys(parts, ALL)
    for batch in batches:
        rows += batch.num_rows
        for columns, kept in parts.items():
            prints = fingerprints(batch, columns, key)
            kept.append(prints[prints <= np.uint64(threshold[columns])])
            while sum(map(len, kept)) > MOST_ROWS:
                threshold[columns] //= 2
                kept[:] = [p[p <= np.uint64(threshold[columns])] for p in kept]
    return {
        columns: Looked(rows, np.concatenate(kept) if kept else np.empty(0, np.uint64), threshold[columns])
        for columns, kept in parts.items()
    }


def explained(groups: Sequence[Group], looked: dict[Columns, Looked]) -> tuple[list[Match], bool]:
    """The matches, those that explain most first, and whether a table was near for which nothing can be told."""
    found: list[Match] = []
    unclear = False
    for group in groups:
        matches, doubt = explain(group, looked[group.columns])
        found += matches
        unclear = unclear or doubt
    return sorted(found, key=lambda m: (-m.alone, -m.share)), unclear


def explain(group: Group, looked: Looked) -> tuple[list[Match], bool]:
    """The matches among tables that are compared on the same columns. See the module's rule."""
    threshold = min([looked.threshold, *(sketch.threshold for _, sketch in group.sketches)])
    prints = looked.prints[looked.prints <= np.uint64(threshold)]
    order = np.argsort(prints, kind="stable")
    first = np.zeros(len(prints), np.bool_)  # one row of each kind: repeated rows are no further evidence
    first[order[np.r_[True, prints[order][1:] != prints[order][:-1]]] if len(prints) else []] = True
    held = [(known, sketch.chance, sketch.holds(prints)) for known, sketch in group.sketches]
    unclear = any(_tells(chance, mask, first)[1] for _, chance, mask in held)
    held = [one for one in held if _tells(one[1], one[2], first)[0]]
    left = np.ones(len(prints), np.bool_)
    matches: list[Match] = []
    while held:
        place = max(range(len(held)), key=lambda i: (int((held[i][2] & left).sum()), -_rank(held[i][0])))
        known, chance, mask = held.pop(place)
        matches.append(_match(known, chance, mask, left, first, len(group.columns)))
        if matches[-1].alone:
            left &= ~mask
    return [m for m in matches if m.low >= MIN_SHARE or m.alone], unclear


def _tells(chance: Chance, mask: Mask, first: Mask) -> tuple[bool, bool]:
    """Whether more rows occur in a table than coincidence explains, and whether some do, but nothing can be told."""
    if not mask.any():
        return False, False
    usable = chance.bounds[1] <= MAX_CHANCE
    if usable and surprise(int((mask & first).sum()), int(first.sum()), chance) >= SURPRISE:
        return True, False
    most = float(mask.mean())
    return False, most >= HALF or (not usable and most >= chance.bounds[0])


def _rank(known: Known) -> int:
    """Of tables that explain the same rows: real rows are the origin of a copy, and a table of its use as a source."""
    if known.what == "source":
        return 3 if known.generations else 0
    return 1 if known.what == "release" else 2


def _match(known: Known, chance: Chance, mask: Mask, left: Mask, first: Mask, columns: int) -> Match:
    whole = part(int(mask.sum()), len(mask), chance)
    rest = part(int((mask & left).sum()), int(left.sum()), chance)
    fraction = float(left.mean()) if len(left) else 0.0
    odd = surprise(int((mask & left & first).sum()), int((left & first).sum()), chance) >= SURPRISE
    claimed = odd and rest.low * fraction >= MIN_SHARE
    return Match(
        what=known.what,
        dataset=known.dataset,
        table=known.table,
        candidates=known.candidates,
        folder=known.folder,
        generations=known.generations,
        share=whole.share,
        low=whole.low,
        high=whole.high,
        alone=rest.share * fraction if claimed else 0.0,
        chance=chance.value,
        columns=columns,
    )


def _verdict(matches: Sequence[Match], unclear: bool) -> Verdict:
    telling = [m for m in matches if m.alone]
    if not telling:
        return "cannot tell" if unclear else "unknown"
    if len(telling) > 1 or telling[0].high < WHOLE:
        return "mixture"
    return telling[0].what


def _notes(shelf: Shelf, groups: Sequence[Group], unclear: bool) -> list[str]:
    notes = []
    if not groups:
        notes.append("no known table has these columns")
    if unclear:
        notes.append(
            "some rows occur in a known table, but no more than coincidence may explain on these columns and rows"
        )
    notes += [f"nothing is left of a table of '{known.dataset}' to compare with" for known in shelf.lost]
    return notes
