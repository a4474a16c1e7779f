"""Canaries disclose nothing, and a model that keeps its rows gives them away."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from proofset.evidence import MIN_COUNT, Profile
from quality import canaries
from quality.base import Context
from quality.canary_rows import Canaries, invent

Parts = tuple[pa.Table, pa.Table]


@pytest.fixture
def invented(parts: Parts, profile: Profile) -> tuple[pa.Table, pa.Table]:
    return invent(parts[0], profile, 60, np.random.default_rng(1))


def exposure(context: Context) -> object:
    return canaries.FAMILY.observe(context).measures[0]


def test_canaries_are_new_combinations_of_common_values(
    parts: Parts, profile: Profile, invented: tuple[pa.Table, pa.Table]
) -> None:
    train = parts[0]
    for table in invented:
        assert table.schema == train.schema
        assert table.num_rows == 60
    for name in ("city", "plan", "age", "visits", "active"):
        counts = Counter(train[name].to_pylist())
        for table in invented:
            assert all(counts[v] >= MIN_COUNT for v in table[name].to_pylist()), name
    for name in ("income", "spend"):  # nearly every value is somebody's own
        quantiles = profile.column(name).quantiles
        bounds = min(quantiles.values()), max(quantiles.values())
        values = np.array(invented[0][name].to_pylist(), float)
        assert bounds[0] <= np.nanmin(values) <= np.nanmax(values) <= bounds[1]
        assert not set(values) <= set(train[name].to_pylist())
    real = {tuple(r.values()) for r in train.to_pylist()}
    assert not {tuple(r.values()) for t in invented for r in t.to_pylist()} & real
    again = invent(train, profile, 60, np.random.default_rng(1))
    assert all(a.equals(b) for a, b in zip(invented, again, strict=True))


def test_without_canaries_there_is_nothing_to_measure(
    make: SimpleNamespace, parts: Parts, fresh: pa.Table, profile: Profile
) -> None:
    measure = exposure(make.context(*parts, fresh, profile))
    assert measure.status == "unsupported"
    assert "quality.canaries" in measure.detail


def test_a_model_that_keeps_its_rows_is_exposed_and_another_is_not(
    make: SimpleNamespace, parts: Parts, fresh: pa.Table, profile: Profile, invented: tuple[pa.Table, pa.Table]
) -> None:
    context = make.context(*parts, fresh, profile)
    keeps = pa.concat_tables([fresh, invented[0]])
    exposed = exposure(replace(context, canaries=Canaries(*invented, keeps), _memo={}))
    assert exposed.low > 0.9
    forgets = exposure(replace(context, canaries=Canaries(*invented, fresh), _memo={}))
    for measure in (exposed, forgets):
        assert measure.reference_low <= 0.5 <= measure.reference_high
        assert "positive control" in measure.detail
    assert forgets.low <= 0.5


def test_too_few_canaries(
    make: SimpleNamespace, parts: Parts, fresh: pa.Table, profile: Profile, invented: tuple[pa.Table, pa.Table]
) -> None:
    few = Canaries(invented[0].slice(0, 5), invented[1].slice(0, 5), fresh)
    measure = exposure(replace(make.context(*parts, fresh, profile), canaries=few, _memo={}))
    assert (measure.status, measure.value) == ("inconclusive", None)
