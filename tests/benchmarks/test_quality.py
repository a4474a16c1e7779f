"""The benchmark of measures: what both sides compute is the same, and a leak shows in the attacks' figures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks import parsing, quality, quality_attacks, quality_worker
from benchmarks.tables import split
from proofset.errors import UnknownNameError
from quality import ON_REQUEST, REGISTRY


def loans(rows: int) -> pa.Table:
    """A table with the columns of German credit."""
    rng = np.random.default_rng(1)
    columns = {name: pa.array(rng.choice([f"A{i}" for i in range(4)], rows)) for name in parsing.GERMAN}
    amount = rng.lognormal(8, 1, rows).astype(np.int64)
    columns |= {"credit_amount": pa.array(amount), "age": pa.array(rng.integers(19, 75, rows))}
    columns["duration"] = pa.array(amount // 400 + rng.integers(4, 12, rows))
    columns["credit"] = pa.array(np.where(amount + rng.normal(0, 2_000, rows) > 5_000, 2, 1))
    return pa.table(columns)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("data")
    pq.write_table(loans(1_000), home / "german.parquet")
    return home


def test_both_sides_find_the_same_shapes_and_trends(folder: Path) -> None:
    asked = {"data": str(folder), "table": "german", "workers": 1, "repeats": 1}
    ours, theirs = quality_worker.ours(asked), quality_worker.sdmetrics(asked | {"full": True})
    for name in ("shape_error", "pair_error"):
        assert 0 < ours[name] == pytest.approx(theirs[name], abs=1e-9)
    assert min(ours["s"], theirs["s"], ours["peak_mb"]) > 0


def test_the_suite_times_every_family(folder: Path) -> None:
    found = quality_worker.suite({"data": str(folder), "table": "german", "workers": 1})
    families = [n for n in REGISTRY if n not in ON_REQUEST]
    assert found["not_ok"] == 0
    assert found["s"] == pytest.approx(sum(found[f"{n}.s"] for n in families))


def test_planted_rows_show_in_the_rates_and_equal_rates_agree(folder: Path) -> None:
    here = split(folder, "german")
    fresh = here.test
    found = [
        quality_attacks.ours(quality_attacks.context(here, table, 300, 1))
        for table in (fresh, quality_attacks.leaked(here.train, here.train, 0))
    ]
    assert found[1]["linkability"] > found[0]["linkability"] + 0.5
    assert set(quality_attacks.agreement(*found).values()) != {0.0}
    assert set(quality_attacks.agreement(found[0], found[0]).values()) == {0.0}


def test_an_unknown_section_is_named() -> None:
    with pytest.raises(UnknownNameError, match="trends"):
        quality.section("trend")
