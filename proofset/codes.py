"""One coding of three tables: every metric works on these numbers instead of on Arrow values.

Numbers and times become float64 with NaN for null; everything else becomes int32 codes shared by the tables,
ordered by how frequent a value is among the training rows, with -1 for null. What counts rather than calculates takes
`Column.coded`: each value's place among the sorted distinct values of all three tables, in the fewest bytes that hold
it, made once.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from proofset.evidence import ColumnProfile, Profile
from proofset.spec import SemanticType, Treatment

Floats = npt.NDArray[np.float64]
Small = npt.NDArray[np.unsignedinteger[Any]]
"""Codes in the smallest unsigned type that holds them."""

Part = Literal["train", "holdout", "synthetic"]
PARTS: tuple[Part, ...] = ("train", "holdout", "synthetic")

_NANOSECONDS = {"s": 1e9, "ms": 1e6, "us": 1e3, "ns": 1.0}
_SPAN = 1 << 20
"""Whole numbers within a span of so many are coded by counting, others by sorting."""
_WHOLE = float(1 << 52)
_DISCRETE = {SemanticType.CATEGORY, SemanticType.BOOLEAN, SemanticType.CONSTANT}


class Kind(StrEnum):
    """How a column is compared. An ordinal is counted like a category and ordered like a number."""

    NUMBER = "number"
    TIME = "time"
    ORDINAL = "ordinal"
    CATEGORY = "category"


@dataclass(frozen=True)
class Coded:
    """One column of several tables as dense codes: 0 for null, 1, 2, ... for the distinct values in their order.

    codes: part -> codes.  distinct: float64, the value of code i at i - 1, ascending; None for a CATEGORY, whose
    codes are in the order of the training table's frequencies.  size: number of codes, with the null's.
    """

    name: str
    kind: Kind
    codes: dict[Part, Small]
    distinct: Floats | None
    size: int

    @property
    def discrete(self) -> bool:
        """True where fidelity counts values instead of ordering them."""
        return self.kind in (Kind.CATEGORY, Kind.ORDINAL)

    @cached_property
    def totals(self) -> dict[Part, npt.NDArray[np.int64]]:
        """How often each code occurs: part -> shape (size,)."""
        return {p: np.bincount(c, minlength=self.size).astype(np.int64) for p, c in self.codes.items()}


@dataclass(frozen=True)
class Column:
    """One column of all three tables.

    values: part -> float64 with NaN (NUMBER, TIME in nanoseconds since 1970, ORDINAL) or int32 with -1 (CATEGORY).
    """

    name: str
    kind: Kind
    values: dict[Part, npt.NDArray[Any]]

    @property
    def discrete(self) -> bool:
        """True where fidelity counts values instead of ordering them."""
        return self.kind in (Kind.CATEGORY, Kind.ORDINAL)

    @cached_property
    def coded(self) -> Coded:
        """The column as dense codes; made on first use."""
        if self.kind == Kind.CATEGORY:
            size = 1 + max((int(v.max(initial=-1)) + 1 for v in self.values.values()), default=0)
            kept = {p: (v + 1).astype(smallest(size)) for p, v in self.values.items()}
            return Coded(self.name, self.kind, kept, None, size)
        joint = np.concatenate(list(self.values.values()))
        distinct, codes = _placed(joint)
        cuts = np.cumsum([len(v) for v in self.values.values()])[:-1]
        return Coded(
            self.name,
            self.kind,
            dict(zip(self.values, np.split(codes, cuts), strict=True)),
            distinct,
            len(distinct) + 1,
        )

    def codes(self, parts: tuple[Part, ...]) -> list[npt.NDArray[np.int64]]:
        """Dense codes 0, 1, ... over the given parts together, in the order of the values; null is the code 0."""
        coded = self.coded
        seen = np.zeros(coded.size, bool)
        for part in parts:
            seen[coded.codes[part]] = True
        seen[0] = True
        place = np.cumsum(seen) - 1
        return [place[coded.codes[p]] for p in parts]


def smallest(size: int) -> np.dtype[Any]:
    """The smallest unsigned type for codes 0 .. size - 1."""
    return np.min_scalar_type(max(size - 1, 0))


def _placed(values: Floats) -> tuple[Floats, Small]:
    """The distinct values, ascending, and each value's place among them from 1; 0 for NaN. -0 is 0."""
    known = ~np.isnan(values)
    present = values[known]
    codes = np.zeros(len(values), np.int64)
    low, high = (float(present.min()), float(present.max())) if len(present) else (0.0, 0.0)
    if low > -_WHOLE and high < _WHOLE and high - low < _SPAN and bool((present == np.floor(present)).all()):
        offset = (present - low).astype(np.int64)
        seen = np.zeros(int(high - low) + 1, bool)
        seen[offset] = True
        distinct = (np.flatnonzero(seen) + low).astype(np.float64) if len(present) else np.empty(0)
        codes[known] = np.cumsum(seen)[offset]
    else:
        distinct, inverse = np.unique(present, return_inverse=True)
        codes[known] = inverse + 1
    return distinct, codes.astype(smallest(len(distinct) + 1))


