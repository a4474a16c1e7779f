"""The generator `trees`: what it learns, what it hides, and what it refuses."""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators import blocks, create
from generators.coding import CategoryCodec
from generators.trees import LearnedTrees, Trees, TreesOptions
from generators.trees_forest import Target
from generators.trees_layout import choose_inputs, feature_groups, mutual_information, target_groups
from proofset.errors import GeneratorError
from proofset.evidence import Profile
from proofset.spec import ColumnSpec, GeneratorSpec, SemanticType, TableSpec

MakeProfile = Callable[..., Profile]


def synthesise(table: pa.Table, profile: Profile, rows: int | None = None, **options: Any) -> pa.Table:
    fitted = create(GeneratorSpec(options=options)).fit(table, TableSpec(), profile, seed=1)
    return fitted.sample(rows or table.num_rows, seed=2).table


def leaves(table: pa.Table, profile: Profile, **options: Any) -> int:
    generator = Trees(TreesOptions(**options))
    learned = generator.learn(table, TableSpec(), profile, 1, lambda *_: None)
    assert isinstance(learned, LearnedTrees)
    return learned.leaves


@pytest.fixture(scope="module")
def related() -> pa.Table:
    """4,000 rows in which everything depends on everything."""
    rng = np.random.default_rng(5)
    a = rng.integers(0, 8, 4_000)
    b = (a + rng.integers(0, 3, 4_000)) % 8
    x = np.round(rng.normal(a * 3 - b, 1), 3)
    y = np.where(x > 4, "high", np.where(b > 3, "mid", "low"))
    return pa.table({"a": a.astype(str), "b": b, "x": x, "y": y})


def test_pairs_stay_related(related: pa.Table, make_profile: MakeProfile) -> None:
    real, made = related.to_pandas(), synthesise(related, make_profile(related)).to_pandas()
    for column in ("a", "b", "y"):
        gap = real[column].value_counts(normalize=True) - made[column].value_counts(normalize=True)
        assert gap.abs().sum() / 2 < 0.04, column
        assert np.abs(real.groupby(column).x.mean() - made.groupby(column).x.mean()).mean() < 0.3, column
    assert abs(np.corrcoef(real.b, real.x)[0, 1] - np.corrcoef(made.b, made.x)[0, 1]) < 0.05
    # Control: the same columns shuffled apart must not pass for related.
    apart = made.assign(x=np.random.default_rng(0).permutation(made.x))
    assert np.abs(real.groupby("a").x.mean() - apart.groupby("a").x.mean()).mean() > 3


def test_the_privacy_option_moves_the_number_of_leaves(make_profile: MakeProfile) -> None:
    rng = np.random.default_rng(8)
    faint = {f"c{i}": rng.integers(0, 10, 6_000) for i in range(4)}
    faint["y"] = (sum(faint.values()) + rng.integers(0, 40, 6_000)) // 10
    table = pa.table(faint)
    profile = make_profile(table)
    low, medium, high = (leaves(table, profile, privacy=level) for level in ("low", "medium", "high"))
    assert low > medium > high > len(table.column_names)


def test_one_tree_a_column_makes_a_smaller_model(related: pa.Table, make_profile: MakeProfile) -> None:
    profile = make_profile(related)
    assert leaves(related, profile, trees_per_column=1) < leaves(related, profile, trees_per_column=4)


def test_planted_canaries_do_not_come_out(make_profile: MakeProfile, tmp_path: Path) -> None:
    rng = np.random.default_rng(11)
    rows = 4_000
    numbers = rng.integers(10**12, 10**15, 50)
    decimals = rng.random(50) * 1_000 + 1e-9 * rng.integers(1, 999, 50)
    words = [f"canary-{i:03d}-{rng.integers(10**9)}" for i in range(200)]
    spots = rng.permutation(rows)

    def with_words(usual: Any, part: int) -> list[str]:
        values = [usual(i) for i in range(rows)]
        for place, word in zip(spots[part * 40 : part * 40 + 40], words[part * 40 : part * 40 + 40], strict=True):
            values[place] = word
        return values

    amount = rng.integers(0, 1_000, rows)
    amount[spots[:50]] = numbers
    weight = np.round(rng.normal(70, 10, rows), 1)
    weight[spots[50:100]] = decimals
    table = pa.table(
        {
            "id": with_words(lambda i: f"c{i}", 0),
            "name": with_words(lambda i: f"Name {i}", 1),
            "mail": with_words(lambda i: f"a{i}@b.test", 2),
            "note": with_words(lambda i: f"note {i}", 3),
            "kind": with_words(lambda i: "abc"[i % 3], 4),
            "amount": amount,
            "weight": weight,
        }
    )
    fake = {
        "id": SemanticType.ID,
        "name": SemanticType.PERSON_NAME,
        "mail": SemanticType.EMAIL,
        "note": SemanticType.TEXT,
    }
    fitted = create(GeneratorSpec(options={"privacy": "low"})).fit(table, TableSpec(), make_profile(table, fake), 1)
    made = fitted.sample(5 * rows, seed=2).table
    texts = {v for name in ("id", "name", "mail", "note", "kind") for v in made[name].to_pylist()}
    assert not texts & set(words)
    assert not any("canary" in text for text in texts)
    assert not set(made["amount"].to_pylist()) & set(numbers.tolist())
    assert not set(made["weight"].to_pylist()) & set(decimals.tolist())
    # Not even the private model holds them, neither as text nor as a number's bytes.
    fitted.save(tmp_path)
    blob = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"canary" not in blob
    assert not any(np.int64(v).tobytes() in blob for v in numbers)
    assert not any(np.float64(v).tobytes() in blob for v in decimals)
    # Control: a value that enough rows share does come out, so the search above would find one.
    assert set(made["kind"].to_pylist()) == {"a", "b", "c"}


