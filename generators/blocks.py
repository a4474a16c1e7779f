"""Blocks: sampling is divided into blocks of rows, each with random streams of its own.

Where a block starts and how long it is follows from the number of rows alone, never from the number of workers or
from how many rows a caller wants at a time; so the same rows and seed give the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from typing import TypeVar

import numpy as np
import pyarrow as pa

from proofset.seeds import stream

BLOCK = 1 << 16
"""Rows of a block; with the number of columns it bounds the memory sampling needs."""

Made = TypeVar("Made")


@dataclass(frozen=True)
class Block:
    """A block of rows to be drawn.

    number: 0, 1, ...  first: rows before it.  rows: its own.  seed: of the whole sampling.
    attempt: 0; 1, 2, ... where rows of the block are drawn again because they broke a constraint.
    """

    number: int
    first: int
    rows: int
    seed: int
    attempt: int = 0

    def stream(self, *names: str | int) -> np.random.Generator:
        """The random stream for `names` in this block and attempt."""
        again = ("attempt", self.attempt) if self.attempt else ()
        return stream(self.seed, "sample", *names, self.number, *again)

    def again(self, attempt: int, rows: int | None = None) -> Block:
        """The block for another attempt, with other random streams; with `rows` rows where that is not None."""
        return replace(self, attempt=attempt, rows=self.rows if rows is None else rows)


def blocks(rows: int, seed: int) -> Iterator[Block]:
    """Divide `rows` into blocks."""
    for number, first in enumerate(range(0, rows, BLOCK)):
        yield Block(number, first, min(BLOCK, rows - first), seed)


def in_order(make: Callable[[Block], Made], work: Iterator[Block], workers: int) -> Iterator[tuple[Block, Made]]:
    """Make each block, several at a time on threads, and yield them in order; at most one more than `workers` wait."""
    if workers <= 1:
        for block in work:
            yield block, make(block)
        return
    with ThreadPoolExecutor(workers) as pool:
        waiting: list[tuple[Block, Future[Made]]] = [(b, pool.submit(make, b)) for b in islice(work, workers + 1)]
        try:
            while waiting:
                block, future = waiting.pop(0)
                made = future.result()
                waiting += [(b, pool.submit(make, b)) for b in islice(work, 1)]
                yield block, made
        finally:
            for _, future in waiting:
                future.cancel()


def regroup(tables: Iterator[pa.Table], rows: int) -> Iterator[pa.RecordBatch]:
    """Yield the tables' rows again in batches of `rows`, the last one shorter."""
    held: list[pa.Table] = []
    count = 0
    for table in tables:
        held.append(table)
        count += table.num_rows
        while count >= rows:
            whole = pa.concat_tables(held).unify_dictionaries()
            yield from whole.slice(0, rows).combine_chunks().to_batches()
            count -= rows
            held = [whole.slice(rows)]
    if count:
        yield from pa.concat_tables(held).unify_dictionaries().combine_chunks().to_batches()
