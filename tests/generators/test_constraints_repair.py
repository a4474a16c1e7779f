"""Repair: every kind's rule mends what it is for, breaks nothing else, and leaves good rows alone."""

from __future__ import annotations

import datetime
import decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from generators.blocks import Block
from generators.constraints_expressions import Assigner
from generators.constraints_repair import Repairer
from generators.constraints_rows import Keeper
from generators.constraints_texts import format_texts
from generators.constraints_write import moved, to_column, with_column
from proofset.constraints import Constraint, ConstraintBase, FormatConstraint, violations
from proofset.constraints_formats import FORMATS
from proofset.constraints_values import values_of
from proofset.errors import GeneratorError

ADAPTER: TypeAdapter[list[ConstraintBase]] = TypeAdapter(list[Constraint])
SEED = 3


def repaired(
    rows: list[dict[str, Any]],
    *fields: dict[str, Any],
    schema: pa.Schema | None = None,
    nullable: tuple[str, ...] = (),
    pool: list[dict[str, Any]] | None = None,
) -> list[dict[str, Any]]:
    """The rows after repair; all constraints hold, and rows that were good are as they were."""
    table = pa.Table.from_pylist(rows, schema)
    constraints = ADAPTER.validate_python(list(fields))
    for constraint in constraints:
        constraint.check(table.schema)
    before = violations(constraints, table).any(axis=0)
    donors = pa.Table.from_pylist(pool or rows, table.schema)
    repairer = Repairer(constraints, frozenset(nullable), donors, np.random.default_rng(SEED))
    made, changed, left = repairer.repair(table)
    assert not left.any()
    assert not violations(constraints, made).any()
    assert made.schema == table.schema
    assert changed.any(axis=0).tolist() == before.tolist()
    after: list[dict[str, Any]] = made.to_pylist()
    assert [a for a, b in zip(after, before, strict=True) if not b] == [
        r for r, b in zip(table.to_pylist(), before, strict=True) if not b
    ]
    return after


def ask(kind: str, **fields: Any) -> dict[str, Any]:
    return {"kind": kind, **fields}


LESS = ask("inequality", low="a", high="b")
STRICT = ask("inequality", low="a", high="b", strict=True)


def test_an_inequality_is_mended_by_swapping_and_by_a_smallest_step() -> None:
    assert repaired([{"a": 3, "b": 1}, {"a": 1, "b": 3}], LESS) == [{"a": 1, "b": 3}] * 2
    assert repaired([{"a": 3, "b": 3}], STRICT) == [{"a": 3, "b": 4}]
    floats = repaired([{"a": 3.0, "b": 3.0}], STRICT)
    assert floats[0]["b"] == np.nextafter(3.0, 4.0)
    days = repaired([{"a": datetime.date(2024, 1, 1), "b": datetime.date(2024, 1, 1)}], STRICT)
    assert days[0]["b"] == datetime.date(2024, 1, 2)
    ends = repaired([{"a": 127, "b": 127}], STRICT, schema=pa.schema([("a", pa.int8()), ("b", pa.int8())]))
    assert ends == [{"a": 126, "b": 127}], "there is no step behind the last number: the first one moves"
    fixed = repaired([{"a": 9, "b": 4}], LESS, ask("range", column="a", min=8))
    assert fixed == [{"a": 9, "b": 9}], "a swap would break the range"


def test_a_range_is_mended_by_clipping_to_what_the_type_holds() -> None:
    rows = [{"x": 5}, {"x": -5}, {"x": 1}, {"x": None}]
    assert [r["x"] for r in repaired(rows, ask("range", column="x", min=-1.5, max=2.5))] == [2, -1, 1, None]
    cents = [{"x": decimal.Decimal("9.99")}]
    assert repaired(cents, ask("range", column="x", max=1.005))[0]["x"] == decimal.Decimal("1.00")
    assert repaired([{"x": 5, "top": 3}], ask("range", column="x", min=0, max="top")) == [{"x": 3, "top": 3}]
    assert repaired([{"x": 5, "top": 3}], ask("range", column="x", max="top"), ask("range", column="x", min=5)) == [
        {"x": 5, "top": 5}
    ]
    moments = [{"x": datetime.datetime(2024, 1, 1, 5)}]
    assert repaired(moments, ask("range", column="x", max="2023-12-31"))[0]["x"] == datetime.datetime(2023, 12, 31)


