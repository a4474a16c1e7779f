"""A small workspace for the tests: made-up people, a policy they can meet, and the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.cli.app import run
from proofset.workspace import Workspace

CITIES = ("Brno", "Kraków", "Leipzig", "Graz")
POLICY = """\
policy: sharing
description: For the tests.
purposes: [sharing]
require:
  - {measure: validity.ranges, min: 0.9}
  - {measure: fidelity.shape_error, max: 0.2}
  - {measure: fidelity.pair_error, max: 0.3}
  - {measure: privacy.exact_copy_rate, max_excess: 0.05}
  - {measure: privacy.membership_auc, max: 0.65}
suite: true
approvals: {required: 2, roles: [data_steward, privacy_officer]}
"""
SPEC = """\
dataset: people
title: People, synthetic
owner: owner@example.org
purpose: sharing
source: {licence: CC0-1.0, attribution: Made up for the tests, lawful_basis: public_data, permitted_purposes: [sharing]}
tables:
  people:
    path: people.parquet
    target: churned
    columns:
      age: {type: number, description: Age in years}
generator: {name: trees}
policy: sharing
seed: 7
"""
PEOPLE = (("ada", "data_steward"), ("grace", "privacy_officer"), ("release", "releaser"))


def people(rows: int, seed: int = 0) -> dict[str, Any]:
    """Made-up people: a customer number, a name, an e-mail address, and five facts that depend on one another."""
    rng = np.random.default_rng(seed)
    age = rng.integers(18, 90, rows)
    city = rng.choice(CITIES, rows, p=[0.4, 0.3, 0.2, 0.1])
    income = np.round(np.exp(rng.normal(10, 0.4, rows)) + 100 * age, 2)
    member = rng.random(rows) < 0.3 + 0.4 * (city == "Brno")
    churned = np.where(rng.random(rows) < np.where(member, 0.1, 0.5), "yes", "no")
    return {
        "customer_id": [f"C-{i:06d}" for i in rng.permutation(10**6)[:rows]],
        "name": [f"Person{i} Surname{i * 7}" for i in range(rows)],
        "email": [f"person{i}@mail{i % 7}.example" for i in range(rows)],
        "age": age,
        "income": np.where(rng.random(rows) < 0.05, np.nan, income),
        "city": list(city),
        "member": member,
        "churned": list(churned),
    }


def make_workspace(root: Path, columns: dict[str, Any], spec: str = SPEC, policy: str = POLICY) -> Workspace:
    """A workspace with one dataset, without state."""
    for folder in ("datasets", "policies"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "proofset.yaml").write_text("workspace: tests\n")
    (root / "datasets" / "people.yaml").write_text(spec)
    (root / "policies" / "sharing.yaml").write_text(policy)
    pq.write_table(pa.table({k: pa.array(v, from_pandas=True) for k, v in columns.items()}), root / "people.parquet")
    return Workspace(root)


def command(workspace: Workspace | Path, *words: str) -> int:
    """Run the command line in a workspace and return its exit code."""
    root = workspace.root if isinstance(workspace, Workspace) else workspace
    return run(["--workspace", str(root), *words])


def add_people(workspace: Workspace) -> None:
    """Make the keys of two approvers and of the release service."""
    for person, role in PEOPLE:
        name, email = person.capitalize(), f"{person}@example.org"
        assert command(workspace, "keys", "new", person, "--role", role, "--name", name, "--email", email) == 0
