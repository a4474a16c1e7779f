"""Data from declared rules: no real value is needed or looked at, only column names and types."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa

from generators.base import Generator, Learned
from generators.blocks import Block
from generators.rules_defects import inject, log_columns
from generators.rules_drift import added, drifted, names_before
from generators.rules_plan import Plan
from generators.storage import read_schema, schema_bytes
from proofset.digest import canonical
from proofset.errors import GeneratorError
from proofset.evidence import ModelCard, Profile
from proofset.progress import Progress
from proofset.rules import DateRule
from proofset.rules_table import TableRules
from proofset.spec import ColumnSpec, Frozen, TableSpec, Treatment
from proofset.values import Values

TRIAL_ROWS = 64
"""Rows made while fitting, so that a rule that cannot work is refused then, and types are known."""


class RulesOptions(Frozen):
    """The generator `rules` has no options: everything stands in the columns' rules."""


class Maker:
    """Makes whole tables: draws by the plan, injects defects, writes the log, lets the schema drift.

    columns: by name, each with a rule.  natural: the Arrow type of each column of the result, by its rules alone.

    Raises GeneratorError, naming column and field, where the rules cannot work.
    """

    def __init__(self, columns: Mapping[str, ColumnSpec], rules: TableRules) -> None:
        self.rules = rules
        self.plan = Plan({**columns, **added(rules.drift, columns)}, rules)
        for name in (rules.defect_log, rules.defect_cells):
            if name is not None and name in self.plan.columns:
                raise GeneratorError(
                    f"The log of defects cannot be called '{name}'.",
                    why="That is a column already.",
                    fix="Correct tables.*.rules.defect_log or defect_cells.",
                )
        trial = Block(number=0, first=0, rows=min(TRIAL_ROWS, self.plan.most or TRIAL_ROWS), seed=0)
        made = self.make(trial, None)
        before = names_before(rules.drift, list(made))
        self.natural = {n: self._natural(before[n], values) for n, values in made.items()}

    def _natural(self, name: str, values: Values) -> pa.DataType:
        spec = self.plan.columns.get(name, ColumnSpec())
        dates = isinstance(spec.rule, DateRule) and values.kind == "moment"
        return pa.date32() if dates else natural_type(values)

    def make(self, block: Block, schema: pa.Schema | None) -> dict[str, Values]:
        """Return the block's columns. schema: the types they are meant for, where they are known."""
        made = self.plan.make(block)
        made, hits = inject(self.rules.defects, made, block, schema)
        log, cells = log_columns(hits, block.rows)
        if self.rules.defect_log is not None:
            made[self.rules.defect_log] = log
        if self.rules.defect_cells is not None:
            made[self.rules.defect_cells] = cells
        return drifted(self.rules.drift, made)


class LearnedRules(Learned):
    """The rules themselves, and the schema they fill."""

    def __init__(self, schema: pa.Schema, columns: Mapping[str, ColumnSpec], rules: TableRules) -> None:
        self.schema = schema
        self.columns = dict(columns)
        self.rules = rules
        self.maker = Maker(columns, rules)
        before = names_before(rules.drift, schema.names)
        # Defects are put in before the drift: they see the types under the earlier names.
        types = {before[f.name]: f.type for f in schema}
        self._early = pa.schema([(n, types.get(n, pa.int64())) for n in self.maker.plan.columns])

    @property
    def redraw(self) -> Literal["any", "same_place", "never"]:
        """A sequence depends on the row's place, an event on the events before it."""
        return "same_place" if self.rules.events is None else "never"

    def check(self, rows: int) -> None:
        """Refuse more rows than there are unique values."""
        self.maker.plan.check(rows)

    def draw(self, block: Block) -> pa.Table:
        """Make the columns in the order in which they need each other."""
        values = self.maker.make(block, self._early)
        return pa.table([to_type(n, values[n], self.schema.field(n).type) for n in self.schema.names], self.schema)

    def files(self) -> dict[str, bytes]:
        """Return schema and rules."""
        columns = [[name, spec.plain()] for name, spec in self.columns.items()]
        rules = {"columns": columns, "rules": self.rules.plain()}
        return {"schema.arrow": schema_bytes(self.schema), "rules.json": canonical(rules)}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> LearnedRules:
        """Rebuild what `files` returned."""
        saved = json.loads(files["rules.json"])
        columns = {n: ColumnSpec.model_validate(c) for n, c in saved["columns"]}
        return cls(read_schema(files["schema.arrow"]), columns, TableRules.model_validate(saved["rules"]))


