"""Conditions against constraints, before training: a spec's `steer.where` that no row can meet while it keeps the
constraints is refused at fit, not when sampling finds it out.

Bounds are compared without data where they can be: a range with the declared min, max and values and with the
constraints, null with `not_null`. The rest is asked of the train part: some row must meet and keep all of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from generators.coding import Codec, learn_categories
from generators.coding_numbers import NumberCodec, from_arrow, to_arrow
from generators.trees_conditions import INT, Column, Wanted
from proofset.constraints import (
    ConstraintBase,
    NotNullConstraint,
    NullTogetherConstraint,
    NullWhenConstraint,
    UniqueConstraint,
    titles,
    violations,
)
from proofset.constraints_bounds import Declared, impossible
from proofset.constraints_numbers import RangeConstraint
from proofset.errors import GeneratorError
from proofset.rows import Rows
from proofset.spec import ColumnSpec, TableSpec
from proofset.steering import Condition

ABOUT_NULLS = (NotNullConstraint, NullWhenConstraint, NullTogetherConstraint)
NO_NUMBERS = ("weights", "start", "stop", "ranks", "knots")


@dataclass(frozen=True)
class Asked:
    """A condition as the train part's column sees it. meets: by row."""

    column: Column
    wanted: Wanted
    meets: np.ndarray

    @property
    def place(self) -> str:
        """The field of the spec."""
        return f"generator.steer.where.{self.column.name}"

    @property
    def words(self) -> tuple[str, ...] | None:
        """The words it allows, where it is about words and null is none of them."""
        if self.column.is_number or self.wanted.missing:
            return None
        return tuple(w for low, high in self.wanted.spans for w in self.column.words[int(low) : int(high) + 1])

    @property
    def implied(self) -> ConstraintBase | None:
        """The range or the lack of a value that it stands for, if any."""
        name, spans = self.column.name, self.wanted.spans
        if self.wanted.missing:
            return None if len(spans) else NullWhenConstraint(kind="null_when", columns=(name,), when="1 == 1")
        if not self.column.is_number or not len(spans):
            return None
        low, high = self._written(spans[0, 0]), self._written(spans[-1, 1])
        if (low is None and high is None) or pa.types.is_duration(self.column.inner):
            return None
        return RangeConstraint(kind="range", column=name, min=low, max=high)

    def _written(self, value: float) -> float | str | None:
        """A bound as a constraint would write it; None for the end of what the type holds."""
        if value in (INT.min, INT.max) or math.isinf(value):
            return None
        if not pa.types.is_temporal(self.column.inner):
            return float(value) / float(self.column.unit)
        try:
            moment = to_arrow(np.array([value]), np.zeros(1, bool), self.column.inner)[0].as_py()
        except (ValueError, OverflowError):  # beyond the years that have a text
            return None
        return str(moment.isoformat())


def refuse_contradiction(
    where: Mapping[str, Condition], constraints: Sequence[ConstraintBase], rows: Rows, table: TableSpec
) -> None:
    """Raise GeneratorError where no row can meet the conditions and keep the constraints, with the fewest that clash.

    rows: the train part's learned columns. Constraints about other columns are left out, and so are conditions that the
    generator itself will refuse.
    """
    specs = table.columns
    seen = {n: _asked(n, c, rows, specs.get(n, ColumnSpec())) for n, c in where.items() if n in rows.schema.names}
    asked = [a for a in seen.values() if a is not None]
    named = dict(zip(titles(constraints), constraints, strict=True))
    learned = {t: c for t, c in named.items() if set(c.uses) <= set(rows.schema.names)}
    _refuse_bounds(asked, learned, rows, specs)
    _refuse_rows(asked, {t: c for t, c in learned.items() if not isinstance(c, UniqueConstraint)}, rows)


