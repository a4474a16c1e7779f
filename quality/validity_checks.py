"""Checks of validity, column by column: how many cells of a table are what the source and the spec allow. Pure.

A column that is missing, or of a type that cannot be read as the source's, has no valid cell.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from proofset.codes import numbers
from proofset.constraints import ConstraintBase
from proofset.errors import ProofsetError
from quality.protect import as_text

SECONDS = 1e9
"""Nanoseconds in one; limits of times are declared in seconds since 1970."""


@dataclass(frozen=True)
class Counted:
    """Cells that were looked at, and those that are valid."""

    right: int
    cells: int

    @property
    def share(self) -> float:
        """Valid cells by cells; 1 where there is none."""
        return self.right / self.cells if self.cells else 1.0


def plain(kind: pa.DataType) -> pa.DataType:
    """A type without what is storage alone: dictionary coding, and the width of a text's offsets."""
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return pa.string() if pa.types.is_large_string(kind) else kind


def schema_right(expected: pa.Schema, names: Sequence[str], found: pa.Schema) -> dict[str, bool]:
    """For every column expected or found: whether it is expected, once, of the expected type and in order.

    Out of order are the fewest columns that one would have to move.
    """
    shared = [n for n in found.names if n in set(names)]
    place = {n: i for i, n in enumerate(names)}
    kept = {shared[i] for i in _increasing([place[n] for n in shared])}

    def right(name: str) -> bool:
        if name not in kept or found.names.count(name) != 1:
            return False
        return bool(plain(found.field(name).type) == plain(expected.field(name).type))

    return {name: right(name) for name in dict.fromkeys([*names, *found.names])}


def _increasing(values: Sequence[int]) -> list[int]:
    """Positions of a longest strictly increasing subsequence (Fredman 1975, doi:10.1016/0012-365X(75)90103-X)."""
    tails: list[int] = []
    ends: list[int] = []
    before = [-1] * len(values)
    for i, value in enumerate(values):
        k = bisect_left(tails, value)
        before[i] = ends[k - 1] if k else -1
        tails[k : k + 1] = [value]
        ends[k : k + 1] = [i]
    found: list[int] = []
    i = ends[-1] if ends else -1
    while i >= 0:
        found.append(i)
        i = before[i]
    return found[::-1]


def column_as(table: pa.Table, name: str, stored: pa.DataType) -> pa.ChunkedArray | None:
    """A column in the source's plain type, NaN as null; None where it is missing, twice there, or of another kind."""
    if table.column_names.count(name) != 1:
        return None
    wanted, array = plain(stored), table[name]
    if pa.types.is_float16(wanted):  # Arrow counts no half-precision floats; any one is exact as a float32
        wanted = pa.float32()
    try:
        array = array.cast(plain(array.type)) if pa.types.is_dictionary(array.type) else array
        array = array.cast(wanted)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None
    if pa.types.is_floating(wanted):
        array = pc.if_else(pc.is_nan(array), pa.scalar(None, wanted), array)
    return array


def known_numbers(array: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    """The numbers of a column that are known; times in seconds since 1970 or midnight, as specs write limits."""
    values = numbers(array)
    values = values[~np.isnan(values)]
    return values / SECONDS if pa.types.is_temporal(array.type) else values


def within(array: pa.ChunkedArray | None, low: float | None, high: float | None, rows: int) -> Counted:
    """Known cells that lie within the limits, both included; None is no limit. rows: of the table."""
    if array is None:
        return Counted(0, rows)
    values = known_numbers(array)
    right = np.ones(len(values), bool) if low is None else values >= low
    if high is not None:
        right &= values <= high
    return Counted(int(right.sum()), len(values))


def among(array: pa.ChunkedArray | None, words: Collection[str], rows: int) -> Counted:
    """Known cells whose text is one of the words. rows: of the table."""
    if array is None:
        return Counted(0, rows)
    found = pc.value_counts(array.drop_null().combine_chunks())
    counts = np.asarray(found.field("counts"), dtype=np.int64)
    allowed = np.fromiter((w in words for w in as_text(found.field("values"))), bool, len(counts))
    return Counted(int(counts[allowed].sum()), int(counts.sum()))


def words_of(array: pa.ChunkedArray) -> frozenset[str]:
    """The distinct known values of a column, as text."""
    return frozenset(as_text(pc.unique(array.drop_null())))


def unrepeated(array: pa.ChunkedArray | None, rows: int, *, nullable: bool) -> Counted:
    """Rows whose key is not one that an earlier row has; a missing key is right only where it may be missing."""
    if array is None:
        return Counted(0, rows)
    known = array.drop_null()
    return Counted(len(pc.unique(known)) + (len(array) - len(known)) * nullable, rows)


def kept(constraints: Sequence[ConstraintBase], table: pa.Table) -> npt.NDArray[np.bool_]:
    """Which rows keep which constraint: constraints × rows. One that cannot be checked here is kept by none."""
    found = np.zeros((len(constraints), table.num_rows), bool)
    for i, constraint in enumerate(constraints):
        try:
            constraint.check(table.schema)
            found[i] = ~constraint.violations(table)
        except (ProofsetError, pa.ArrowException, KeyError):  # another type or no such column: nothing to keep it in
            continue
    return found


def null_bits(tables: Sequence[pa.Table], names: Sequence[str]) -> list[npt.NDArray[Any]]:
    """Which of the columns are null (or NaN) in each row, packed to bytes: rows × bytes for each table. A column that
    a table lacks is null in all of its rows."""
    packed = []
    for table in tables:
        bits = np.ones((table.num_rows, max(len(names), 1)), bool)
        for i, name in enumerate(names):
            if table.column_names.count(name) == 1:
                bits[:, i] = np.asarray(pc.is_null(table[name], nan_is_null=True))
        packed.append(np.packbits(bits, axis=1))
    return packed


def pattern_codes(packed: Sequence[npt.NDArray[Any]]) -> list[npt.NDArray[np.int64]]:
    """A number for each row, the same for rows in which the same columns are null, over all tables together."""
    joint = np.concatenate(packed)
    if joint.shape[1] <= 8:
        wide = np.zeros((len(joint), 8), np.uint8)
        wide[:, : joint.shape[1]] = joint
        keys = wide.view(np.uint64).ravel()
    else:
        keys = np.ascontiguousarray(joint).view(f"V{joint.shape[1]}").ravel()
    codes = np.unique(keys, return_inverse=True)[1].astype(np.int64)
    return np.split(codes, np.cumsum([len(p) for p in packed])[:-1])
