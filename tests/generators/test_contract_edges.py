"""The contract at its edges: what is odd but lawful survives, or is refused with what, why and how to fix it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from generators import REGISTRY, create
from proofset.errors import ProofsetError
from proofset.evidence import MIN_COUNT, Profile
from proofset.registry import Registry
from proofset.spec import GeneratorSpec, SemanticType, TableSpec

NAMES = [*(n for n in REGISTRY if n not in {"rules", "sdv_copula_gan", "sdv_ctgan", "sdv_tvae"}), "bootstrap"]
SLOW = {("trees", "a thousand columns")}
TOO_SLOW = {("sdv_gaussian_copula", "a thousand columns")}
"""It survives, after minutes."""
SPOKEN = [
    "😀 café",
    "שלום עולם",
    "مرحبا",
    "e\u0301a\u0308",
    "日本語",
    "a\u200bb",
    " lead",
    'quo"te',
    "new\nline",
    "tab\t",
]
RNG = np.random.default_rng(5)
ROWS = 400

TABLES: dict[str, Callable[[], pa.Table]] = {
    "nulls": lambda: pa.table(
        {
            "none": pa.nulls(ROWS, pa.float64()),
            "all": pa.nulls(ROWS, pa.string()),
            "few": pa.array([None, *range(ROWS - 1)]),
            "most": pa.array([None] * 380 + ["a"] * 20),
            "day": pa.nulls(ROWS, pa.date32()),
        }
    ),
    "extreme dates": lambda: pa.table(
        {
            "day": pa.array([dt.date(1, 1, 1), dt.date(9999, 12, 31)] * 200),
            "moment": pa.array([dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59)] * 200, pa.timestamp("us")),
            "spread": pa.array([dt.date(1, 1, 1) + dt.timedelta(days=9_000 * i) for i in range(ROWS)]),
            "ns": pa.array(RNG.integers(-(2**62), 2**62, ROWS), pa.timestamp("ns", "UTC")),
        }
    ),
    "unicode": lambda: pa.table(
        {"wörd": [SPOKEN[i % 10] for i in range(ROWS)], "😀": np.arange(ROWS) % 7, "": ["x"] * ROWS}
    ),
    "no variance": lambda: pa.table(
        {
            "word": ["x"] * ROWS, "number": [3.5] * ROWS, "whole": [7] * ROWS, "true": [True] * ROWS,
            "day": pa.array([dt.date(2020, 1, 1)] * ROWS), "zero": [0.0] * ROWS,
        }
    ),
    "a hundred thousand categories": lambda: pa.table(
        {"word": [f"w{i % 100_000}" for i in range(300_000)] + ["often"] * 500, "n": np.arange(300_500) % 9}
    ),
    "a thousand columns": lambda: pa.table(
        {f"c{i}": RNG.integers(0, 5, 200) if i % 2 else RNG.choice(["a", "b"], 200) for i in range(1_000)}
    ),
    "one row": lambda: pa.table({"n": [1.5], "w": ["x"]}),
    "large and small": lambda: pa.table(
        {
            "int": pa.array([-(2**63), 2**63 - 1] * 200), "uint": pa.array([0, 2**64 - 1] * 200, pa.uint64()),
            "float": [1e308, -1e308, 5e-324, -0.0] * 100, "byte": pa.array([-128, 127] * 200, pa.int8()),
        }
    ),
}  # fmt: skip
CASES = [
    pytest.param(n, t, marks=[pytest.mark.slow] if (n, t) in SLOW else [], id=f"{n}-{t}")
    for n in NAMES
    for t in TABLES
    if (n, t) not in TOO_SLOW
]


@pytest.mark.parametrize(("name", "case"), CASES)
def test_it_survives_or_is_refused_with_a_reason(
    name: str, case: str, registry: Registry, make_profile: Callable[..., Profile]
) -> None:
    table = TABLES[case]()
    empty = {n: SemanticType.EMPTY for n in table.column_names if table[n].null_count == len(table[n])}
    refused = None
    try:
        fit = create(GeneratorSpec(name=name), registry).fit(table, TableSpec(), make_profile(table, **empty), seed=1)
        made = fit.sample(150, seed=2).table
    except ProofsetError as error:
        refused = error
    if refused is not None:
        assert refused.exit_code == 2, "a defect is no reason"
        assert refused.what
        assert refused.fix
        return
    assert made.schema == table.schema
    made.validate(full=True)
    for column in table.column_names:
        check(table[column], made[column], name)


def check(real: pa.ChunkedArray, made: pa.ChunkedArray, name: str) -> None:
    if not real.null_count:
        assert made.null_count == 0
    if real.null_count == len(real):
        assert made.null_count == len(made)
    values: set[Any] = set(real.drop_null().to_pylist())
    if len(values) == 1 and len(real) > MIN_COUNT:
        assert set(made.drop_null().to_pylist()) <= values, "what never varies stays as it is"
    if pa.types.is_string(real.type):
        assert set(made.drop_null().to_pylist()) <= values, "no word is invented"


@pytest.mark.parametrize("case", [n for n in TABLES if n not in ("one row", "a thousand columns")])
def test_trees_refuse_none_of_them(case: str, make_profile: Callable[..., Profile]) -> None:
    table = TABLES[case]()
    fit = create(GeneratorSpec()).fit(table, TableSpec(), make_profile(table), seed=1)
    assert fit.sample(50, seed=1).table.schema == table.schema
