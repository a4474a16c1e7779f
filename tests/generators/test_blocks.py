"""Blocks: divided the same way whoever asks, made in order, a few at a time, and regrouped without a change."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators.blocks import BLOCK, Block, blocks, in_order, regroup


def numbered(count: int) -> Iterator[Block]:
    return iter([Block(number=n, first=n, rows=1, seed=0) for n in range(count)])


@pytest.mark.parametrize("rows", [1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 7])
def test_blocks_cover_all_rows_once(rows: int) -> None:
    made = list(blocks(rows, 4))
    assert [b.number for b in made] == list(range(len(made)))
    assert [b.first for b in made] == [BLOCK * n for n in range(len(made))]
    assert sum(b.rows for b in made) == rows
    assert all(b.rows == BLOCK for b in made[:-1])
    assert {b.seed for b in made} == {4}


def test_streams_follow_from_block_attempt_and_name() -> None:
    block = Block(number=2, first=0, rows=5, seed=7)
    numbers = [
        other.stream(name).integers(2**62)
        for other in (block, block.again(1), block.again(2), Block(3, 0, 5, 7), Block(2, 0, 5, 8))
        for name in ("a", "b")
    ]
    assert len(set(numbers)) == len(numbers)
    assert block.again(0).stream("a").integers(2**62) == numbers[0]
    assert block.again(1, 99).stream("a").integers(2**62) == numbers[2]
    assert (block.again(1, 99).rows, block.again(1).rows) == (99, 5)


def test_the_first_attempts_stream_is_the_one_it_has_always_been() -> None:
    assert Block(number=0, first=0, rows=1, seed=1).stream("trees", "age").integers(2**62) == 3_089_550_549_800_099_949


@pytest.mark.parametrize("workers", [0, 1, 2, 3, 8])
def test_blocks_come_in_order_though_later_ones_are_done_first(workers: int) -> None:
    def make(block: Block) -> int:
        time.sleep(0.004 * (3 - block.number % 4))
        return block.number * 10

    got = [(block.number, made) for block, made in in_order(make, numbered(12), workers)]
    assert got == [(n, 10 * n) for n in range(12)]


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_only_a_few_blocks_are_made_ahead(workers: int) -> None:
    begun: set[int] = set()

    def make(block: Block) -> int:
        begun.add(block.number)
        return block.number

    for block, _ in in_order(make, numbered(40), workers):
        time.sleep(0.002)
        assert max(begun) <= block.number + workers + 1


@pytest.mark.parametrize("workers", [1, 3])
def test_an_exception_arrives_in_its_place_and_stops_the_others(workers: int) -> None:
    begun: list[int] = []

    def make(block: Block) -> int:
        begun.append(block.number)
        if block.number == 4:
            raise ValueError("the fifth")
        return block.number

    got = []
    with pytest.raises(ValueError, match="the fifth"):
        got.extend(block.number for block, _ in in_order(make, numbered(1_000), workers))
    assert got == [] or got == [0, 1, 2, 3]
    assert max(begun) <= 4 + workers + 1


@pytest.mark.parametrize("workers", [1, 3])
def test_closing_early_leaves_no_thread_and_makes_no_more(workers: int) -> None:
    before = threading.active_count()
    begun: list[int] = []

    def make(block: Block) -> int:
        begun.append(block.number)
        return block.number

    made = in_order(make, numbered(1_000), workers)
    assert next(made)[1] == 0
    made.close()
    assert threading.active_count() == before
    assert len(begun) <= workers + 2


@settings(max_examples=60, deadline=None)
@given(sizes=st.lists(st.integers(0, 7), max_size=8), rows=st.integers(1, 9))
def test_regrouping_keeps_rows_and_order(sizes: list[int], rows: int) -> None:
    total = sum(sizes)
    whole = pa.table({"n": list(range(total)), "s": [str(n % 3) for n in range(total)]})
    starts = [sum(sizes[:i]) for i in range(len(sizes))]
    tables = [
        pa.table({"n": part["n"], "s": part["s"].combine_chunks().dictionary_encode()})
        for part in (whole.slice(start, size) for start, size in zip(starts, sizes, strict=True))
    ]
    batches = list(regroup(iter(tables), rows))
    assert all(b.num_rows == rows for b in batches[:-1])
    assert all(0 < b.num_rows <= rows for b in batches[-1:])
    assert [n for b in batches for n in b.column(0).to_pylist()] == whole["n"].to_pylist()
    assert [s for b in batches for s in b.column(1).to_pylist()] == whole["s"].to_pylist()


def test_regrouping_holds_no_more_than_it_must() -> None:
    taken = 0

    def tables() -> Iterator[pa.Table]:
        nonlocal taken
        for n in range(50):
            taken += 1
            yield pa.table({"n": [n] * 10})

    for given_out, _ in enumerate(regroup(tables(), 15), 1):
        assert taken * 10 < given_out * 15 + 20
