"""Shared tables: people with a column of every kind, small enough to be scored in a second."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from proofset.evidence import ModelCard, Profile, Provenance, Scorecard
from proofset.policy import Policy
from proofset.spec import ColumnSpec, Purpose, TableSpec
from quality.base import Context
from quality.profile import profile_table
from quality.scoring import score

ROWS = 1800
SPEC = TableSpec(target="churned", columns={"visits": ColumnSpec(type="number", min=0)})
DIGESTS = ("1" * 64, "2" * 64, "3" * 64)


def people(rows: int = ROWS, seed: int = 0) -> pa.Table:
    """Ids, e-mails, categories, ordinals, numbers with atoms and nulls, times and a target that depends on them."""
    rng = np.random.default_rng(seed)
    age = rng.integers(18, 90, rows)
    city = rng.choice(["Aachen", "Bonn", "Celle", "Daun"], rows, p=[0.5, 0.3, 0.15, 0.05])
    income = np.round(rng.lognormal(7 + age / 60, 0.5), 2)
    spend = np.round(income * 0.3 + rng.normal(0, 50, rows), 2)
    plan = np.where(income > np.quantile(income, 0.7), "high", np.where(age > 50, "medium", "low"))
    churned = rng.random(rows) < 1 / (1 + np.exp((age - 45) / 8 + (city == "Bonn")))
    base = dt.datetime(2020, 1, 1)
    return pa.table(
        {
            "person_id": pa.array(np.arange(rows) + 1000),
            "email": [f"person{i}.{seed}@example.org" for i in range(rows)],
            "city": pa.array(city),
            "plan": pa.array(plan),
            "age": pa.array(age),
            "income": pa.array(income, mask=rng.random(rows) < 0.1),
            "spend": pa.array(spend),
            "visits": pa.array(np.where(rng.random(rows) < 0.6, 0, rng.poisson(9, rows))),
            "since": pa.array([base + dt.timedelta(minutes=int(m)) for m in rng.integers(0, 900_000, rows)]),
            "day": pa.array([base.date() + dt.timedelta(days=int(d)) for d in rng.integers(0, 700, rows)]),
            "active": pa.array(rng.random(rows) < 0.7, mask=rng.random(rows) < 0.05),
            "churned": pa.array(np.where(churned, "gone", "here")),
        }
    )


def split(table: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Two thirds to train on, one third held out; rows are independent already."""
    cut = table.num_rows * 2 // 3
    return table.slice(0, cut), table.slice(cut)


def shuffled(table: pa.Table, seed: int = 5) -> pa.Table:
    """Every column in an order of its own: right alone, unrelated together."""
    rng = np.random.default_rng(seed)
    return pa.table({n: table[n].take(rng.permutation(table.num_rows)) for n in table.column_names})


def context(train: pa.Table, holdout: pa.Table, synthetic: pa.Table, profile: Profile, **given: object) -> Context:
    """A context with the usual target and seed; what is not an argument of Context changes the spec."""
    seed = given.pop("seed", 3)
    return Context(train, holdout, synthetic, profile, SPEC.model_copy(update=given), seed)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def make() -> SimpleNamespace:
    """The functions above, for tests that need tables of their own."""
    return SimpleNamespace(people=people, split=split, shuffled=shuffled, context=context, spec=SPEC, digests=DIGESTS)


@pytest.fixture(scope="session")
def source() -> pa.Table:
    return people()


@pytest.fixture(scope="session")
def profile(source: pa.Table) -> Profile:
    return profile_table(source, "people", SPEC, "0" * 64)


@pytest.fixture(scope="session")
def parts(source: pa.Table) -> tuple[pa.Table, pa.Table]:
    return split(source)


@pytest.fixture(scope="session")
def fresh() -> pa.Table:
    """Rows from the same world that nobody has seen: a perfect synthetic table."""
    return people(1200, seed=99)


@pytest.fixture(scope="session")
def card(parts: tuple[pa.Table, pa.Table], fresh: pa.Table, profile: Profile) -> Scorecard:
    return score(*parts, fresh, profile=profile, table=SPEC, seed=3, digests=DIGESTS)


@pytest.fixture(scope="session")
def policy() -> Policy:
    return Policy.model_validate(
        {
            "policy": "sharing",
            "purposes": ["sharing"],
            "require": [
                {"measure": "fidelity.shape_error", "max": 0.2, "why": "Columns look alike."},
                {"measure": "fidelity.c2st_auc", "max": 0.9},
                {"measure": "utility.tstr_auc", "min_ratio": 0.8},
                {"measure": "privacy.exact_copy_rate", "max_excess": 0.05},
                {"measure": "validity.ranges", "min": 0.5},
                {"measure": "privacy.not_there", "max": 0.5, "why": "Nobody measures this."},
            ],
            "approvals": {"required": 2, "roles": ["data_steward"]},
        }
    )


@pytest.fixture(scope="session")
def provenance() -> Provenance:
    model = ModelCard(
        generator="trees",
        version="1",
        title="Trees",
        method="Grows trees.",
        paper="Reiter 2005",
        licence="Apache-2.0",
        use_when="one table",
        avoid_when="series",
        privacy="none",
    )
    return Provenance(
        dataset="people",
        purpose=Purpose.SHARING,
        owner="team:data",
        requested_by="ana@example.org",
        spec_digest="4" * 64,
        source_digest="0" * 64,
        source_rows=ROWS,
        profile_digest="5" * 64,
        train_digest=DIGESTS[0],
        train_rows=1200,
        holdout_digest=DIGESTS[1],
        holdout_rows=600,
        generator=model,
        options={"leaf": 20},
        fitted_digest="6" * 64,
        synthetic_digest=DIGESTS[2],
        synthetic_rows=1200,
        table="people",
        seed=3,
    )
