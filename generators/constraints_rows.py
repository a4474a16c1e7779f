"""Rows that keep their constraints: drawn again where they do not, repaired where that does not help.

Drawing again, within a block and from streams of its own, gives rows as the generator would give them on condition
that the constraints hold. So it comes first, for as long as enough of the new rows are good; what then still breaks a
constraint is repaired, or takes the values of a good row of the block. Nothing is ever let through.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from generators.blocks import BLOCK, Block
from generators.constraints_repair import Repairer
from generators.constraints_write import replaced
from proofset.constraints import ConstraintBase, titles, violations
from proofset.errors import GeneratorError

ROUNDS = 8
"""Times rows are drawn again."""
HOPELESS = 0.02
"""Share of good rows below which drawing again is given up."""
FEW = 50
"""Rows below which a share says nothing."""
POOL = 4_096
"""Good rows that repairs may take values from."""

Draw = Callable[[Block], pa.Table]


@dataclass(frozen=True)
class Tally:
    """What it took: rows, rows drawn again, rows repaired; and by constraint, in order."""

    rows: int
    resampled: int
    repaired: int
    resampled_by: np.ndarray
    repaired_by: np.ndarray

    @classmethod
    def none(cls, rows: int, constraints: int) -> Tally:
        """Nothing was needed."""
        return cls(rows, 0, 0, np.zeros(constraints, np.int64), np.zeros(constraints, np.int64))

    def __add__(self, other: Tally) -> Tally:
        """Both together."""
        return Tally(
            self.rows + other.rows,
            self.resampled + other.resampled,
            self.repaired + other.repaired,
            self.resampled_by + other.resampled_by,
            self.repaired_by + other.repaired_by,
        )


@dataclass(frozen=True)
class Keeper:
    """Keeps the rows of a block to constraints that can be checked row by row.

    redraw: "any" where rows are independent, so that any good row may take the place of a bad one; "same_place" where
    a row's values depend on its place; "never" where rows depend on each other.  nullable: columns that may be null.
    fixed: columns that repairs leave alone, since every row was asked to meet a condition there.
    """

    constraints: Sequence[ConstraintBase]
    nullable: frozenset[str]
    redraw: str = "any"
    fixed: frozenset[str] = frozenset()

    def keep(self, block: Block, draw: Draw, first: pa.Table | None = None, start: int = 0) -> tuple[pa.Table, Tally]:
        """Return the block's rows, all of which keep the constraints.

        first: the rows, where they are drawn already.  start: the attempt after which attempts are counted.
        Raises GeneratorError, with counts, where rows remain that cannot be repaired.
        """
        table = draw(block) if first is None else first
        count = table.num_rows
        broken = violations(self.constraints, table)
        tally = Tally.none(count, len(self.constraints))
        if not broken.any():
            return table, tally
        rng = block.stream("constraints")
        hopeless = np.flatnonzero(broken.mean(axis=1) > 1 - HOPELESS) if count >= FEW else np.zeros(0, np.int64)
        changed = np.zeros_like(broken)
        if len(hopeless):
            table, changed, broken = self._repairer(table, broken, rng).repair(table, hopeless.tolist())
        first_broken = broken.copy()
        table, broken, renewed, changed = self._drawn_again(block, draw, table, broken, changed, hopeless, rng, start)
        if broken.any():
            bad = np.flatnonzero(broken.any(axis=0))
            mended, touched, left = self._repairer(table, broken, rng).repair(table.take(pa.array(bad)))
            table = replaced(table, bad, mended, np.arange(len(bad)))
            changed[:, bad] |= touched
            broken[:, bad] = left
        if broken.any():
            table, broken, changed = self._donated(table, broken, changed, rng)
        if broken.any():
            raise self._failed(broken)
        return table, replace(
            tally,
            resampled=int(renewed.sum()),
            repaired=int(changed.any(axis=0).sum()),
            resampled_by=(first_broken & renewed).sum(axis=1),
            repaired_by=changed.sum(axis=1),
        )

    def _repairer(self, table: pa.Table, broken: np.ndarray, rng: np.random.Generator) -> Repairer:
        good = np.flatnonzero(~broken.any(axis=0))
        good = good[rng.permutation(len(good))[:POOL]] if len(good) > POOL else good
        return Repairer(self.constraints, self.nullable, table.take(pa.array(good)), rng, self.fixed)

    def _drawn_again(
        self,
        block: Block,
        draw: Draw,
        table: pa.Table,
        broken: np.ndarray,
        changed: np.ndarray,
        hopeless: np.ndarray,
        rng: np.random.Generator,
        start: int,
    ) -> tuple[pa.Table, np.ndarray, np.ndarray, np.ndarray]:
        """Draw bad rows again. Return the table, what is broken, which rows are new, and what was changed in them."""
        renewed = np.zeros(table.num_rows, bool)
        good_share = 1.0 - broken.any(axis=0).mean()
        for attempt in range(start + 1, start + 1 + (0 if self.redraw == "never" else ROUNDS)):
            bad = np.flatnonzero(broken.any(axis=0))
            if not len(bad) or (table.num_rows >= FEW and good_share < HOPELESS):
                break
            rows = block.rows
            if self.redraw == "any":
                rows = min(BLOCK, int(len(bad) / max(good_share, HOPELESS) * 1.1) + 16)
            other = draw(block.again(attempt, rows))
            wrong = violations(self.constraints, other)
            touched = np.zeros_like(wrong)
            if len(hopeless):
                other, touched, wrong = self._repairer(table, broken, rng).repair(other, hopeless.tolist())
            right = np.asarray(~wrong.any(axis=0))
            if self.redraw == "any":
                source = np.flatnonzero(right)[: len(bad)]
                place = bad[: len(source)]
            else:
                source = place = bad[right[bad]]
            good_share = float(right.mean())
            table = replaced(table, place, other, source)
            broken[:, place] = False
            changed[:, place] = touched[:, source]
            renewed[place] = True
        return table, broken, renewed, changed

    def _donated(
        self, table: pa.Table, broken: np.ndarray, changed: np.ndarray, rng: np.random.Generator
    ) -> tuple[pa.Table, np.ndarray, np.ndarray]:
        """Give bad rows the values of good ones, where rows are independent and there are good ones."""
        bad, good = np.flatnonzero(broken.any(axis=0)), np.flatnonzero(~broken.any(axis=0))
        if self.redraw != "any" or not len(good):
            return table, broken, changed
        donors = good[rng.integers(len(good), size=len(bad))]
        changed[:, bad] |= broken[:, bad]
        broken[:, bad] = False
        return replaced(table, bad, table, donors), broken, changed

    def _failed(self, broken: np.ndarray) -> GeneratorError:
        counts = {t: int(n) for t, n in zip(titles(self.constraints), broken.sum(axis=1), strict=True) if n}
        said = ", ".join(f"{title}: {count}" for title, count in counts.items())
        return GeneratorError(
            f"{int(broken.any(axis=0).sum())} of {broken.shape[1]} rows of a block break a constraint and cannot be "
            "repaired.",
            why=f"After {ROUNDS} rounds of drawing again, rows that break: {said}.",
            fix="Loosen one of these constraints, write it as one of the kinds that can be repaired "
            "(docs/constraints.md), or correct the columns it is about.",
        )
