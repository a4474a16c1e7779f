"""Data from declared rules: no real value is needed or looked at, only column names and types."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from generators.base import Generator, Learned
from generators.expressions import Expression, Values, evaluation_order
from generators.faking import check_provider, faker_values, numbered
from generators.storage import read_schema, schema_bytes
from proofset.digest import canonical
from proofset.errors import GeneratorError
from proofset.evidence import ModelCard, Profile
from proofset.progress import Progress, silent
from proofset.seeds import stream
from proofset.spec import (
    CategoryRule,
    ColumnSpec,
    DatetimeRule,
    ExpressionRule,
    FakerRule,
    Frozen,
    LognormalRule,
    NormalRule,
    PoissonRule,
    Rule,
    SequenceRule,
    TableSpec,
    Treatment,
    UniformRule,
)

TRIAL_ROWS = 64
"""Rows made while fitting, so that a rule that cannot work is refused then, and types are known."""


class RulesOptions(Frozen):
    """The generator `rules` has no options: everything stands in the columns' rules."""


class LearnedRules(Learned):
    """The rules themselves, and the schema they fill."""

    def __init__(self, schema: pa.Schema, columns: Mapping[str, ColumnSpec]) -> None:
        self.schema = schema
        self.columns = {name: columns[name] for name in schema.names}

    def draw(self, rows: int, seed: int, progress: Progress) -> pa.Table:
        """Make the columns in the order in which they need each other."""
        values = make_columns(self.columns, rows, seed, progress)
        return pa.table([to_type(n, values[n], self.schema.field(n).type) for n in self.schema.names], self.schema)

    def files(self) -> dict[str, bytes]:
        """Return schema and rules."""
        columns = {name: spec.plain() for name, spec in self.columns.items()}
        return {"schema.arrow": schema_bytes(self.schema), "rules.json": canonical(columns)}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> LearnedRules:
        """Rebuild what `files` returned."""
        columns = {n: ColumnSpec.model_validate(c) for n, c in json.loads(files["rules.json"]).items()}
        return cls(read_schema(files["schema.arrow"]), columns)


class Rules(Generator):
    """Data from rules; see the module."""

    card: ClassVar[ModelCard] = ModelCard(
        generator="rules",
        version="1",
        title="Declared rules",
        method="Each column is drawn from the distribution, word list, sequence or Faker provider its rule names, or "
        "computed from other columns; columns are otherwise independent.",
        licence="Apache-2.0",
        use_when="There is no real data yet, or it must not be touched: test data, simulations, demonstrations.",
        avoid_when="The data must resemble a real table in ways nobody wrote down.",
        privacy="Looks at no real value: nothing of a person can come out that the spec does not say.",
    )
    Options: ClassVar[type[Frozen]] = RulesOptions
    Model: ClassVar[type[Learned]] = LearnedRules
    reads_source: ClassVar[bool] = False

    def schema(self, train: pa.Table, table: TableSpec) -> pa.Schema:
        """The train table's schema where it has columns; else the spec's columns with the types their rules give."""
        if train.schema.names:
            return super().schema(train, table)
        kept = {n: c for n, c in table.columns.items() if c.treatment != Treatment.DROP}
        if not kept:
            raise GeneratorError(
                "There is no column to make.", fix="Declare columns with rules under tables.*.columns."
            )
        ruled = {n: c for n, c in kept.items() if not _faked(c)}
        types = {n: natural_type(v) for n, v in make_columns(ruled, TRIAL_ROWS, 0, silent).items()}
        return pa.schema([(n, types.get(n, pa.string())) for n in kept])

    def fakes(self, schema: pa.Schema, table: TableSpec, profile: Profile) -> tuple[str, ...]:
        """Columns without a rule that the spec, or the profile where there is one, treats as fake."""
        profiled = {c.name for c in profile.columns if c.treatment == Treatment.FAKE}
        specs = {n: table.columns.get(n, ColumnSpec()) for n in schema.names}
        return tuple(n for n, c in specs.items() if _faked(c) or (c.rule is None and n in profiled))

    def learn(self, train: pa.Table, table: TableSpec, profile: Profile, seed: int, progress: Progress) -> LearnedRules:
        """Check the rules by making a few rows. Raises GeneratorError that names the column which cannot be made."""
        schema = self.schema(train, table)
        faked = self.fakes(schema, table, profile)
        shown = pa.schema([f for f in schema if f.name not in faked])
        columns = {n: table.columns.get(n, ColumnSpec()) for n in shown.names}
        learned = LearnedRules(shown, columns)
        learned.draw(TRIAL_ROWS, seed, silent)
        return learned


def _faked(column: ColumnSpec) -> bool:
    return column.rule is None and column.treatment == Treatment.FAKE


