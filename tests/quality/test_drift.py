"""Drift: each figure agrees with its definition, its interval covers the truth, and the verdict follows the rule."""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import wasserstein_distance

from proofset.drift import ColumnDrift, DriftReport, DriftVerdict, Figure
from proofset.errors import SourceError
from proofset.spec import TableSpec
from quality import drift_stats as stats
from quality.drift import AUC_LIMITS, CARDS, PSI_LIMITS, compare, level
from quality.drift_cells import number_cells, with_nulls, words
from quality.profile import profile_table

V = DriftVerdict
SPEC = TableSpec.model_validate({"columns": {"city": {"type": "category"}, "code": {"type": "id"}}})


def table(rows: int = 1_500, seed: int = 0, shift: float = 0.0, cities: str = "abcd") -> pa.Table:
    rng = np.random.default_rng(seed)
    day = dt.datetime(2020, 1, 1)
    x = rng.normal(shift, 1, rows)
    return pa.table(
        {
            "code": [f"K-{rng.integers(10**9):09d}" for _ in range(rows)],
            "city": rng.choice(list(cities), rows),
            "x": pa.array(x, mask=rng.random(rows) < 0.1),
            "y": x + rng.normal(0, 1, rows),
            "level": rng.integers(1, 5, rows),
            "since": [day + dt.timedelta(hours=int(h)) for h in rng.integers(0, 9_000, rows)],
        }
    )


def compared(before: pa.Table, after: pa.Table, seed: int = 1, spec: TableSpec = SPEC) -> DriftReport:
    return compare(before, after, profile_table(before, "t", spec, ""), seed, digests=("b", "a"))


def column(report: DriftReport, name: str) -> ColumnDrift:
    return next(c for c in report.columns if c.column == name)


COUNTS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=12).filter(
    lambda c: sum(a for a, _ in c) > 0 and sum(b for _, b in c) > 0
)


@given(COUNTS)
@settings(max_examples=150, deadline=None)
def test_divergences_agree_with_their_twins(counts: list[tuple[int, int]]) -> None:
    counts = [c for c in counts if sum(c)]
    n, m, k = sum(a for a, _ in counts), sum(b for _, b in counts), len(counts)
    p, q = ([(c[i] + 0.5) / (t + 0.5 * k) for c in counts] for i, t in ((0, n), (1, m)))
    scale = 1 / n + 1 / m
    plain = {
        stats.psi: (sum((b - a) * math.log(b / a) for a, b in zip(p, q, strict=True)), 1.0),
        stats.kl: (sum(b * math.log(b / a) for a, b in zip(p, q, strict=True)), 0.5),
        stats.js: (
            sum(v * math.log2(2 * v / (a + b)) / 2 for a, b in zip(p, q, strict=True) for v in (a, b)),
            1 / (8 * math.log(2)),
        ),
    }
    arrays = [np.array([c[i] for c in counts], np.int64) for i in (0, 1)]
    for measure, (value, curvature) in plain.items():
        found = measure(*arrays)
        corrected = max(0.0, value - curvature * (k - 1) * scale) if k > 1 else 0.0
        assert found.low <= found.value <= found.high
        assert found.value == pytest.approx(min(max(corrected, found.low), found.high), abs=1e-12)
        if found.low < corrected < found.high:
            assert found.value == pytest.approx(corrected, abs=1e-12)
        assert found.n == n + m


VALUES = st.lists(st.integers(-20, 20).map(lambda v: v / 4), min_size=1, max_size=60)


@given(VALUES, VALUES)
@settings(max_examples=100, deadline=None)
def test_wasserstein_agrees_with_scipy(before: list[float], after: list[float]) -> None:
    a, b = np.array(before), np.array(after)
    found = stats.wasserstein(a, b, (np.arange(len(a)) % 20, np.arange(len(b)) % 20))
    unit = float(np.std(np.concatenate([a, b])))
    expected = wasserstein_distance(a, b) / unit if unit else 0.0
    assert found.value == pytest.approx(expected, abs=1e-9)
    assert found.low <= found.value <= found.high


