"""Coding and decoding: what comes back, and what must not."""

from __future__ import annotations

import datetime
import decimal
import itertools
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators.coding import CategoryCodec, learn_categories
from generators.coding_numbers import NumberCodec, _knots, _pack, from_arrow, learn_numbers, to_arrow
from proofset.errors import GeneratorError
from proofset.evidence import MIN_COUNT
from proofset.spec import ColumnSpec


def column(values: Any, kind: pa.DataType | None = None) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(values, type=kind)])


def back(codec: Any, codes: np.ndarray, kind: pa.DataType, seed: int = 0) -> list[Any]:
    result: list[Any] = codec.decode(codes, kind, np.random.default_rng(seed)).to_pylist()
    return result


D = decimal.Decimal
KINDS = [
    ([1, -5, 127], pa.int8()),
    ([0, 2**63 - 1, -(2**63)], pa.int64()),
    ([0, 2**64 - 2**11, 7], pa.uint64()),
    ([0.5, -1e300, 3.25], pa.float64()),
    ([0.5, 1.5, 2.0], pa.float32()),
    ([0.5, 1.5, 2.0], pa.float16()),
    ([D("1.05"), D("-99999.99"), D("0.00")], pa.decimal128(12, 2)),
    ([D("1.5"), D(2**70), D("2.0")], pa.decimal128(30, 1)),
    ([D("1.5"), D("2.5"), D("-3.0")], pa.decimal256(40, 1)),
    ([datetime.date(1, 1, 1), datetime.date(9999, 12, 31), datetime.date(2024, 2, 29)], pa.date32()),
    ([datetime.date(1900, 1, 1), datetime.date(2100, 1, 1), datetime.date(2024, 2, 29)], pa.date64()),
    (
        [datetime.datetime(1, 1, 1), datetime.datetime(9999, 12, 31, 23), datetime.datetime(2024, 2, 29)],
        pa.timestamp("us"),
    ),
    ([0, 2**62, -(2**62)], pa.timestamp("ns", tz="UTC")),
    ([datetime.time(0, 0), datetime.time(23, 59, 59), datetime.time(12)], pa.time32("s")),
    ([datetime.time(0, 0), datetime.time(23, 59, 59, 5), datetime.time(12)], pa.time64("us")),
    ([datetime.timedelta(1), datetime.timedelta(-400), datetime.timedelta(0)], pa.duration("ms")),
    ([5, 9, 11], pa.dictionary(pa.int8(), pa.int32())),
]


@pytest.mark.parametrize(("values", "kind"), KINDS, ids=[str(k) for _, k in KINDS])
def test_values_that_enough_rows_share_come_back_exactly_in_every_type(values: list[Any], kind: pa.DataType) -> None:
    if pa.types.is_dictionary(kind):
        array = column(values * MIN_COUNT + [None], kind.value_type).dictionary_encode().cast(kind)
    else:
        array = column(values * MIN_COUNT + [None], kind)
    codec, codes = learn_numbers("x", array)
    decoded = codec.decode(codes, kind, np.random.default_rng(0))
    assert decoded.type == kind
    assert decoded.to_pylist() == array.to_pylist()


@given(
    st.lists(st.integers(-(2**40), 2**40) | st.none(), min_size=30, max_size=200),
    st.integers(0, 5),
)
@settings(max_examples=80, deadline=None)
def test_codes_are_in_the_order_of_values_and_ranges_hold(values: list[int | None], seed: int) -> None:
    present = [v for v in values if v is not None]
    if len(present) < MIN_COUNT:
        return
    codec, codes = learn_numbers("x", column(values, pa.int64()))
    assert codes.max() < codec.codes
    assert (np.bincount(codes, minlength=codec.codes) == codec.weights).all()
    decoded = back(codec, codes, pa.int64(), seed)
    for value, again in zip(values, decoded, strict=True):
        assert (value is None) == (again is None)
        if again is not None:
            assert min(present) <= again <= max(present)
    filled = codes[[v is not None for v in values]]
    assert np.bincount(filled).min(initial=MIN_COUNT, where=np.bincount(filled) > 0) >= MIN_COUNT


