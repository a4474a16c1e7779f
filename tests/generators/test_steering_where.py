"""Conditions: every row meets them, and the rest is distributed as if other rows had been thrown away."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from generators import Fitted, trees_lead
from generators.blocks import Block
from generators.trees import LearnedTrees
from proofset.errors import GeneratorError
from proofset.evidence import Profile
from proofset.spec import SemanticType
from proofset.steering import Steering
from tests.generators.steered import apart, draw, fit, learned, make_world, noise

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


def test_every_row_meets_every_condition_and_the_trees_learn_them_first(world: pa.Table, profile: Profile) -> None:
    asked = {"sex": "F", "age": ">= 60", "income": "1000..5000", "pay": ">50K", "joined": "< 2021-01-01"}
    fitted = fit(world, profile, where=asked)
    names = world.column_names
    assert {names[i] for i in learned(fitted).order[:5]} == set(asked)
    made = draw(fitted)
    assert (made.sex == "F").all()
    assert (made.age >= 60).all()
    assert made.income.between(1000, 5000).all()
    assert (made.pay == ">50K").all()
    assert (made.joined < datetime.date(2021, 1, 1)).all()
    assert fitted.steering_report["where.effective"] == 1.0
    # What is left varies: conditions narrow, they do not freeze.
    assert made.income.nunique() > 100
    assert made.age.nunique() > 10
    assert made.price.nunique() > 1_000


OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "<": lambda v, b: v < b, "<=": lambda v, b: v <= b, ">": lambda v, b: v > b,
    ">=": lambda v, b: v >= b, "=": lambda v, b: v == b, "!=": lambda v, b: v != b,
}  # fmt: skip
NUMBERS = ("age", "income", "joined", "seen", "price", "clock", "ratio")


@given(data=st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_condition_holds_in_every_row(
    data: st.DataObject, world: pa.Table, profile: Profile, plain: Fitted
) -> None:
    where: dict[str, Any] = {}
    checks = []
    for name in data.draw(st.sets(st.sampled_from([*NUMBERS, "sex", "rare", "code", "fraud"]), min_size=1, max_size=3)):
        values = world[name].drop_null().unique().to_pylist()
        if name in NUMBERS:
            bound = data.draw(st.sampled_from(sorted(values)[len(values) // 10 : -len(values) // 10]))
            sign = data.draw(st.sampled_from(sorted({*OPERATIONS} - {"="})))
            where[name] = f"{sign} {bound.isoformat() if hasattr(bound, 'isoformat') else bound}"
            checks.append((name, lambda v, s=sign, b=bound: v is not None and OPERATIONS[s](v, b)))
        else:
            kept = sorted(v for v in values if not str(v).startswith("r"))
            chosen = data.draw(st.lists(st.sampled_from([*kept, None]), min_size=1, max_size=2, unique=True))
            if None in chosen and not world[name].null_count:
                chosen = kept[:1]
            where[name] = tuple(chosen) if len(chosen) > 1 else chosen[0]
            checks.append((name, lambda v, c=tuple(chosen): v in c))
    try:
        steered = plain.steered(Steering(where=where))
    except GeneratorError:  # the order was not made for it: declared before fitting, it must work
        steered = fit(world, profile, where=where)
    made = steered.sample(500, seed=4).table
    for name, check in checks:
        assert all(check(v) for v in made[name].to_pylist()), (where, name)


def rejection(fitted: Fitted, rows: int, keep: Callable[[pd.DataFrame], Any]) -> pd.DataFrame:
    """The obvious version: the same trees without steering; rows that do not meet the conditions are thrown away."""
    own = learned(fitted)
    free = LearnedTrees(own.codec, own.order, own.forests, own.calendar)
    drawn = pd.concat([free.draw(Block(i, 0, 65_536, 77)).to_pandas() for i in range(rows // 65_536)])
    return drawn[keep(drawn)]


def test_the_rest_is_distributed_as_with_rejection(world: pa.Table, profile: Profile) -> None:
    fitted = fit(world, profile, where={"age": "18..40", "rare": ["x", "y"], "income": ">= 2500"})
    made = draw(fitted, 60_000)
    twin = rejection(fitted, 6 * 65_536, lambda d: (d.age <= 40) & d.rare.isin(["x", "y"]) & (d.income >= 2500))
    for column, kinds in (("sex", 2), ("pay", 2), ("fraud", 2), ("rare", 2), ("age", 23)):
        assert apart(made[column], twin[column]) < noise(kinds, len(made), len(twin)), column
    assert abs(made.income.mean() / twin.income.mean() - 1) < 4 * twin.income.std() / twin.income.mean() / 100
    assert fitted.steering_report["where.share"] == pytest.approx(len(twin) / (6 * 65_536), rel=0.06)
    # Control: conditions taken column by column, not together, would be told apart.
    other = draw(fit(world, profile, where={"rare": ["x", "y"]}), 60_000)
    assert apart(other.pay, twin.pay) > noise(2, len(other), len(twin))


def test_resampling_agrees_with_rejection_where_nothing_leads(
    world: pa.Table, profile: Profile, plain: Fitted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trees_lead, "LIMIT", 1)
    steered = plain.steered(Steering(where={"age": ">= 55", "pay": ">50K"}))
    assert steered.steering_report["combinations"] == 1
    made = draw(steered, 60_000)
    assert (made.age >= 55).all()
    assert (made.pay == ">50K").all()
    twin = rejection(plain, 6 * 65_536, lambda d: (d.age >= 55) & (d.pay == ">50K"))
    for column, kinds in (("sex", 2), ("fraud", 2), ("rare", 4)):
        assert apart(made[column], twin[column]) < 1.5 * noise(kinds, len(made), len(twin)), column
    assert steered.steering_report["where.share"] == pytest.approx(len(twin) / (6 * 65_536), rel=0.1)
    assert 0.1 < steered.steering_report["where.effective"] < 1


def test_missing_can_be_asked_for(world: pa.Table, profile: Profile) -> None:
    fitted = fit(world, profile, where={"income": None, "rare": ["x", "null"]})
    made = fitted.sample(2_000, 1).table
    assert made["income"].null_count == 2_000
    assert set(made["rare"].to_pylist()) == {"x", None}


def test_a_pooled_word_counts_where_it_would_be_written(world: pa.Table, plain: Fitted) -> None:
    """Rare words come out as kept ones, so a condition on a kept one takes its part of the pool, and no more."""
    made = draw(plain, 60_000)
    share = (made.rare == "x").mean()
    assert plain.steered(Steering(where={"rare": "x"})).steering_report["where.share"] == pytest.approx(share, rel=0.05)


def test_a_bin_that_a_bound_cuts_gives_only_its_allowed_part(world: pa.Table, plain: Fitted) -> None:
    low, high = 2_000.005, 2_150.0
    made = draw(plain.steered(Steering(where={"income": f"{low}..{high}"})), 5_000).income
    assert made.between(low, high).all()
    assert made.nunique() > 20
    twin = draw(plain, 200_000).income
    twin = twin[twin.between(low, high)]
    assert abs(made.mean() - twin.mean()) < 4 * twin.std() * np.sqrt(1 / len(twin) + 1 / len(made))


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ({"agee": 3}, "Did you mean 'age'"),
        ({"rare": "xx"}, "no value 'xx'"),
        ({"rare": "r7"}, "no value 'r7'"),
        ({"rare": "< y"}, "no value"),
        ({"age": "> 500"}, "allows no value"),
        ({"age": None}, "allows no value"),
        ({"age": "old"}, "is not a number"),
        ({"age": True}, "is not a number"),
        ({"age": "65..18"}, "ends before it starts"),
        ({"joined": "> yesterday"}, "date or time"),
        ({"income": "nan"}, "is not a number"),
        ({"income": "-inf..3"}, "is not a number"),
        ({"income": "< 1e99999999"}, "is not a number"),
        ({"ratio": "> -1e-99999999"}, "is not a number"),
        ({"code": 10**401}, "is not a number"),
        ({"age": "> 1e400"}, "allows no value"),
        ({"ratio": "> 1e400"}, "allows no value"),
        ({"code": 9}, "allows no value"),
    ],
)
def test_a_condition_that_nothing_meets_is_refused_before_training(
    where: dict[str, Any], told: str, world: pa.Table, profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trained(*_: Any) -> None:
        raise AssertionError("trees were grown")

    monkeypatch.setattr("generators.trees.grow_tree", trained)
    with pytest.raises(GeneratorError) as caught:
        fit(world, profile, where=where)
    assert told in str(caught.value)


def test_no_rare_value_is_named_in_a_refusal(world: pa.Table, plain: Fitted) -> None:
    for word in ("r1", "r11", "r"):
        with pytest.raises(GeneratorError) as caught:
            plain.steered(Steering(where={"rare": word}))
        known = str(caught.value).replace(f"'{word}'", "")
        assert "r1" not in known
        assert "Did you mean" not in known


def test_a_faked_column_cannot_be_steered(people: pa.Table, people_profile: Profile) -> None:
    with pytest.raises(GeneratorError, match="not a column that is learned"):
        fit(people, people_profile, where={"email": "secret1@corp.test"})


def test_too_few_effective_rows_are_refused_with_advice(
    make_profile: MakeProfile, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    a = rng.integers(0, 60, 6_000)
    table = pa.table({"a": a, "b": a * 1000 + rng.integers(0, 100, 6_000)})
    fitted = fit(table, make_profile(table))
    monkeypatch.setattr(trees_lead, "LIMIT", 1)
    with pytest.raises(GeneratorError, match="Declare the conditions in the spec"):
        fitted.steered(Steering(where={"b": "3000..3100"}))


def test_numbers_as_categories_are_compared_as_numbers(world: pa.Table, plain: Fitted) -> None:
    for condition, kept in ((">= 3", {3, 4}), (2, {2}), ("2", {2}), ((1, 4), {1, 4}), ("!= 1", {2, 3, 4})):
        assert set(draw(plain.steered(Steering(where={"code": condition})), 500).code) == kept, condition
    assert set(draw(plain.steered(Steering(where={"fraud": True})), 200).fraud) == {True}
    assert set(draw(plain.steered(Steering(where={"rare": "!= x"})), 2_000).rare) == {"y", "z"}


@pytest.mark.parametrize("where", [{"income": "< 1e400"}, {"ratio": "-1e400..1e300"}, {"age": "> -1e-400"}])
def test_a_bound_beyond_every_value_of_the_type_is_no_bound(where: dict[str, str], plain: Fitted) -> None:
    name = next(iter(where))
    assert len(draw(plain.steered(Steering.model_validate({"where": where})), 200)[name].dropna()) > 100