def test_huge_values_do_not_overflow() -> None:
    a, b = np.array([1e308, -1e308] * 50), np.array([1e308] * 100)
    groups = np.arange(100) % 20
    assert np.isfinite(stats.wasserstein(a, b, (groups, groups)).value)


@pytest.mark.parametrize("measure", [stats.psi, stats.js, stats.kl], ids=["psi", "js", "kl"])
@pytest.mark.parametrize("shares", [[0.1] * 10, [0.7, 0.3], [0.97, 0.01, 0.01, 0.01]], ids=["ten", "two", "rare"])
@pytest.mark.parametrize("moved", [0.0, 0.09])
def test_the_intervals_cover_what_the_populations_have(measure: object, shares: list[float], moved: float) -> None:
    """300 pairs of tables: the populations' own divergence lies in 90 to 99 % of the 95 % intervals."""
    p = np.array(shares)
    q = p.copy()
    q[0] -= moved
    q[-1] += moved
    truth = {
        stats.psi: ((q - p) * np.log(q / p)).sum(),
        stats.kl: (q * np.log(q / p)).sum(),
        stats.js: sum((v * np.log2(2 * v / (p + q))).sum() / 2 for v in (p, q)),
    }[measure]
    rng = np.random.default_rng(5)
    found = [measure(rng.multinomial(2_000, p), rng.multinomial(1_000, q)) for _ in range(300)]
    covered = np.mean([e.low <= truth + 1e-12 and truth <= e.high + 1e-12 for e in found])
    assert 0.90 <= covered <= 0.99


@pytest.mark.parametrize("shift", [0.0, 0.3])
def test_the_interval_of_wasserstein_covers_its_expectation(shift: float) -> None:
    rng = np.random.default_rng(2)
    groups = np.arange(1_000) % 20
    found = [
        stats.wasserstein(rng.normal(0, 1, 1_000), rng.normal(shift, 1, 1_000), (groups, groups)) for _ in range(200)
    ]
    mean = np.mean([e.value for e in found])
    assert 0.90 <= np.mean([e.low <= mean <= e.high for e in found]) <= 1.0


@given(st.lists(st.one_of(st.none(), st.sampled_from("abcde")), min_size=1, max_size=80),
       st.lists(st.one_of(st.none(), st.sampled_from("abcdefg")), min_size=1, max_size=80))  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_categories_agree_with_their_twin(old: list[str | None], new: list[str | None]) -> None:
    found = words(pa.chunked_array([pa.array(old, pa.string())]), pa.chunked_array([pa.array(new, pa.string())]))
    first, second = Counter(w for w in old if w), Counter(w for w in new if w)
    own = {w for w in first | second if max(first[w], second[w]) >= 10}
    cells = found.cells()
    assert sorted(cells[0][:-1].tolist()) == sorted(first[w] for w in own)
    assert cells[1][-1] == sum(n for w, n in second.items() if w not in own)
    tall = with_nulls(cells, (len(old), len(new)))
    assert [int(c.sum()) for c in tall] == [len(old), len(new)]
    novel = found.novel(later=True)
    fresh = {w: n for w, n in second.items() if w not in first}
    assert {t.value for t in novel.named} == {w for w, n in fresh.items() if n >= 10}
    assert novel.unnamed == len(fresh) - len(novel.named)
    if second:
        assert novel.share.value == pytest.approx(sum(fresh.values()) / sum(second.values()))


@given(VALUES, VALUES)
@settings(max_examples=60, deadline=None)
def test_cells_of_numbers_hold_every_row(old: list[float], new: list[float]) -> None:
    a, b = number_cells(np.array(old * 3), np.array(new))
    assert (a.sum(), b.sum()) == (len(old) * 3, len(new))
    assert len(a) == len(b) <= 20
    if len({*old, *new}) <= 20:
        assert sorted(a[a > 0].tolist()) == sorted(Counter(old * 3).values())