class Rules(Generator):
    """Data from rules; see the module."""

    card: ClassVar[ModelCard] = ModelCard(
        generator="rules",
        version="2",
        title="Declared rules",
        method="Each column is drawn from the distribution, words, pattern, sequence or provider its rule names, or "
        "computed from other columns. Stated rank correlations come from a Gaussian copula, event logs from a Markov "
        "chain, uniqueness from a permutation of row numbers; columns are otherwise independent.",
        paper="Nelsen 2006, An Introduction to Copulas, doi:10.1007/0-387-28678-0; Black, Rogaway 2002, "
        "doi:10.1007/3-540-45760-7_9",
        licence="Apache-2.0",
        use_when="There is no real data yet, or it must not be touched: test data, simulations, demonstrations.",
        avoid_when="The data must resemble a real table in ways nobody wrote down.",
        privacy="Looks at no real value: nothing of a person can come out that the spec does not say.",
    )
    Options: ClassVar[type[Frozen]] = RulesOptions
    Model: ClassVar[type[Learned]] = LearnedRules
    reads_source: ClassVar[bool] = False

    def schema(self, train: pa.Table, table: TableSpec) -> pa.Schema:
        """The train table's schema where it has columns, and the log of defects; else the spec's columns with the
        types their rules give. The spec's own drift is part of it."""
        rules = table.rules or TableRules()
        if train.schema.names:
            if rules.drift:
                raise GeneratorError(
                    "rules.drift is for tables made from the spec alone.",
                    why="Here a source says what the schema is, and a synthetic table must keep it.",
                    fix="Leave out tables.*.path or tables.*.rules.drift.",
                )
            logs = [(rules.defect_log, pa.bool_()), (rules.defect_cells, pa.string())]
            fields = [f for f in super().schema(train, table) if f.name not in {n for n, _ in logs}]
            return pa.schema([*fields, *(pa.field(n, kind) for n, kind in logs if n is not None)])
        kept = {n: c for n, c in table.columns.items() if c.treatment != Treatment.DROP}
        if not kept:
            raise GeneratorError(
                "There is no column to make.", fix="Declare columns with rules under tables.*.columns."
            )
        ruled = {n: c for n, c in kept.items() if not _faked(c, n, rules)}
        if not ruled:
            return pa.schema([(n, pa.string()) for n in kept])
        natural = Maker(ruled, rules).natural
        faked = [n for n in kept if n not in ruled]
        clash = sorted(set(faked) & set(natural))
        if clash:
            raise GeneratorError(
                f"rules.drift: column '{clash[0]}' is there already.", fix="Correct tables.*.rules.drift."
            )
        if rules.drift:
            return pa.schema([*natural.items(), *((n, pa.string()) for n in faked)])
        return pa.schema([(n, natural.pop(n, pa.string())) for n in kept] + list(natural.items()))

    def fakes(self, schema: pa.Schema, table: TableSpec, profile: Profile) -> tuple[str, ...]:
        """Columns without a rule that the spec, or the profile where there is one, treats as fake."""
        rules = table.rules or TableRules()
        profiled = {c.name for c in profile.columns if c.treatment == Treatment.FAKE}
        made = {rules.events.state} if rules.events else set()
        specs = {n: table.columns.get(n, ColumnSpec()) for n in schema.names if n not in made}
        return tuple(n for n, c in specs.items() if _faked(c, n, rules) or (c.rule is None and n in profiled))

    def learn(self, train: pa.Table, table: TableSpec, profile: Profile, seed: int, progress: Progress) -> LearnedRules:
        """Check the rules by making a few rows. Raises GeneratorError that names the column which cannot be made."""
        rules = table.rules or TableRules()
        schema = self.schema(train, table)
        faked = self.fakes(schema, table, profile)
        shown = pa.schema([f for f in schema if f.name not in faked])
        if train.schema.names:
            logs = {rules.defect_log, rules.defect_cells}
            columns = {n: table.columns.get(n, ColumnSpec()) for n in shown.names if n not in logs}
        else:
            kept = {n: c for n, c in table.columns.items() if c.treatment != Treatment.DROP}
            columns = {n: c for n, c in kept.items() if not _faked(c, n, rules)}
        learned = LearnedRules(shown, columns, rules)
        most = learned.maker.plan.most
        learned.draw(Block(number=0, first=0, rows=min(TRIAL_ROWS, most or TRIAL_ROWS), seed=0))
        return learned


def _faked(column: ColumnSpec, name: str, rules: TableRules) -> bool:
    made = rules.events is not None and rules.events.state == name
    return column.rule is None and column.treatment == Treatment.FAKE and not made


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
    mask = values.missing if values.missing.any() else None
    array = pa.array(data, type=natural_type(values), mask=mask)
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