def test_rare_categories_come_out_only_when_declared(make_profile: MakeProfile) -> None:
    table = pa.table({"x": ["a"] * 300 + ["rare"] * 9, "y": [1, 2, 3] * 103})
    profile = make_profile(table)
    assert set(synthesise(table, profile, 20_000)["x"].to_pylist()) == {"a"}
    spec = TableSpec(columns={"x": ColumnSpec(values=("a", "rare"))})
    declared = create(GeneratorSpec()).fit(table, spec, profile, seed=1).sample(20_000, seed=2).table
    assert set(declared["x"].to_pylist()) == {"a", "rare"}


def test_rows_are_not_copied(make_profile: MakeProfile) -> None:
    rng = np.random.default_rng(3)
    columns = {f"c{i}": np.round(rng.normal(size=2_000), 4) for i in range(4)} | {"k": rng.choice(["u", "v"], 2_000)}
    table = pa.table(columns)
    real = set(map(tuple, table.to_pandas().to_numpy()))
    made = list(map(tuple, synthesise(table, make_profile(table), privacy="low").to_pandas().to_numpy()))
    assert sum(row in real for row in made) == 0
    # Control: a bootstrap of the source is all copies.
    assert all(tuple(row) in real for row in table.take(rng.integers(2_000, size=50)).to_pandas().to_numpy())


