"""What a control has learned: real rows, handed out again."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from generators.blocks import Block
from generators.learned import Learned
from proofset.digest import canonical
from proofset.seeds import stream


class LearnedRows(Learned):
    """Real rows, as they are; private like the train part itself.

    rows: dealt out like a pack of cards: each once, in an order that the sampling's seed decides, then all again.
    noise: share of the cells that are taken from another row drawn at random, so from the column's marginal.
    together: False where each column is dealt for itself, so that columns are independent.
    """

    def __init__(self, rows: pa.Table, noise: float = 0.0, together: bool = True) -> None:
        self.rows = rows
        self.noise = noise
        self.together = together

    def draw(self, block: Block) -> pa.Table:
        """Deal the rows of the block's places; where a row is drawn again, any row may come."""
        shared = self._places(block, "rows") if self.together else None
        columns = []
        for name, column in zip(self.rows.column_names, self.rows.columns, strict=True):
            places = self._places(block, "column", name) if shared is None else shared
            if self.noise:
                rng = block.stream("noise", name)
                other = rng.integers(self.rows.num_rows, size=block.rows)
                places = np.where(rng.random(block.rows) < self.noise, other, places)
            columns.append(column.take(pa.array(places)))
        return pa.table(columns, schema=self.rows.schema)

    def _places(self, block: Block, *names: str) -> np.ndarray:
        """Which row comes at each of the block's places, (rows,)."""
        if block.attempt:
            return block.stream("again", *names).integers(self.rows.num_rows, size=block.rows)
        rounds, places = np.divmod(np.arange(block.first, block.first + block.rows), self.rows.num_rows)
        dealt = np.empty(block.rows, np.int64)
        for number in range(int(rounds[0]), int(rounds[-1]) + 1):
            order = stream(block.seed, "sample", "deal", *names, number).permutation(self.rows.num_rows)
            dealt[rounds == number] = order[places[rounds == number]]
        return dealt

    def files(self) -> dict[str, bytes]:
        """Return the rows as an Arrow stream, and how they are dealt."""
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, self.rows.schema) as out:
            out.write_table(self.rows)
        how = {"noise": self.noise, "together": self.together}
        return {"rows.arrow": sink.getvalue().to_pybytes(), "rows.json": canonical(how)}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> LearnedRows:
        """Rebuild what `files` returned."""
        rows = pa.ipc.open_stream(pa.py_buffer(files["rows.arrow"])).read_all()
        return cls(rows, **json.loads(files["rows.json"]))


def settled(rows: pa.Table, places: np.ndarray) -> pa.Table:
    """Return the rows at `places` in one piece, without metadata; equal values give equal bytes when saved."""
    columns = [_plain(column.take(pa.array(places, pa.int64()))) for column in rows.columns]
    return pa.table(columns, schema=rows.schema.remove_metadata()).combine_chunks()


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A dictionary in the order its values come, however the table was read; other columns as they are."""
    if not pa.types.is_dictionary(column.type):
        return column
    return column.cast(column.type.value_type).combine_chunks().dictionary_encode().cast(column.type)
