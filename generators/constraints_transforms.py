"""Transforms: constraints that are made impossible to break, by showing the generator other columns.

Columns whose combinations are fixed become one category; a total is left out and added up again; of two moments that
lie close together, the later one becomes the time between them. What was drawn is turned back.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from generators.coding_numbers import to_arrow
from proofset.constraints_numbers import EXACT, InequalityConstraint, SumConstraint
from proofset.constraints_sets import joint_codes, row_codes
from proofset.constraints_values import any_nulls, flat, listed, nulls, numbers, typed
from proofset.evidence import MIN_COUNT, ColumnProfile, Profile
from proofset.rows import Rows
from proofset.seeds import stream
from proofset.spec import ColumnSpec, SemanticType, TableSpec

MOST = 2_000
"""Combinations up to which they become one category."""
CLOSE = 0.5
"""The gap is shown where its spread is at most this share of the later column's, and so finer than that one's bins."""
HEAPED = 0.05
"""... and where at most this share more rows of the later column than of the gap lie on frequent values."""
MANY = 128
"""A column of fewer different values is coded value by value, and needs no gap."""
KEPT = 0.95
"""Share of train rows that must keep a constraint before its columns are changed for it."""
SPREAD = (5, 95)
"""Percentiles between which a spread is measured."""
DECIMALS = 12


class Transform(ABC):
    """A change of columns and its inverse.

    kind: the name in a saved model.  takes: columns it replaces.  gives: the column in their place, if any.
    needs: columns that must be there to turn it back.
    """

    kind: ClassVar[str]
    takes: tuple[str, ...]
    gives: pa.Field | None = None
    needs: tuple[str, ...] = ()

    @abstractmethod
    def shown(self, rows: Rows) -> pa.ChunkedArray:
        """The new column."""

    @abstractmethod
    def back(self, table: pa.Table) -> list[pa.Array]:
        """The replaced columns, in the order of `takes`, from a table that was drawn."""

    @abstractmethod
    def plain(self) -> dict[str, Any]:
        """JSON-ready data from which `rebuild` makes it again."""

    @classmethod
    @abstractmethod
    def rebuild(cls, plain: Mapping[str, Any], schema: pa.Schema) -> Transform:
        """Return the transform that `plain` describes, for columns of this schema."""

    def schema(self, schema: pa.Schema) -> pa.Schema:
        """The schema after the change: the new column stands last."""
        fields = [f for f in schema if f.name not in self.takes]
        return pa.schema(fields if self.gives is None else [*fields, self.gives])

    def described(self, table: TableSpec, profile: Profile) -> tuple[TableSpec, Profile]:
        """Spec and profile after the change."""
        columns = {n: c for n, c in table.columns.items() if n not in self.takes}
        seen = [c for c in profile.columns if c.name not in self.takes]
        if self.gives is not None:
            words = pa.types.is_large_string(self.gives.type)
            meaning = SemanticType.CATEGORY if words else SemanticType.NUMBER
            columns[self.gives.name] = ColumnSpec(type=meaning)
            facts = {"storage": str(self.gives.type), "semantic": meaning, "guessed": meaning, "nullable": True}
            seen.append(ColumnProfile(name=self.gives.name, **facts, null_share=0.0, distinct=0, unique=False))
        target = None if table.target in self.takes else table.target
        return (
            table.model_copy(update={"columns": columns, "target": target}),
            profile.model_copy(update={"columns": tuple(seen)}),
        )


class TransformedRows:
    """Rows after a transform; a column is made when it is asked for."""

    def __init__(self, rows: Rows, transform: Transform, names: Sequence[str] | None = None) -> None:
        self._rows, self._transform = rows, transform
        whole = transform.schema(rows.schema)
        self.schema = whole if names is None else pa.schema([whole.field(n) for n in names])
        self.num_rows = rows.num_rows
        self.column_names: list[str] = self.schema.names

    def column(self, name: str) -> pa.ChunkedArray:
        """One column."""
        if self._transform.gives is not None and name == self._transform.gives.name:
            return self._transform.shown(self._rows)
        return self._rows.column(name)

    def select(self, names: Sequence[str]) -> TransformedRows:
        """The same rows with these columns only."""
        return TransformedRows(self._rows, self._transform, names)


class Joint(Transform):
    """Columns as one category, named by a number. A row with a combination that is not kept is given one that is,
    drawn as often as they occur.

    combinations: those kept.  weights: train rows of each.
    """

    kind = "joint"

    def __init__(self, combinations: pa.Table, weights: Sequence[int], seed: int) -> None:
        self.combinations = combinations
        self.weights = list(weights)
        self.seed = seed
        self.takes = tuple(combinations.column_names)
        self.gives = pa.field(" & ".join(self.takes), pa.large_string())

    @classmethod
    def learn(
        cls, rows: Rows, columns: Sequence[str], keeps: Callable[[pa.Table, np.ndarray], np.ndarray], seed: int
    ) -> Joint | None:
        """Learn the combinations; None where there are none or too many.

        keeps: which rows of a table of combinations, each with its number of train rows, are kept.
        """
        table = pa.table({n: flat(rows.column(n)) for n in columns})
        counted = table.group_by(list(columns)).aggregate([([], "count_all")])
        found, weights = counted.select(list(columns)), np.asarray(counted["count_all"])
        kept = np.flatnonzero(keeps(found, weights))
        if not 0 < len(kept) <= MOST or weights[kept].sum() < KEPT * rows.num_rows:
            return None
        words = [listed(found[n].take(kept)) for n in columns]
        order = sorted(range(len(kept)), key=lambda i: [str(w[i]) for w in words])
        schema = rows.schema
        arrays = [_typed([w[i] for i in order], schema.field(n).type) for n, w in zip(columns, words, strict=True)]
        return cls(pa.table(arrays, names=list(columns)), weights[kept][order].tolist(), seed)

    def shown(self, rows: Rows) -> pa.ChunkedArray:
        """The number of each row's combination."""
        pairs = [(flat(self.combinations[n]), flat(rows.column(n))) for n in self.takes]
        codes = joint_codes([row_codes(pa.concat_arrays([known, seen])) for known, seen in pairs])
        known, seen = codes[: len(self.weights)], codes[len(self.weights) :]
        order = np.argsort(known)
        place = np.searchsorted(known[order], seen).clip(0, len(known) - 1)
        found = order[place]
        lost = np.flatnonzero(known[found] != seen)
        share = np.cumsum(self.weights)
        rng = stream(self.seed, "constraints", "joint", *self.takes)
        found[lost] = np.searchsorted(share, rng.random(len(lost)) * share[-1], side="right").clip(0, len(share) - 1)
        return pa.chunked_array([pa.array(self._names()).take(pa.array(found))])

    def _names(self) -> pa.Array:
        return pa.array([f"{i:05d}" for i in range(len(self.weights))], pa.large_string())

    def back(self, table: pa.Table) -> list[pa.Array]:
        """The combinations; what a generator made up stands for the most frequent one."""
        places = pc.index_in(flat(table[self.takes_name]).cast(pa.large_string()), self._names())
        places = pc.fill_null(places, int(np.argmax(self.weights)))
        return [self.combinations[n].combine_chunks().take(places) for n in self.takes]

    @property
    def takes_name(self) -> str:
        """The name of the new column."""
        return str(self.gives.name) if self.gives is not None else ""

    def plain(self) -> dict[str, Any]:
        """Combinations and weights."""
        words = {n: listed(self.combinations[n]) for n in self.takes}
        return {
            "kind": self.kind,
            "columns": list(self.takes),
            "words": words,
            "weights": self.weights,
            "seed": self.seed,
        }

    @classmethod
    def rebuild(cls, plain: Mapping[str, Any], schema: pa.Schema) -> Joint:
        """Return the transform."""
        columns = plain["columns"]
        arrays = [_typed(plain["words"][n], schema.field(n).type) for n in columns]
        return cls(pa.table(arrays, names=columns), plain["weights"], plain["seed"])