def test_a_single_extreme_never_comes_back() -> None:
    values = np.append(np.random.default_rng(0).normal(0, 1, 999), 1e9)
    codec, codes = learn_numbers("x", column(values))
    drawn = back(codec, np.repeat(codes, 50), pa.float64())
    assert max(drawn) < 1e9 / (MIN_COUNT - 1)
    for array in codec.arrays().values():
        assert not np.isin(values, array).any(), "the model holds a row's own number"


@given(st.lists(st.integers(1, 9), min_size=1, max_size=60), st.integers(1, 30))
@settings(max_examples=80, deadline=None)
def test_bins_are_runs_of_enough_rows(counts: list[int], least: int) -> None:
    bins = _pack(np.array(counts), least)
    assert (np.diff(bins) >= 0).all()
    sizes = np.bincount(bins, weights=counts)
    assert len(sizes) == 1 or sizes.min() >= least


def test_every_knot_is_the_mean_of_enough_sorted_values() -> None:
    values = np.sort(np.random.default_rng(1).normal(size=1_005))
    ranks, knots = _knots(values)
    assert len(knots) == 100
    edges = np.linspace(0, 1_005, 101).astype(int)
    assert np.diff(edges).min() >= MIN_COUNT
    assert knots == pytest.approx([values[a:b].mean() for a, b in itertools.pairwise(edges)])
    assert ranks == pytest.approx((edges[:-1] + edges[1:]) / 2)


def test_decimals_steps_and_days_are_kept() -> None:
    rng = np.random.default_rng(2)
    cents, codes = learn_numbers("x", column(np.round(rng.lognormal(3, 1, 3_000), 2)))
    assert all(round(v, 2) == v for v in back(cents, codes, pa.float64()))
    hundreds, codes = learn_numbers("x", column(rng.integers(0, 9_999, 3_000) * 100))
    assert all(v % 100 == 0 for v in back(hundreds, codes, pa.int64()))
    midnight = [datetime.datetime(2000, 1, 1) + datetime.timedelta(days=int(d)) for d in rng.integers(0, 9_000, 3_000)]
    days, codes = learn_numbers("x", column(midnight, pa.timestamp("us")))
    assert all((v.hour, v.minute, v.second) == (0, 0, 0) for v in back(days, codes, pa.timestamp("us")))
    free, codes = learn_numbers("x", column(rng.random(3_000)))
    assert free.decimals is None
    assert len(set(back(free, codes, pa.float64()))) > 2_900


def test_nan_and_infinity_count_as_missing() -> None:
    codec, codes = learn_numbers("x", column([1.0] * 20 + [float("nan"), float("inf"), None]))
    assert back(codec, codes, pa.float64()) == [1.0] * 20 + [None] * 3


def test_a_few_odd_values_join_the_nearest_atom() -> None:
    codec, codes = learn_numbers("x", column([0] * 50 + [100] * 50 + [40, 60, 99]))
    assert back(codec, codes, pa.int64()) == [0] * 50 + [100] * 50 + [0, 100, 100]


def test_fewer_numbers_than_a_group_are_missing_or_refused() -> None:
    codec, codes = learn_numbers("x", column([None] * 50 + [1, 2, 3]))
    assert back(codec, codes, pa.int64()) == [None] * 53
    with pytest.raises(GeneratorError, match="'x' has 3 rows"):
        learn_numbers("x", column([1, 2, 3]))
    empty, codes = learn_numbers("x", column([None] * 4, pa.int64()))
    assert back(empty, codes, pa.int64()) == [None] * 4


