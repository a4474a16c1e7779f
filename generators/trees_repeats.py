"""Repeats: where a table with a nearly unique column still has rows twice, so has the synthetic one.

Members of a household share a weight that almost nobody else has. Columns drawn one by one would never agree on it
twice, and a table would look cleaner than its source. So a forest learns which rows have a twin, and as many drawn
rows take over another one that has. Only drawn rows are repeated; none of the source's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from generators.blocks import BLOCK, Block
from generators.coding import Codec
from generators.coding_numbers import NumberCodec
from generators.trees_forest import Forest

ODD = np.uint64(0x9E3779B97F4A7C15)
UNIQUE = 0.5
"""Share of a column's rows in bins, from which on it counts as nearly unique."""
SEEN = 2 * BLOCK
"""Rows among which twins are counted. Rows are repeated within a block alone, so that a little more than a block's own
twins stand for those in other blocks."""
LEAST_SHARE, LEAST_ROWS = 0.002, 100
"""Rows that repeat an earlier one, below which they are left to chance."""


class Fingerprints:
    """Hashes of SEEN rows of a table at random, put together column by column."""

    def __init__(self, rows: int, rng: np.random.Generator) -> None:
        self.some = np.sort(rng.permutation(rows)[:SEEN])
        self.hashes = np.zeros(len(self.some), np.uint64)

    def add(self, column: pa.ChunkedArray) -> None:
        """Take in a column's values."""
        kind = column.type
        if pa.types.is_dictionary(kind) or pa.types.is_float16(kind):  # Arrow cannot encode these
            column = column.cast(kind.value_type if pa.types.is_dictionary(kind) else pa.float32())
        codes = pc.dictionary_encode(column.take(pa.array(self.some)).combine_chunks())
        codes = codes.combine_chunks() if isinstance(codes, pa.ChunkedArray) else codes
        found = np.asarray(pc.fill_null(codes.indices, -1)).astype(np.uint64)
        self.hashes = (self.hashes ^ (found + ODD)) * ODD
        self.hashes ^= self.hashes >> np.uint64(29)

    def twins(self) -> tuple[np.ndarray, float]:
        """Return which of these rows occur more than once, and the share of those that repeat an earlier one."""
        _, first, place, counts = np.unique(self.hashes, return_index=True, return_inverse=True, return_counts=True)
        twin = counts[place] > 1
        repeats = len(self.hashes) - len(first)
        return twin, repeats / max(int(twin.sum()), 1)


def worth_it(codecs: Sequence[Codec], twin: np.ndarray, ratio: float) -> bool:
    """Whether repeats are frequent, and a nearly unique column keeps drawn rows from repeating by themselves."""
    unique = any(isinstance(c, NumberCodec) and float(c.stop.max(initial=0)) > UNIQUE * c.weights.sum() for c in codecs)
    repeats = twin.sum() * ratio
    return unique and repeats >= max(LEAST_ROWS, LEAST_SHARE * len(twin))


@dataclass(frozen=True)
class Repeats:
    """forest: draws whether a row has a twin (1).  ratio: of those, the share that repeats an earlier one.

    rows: among how many rows that was counted; fewer rows have fewer twins.
    """

    forest: Forest
    ratio: float
    rows: int

    def indices(self, features: np.ndarray, block: Block) -> np.ndarray:
        """Return for each row of the block the row to take. features: (columns, rows) uint8."""
        rng = block.stream("trees", "repeats")
        chance = rng.random((block.rows, 3), dtype=np.float32)
        twin = np.flatnonzero(self.forest.draw(features, chance) == 1)
        taken = np.arange(block.rows)
        repeats = rng.random(len(twin)) < self.ratio * min(1.0, block.rows / min(self.rows, BLOCK))
        if len(twin):
            repeats[0] = False
            taken[twin] = twin[np.maximum.accumulate(np.where(repeats, 0, np.arange(len(twin))))]
        return taken

    def arrays(self) -> dict[str, np.ndarray]:
        """Return everything as arrays."""
        own = {f"repeats.{name}": array for name, array in self.forest.arrays().items()}
        return own | {"repeats.figures": np.array([self.ratio, self.rows], float)}

    @classmethod
    def rebuild(cls, arrays: Mapping[str, np.ndarray]) -> Repeats | None:
        """Return the repeats of these arrays, None where there are none."""
        if "repeats.figures" not in arrays:
            return None
        ratio, rows = arrays["repeats.figures"]
        own = {n.removeprefix("repeats."): a for n, a in arrays.items() if n.startswith("repeats.")}
        return cls(Forest.rebuild(own), float(ratio), int(rows))
