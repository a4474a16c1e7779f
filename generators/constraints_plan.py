"""Before training: are the constraints about columns that are there, can they hold together, does the train part keep
them, and which can be made impossible to break."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from generators.constraints import Held
from generators.constraints_transforms import Gap, Joint, Total, Transform, TransformedRows
from generators.constraints_where import refuse_contradiction
from proofset.constraints import (
    ConstraintBase,
    FixedCombinationsConstraint,
    FormatConstraint,
    InequalityConstraint,
    NotNullConstraint,
    NullTogetherConstraint,
    NullWhenConstraint,
    OneHotConstraint,
    SumConstraint,
    UniqueConstraint,
    learned,
    titles,
    violations,
)
from proofset.constraints_bounds import Declared, capacity, smallest_conflict
from proofset.constraints_sets import among
from proofset.constraints_values import any_nulls
from proofset.errors import GeneratorError
from proofset.evidence import MIN_COUNT, Profile
from proofset.rows import Rows
from proofset.spec import ColumnSpec, TableSpec, Treatment
from proofset.steering import Steering


@dataclass(frozen=True)
class Planned:
    """What follows from the constraints.

    held: what sampling holds rows to.  rows, table, profile: what the generator learns from.
    """

    held: Held
    rows: Rows
    table: TableSpec
    profile: Profile


def for_fakes(table: TableSpec, profile: Profile, faked: Collection[str]) -> tuple[TableSpec, Profile]:
    """Spec and profile with what constraints say about single faked columns: never null, unique."""
    filled = {c for n in table.constraints if isinstance(n, NotNullConstraint) and n.when is None for c in n.columns}
    alone = {n.columns[0] for n in table.constraints if isinstance(n, UniqueConstraint) and len(n.columns) == 1}
    columns = dict(table.columns)
    for name in (filled | alone) & set(faked):
        spec = columns.get(name, ColumnSpec())
        null_share = 0.0 if name in filled else spec.null_share
        columns[name] = spec.model_copy(update={"unique": spec.unique or name in alone, "null_share": null_share})
    seen = [
        c.model_copy(update={"null_share": 0.0, "nullable": False}) if c.name in filled & set(faked) else c
        for c in profile.columns
    ]
    return table.model_copy(update={"columns": columns}), profile.model_copy(update={"columns": tuple(seen)})


def plan(
    rows: Rows,
    schema: pa.Schema,
    faked: Collection[str],
    table: TableSpec,
    profile: Profile,
    seed: int,
    *,
    real: bool,
    change: bool,
    steer: Steering | None = None,
) -> Planned:
    """Check the constraints and change the columns shown for them.

    rows: the train part's learned columns.  schema: of the synthetic table.  real: whether the generator looks at
    values; without, nothing is asked of them, either.  change: whether columns may be changed; steered ones are not.

    Raises GeneratorError for a column that is not there or of a wrong type, and for constraints that cannot hold
    together or under the conditions of `steer`, with the fewest that cannot.
    """
    if not table.constraints:
        if real and steer and steer.where:
            refuse_contradiction(steer.where, (), rows, table)
        return Planned(Held(), rows, table, profile)
    declared: Declared = {n: (c.min, c.max, c.values) for n, c in table.columns.items()}
    for constraint in table.constraints:
        _refuse_columns(constraint, schema, faked, table)
    found = smallest_conflict(table.constraints, schema, declared)
    if found is not None:
        raise _unsatisfiable(table.constraints, *found)
    if not real and any(isinstance(c, FixedCombinationsConstraint) and not c.combinations for c in table.constraints):
        raise GeneratorError(
            "A constraint fixed_combinations lists no combinations, and there are no real rows to take them from.",
            fix="List them under `combinations`.",
        )
    constraints = tuple(learned(c, rows, MIN_COUNT) if real else c for c in table.constraints)
    counts: dict[str, int] = {}
    nullable = frozenset(schema.names)
    if real:
        counts = _counted(constraints, rows, faked)
        if steer and steer.where:
            refuse_contradiction(steer.where, constraints, rows, table)
        used = {name for c in constraints for name in c.uses if name in rows.schema.names}
        nullable = frozenset(n for n in used if rows.column(n).null_count) | frozenset(faked)
    named = dict(zip(titles(constraints), constraints, strict=True))
    rooms = {t: capacity(c, constraints, schema, declared) for t, c in named.items() if isinstance(c, UniqueConstraint)}
    room = {t: r for t, r in rooms.items() if r is not None and not nullable & set(named[t].uses)}
    shown, transforms = rows, []
    if real and change:
        for transform in _transforms(constraints, rows, faked, steer.columns if steer else (), seed, table.constraints):
            transforms.append(transform)
            shown = TransformedRows(shown, transform)
            table, profile = transform.described(table, profile)
    left = tuple(c for c in table.constraints if set(c.uses) <= set(shown.schema.names))
    table = table.model_copy(update={"constraints": left}) if transforms else table
    fixed = frozenset(steer.where) if steer else frozenset()
    held = Held(constraints, frozenset(faked), nullable, tuple(transforms), counts, room, fixed)
    return Planned(held, shown, table, profile)


def _refuse_columns(constraint: ConstraintBase, schema: pa.Schema, faked: Collection[str], table: TableSpec) -> None:
    for name in constraint.uses:
        if name not in schema.names and table.columns.get(name, ColumnSpec()).treatment == Treatment.DROP:
            raise constraint.refused(f"column '{name}' is dropped, so nothing is left to hold.")
    constraint.check(schema)
    involved = set(constraint.uses) & set(faked)
    if not involved:
        return
    match constraint:
        case FormatConstraint() | UniqueConstraint():
            return
        case NotNullConstraint() if constraint.when is None:
            return
        case NullWhenConstraint() | NullTogetherConstraint() if set(constraint.columns) <= set(faked):
            return
    raise constraint.refused(
        f"column '{sorted(involved)[0]}' is faked: its values follow from nothing in the row. Only format, unique, "
        "not_null (without `when`), and null_when or null_together about faked columns alone hold for such a column."
    )


def _unsatisfiable(constraints: Sequence[ConstraintBase], places: Sequence[int], why: str) -> GeneratorError:
    named = titles(constraints)
    which = ", ".join(named[i] for i in places)
    return GeneratorError(
        f"No row can keep these constraints together: {which}." if places else "The spec's own bounds leave no row.",
        why=why,
        fix="Loosen or remove one of them, or correct min, max and values of the columns.",
    )


def _counted(constraints: Sequence[ConstraintBase], rows: Rows, faked: Collection[str]) -> dict[str, int]:
    """Train rows that break each constraint among learned columns. Raises GeneratorError where all rows break some."""
    chosen = [i for i, c in enumerate(constraints) if not set(c.uses) & set(faked)]
    if not chosen:
        return {}
    used = sorted({name for i in chosen for name in constraints[i].uses})
    broken = violations([constraints[i] for i in chosen], pa.table({n: rows.column(n) for n in used}))
    if broken.any(axis=0).all():
        left = list(range(len(chosen)))
        for place in list(left):
            fewer = [i for i in left if i != place]
            if fewer and broken[fewer].any(axis=0).all():
                left = fewer
        raise _unsatisfiable(
            constraints, [chosen[i] for i in left], "Every row of the train part breaks at least one of them."
        )
    named = titles(constraints)
    return {named[i]: int(n) for i, n in zip(chosen, broken.sum(axis=1), strict=True)}


def _transforms(
    constraints: Sequence[ConstraintBase],
    rows: Rows,
    faked: Collection[str],
    keep: Collection[str],
    seed: int,
    written: Sequence[ConstraintBase],
) -> list[Transform]:
    """Transforms that can be applied one after another: each finds its columns untouched by those before."""
    free = [
        (constraint, spec)
        for constraint, spec in zip(constraints, written, strict=True)
        if not set(constraint.uses) & ({*faked, *keep})
    ]
    made: list[Transform] = []
    taken: set[str] = set()
    for constraint, spec in free:
        if isinstance(constraint, FixedCombinationsConstraint | OneHotConstraint) and not taken & set(constraint.uses):
            transform = _joint(constraint, rows, seed, public=constraint is spec)
            if transform is not None:
                made.append(transform)
                taken |= set(transform.takes)
    totals: list[Transform] = []
    for constraint, _ in free:
        if isinstance(constraint, SumConstraint) and not taken & set(constraint.uses):
            total = Total.learn(rows, constraint)
            if total is not None:
                totals.append(total)
                taken |= {*total.takes, *total.needs}
    gaps: dict[str, Gap] = {}
    for constraint, _ in free:
        if isinstance(constraint, InequalityConstraint) and not {*gaps, *taken} & {constraint.high}:
            gap = None if constraint.low in taken else Gap.learn(rows, constraint)
            if gap is not None:
                gaps[constraint.high] = gap
    # A gap is applied before the column it is counted from becomes a gap itself.
    ordered: list[Transform] = []
    while gaps:
        needed = {gap.low for gap in gaps.values()}
        ready = [name for name in gaps if name not in needed]
        if not ready:  # a circle of inequalities that are not strict: the columns are equal
            break
        ordered.append(gaps.pop(ready[0]))
    return [*made, *totals, *ordered]


def _joint(
    constraint: FixedCombinationsConstraint | OneHotConstraint, rows: Rows, seed: int, *, public: bool
) -> Joint | None:
    """Combinations that keep the constraint; rare ones only where the spec lists them (every one-hot is known)."""
    schema = rows.schema

    def keeps(found: pa.Table, weights: np.ndarray) -> np.ndarray:
        enough = weights >= MIN_COUNT
        if isinstance(constraint, OneHotConstraint):
            return np.asarray(~constraint.violations(found) & (enough | ~any_nulls(found, constraint.columns)))
        said = among(found, constraint.listed(schema))
        return np.asarray((said & (enough | public)) | (any_nulls(found, constraint.columns) & enough))

    return Joint.learn(rows, constraint.columns, keeps, seed)