def test_one_population_is_stable_and_the_report_repeats() -> None:
    report = compared(table(), table(seed=9))
    assert report.verdict is V.STABLE
    assert report.reasons == ()
    assert {c.verdict for c in report.columns} == {V.STABLE}
    assert [m.name for m in report.measures] == [c.name for c in CARDS]
    assert all(m.status == "ok" and m.low <= m.value <= m.high for m in report.measures)
    assert compared(table(), table(seed=9)).digest == report.digest
    assert compared(table(), table(seed=9), seed=2).digest != report.digest
    assert DriftReport.model_validate(report.plain()) == report
    kinds = {c.column: c.kind for c in report.columns}
    assert kinds == {
        "code": "nulls",
        "city": "category",
        "x": "number",
        "y": "number",
        "level": "ordinal",
        "since": "time",
    }


def test_a_shift_a_new_city_and_lost_values_are_found() -> None:
    before = table()
    report = compared(before, table(seed=9, shift=1.0))
    assert report.verdict is V.DRIFTED
    assert column(report, "x").verdict is V.DRIFTED
    assert column(report, "city").verdict is V.STABLE
    assert report.columns[0].column in ("x", "y")
    assert report.measure("drift.psi").detail == report.columns[0].column
    with pytest.raises(KeyError):
        report.measure("drift.none")

    report = compared(before, table(seed=9, cities="abce"))
    city = column(report, "city")
    assert [t.value for t in city.new_categories] == ["e"]
    assert [t.value for t in city.vanished_categories] == ["d"]
    assert city.new.value == pytest.approx(0.25, abs=0.04)
    assert city.verdict is V.DRIFTED

    after = table(seed=9)
    gone = after.set_column(2, "x", pa.nulls(len(after), pa.float64()))
    x = column(compared(before, gone), "x")
    assert (x.verdict, x.nulls_after, x.wasserstein) == (V.DRIFTED, 1.0, None)


def test_what_changes_only_between_columns_is_found_by_the_classifier() -> None:
    before, after = table(3_000), table(3_000, seed=9)
    apart = after.set_column(3, "y", after["y"].take(pa.array(np.random.default_rng(0).permutation(3_000))))
    report = compared(before, apart)
    assert {c.verdict for c in report.columns} == {V.STABLE}
    assert report.verdict in (V.DRIFTING, V.DRIFTED)
    assert report.reasons[0].startswith("all columns together: AUC")


def related(rows: int, relation: float, seed: int) -> pa.Table:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=rows)
    return pa.table({"x": x, "y": relation * x + math.sqrt(1 - relation**2) * rng.normal(size=rows)})


def choices(rows: int, seed: int, many: int = 5) -> pa.Table:
    rng = np.random.default_rng(seed)
    return pa.table({n: pa.array([f"{n}{i}" for i in rng.integers(0, many, rows)]) for n in ("a", "b", "c")})


def auc(report: DriftReport) -> float:
    value = report.measure("drift.c2st_auc").value
    assert value is not None
    return value


def test_rows_that_both_tables_have_do_not_hide_drift() -> None:
    for same in (table(600), related(900, 0.95, 0), choices(600, 0, 2), choices(600, 0), choices(600, 0, 12)):
        assert auc(compared(same, same)) == pytest.approx(0.5, abs=0.02)
    before = related(2_000, 0.95, 0)
    replaced = compared(before, pa.concat_tables([before.slice(0, 1_000), related(1_000, 0.0, 1)]))
    assert replaced.verdict is V.DRIFTED
    assert 0.64 < auc(replaced) < 0.75
    assert replaced.reasons[0].startswith("all columns together: AUC")


@pytest.mark.parametrize("many", [2, 5])
def test_rows_that_recur_by_chance_are_no_drift(many: int) -> None:
    found = [auc(compared(choices(300, s, many), choices(300, 100 + s, many))) for s in range(12)]
    assert 0.48 <= np.mean(found) <= 0.53
    assert max(found) < 0.6


