"""Fairness: who is there, how a model treats them, and what is left out by name."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofset.codes import Part
from proofset.evidence import Measure
from proofset.spec import ColumnSpec, QualitySpec, TableSpec
from quality import fairness, learners
from quality.augmentation import half_width
from quality.base import Context
from quality.fairness_gaps import Rates, amplified, estimate, gap, share_difference, total_variation
from quality.fairness_groups import groupings, paired
from quality.fairness_noise import retrained
from quality.fairness_words import written
from quality.profile import profile_table
from quality.utility import BOOSTED, trained

Cards = dict[str, Measure]
ROWS = 900


@pytest.fixture(autouse=True)
def few_iterations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learners, "ITERATIONS", 10)


def world(rows: int = ROWS, seed: int = 0, gap: float = 1.5) -> pa.Table:
    """Loans: granted by income and, where `gap` is not 0, by sex."""
    rng = np.random.default_rng(seed)
    sex = rng.choice(["f", "m"], rows)
    city = rng.choice(["Aachen", "Bonn", "Celle"], rows, p=[0.6, 0.38, 0.02])
    income = rng.normal(50, 10, rows)
    chance = (income - 50) / 6 + gap * (sex == "m") - gap / 2
    granted = rng.random(rows) < 1 / (1 + np.exp(-chance))
    return pa.table(
        {
            "sex": pa.array(sex, mask=rng.random(rows) < 0.08),
            "city": city,
            "age": rng.integers(18, 80, rows),
            "income": income,
            "granted": np.where(granted, "yes", "no"),
        }
    )


def context(synthetic: pa.Table, holdout: pa.Table | None = None, **given: object) -> Context:
    train = given.pop("train", None) or world()
    quality = {"groups": ("sex", "city"), "favourable": "yes", **given.pop("quality", {})}  # type: ignore[dict-item]
    spec = TableSpec(
        target=given.pop("target", "granted"),  # type: ignore[arg-type]
        columns=given.pop("columns", {}),  # type: ignore[arg-type]
        quality=QualitySpec(**quality),  # type: ignore[arg-type]
    )
    return Context(train, holdout or world(seed=1), synthetic, profile_table(train, "t", spec, ""), spec, 5)


def measured(at: Context) -> Cards:
    observed = fairness.FAMILY.observe(at)
    assert "error" not in {m.status for m in observed.measures}, [m.detail for m in observed.measures]
    assert {m.name for m in observed.measures} == {c.name for c in fairness.CARDS}
    return {m.name.removeprefix("fairness."): m for m in observed.measures}


def part(measure: Measure, name: str) -> float:
    return next(p.value for p in measure.parts if p.part == name)


def test_representation_is_the_obvious_difference_of_shares() -> None:
    at = context(world(600, seed=2))
    found = measured(at)
    frames = {p: t.to_pandas().fillna("(missing)") for p, t in (("train", at.train), ("synthetic", at.synthetic))}
    errors = {}
    for column in ("sex", "city"):
        shares = [frames[p][column].value_counts(normalize=True) for p in frames]
        difference = shares[1].sub(shares[0], fill_value=0).abs()
        errors[column] = difference.sum() / 2
        for value, error in difference.items():
            assert part(found["representation_error"], f"{column}: {value}") == pytest.approx(error)
    assert found["representation_error"].value == pytest.approx(max(errors.values()))
    assert found["representation_error"].n == 600
    crossed = [f["sex"] + " × " + f["city"] for f in frames.values()]
    common = crossed[0].value_counts()[lambda c: c >= 10].index
    shares = [c.where(c.isin(common), "other").value_counts(normalize=True) for c in crossed]
    assert found["pair_representation_error"].value == pytest.approx(
        shares[1].sub(shares[0], fill_value=0).abs().sum() / 2
    )
    named = {p.part for p in found["pair_representation_error"].parts}
    assert named <= {f"sex × city: {c}" for c in common} | {"sex × city: other groups"}


def test_gaps_are_the_obvious_rates_by_group() -> None:
    at = context(world(seed=2))
    found = measured(at)
    frame = at.holdout.to_pandas().fillna("(missing)")
    pair = trained(at, BOOSTED)
    granted = int(at.encoded.columns[-1].values["train"][at.train["granted"].to_pylist().index("yes")])
    for key, source in (("value", "synthetic"), ("reference", "train")):
        frame["predicted"] = pair.holdout[source].argmax(axis=1) == granted
        parity, odds = {}, {}
        for column in ("sex", "city"):
            big = frame.groupby(column).filter(lambda g: len(g) >= 30)
            rate = big.groupby(column)["predicted"].mean()
            parity[column] = rate.max() - rate.min()
            cells = big.groupby(["granted", column])["predicted"].agg(["mean", "size"]).query("size >= 10")["mean"]
            odds[column] = cells.groupby("granted").agg(np.ptp).max()
        assert getattr(found["parity_gap"], key) == pytest.approx(max(parity.values()))
        assert getattr(found["odds_gap"], key) == pytest.approx(max(odds.values()))
    assert part(found["parity_gap"], "sex: m") < part(found["parity_gap"], "sex: f")
    assert "left out for fewer than 30 rows: city: Celle" in found["parity_gap"].detail
    assert "city: Celle" not in {p.part for p in found["parity_gap"].parts}


@pytest.mark.parametrize(("key", "source"), [("value", "synthetic"), ("reference", "train")])
def test_the_interval_of_a_gap_holds_the_variance_of_training(key: str, source: Part) -> None:
    at = context(world(seed=2), quality={"groups": ("sex",)})
    measure = measured(at)["parity_gap"]
    pair, again = trained(at, BOOSTED), retrained(at)[source]
    granted = int(at.encoded.columns[-1].values["train"][at.train["granted"].to_pylist().index("yes")])
    sex = at.holdout.to_pandas()["sex"].fillna("(missing)")
    flags = pair.holdout[source].argmax(axis=1) == granted
    rates = sex.to_frame().assign(p=flags).groupby("sex")["p"].mean()
    moved = []
    for predictions in again.predictions:
        own = sex.to_frame().assign(p=predictions.argmax(axis=1) == granted).groupby("sex")["p"].mean()
        moved.append(own[rates.idxmax()] - own[rates.idxmin()])
    assert (len(moved), again.rows, again.every) == (4, ROWS // 4, ROWS)
    noise = float(np.var(moved, ddof=1)) / 4
    assert noise > 0
    counts = sex.to_frame().assign(p=flags).groupby("sex")["p"].agg(["sum", "size"])
    order = [str(n) for n in groupings(at)[0][0].names]
    table = Rates(*(counts.loc[order, c].to_numpy(float) for c in ("sum", "size")))
    chance = gap([table], at.rng("fairness", "fairness.parity_gap", "sex", source)).around.var(ddof=1)
    half = half_width(float(chance), noise, 3)
    high = measure.high if key == "value" else measure.reference_high
    assert high - getattr(measure, key) == pytest.approx(half, abs=1e-6)
    assert half > half_width(float(chance), 0, 3) + 0.005
    assert all(p.low <= p.value <= p.high for p in measure.parts)


def test_noise_widens_an_interval_and_explains_a_small_gap() -> None:
    rng = np.random.default_rng(0)
    drawn = [gap([Rates(np.array([300.0, 360.0]), np.array([900.0, 900.0]))], rng)]
    bare, noisy = (estimate(drawn, 9, noise, 3) for noise in (0.0, 0.03**2))
    assert bare.low > drawn[0].nothing.mean()
    assert noisy.low < 0 < bare.low
    assert noisy.high > bare.high
    sure, unsure = (share_difference(300, 900, 360, 900, noise, 3) for noise in (0.0, 0.03**2))
    assert (unsure[0], unsure[1] < sure[1], unsure[2] > sure[2]) == (sure[0], True, True)


def test_amplification_is_the_obvious_difference_of_gaps() -> None:
    at = context(world(seed=2, gap=4.0), quality={"groups": ("sex",)})
    measure = measured(at)["bias_amplification"]
    gaps = []
    for table in (at.train, at.holdout, at.synthetic):
        rate = table.to_pandas().fillna("(missing)").groupby("sex")["granted"].agg(lambda g: (g == "yes").mean())
        gaps.append(rate.max() - rate.min())
    assert measure.value == pytest.approx(gaps[2] - gaps[0])
    assert measure.reference == pytest.approx(gaps[1] - gaps[0])
    assert measure.low > 0.1
    assert part(measure, "sex: m") > 0.05
    assert measured(context(world(seed=2, gap=-4.0)))["bias_amplification"].reference_low < 0


def test_a_dropped_group_fails_and_a_fair_table_does_not() -> None:
    synthetic = world(seed=2)
    alike = measured(context(synthetic))
    for name in ("representation_error", "pair_representation_error"):
        assert alike[name].low <= alike[name].reference_high
    frame = synthetic.to_pandas()
    kept = frame[(frame["sex"] == "m") | (frame["city"] != "Bonn")]
    dropped = measured(context(pa.Table.from_pandas(kept, preserve_index=False)))
    assert dropped["representation_error"].low > dropped["representation_error"].reference_high
    assert dropped["pair_representation_error"].parts[0].value > 0.1
    men = measured(context(pa.Table.from_pandas(frame[frame["sex"] == "m"], preserve_index=False)))
    assert "sex: f" in men["bias_amplification"].detail
    assert men["representation_error"].parts[0].part in ("sex: m", "sex: f")


def test_without_groups_or_with_wrong_ones_it_says_how_to_name_them() -> None:
    table = world(300)
    for groups, why in (
        ((), "the spec names no groups; name columns under quality.groups, e.g. groups: [sex]"),
        (("sexx",), "the table has no column 'sexx'. Did you mean 'sex'?"),
        (("token",), "the column 'token' is not modelled"),
        (("constant",), "the column 'constant' has fewer than two groups"),
        (("word",), "the column 'word' has fewer than two groups"),
    ):
        train = world().append_column("constant", pa.array(["c"] * ROWS))
        train = train.append_column("token", pa.array([f"t{i}" for i in range(ROWS)]))
        train = train.append_column("word", pa.array([f"w{i}" for i in range(ROWS)]))
        extra = {"token": ColumnSpec(treatment="fake"), "word": ColumnSpec(type="category")}
        found = measured(context(train, train, train=train, columns=extra, quality={"groups": groups}))
        assert {m.status for m in found.values()} == {"unsupported"}
        assert {m.detail for m in found.values()} == {why}
    one = measured(context(table, quality={"groups": ("sex", "nowhere")}))
    assert one["representation_error"].status == "ok"
    assert "'nowhere'" in one["representation_error"].detail
    assert one["pair_representation_error"].status == "unsupported"
    assert "fewer than two group columns" in one["pair_representation_error"].detail
    lost = measured(context(table.drop_columns(["sex"])))
    assert {m.status for m in lost.values()} == {"inconclusive"}


def test_ten_thousand_groups_are_pooled_and_none_is_named() -> None:
    rng = np.random.default_rng(0)
    word = [f"w{i}" for i in rng.integers(0, 10_000, ROWS)]
    word[:100] = ["common"] * 100
    train = world().append_column("word", pa.array(word))
    fresh = world(seed=1).append_column("word", pa.array(["common"] * 500 + ["new"] * 400))
    found = measured(
        context(fresh, fresh, train=train, columns={"word": ColumnSpec(type="category")}, quality={"groups": ("word",)})
    )
    names = {p.part for p in found["representation_error"].parts}
    assert names == {"word: common", "word: other groups"}
    assert part(found["representation_error"], "word: common") == pytest.approx(500 / 900 - 100 / 900)


def test_numbers_times_and_ordinals_are_grouped() -> None:
    table = world()
    day = pa.array(np.arange(ROWS) % 400, pa.int32()).cast(pa.date32())
    table = table.append_column("day", day).append_column("grade", pa.array(np.arange(ROWS) % 3 + 1))
    columns = {"grade": ColumnSpec(type="ordinal"), "age": ColumnSpec(type="number")}
    at = context(table, table, train=table, columns=columns, quality={"groups": ("age", "day", "grade")})
    found, left = groupings(at)
    assert left == []
    assert [len(g.names) for g in found] == [4, 4, 3]
    for grouping in found[:2]:
        assert grouping.counts("train") / ROWS == pytest.approx(0.25, abs=0.05)
        assert [str(n).split()[0] for n in grouping.names][0::3] == ["up", "above"]
    assert str(found[1].names[0]).startswith("up to 1970-")
    assert found[2].names == ("1", "2", "3")
    few = pa.table({"n": [1.5] * 5 + [2.5] * 5 + [None] * 890, "t": ["a", "b"] * 450})
    alone = context(few, few, train=few, target="t", quality={"groups": ("n",), "favourable": "a"})
    assert groupings(alone)[0][0].names == ("any value", "(missing)")
    assert measured(alone)["representation_error"].status == "ok"


def test_times_of_day_durations_and_close_values_have_names_of_their_own() -> None:
    rng = np.random.default_rng(0)
    table = pa.table(
        {
            "clock": pa.array(rng.integers(0, 86_400, ROWS), pa.int32()).cast(pa.time32("s")),
            "minute": pa.array(rng.integers(0, 60 * 10**6, ROWS)).cast(pa.time64("us")),
            "stay": pa.array(rng.integers(0, 5_000, ROWS)).cast(pa.duration("s")),
            "tenure": pa.array(rng.integers(2, 90, ROWS) * 86_400_000).cast(pa.duration("ms")),
            "hour": pa.array(1_700_000_000_000 + rng.integers(0, 3_600_000, ROWS)).cast(pa.timestamp("ms")),
            "instant": pa.array(1_700_000_000_000_000 + rng.integers(0, 30_000_000, ROWS)).cast(pa.timestamp("us")),
            "near": 1e6 + rng.random(ROWS) / 10,
            "word": pa.array(rng.choice(["(missing)", "other groups", "x", None], ROWS).tolist()),
        }
    )
    names = tuple(table.column_names)
    found, left = groupings(context(table, table, train=table, target=None, quality={"groups": names}))
    assert left == []
    firsts = {g.name: str(g.names[0]) for g in found}
    shapes = {
        "clock": r"0\d:\d\d", "minute": r"00:00:1\d", "stay": r"1[\d.]+ s", "tenure": r"2[\d.]* days",
        "hour": r"2023-11-14 22:\d\d", "instant": r"2023-11-14 22:13:2\d", "near": r"1000000\.\d+",
    }  # fmt: skip
    for name, shape in shapes.items():
        assert re.fullmatch(f"up to {shape}", firsts[name]), firsts[name]
    for grouping in found:
        assert len(set(grouping.names)) == len(grouping.names)
        assert grouping.name == "word" or len(grouping.names) == 4
    assert set(found[-1].names) == {"'(missing)'", "'other groups'", "x", "(missing)"}
    crossed = table.select(["word"]).append_column("a", pa.array(["p × q", "p"] * (ROWS // 2)))
    crossed = crossed.append_column("b", pa.array(["r", "q × r"] * (ROWS // 2)))
    both, _ = groupings(context(crossed, crossed, train=crossed, target=None, quality={"groups": ("a", "b")}))
    assert paired(both)[0].names == ("p × q × r", "p × q × r (2)")


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=3, unique=True))
def test_bounds_are_written_apart(bounds: list[float]) -> None:
    edges = np.unique(np.array(bounds) + 0.0)
    whole = np.unique(np.round(edges, 3))
    for kind in (None, pa.duration("us")):
        assert len(set(written(edges, kind))) == len(edges)
    for stored in (pa.timestamp("ms"), pa.date32(), pa.dictionary(pa.int32(), pa.timestamp("ms"))):
        assert len(set(written(whole, stored))) == len(whole)
    clock = np.unique(np.abs(whole) % 86_400)
    assert len(set(written(clock, pa.time64("us")))) == len(clock)


def test_small_groups_leave_nothing_to_compare() -> None:
    holdout = world(50, seed=1)
    found = measured(context(world(seed=2), holdout, quality={"groups": ("city",)}))
    for name in ("parity_gap", "odds_gap", "bias_amplification"):
        assert found[name].status == "inconclusive"
        assert "fewer than two groups have 30 rows to compare" in found[name].detail
        assert "city: Celle" in found[name].detail
    assert found["representation_error"].status == "ok"


@pytest.mark.parametrize(
    ("target", "quality", "status", "why"),
    [
        (None, {}, "unsupported", "names no target"),
        ("city", {"groups": ("sex",), "favourable": None}, "unsupported", "more than two classes"),
        ("granted", {"favourable": "perhaps"}, "unsupported", "is not a value of the target"),
        ("income", {"favourable": "much"}, "unsupported", "the target is a number and quality.favourable is not"),
        ("income", {"favourable": "55"}, "ok", "at least quality.favourable"),
        ("income", {"favourable": None}, "ok", "training rows' median"),
        ("granted", {"favourable": None}, "ok", "the rarer outcome counts as favourable"),
        ("granted", {"favourable": "YES"}, "ok", ""),
    ],
)
def test_the_favourable_outcome(target: str | None, quality: dict[str, object], status: str, why: str) -> None:
    found = measured(context(world(seed=2), target=target, quality=quality))
    for name in ("parity_gap", "odds_gap", "bias_amplification"):
        assert found[name].status == status, found[name].detail
        assert why in found[name].detail
    assert found["representation_error"].status == "ok"


def test_a_target_that_no_synthetic_row_knows_or_that_has_one_class() -> None:
    synthetic = world(seed=2)
    place = synthetic.column_names.index("granted")
    unknown = measured(context(synthetic.set_column(place, "granted", pa.nulls(ROWS, pa.string()))))
    assert (unknown["parity_gap"].status, unknown["parity_gap"].detail) == (
        "inconclusive",
        "no synthetic row knows the target",
    )
    assert unknown["bias_amplification"].status == "inconclusive"
    single = measured(context(synthetic.set_column(place, "granted", pa.array(["yes"] * ROWS))))
    assert single["bias_amplification"].value < 0
    rare = np.where(np.arange(ROWS) < 4, "yes", "no")  # too few to learn from: nobody is granted anything
    constant = measured(context(synthetic.set_column(place, "granted", pa.array(rare))))
    for found, why in (
        (single, "the synthetic table lacks 1 of 2 classes of the target"),
        (constant, "the model trained on the synthetic table predicts the same for every holdout row"),
    ):
        for name in ("parity_gap", "odds_gap"):
            assert (found[name].status, found[name].detail) == ("inconclusive", why)
    empty = measured(context(synthetic.slice(0, 0)))
    assert empty["representation_error"].status == "inconclusive"
    holdout = world(seed=1)
    alone = holdout.set_column(place, "granted", pa.array(["yes"] * ROWS))
    assert measured(context(synthetic, alone))["parity_gap"].status == "unsupported"


def test_outcomes_that_one_group_alone_has_leave_odds_open() -> None:
    rng = np.random.default_rng(0)
    train = pa.table({"g": ["a", "b"] * 200, "x": rng.normal(size=400), "t": ["y", "y", "n", "n"] * 100})
    wanted = {"train": train, "target": "t", "quality": {"groups": ("g",), "favourable": "y"}}
    place = train.column_names.index("t")
    split = train.set_column(place, "t", pa.array(["y", "n"] * 200))
    found = measured(context(train, split, **wanted))
    assert found["parity_gap"].status == "ok"
    assert found["odds_gap"].status == "inconclusive"
    assert "no outcome has two groups with 10 rows each" in found["odds_gap"].detail
    # One outcome that both groups have is enough; the column of which none has is left out.
    half = train.set_column(place, "t", pa.array(["y", "n", "n", "n"] * 100))
    assert measured(context(train, half, **wanted))["odds_gap"].status == "ok"


def test_two_runs_agree_and_hold_no_rare_value() -> None:
    train = world()
    place = train.column_names.index("city")
    values = train["city"].to_pylist()
    values[3] = "canary-town"
    train = train.set_column(place, "city", pa.array(values))
    first, second = (fairness.FAMILY.observe(context(world(seed=2), train=train)) for _ in range(2))
    assert first == second
    assert "canary-town" not in str(first)


COUNTS = st.lists(st.integers(0, 60), min_size=2, max_size=5)


@settings(max_examples=40, deadline=None)
@given(real=COUNTS, made=COUNTS)
def test_distances_hold_their_value(real: list[int], made: list[int]) -> None:
    size = max(len(real), len(made))
    a, b = (np.array((v + [0] * size)[:size]) + 1 for v in (real, made))
    drawn = total_variation(a, b, np.random.default_rng(0))
    slow = sum(abs(x / a.sum() - y / b.sum()) for x, y in zip(a, b, strict=True)) / 2
    found = estimate([drawn, drawn], int(b.sum()))
    assert found.value == pytest.approx(slow)
    assert found.low <= found.value <= found.high
    value, low, high = share_difference(int(a[0]), int(a.sum()), int(b[0]), int(b.sum()))
    assert value == pytest.approx(abs(a[0] / a.sum() - b[0] / b.sum()))
    assert 0 <= low <= value <= high
    rates = [Rates(np.minimum(x, 30).astype(float), x + 30.0) for x in (a, b)]
    rng = np.random.default_rng(0)
    widest = estimate([gap(rates, rng)], 1)
    assert widest.value == pytest.approx(max(float(max(r.rates) - min(r.rates)) for r in rates))
    assert widest.low <= widest.value <= widest.high
    whole, each = amplified(*rates, rng)
    assert whole.value == pytest.approx(np.ptp(rates[1].rates) - np.ptp(rates[0].rates))
    assert len(each) == size
