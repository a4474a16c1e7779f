"""Histograms that disclose nothing, overlays, and the map of pairs."""

from __future__ import annotations

import datetime as dt
import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from proofset.evidence import MAX_PARTS, MIN_COUNT, Histogram, Measure, Profile, Scorecard, Share
from proofset.spec import TableSpec
from quality.histograms import STEP, counted, histogram, shares
from quality.plots_drawn import Block, Overlay, draw_block, draw_overlays
from quality.profile import profile_table
from quality.protect import bounds
from quality.report_columns import column_views
from quality.report_pairs import SHOWN, STEPS, pair_map, scale, step

NUMBERS = st.lists(
    st.one_of(
        st.integers(-5, 5).map(float),
        st.floats(allow_nan=True, allow_infinity=False, width=64),
        st.floats(0, 1),
        st.sampled_from([1e300, -1e300, 1e16, 1e16 + 2, 5e-324, 0.0]),
    ),
    max_size=300,
)


@settings(max_examples=150, deadline=None)
@given(NUMBERS, st.booleans())
def test_every_bin_holds_enough_rows_whatever_the_values(numbers: list[float], integral: bool) -> None:
    values = np.array(numbers, dtype=np.float64)
    known = values[np.isfinite(values)]
    found = histogram(values, bounds(values), len(values), integral=integral)
    if found is None:
        return
    places = np.zeros(len(found.shares), dtype=int)
    for value in known:  # the obvious way
        inside = [i for i in range(len(found.shares)) if found.edges[i] <= value < found.edges[i + 1]]
        places[inside[0] if inside else 0 if value < found.edges[0] else -1] += 1
    assert places.tolist() == counted(known, np.array(found.edges)).tolist()
    assert min(places) >= MIN_COUNT
    told = np.array(found.shares) * len(values)
    assert np.allclose(told, np.round(told / STEP) * STEP, atol=1e-6)
    assert np.all(np.abs(told - places) <= STEP / 2 + 1e-6)
    if integral and np.all(known == np.floor(known)):
        assert min(np.diff(found.edges)) >= 1
    assert found == histogram(values[::-1], bounds(values), len(values), integral=integral)


@pytest.mark.parametrize("values", [[], [1.0] * 20, [1.0] * 500, [1e16, 1e16 + 2] * 50, [-1e308, 1e308] * 50])
def test_nothing_to_draw_gives_no_histogram(values: list[float]) -> None:
    made = np.array(values)
    assert histogram(made, bounds(made), len(made), integral=False) is None


def test_a_long_tail_does_not_squeeze_the_rest() -> None:
    values = np.concatenate([np.linspace(0, 100, 2000), np.linspace(1e5, 1e6, 40)])
    found = histogram(values, bounds(values), len(values), integral=False)
    assert found is not None
    assert max(found.edges) < 2000
    assert len(found.shares) > 3


def test_a_column_of_one_value_but_for_a_few_rows_is_drawn_to_its_bounds() -> None:
    values = np.concatenate([np.zeros(2000), np.linspace(10, 100, 60)])
    found = histogram(values, bounds(values), len(values), integral=False)
    assert found is not None
    assert found.edges[-1] > 50
    assert found.shares[0] > 0.95


def test_shares_of_another_table_are_counted_in_the_same_bins() -> None:
    own = Histogram(edges=(0.0, 1.0, 2.0), shares=(0.5, 0.5))
    assert shares(np.array([-5.0, 0.5, 1.0, 9.0, np.nan]), own, 5) == (0.4, 0.4)
    assert shares(np.array([]), own, 0) == (0.0, 0.0)


@pytest.mark.parametrize("edges", [(0.0, 1.0), (0.0, 2.0, 1.0), (0.0, 1.0, 1.0)])
def test_edges_that_do_not_rise_are_refused(edges: tuple[float, ...]) -> None:
    with pytest.raises(ValidationError, match="rising edges"):
        Histogram(edges=edges, shares=(0.5, 0.5))


