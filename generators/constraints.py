"""Constraints at work: checked before training, made impossible to break where that is cheap, and kept while sampling.

Order in a block: the learned columns are drawn, transforms are turned back, rows that break a constraint are drawn
again or repaired; unique rows are told apart, in the order of the blocks; then faked columns are written and held to
their own constraints.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import TypeAdapter

from generators.blocks import Block
from generators.constraints_rows import Draw, Keeper, Tally
from generators.constraints_transforms import TRANSFORMS, Transform, TransformedRows
from generators.constraints_unique import UniqueFilter
from generators.constraints_write import nulled, with_column
from generators.learned import Learned
from proofset.constraints import Constraint, ConstraintBase, RepairReport, UniqueConstraint, titles, violations
from proofset.constraints_values import any_nulls, flat
from proofset.errors import GeneratorError
from proofset.rows import whole_table

UNIQUE_ATTEMPTS = 1_000
"""Attempts of unique rows are counted from here, in steps of as many."""

Finish = Callable[[Block, pa.Table], pa.Table]
"""Adds the faked columns to a block's table."""


@dataclass(frozen=True)
class Held:
    """The constraints a fitted generator holds its rows to.

    constraints: all, with what they took from the train part.  faked: columns that are faked.  nullable: columns that
    may be null.  transforms: in the order they were applied.  counts: train rows that broke each, by title.
    room: by title of a unique constraint, how many different rows there can be, where that is known.
    fixed: columns in which every row was asked to meet a condition; repairs leave them alone.
    """

    constraints: tuple[ConstraintBase, ...] = ()
    faked: frozenset[str] = frozenset()
    nullable: frozenset[str] = frozenset()
    transforms: tuple[Transform, ...] = ()
    counts: dict[str, int] = field(default_factory=dict)
    room: dict[str, int] = field(default_factory=dict)
    fixed: frozenset[str] = frozenset()

    def places(self, *, unique: bool, faked: bool) -> list[int]:
        """Positions of constraints: about unique rows or not, naming a faked column or not."""
        return [
            i
            for i, c in enumerate(self.constraints)
            if isinstance(c, UniqueConstraint) == unique and bool(self.faked & set(c.uses)) == faked
        ]

    def shown(self, schema: pa.Schema) -> pa.Schema:
        """What the generator is shown of a schema without faked columns."""
        for transform in self.transforms:
            schema = transform.schema(schema)
        return schema

    def back(self, table: pa.Table, schema: pa.Schema) -> pa.Table:
        """A table as it was drawn, turned back into the columns of `schema`."""
        for transform in reversed(self.transforms):
            for name, array in zip(transform.takes, transform.back(table), strict=True):
                table = table.append_column(name, array)
        return table.select(schema.names)

    def imputed(self, table: pa.Table, learned: Learned, seed: int) -> pa.Table:
        """The table with its missing cells filled by the generator, which is shown what it learned. A filled cell may
        break a constraint together with cells that are known; those are never changed."""
        rows = table
        for transform in self.transforms:
            missing = any_nulls(rows, transform.takes)
            rows = whole_table(TransformedRows(rows, transform))
            if transform.gives is not None:
                rows = nulled(rows, transform.gives.name, missing)
        made = learned.impute(rows, seed)
        return _filled(table, self.back(made, table.schema)) if self.transforms else made

    def replaces(self, names: Sequence[str]) -> list[str]:
        """Those of the names that the generator never saw, because a transform replaced them."""
        gone = {name for transform in self.transforms for name in transform.takes}
        return [name for name in names if name in gone]

    def check(self, rows: int) -> None:
        """Raise GeneratorError where more unique rows are asked for than there can be."""
        for title, room in self.room.items():
            if rows > room:
                raise GeneratorError(
                    f"{rows:,} rows were asked for, but the constraint {title} has room for {room:,}.",
                    why="So many different values the other constraints and the column's declaration allow.",
                    fix="Sample fewer rows, or add a column to the constraint.",
                )

    def keeper(self, redraw: str, *, faked: bool) -> Keeper:
        """Keeps rows to the constraints among learned columns; with `faked`, to all that go row by row."""
        chosen = self.places(unique=False, faked=False) + (self.places(unique=False, faked=True) if faked else [])
        kept = tuple(self.constraints[i] for i in chosen)
        return Keeper(kept, self.nullable, "never" if faked else redraw, self.fixed)

    def drawn(self, block: Block, draw: Draw, redraw: str) -> tuple[pa.Table, Tally]:
        """A block's learned columns, kept row by row."""
        return self.keeper(redraw, faked=False).keep(block, draw)

    def finished(self, block: Block, table: pa.Table, finish: Finish) -> tuple[pa.Table, Tally]:
        """The block with its faked columns, these kept, too."""
        table = finish(block, table)
        if not self.places(unique=False, faked=True):
            return table, Tally.none(block.rows, 0)
        return self.keeper("never", faked=True).keep(block, lambda _: table, table)

    def plain(self) -> dict[str, Any]:
        """JSON-ready data from which `rebuild` makes it again."""
        if not self.constraints:
            return {}
        return {
            "constraints": [c.plain() for c in self.constraints],
            "faked": sorted(self.faked),
            "nullable": sorted(self.nullable),
            "transforms": [t.plain() for t in self.transforms],
            "counts": self.counts,
            "room": self.room,
            "fixed": sorted(self.fixed),
        }

    @classmethod
    def rebuild(cls, plain: Mapping[str, Any], schema: pa.Schema) -> Held:
        """Return what `plain` describes."""
        if not plain:
            return cls()
        parsed: list[Constraint] = TypeAdapter(list[Constraint]).validate_python(plain["constraints"])
        return cls(
            tuple(parsed),
            frozenset(plain["faked"]),
            frozenset(plain["nullable"]),
            tuple(TRANSFORMS[t["kind"]].rebuild(t, schema) for t in plain["transforms"]),
            dict(plain["counts"]),
            dict(plain["room"]),
            frozenset(plain["fixed"]),
        )