def test_the_number_of_threads_changes_nothing(
    related: pa.Table, make_profile: MakeProfile, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = make_profile(related)
    digests = set()
    for threads in (1, 2, 4):
        monkeypatch.setattr(os, "cpu_count", lambda threads=threads: threads)
        fitted = create(GeneratorSpec()).fit(related, TableSpec(), profile, seed=1)
        digests.add((fitted.digest, fitted.sample(500, seed=1).digest))
    assert len(digests) == 1


def test_blocks_join_seamlessly(people: pa.Table, people_profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    fitted = create(GeneratorSpec()).fit(people, TableSpec(), people_profile, seed=1)
    monkeypatch.setattr(blocks, "BLOCK", 128)
    table = fitted.sample(1_000, seed=3).table
    assert table.num_rows == 1_000
    assert table.schema == people.schema
    assert len({str(table.slice(i, 128).to_pylist()) for i in range(0, 1_000, 128)}) == 8


# Tables at the edge. Each works, or is refused with a reason.


def test_constant_and_nearly_constant_columns(make_profile: MakeProfile) -> None:
    table = pa.table({"one": ["x"] * 200, "zero": [0] * 200, "half": [0.5] * 199 + [None], "free": range(200)})
    made = synthesise(table, make_profile(table))
    assert set(made["one"].to_pylist()) == {"x"}
    assert set(made["zero"].to_pylist()) == {0}
    assert set(made["half"].to_pylist()) <= {0.5, None}


@pytest.mark.parametrize("names", [["a"], ["x"], ["a", "x"]])
def test_one_and_two_columns(names: list[str], related: pa.Table, make_profile: MakeProfile) -> None:
    table = related.select(names)
    assert synthesise(table, make_profile(table)).schema == table.schema


def test_a_table_of_nothing_but_fakes(make_profile: MakeProfile, tmp_path: Path) -> None:
    table = pa.table({"id": range(150), "name": [f"n{i}" for i in range(150)]})
    profile = make_profile(table, {"id": SemanticType.ID, "name": SemanticType.PERSON_NAME})
    fitted = create(GeneratorSpec()).fit(table, TableSpec(), profile, seed=1)
    assert fitted.sample(40, seed=1).table.num_rows == 40
    fitted.save(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["fitted.json", "schema.arrow", "seal.json"]


def test_a_text_column_that_keeps_nothing_is_refused(make_profile: MakeProfile) -> None:
    table = pa.table({"code": [f"u{i}" for i in range(300)], "y": [1, 2, 3] * 100})
    with pytest.raises(GeneratorError, match="'code' has no category") as caught:
        synthesise(table, make_profile(table))
    assert "u1" not in str(caught.value)


def test_unknown_types_are_refused_by_name(make_profile: MakeProfile) -> None:
    table = pa.table({"y": [1] * 30, "blob": [b"x"] * 30})
    with pytest.raises(GeneratorError, match=r"'blob'.*binary"):
        synthesise(table, make_profile(table))


def test_unicode_names_and_values_and_extreme_moments(make_profile: MakeProfile) -> None:
    moments = [datetime.datetime(1, 1, 1), datetime.datetime(9999, 12, 31, 23, 59, 59, 999_999)] * 100
    table = pa.table({"größe 東京 😀": ["ß", "😀"] * 100, "when": pa.array(moments, pa.timestamp("us"))})
    made = synthesise(table, make_profile(table))
    assert set(made["größe 東京 😀"].to_pylist()) == {"ß", "😀"}
    assert set(made["when"].to_pylist()) == set(moments)


def test_more_than_two_hundred_columns(make_profile: MakeProfile) -> None:
    rng = np.random.default_rng(0)
    base = rng.normal(size=1_000)
    table = pa.table({f"c{i}": np.rint(base + rng.normal(0, 0.5, 1_000)).astype(int) for i in range(210)})
    made = synthesise(table, make_profile(table), trees_per_column=1).to_pandas()
    assert made.shape == (1_000, 210)
    assert np.median(table.to_pandas().corr()) > 0.7
    assert np.median(made.corr()) > 0.35  # many weak hints at one thing: a tree follows the strongest few


def test_a_small_dictionary_of_numbers_is_not_overfilled(make_profile: MakeProfile) -> None:
    values = np.append(np.repeat(np.arange(100) * 1_000, 12), np.arange(27) * 77_777)
    kind = pa.dictionary(pa.int8(), pa.int64())
    table = pa.table({"x": pa.array(values).dictionary_encode().cast(kind)})
    made = synthesise(table, make_profile(table))
    assert made.schema == table.schema
    assert set(made["x"].to_pylist()) <= set((np.arange(100) * 1_000).tolist())


def test_a_hundred_thousand_categories(make_profile: MakeProfile) -> None:
    rng = np.random.default_rng(0)
    codes = np.concatenate([rng.integers(0, 100_000, 150_000), rng.integers(0, 3_000, 50_000)])
    table = pa.table({"word": np.char.add("w", codes.astype(str)), "even": codes % 2})
    made = synthesise(table, make_profile(table), 5_000, trees_per_column=1)
    counts = dict(zip(*np.unique(codes, return_counts=True), strict=True))
    assert all(counts[int(word[1:])] >= 10 for word in made["word"].to_pylist())
    assert len(made["word"].unique()) > 500


def test_many_kept_categories_stay_related_to_other_columns(make_profile: MakeProfile) -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 700, 14_000)
    table = pa.table({"word": np.char.add("w", codes.astype(str)), "big": codes > 350, "x": codes * 1.0})
    made = synthesise(table, make_profile(table)).to_pandas()
    assert len(made.word.unique()) > 650
    assert np.corrcoef(made.big, made.x)[0, 1] > 0.6


# Layout: groups of codes as features and as targets.


def codec_of(weights: list[int], *, ordered: bool, missing: bool) -> CategoryCodec:
    codec = CategoryCodec(
        [str(i) for i in range(len(weights) - missing)], np.array(weights), has_pool=False, has_missing=missing
    )
    codec.ordered = ordered  # type: ignore[misc]
    return codec


@given(st.lists(st.integers(1, 500), min_size=2, max_size=600), st.booleans(), st.booleans())
@settings(max_examples=100, deadline=None)
def test_groups_are_dense_small_and_keep_order_and_missing_apart(
    weights: list[int], ordered: bool, missing: bool
) -> None:
    codec = codec_of(weights, ordered=ordered, missing=missing)
    for groups, limit in (
        (feature_groups(codec), 65 if ordered else 256),
        (target_groups(codec), 45 if ordered else 64),
    ):
        assert len(groups) == len(weights)
        assert sorted(set(groups.tolist())) == list(range(groups.max() + 1))
        assert groups.max() < limit
        if ordered:
            assert (np.diff(groups.astype(int)) >= 0).all()
            if missing:
                assert (groups == groups[-1]).sum() == 1


def test_mutual_information_matches_its_definition() -> None:
    rng = np.random.default_rng(0)
    a = rng.integers(0, 4, 3_000)
    b = np.where(rng.random(3_000) < 0.7, a, rng.integers(0, 4, 3_000))
    joint = np.histogram2d(a, b, bins=4)[0] / 3_000
    independent = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    assert mutual_information(a, b) == pytest.approx((joint * np.log(joint / independent)).sum() - 9 / 6_000)
    assert abs(mutual_information(a, rng.integers(0, 4, 3_000))) < 0.004


def test_the_most_telling_columns_are_chosen() -> None:
    rng = np.random.default_rng(0)
    target = rng.integers(0, 4, 2_000)
    features = rng.integers(0, 4, (41, 2_000)).astype(np.uint8)
    features[[3, 30]] = target
    chosen = choose_inputs(range(41), features, [Target(target, np.arange(4))] * 41)
    assert chosen[10].tolist() == list(range(10))
    assert len(chosen[40]) == 24
    assert {3, 30} <= set(chosen[40].tolist())
    always = choose_inputs(range(41), features, [Target(target, np.arange(4))] * 41, always=[17])
    assert 17 in always[40].tolist()
    assert len(always[40]) == 24
