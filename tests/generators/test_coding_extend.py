"""The extended range: tails go beyond what was seen, as far as declared and no further."""

from __future__ import annotations

import decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators.coding_numbers import NumberCodec, learn_numbers
from proofset.spec import ColumnSpec


def drawn(values: np.ndarray, kind: pa.DataType | None = None, times: int = 20, **spec: float) -> np.ndarray:
    column = pa.chunked_array([pa.array(values, kind)])
    codec, codes = learn_numbers("x", column, ColumnSpec(**spec))  # type: ignore[arg-type]
    again = NumberCodec.rebuild(codec.plain(), codec.arrays())
    made = again.decode(np.tile(codes, times), column.type, np.random.default_rng(0))
    return np.asarray(made.cast(pa.float64()))


@given(st.integers(0, 1_000), st.sampled_from([0.05, 0.1, 0.5, 1.0]))
@settings(max_examples=40, deadline=None)
def test_nothing_lies_beyond_what_is_declared(seed: int, extend: float) -> None:
    values = np.random.default_rng(seed).lognormal(0, 1, 1_500)
    seen = drawn(values)
    room = extend * (seen.max() - seen.min())
    made = drawn(values, extend=extend)
    assert seen.max() < made.max() <= seen.max() + room + 1e-9
    assert seen.min() - room - 1e-9 <= made.min()
    bounded = drawn(values, extend=extend, min=float(seen.min()), max=float(seen.max()))
    assert bounded.min() >= seen.min() - 1e-9
    assert bounded.max() <= seen.max() + 1e-9


def test_an_exponential_tail_is_followed() -> None:
    values = np.random.default_rng(0).exponential(1.0, 20_000)
    made = drawn(values, times=10, extend=0.5)
    for cut in (6.0, 7.0, 8.0):
        assert np.mean(made > cut) == pytest.approx(np.exp(-cut), rel=0.5), cut
    # Control: without it the tail ends where the last ten rows' mean lies.
    assert drawn(values, times=10).max() < made.max() - 0.5
    assert np.mean(made) == pytest.approx(np.mean(values), rel=0.01)


def test_values_that_enough_rows_share_stay_the_ends() -> None:
    rng = np.random.default_rng(1)
    values = np.r_[np.zeros(500), np.round(rng.uniform(10, 90, 2_000), 1), np.full(500, 100.0)]
    made = drawn(values, extend=1.0)
    assert made.min() == 0
    assert made.max() == 100


def test_decimals_and_integers_are_extended_in_their_own_unit() -> None:
    rng = np.random.default_rng(2)
    cents = np.array([decimal.Decimal(int(c)).scaleb(-2) for c in rng.lognormal(8, 1, 2_000)])
    made = drawn(cents, pa.decimal128(12, 2), extend=0.5, max=5_000.0)
    assert made.max() <= 5_000
    whole = drawn(rng.poisson(10_000, 3_000), pa.int64(), extend=0.2)
    assert (whole == np.rint(whole)).all()


def test_a_column_of_atoms_has_no_tail() -> None:
    values = np.repeat(np.arange(20.0), 30)
    assert set(drawn(values, extend=1.0)) == set(values)
