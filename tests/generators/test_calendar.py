"""Times: the week and the day's hours survive, what is folded comes back, and nothing else changes."""

from __future__ import annotations

import datetime
from collections.abc import Callable

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from generators import create
from generators.calendar import Calendar
from generators.fitted import Fitted
from generators.trees import LearnedTrees
from proofset.errors import GeneratorError
from proofset.evidence import Profile
from proofset.rows import whole_table
from proofset.spec import GeneratorSpec, TableSpec
from proofset.steering import Steering

MakeProfile = Callable[..., Profile]
START = datetime.datetime(2021, 3, 1)
KINDS = [
    pa.timestamp("s"),
    pa.timestamp("ns", tz="UTC"),
    pa.timestamp("ms", tz="Europe/Berlin"),
    pa.date32(),
    pa.date64(),
]


@pytest.fixture(scope="module")
def orders() -> pa.Table:
    """Orders on working days, in office hours; express ones in the evening."""
    rng = np.random.default_rng(0)
    rows = 6_000
    days = rng.integers(0, 400, rows)
    days = np.where(days % 7 >= 5, days - 2, days)
    express = rng.random(rows) < 0.3
    hours = np.where(express, rng.integers(18, 22, rows), rng.integers(8, 17, rows))
    seconds = days * 86_400 + hours * 3_600 + rng.integers(0, 3_600, rows)
    at = [START + datetime.timedelta(seconds=int(s)) for s in seconds]
    return pa.table(
        {
            "at": pa.array(at, pa.timestamp("us"), mask=rng.random(rows) < 0.05),
            "express": express,
            "on": pa.array([t.date() for t in at], pa.date32()),
        }
    )


@pytest.fixture(scope="module")
def fitted(orders: pa.Table, make_profile: MakeProfile) -> Fitted:
    return create(GeneratorSpec()).fit(orders, TableSpec(), make_profile(orders), seed=1)


def test_weekdays_and_hours_survive_and_stay_related(orders: pa.Table, fitted: Fitted) -> None:
    table = fitted.sample(6_000, 2).table
    assert table.schema == orders.schema
    real, made = orders.to_pandas(), table.to_pandas()
    assert abs(made["at"].isna().mean() - 0.05) < 0.02
    assert (pd.to_datetime(made.on).dt.weekday >= 5).mean() < 0.01
    at = made.dropna(subset=["at"])
    assert (at["at"].dt.weekday >= 5).mean() < 0.01
    late = at["at"].dt.hour >= 17
    assert late[at.express].mean() > 0.95
    assert late[~at.express].mean() < 0.05
    assert real["at"].min().floor("D") <= made["at"].min()
    assert made["at"].max() <= real["at"].max().ceil("D")


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_what_is_unfolded_folds_back(kind: pa.DataType, orders: pa.Table) -> None:
    table = pa.table(
        {"x": np.arange(6_000), "at": orders["at"].cast(pa.timestamp("s"), safe=False).cast(kind, safe=False)}
    )
    if pa.types.is_date64(kind):  # a date64 counts milliseconds, of whole days
        table = table.set_column(1, "at", table["at"].cast(pa.date32()).cast(kind))
    calendar = Calendar.learn(table, ())
    assert [c.name for c in calendar.clocks] == ["at"]
    assert (calendar.clocks[0].time is None) == pa.types.is_date(kind)
    rows = calendar.unfold(table)
    unfolded = whole_table(rows)
    assert unfolded.schema == calendar.unfolded
    assert calendar.fold(unfolded).equals(table)
    assert rows.select(["x"]).column("x").equals(table["x"])
    again = Calendar.rebuild(calendar.schema, calendar.plain())
    assert again.clocks == calendar.clocks


def test_times_without_a_rhythm_stay_whole(orders: pa.Table) -> None:
    rng = np.random.default_rng(3)
    births = [datetime.date(1950, 1, 1) + datetime.timedelta(days=int(d)) for d in rng.integers(0, 20_000, 3_000)]
    firsts = [datetime.date(2000 + int(m) // 12, int(m) % 12 + 1, 1) for m in rng.integers(0, 240, 3_000)]
    table = pa.table({"births": births, "firsts": firsts, "n": range(3_000)})
    calendar = Calendar.learn(table, ())
    assert calendar.clocks == ()
    assert calendar.unfold(table) is table
    assert calendar.fold(table) is table
    assert Calendar.learn(orders, ["at", "on"]).clocks == ()


def test_names_that_are_taken_are_left_alone(orders: pa.Table) -> None:
    table = orders.append_column("at (weekday)", pa.array(np.arange(6_000)))
    calendar = Calendar.learn(table, ())
    assert len(set(calendar.unfolded.names)) == len(calendar.unfolded.names)
    assert calendar.fold(whole_table(calendar.unfold(table))).equals(table)


def test_missing_times_are_imputed_in_their_rhythm(orders: pa.Table, fitted: Fitted) -> None:
    assert isinstance(fitted._learned, LearnedTrees)
    filled = fitted._learned.impute(orders, 3)
    assert filled.schema == orders.schema
    there = np.asarray(orders["at"].is_valid())
    assert filled.filter(pa.array(there)).equals(orders.filter(pa.array(there)))
    holes = filled.filter(pa.array(~there)).to_pandas()
    assert holes["at"].notna().all()
    assert ((holes["at"].dt.hour >= 17) == holes.express).mean() > 0.9


def test_a_time_learned_in_parts_is_steered_in_the_spec_only(
    orders: pa.Table, fitted: Fitted, make_profile: MakeProfile
) -> None:
    steering = Steering.model_validate({"where": {"at": ">= 2021-06-01T12:00:00"}})
    assert isinstance(fitted._learned, LearnedTrees)
    with pytest.raises(GeneratorError, match="Declare it in the spec"):
        fitted._learned.steered(steering)
    declared = create(GeneratorSpec(steer=steering)).fit(orders, TableSpec(), make_profile(orders), seed=1)
    assert declared.sample(2_000, 2).table["at"].to_pandas().min() >= pd.Timestamp("2021-06-01T12:00:00")
