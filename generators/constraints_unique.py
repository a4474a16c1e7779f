"""Unique rows over a whole sampling: a filter that blocks pass through in order.

For every constraint `unique` it holds one 64-bit number per row, so 8 bytes a row and at most twice that while runs
are merged: 80 to 160 MB for ten million rows. Two different rows share a number with a chance of 2**-64; then one of
them is drawn again needlessly, and nothing else happens.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa

from generators.constraints_write import replaced, step, to_column, with_column
from proofset.constraints import UniqueConstraint, titles
from proofset.constraints_values import any_nulls, family, row_hashes, value_type, values_of
from proofset.errors import GeneratorError
from proofset.values import Values

ROUNDS = 12
"""Times the rows of a block that repeat others are drawn again."""
STEPS = 1_000
"""How far a number or moment may be moved to become unique, in its smallest steps."""


class Seen:
    """The numbers seen so far: sorted runs, of which a newer one is always less than half as long as the one before."""

    def __init__(self) -> None:
        self._runs: list[np.ndarray] = []

    def __len__(self) -> int:
        return sum(len(run) for run in self._runs)

    def add(self, words: np.ndarray) -> None:
        """Remember these."""
        if not len(words):
            return
        self._runs.append(np.sort(words))
        while len(self._runs) > 1 and 2 * len(self._runs[-1]) >= len(self._runs[-2]):
            last = self._runs.pop()
            self._runs[-1] = np.sort(np.concatenate([self._runs[-1], last]), kind="stable")

    def has(self, words: np.ndarray) -> np.ndarray:
        """Which of these were seen."""
        found = np.zeros(len(words), bool)
        for run in self._runs:
            place = np.searchsorted(run, words)
            found |= (place < len(run)) & (run[np.minimum(place, len(run) - 1)] == words)
        return found


class UniqueFilter:
    """Lets no repetition through. Blocks must come in order.

    constraints: those it holds to.  seed: keys the numbers.  fixed: columns whose values are not moved.
    """

    def __init__(self, constraints: Sequence[UniqueConstraint], seed: int, fixed: frozenset[str] = frozenset()) -> None:
        self.constraints = constraints
        self._seed = seed
        self._fixed = fixed
        self._seen = [Seen() for _ in constraints]

    def repeated(self, table: pa.Table) -> np.ndarray:
        """Which rows repeat one of an earlier block, or an earlier one of the table: constraints × rows."""
        return np.stack([self._repeated(c, s, table) for c, s in zip(self.constraints, self._seen, strict=True)])

    def _repeated(self, constraint: UniqueConstraint, seen: Seen, table: pa.Table) -> np.ndarray:
        words = row_hashes(table, constraint.columns, self._seed)
        known = np.flatnonzero(~any_nulls(table, constraint.columns))
        again = np.zeros(table.num_rows, bool)
        again[known] = True
        again[known[np.unique(words[known], return_index=True)[1]]] = False
        again[known] |= seen.has(words[known])
        return again

    def passed(
        self,
        table: pa.Table,
        renew: Callable[[int, np.ndarray], tuple[pa.Table, np.ndarray, np.ndarray]],
        keeps: Callable[[pa.Table], np.ndarray],
    ) -> tuple[pa.Table, np.ndarray, np.ndarray]:
        """Return the table without repetitions, the rows that were drawn again and those that were repaired for each
        constraint (constraints × rows).

        renew: takes the round and the places of bad rows; returns a table, and which of its rows may stand at which
        of the places (two arrays of the same length).  keeps: which rows keep all other constraints.

        Raises GeneratorError where repetitions remain.
        """
        broken = self.repeated(table)
        renewed, moved_ = np.zeros_like(broken), np.zeros_like(broken)
        for round_ in range(ROUNDS):
            bad = np.flatnonzero(broken.any(axis=0))
            if not len(bad):
                break
            other, source, place = renew(round_, bad)
            before = broken[:, place]
            table, fresh = self._better(table, replaced(table, place, other, source), place)
            renewed[:, place[fresh]] |= before[:, fresh]
            broken = self.repeated(table)
        for which in range(len(self.constraints)):
            if broken[which].any():
                bad = np.flatnonzero(broken[which])
                table = self._moved(which, table, bad, keeps)
                broken = self.repeated(table)
                moved_[which, bad] = ~broken[which, bad]
        if broken.any():
            raise self._failed(broken)
        for constraint, seen in zip(self.constraints, self._seen, strict=True):
            known = np.flatnonzero(~any_nulls(table, constraint.columns))
            seen.add(row_hashes(table, constraint.columns, self._seed)[known])
        return table, renewed, moved_

    def _better(self, table: pa.Table, other: pa.Table, places: np.ndarray) -> tuple[pa.Table, np.ndarray]:
        """Take `other` rows at places where they repeat nothing."""
        wrong = np.asarray(self.repeated(other).any(axis=0))[places]
        return replaced(table, places[~wrong], other, places[~wrong]), ~wrong

    def _moved(self, which: int, table: pa.Table, bad: np.ndarray, keeps: Callable[[pa.Table], np.ndarray]) -> pa.Table:
        """Move a number or a moment by small steps until the row repeats nothing and keeps the other constraints."""
        free = [n for n in self.constraints[which].columns if n not in self._fixed]
        names = [n for n in free if _movable(table.schema.field(n).type)]
        for name in reversed(names):
            # What is asked of the other constraints that name the column, too.
            asked = [i for i, c in enumerate(self.constraints) if name in c.columns]
            taken = {i: Seen() for i in asked}
            for i in asked:
                taken[i].add(row_hashes(table, self.constraints[i].columns, self._seed))
            for steps in (sign * distance for distance in range(1, STEPS + 1) for sign in (1, -1)):
                if not len(bad):
                    return table
                part = table.take(pa.array(bad))
                other = with_column(part, name, _stepped(part, name, steps))
                good = keeps(other)
                words = {i: row_hashes(other, self.constraints[i].columns, self._seed) for i in asked}
                for i in asked:
                    good &= ~(taken[i].has(words[i]) | self._seen[i].has(words[i]))
                for i in asked:
                    good[np.setdiff1d(np.arange(len(bad)), _first(words[i], good))] = False
                for i in asked:
                    taken[i].add(words[i][good])
                table = replaced(table, bad[good], other, np.flatnonzero(good))
                bad = bad[~good]
        return table

    def _failed(self, broken: np.ndarray) -> GeneratorError:
        counts = zip(titles(self.constraints), broken.sum(axis=1), strict=True)
        said = ", ".join(f"{title}: {int(count)}" for title, count in counts if count)
        return GeneratorError(
            f"{int(broken.any(axis=0).sum())} rows repeat others though they must not.",
            why=f"{ROUNDS} rounds of drawing them again gave no others. By constraint: {said}.",
            fix="Sample fewer rows, add a column to the constraint, or give the column other values "
            "(treatment fake, or a rule).",
        )


def _first(words: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Where each of the words first stands among the rows that `among` says."""
    rows = np.flatnonzero(among)
    return np.asarray(rows[np.unique(words[rows], return_index=True)[1]])


def _movable(kind: pa.DataType) -> bool:
    inner = value_type(kind)
    return bool(pa.types.is_integer(inner) or pa.types.is_temporal(inner) or pa.types.is_decimal(inner))


def _stepped(table: pa.Table, name: str, steps: int) -> pa.Array:
    kind = table.schema.field(name).type
    values = values_of(table[name])
    if family(kind) == "moment":
        unit = np.timedelta64(max(1, round(step(kind) * 86_400e6)), "us")
        return to_column(Values(values.data + steps * unit, values.missing), kind)
    return to_column(Values(values.data + steps * step(kind), values.missing), kind)
