"""Shapes and pair trends of Parquet files too large to be read at once.

Two passes over the row groups: the first collects the distinct values of each column, the second turns every row group
into codes of one, two or four bytes a cell. Only these are kept, so that memory is about (bytes of codes) × rows ×
columns × 2. From there on it is what `quality.fidelity` computes in memory, with the same values and intervals.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from proofset.codes import Coded, Kind, Part, Small, kind_of, modelled, numbers, smallest
from proofset.evidence import ColumnProfile, Measure, Profile
from proofset.progress import Progress, silent
from proofset.seeds import stream
from quality.base import InconclusiveError, UnsupportedError
from quality.fidelity import MIN_ROWS, compare, measured
from quality.fidelity_cards import EVERY_PAIR, PAIR, SHAPE
from quality.fidelity_tables import prepared
from quality.stats import Floats

Paths = dict[Part, Path]


def fidelity_stream(
    train: Path,
    synthetic: Path,
    holdout: Path | None = None,
    *,
    profile: Profile,
    seed: int,
    workers: int = 2,
    progress: Progress = silent,
) -> tuple[Measure, ...]:
    """`fidelity.shape_error`, `pair_error` and `every_pair_error` of Parquet files, read one row group at a time.

    profile: of the source.  holdout: for the reference.  seed: the dataset's.
    Raises UnsupportedError where no column is modelled, InconclusiveError where a file has too few rows for an
    interval, and pyarrow's errors or KeyError where a file lacks a column or its type.
    """
    paths: Paths = {"train": train, **({"holdout": holdout} if holdout else {}), "synthetic": synthetic}
    rows = {p: pq.read_metadata(path).num_rows for p, path in paths.items()}
    for part in ("train", "synthetic"):
        if rows[part] < MIN_ROWS:
            raise InconclusiveError(f"fewer than {MIN_ROWS} {part} rows: no interval")
    paths = {p: path for p, path in paths.items() if rows[p] >= MIN_ROWS}
    columns = coded(paths, profile, progress)
    if not columns:
        raise UnsupportedError("no column is modelled")
    kept = {p: rows[p] for p in paths}
    tables = prepared(columns, kept, lambda *names: stream(seed, "quality", *names), workers)
    progress("comparing columns", 0.5)
    found = compare(tables, stream(seed, "quality", "fidelity", "triples"), trends_only=True)
    progress("compared", 1.0)
    return measured(found, (SHAPE, PAIR, EVERY_PAIR))


def coded(paths: Paths, profile: Profile, progress: Progress = silent) -> tuple[Coded, ...]:
    """The modelled columns of the files in one coding, the one of `proofset.codes`."""
    schema = pq.read_schema(paths["train"])
    described = modelled(profile, schema.empty_table())
    words = {c.name: _Words(c, schema) for c in described}
    total = sum(pq.read_metadata(p).num_row_groups for p in paths.values())
    for number, (part, batch) in enumerate(_batches(paths, list(words))):
        progress("reading values", 0.2 * number / total)
        for name, word in words.items():
            word.see(part, batch[name])
    coding = {name: word.settled() for name, word in words.items()}
    rows = {p: pq.read_metadata(path).num_rows for p, path in paths.items()}
    made = {n: {p: np.empty(k, smallest(c.size)) for p, k in rows.items()} for n, c in coding.items()}
    filled = dict.fromkeys(paths, 0)
    for number, (part, batch) in enumerate(_batches(paths, list(words))):
        progress("coding values", 0.2 + 0.3 * number / total)
        start, stop = filled[part], filled[part] + batch.num_rows
        for name, settled in coding.items():
            made[name][part][start:stop] = settled.codes(batch[name])
        filled[part] = stop
    return tuple(Coded(n, c.kind, made[n], c.distinct, c.size) for n, c in coding.items())


def _batches(paths: Paths, names: list[str]) -> Iterator[tuple[Part, pa.Table]]:
    for part, path in paths.items():
        with pq.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                yield part, file.read_row_group(group, columns=names, use_threads=False)


class _Settled:
    """How one column is coded, once all its values are known."""

    def __init__(self, word: _Words, kind: Kind, distinct: Floats | None, words: pa.Array | None) -> None:
        self._word, self.kind, self.distinct, self._words = word, kind, distinct, words
        self.size = 1 + len(words if words is not None else distinct if distinct is not None else ())

    def codes(self, column: pa.ChunkedArray) -> Small:
        """0 for null, 1, 2, ... for the values in their order."""
        array = self._word.plain(column)
        if self.distinct is None:
            places = pc.fill_null(pc.index_in(array, value_set=self._words), -1)
            # Copied by value: a null's place is unspecified, never its code.
            found = np.where(np.asarray(pc.is_null(array)), -1, np.asarray(places)) + 1
        else:
            values = numbers(array)
            found = np.where(np.isnan(values), 0, np.searchsorted(self.distinct, values) + 1)
        return np.asarray(found.astype(smallest(self.size)))


class _Words:
    """The distinct values of one column, seen a row group at a time."""

    def __init__(self, column: ColumnProfile, schema: pa.Schema) -> None:
        self._stored = schema.field(column.name).type
        self._kind = kind_of(column, self._stored)
        self._seen: Floats = np.empty(0)
        self._counts: dict[object, list[int]] = {}

    def plain(self, column: pa.ChunkedArray) -> pa.ChunkedArray:
        """The column in the training table's type, without dictionary."""
        if column.type != self._stored:
            column = column.cast(self._stored)
        return column.cast(self._stored.value_type) if pa.types.is_dictionary(self._stored) else column

    def see(self, part: Part, column: pa.ChunkedArray) -> None:
        """Take in one row group."""
        array = self.plain(column)
        if self._kind != Kind.CATEGORY:
            values = numbers(array)
            self._seen = np.union1d(self._seen, values[~np.isnan(values)])
            return
        for entry in pc.value_counts(array.drop_null()).to_pylist():
            self._counts.setdefault(entry["values"], [0])[0] += entry["counts"] if part == "train" else 0

    def settled(self) -> _Settled:
        """The coding: values ascending, or categories by falling frequency among the training rows, ties by text."""
        if self._kind != Kind.CATEGORY:
            return _Settled(self, self._kind, self._seen, None)
        stored = self._stored.value_type if pa.types.is_dictionary(self._stored) else self._stored
        words = pa.array(list(self._counts), stored)
        ranks = np.asarray(pc.rank(words.cast(pa.string()))) if len(words) else np.empty(0)
        order = np.lexsort((ranks, -np.array([c[0] for c in self._counts.values()], np.int64)))
        return _Settled(self, self._kind, None, words.take(pa.array(order)))
