"""Fake columns: values that never saw the source, for columns that could name a person.

Each row of a fake column has a subject: the row itself, one of the subjects that repeat, or the value of the column
it follows. The value is a function of its subject and the seed, so that nothing need be remembered between blocks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from generators.blocks import Block
from generators.faking_numbers import Numbers, Subjects, hashed, key, mixed
from generators.faking_plan import FakeColumn, no_room, plan_fakes, room, value_type
from generators.faking_pools import check_provider, faker_values, numbered
from generators.faking_values import Task, write_values

__all__ = ["FakeColumn", "check_provider", "faker_values", "numbered", "plan_fakes", "write_fakes"]

Columns = Mapping[str, pa.Array | pa.ChunkedArray]


@dataclass(frozen=True)
class _Made:
    """A column that is written.  subjects: None where two of them may share a value.  nullable: in any block."""

    array: pa.Array
    subjects: Subjects | None
    nullable: bool = True


def write_fakes(
    plans: Sequence[FakeColumn], schema: pa.Schema, block: Block, drawn: Columns | None = None
) -> dict[str, pa.Array]:
    """Return a column of the block's rows for each plan, with the schema's type.

    drawn: the block's other columns, for those that are followed. The plans stand in the order of `plan_fakes`.

    Raises GeneratorError where a column must have more different values than its type holds.
    """
    made: dict[str, _Made] = {}
    for plan in plans:
        followed = None
        if plan.follows is not None:
            other = made.get(plan.follows) or _Made((drawn or {})[plan.follows], None)
            followed = _Made(_whole(other.array), other.subjects, other.nullable)
        made[plan.name] = _write(plan, schema.field(plan.name).type, block, followed)
    return {name: column.array for name, column in made.items()}


def _write(plan: FakeColumn, kind: pa.DataType, block: Block, followed: _Made | None) -> _Made:
    rows = Subjects(np.arange(block.first, block.first + block.rows, dtype=np.uint64), counted=True)
    own = key(block.seed, "column", plan.name)
    coded = pa.types.is_dictionary(kind)
    most = room(kind.index_type) if coded else 2**62
    end = block.first + block.rows
    if coded and plan.unique and followed is None and end > most:
        raise no_room(plan.name, kind, end, most)
    if followed is not None:
        subjects = _followers(followed, rows, block.seed)
        missing = subjects.uniform(own, "missing") < plan.null_share
    else:
        missing = rows.uniform(own, "missing") < plan.null_share
        repeats = plan.identifies and not plan.counted
        subjects = _repeated(plan, rows, ~missing, block) if repeats else rows
    if coded and not plan.unique:
        subjects = Subjects(subjects.numbers % np.uint64(most), subjects.counted)
    names = followed.array.cast(pa.large_string()).to_pylist() if followed is not None and plan.from_name else None
    written = write_values(Task(plan, value_type(kind), subjects, block.seed, end, most, names))
    array = written.values if not missing.any() else _with_nulls(written.values, missing)
    if coded:
        array = array.dictionary_encode().cast(kind)
    return _Made(array, subjects if written.distinct else None, plan.null_share > 0)


def _whole(array: pa.Array | pa.ChunkedArray) -> pa.Array:
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _with_nulls(values: pa.Array, missing: npt.NDArray[np.bool_]) -> pa.Array:
    return values.take(pa.array(np.arange(len(values)), mask=missing))


def _followers(followed: _Made, rows: Subjects, seed: int) -> Subjects:
    """The subjects of a column that follows another one: its subjects where its values tell them apart, else its
    values' hashes. A row in which it is null stands for itself."""
    empty = np.asarray(followed.array.is_null().to_numpy(zero_copy_only=False), dtype=bool)
    if followed.subjects is not None and followed.subjects.counted:
        numbers, two, one = followed.subjects.numbers, np.uint64(2), np.uint64(1)
        if followed.nullable:  # even numbers for subjects, odd ones for rows: the same in every block
            numbers = np.where(empty, rows.numbers * two + one, numbers * two)
        return Subjects(numbers, counted=True)
    own = key(seed, "followed")
    return Subjects(np.where(empty, mixed(rows.numbers, own), hashed(followed.array, own)), counted=False)


def _repeated(plan: FakeColumn, rows: Subjects, present: npt.NDArray[np.bool_], block: Block) -> Subjects:
    """Subjects that repeat: by the end of each block as many have come up as the source has per row, each for the
    first time in one row of that block; the other rows take any of those that have come up."""
    own = key(block.seed, "repeat", plan.entity)
    share = plan.distinct_share * (1.0 - plan.null_share)
    before = math.ceil(block.first * share)
    after = max(before, math.ceil((block.first + block.rows) * share), 1)
    numbers: Numbers = rows.below(after, own, "again").astype(np.uint64)
    order = np.argsort(rows.draw(own, "order")[present], kind="stable")
    first = np.flatnonzero(present)[order][: after - before]
    numbers[first] = np.arange(before, before + len(first), dtype=np.uint64)
    return Subjects(numbers, counted=True)
