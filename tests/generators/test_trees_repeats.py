"""Repeated rows: as frequent as in the source where chance would never repeat them, and left alone elsewhere."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from generators import create
from generators.trees import LearnedTrees
from generators.trees_repeats import Fingerprints
from proofset.evidence import Profile
from proofset.spec import GeneratorSpec, TableSpec

MakeProfile = Callable[..., Profile]


def repeated(table: pa.Table) -> float:
    return float(table.to_pandas().duplicated().mean())


@pytest.fixture(scope="module")
def households() -> pa.Table:
    """Children come in twos with one weight; adults have weights of their own."""
    rng = np.random.default_rng(0)
    weight = np.round(rng.normal(1_700, 300, 6_000), 2)
    child = rng.random(6_000) < 0.2
    sort = rng.integers(0, 4, 6_000)
    pairs = np.flatnonzero(child)
    pairs = pairs[: len(pairs) // 2 * 2].reshape(-1, 2)
    weight[pairs[:, 1]], sort[pairs[:, 1]] = weight[pairs[:, 0]], sort[pairs[:, 0]]
    return pa.table({"weight": weight, "child": child, "sort": sort})


def test_rows_repeat_as_often_as_in_the_source(households: pa.Table, make_profile: MakeProfile) -> None:
    fitted = create(GeneratorSpec()).fit(households, TableSpec(), make_profile(households), 1)
    made = fitted.sample(6_000, 2).table
    assert repeated(households) > 0.08
    assert 0.5 < repeated(made) / repeated(households) < 1.5
    frame = made.to_pandas()
    assert frame[frame.duplicated()].child.mean() > 0.9
    assert abs(frame.child.mean() - 0.2) < 0.03
    assert fitted.sample(6_000, 2).digest == fitted.sample(6_000, 2).digest
    # A smaller sample of a population has fewer twins in it.
    assert repeated(fitted.sample(600, 2).table) < 0.5 * repeated(made)
    # What is repeated was drawn: the source's rows are met no more often than by chance.
    real = set(map(tuple, households.to_pandas().to_numpy()))
    assert np.mean([tuple(row) in real for row in frame.to_numpy()]) < 0.02


def test_a_table_that_repeats_by_itself_is_left_alone(make_profile: MakeProfile) -> None:
    rng = np.random.default_rng(1)
    table = pa.table({"a": rng.integers(0, 3, 2_000), "b": rng.integers(0, 3, 2_000)})
    fitted = create(GeneratorSpec()).fit(table, TableSpec(), make_profile(table), 1)
    assert isinstance(fitted._learned, LearnedTrees)
    assert fitted._learned.repeats is None


def test_fingerprints_tell_rows_apart_as_rows_do() -> None:
    rng = np.random.default_rng(2)
    table = pa.table(
        {
            "a": pa.array(rng.integers(0, 4, 3_000), mask=rng.random(3_000) < 0.1),
            "b": pa.array(rng.choice(["x", "y"], 3_000)).dictionary_encode(),
            "c": rng.integers(0, 200, 3_000) / 2,
        }
    )
    prints = Fingerprints(3_000, np.random.default_rng(0))
    for column in table.columns:
        prints.add(column)
    twin, ratio = prints.twins()
    frame = table.to_pandas().astype(object).fillna("null")
    assert (twin == frame.duplicated(keep=False).to_numpy()[prints.some]).all()
    assert ratio == pytest.approx(frame.duplicated().sum() / frame.duplicated(keep=False).sum())


def test_saved_repeats_are_loaded(households: pa.Table, make_profile: MakeProfile) -> None:
    fitted = create(GeneratorSpec()).fit(households, TableSpec(), make_profile(households), 1)
    learned = fitted._learned
    assert isinstance(learned, LearnedTrees)
    again = LearnedTrees.from_files(learned.files())
    assert again.repeats is not None
    assert again.files() == learned.files()
