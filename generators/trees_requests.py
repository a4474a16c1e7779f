"""Requests: what a spec's steering means for the columns of a table, checked before anything is learned."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pyarrow as pa

from generators.coding import CategoryCodec, Codec
from generators.coding_numbers import NumberCodec
from generators.trees_cells import Cells, cut
from generators.trees_conditions import INT, Column, Wanted
from generators.trees_lead import LIMIT, Margin
from generators.trees_moves import Move
from proofset.errors import GeneratorError, did_you_mean
from proofset.spec import ColumnSpec
from proofset.steering import EQUAL, Scenario, Steering

MOST_EQUAL = 256
"""Values that can be made equally frequent."""


@dataclass(frozen=True)
class Requests:
    """Checked steering.

    columns: all columns, by position.  cells: of the steered columns that do not move, by position, what `where`
    forbids left out.  margins: shares asked for.  moves: by position.
    weighted, held: positions of columns whose frequencies change, and of those that only `where` names.
    """

    steering: Steering
    columns: Sequence[Column]
    cells: Mapping[int, Cells]
    margins: tuple[Margin, ...]
    moves: Mapping[int, Move]
    weighted: tuple[int, ...]
    held: tuple[int, ...]

    def first(self, order: Sequence[int]) -> list[int]:
        """Put steered columns first: those with new frequencies, those with a condition, those that move."""
        rank = dict.fromkeys(self.weighted, 0) | dict.fromkeys(self.held, 1) | dict.fromkeys(self.moves, 2)
        sizes = {i: len(self.cells[i]) if rank.get(i) == 1 else 0 for i in order}
        return sorted(order, key=lambda i: (rank.get(i, 3), sizes[i], order.index(i)))

    def cells_of(self, position: int) -> Cells:
        """The cells of any column; one per code where nothing cuts it."""
        return self.cells[position] if position in self.cells else cut(self.columns[position], [])


def prepare(
    steering: Steering, schema: pa.Schema, codecs: Sequence[Codec], specs: Mapping[str, ColumnSpec]
) -> Requests:
    """Check what is asked against the columns. Raises GeneratorError where it cannot be."""
    names = schema.names
    for name in steering.columns:
        if name not in names:
            raise GeneratorError(
                f"generator.steer: '{name}' is not a column that is learned.{did_you_mean(name, names)}",
                why="A column that is unknown, faked or dropped cannot be steered.",
                fix="Name a column with the treatment `model`.",
            )
    columns = [Column(f.name, codec, f.type) for f, codec in zip(schema, codecs, strict=True)]
    margins: list[Margin] = []
    cells = {}
    for name in dict.fromkeys([*steering.weighted, *steering.where]):
        position = names.index(name)
        cells[position], own = _cells(columns[position], position, steering)
        margins += own
    moves = {}
    for name, scenario in steering.moved.items():
        position = names.index(name)
        moves[position] = _move(columns[position], scenario, specs.get(name, ColumnSpec()))
    weighted = tuple(names.index(n) for n in steering.weighted)
    many = math.prod(len(cells[i]) for i in weighted)
    if many > LIMIT:
        raise GeneratorError(
            f"generator.steer: {', '.join(steering.weighted)} have {many:,} combinations, more than {LIMIT:,}.",
            why="Shares, rates and parity weight each combination of their columns' values.",
            fix="Steer fewer columns at once, or columns with fewer values.",
        )
    for margin in margins:
        if margin.times is None or set(steering.where) <= {names[margin.position]}:
            part = cells[margin.position]
            frequent = np.asarray(codecs[margin.position].weights, float)[part.code] * part.fraction
            rows = np.bincount(margin.index, weights=frequent, minlength=len(margin.shares))
            margin.target(rows / rows.sum())  # refuses now what could only fail after training
    held = tuple(names.index(n) for n in steering.where if n not in steering.weighted)
    return Requests(steering, columns, cells, tuple(margins), moves, weighted, held)


def _cells(column: Column, position: int, steering: Steering) -> tuple[Cells, list[Margin]]:
    """Cut one column as its requests need it, and say which shares its cells shall have."""
    name = column.name
    wanted: list[Wanted] = []
    if name in steering.where:
        wanted.append(column.wanted(steering.where[name], f"generator.steer.where.{name}"))
    place, asked = f"generator.steer.balance.{name}", steering.balanced.get(name)
    groups: list[Wanted] = []
    shares: list[float] = []
    times = None
    for scenario in (s for s in steering.scenario if s.column == name):
        place, asked = f"generator.steer.scenario of '{name}'", scenario.shares
        if asked is None:
            groups, times = [column.wanted(scenario.value, place)], scenario.times
            shares = [np.nan if scenario.share is None else scenario.share]
    if isinstance(asked, dict):
        groups = [column.wanted(key, place) for key in asked]
        shares = list(asked.values())
    cells = cut(column, [*wanted, *groups])
    if wanted:
        cells = _allowed(column, cells)
    if asked == EQUAL:
        return cells, [_equal(column, position, cells, place)]
    if not groups:
        return cells, []
    member = cells.member[:, len(wanted) :]
    if (member.sum(axis=1) > 1).any():
        raise GeneratorError(f"{place}: two of its conditions overlap.", fix="Let each value belong to one of them.")
    index = np.where(member.any(axis=1), member.argmax(axis=1), len(groups))
    return cells, [Margin(position, place, index, np.array([*shares, np.nan]), times)]


def _allowed(column: Column, cells: Cells) -> Cells:
    kept = cells.only(cells.member[:, 0])
    frequent = np.asarray(column.codec.weights)[kept.code] * kept.fraction if len(kept) else np.zeros(0)
    if not frequent.any():
        raise GeneratorError(
            f"generator.steer.where.{column.name} allows no value of this column.",
            why="No value that may be written meets the condition.",
            fix="Widen the condition; a public but rare value belongs in the column's `values`, and must occur.",
        )
    return kept


def _equal(column: Column, position: int, cells: Cells, place: str) -> Margin:
    """A group for each value; the pool of rare ones gets nothing, and missing keeps its share."""
    low, missing = column.values(cells.code, cells.start[cells.first[:-1]])
    high, _ = column.values(cells.code, cells.stop[cells.first[1:] - 1])
    pool = (low != high) & ~missing
    if isinstance(column.codec, CategoryCodec) and column.codec.has_pool:
        pool |= cells.code == len(column.codec.values)
    values = ~pool & ~missing
    distinct, index = np.unique(cells.code[values], return_inverse=True)
    if (column.is_number and pool.any()) or len(distinct) > MOST_EQUAL:
        raise GeneratorError(
            f"{place}: column '{column.name}' has too many values to make them equally frequent.",
            fix='Give shares to ranges instead, such as {"< 30": 0.5, ">= 30": 0.5}.',
        )
    many = len(distinct)
    groups = np.where(missing, many, many + 1)
    groups[values] = index
    equal = np.arange(many + 2) < many
    return Margin(position, place, groups, np.where(np.arange(many + 2) == many, np.nan, 0.0), equal=equal)


def _move(column: Column, scenario: Scenario, spec: ColumnSpec) -> Move:
    place = f"generator.steer.scenario of '{column.name}'"
    codec = column.codec
    temporal = pa.types.is_temporal(column.inner)
    if not isinstance(codec, NumberCodec):
        raise GeneratorError(
            f"{place}: only a number or a time can be shifted or scaled.",
            why=f"Column '{column.name}' is coded as categories.",
            fix="Use `times`, `share` or `shares` for categories.",
        )
    if temporal and scenario.scale is not None and not pa.types.is_duration(column.inner):
        raise GeneratorError(f"{place}: a date or a time has no scale.", fix="Use `shift`, in days.")
    shift = Fraction(scenario.shift or 0) * column.unit
    low, high = _bounds(column, spec)
    return Move(
        scale=scenario.scale or 1.0,
        shift=float(shift),
        low=low,
        high=high,
        step=codec.step if column.counts else 0,
        decimals=codec.decimals,
    )


def _bounds(column: Column, spec: ColumnSpec) -> tuple[float, float]:
    """The column's own `min` and `max`, in the unit of its values; times have none."""
    bottom, top = (float(INT.min), float(INT.max)) if column.counts else (-np.inf, np.inf)
    if pa.types.is_temporal(column.inner):
        return bottom, top
    unit = float(column.unit)
    return (
        bottom if spec.min is None else spec.min * unit,
        top if spec.max is None else spec.max * unit,
    )