def test_a_sum_is_mended_by_its_total_or_a_part_that_may_move() -> None:
    total = ask("sum", columns=["a", "b"], total="c")
    assert repaired([{"a": 1, "b": 2, "c": 9}], total) == [{"a": 1, "b": 2, "c": 3}]
    assert repaired([{"a": 1, "b": 2, "c": 9}], total, ask("range", column="c", min=9)) == [{"a": 1, "b": 8, "c": 9}]
    assert repaired([{"a": 1, "b": 2}], ask("sum", columns=["a", "b"], total=10)) == [{"a": 1, "b": 9}]
    kept = (ask("sum", columns=["a", "b"], total=10), ask("range", column="b", max=2))
    assert repaired([{"a": 1, "b": 2}], *kept) == [{"a": 8, "b": 2}]
    assert repaired([{"a": 7.5}], ask("sum", columns=["a"], total=1.5)) == [{"a": 1.5}]
    halves = repaired([{"a": 0.25, "b": 0.5, "c": 9}], ask("sum", columns=["a", "b"], total="c", tolerance=0.25))
    assert halves[0]["c"] == 1


def test_the_nearest_combination_is_taken() -> None:
    fixed = ask(
        "fixed_combinations", columns=["city", "land"], combinations=[["Köln", "DE"], ["Bonn", "DE"], ["Rom", "IT"]]
    )
    rows = [{"city": "Rom", "land": "DE"}, {"city": "Oslo", "land": "IT"}, {"city": None, "land": "DE"}]
    assert repaired(rows, fixed) == [{"city": "Rom", "land": "IT"}, {"city": "Rom", "land": "IT"}, rows[2]]
    schema = pa.schema([("city", pa.dictionary(pa.int8(), pa.string())), ("land", pa.large_string())])
    assert repaired([{"city": "Oslo", "land": "IT"}], fixed, schema=schema) == [{"city": "Rom", "land": "IT"}]


def test_one_of_the_ones_is_kept() -> None:
    hot = ask("one_hot", columns=["a", "b", "c"])
    pool = [{"a": 0, "b": 1, "c": False}] * 60 + [{"a": 1, "b": 0, "c": False}] * 30
    made = repaired([{"a": 1, "b": 1, "c": False}] * 300 + [{"a": 0, "b": 0, "c": False}] * 300, hot, pool=pool)
    assert all(r["a"] + r["b"] == 1 for r in made[:300])
    assert 0.5 < np.mean([r["b"] for r in made]) < 0.8