def make_columns(columns: Mapping[str, ColumnSpec], rows: int, seed: int, progress: Progress) -> dict[str, Values]:
    """Return every column's values. Raises GeneratorError for a column without a rule, or with one that cannot work."""
    expressions: dict[str, Expression] = {}
    for name, spec in columns.items():
        if spec.rule is None:
            raise GeneratorError(
                f"Column '{name}' has no rule.",
                why="The generator 'rules' makes a column only from a rule, or as a fake.",
                fix=f"Add tables.*.columns.{name}.rule, or set its treatment to fake or drop.",
            )
        if isinstance(spec.rule, ExpressionRule):
            expressions[name] = Expression(spec.rule.expression, name)
    computed = evaluation_order(expressions, list(columns))
    made: dict[str, Values] = {}
    plain = [n for n in columns if n not in expressions]
    for done, name in enumerate([*plain, *computed], 1):
        rng = stream(seed, "sample", "rules", name)
        rule = columns[name].rule
        if name in expressions:
            values = expressions[name].evaluate(made, rows)
        else:
            assert rule is not None  # noqa: S101 - refused above
            values = Values(draw_rule(name, rule, rows, rng), np.zeros(rows, bool))
        missing = values.missing | (rng.random(rows) < columns[name].null_share)
        made[name] = Values(values.data, missing)
        progress("making columns", done / len(columns))
    return made


def draw_rule(name: str, rule: Rule, rows: int, rng: np.random.Generator) -> np.ndarray:
    """Return `rows` values of a rule that needs no other column."""
    match rule:
        case NormalRule():
            values = np.clip(rng.normal(rule.mean, rule.sd, rows), _or(rule.low, -np.inf), _or(rule.high, np.inf))
            return _rounded(values, rule.decimals)
        case UniformRule():
            if rule.decimals == 0:  # every integer alike, the ends too
                low, high = int(np.ceil(rule.low)), int(np.floor(rule.high))
                return rng.integers(low, max(low, high), size=rows, endpoint=True)
            return _rounded(rng.uniform(rule.low, rule.high, rows), rule.decimals).clip(rule.low, rule.high)
        case LognormalRule():
            return _rounded(rng.lognormal(rule.mean, rule.sd, rows), rule.decimals)
        case PoissonRule():
            return rng.poisson(rule.mean, rows).astype(np.int64)
        case CategoryRule():
            weights = np.array(list(rule.weights.values()))
            return np.array(list(rule.weights), dtype=object)[rng.choice(len(weights), rows, p=weights / weights.sum())]
        case SequenceRule():
            return _sequence(name, rule, rows)
        case DatetimeRule():
            start, end = _moment(name, rule.start), _moment(name, rule.end)
            if start > end:
                raise GeneratorError(f"Column '{name}': its rule ends before it starts.", fix="Exchange start and end.")
            seconds = int((end - start) / np.timedelta64(1, "s"))
            return start + rng.integers(0, seconds, size=rows, endpoint=True) * np.timedelta64(1_000_000, "us")
        case FakerRule():
            check_provider(rule.provider, name, rule.locale)
            values = np.array(faker_values(rule.provider, rule.locale, rows, rng), dtype=object)
            return numbered(values) if rule.unique else values
    raise GeneratorError(f"Column '{name}': an expression needs the other columns.")


def _or(bound: float | None, otherwise: float) -> float:
    return otherwise if bound is None else bound


def _rounded(values: np.ndarray, decimals: int | None) -> np.ndarray:
    if decimals is None:
        return values
    return np.rint(values).clip(-(2.0**62), 2.0**62).astype(np.int64) if decimals == 0 else np.round(values, decimals)


def _sequence(name: str, rule: SequenceRule, rows: int) -> np.ndarray:
    numbers = rule.start + rule.step * np.arange(rows)
    if rule.format is None:
        return numbers
    try:
        return np.array([rule.format.format(int(n)) for n in numbers], dtype=object)
    except (ValueError, IndexError, KeyError, AttributeError, TypeError):
        raise GeneratorError(
            f"Column '{name}': its sequence's format cannot be filled with a number.",
            fix='Write one pair of braces, such as "CUST-{:06d}".',
        ) from None


def _moment(name: str, text: str) -> np.datetime64:
    try:
        return np.datetime64(datetime.datetime.fromisoformat(text).replace(tzinfo=None), "us")
    except ValueError:
        raise GeneratorError(
            f"Column '{name}': its rule holds a date that is none.", fix='Write ISO dates, such as "2024-01-31".'
        ) from None


def natural_type(values: Values) -> pa.DataType:
    """The Arrow type of a rule's values where no train table says otherwise."""
    if values.kind == "number":
        return pa.int64() if values.data.dtype.kind == "i" else pa.float64()
    return {"truth": pa.bool_(), "moment": pa.timestamp("us"), "text": pa.string()}[values.kind]


def to_type(name: str, values: Values, kind: pa.DataType) -> pa.Array:
    """Return the values as the Arrow type `kind`; numbers are rounded for a column of integers."""
    data: Any = values.data
    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    if values.kind == "number" and data.dtype.kind == "f" and pa.types.is_integer(inner):
        data = np.rint(np.where(values.missing, 0.0, data))
    array = pa.array(data, type=natural_type(values), mask=values.missing)
    try:
        if pa.types.is_decimal(inner) and pa.types.is_integer(array.type):
            array = array.cast(pa.decimal256(76, inner.scale))  # Arrow wants room for any int64
        if array.type != inner:
            array = array.cast(inner, safe=not (pa.types.is_temporal(inner) or pa.types.is_floating(inner)))
        return array.dictionary_encode().cast(kind) if pa.types.is_dictionary(kind) else array
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise GeneratorError(
            f"Column '{name}': its rule gives {natural_type(values)}, which does not fit its type {kind}.",
            fix=f"Correct tables.*.columns.{name}.rule, or the column's type.",
        ) from None
