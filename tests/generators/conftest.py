"""Tables and profiles for the generators' tests. Profiles are written down, not measured: quality is a sibling."""

from __future__ import annotations

import datetime
import importlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import generators
from proofset.evidence import ColumnProfile, Profile
from proofset.registry import Registry
from proofset.spec import SemanticType, TableSpec, Treatment

MakeProfile = Callable[..., Profile]


def guess(kind: pa.DataType) -> SemanticType:
    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    if pa.types.is_temporal(inner):
        return SemanticType.DATETIME
    if pa.types.is_boolean(inner):
        return SemanticType.BOOLEAN
    if pa.types.is_integer(inner) or pa.types.is_floating(inner) or pa.types.is_decimal(inner):
        return SemanticType.NUMBER
    return SemanticType.CATEGORY


def profile_of(
    table: pa.Table, fake: dict[str, SemanticType] | None = None, unique: tuple[str, ...] = (), **semantic: SemanticType
) -> Profile:
    columns = []
    for name, column in zip(table.column_names, table.columns, strict=True):
        meaning = (fake or {}).get(name) or semantic.get(name) or guess(column.type)
        columns.append(
            ColumnProfile(
                name=name,
                storage=str(column.type),
                semantic=meaning,
                guessed=meaning,
                nullable=column.null_count > 0,
                null_share=column.null_count / max(1, len(column)),
                distinct=len(column.drop_null().unique()),
                unique=name in unique,
                treatment=Treatment.FAKE if name in (fake or {}) else Treatment.MODEL,
            )
        )
    return Profile(
        table="t",
        source_digest="0" * 64,
        rows=table.num_rows,
        duplicate_rows=0,
        key_candidates=(),
        columns=tuple(columns),
    )


@pytest.fixture(scope="session")
def make_profile() -> MakeProfile:
    return profile_of


@pytest.fixture(scope="session")
def people() -> pa.Table:
    """1,500 made-up people: every kind of column, related to each other, with nulls."""
    rng = np.random.default_rng(7)
    rows = 1_500
    age = rng.integers(18, 90, rows)
    city = rng.choice(["Köln", "東京", "Paris", "Rome"], rows, p=[0.4, 0.3, 0.2, 0.1])
    income = np.round(np.exp(rng.normal(9 + age / 60, 0.4)), 2)
    member = rng.random(rows) < np.where(city == "Paris", 0.8, 0.2)
    joined = [datetime.datetime(2020, 1, 1) + datetime.timedelta(hours=int(h)) for h in rng.integers(0, 20_000, rows)]
    return pa.table(
        {
            "person": pa.array(np.arange(rows) + 10_000),
            "email": pa.array([f"secret{i}@corp.test" for i in range(rows)]),
            "age": pa.array(age.astype(np.int16)),
            "city": pa.array(city).dictionary_encode(),
            "income": pa.array(income, mask=rng.random(rows) < 0.1),
            "member": pa.array(member, mask=rng.random(rows) < 0.05),
            "joined": pa.array(joined, pa.timestamp("ms", tz="UTC")),
            "grade": pa.array(rng.choice(["a", "b", "c"], rows), mask=rng.random(rows) < 0.2),
        }
    )


@pytest.fixture(scope="session")
def people_profile(people: pa.Table) -> Profile:
    return profile_of(people, fake={"person": SemanticType.ID, "email": SemanticType.EMAIL}, unique=("person", "email"))


@pytest.fixture(scope="session")
def people_spec() -> TableSpec:
    """Rules for every modelled column, so that the generator `rules` can make the table, too."""
    rules: dict[str, Any] = {
        "age": {"rule": {"kind": "uniform", "low": 18, "high": 90, "decimals": 0}},
        "city": {"rule": {"kind": "category", "weights": {"Köln": 2, "Rome": 1}}},
        "income": {"rule": {"kind": "expression", "expression": "age * 1000.5"}, "null_share": 0.1},
        "member": {"rule": {"kind": "expression", "expression": "age > 40 and city == 'Rome'"}, "null_share": 0.05},
        "joined": {"rule": {"kind": "datetime", "start": "2020-01-01", "end": "2022-04-13"}},
        "grade": {"rule": {"kind": "category", "weights": {"a": 1, "b": 1, "c": 1}}, "null_share": 0.2},
    }
    return TableSpec.model_validate({"columns": rules})


PLUGIN = Path(__file__).parents[2] / "examples" / "plugin"


@pytest.fixture(scope="session")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the example of a third party's package is installed, as pip installs it, without network."""
    folder = tmp_path_factory.mktemp("plugin")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-index"]
    done = subprocess.run(
        [*pip, "--no-deps", "--no-build-isolation", "--target", str(folder), str(PLUGIN)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def registry(plugin: Path) -> Iterator[Registry]:
    """Everything registered, and the third party's generator, found by its entry point."""
    sys.path.insert(0, str(plugin))
    importlib.invalidate_caches()
    yield Registry("generator", generators.REGISTRY._targets, generators.GROUP)
    sys.path.remove(str(plugin))
    sys.modules.pop("proofset_bootstrap", None)


SMALL: dict[str, Any] = {"epochs": 1, "batch_size": 100, "embedding_dim": 8}
GAN = SMALL | {"generator_dim": [16], "discriminator_dim": [16]}
OPTIONS: dict[str, dict[str, Any]] = {
    "sdv_copula_gan": GAN,
    "sdv_ctgan": GAN,
    "sdv_tvae": SMALL | {"compress_dims": [16], "decompress_dims": [16]},
}
"""Options under which a generator is quick; none where it is anyway."""


@pytest.fixture(scope="session")
def quick() -> dict[str, dict[str, Any]]:
    return OPTIONS