def test_numbers_stay_in_the_range_of_their_type() -> None:
    for kind in (pa.int8(), pa.uint8(), pa.int64(), pa.uint64()):
        values = np.array([-1e19, 1e20, 5.0])
        low, high = (
            (0, 2**kind.bit_width - 1)
            if str(kind)[0] == "u"
            else (-(2 ** (kind.bit_width - 1)), 2 ** (kind.bit_width - 1) - 1)
        )
        got = to_arrow(values, np.zeros(3, bool), kind).to_pylist()
        assert all(low <= v <= high for v in got), kind


def test_sliced_and_chunked_decimals_are_read_right() -> None:
    array = pa.array([D("1.5"), D("-2.5"), None, D("7.0")], pa.decimal128(5, 1))
    values, missing = from_arrow(pa.chunked_array([array.slice(1), array.slice(3)]))
    assert values[~missing].tolist() == [-25, 70, 70]


def test_rare_categories_are_pooled_and_drawn_from_the_kept() -> None:
    words = ["a"] * 60 + ["b"] * 30 + ["c"] * (MIN_COUNT - 1) + [f"secret {i}" for i in range(40)] + [None] * 10
    codec, codes = learn_categories("x", column(words), ColumnSpec())
    assert codec.values == ["a", "b"]
    drawn = back(codec, codes, pa.string())
    assert drawn[:90] == words[:90]
    assert set(drawn[90:139]) == {"a", "b"}
    assert drawn[139:] == [None] * 10
    assert codec.weights.tolist() == [60, 30, 49, 10]


def test_listed_categories_are_public_and_may_be_rare() -> None:
    codec, codes = learn_categories("x", column(["a"] * 60 + ["c"]), ColumnSpec(values=("a", "b", "c")))
    assert back(codec, codes, pa.string())[-1] == "c"


def test_both_truths_are_public() -> None:
    codec, codes = learn_categories("x", column([True] * 60 + [False]), ColumnSpec())
    assert back(codec, codes, pa.bool_()) == [True] * 60 + [False]


def test_nothing_to_keep_is_refused_with_the_way_out() -> None:
    with pytest.raises(GeneratorError, match=r"'x' has no category that 10 rows share.*200") as caught:
        learn_categories("x", column([f"u{i}" for i in range(200)]), ColumnSpec())
    assert "fake or drop" in str(caught.value)
    with pytest.raises(GeneratorError, match="binary"):
        learn_categories("x", column([b"a"] * 20), ColumnSpec())


@pytest.mark.parametrize(
    "kind",
    [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.large_string(), ordered=True)],
    ids=str,
)
def test_every_kind_of_text_keeps_its_type(kind: pa.DataType) -> None:
    words = ["Köln", "東京", "", "a b"] * MIN_COUNT + [None]
    array = pa.array(words).dictionary_encode() if pa.types.is_dictionary(kind) else pa.array(words)
    codec, codes = learn_categories("x", pa.chunked_array([array.cast(kind)]), ColumnSpec())
    decoded = codec.decode(codes, kind, np.random.default_rng(0))
    assert decoded.type == kind
    assert decoded.to_pylist() == words


def test_numbers_as_categories_keep_their_type() -> None:
    codec, codes = learn_categories("x", column([50667, 10115] * 20 + [None], pa.int32()), ColumnSpec())
    assert back(codec, codes, pa.int32()) == [50667, 10115] * 20 + [None]


@pytest.mark.parametrize(
    "values", [["a", "b", None] * 20, [1.5, 2.5, None] * 20, list(range(500))], ids=["c", "f", "i"]
)
def test_a_rebuilt_codec_decodes_alike(values: list[Any]) -> None:
    array = column(values)
    learn = learn_numbers("x", array) if array.type != pa.string() else learn_categories("x", array, ColumnSpec())
    codec, codes = learn
    kind = NumberCodec if isinstance(codec, NumberCodec) else CategoryCodec
    again = kind.rebuild(codec.plain(), codec.arrays())
    assert back(again, codes, array.type) == back(codec, codes, array.type)
