"""Steering: shares, parity and scenarios are what was asked, together, and whoever draws the rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from generators import Fitted, create, load_fitted, trees_lead
from generators.blocks import Block
from generators.coding import Codec
from generators.trees_cells import Cells
from generators.trees_conditions import Column
from generators.trees_moves import Move
from generators.trees_steering import Sampler
from proofset.digest import table_digest
from proofset.errors import GeneratorError
from proofset.evidence import Profile
from proofset.spec import GeneratorSpec, SemanticType, TableSpec
from proofset.steering import Steering
from tests.generators.steered import DAY, ROWS, apart, draw, fit, learned, make_world

MakeProfile = Callable[..., Profile]


@pytest.fixture(scope="module")
def world() -> pa.Table:
    return make_world()


@pytest.fixture(scope="module")
def profile(world: pa.Table, make_profile: MakeProfile) -> Profile:
    return make_profile(world, code=SemanticType.CATEGORY)


@pytest.fixture(scope="module")
def plain(world: pa.Table, profile: Profile) -> Fitted:
    return fit(world, profile)


# --- balance ----------------------------------------------------------------------------------------------------


def test_balance_gives_equal_shares(world: pa.Table, profile: Profile) -> None:
    made = draw(fit(world, profile, balance="pay"))
    assert abs((made.pay == ">50K").mean() - 0.5) < 4 * np.sqrt(0.25 / 20_000)
    # What depends on it follows: among the paid there are more men, balanced or not.
    real = world.to_pandas()
    for pay in (">50K", "<=50K"):
        assert abs((made[made.pay == pay].sex == "M").mean() - (real[real.pay == pay].sex == "M").mean()) < 0.04


def test_equal_shares_leave_the_missing_and_skip_the_pool(world: pa.Table, profile: Profile) -> None:
    made = draw(fit(world, profile, balance="rare"), 40_000)
    assert abs(made.rare.isna().mean() - world["rare"].null_count / ROWS) < 0.015
    assert made.rare.value_counts(normalize=True).to_numpy() == pytest.approx([1 / 3] * 3, abs=0.012)


def test_target_shares_of_values_and_of_ranges(world: pa.Table, profile: Profile) -> None:
    asked = {"pay": {">50K": 0.3, "<=50K": 0.7}, "age": {"< 30": 0.25, "60..70": 0.5}}
    made = draw(fit(world, profile, balance=asked), 40_000)
    close = 4 * np.sqrt(0.25 / 40_000)
    assert abs((made.pay == ">50K").mean() - 0.3) < close
    assert abs((made.age < 30).mean() - 0.25) < close
    assert abs(made.age.between(60, 70).mean() - 0.5) < close
    real = world.to_pandas().age
    rest, wanted = made.age[(made.age >= 30) & (made.age < 60)], real[(real >= 30) & (real < 60)]
    assert abs(rest.mean() - wanted.mean()) < 1.0  # what is not named keeps its proportions


def test_balance_within_a_condition(world: pa.Table, profile: Profile) -> None:
    made = draw(fit(world, profile, where={"age": ">= 60", "rare": ["x", "y"]}, balance=("rare")))
    assert (made.age >= 60).all()
    assert set(made.rare) == {"x", "y"}
    assert abs((made.rare == "x").mean() - 0.5) < 0.015


@pytest.mark.parametrize(
    ("steer", "told"),
    [
        ({"balance": "seen"}, "too many values"),
        ({"balance": {"age": {"< 40": 0.5, "30..50": 0.5}}}, "overlap"),
        ({"balance": {"pay": {">50K": 0.3, "<=50K": 0.3}}}, "cannot be reached"),
        ({"balance": {"sex": {"M": 0.5, "F": 0.5}}, "where": {"sex": "F"}}, "cannot be reached"),
        ({"scenario": [{"column": "pay", "value": ">50K", "times": 10}]}, "more than every row"),
        ({"scenario": [{"column": "sex", "shift": 1}]}, "only a number"),
        ({"scenario": [{"column": "joined", "scale": 2}]}, "has no scale"),
        ({"balance": {"seen": {"< 2021-02-01": 0.5}, "price": {"< 5": 0.1}, "income": {"< 99": 0.1}}}, "combinations"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_before_training(
    steer: dict[str, Any], told: str, world: pa.Table, profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trained(*_: Any) -> None:
        raise AssertionError("trees were grown")

    monkeypatch.setattr("generators.trees.grow_tree", trained)
    with pytest.raises(GeneratorError, match=told):
        fit(world, profile, **steer)


@pytest.mark.parametrize(
    ("steer", "told"),
    [
        ({"balance": {"a": {"x": 0.8, "y": 0.8}}}, "must not sum to more than 1"),
        ({"balance": {"a": {}}}, "shares"),
        ({"balance": "a", "scenario": [{"column": "a", "value": 1, "share": 0.2}]}, "twice"),
        ({"where": {"a": "> 1"}, "scenario": [{"column": "a", "shift": 1}]}, "held by another request"),
        ({"scenario": [{"column": "a", "shift": 1}, {"column": "a", "scale": 2}]}, "twice"),
        ({"scenario": [{"column": "a"}]}, "exactly one"),
        ({"scenario": [{"column": "a", "times": 3}]}, "belongs with"),
        ({"scenario": [{"column": "a", "shift": 3, "value": "b"}]}, "belongs with"),
        ({"scenario": [{"column": "a", "shares": {"b": 2}}]}, "between 0 and 1"),
        ({"parity": {"outcome": "a", "group": "a"}}, "different columns"),
        ({"where": {"a": []}}, "allows nothing"),
        ({"where": ["a"]}, "dictionary"),
        ({"balance": {"a": 3}}, "balance"),
    ],
)
def test_contradictions_are_refused_in_the_spec(steer: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Steering.model_validate(steer)


def test_yaml_words_numbers_and_dates_are_taken_as_written() -> None:
    steering = Steering.model_validate(
        {"where": {"d": DAY, "e": [DAY, 3]}, "balance": {"f": {True: 0.2, 3: 0.1}}, "scenario": []}
    )
    assert steering.where == {"d": "2020-01-01", "e": ("2020-01-01", 3)}
    assert steering.balanced == {"f": {"true": 0.2, "3": 0.1}}
    assert Steering.model_validate(steering.plain()) == steering


# --- parity -----------------------------------------------------------------------------------------------------


def rate_gap(made: pd.DataFrame) -> float:
    rates = made.groupby("sex").pay.apply(lambda p: (p == ">50K").mean())
    return float(rates.max() - rates.min())


@pytest.mark.parametrize(("strength", "low", "high"), [(1.0, 0.0, 0.02), (0.5, 0.09, 0.16), (0.0, 0.2, 0.3)])
def test_parity_closes_the_gap_by_its_strength(
    strength: float, low: float, high: float, world: pa.Table, profile: Profile
) -> None:
    fitted = fit(world, profile, parity={"outcome": "pay", "group": "sex", "strength": strength})
    made = draw(fitted, 60_000)
    assert low <= rate_gap(made) <= high  # strength 0 is the control: the gap is there
    report = fitted.steering_report
    assert report["parity.gap.after"] == pytest.approx(report["parity.gap.before"] * (1 - strength), abs=1e-6)
    assert report["moved"] == pytest.approx(strength * fit_moved(report["parity.gap.before"], world), abs=0.01)
    # Neither the outcome nor the groups become more or less frequent.
    real = world.to_pandas()
    assert apart(made.pay, real.pay) < 0.02
    assert apart(made.sex, real.sex) < 0.02


def fit_moved(gap: float, world: pa.Table) -> float:
    """Total variation between a 2 x 2 table and its independent twin: 2 w (1 - w) times the difference of rates."""
    men = (world.to_pandas().sex == "M").mean()
    return float(2 * men * (1 - men) * gap)


def test_conditional_parity_closes_the_gap_within_each_context(make_profile: MakeProfile) -> None:
    rng = np.random.default_rng(1)
    group, dept = rng.choice(["a", "b"], 20_000), rng.choice(["u", "v"], 20_000)
    dept = np.where(group == "a", rng.choice(["u", "v"], 20_000, p=[0.8, 0.2]), dept)
    hired = rng.random(20_000) < np.where(dept == "u", 0.6, 0.2) + np.where(group == "a", 0.1, 0)
    table = pa.table({"group": group, "dept": dept, "hired": hired})
    asked = {"outcome": "hired", "group": "group", "given": ["dept"]}
    made = draw(fit(table, make_profile(table), parity=asked), 60_000)
    rates = made.groupby(["dept", "group"]).hired.mean()
    assert abs(rates["u", "a"] - rates["u", "b"]) < 0.02
    assert abs(rates["v", "a"] - rates["v", "b"]) < 0.025
    overall = made.groupby("group").hired.mean()
    assert abs(overall["a"] - overall["b"]) > 0.05  # what the departments explain stays


def test_parity_and_balance_hold_together(world: pa.Table, profile: Profile) -> None:
    fitted = fit(
        world, profile, balance="pay", parity={"outcome": "pay", "group": "sex"},
        scenario=[{"column": "fraud", "value": True, "share": 0.3}], where={"age": "< 60"},
    )  # fmt: skip
    made = draw(fitted, 40_000)
    assert abs((made.pay == ">50K").mean() - 0.5) < 0.012
    assert rate_gap(made) < 0.02
    assert abs(made.fraud.mean() - 0.3) < 0.012
    assert (made.age < 60).all()


# --- scenarios --------------------------------------------------------------------------------------------------


def test_a_rare_event_ten_times_as_often(world: pa.Table, profile: Profile) -> None:
    fitted = fit(world, profile, scenario=[{"column": "fraud", "value": True, "times": 10}])
    made, real = draw(fitted, 40_000), world.to_pandas()
    assert made.fraud.mean() == pytest.approx(10 * real.fraud.mean(), abs=4 * np.sqrt(0.25 / 40_000))
    # Fraud stays what it was: rarer among the paid.
    assert (made[made.fraud].pay == ">50K").mean() < (made[~made.fraud].pay == ">50K").mean() - 0.05


def test_shares_that_drift(world: pa.Table, profile: Profile) -> None:
    made = draw(fit(world, profile, scenario=[{"column": "sex", "shares": {"M": 0.8}}]))
    assert abs((made.sex == "M").mean() - 0.8) < 0.012
    assert (made.pay == ">50K").mean() > (world.to_pandas().pay == ">50K").mean() + 0.02  # dependants follow


def test_a_shifted_number_takes_its_dependants_along(world: pa.Table, profile: Profile) -> None:
    spec = TableSpec.model_validate({"columns": {"age": {"max": 95}}})
    scenario = [{"column": "age", "shift": 10}, {"column": "joined", "shift": 30}]
    made, real = draw(fit(world, profile, spec, scenario=scenario)), world.to_pandas()
    assert abs(made.age.mean() - real.age.mean() - 10) < 0.5
    assert made.age.max() <= 95
    assert made.age.dtype == np.int16
    assert (made.pay == ">50K").mean() > (real.pay == ">50K").mean() + 0.02
    days = pd.to_datetime(made.joined).mean() - pd.to_datetime(real.joined).mean()
    assert abs(days.total_seconds() / 86_400 - 30) < 10


def test_a_scaled_number_keeps_its_decimals_and_nulls(world: pa.Table, profile: Profile) -> None:
    scenario = [{"column": "income", "scale": 1.1}, {"column": "price", "scale": 2, "shift": 1}]
    made, real = draw(fit(world, profile, scenario=scenario)), world.to_pandas()
    assert made.income.mean() == pytest.approx(1.1 * real.income.mean(), rel=0.03)
    assert np.array_equal(made.income.dropna().round(2), made.income.dropna())
    assert abs(made.income.isna().mean() - 0.1) < 0.02
    assert float(made.price.astype(float).mean()) == pytest.approx(2 * real.price.astype(float).mean() + 1, rel=0.03)


@given(
    values=st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=5),
    scale=st.sampled_from([1.0, 0.5, 1.1, 3.0]),
    shift=st.sampled_from([0.0, 5.0, -7.0, 0.25, 1e18, -1e18]),
    step=st.sampled_from([1, 5, 100]),
)
def test_moved_integers_stay_integers_of_their_step_within_their_bounds(
    values: list[int], scale: float, shift: float, step: int
) -> None:
    given_ = np.array([v // step * step for v in values if v // step * step >= -(2**63)], np.int64)
    move = Move(scale, shift, -(2.0**63), float(2**63 - 1), step, None)
    moved = move.apply(given_, np.full(len(given_), 0.5))
    assert moved.dtype == np.int64
    for before, after in zip(given_.tolist(), moved.tolist(), strict=True):
        exact = before * scale + shift
        if abs(exact) < 2**52:
            assert abs(after - exact) <= step
            assert after % step == 0 or shift % step == 0
        else:
            assert (after > 0) == (exact > 0)
    assert Move.rebuild(move.plain()) == move


# --- the contract -----------------------------------------------------------------------------------------------


ALL = {
    "where": {"age": ">= 30", "seen": "> 2021-01-15"},
    "balance": "pay",
    "parity": {"outcome": "pay", "group": "sex"},
    "scenario": [{"column": "income", "scale": 1.5}, {"column": "fraud", "value": "true", "share": 0.4}],
}


def test_the_same_bytes_for_any_workers_and_batches_and_after_loading(
    world: pa.Table, profile: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("generators.blocks.BLOCK", 700)
    fitted = fit(world, profile, **ALL)
    one = fitted.sample(3_000, 5, workers=1)
    assert fitted.sample(3_000, 5, workers=3).digest == one.digest
    batches = list(fitted.stream(3_000, 5, workers=2, batch_rows=123))
    assert table_digest(pa.Table.from_batches(batches).unify_dictionaries().combine_chunks()) == one.digest
    fitted.save(tmp_path / "model")
    loaded = load_fitted(tmp_path / "model", expected=fitted.digest)
    assert loaded.sample(3_000, 5).digest == one.digest
    assert loaded.steering_report == fitted.steering_report
    assert loaded.digest == fitted.digest
    assert one.table.schema == world.schema


def test_resampled_blocks_do_not_depend_on_workers(
    plain: Fitted, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("generators.blocks.BLOCK", 700)
    monkeypatch.setattr(trees_lead, "LIMIT", 100)
    steered = plain.steered(Steering(where={"price": "> 500", "age": "> 30"}))
    assert learned(steered).plan is not None
    assert learned(steered).plan.later
    one = steered.sample(3_000, 5, workers=1)
    assert steered.sample(3_000, 5, workers=3).digest == one.digest
    steered.save(tmp_path / "model")
    assert load_fitted(tmp_path / "model").sample(3_000, 5).digest == one.digest
    assert len(one.table.group_by(one.table.column_names).aggregate([])) > 2_950  # rows are hardly repeated


def test_steering_a_fitted_generator_leaves_it_as_it_was(plain: Fitted) -> None:
    before = plain.digest
    steered = plain.steered(Steering(balance="sex"))
    assert plain.digest == before
    assert steered.digest != before
    assert plain.steering_report == {}
    again = steered.steered(Steering())
    assert again.digest == before
    assert again.sample(100, 1).digest == plain.sample(100, 1).digest


def test_shares_of_late_columns_need_a_new_fit(plain: Fitted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trees_lead, "LIMIT", 20)
    for steer in ({"balance": {"price": {"< 500": 0.9}}}, {"scenario": ({"column": "seen", "shift": 3},)}):
        with pytest.raises(GeneratorError, match="Declare it in the spec"):
            plain.steered(Steering.model_validate(steer))


def test_other_generators_refuse(people: pa.Table, people_spec: TableSpec, people_profile: Profile) -> None:
    fitted = create(GeneratorSpec(name="rules")).fit(people, people_spec, people_profile, 1)
    with pytest.raises(GeneratorError, match="cannot be steered"):
        fitted.steered(Steering(balance="age"))
    with pytest.raises(GeneratorError, match="cannot fill"):
        fitted.impute(people, 1)
    assert fitted.steering_report == {}


def test_values_beyond_a_bound_by_a_fault_are_put_back(plain: Fitted) -> None:
    """Fault injection: spans that reach too far, as if rounding had gone astray, still give allowed values."""
    steered = learned(plain.steered(Steering(where={"income": "< 2150"})))
    assert steered.plan is not None
    sampler = Sampler(steered, steered.plan)
    position = steered.codec.schema.names.index("income")
    cells = sampler.plan.lead.cells.get(position) or sampler.plan.later[position]
    cells.stop[:] = np.nextafter(1.0, 0)
    made = sampler.draw(Block(0, 0, 20_000, 1)).to_pandas()
    assert (made.income < 2150).all()


def test_raking_that_cannot_converge_is_refused() -> None:
    halves = (np.array([0, 0, 1, 1]), np.array([0.5, 0.5]))
    other = (np.array([0, 0, 1, 1]), np.array([0.9, 0.1]))
    with pytest.raises(GeneratorError, match="contradict each other"):
        trees_lead.rake(np.full(4, 0.25), [halves, other])


def test_raking_finds_the_nearest_table() -> None:
    """The twin: minimise Kullback-Leibler divergence under the margins by brute force over a 2 x 2 table."""
    p = np.array([0.5, 0.1, 0.1, 0.3])
    rows, columns = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    raked = trees_lead.rake(p, [(rows, np.array([0.3, 0.7])), (columns, np.array([0.4, 0.6]))])
    corner = np.linspace(1e-6, 0.3 - 1e-6, 200_001)
    tables = np.stack([corner, 0.3 - corner, 0.4 - corner, 0.3 + corner])
    divergence = (tables * np.log(tables / p[:, None])).sum(axis=0)
    assert raked == pytest.approx(tables[:, divergence.argmin()], abs=1e-5)


@pytest.mark.parametrize("name", ["age", "income", "joined", "seen", "price", "clock", "rare", "ratio", "code"])
def test_every_written_value_is_encoded_as_a_code_that_could_have_written_it(plain: Fitted, name: str) -> None:
    from generators.trees_encode import Encoder

    codec_ = learned(plain).codec
    position = codec_.schema.names.index(name)
    codec: Codec = codec_.codecs[position]
    column = Column(name, codec, codec_.schema.field(position).type)
    codes = np.repeat(np.arange(codec.codes), 20)
    values, missing = column.values(codes, np.random.default_rng(0).random(len(codes)))
    back = Encoder(column).encode(values, missing)
    low, _ = column.values(back, np.zeros(len(back)))
    high, _ = column.values(back, np.full(len(back), np.nextafter(1.0, 0)))
    assert (missing | ((low <= values) & (values <= high))).all()
    assert (back[missing] == codec.codes - 1).all()


def test_parity_between_what_never_meets_is_refused() -> None:
    """One group never has the outcome: there is no such row whose weight could be raised."""
    one = Cells(np.arange(2), np.ones(2), np.zeros((2, 0), bool), np.arange(3), np.zeros(2), np.ones(2))
    lead = trees_lead.Lead((0, 1), {0: one, 1: one}, np.array([[0, 0], [0, 1], [1, 1]]), np.array([0.3, 0.3, 0.4]))
    with pytest.raises(GeneratorError, match="cannot be made independent"):
        trees_lead.parity_margin(lead, lead.p, 0, 1, [], 1.0)
    assert trees_lead.gap(lead, lead.p, 0, 1, []) == pytest.approx(1 - 0.3 / 0.7)


def test_conditions_that_no_row_meets_together_are_refused(plain: Fitted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trees_lead, "probabilities", lambda _, f, c: np.zeros((f.shape[1], len(c))))
    with pytest.raises(GeneratorError, match="no row can meet all conditions together"):
        plain.steered(Steering(where={"sex": "M"}))