def test_a_fold_always_has_rows_of_both_tables() -> None:
    old, new = (pa.table({"v": [f"v{i % 5 + add}" for i in range(100)]}) for add in (0, 5))
    for seed in range(12):
        report = compared(old, new, seed, TableSpec.model_validate({"columns": {"v": {"type": "category"}}}))
        assert report.measure("drift.c2st_auc").status == "ok"
        assert report.verdict is V.DRIFTED


WORD = TableSpec.model_validate({"columns": {"word": {"type": "category"}}})


def named(words_: list[str]) -> pa.Table:
    return pa.table({"word": words_, "x": np.random.default_rng(len(words_)).normal(size=len(words_))})


def test_rare_categories_that_were_all_replaced_have_drifted() -> None:
    """Each has too few rows for a cell of its own: all are in the one of the rest."""
    before, after = (named([f"{side}{i % 500}" for i in range(3_000)]) for side in "ab")
    report = compared(before, after, spec=WORD)
    word = column(report, "word")
    assert word.psi.value < 0.1
    assert word.verdict is report.verdict is V.DRIFTED
    assert word.reason.startswith("share of new categories beyond chance 0.9")
    third = named([f"{'b' if i % 500 < 80 else 'a'}{i % 500}" for i in range(3_000)])
    assert column(compared(before, third, spec=WORD), "word").verdict is V.DRIFTING


@pytest.mark.parametrize("rows", [(1_500, 1_500), (3_000, 900)])
def test_rare_categories_that_chance_made_are_stable(rows: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    for many in (300, 3_000, 10**9):
        before, after = (named([f"c{i}" for i in rng.integers(0, many, n)]) for n in rows)
        word = column(compared(before, after, spec=WORD), "word")
        assert word.verdict in (V.STABLE, V.INCONCLUSIVE)
        assert "beyond chance" not in word.reason


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=4, max_size=12).filter(
    lambda c: min(sum(a for a, _ in c), sum(b for _, b in c)) > 0), st.booleans())  # fmt: skip
@settings(max_examples=15, deadline=None)
def test_what_chance_gives_is_what_shuffled_rows_give(counts: list[tuple[int, int]], later: bool) -> None:
    old, new = ([f"w{i}" for i, c in enumerate(counts) for _ in range(c[side])] for side in (0, 1))
    novel = words(pa.chunked_array([pa.array(old)]), pa.chunked_array([pa.array(new)])).novel(later=later)
    rng = np.random.default_rng(0)
    here = len(new if later else old)
    whole, shares = np.array(old + new), []
    for _ in range(800):
        mixed = rng.permutation(whole)
        lost = ~np.isin(mixed[:here], mixed[here:])
        shares.append(lost.mean())
    spread = float(np.std(shares))
    assert novel.share.value - novel.beyond.value == pytest.approx(
        np.mean(shares), abs=5 * spread / math.sqrt(800) + 1e-9
    )
    for end, wilson_end in ((novel.beyond.low, novel.share.low), (novel.beyond.high, novel.share.high)):
        half = math.sqrt((end - novel.beyond.value) ** 2 - (wilson_end - novel.share.value) ** 2 + 1e-12)
        assert half == pytest.approx(1.96 * spread, rel=0.15, abs=1e-5)


def test_nothing_compared_is_inconclusive() -> None:
    codes = compared(table().select(["code"]), table(seed=9).select(["code"]))
    assert codes.verdict is V.INCONCLUSIVE
    assert codes.reasons == ("no modelled column could be compared",)


def test_rare_names_are_counted_and_never_named() -> None:
    before, after = table(), table(seed=9)
    secrets = [f"canary{i}" for i in range(30)] + ["often"] * 12
    cities = after["city"].to_pylist()
    cities[: len(secrets)] = secrets
    report = compared(before, after.set_column(1, "city", pa.array(cities)))
    city = column(report, "city")
    assert [t.value for t in city.new_categories] == ["often"]
    assert city.rare_new == 30
    text = report.model_dump_json()
    assert "canary" not in text
    assert not [k for k in after["code"].to_pylist()[:200] if k in text]


