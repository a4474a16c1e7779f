"""Imputation: missing cells are drawn from their distribution given all the others, which stay as they are."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from generators import Fitted, create
from generators.trees_tilt import probabilities
from proofset.digest import table_digest
from proofset.errors import GeneratorError
from proofset.evidence import Profile
from proofset.spec import GeneratorSpec, SemanticType, TableSpec
from proofset.steering import Steering
from tests.generators.steered import learned, make_world, noise

MakeProfile = Callable[..., Profile]


@pytest.fixture(scope="module")
def tiny() -> pa.Table:
    """Three dependent columns of few values, with holes: small enough to enumerate."""
    rng = np.random.default_rng(2)
    a = rng.integers(0, 3, 6_000)
    b = (a + (rng.random(6_000) < 0.3)) % 3
    c = (a + 2 * b + (rng.random(6_000) < 0.2)) % 4
    holes = rng.random((3, 6_000)) < 0.05
    words = [np.char.add(letter, column.astype(str)) for letter, column in zip("abc", (a, b, c), strict=True)]
    return pa.table({n: pa.array(w, mask=h) for n, w, h in zip("abc", words, holes, strict=True)})


@pytest.fixture(scope="module")
def fitted(tiny: pa.Table, make_profile: MakeProfile) -> Fitted:
    return create(GeneratorSpec(options={"trees_per_column": 3})).fit(tiny, TableSpec(), make_profile(tiny), 1)


def joint(fitted: Fitted) -> dict[tuple[str, ...], float]:
    """The model's probability of every row without missing cells, from the forests, column by column."""
    model = learned(fitted)
    codecs = model.codec.codecs
    words = [list(c.values) for c in codecs]  # type: ignore[attr-defined]
    rows = list(itertools.product(*(range(len(w)) for w in words)))
    features = np.array(rows, np.uint8).T.copy()
    p = np.ones(len(rows))
    for position in model.order:
        own = probabilities(model.forests[position], features, np.arange(codecs[position].codes))
        p *= own[np.arange(len(rows)), features[position]]
    return {tuple(w[i] for w, i in zip(words, row, strict=True)): q for row, q in zip(rows, p, strict=True)}


@pytest.mark.parametrize("known", [("a0", None, "c1"), (None, "b2", "c3"), (None, None, "c2"), (None, None, None)])
def test_holes_are_drawn_from_the_brute_force_posterior(fitted: Fitted, known: tuple[str | None, ...]) -> None:
    rows = 20_000
    table = pa.table({n: pa.array([v] * rows, pa.string()) for n, v in zip("abc", known, strict=True)})
    filled = fitted.impute(table, seed=5)
    match = {r: q for r, q in joint(fitted).items() if all(k in (None, v) for k, v in zip(known, r, strict=True))}
    total = sum(match.values())
    counts = filled.to_pandas().value_counts(normalize=True).to_dict()
    assert set(counts) <= set(match)
    apart = sum(abs(counts.get(r, 0.0) - q / total) for r, q in match.items()) / 2
    assert apart < noise(len(match), rows)
    # Control: what the columns are like on their own is not what they are like given the others.
    if sum(v is None for v in known) < 3:
        alone = sum(abs(counts.get(r, 0.0) - 1 / len(match)) for r in match) / 2
        assert alone > noise(len(match), rows)


def test_every_hole_is_filled_and_no_other_cell_is_touched(make_profile: MakeProfile) -> None:
    world = make_world()
    rng = np.random.default_rng(9)
    holed = pa.table(
        {n: pa.array(world[n].to_pylist(), world[n].type, mask=rng.random(3_000) < 0.1) for n in world.column_names}
    )
    holed = holed.set_column(0, "sex", world["sex"])  # a column without holes
    profile = make_profile(world, code=SemanticType.CATEGORY)
    fitted = create(GeneratorSpec()).fit(world, TableSpec(), profile, 1)
    before = table_digest(holed)
    filled = fitted.impute(holed, seed=1)
    assert table_digest(holed) == before
    assert filled.schema == holed.schema
    assert filled["sex"].equals(holed["sex"])
    for name in holed.column_names:
        was, now = holed[name].to_pylist(), filled[name].to_pylist()
        assert filled[name].null_count == 0, name
        assert all(v == w for v, w in zip(was, now, strict=True) if v is not None), name
    # The holes are filled in keeping with the row: better than values of other rows.
    hole = np.asarray(holed["age"].is_null())
    real, guess = (np.asarray(t["age"])[hole].astype(float) for t in (world, filled))
    assert np.abs(real - guess).mean() < np.abs(real - np.random.default_rng(0).permutation(real)).mean()