@dataclass(frozen=True)
class Encoded:
    """The modelled columns of the three tables, in the order of the training table."""

    columns: tuple[Column, ...]
    rows: dict[Part, int]

    def without(self, name: str) -> Encoded:
        """The same without one column."""
        return Encoded(tuple(c for c in self.columns if c.name != name), self.rows)


def kind_of(column: ColumnProfile, stored: pa.DataType) -> Kind:
    """How a column of this meaning and Arrow type is compared."""
    plain = stored.value_type if pa.types.is_dictionary(stored) else stored
    numeric = pa.types.is_integer(plain) or pa.types.is_floating(plain) or pa.types.is_decimal(plain)
    temporal = pa.types.is_temporal(plain)
    if column.semantic in _DISCRETE or not (numeric or temporal):
        return Kind.CATEGORY
    if temporal:
        return Kind.TIME
    return Kind.ORDINAL if column.semantic == SemanticType.ORDINAL else Kind.NUMBER


def modelled(profile: Profile, table: pa.Table) -> list[ColumnProfile]:
    """The profiles of the columns that generators learn, in the table's order."""
    known = {c.name: c for c in profile.columns}
    return [
        known[n]
        for n in table.column_names
        if known[n].treatment == Treatment.MODEL and known[n].semantic != SemanticType.EMPTY
    ]


def encode(train: pa.Table, holdout: pa.Table, synthetic: pa.Table, profile: Profile, workers: int = 1) -> Encoded:
    """Code the modelled columns, on `workers` threads.

    Raises KeyError or pyarrow's errors where a table lacks a column or its type.
    """
    tables: dict[Part, pa.Table] = {"train": train, "holdout": holdout, "synthetic": synthetic}

    def code(described: ColumnProfile) -> Column:
        stored = train.schema.field(described.name).type
        kind = kind_of(described, stored)
        arrays = {p: _plain(t[described.name], stored) for p, t in tables.items()}
        if kind == Kind.CATEGORY:
            values = _codes(arrays)
        else:
            least = _least(arrays["train"])
            values = {p: numbers(a) if least is None else _from(a, least) for p, a in arrays.items()}
        return Column(described.name, kind, values)

    with ThreadPoolExecutor(max(1, workers)) as pool:
        columns = tuple(pool.map(code, modelled(profile, train)))
    return Encoded(columns, {p: t.num_rows for p, t in tables.items()})


def _least(array: pa.ChunkedArray) -> int | None:
    """The least whole number of a column with some that doubles cannot tell apart; None of any other column."""
    if not pa.types.is_integer(array.type) or array.type.bit_width < 64:
        return None
    ends = pc.min_max(array).as_py()
    if ends["min"] is None or max(abs(ends["min"]), abs(ends["max"])) <= 2 * _WHOLE:
        return None
    return int(ends["min"])


def _from(array: pa.ChunkedArray, least: int) -> Floats:
    """Whole numbers less `least`, subtracted before they become doubles; nulls as NaN."""
    kind = np.uint64 if pa.types.is_unsigned_integer(array.type) else np.int64
    whole = np.asarray(pc.fill_null(array, 0)).astype(kind)
    floor = kind(least)
    # Modulo 2^64 the difference is right on either side, whatever the sign.
    above, below = (a.astype(np.uint64) - b.astype(np.uint64) for a, b in ((whole, floor), (floor, whole)))
    found = np.where(whole >= floor, above.astype(np.float64), -below.astype(np.float64))
    return np.where(np.asarray(array.is_null()), np.nan, found)


def numbers(array: pa.ChunkedArray) -> Floats:
    """Numbers as they are, times in nanoseconds since 1970 (or since midnight), nulls as NaN."""
    kind, unit = array.type, 1.0
    if pa.types.is_temporal(kind):  # scaled as floats: nanoseconds in 64 bits end with the year 2262
        unit = 86_400e9 if pa.types.is_date32(kind) else _NANOSECONDS[getattr(kind, "unit", "ms")]
        array = array.cast(pa.int32() if kind.bit_width == 32 else pa.int64())
    return np.asarray(array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), dtype=np.float64) * unit


def _plain(array: pa.ChunkedArray, stored: pa.DataType) -> pa.ChunkedArray:
    if array.type != stored:
        array = array.cast(stored)
    return array.cast(stored.value_type) if pa.types.is_dictionary(stored) else array


def _codes(arrays: dict[Part, pa.ChunkedArray]) -> dict[Part, npt.NDArray[Any]]:
    joint = pa.chunked_array([c for a in arrays.values() for c in a.chunks], type=arrays["train"].type)
    words = joint.combine_chunks().dictionary_encode()
    raw = np.asarray(pc.fill_null(words.indices, -1)).astype(np.int32)
    sizes = [len(a) for a in arrays.values()]
    train = raw[: sizes[0]]
    frequency = np.bincount(train[train >= 0], minlength=len(words.dictionary))
    # Ties go by the text, so that the coding does not depend on the order of rows.
    raw_bytes = pa.types.is_binary(words.dictionary.type) or pa.types.is_large_binary(words.dictionary.type)
    named = words.dictionary if raw_bytes else words.dictionary.cast(pa.string())
    order = np.lexsort((np.asarray(pc.rank(named)), -frequency))
    place = np.empty(len(order) + 1, np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    place[-1] = -1
    return dict(zip(arrays, np.split(place[raw], np.cumsum(sizes)[:-1]), strict=True))