def test_columns_that_come_go_or_change_type_are_named() -> None:
    before, after = table(), table(seed=9)
    odd = after.drop_columns(["city"]).append_column("shoe", pa.array([43] * len(after)))
    odd = odd.set_column(odd.column_names.index("since"), "since", pa.array(["soon"] * len(after)))
    report = compared(before, odd)
    assert (report.missing, report.added, report.retyped) == (("city",), ("shoe",), ("since",))
    assert report.verdict is V.DRIFTED
    assert set(report.reasons) >= {
        "city: the column is gone", "shoe: the column is new", "since: the column has another type",
    }  # fmt: skip
    more = compared(before, after.append_column("shoe", pa.array([43] * len(after))))
    assert more.verdict is V.DRIFTING
    with pytest.raises(SourceError, match="no column in common"):
        compared(before, pa.table({"z": [1] * 200}))


def test_types_that_read_alike_are_compared() -> None:
    before, after = table(), table(seed=9)
    after = after.set_column(4, "level", after["level"].cast(pa.float64()))
    after = after.set_column(5, "since", after["since"].cast(pa.timestamp("ms", "UTC")))
    after = after.set_column(1, "city", after["city"].dictionary_encode())
    report = compared(before, after)
    assert report.retyped == ()
    assert report.verdict is V.STABLE


def test_too_few_rows_are_inconclusive() -> None:
    report = compared(table(), table(60))
    assert report.verdict is V.INCONCLUSIVE
    assert {m.status for m in report.measures} == {"inconclusive"}
    assert report.reasons == ("fewer than 100 rows in one of the tables",)
    report = compared(table(110), table(110, seed=3))
    assert report.verdict is V.INCONCLUSIVE
    assert any("more rows are needed" in r for r in report.reasons)


def test_odd_columns_leave_no_hole() -> None:
    rng = np.random.default_rng(0)
    rows = 400
    odd = pa.table(
        {
            "nothing": pa.nulls(rows, pa.float64()),
            "null": pa.nulls(rows),
            "constant": ["k"] * rows,
            "many": [f"c{i}" for i in rng.integers(0, 10_000, rows)],
            "same": np.full(rows, 7.5),
            "wild": np.r_[rng.normal(0, 1, rows - 1), np.inf],
        }
    )
    spec = TableSpec.model_validate({"columns": {"many": {"type": "category"}}})
    report = compared(odd, odd, spec=spec)
    figures = [f for c in report.columns for f in (c.psi, c.js, c.kl, c.wasserstein) if f]
    assert all(math.isfinite(v) for f in figures for v in (f.value, f.low, f.high))
    assert column(report, "same").wasserstein is None, "a constant is a category"
    assert stats.wasserstein(np.full(5, 7.5), np.full(9, 7.5), (np.zeros(5, int), np.zeros(9, int))).high == 0
    only = compared(odd.select(["nothing"]), odd.select(["nothing"]))
    assert only.measure("drift.c2st_auc").status == "unsupported"
    assert only.measure("drift.new_categories").status == "unsupported"


def test_the_rule() -> None:
    assert [level(*span, PSI_LIMITS) for span in ((0, 0.09), (0.05, 0.2), (0.1, 0.3), (0.25, 0.9))] == [
        V.STABLE, V.INCONCLUSIVE, V.DRIFTING, V.DRIFTED,
    ]  # fmt: skip
    for limit, auc in zip(PSI_LIMITS, AUC_LIMITS, strict=True):
        d = math.sqrt(limit)
        assert auc == pytest.approx(0.5 * (1 + math.erf(d / 2)), abs=5e-4), "Φ(d / √2)"
    with pytest.raises(ValueError, match="interval"):
        Figure(value=1, low=2, high=3, n=1)