def test_the_same_seed_gives_the_same_bytes(tiny: pa.Table, fitted: Fitted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("generators.blocks.BLOCK", 1_000)
    monkeypatch.setattr("generators.trees_impute.BLOCK", 1_000)
    one = fitted.impute(tiny, seed=3)
    assert table_digest(fitted.impute(tiny, seed=3)) == table_digest(one) != table_digest(fitted.impute(tiny, seed=4))
    assert all(column.null_count == 0 for column in one.columns)
    # Rows are filled by themselves: a block's rows do not depend on what the other blocks hold.
    other = pa.concat_tables([tiny.slice(0, 1_000), tiny.slice(3_000)])
    assert fitted.impute(other, seed=3).slice(0, 1_000).equals(one.slice(0, 1_000))


def test_steering_does_not_change_what_is_imputed(tiny: pa.Table, fitted: Fitted) -> None:
    steered = fitted.steered(Steering(where={"a": "a1"}))
    assert steered.impute(tiny, 3).equals(fitted.impute(tiny, 3))


def test_nan_counts_as_missing_and_infinity_stays(make_profile: MakeProfile) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(0, 1, 500)
    table = pa.table({"x": x, "y": np.where(x > 0, "up", "down")})
    fitted = create(GeneratorSpec()).fit(table, TableSpec(), make_profile(table), 1)
    holed = table.slice(0, 4).set_column(0, "x", pa.array([np.nan, np.inf, None, 1.5]))
    filled = fitted.impute(holed, 1)["x"].to_pylist()
    assert np.isfinite(filled[0])
    assert np.isfinite(filled[2])
    assert filled[1] == np.inf
    assert filled[3] == 1.5


def test_values_that_were_never_seen_are_no_obstacle(tiny: pa.Table, fitted: Fitted) -> None:
    strange = pa.table({"a": ["??", "a0"], "b": pa.array([None, "b1"]), "c": ["c0", "!!"]})
    filled = fitted.impute(strange, 1)
    assert filled["a"].to_pylist() == ["??", "a0"]
    assert filled["c"].to_pylist() == ["c0", "!!"]
    assert filled["b"].to_pylist()[0] in {"b0", "b1", "b2"}


def test_a_table_without_holes_comes_back_as_it_is(fitted: Fitted) -> None:
    whole = pa.table({"a": ["a0"], "b": ["b0"], "c": ["c0"]})
    assert fitted.impute(whole, 1).equals(whole)


def test_what_cannot_be_filled_is_refused(tiny: pa.Table, fitted: Fitted, make_profile: MakeProfile) -> None:
    with pytest.raises(GeneratorError, match="no such columns, or with other types: c"):
        fitted.impute(tiny.drop_columns(["c"]), 1)
    with pytest.raises(GeneratorError, match="other types: a"):
        fitted.impute(tiny.set_column(0, "a", pa.array([1] * tiny.num_rows)), 1)
    empty = tiny.append_column("d", pa.nulls(tiny.num_rows, pa.int64()))
    other = create(GeneratorSpec()).fit(empty, TableSpec(), make_profile(empty), 1)
    with pytest.raises(GeneratorError, match="Nothing is known about the values of: d"):
        other.impute(empty, 1)


def test_faked_columns_pass_through(people: pa.Table, people_profile: Profile) -> None:
    fitted = create(GeneratorSpec()).fit(people, TableSpec(), people_profile, 1)
    filled = fitted.impute(people, 1)
    assert filled.schema.equals(people.schema)
    assert filled["email"].equals(people["email"])
    assert sum(c.null_count for c in filled.columns) == 0


def test_words_of_a_dictionary_keep_their_type(make_profile: MakeProfile) -> None:
    rng = np.random.default_rng(1)
    words = [f"k{i:03d}" for i in rng.integers(0, 60, 2_000)]
    table = pa.table({"many": pa.array(words).dictionary_encode(), "kept": pa.array(["u", "v"] * 1_000)})
    fitted = create(GeneratorSpec()).fit(table, TableSpec(), make_profile(table), 1)
    hole = rng.random(2_000) < 0.5
    holed = table.set_column(0, "many", pa.array(words, mask=hole).dictionary_encode())
    filled = fitted.impute(holed, 1)
    assert filled.schema.equals(table.schema)
    assert filled["many"].null_count == 0
    now = filled["many"].to_pylist()
    assert [w for w, h in zip(now, hole, strict=True) if not h] == [
        w for w, h in zip(words, hole, strict=True) if not h
    ]
    assert {w for w, h in zip(now, hole, strict=True) if h} <= set(words)
