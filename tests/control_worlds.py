"""A made-up population with all that a control can break, and the tables that are judged: an honest one, and controls.

Loans: what people earn hangs on age, schooling and sex; what they spend on what they earn; whether they fall behind,
the rare class of the target, on both and on where they live. The smallest region holds 6 % of the people.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from generators import create
from proofset.evidence import Profile
from proofset.seeds import stream
from proofset.spec import GeneratorSpec, TableSpec
from quality.base import Context
from quality.canary_rows import Canaries, invent
from quality.profile import profile_table

TRAIN, HOLDOUT = 5_000, 10_000
CANARIES = 150
SEED = 11
SPEC = TableSpec.model_validate(
    {
        "target": "behind",
        "columns": {"email": {"type": "email", "unique": True}, "income": {"min": 0}, "children": {"min": 0}},
        "constraints": [{"kind": "check", "expression": "spend <= income + 150.01"}],
        "quality": {
            "groups": ["region", "sex"],
            "favourable": "no",
            "secrets": ["behind", "school"],
            "quasi_identifiers": ["sex", "age", "town", "job", "hours", "income", "children", "owner"],
        },
    }
)
TABLES: dict[str, GeneratorSpec | None] = {
    "honest": None,
    "copier": GeneratorSpec(name="control_copier"),
    "copier, 10 % noise": GeneratorSpec(name="control_copier", options={"noise": 0.1}),
    "marginals": GeneratorSpec(name="control_marginals"),
    "collapser": GeneratorSpec(name="control_collapser"),
    "label shuffler": GeneratorSpec(name="control_label_shuffler"),
    "subgroup dropper": GeneratorSpec(name="control_subgroup_dropper"),
}
"""The tables that are judged; None for fresh rows of the same population."""


def population(rows: int, seed: int) -> pa.Table:
    """So many people, drawn independently."""
    rng = np.random.default_rng(seed)
    sex = rng.choice(["f", "m"], rows)
    region = rng.choice(["north", "south", "west", "isles"], rows, p=[0.4, 0.3, 0.24, 0.06])
    age = np.clip(rng.gamma(6, 7, rows) + 12, 18, 95).astype(int)
    school = np.array(["basic", "middle", "high", "degree"])[
        np.clip(rng.normal(1.4 + (age < 45) * 0.5, 1.0, rows).round(), 0, 3).astype(int)
    ]
    years = np.select([school == "basic", school == "middle", school == "high"], [9, 11, 13], 17)
    income = np.exp(rng.normal(8.2 + 0.09 * (years - 9) + 0.008 * age + 0.15 * (sex == "m"), 0.35)).round(2)
    spend = (income * rng.beta(6, 4, rows) + 150).round(2)
    # Ten towns that many share, and 200 that about two train rows have each.
    chance = np.append(0.92 * np.arange(10, 0, -1) / 55, np.full(200, 0.0004))
    town = np.char.add("town ", rng.choice(210, rows, p=chance).astype(str))
    children = rng.poisson(np.where((age > 28) & (age < 55), 1.3, 0.3))
    hours = np.where(rng.random(rows) < 0.45, 40, rng.integers(8, 60, rows))
    job = np.where(
        rng.random(rows) < np.where(years > 12, 0.75, 0.2), "office", rng.choice(["craft", "care", "none"], rows)
    )
    strain = (
        2.6 * spend / income + 0.35 * children + 1.6 * (region == "isles") - income / 4_000 - 1.1 * (job == "office")
    )
    behind = rng.random(rows) < 1 / (1 + np.exp(2.6 - 1.7 * strain))
    return pa.table(
        {
            "email": [f"p{seed:02d}{i:06d}@example.org" for i in range(rows)],
            "sex": sex,
            "region": region,
            "town": town,
            "age": age,
            "school": school,
            "job": job,
            "hours": pa.array(hours, mask=rng.random(rows) < 0.04),
            "income": income,
            "spend": pa.array(spend, mask=rng.random(rows) < np.where(age > 60, 0.2, 0.02)),
            "children": children,
            "owner": rng.random(rows) < np.clip(age / 120 + (years > 12) * 0.2, 0, 1),
            "behind": np.where(behind, "yes", "no"),
        }
    )


def parts() -> tuple[pa.Table, pa.Table, Profile]:
    """Train, holdout, and the profile of both together."""
    table = population(TRAIN + HOLDOUT, SEED)
    return table.slice(0, TRAIN), table.slice(TRAIN), profile_table(table, "people", SPEC, "0" * 64)


def judged(name: str) -> Context:
    """The named table of TABLES, ready to be measured, and one of the same kind with canaries among its train rows."""
    train, holdout, profile = parts()
    planted, withheld = invent(train, profile, CANARIES, stream(SEED, "canaries"))
    made, second = (_made(name, rows, profile) for rows in (train, pa.concat_tables([train, planted])))
    return Context(train, holdout, made, profile, SPEC, SEED, canaries=Canaries(planted, withheld, second))


def _made(name: str, train: pa.Table, profile: Profile) -> pa.Table:
    """As many rows as `train` has, made from it; but the honest ones know nothing of it."""
    spec = TABLES[name]
    if spec is None:
        return population(train.num_rows, SEED + 1)
    free = SPEC.model_copy(update={"constraints": ()})  # else sampling would repair what a control breaks
    return create(spec).fit(train, free, profile, SEED).sample(train.num_rows, SEED).table