@pytest.mark.parametrize(
    ("row", "expression", "expected"),
    [
        ({"a": 5, "b": 3}, "a <= b", {"a": 3}),
        ({"a": 5, "b": 3}, "b > a", {"b": 6}),
        ({"a": 5, "b": 3}, "a < b + 0.5", {"a": 3}),
        ({"a": 5, "b": 3}, "a == b * 2", {"a": 6}),
        ({"a": 5, "b": 3}, "b * 2 == a", {"a": 6}),
        ({"a": 5, "b": 3}, "1 <= a <= 4", {"a": 4}),
        ({"a": 5, "b": 3}, "not a >= 4", {"a": 3}),
        ({"a": 5, "b": 3}, "not (a > 4 or b > 2)", {"a": 4, "b": 2}),
        ({"a": 5, "b": 3}, "a > 9 or b > 9", {"a": 10}),
        ({"a": 5, "s": "x"}, "a == 6 and s == 'y'", {"a": 6, "s": "y"}),
        ({"a": 5, "s": "x"}, "s in ['q']", {"s": "q"}),
        ({"a": 5, "s": "x"}, "not s not in ['q']", {"s": "q"}),
        ({"w": True, "v": False}, "v and not w", {"w": False, "v": True}),
        ({"a": 5}, "is_null(a)", {"a": None}),
        ({"a": 5, "b": 3}, "is_null(a) or b > 3", {"a": None}),
        ({"a": 5, "b": 3}, "a * b < 0 or a == 1", {"a": 1}),
        ({"t": datetime.datetime(2024, 1, 1), "u": datetime.datetime(2024, 1, 9)}, "u - t <= 2", None),
        ({"t": datetime.datetime(2024, 1, 9), "u": datetime.datetime(2024, 1, 1)}, "u >= t + 0.5",
         {"u": datetime.datetime(2024, 1, 9, 12)}),
        ({"t": datetime.datetime(2024, 1, 9), "u": datetime.date(2024, 1, 1)}, "u > t",
         {"u": datetime.date(2024, 1, 10)}),
        ({"t": datetime.datetime(2024, 1, 9, 5), "u": datetime.date(2024, 1, 1)}, "u > t",
         {"u": datetime.date(2024, 1, 10)}),
        ({"a b": 5}, "col('a b') < 3", {"a b": 2}),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)  # fmt: skip
def test_assignments_follow_from_an_expression(
    row: dict[str, Any], expression: str, expected: dict[str, Any] | None
) -> None:
    if expected is not None:
        assert repaired([row], ask("check", expression=expression)) == [row | expected]
        return
    made = repaired([row], ask("check", expression=expression), nullable=("u",))
    assert made == [row | {"u": None}], "nothing follows: the column that may be null is"


def test_what_nothing_follows_from_has_no_proposal() -> None:
    table = pa.Table.from_pylist([{"a": 5, "b": 2**61}, {"a": None, "b": 1}])
    assigner = Assigner(table, np.random.default_rng(1))
    for text in (
        "a != 5",
        "a * a < 3",
        "abs(a) == 3",
        "a < b * b * b",
        "a > 'x'",
        "a == 'x'",
        "1 < 2",
        "is_null(a * 2)",
    ):
        assert list(assigner.proposals(text, table)) == [], text
    (filled,) = assigner.proposals("not is_null(a)", table)
    assert filled["a"].to_pylist() == [5, 5]


def test_a_column_that_holds_already_is_left_alone_where_another_must_change() -> None:
    rows = [{"a": 9, "b": 9}, {"a": 1, "b": 9}]
    assert repaired(rows, ask("check", expression="a > 5 and b < 5")) == [{"a": 9, "b": 4}, {"a": 6, "b": 4}]


def test_if_then_makes_then_true_and_else_when_false() -> None:
    rule = ask("if_then", when="s == 'paid'", then="a > 0")
    assert repaired([{"s": "paid", "a": -1}, {"s": "open", "a": -1}], rule)[0] == {"s": "paid", "a": 1}
    other = ask("if_then", when="a > 0", then="a * a < 0")
    assert repaired([{"a": 5}], other) == [{"a": 0}]


def test_nulls_are_filled_taken_away_and_kept_together() -> None:
    pool = [{"a": 7, "b": "x", "c": 1}]
    schema = pa.schema([("a", pa.int64()), ("b", pa.string()), ("c", pa.int64())])
    row = {"a": None, "b": "y", "c": 2}
    assert repaired([row], ask("not_null", columns=["a", "b"]), pool=pool, schema=schema)[0]["a"] == 7
    made = repaired([row], ask("not_null", columns=["a"], when="c > 1"), schema=schema)
    assert made == [{"a": None, "b": "y", "c": 1}], "there is nothing to fill it with: `when` gives way"
    assert repaired(pool, ask("null_when", columns=["a", "b"], when="c == 1")) == [{"a": None, "b": None, "c": 1}]
    together = ask("null_together", columns=["a", "b"])
    assert repaired([{"a": None, "b": "x"}], together, schema=schema) == [{"a": None, "b": None, "c": None}]
    kept = (together, ask("not_null", columns=["b"]))
    assert repaired([row], *kept, pool=pool, schema=schema) == [{"a": 7, "b": "y", "c": 2}]


@pytest.mark.parametrize("name", FORMATS)
def test_written_texts_have_the_format(name: str) -> None:
    constraint = FormatConstraint(kind="format", column="x", format=name)
    texts = format_texts(constraint, 200, np.random.default_rng(1))
    assert texts is not None
    assert constraint.fits(pa.array(texts)).all()
    assert texts == format_texts(constraint, 200, np.random.default_rng(1))
    assert len(set(texts)) > 20


def test_a_text_is_written_from_a_pattern_and_a_pattern_that_cannot_be_is_left() -> None:
    assert repaired([{"x": "?"}], ask("format", column="x", pattern="[A-C]{2}-[0-9]"))[0]["x"] != "?"
    wide = FormatConstraint(kind="format", column="x", pattern="x\\b")
    assert format_texts(wide, 1, np.random.default_rng(1)) is None


TYPES = [
    pa.int8(), pa.uint16(), pa.int64(), pa.float32(), pa.float64(), pa.decimal128(9, 2), pa.date32(), pa.date64(),
    pa.timestamp("s"), pa.timestamp("ns"), pa.timestamp("us", "UTC"), pa.time32("s"), pa.time64("us"),
    pa.duration("ms"), pa.bool_(), pa.string(), pa.dictionary(pa.int8(), pa.string()),
]  # fmt: skip


@pytest.mark.parametrize("kind", TYPES, ids=str)
def test_values_of_every_type_can_be_written_back(kind: pa.DataType) -> None:
    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    words: list[Any] = ["x", None, "y"] if inner == pa.string() else [True, None, False]
    if inner not in (pa.bool_(), pa.string()):
        unit = {pa.date64(): 86_400_000, pa.timestamp("ns"): 1_000}.get(inner, 1)
        wide = pa.types.is_temporal(inner) and inner.bit_width == 64
        numbers = pa.array([unit, None, 3 * unit], pa.int64() if wide else pa.int32())
        array = numbers.view(inner) if pa.types.is_temporal(inner) else pa.array(numbers.to_pylist(), inner)
    else:
        array = pa.array(words, inner)
    assert to_column(values_of(array), kind).equals(array)
    table = pa.table(
        [array.dictionary_encode().cast(kind) if inner != kind else array], schema=pa.schema([("x", kind)])
    )
    assert with_column(table, "x", array).equals(table)
    if inner not in (pa.bool_(), pa.string()):
        up = to_column(moved(values_of(array), kind, 1), kind, 1)
        back = to_column(moved(values_of(up), kind, -1), kind, -1)
        assert values_of(up).data[0] > values_of(array).data[0]
        assert back.equals(array)


def test_a_value_of_another_kind_cannot_be_written() -> None:
    with pytest.raises(TypeError):
        to_column(values_of(pa.array(["x"])), pa.int64())


NUMBER = st.none() | st.integers(0, 6)
ROWS = st.lists(st.fixed_dictionaries({"a": NUMBER, "b": NUMBER, "c": NUMBER}), min_size=1, max_size=60)
KINDS = st.sampled_from([
    LESS, STRICT, ask("inequality", low="b", high="c"), ask("range", column="a", min=1, max=4),
    ask("range", column="c", min="a"), ask("sum", columns=["a", "b"], total="c"),
    ask("sum", columns=["a", "c"], total=5), ask("check", expression="a + b < 6"), ask("check", expression="a != b"),
    ask("if_then", when="a > 2", then="c == 6"), ask("not_null", columns=["b"]),
    ask("null_when", columns=["c"], when="a == 0"),
    ask("null_together", columns=["a", "c"]), ask("one_hot", columns=["a", "b"]),
    ask("fixed_combinations", columns=["a", "b"], combinations=[[1, 2], [2, 4], [3, 3], [0, 1]]),
])  # fmt: skip


@settings(max_examples=120, deadline=None)
@given(
    rows=ROWS, fields=st.lists(KINDS, min_size=1, max_size=4), redraw=st.sampled_from(["any", "same_place", "never"])
)
def test_rows_are_kept_or_refused_and_never_let_through(
    rows: list[dict[str, Any]], fields: list[dict[str, Any]], redraw: str
) -> None:
    schema = pa.schema([("a", pa.int64()), ("b", pa.float64()), ("c", pa.int16())])
    source = pa.Table.from_pylist(rows, schema)
    constraints = ADAPTER.validate_python(fields)

    def draw(block: Block) -> pa.Table:
        rng = block.stream("test")
        return pa.table([c.take(pa.array(rng.integers(len(rows), size=block.rows))) for c in source.columns], schema)

    block = Block(0, 0, 80, seed=1)
    keeper = Keeper(constraints, frozenset("abc"), redraw)
    first = draw(block)
    try:
        table, tally = keeper.keep(block, draw)
    except GeneratorError:
        return
    assert not violations(constraints, table).any()
    assert table.schema == schema
    assert table.num_rows == 80
    wrong = violations(constraints, first)
    changed = sum(a != b for a, b in zip(first.to_pylist(), table.to_pylist(), strict=True))
    assert changed <= wrong.any(axis=0).sum()
    assert tally.resampled <= wrong.any(axis=0).sum()
    assert (tally.resampled_by <= wrong.sum(axis=1)).all()
    assert tally.resampled + tally.repaired >= changed
    assert table.equals(keeper.keep(block, draw)[0]), "the same block gives the same rows"
