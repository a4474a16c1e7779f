"""A small world for the tests of steering, and how it is fitted, drawn and compared."""

from __future__ import annotations

import datetime
import functools
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from generators import Fitted, create
from generators.trees import LearnedTrees
from proofset.evidence import Profile
from proofset.spec import GeneratorSpec, TableSpec
from proofset.steering import Steering

DAY = datetime.date(2020, 1, 1)
ROWS = 3_000


@functools.cache
def make_world() -> pa.Table:
    """3,000 rows of related columns of every kind that a condition can name."""
    rng = np.random.default_rng(3)
    sex = rng.choice(["F", "M"], ROWS)
    age = np.clip(rng.normal(45, 15, ROWS), 18, 90).astype(np.int16)
    pay = rng.random(ROWS) < np.where(sex == "M", 0.4, 0.15) + (age - 45) / 200
    income = np.round(np.exp(rng.normal(7 + pay + age / 90, 0.5)), 2)
    fraud = rng.random(ROWS) < np.where(pay, 0.01, 0.04)
    joined = [DAY + datetime.timedelta(days=int(d)) for d in rng.integers(0, 900, ROWS)]
    seen = [datetime.datetime(2021, 1, 1) + datetime.timedelta(seconds=int(s)) for s in rng.integers(0, 10**7, ROWS)]
    rare = np.where(rng.random(ROWS) < 0.04, [f"r{i % 40}" for i in range(ROWS)], rng.choice(["x", "y", "z"], ROWS))
    return pa.table(
        {
            "sex": pa.array(sex),
            "age": pa.array(age),
            "pay": pa.array(np.where(pay, ">50K", "<=50K")),
            "income": pa.array(income, mask=rng.random(ROWS) < 0.1),
            "fraud": pa.array(fraud),
            "joined": pa.array(joined, pa.date32()),
            "seen": pa.array(seen, pa.timestamp("ms", tz="UTC")),
            "price": pa.array([Decimal(int(c)) / 100 for c in rng.integers(100, 99_999, ROWS)], pa.decimal128(10, 2)),
            "clock": pa.array([datetime.time(int(h), int(m)) for h, m in rng.integers(0, 24, (ROWS, 2))]),
            "code": pa.array(rng.integers(1, 5, ROWS)),
            "rare": pa.array(rare, mask=rng.random(ROWS) < 0.1).dictionary_encode(),
            "ratio": pa.array(rng.normal(0, 1, ROWS).astype(np.float32)),
        }
    )


def fit(table: pa.Table, profile: Profile, spec: TableSpec | None = None, **steer: Any) -> Fitted:
    steering = Steering.model_validate(steer) if steer else None
    return create(GeneratorSpec(options={"trees_per_column": 2}, steer=steering)).fit(
        table, spec or TableSpec(), profile, seed=1
    )


def learned(fitted: Fitted) -> LearnedTrees:
    assert isinstance(fitted._learned, LearnedTrees)
    return fitted._learned


def draw(fitted: Fitted, rows: int = 20_000, seed: int = 2) -> pd.DataFrame:
    return fitted.sample(rows, seed).table.to_pandas()


def apart(a: pd.Series, b: pd.Series) -> float:
    """Total variation between two columns of categories."""
    return float(a.value_counts(normalize=True).sub(b.value_counts(normalize=True), fill_value=0).abs().sum() / 2)


def noise(kinds: int, *rows: int) -> float:
    """Four times the total variation that samples of one distribution are expected to have, at most."""
    return 4 * 0.5 * float(np.sqrt(kinds * sum(1 / n for n in rows)))