class Passage:
    """One sampling's blocks on their way out: in order, each made unique where that is asked, and counted.

    draw: a block's learned columns before constraints.  finish: adds the faked ones.  redraw: see `Keeper`.
    """

    def __init__(self, held: Held, seed: int, draw: Draw, finish: Finish, redraw: str) -> None:
        self._held, self._draw, self._finish, self._redraw = held, draw, finish, redraw
        self._plain = held.places(unique=True, faked=False)
        self._faked = held.places(unique=True, faked=True)
        self._filters = [
            UniqueFilter(
                [c for i in chosen if isinstance(c := held.constraints[i], UniqueConstraint)], seed, held.fixed
            )
            for chosen in (self._plain, self._faked)
        ]
        self._tally = Tally.none(0, len(held.constraints))

    def made(self, block: Block) -> tuple[pa.Table, Tally]:
        """On any thread: the block's rows, finished where nothing has to be told apart before."""
        table, tally = self._held.drawn(block, self._draw, self._redraw)
        whole = self._spread(tally, self._held.places(unique=False, faked=False))
        if self._plain:
            return table, whole
        return self._completed(block, table, whole)

    def passed(self, made: Iterator[tuple[Block, tuple[pa.Table, Tally]]]) -> Iterator[tuple[Block, pa.Table]]:
        """In order: the blocks, unique and counted."""
        for block, (table, tally) in made:
            if self._plain:
                table, tally = self._filtered(block, table, tally)
                table, tally = self._completed(block, table, tally)
            if self._faked:
                table, tally = self._refaked(block, table, tally)
            self._tally += tally
            yield block, table

    @property
    def report(self) -> RepairReport:
        """What it took so far."""
        rows = self._tally.rows
        named = titles(self._held.constraints)

        def shares(counts: np.ndarray) -> dict[str, float]:
            return {t: int(n) / rows for t, n in zip(named, counts, strict=True)} if rows else {}

        return RepairReport(
            rows=rows,
            resampled=self._tally.resampled / rows if rows else 0.0,
            repaired=self._tally.repaired / rows if rows else 0.0,
            resampled_by=shares(self._tally.resampled_by),
            repaired_by=shares(self._tally.repaired_by),
        )

    def _spread(self, tally: Tally, places: Sequence[int]) -> Tally:
        """A tally over some constraints as one over all."""
        counts = np.zeros((2, len(self._held.constraints)), np.int64)
        counts[0, places], counts[1, places] = tally.resampled_by, tally.repaired_by
        return Tally(tally.rows, tally.resampled, tally.repaired, counts[0], counts[1])

    def _completed(self, block: Block, table: pa.Table, tally: Tally) -> tuple[pa.Table, Tally]:
        table, more = self._held.finished(block, table, self._finish)
        if not len(more.repaired_by):
            return table, tally
        places = self._held.places(unique=False, faked=False) + self._held.places(unique=False, faked=True)
        added = self._spread(more, places)
        whole = tally + added
        most = min(block.rows, whole.repaired)
        return table, Tally(block.rows, tally.resampled, most, whole.resampled_by, whole.repaired_by)

    def _filtered(self, block: Block, table: pa.Table, tally: Tally) -> tuple[pa.Table, Tally]:
        """Unique rows among the learned columns: other good rows of the block take the place of repetitions."""
        keeper = self._held.keeper(self._redraw, faked=False)

        def renew(round_: int, bad: np.ndarray) -> tuple[pa.Table, np.ndarray, np.ndarray]:
            attempt = UNIQUE_ATTEMPTS * (round_ + 1)
            if self._redraw == "never":
                return table.slice(0, 0), bad[:0], bad[:0]
            rows = min(block.rows, 2 * len(bad) + 16) if self._redraw == "any" else block.rows
            again = block.again(attempt, rows)
            other, _ = keeper.keep(again, self._draw, start=attempt)
            if self._redraw == "any":
                fresh = np.flatnonzero(~self._filters[0].repeated(other).any(axis=0))[: len(bad)]
                return other, fresh, bad[: len(fresh)]
            return other, bad, bad

        return self._unique(0, self._plain, table, tally, renew, keeper.constraints)

    def _refaked(self, block: Block, table: pa.Table, tally: Tally) -> tuple[pa.Table, Tally]:
        """Unique rows with faked columns: these are written again, at the same places."""
        keeper = self._held.keeper("never", faked=True)
        known = [n for n in table.column_names if n not in self._held.faked]

        def renew(round_: int, bad: np.ndarray) -> tuple[pa.Table, np.ndarray, np.ndarray]:
            again = block.again(UNIQUE_ATTEMPTS * (round_ + 1))
            other, _ = self._held.finished(again, table.select(known), self._finish)
            return other, bad, bad

        return self._unique(1, self._faked, table, tally, renew, keeper.constraints)

    def _unique(
        self,
        which: int,
        places: Sequence[int],
        table: pa.Table,
        tally: Tally,
        renew: Callable[[int, np.ndarray], tuple[pa.Table, np.ndarray, np.ndarray]],
        others: Sequence[ConstraintBase],
    ) -> tuple[pa.Table, Tally]:
        def keeps(rows: pa.Table) -> np.ndarray:
            return np.asarray(~violations(others, rows).any(axis=0))

        table, renewed, moved = self._filters[which].passed(table, renew, keeps)
        resampled, repaired = tally.resampled_by.copy(), tally.repaired_by.copy()
        resampled[list(places)] += renewed.sum(axis=1)
        repaired[list(places)] += moved.sum(axis=1)
        return table, Tally(
            tally.rows,
            min(tally.rows, tally.resampled + int(renewed.any(axis=0).sum())),
            min(tally.rows, tally.repaired + int(moved.any(axis=0).sum())),
            resampled,
            repaired,
        )


def _filled(before: pa.Table, after: pa.Table) -> pa.Table:
    """The first table, with the cells it misses taken from the second."""
    for name in before.column_names:
        if before[name].null_count:
            before = with_column(before, name, pc.coalesce(flat(before[name]), flat(after[name])))
    return before