class Total(Transform):
    """A sum's total, or its last part where the total is a number: left out, and computed from the others.

    signs: by column that is added (1) or taken away (-1).  constant: what they are added to.  decimals: of the result.
    """

    kind = "total"

    def __init__(self, field: pa.Field, signs: Mapping[str, int], constant: float, decimals: int | None) -> None:
        self.field, self.signs, self.constant, self.decimals = field, dict(signs), constant, decimals
        self.takes = (field.name,)
        self.needs = tuple(signs)

    @classmethod
    def learn(cls, rows: Rows, constraint: SumConstraint) -> Total | None:
        """None where too many rows break the sum, or the column is null where its parts are not or the reverse."""
        parts = list(constraint.columns)
        if isinstance(constraint.total, str):
            target, signs, constant = constraint.total, dict.fromkeys(parts, 1), 0.0
        else:
            target, signs, constant = parts[-1], dict.fromkeys(parts[:-1], -1), float(constraint.total)
        table = pa.table({n: rows.column(n) for n in constraint.uses})
        if not signs or constraint.violations(table).mean() > 1 - KEPT:
            return None
        if (nulls(table[target]) != any_nulls(table, signs)).any():
            return None
        values = numbers(table[target])
        return cls(rows.schema.field(target), signs, constant, _places(values))

    def shown(self, rows: Rows) -> pa.ChunkedArray:
        """Nothing takes the column's place."""
        raise KeyError(self.field.name)

    def back(self, table: pa.Table) -> list[pa.Array]:
        """The computed column."""
        return [added(table, self.signs, self.constant, self.decimals, self.field.type)]

    def plain(self) -> dict[str, Any]:
        """Everything."""
        facts = {"column": self.field.name, "signs": self.signs, "constant": self.constant, "decimals": self.decimals}
        return {"kind": self.kind, **facts}

    @classmethod
    def rebuild(cls, plain: Mapping[str, Any], schema: pa.Schema) -> Total:
        """Return the transform."""
        return cls(schema.field(plain["column"]), plain["signs"], plain["constant"], plain["decimals"])


