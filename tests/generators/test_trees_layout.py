"""What columns look like as targets where groups of codes alone would lose what relates them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from generators import create
from generators.coding_numbers import learn_numbers
from generators.trees import FEW_CODES, LearnedTrees
from generators.trees_layout import CATEGORY_TARGETS, NUMBER_TARGETS, alike_groups, feature_groups, targets_of
from proofset.evidence import Profile
from proofset.spec import GeneratorSpec, TableSpec

MakeProfile = Callable[..., Profile]


def fit(table: pa.Table, profile: Profile, target: str | None = None) -> LearnedTrees:
    learned = create(GeneratorSpec()).fit(table, TableSpec(target=target), profile, 1)._learned
    assert isinstance(learned, LearnedTrees)
    return learned


def test_a_number_gets_more_groups_where_they_tell_of_another_column() -> None:
    rng = np.random.default_rng(0)
    day = rng.integers(0, 365, 20_000)
    columns = [day, day % 31, rng.normal(size=20_000)]
    codecs, codes = zip(*(learn_numbers("x", pa.chunked_array([pa.array(c)])) for c in columns), strict=True)
    features = np.stack([feature_groups(c)[own] for c, own in zip(codecs, codes, strict=True)])
    kinds = [t.kinds for t in targets_of(codecs, codes, features)]
    assert kinds[0] > 2 * NUMBER_TARGETS
    assert kinds[2] <= NUMBER_TARGETS + 1
    # Control: alone, a column has nothing to tell.
    assert targets_of(codecs[:1], codes[:1], features[:1])[0].kinds <= NUMBER_TARGETS + 1


def test_categories_are_grouped_with_those_they_are_alike() -> None:
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 900, 30_000)
    kind, other = codes % 7, rng.integers(0, 4, 30_000)
    groups = alike_groups(codes, np.bincount(codes).astype(float), [kind.astype(np.uint8), other.astype(np.uint8)])
    assert sorted(set(groups.tolist())) == list(range(groups.max() + 1))
    assert groups.max() < CATEGORY_TARGETS
    pure = [len(set((np.flatnonzero(groups == g) % 7).tolist())) for g in range(groups.max() + 1)]
    assert np.mean(np.array(pure) == 1) > 0.8


def test_thousands_of_categories_stay_related(make_profile: MakeProfile) -> None:
    rng = np.random.default_rng(2)
    plane = rng.integers(0, 1_500, 30_000)
    carrier = np.where(rng.random(30_000) < 0.01, 3, plane % 9)
    hour = (plane % 40) // 4 + rng.integers(0, 3, 30_000)
    table = pa.table(
        {"plane": np.char.add("p", plane.astype(str)), "carrier": np.char.add("c", carrier.astype(str)), "hour": hour}
    )
    made = create(GeneratorSpec()).fit(table, TableSpec(), make_profile(table), 1).sample(30_000, 2).table.to_pandas()
    number = made.plane.str[1:].astype(int)
    assert (made.carrier == "c" + (number % 9).astype(str)).mean() > 0.6
    assert made.plane.nunique() > 1_400
    # Control: planes and carriers apart agree in one row of nine.
    assert (made.carrier == np.random.default_rng(0).permutation("c" + (number % 9).astype(str))).mean() < 0.2


def test_a_target_of_few_values_is_drawn_first_and_asked_by_all(make_profile: MakeProfile) -> None:
    rng = np.random.default_rng(3)
    columns = {f"c{i}": rng.integers(0, 3, 1_000) for i in range(30)}
    table = pa.table(columns | {"y": rng.integers(0, 6, 1_000), "z": rng.integers(0, 4 * FEW_CODES, 1_000)})
    names = table.column_names
    profile = make_profile(table)
    assert fit(table, profile, "y").order[0] == names.index("y")
    assert fit(table, profile, "z").order[-1] == names.index("z")
    assert fit(table, profile).order[-2] == names.index("y")


def test_log_likelihood_is_that_of_the_chain(make_profile: MakeProfile) -> None:
    rng = np.random.default_rng(4)
    a = rng.integers(0, 3, 4_000)
    b = np.where(rng.random(4_000) < 0.8, a, rng.integers(0, 3, 4_000))
    table = pa.table({"a": np.array(["x", "y", "z"])[a], "b": np.array(["u", "v", "w"])[b]})
    learned = fit(table, make_profile(table))
    found = learned.log_likelihood(table)
    joint = np.histogram2d(a, b, bins=3)[0] / 4_000
    assert found == pytest.approx(np.log(joint[a, b]), abs=0.1)
    rows = pa.table({"a": np.repeat(["x", "y", "z"], 3), "b": np.tile(["u", "v", "w"], 3)})
    assert np.exp(learned.log_likelihood(rows)).sum() == pytest.approx(1, abs=1e-4)
    # Control: rows put together at random are less likely.
    apart = table.set_column(1, "b", table["b"].take(pa.array(rng.permutation(4_000))))
    assert learned.log_likelihood(apart).mean() < found.mean() - 0.2
    other = table.slice(0, 20).set_column(1, "b", pa.array(["never seen"] * 20))
    assert np.isfinite(learned.log_likelihood(other)).all()
