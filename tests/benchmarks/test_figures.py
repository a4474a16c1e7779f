"""The benchmark's arithmetic: scores, intervals, bounds, and what the page shows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from benchmarks import checks, conditional, frontier_picture, generators, own, page, running, scale, scoring, uplift
from benchmarks.environments import PEERS
from benchmarks.peers import protocol
from benchmarks.tables import BenchTable, Split
from proofset.errors import UnknownNameError
from quality.learners import few_threads

SCORED = st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=60)


@given(SCORED)
def test_average_precision_agrees_with_scikit_learn(rows: list[tuple[bool, int]]) -> None:
    truth, scores = np.array([r[0] for r in rows]), np.array([r[1] for r in rows], float)
    truth[0] = True
    assert uplift.average_precision(truth, scores) == pytest.approx(average_precision_score(truth, scores))


@given(SCORED)
def test_separation_is_the_area_under_the_curve(rows: list[tuple[bool, int]]) -> None:
    truth, scores = np.array([r[0] for r in rows]), np.array([r[1] for r in rows], float)
    truth[0], truth[1] = True, False
    assert own.separation(scores[truth], scores[~truth]) == pytest.approx(roc_auc_score(truth, scores))


def test_half_width_is_students_interval() -> None:
    from scipy.stats import t

    values = np.array([0.1, 0.2, 0.4, 0.3, 0.2])
    low, high = t.interval(0.95, 4, values.mean(), values.std(ddof=1) / np.sqrt(5))
    assert uplift.half_width(values) == pytest.approx((high - low) / 2, rel=1e-3)


def test_thinning_leaves_every_negative_and_the_share_asked_for() -> None:
    described = BenchTable("t", 20_000, 10, "y", 1)
    table = pa.table({"y": np.arange(20_000) % 10 == 0}).cast(pa.schema([("y", pa.int64())]))
    kept = uplift.thinned(table, Split(described, 0, table, table), 1, "train")
    label = np.asarray(kept["y"])
    assert (label == 0).sum() == 18_000
    assert label.mean() == pytest.approx(uplift.RARE, rel=0.01)


def test_filling_leaves_no_null_and_looks_at_training_rows_only() -> None:
    train = pa.table({"n": pa.array([1, None, 3], pa.int64()), "w": ["a", None, "b"], "y": [0, 1, 0]})
    test = pa.table({"n": pa.array([None, 100, 100], pa.int64()), "w": [None, "c", "c"], "y": [0, 1, 0]})
    first, second = uplift.filled(train, test, "y")
    assert first["n"].to_pylist() == [1, 2, 3]
    assert second["n"].to_pylist() == [2, 100, 100]
    assert second["w"].to_pylist() == ["missing", "c", "c"]
    assert first.schema == train.schema


def test_both_models_find_a_planted_signal() -> None:
    rng = np.random.default_rng(0)
    x, word = rng.normal(size=2_000), rng.choice(["a", "b"], 2_000)
    label = (x + (word == "a") > 1.5).astype(np.int64)
    table = pa.table({"x": x, "word": word, "y": label})
    here = Split(BenchTable("t", 1_000, 1_000, "y", 1), 0, table.slice(0, 1_000), table.slice(1_000))
    truth = uplift.positives(here.test, here)
    with few_threads():
        for model in uplift.MODELS.values():
            for weighted in (False, True):
                assert uplift.average_precision(truth, model(here.train, here, weighted, 1)) > 0.9


def test_means_carry_a_standard_error_only_over_several_runs() -> None:
    assert scoring.means([{"a": 1.0}]) == {"a": 1.0}
    assert scoring.means([{"a": 1.0, "b": 1.0}, {"a": 3.0}]) == {"a": 2.0, "a_se": pytest.approx(1.0)}


def test_duplicates_are_rows_that_repeat_an_earlier_one() -> None:
    assert scoring.duplicates(np.array([4, 4, 4, 7])) == 0.5


@pytest.mark.parametrize(
    ("value", "met"), [(0.53, True), (0.535, True), (0.536, False), (None, None)], ids=["below", "at", "above", "none"]
)
def test_a_bound_is_met_missed_or_not_measured(value: float | None, met: bool | None) -> None:
    figures = {} if value is None else {"adult.trees.medium.c2st": value}
    found = {v.figure: v.met for v in checks.verdicts(figures)}
    assert found["adult.trees.medium.c2st"] is met


def test_a_bound_between_two_floors_and_a_missing_floor() -> None:
    p = "census.trees.medium.duplicates"
    for value, met in ((0.01, True), (0.021, False), (0.004, False)):
        assert {v.figure: v.met for v in checks.verdicts({p: value, f"{p}_floor": 0.01})}[p] is met
    assert {v.figure: v.met for v in checks.verdicts({p: 0.1})}[p] is None


def test_only_what_was_measured_is_printed() -> None:
    text = checks.printed(checks.verdicts({"census.trees.medium.fit_s": 13.0}))
    assert text == "MISSED  census.trees.medium.fit_s = 13 (≤ 12)"


ROW = {
    "shape_error": 0.004, "shape_error_floor": 0.006, "pair_error": 0.01, "c2st": 0.52, "tstr": 0.92, "trtr": 0.927,
    "mia": 0.504, "mia_tpr": 0.011, "copies": 0.0, "copies_floor": 0.001, "fit_s": 1.0, "sample_s": 0.25, "epochs": 3,
}  # fmt: skip


def flat(prefix: str, row: dict[str, float]) -> dict[str, float]:
    return {f"{prefix}.{name}": value for name, value in row.items()}


def test_the_frontiers_tables_show_floor_epochs_and_time_own_levels_first() -> None:
    row = ROW | {"seconds": 1.25}
    figures = flat("frontier.adult.CTGAN", row) | flat("frontier.adult.trees.high", row)
    figures |= flat("frontier.adult.trees.low", row) | {"adult.trees.low.c2st": 0.9}
    assert list(page.grouped(figures, "frontier")["adult"]) == ["trees low", "trees high", "CTGAN"]
    text = page.frontier_tables(figures)
    assert "| test rows themselves | 0.60 % | – | 0.500 | 0.927 |" in text
    assert "| CTGAN, 3 epochs | 0.40 % | 1.00 % | 0.520 | 0.920 | 0.504 | 1.10 % | 0.00 % | 1.25 s |" in text


def test_bounds_uplift_and_scale_show_what_was_measured_and_nothing_else() -> None:
    assert "**missed**" in page.bounds_table({"census.trees.medium.fit_s": 13.0})
    figures = flat("uplift.late.real.boosted", {"ap": 0.1, "ap_half": 0.01})
    figures |= flat("uplift.late.smote.boosted", {"ap": 0.09, "ap_half": 0.01, "gain": -0.01, "gain_half": 0.002})
    text = page.uplift_tables(figures | {"uplift.late.share": 0.005})
    assert "0.50 % positives" in text
    assert "| SMOTENC | boosted | 0.0900 ± 0.0100 | -0.0100 ± 0.0020 |" in text
    found = page.scale_table({"scale.fit.1m.fit_s": 12.0, "scale.fit.1m.peak_mb": 900.0, "scale.fit.slope": 1.04})
    assert "| fit 1,000,000 rows | 12 s | 900 MB |  |" in found
    assert "100,000" not in found
    streamed = page.scale_table({"scale.stream.rows_per_s": 2e6, "scale.stream.stream_s": 5.0})
    assert "| stream 10,000,000 rows | 5 s |  | 2,000,000 |" in streamed


def test_the_page_is_changed_between_its_marks_only() -> None:
    text = "a\n<!-- x: begin -->\nold\n<!-- x: end -->\nb\n"
    assert page.between(text, "x", "new") == "a\n<!-- x: begin -->\n\nnew\n\n<!-- x: end -->\nb\n"
    assert page.between("no marks", "x", "new") == "no marks"


def test_the_documentation_has_every_block() -> None:
    text = page.PAGE.read_text(encoding="utf-8")
    assert all(page.between(text, name, "changed") != text for name in page.BLOCKS)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_labels_keep_their_order_and_their_distance(places: list[float]) -> None:
    moved = np.array(frontier_picture.spread(places))
    order = np.argsort(places, kind="stable")
    assert np.all(np.diff(moved[order]) >= frontier_picture.GAP - 1e-3)


def test_the_picture_has_a_panel_for_each_table(tmp_path: Path) -> None:
    rows = {name: ROW | {"seconds": 10.0} for name in ("trees low", "trees high", "CTGAN")}
    frontier_picture.draw({"adult": rows, "german": rows, "compas": rows}, tmp_path / "f.png")
    assert (tmp_path / "f.png").read_bytes()[:4] == b"\x89PNG"


def test_budgets_are_for_all_trained_peers_or_for_the_named_ones() -> None:
    assert generators.budgets("") == {}
    assert set(generators.budgets("240")) == {p for p in PEERS if p != "GaussianCopula"}
    assert generators.budgets("TVAE=300,CTGAN=60") == {"TVAE": 300, "CTGAN": 60}
    with pytest.raises(UnknownNameError, match="TVAE"):
        generators.budgets("TVA=3")


def test_every_section_exists_and_a_wrong_one_is_told() -> None:
    assert all(callable(generators.section(name)) for name in generators.SECTIONS)
    with pytest.raises(UnknownNameError, match="uplift"):
        generators.section("uplif")


def test_a_peers_table_is_brought_to_the_schema() -> None:
    schema = pa.schema([("n", pa.int64()), ("w", pa.string()), ("t", pa.timestamp("us"))])
    made = pa.table({
        "t": pa.array([0, 1], pa.timestamp("ns")),
        "w": pa.array(["a", None]).dictionary_encode(),
        "n": pa.array([1.6, float("nan")]),
    })  # fmt: skip
    found = running.conform(made, schema)
    assert found.schema == schema
    assert found["n"].to_pylist() == [2, None]
    assert found["w"].to_pylist() == ["a", None]


def test_jittered_rows_keep_types_and_ranges_and_are_no_copies() -> None:
    rng = np.random.default_rng(1)
    table = pa.table({"n": rng.integers(0, 10_000, 500), "f": rng.normal(size=500), "w": rng.choice(["a", "b"], 500)})
    made = scale.jittered(table, 2_000, rng)
    assert made.schema == table.schema
    assert made.num_rows == 2_000
    assert min(made["n"].to_pylist()) >= min(table["n"].to_pylist())
    assert max(made["f"].to_pylist()) <= max(table["f"].to_pylist())
    old = set(zip(*(table[c].to_pylist() for c in table.column_names), strict=True))
    new = zip(*(made[c].to_pylist() for c in made.column_names), strict=True)
    assert sum(row in old for row in new) < 100


def test_an_enlarged_table_has_its_rows_and_is_kept(tmp_path: Path) -> None:
    table = pa.table({"n": np.arange(1_000)})
    path = scale.enlarged(table, 3_000, tmp_path / "s.parquet")
    before = path.stat().st_mtime_ns
    assert scale.enlarged(table, 3_000, path).stat().st_mtime_ns == before
    assert not path.with_suffix(".part").exists()


def test_slope_of_a_linear_cost_is_one() -> None:
    assert scale.slope([10, 100, 1000], [0.1, 1.0, 10.0]) == pytest.approx(1.0)


def test_a_row_meets_a_condition_only_with_every_value() -> None:
    table = pa.table({"a": ["x", "x", None], "b": [1, 2, 1]})
    assert conditional.meets(table, {"a": "x", "b": 1}).tolist() == [True, False, False]


def test_training_stops_once_the_time_is_up() -> None:
    ticks = iter(range(100))
    steps = list(protocol.Until(range(50), 3, lambda: next(ticks)))
    assert steps == [0, 1, 2, 3, 4]
    assert protocol.Until.done == 5


def test_peak_memory_is_the_kernels_figure_for_this_program_alone(tmp_path: Path) -> None:
    status = tmp_path / "status"
    status.write_text("Name:\tx\nVmHWM:\t  1000 kB\n")
    assert protocol.peak_mb(status) == pytest.approx(1.024)
    assert protocol.peak_mb(tmp_path / "none") > 1