class Gap(Transform):
    """The later of two columns as what it exceeds the earlier one by, in the unit they are stored in."""

    kind = "gap"

    def __init__(self, field: pa.Field, low: str, least: int) -> None:
        self.field, self.low, self.least = field, low, least
        self.takes, self.needs = (field.name,), (low,)
        self.gives = pa.field(f"{field.name} - {low}", pa.int64())

    @classmethod
    def learn(cls, rows: Rows, constraint: InequalityConstraint) -> Gap | None:
        """None where the gap would not be finer than the later column itself, or either is stored in another way."""
        field = rows.schema.field(constraint.high)
        kind = field.type
        whole = pa.types.is_integer(kind) and not pa.types.is_uint64(kind)
        dated = pa.types.is_timestamp(kind) or pa.types.is_date(kind)
        if rows.schema.field(constraint.low).type != kind or not (whole or dated):
            return None
        table = pa.table({n: rows.column(n) for n in constraint.uses})
        low_missing, high_missing = nulls(table[constraint.low]), nulls(table[constraint.high])
        low, high = (numbers(table[n])[~high_missing] for n in constraint.uses)
        if (low_missing & ~high_missing).any() or len(np.unique(high)) <= MANY:
            return None
        if constraint.violations(table).mean() > 1 - KEPT:
            return None
        spreads = [float(np.subtract(*np.percentile(v.astype(float), SPREAD[::-1]))) for v in (high - low, high)]
        if spreads[0] > CLOSE * spreads[1] or _heaped(high) > _heaped(high - low) + HEAPED:
            return None
        return cls(field, constraint.low, int(constraint.strict))

    def shown(self, rows: Rows) -> pa.ChunkedArray:
        """The gaps, at least `least`; null where the later column is."""
        high, low = rows.column(self.field.name), rows.column(self.low)
        gap = np.maximum(numbers(high) - numbers(low), self.least)
        return pa.chunked_array([pa.array(gap, mask=nulls(high) | nulls(low))])

    def back(self, table: pa.Table) -> list[pa.Array]:
        """The earlier column and the gap, added."""
        gap, low = table[f"{self.field.name} - {self.low}"], table[self.low]
        later = numbers(low) + np.maximum(numbers(gap), self.least)
        return [to_arrow(later, nulls(gap) | nulls(low), self.field.type)]

    def plain(self) -> dict[str, Any]:
        """Everything."""
        return {"kind": self.kind, "column": self.field.name, "low": self.low, "least": self.least}

    @classmethod
    def rebuild(cls, plain: Mapping[str, Any], schema: pa.Schema) -> Gap:
        """Return the transform."""
        return cls(schema.field(plain["column"]), plain["low"], plain["least"])


TRANSFORMS: dict[str, type[Transform]] = {t.kind: t for t in (Joint, Total, Gap)}


def added(
    table: pa.Table, signs: Mapping[str, int], constant: float, decimals: int | None, kind: pa.DataType
) -> pa.Array:
    """constant + the columns times their signs, as an array of type `kind`; null where one of them is."""
    parts = [s * numbers(table[n]).astype(float) for n, s in signs.items()]
    missing = any_nulls(table, signs)
    whole = all(numbers(table[n]).dtype.kind == "i" for n in signs) and float(constant).is_integer()
    if whole and all(np.abs(p).max(initial=0.0) * (len(parts) + 1) < EXACT for p in parts):
        exact = [s * numbers(table[n]) for n, s in signs.items()]
        total = np.sum(exact, axis=0) + int(constant)
    else:
        total = np.sum(parts, axis=0) + constant
        total = total if decimals is None else np.round(total, decimals)
    total = np.where(missing, 0, total)
    total = np.rint(total).astype(np.int64) if pa.types.is_integer(kind) else total.astype(float)
    return to_arrow(total, missing, kind)


def _heaped(values: np.ndarray) -> float:
    """Share of rows that lie on values which at least MIN_COUNT rows, and one in a thousand, share."""
    counts = np.unique(values, return_counts=True)[1]
    return float(counts[counts >= max(MIN_COUNT, len(values) / 1_000)].sum() / max(1, len(values)))


def _places(values: np.ndarray) -> int | None:
    if values.dtype.kind != "f":
        return 0
    return next((d for d in range(DECIMALS + 1) if np.array_equal(np.round(values, d), values)), None)


def _typed(words: Sequence[object], kind: pa.DataType) -> pa.Array:
    """Listed values in a column's own type, dictionary and all."""
    array = typed(words, kind)
    return array.dictionary_encode().cast(kind) if pa.types.is_dictionary(kind) else array