def _asked(name: str, condition: Condition, rows: Rows, spec: ColumnSpec) -> Asked | None:
    """The condition on the train part; None where it cannot be read, which the generator says better."""
    data = rows.column(name)
    kind = data.type.value_type if pa.types.is_dictionary(data.type) else data.type
    number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    try:
        codec: Codec
        if number or pa.types.is_temporal(kind):
            values, missing = from_arrow(data)
            none = dict.fromkeys(NO_NUMBERS, np.zeros(0)) | {"atoms": values[:0]}
            column = Column(name, NumberCodec(none, decimals=None, step=1, has_missing=False), data.type)
        else:
            codec, _ = learn_categories(name, data, spec)  # only words that may be written are looked for
            column = Column(name, codec, data.type)
            values, missing = column.read(data.cast(kind).combine_chunks())
        wanted = column.wanted(condition, f"generator.steer.where.{name}")
    except GeneratorError:
        return None
    return Asked(column, wanted, wanted.holds(values, missing))


def _refuse_bounds(
    asked: Sequence[Asked], constraints: Mapping[str, ConstraintBase], rows: Rows, specs: Mapping[str, ColumnSpec]
) -> None:
    """What needs no data. A column that may be null escapes its bounds, so that constraints about it say nothing."""
    full = {n for c in constraints.values() for n in c.uses if not rows.column(n).null_count}
    items: dict[str, Asked | ConstraintBase] = {**{a.place: a for a in asked}, **constraints}

    def clash(chosen: Sequence[str]) -> str | None:
        declared: Declared = {n: (s.min, s.max, s.values) for n, s in specs.items()}
        there = full | {i.column.name for n in chosen if isinstance(i := items[n], Asked) and not i.wanted.missing}
        held: list[ConstraintBase] = []
        for item in (items[name] for name in chosen):
            if isinstance(item, ConstraintBase):
                held += [item] if isinstance(item, ABOUT_NULLS) or set(item.uses) <= there else []
                continue
            held += [item.implied] if item.implied is not None else []
            name, words = item.column.name, item.words
            if words is not None:
                low, high, values = declared.get(name, (None, None, None))
                words = tuple(w for w in words if values is None or w in values)
                if not words:
                    return f"None of the values listed for '{name}' meets it."
                declared = {**declared, name: (low, high, words)}
        return impossible(held, rows.schema, declared)

    why = clash(list(items))
    if why is None or clash(list(constraints)) is not None:  # without a condition it is no contradiction to one
        return
    raise _contradiction(_fewest(list(items), lambda chosen: clash(chosen) is not None), why)


def _refuse_rows(asked: Sequence[Asked], constraints: Mapping[str, ConstraintBase], rows: Rows) -> None:
    """What the train part says. Where no row meets all conditions, as beyond the values seen, each constraint is
    looked at beside the conditions on its own columns."""
    used = sorted({n for c in constraints.values() for n in c.uses})
    if not asked or not used:
        return
    broken = violations(list(constraints.values()), pa.table({n: rows.column(n) for n in used}))
    fit = {a.place: a.meets for a in asked} | {t: ~b for t, b in zip(constraints, broken, strict=True)}

    def clash(chosen: Sequence[str]) -> bool:
        return not np.logical_and.reduce([fit[name] for name in chosen]).any()

    every = [a.place for a in asked]
    groups = [[*constraints, *every]]
    if clash(every):
        near = {t: [a.place for a in asked if a.column.name in c.uses] for t, c in constraints.items()}
        groups = [[title, *own] for title, own in near.items() if own and not clash(own)]
    for group in groups:
        if clash(group):
            why = "No row of the train part meets the conditions and keeps the constraints."
            raise _contradiction(_fewest(group, clash), why)


def _fewest(names: Sequence[str], clash: Callable[[Sequence[str]], bool]) -> list[str]:
    """Those of the names that clash with none of them needless."""
    left = list(names)
    for name in names:
        fewer = [n for n in left if n != name]
        if fewer and clash(fewer):
            left = fewer
    return left


def _contradiction(names: Sequence[str], why: str) -> GeneratorError:
    conditions = sorted(n for n in names if n.startswith("generator.steer.where."))
    others = [n for n in names if n not in conditions]
    against = f"the constraint{'s' * (len(others) > 1)} {', '.join(others)}" if others else "what the spec declares"
    return GeneratorError(
        f"No row can meet {', '.join(conditions)} and keep {against}.",
        why=why,
        fix="Widen or leave out the condition, or loosen the constraint, or correct min, max and values of the column.",
    )
