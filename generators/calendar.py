"""Calendars: a time is learned as its day, its weekday and its time of day, each a column of its own.

Rows follow the week and the hours of the day, which bins of a long line of time would blur. Unfolding adds the parts as
columns behind the others and leaves the day in the time's own column; folding puts a time together again, on the day
next to the one drawn that is the weekday drawn. Time zones are left aside: parts are taken in the stored time, UTC.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from generators.coding_numbers import FEW, from_arrow, to_arrow
from proofset.evidence import MIN_COUNT
from proofset.rows import Rows

PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
WEEK = 7
COVERED = 0.5
"""Share of the days between the first and the last that must occur, for the week to be told from other rhythms."""
UNEVEN = 0.1
"""How far a weekday must be from its fair share, relatively."""
MONDAY = 3
"""1970-01-01 was a Thursday."""


@dataclass(frozen=True)
class Clock:
    """One column of times. day: its stored numbers in a day.  weekday, time: names of the added columns, or None.

    first, last: days between which folding stays, as numbers of days; at least MIN_COUNT rows lie up to each.
    """

    name: str
    day: int
    weekday: str | None
    time: str | None
    first: int
    last: int

    def plain(self) -> dict[str, Any]:
        """Return the clock as JSON-ready data."""
        return {**self.__dict__, "day": str(self.day)}


class Calendar:
    """The times of a table that are unfolded. schema: of the table itself."""

    def __init__(self, schema: pa.Schema, clocks: Sequence[Clock]) -> None:
        self.schema = schema
        self.clocks = tuple(clocks)

    @classmethod
    def learn(cls, rows: Rows, left_out: Collection[str]) -> Calendar:
        """Find the times that have a time of day, or a week; those in `left_out` stay whole."""
        schema = rows.schema.remove_metadata()
        taken = set(schema.names)
        clocks = []
        for field in schema:
            if field.name in left_out or not (pa.types.is_timestamp(field.type) or pa.types.is_date(field.type)):
                continue
            clock = _clock(field, rows.column(field.name), taken)
            if clock is not None:
                clocks.append(clock)
                taken |= {clock.weekday or field.name, clock.time or field.name}
        return cls(schema, clocks)

    @property
    def unfolded(self) -> pa.Schema:
        """The schema with the parts' columns added."""
        added = [pa.field(c.weekday, pa.int8()) for c in self.clocks if c.weekday]
        added += [pa.field(c.time, pa.int64()) for c in self.clocks if c.time]
        return pa.schema([*self.schema, *added])

    @property
    def parts(self) -> frozenset[str]:
        """Names of the unfolded columns and of their parts."""
        return frozenset(n for c in self.clocks for n in (c.name, c.weekday, c.time) if n is not None)

    def unfold(self, rows: Rows) -> Rows:
        """Return the rows with the parts' columns; each is made when it is asked for."""
        return Unfolded(self, rows) if self.clocks else rows

    def fold(self, table: pa.Table) -> pa.Table:
        """Return the table without the parts' columns, and the times put together."""
        for clock in self.clocks:
            position = table.column_names.index(clock.name)
            values, missing = from_arrow(table.column(position))
            days = np.floor_divide(values, clock.day)
            if clock.weekday:
                wanted, unknown = from_arrow(table.column(clock.weekday))
                shift = (wanted - (days + MONDAY)) % WEEK
                shift = np.where(shift > WEEK // 2, shift - WEEK, shift)
                shift += np.where(days + shift > clock.last, -WEEK, 0) + np.where(days + shift < clock.first, WEEK, 0)
                inside = (days + shift >= clock.first) & (days + shift <= clock.last)
                days = days + np.where(unknown | ~inside, 0, shift)
            times = np.zeros(len(days), np.int64)
            if clock.time:
                times = from_arrow(table.column(clock.time))[0].clip(0, clock.day - 1)
            whole = to_arrow(days * clock.day + times, missing, table.schema.field(position).type)
            table = table.set_column(position, table.schema.field(position), whole)
        added = {n for c in self.clocks for n in (c.weekday, c.time)}
        return table.select([n for n in table.column_names if n not in added]) if self.clocks else table

    def plain(self) -> list[dict[str, Any]]:
        """Return the clocks as JSON-ready data."""
        return [clock.plain() for clock in self.clocks]

    @classmethod
    def rebuild(cls, schema: pa.Schema, plain: Sequence[Mapping[str, Any]]) -> Calendar:
        """Return the calendar of a table with this schema."""
        return cls(schema, [Clock(**{**clock, "day": int(clock["day"])}) for clock in plain])


class Unfolded:
    """Rows of which the times are unfolded."""

    def __init__(self, calendar: Calendar, rows: Rows, names: Sequence[str] | None = None) -> None:
        self._calendar = calendar
        self._rows = rows
        whole = calendar.unfolded
        self.column_names: list[str] = whole.names if names is None else list(names)
        self.schema = pa.schema([whole.field(n) for n in self.column_names])

    @property
    def num_rows(self) -> int:
        """Number of rows."""
        return self._rows.num_rows

    def column(self, name: str) -> pa.ChunkedArray:
        """A column: a time's day, one of its parts, or as it is."""
        for clock in self._calendar.clocks:
            if name in (clock.name, clock.weekday, clock.time):
                values, missing = from_arrow(self._rows.column(clock.name))
                days = np.floor_divide(values, clock.day)
                if name == clock.name:
                    part = days * clock.day
                else:
                    part = (days + MONDAY) % WEEK if name == clock.weekday else values - days * clock.day
                return pa.chunked_array([to_arrow(part, missing, self.schema.field(name).type)])
        return self._rows.column(name)

    def select(self, names: Sequence[str]) -> Unfolded:
        """The same with these columns only."""
        return Unfolded(self._calendar, self._rows, names)


def _clock(field: pa.Field, column: pa.ChunkedArray, taken: Collection[str]) -> Clock | None:
    """How to unfold a column; None where nothing would be won."""
    day = 86_400 * PER_SECOND[field.type.unit] if pa.types.is_timestamp(field.type) else 1
    day = 86_400_000 if pa.types.is_date64(field.type) else day
    values, missing = from_arrow(column)
    values = values[~missing]
    days = np.floor_divide(values, day)
    found, counts = np.unique(days, return_counts=True)
    if len(found) < 2 * WEEK or len(np.unique(values[:: max(1, len(values) // 10_000)])) <= FEW:
        return None
    timed = bool((values != days * day).any())
    weekdays = np.bincount((found + MONDAY) % WEEK, weights=counts, minlength=WEEK) / len(values)
    weekly = len(found) > COVERED * (found[-1] - found[0] + 1) and np.abs(weekdays * WEEK - 1).max() > UNEVEN
    if not timed and not weekly:
        return None
    weekday = _free(f"{field.name} (weekday)", taken) if weekly else None
    time = _free(f"{field.name} (time of day)", taken) if timed else None
    # The days of the MIN_COUNT-th rows from either end: the earliest and the latest row's own are not kept.
    ends = np.searchsorted(np.cumsum(counts), [MIN_COUNT, len(values) - MIN_COUNT + 1])
    return Clock(field.name, day, weekday, time, int(found[ends[0]]), int(found[ends[1]]))


def _free(name: str, taken: Collection[str]) -> str:
    while name in taken:
        name += "'"
    return name
