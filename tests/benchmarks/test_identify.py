"""The benchmark of identifying: what it times is right, on a small table."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from benchmarks import identify


def people(rows: int, seed: int) -> pa.Table:
    rng = np.random.default_rng(seed)
    return pa.table(
        {"age": rng.integers(18, 90, rows), "pay": rng.gamma(2, 1000, rows), "town": rng.choice(["a", "b"], rows)}
    )


def test_the_shares_it_reports_are_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identify, "split", lambda *_: SimpleNamespace(train=people(2000, 0), test=people(1000, 1)))
    found = identify.run(tmp_path, rows=4000, repeats=1)
    for name in ("identify.whole_parquet", "identify.whole_csv", "identify.sample_csv", "by_hand.whole_parquet"):
        assert found[f"{name}.share"] == pytest.approx(1, abs=0.001), name
    assert found["identify.other.share"] == 0
    assert found["by_hand.columns_reordered.share"] < 0.01
    assert {c.figure for c in identify.CHECKS} <= set(found)
