"""Lookup: where does this dataset, digest or file come from, and may I use it?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv

from lineage.candidate import read_parquet
from lineage.entry import text_in
from lineage.kinds import CANDIDATE
from lineage.ledger import Entry, Ledger
from lineage.records import MIN_PREFIX, described
from lineage.standing import Stood, released_states, withdrawn
from lineage.states import LIVE, State
from proofset.digest import sha256_file, table_digest
from proofset.spec import Frozen
from proofset.workspace import Workspace

_DIGEST = re.compile(rf"^[0-9a-f]{{{MIN_PREFIX},64}}$")


class Hit(Frozen):
    """A candidate or release that the query leads to.

    kind: "release" or "candidate". folder: relative to the workspace, of the release where there is one.
    released: whether it may be used; state: released, superseded, expired, revoked, or "" where it is none; why: for
    the last two.
    matched_by: what of it the query named, such as "dataset name" or "digest of data/adult.parquet".
    """

    kind: str
    dataset: str
    candidate: str
    released: bool
    purpose: str
    outcome: str
    folder: str
    matched_by: str
    state: str = ""
    why: tuple[str, ...] = ()


def lookup(workspace: Workspace, ledger: Ledger, query: str, now: datetime | None = None) -> list[Hit]:
    """Everything recorded that `query` names, newest first; empty where nothing does.

    Parameters
    ----------
    query: a dataset's name, the beginning (>= 6 digits) of a candidate's, table's, source's or passport's digest, or
        the path of a file: known by its SHA-256 and, if Parquet or CSV, by its table's digest, whoever rewrote it.

    Raises LedgerError for an entry that does not say what a candidate or a release does: it may be what is asked for.
    """
    path = Path(query)
    if not path.is_file() and (workspace.root / query).is_file():
        path = workspace.root / query
    digests = _file_digests(path) if path.is_file() else [query] if _DIGEST.match(query) else []
    latest = {e.subject: e for e in ledger.entries(CANDIDATE)}
    stood = released_states(ledger, now or datetime.now(UTC))
    gone = withdrawn(ledger)
    hits = []
    for entry in sorted(latest.values(), key=lambda e: -e.seq):
        stand = stood.get(entry.subject)
        release = stand.entry if stand else None
        matched = "dataset name" if text_in(entry, "candidate", "dataset") == query else None
        matched = matched or next((n for n, d in _names(entry, release) if any(d.startswith(q) for q in digests)), None)
        if matched:
            hits.append(_hit(entry, stand, gone.get(entry.subject, ()), matched))
    return hits


def _names(entry: Entry, release: Entry | None) -> Iterator[tuple[str, str]]:
    """Every digest that leads to a candidate, by what it is the digest of."""
    candidate = described(entry)
    yield "candidate digest", entry.subject
    if release is not None:
        yield "passport", text_in(release, "passport_digest")
    for file in candidate.files:
        yield f"digest of {file.path}", file.sha256
    yield "synthetic table", candidate.synthetic_digest
    yield "seal", candidate.seal
    for part in ("source", "train", "holdout", "fitted"):
        yield part, text_in(entry, "provenance", f"{part}_digest")


def _hit(entry: Entry, stood: Stood | None, gone: tuple[str, ...], matched: str) -> Hit:
    candidate = described(entry)
    state = stood.state.value if stood else State.REVOKED.value if gone else ""
    return Hit(
        kind="release" if stood else "candidate",
        dataset=candidate.dataset,
        candidate=entry.subject,
        released=stood is not None and stood.state in LIVE,
        purpose=text_in(entry, "provenance", "purpose"),
        outcome=candidate.outcome.value,
        folder=text_in(stood.entry if stood else entry, "folder"),
        matched_by=matched,
        state=state,
        why=stood.why if stood else gone,
    )


def _file_digests(path: Path) -> list[str]:
    """A file's SHA-256 and, where it reads as a table, the table's digest."""
    digests = [sha256_file(path)]
    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            digests.append(table_digest(read_parquet(path.read_bytes())))
        elif path.suffix.lower() in (".csv", ".tsv"):
            delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
            options = pacsv.ConvertOptions(strings_can_be_null=True)
            table = pacsv.read_csv(path, parse_options=pacsv.ParseOptions(delimiter=delimiter), convert_options=options)
            digests.append(table_digest(table))
    except (pa.ArrowException, OSError, ValueError):
        pass  # not a table after all: its bytes still have a digest
    return digests
