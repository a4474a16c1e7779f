"""Controls: each has the defect it is named for, exactly, and no other that its card does not tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators import REGISTRY, create
from generators.blocks import Block
from generators.controls_rows import LearnedRows, settled
from proofset.errors import GeneratorError
from proofset.evidence import Profile
from proofset.spec import GeneratorSpec, SemanticType, TableSpec

MakeProfile = Callable[..., Profile]
ROWS = 400


def table(rows: int = ROWS, seed: int = 0) -> pa.Table:
    """Every value of `number` once; 40 of 400 in the smallest town; two words in the same share."""
    rng = np.random.default_rng(seed)
    town = np.array(["large"] * (rows - rows // 4) + ["middle"] * (rows // 4 - rows // 10) + ["small"] * (rows // 10))
    return pa.table(
        {
            "number": np.arange(rows) * 1.5,
            "town": pa.array(rng.permutation(town)).dictionary_encode(),
            "word": pa.array(rng.choice(["a", "b"], rows), mask=rng.random(rows) < 0.1),
            "target": rng.random(rows) < 0.3,
        }
    )


def made(
    name: str, source: pa.Table, make_profile: MakeProfile, rows: int = ROWS, seed: int = 1, **given: Any
) -> pa.Table:
    spec = given.pop("spec", TableSpec(target="target" if "target" in source.column_names else None))
    generator = create(GeneratorSpec(name=f"control_{name}", options=given))
    return generator.fit(source, spec, make_profile(source), seed=2).sample(rows, seed=seed).table


def counted(rows: pa.Table) -> Counter[tuple[Any, ...]]:
    return Counter(zip(*(c.to_pylist() for c in rows.columns), strict=True))


def test_a_copier_gives_each_row_once_before_any_twice(make_profile: MakeProfile) -> None:
    source = table()
    once = made("copier", source, make_profile)
    assert counted(once) == counted(source)
    assert once["number"].to_pylist() != source["number"].to_pylist(), "in another order"
    more = counted(made("copier", source, make_profile, rows=2 * ROWS + 100))
    assert set(more) == set(counted(source))
    assert sorted(more.values()) == [2] * (ROWS - 100) + [3] * 100
    fewer = counted(made("copier", source, make_profile, rows=30))
    assert set(fewer.values()) == {1}


@given(st.integers(1, 40), st.integers(1, 200), st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_rows_are_dealt_like_cards_in_any_blocks(rows: int, wanted: int, seed: int) -> None:
    """The brute-force twin: shuffle the pack, deal it out, shuffle it again."""
    learned = LearnedRows(pa.table({"a": np.arange(rows)}))
    dealt = learned.draw(Block(0, 0, wanted, seed))["a"].to_numpy()
    for start in range(0, wanted, rows):
        pack = dealt[start : start + rows]
        assert len(set(pack)) == len(pack)
    cut = wanted // 3
    parts = [learned.draw(Block(n, a, b - a, seed)) for n, (a, b) in enumerate([(0, cut), (cut, wanted)]) if b > a]
    assert pa.concat_tables(parts)["a"].to_pylist() == dealt.tolist()


def test_a_row_that_is_drawn_again_may_be_any(make_profile: MakeProfile) -> None:
    """Rows are held to the spec's constraints like any generator's: what breaks them is drawn again."""
    spec = TableSpec.model_validate({"constraints": [{"kind": "range", "column": "number", "max": 99}]})
    rows = made("copier", table(), make_profile, spec=spec)
    assert rows.num_rows == ROWS
    assert max(rows["number"].to_pylist()) <= 99
    learned = LearnedRows(pa.table({"a": np.arange(5)}))
    first, again = (learned.draw(Block(0, 0, 90, 1, attempt)) for attempt in (0, 1))
    assert first != again
    assert set(again["a"].to_pylist()) == set(range(5))


def test_noise_moves_its_share_of_cells_and_keeps_marginals(make_profile: MakeProfile) -> None:
    source = table(4_000)
    noisy = made("copier", source, make_profile, rows=4_000, noise=0.1)
    clean = made("copier", source, make_profile, rows=4_000)
    # A cell that is taken from elsewhere may hold the same by chance, but not in a column of distinct numbers.
    moved = np.mean(noisy["number"].to_numpy() != clean["number"].to_numpy())
    assert moved == pytest.approx(0.1, abs=0.02)
    assert set(noisy["number"].to_pylist()) <= set(source["number"].to_pylist())
    share = Counter(noisy["town"].to_pylist())["small"] / 4_000
    assert share == pytest.approx(0.1, abs=0.02)
    assert made("copier", source, make_profile, rows=4_000, noise=0.0) == clean


def test_marginals_are_exact_and_nothing_hangs_together(make_profile: MakeProfile) -> None:
    source = table(4_000)
    source = source.append_column("copy", source["number"])
    loose = made("marginals", source, make_profile, rows=4_000)
    for name in source.column_names:
        assert Counter(loose[name].to_pylist()) == Counter(source[name].to_pylist()), name
    assert abs(np.corrcoef(loose["number"].to_numpy(), loose["copy"].to_numpy())[0, 1]) < 0.06
    assert len(set(counted(loose)) & set(counted(source))) < 40


@pytest.mark.parametrize("modes", [1, 5, 12])
def test_a_collapser_knows_a_few_real_rows_and_no_other(modes: int, make_profile: MakeProfile) -> None:
    source = table()
    rows = counted(made("collapser", source, make_profile, modes=modes))
    assert len(rows) == modes
    assert set(rows) <= set(counted(source))
    assert max(rows.values()) - min(rows.values()) <= 1


def test_a_collapser_keeps_what_there_is_where_that_is_less(make_profile: MakeProfile) -> None:
    assert counted(made("collapser", table(), make_profile, rows=40)).total() == 40
    source = table(ROWS).slice(0, 3)
    assert set(counted(made("collapser", source, make_profile, modes=9))) == set(counted(source))


def test_a_label_shuffler_leaves_every_column_but_breaks_one_off(make_profile: MakeProfile) -> None:
    source = table(2_000)
    source = source.set_column(3, "target", pa.array(source["number"].to_numpy() > 2_000))
    rows = made("label_shuffler", source, make_profile, rows=2_000)
    assert Counter(rows["target"].to_pylist()) == Counter(source["target"].to_pylist())
    assert counted(rows.drop_columns(["target"])) == counted(source.drop_columns(["target"]))
    told = np.corrcoef(rows["number"].to_numpy(), rows["target"].to_numpy(zero_copy_only=False))[0, 1]
    assert abs(told) < 0.1


@pytest.mark.parametrize("target", [None, "gone"])
def test_without_a_target_the_last_column_is_shuffled(target: str | None, make_profile: MakeProfile) -> None:
    source = table().select(["word", "number"])
    rows = made("label_shuffler", source, make_profile, spec=TableSpec(target=target))
    assert counted(rows) != counted(source)
    assert Counter(rows["number"].to_pylist()) == Counter(source["number"].to_pylist())


def test_a_dropper_leaves_out_the_smallest_group_and_nobody_else(make_profile: MakeProfile) -> None:
    source = table()
    rows = counted(made("subgroup_dropper", source, make_profile, rows=ROWS - ROWS // 10))
    town = source.column_names.index("town")
    assert set(rows) == {r for r in counted(source) if r[town] != "small"}


def test_a_dropper_thins_where_it_is_told_to_keep_some(make_profile: MakeProfile) -> None:
    source = table(1_000)
    rows = made("subgroup_dropper", source, make_profile, rows=925, keep=0.25)
    assert Counter(rows["town"].to_pylist()) == {"large": 750, "middle": 150, "small": 25}
    again = made("subgroup_dropper", source, make_profile, rows=925, keep=0.25)
    assert rows == again


def test_the_spec_names_the_column_whose_group_goes(make_profile: MakeProfile) -> None:
    source = table()
    spec = TableSpec.model_validate({"quality": {"groups": ["word", "town"]}})
    rows = made("subgroup_dropper", source, make_profile, spec=spec)
    assert len(set(rows["word"].to_pylist()) - {None}) == 1
    assert set(rows["town"].to_pylist()) == {"large", "middle", "small"}
    assert rows["word"].null_count > 0, "what is missing is no group"


@pytest.mark.parametrize(
    "columns",
    [
        {"one": ["x"] * 90},
        {"tiny": ["x", "y", "z"] * 9},
        {"many": [f"w{i % 60}" for i in range(3_000)]},
        {"number": np.arange(90.0)},
        {"none": pa.nulls(90, pa.string())},
    ],
)
def test_a_dropper_refuses_where_there_is_no_group(columns: dict[str, Any], make_profile: MakeProfile) -> None:
    source = pa.table(columns)
    with pytest.raises(GeneratorError, match="No column has a group"):
        made("subgroup_dropper", source, make_profile)
    spec = TableSpec.model_validate({"quality": {"groups": source.column_names}})
    if "number" not in columns:
        with pytest.raises(GeneratorError, match=r"table\.quality\.groups"):
            made("subgroup_dropper", source, make_profile, spec=spec)


def test_groups_that_are_named_may_be_numbers(make_profile: MakeProfile) -> None:
    source = pa.table({"code": np.repeat([1, 2, 3], [100, 60, 40]), "x": np.arange(200.0)})
    spec = TableSpec.model_validate({"quality": {"groups": ["code"]}})
    assert set(made("subgroup_dropper", source, make_profile, spec=spec)["code"].to_pylist()) == {1, 2}
    meant = make_profile(source, code=SemanticType.ORDINAL)
    fit = create(GeneratorSpec(name="control_subgroup_dropper")).fit(source, TableSpec(), meant, seed=2)
    assert set(fit.sample(100, seed=1).table["code"].to_pylist()) == {1, 2}


def test_what_is_kept_is_the_same_bytes_however_the_table_was_cut() -> None:
    source = table()
    cut = pa.concat_tables([source.slice(7, 50).combine_chunks(), source.slice(57, 100), source.slice(157, 20)])
    towns = [pa.array(chunk.to_pylist()).dictionary_encode() for chunk in cut["town"].chunks]
    cut = cut.set_column(1, "town", pa.chunked_array(towns))
    whole = LearnedRows(settled(source.slice(7, 170), np.arange(170)))
    assert LearnedRows(settled(cut, np.arange(170))).files() == whole.files()
    assert LearnedRows.from_files(whole.files()).rows == whole.rows


def test_the_registry_has_them_all_and_their_cards_say_what_they_are() -> None:
    controls = {name for name in REGISTRY if REGISTRY[name].card.control}
    assert controls == {
        f"control_{n}" for n in ("collapser", "copier", "label_shuffler", "marginals", "subgroup_dropper")
    }
    for name in controls:
        assert "made to fail" in REGISTRY[name].card.avoid_when
        assert REGISTRY[name].card.use_when.startswith("Testing")