def table(rows: int = 600) -> pa.Table:
    day = dt.datetime(2020, 1, 1)
    return pa.table(
        {
            "n": np.arange(rows) / 7,
            "when": [day + dt.timedelta(hours=i) for i in range(rows)],
            "few": np.arange(rows) % 3 * 1.5,
            "tower": np.where(np.arange(rows) % 10 == 0, np.arange(rows), 0),
            "words": ["a", "b", "c"] * (rows // 3),
        }
    )


def card(*measures: Measure) -> Scorecard:
    return Scorecard(synthetic_digest="3" * 64, train_digest="1" * 64, holdout_digest="2" * 64, measures=measures)


def test_columns_are_shown_by_what_they_are() -> None:
    profile = profile_table(table(), "t", TableSpec(), "")
    views = {v.name: v for v in column_views(profile, card(), table())}
    assert views["n"].overlay is not None
    assert not views["n"].overlay.times
    assert views["when"].overlay is not None
    assert views["when"].overlay.times
    assert views["tower"].overlay is not None
    assert views["tower"].overlay.root
    assert [s.value for s in views["few"].shares] == ["0", "1.5", "3"]
    assert "0 % of the rows lie in other bins" in views["n"].overlay.label.replace("\u00a0", " ")


def test_a_synthetic_column_of_another_type_is_not_drawn() -> None:
    profile = profile_table(table(), "t", TableSpec(), "")
    other = pa.table(
        {
            "n": table()["when"],
            "when": table()["n"],
            "tower": pa.array(["x"] * 600),
            "words": table()["words"].dictionary_encode(),
        }
    )
    views = {v.name: v for v in column_views(profile, card(), other)}
    assert not [name for name in ("n", "when", "tower") if views[name].overlay]
    assert views["words"].shares
    assert set(views) == {"n", "when", "tower", "words"}


def test_a_dictionary_of_numbers_is_drawn() -> None:
    profile = profile_table(table(), "t", TableSpec(), "")
    coded = table().set_column(0, "n", table()["n"].dictionary_encode())
    assert column_views(profile, card(), coded)[0].overlay == column_views(profile, card(), table())[0].overlay


def test_overlays_are_cut_apart_and_painted_by_classes() -> None:
    first = Overlay("a <b>", (0.0, 1.0, 2.0, 4.0), (0.2, 0.3, 0.5), (0.1, 0.4, 0.5))
    times = Overlay("t", (0.0, 1e5, 9e8), (0.95, 0.05), (0.5, 0.5), times=True, root=True)
    hours = Overlay("h", (0.0, 3600.0, 7200.0), (0.5, 0.5), (0.5, 0.5), times=True)
    far = Overlay("f", (0.0, 1e12, 2e12), (0.5, 0.5), (0.0, 0.0), times=True)
    large = Overlay("l", (0.0, 5e9, 1e10), (0.004, 0.001), (0.001, 0.001))
    drawn = draw_overlays([first, times, hours, far, large])
    assert drawn == draw_overlays([first, times, hours, far, large])
    assert len(drawn) == 5
    for place, svg in enumerate(drawn):
        assert f'viewBox="0 {150 * place} 400 150"' in svg
        assert svg.count('class="real"') == svg.count('class="synthetic"') == 1
        assert not re.search(r"#[0-9a-f]{6}|style=|id=|https?:", svg)
    assert 'aria-label="a &lt;b&gt;"' in drawn[0]
    assert "1970-01-01" in drawn[1]
    assert "01-01 01:00" not in drawn[1]
    assert "01-01 02:00" in drawn[2]
    assert "10bn" in drawn[4]
    assert "0.3 %" in drawn[4]
    assert draw_overlays([]) == []


def test_a_block_names_its_cells() -> None:
    block = Block("map", ("a$x$", "b<c>", "三"), ((1, 0, 0, "one & two"), (2, 0, 6, "two"), (2, 1, None, "three")))
    svg = draw_block(block)
    assert svg == draw_block(block)
    assert '<path class="h0"' in svg
    assert '<path class="h6"' in svg
    assert '<path class="unknown"' in svg
    assert "<title>one &amp; two</title>" in svg
    assert re.findall(r"<text[^>]*>([^<]*)</text>", svg) == ["a$x$", "b&lt;c&gt;", "b&lt;c&gt;", "三"]


def pairs(name: str, parts: list[Share]) -> Measure:
    return Measure.model_validate(
        {"name": name, "title": "Pairs", "value": 0.1, "low": 0.1, "high": 0.1, "n": 9, "direction": "lower",
         "floor": 0, "ceiling": 1, "parts": parts}
    )  # fmt: skip


def profiled(*names: str) -> Profile:
    return profile_table(pa.table({n: [1, 2] for n in names}), "t", TableSpec(), "")


def test_the_map_knows_what_was_not_measured() -> None:
    profile = profiled("a", "b", "c × d")
    parts = [
        Share(part="b × c × d", value=0.3, reference=0.1),
        Share(part="a × b", value=0.001),
        Share(part="x × y", value=0),
    ]
    found = pair_map(profile, card(pairs("fidelity.pair_error", parts)))
    assert found is not None
    assert found.block.names == ("a", "b", "c × d")
    assert {(r, c): s for r, c, s, _ in found.block.cells} == {(1, 0): 0, (2, 0): None, (2, 1): len(STEPS)}
    words = [w.replace("\u00a0", " ") for *_, w in found.block.cells]
    assert words == ["a × b: 0.10 %", "a × c × d: not measured", "b × c × d: 30.00 %, real rows 10.00 %"]
    assert found.left_out == 0


def test_a_full_list_bounds_what_it_leaves_out() -> None:
    names = [f"c{i:02}" for i in range(30)]
    parts = [Share(part=f"{a} × {b}", value=0.5) for i, a in enumerate(names) for b in names[i + 1 :]][:MAX_PARTS]
    parts[-1] = parts[-1].model_copy(update={"value": 0.015})
    found = pair_map(profiled(*names), card(pairs("fidelity.every_pair_error", parts)))
    assert found is not None
    assert len(found.block.names) == SHOWN
    assert found.left_out == 30 - SHOWN
    assert {w.rpartition(": ")[2] for *_, w in found.block.cells} == {"50.00\u00a0%", "at most 1.50\u00a0%"}


def test_without_pairs_there_is_no_map() -> None:
    assert pair_map(profiled("a"), card()) is None
    assert pair_map(profiled("a"), card(pairs("fidelity.pair_error", [Share(part="a × z", value=0.1)]))) is None


def test_the_scale_is_fixed() -> None:
    assert [step(v) for v in (0, 0.005, 0.0051, 0.2, 1)] == [0, 0, 1, 5, 6]
    assert len(scale()) == len(STEPS) + 1
