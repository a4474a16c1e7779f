"""Enforcement: no row breaks a constraint, whichever generator, number of workers and batch size; all is counted."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import generators.blocks as blocks_module
import generators.constraints_unique as unique_module
from generators import create, load_fitted
from generators.base import Fitted, rebuild
from generators.blocks import Block
from generators.storage import read_sealed
from proofset.constraints import violations
from proofset.constraints_formats import FORMATS
from proofset.digest import table_digest
from proofset.errors import GeneratorError, InternalError
from proofset.evidence import Profile
from proofset.spec import GeneratorSpec, SemanticType, TableSpec
from proofset.steering import Steering
from tests.generators.conftest import profile_of
from tests.generators.shop import CONSTRAINTS, Columns, LearnedColumns, Transformed, shop

ROOT = Path(__file__).parents[2]


def spec(*constraints: dict[str, Any], **columns: Any) -> TableSpec:
    return TableSpec.model_validate({"constraints": list(constraints), "columns": columns})


def broken(fitted: Fitted, table: pa.Table) -> dict[str, int]:
    held = fitted._held.constraints
    return {c.title: int(n) for c, n in zip(held, violations(held, table).sum(axis=1), strict=True) if n}


def columns_fit(table: pa.Table, *constraints: dict[str, Any], profile: Profile | None = None, **spec_: Any) -> Fitted:
    return Columns().fit(table, spec(*constraints, **spec_), profile or profile_of(table), seed=3)


@pytest.fixture(scope="module")
def orders() -> pa.Table:
    return shop()


@pytest.fixture(scope="module")
def trees(orders: pa.Table) -> Fitted:
    return create(GeneratorSpec()).fit(orders, spec(*CONSTRAINTS), profile_of(orders), seed=3)


@pytest.fixture(autouse=True)
def plain() -> Iterator[None]:
    yield
    LearnedColumns.spoil = staticmethod(lambda table, _: table)
    LearnedColumns.places = "any"


def test_no_row_breaks_a_constraint_and_the_schema_is_kept(trees: Fitted, orders: pa.Table) -> None:
    made = trees.sample(5_000, seed=5)
    assert broken(trees, made.table) == {}
    assert made.table.schema == orders.schema
    made.table.validate(full=True)
    assert [t.kind for t in trees._held.transforms] == ["joint", "joint", "total", "gap"]
    for impossible in ("inequality(ordered, shipped)", "fixed_combinations(city, country)"):
        assert made.repairs.resampled_by[impossible] == made.repairs.repaired_by[impossible] == 0
    assert made.repairs.rows == 5_000
    assert 0.1 < made.repairs.resampled_by["range(age)"] < 0.5
    assert made.repairs.resampled >= max(made.repairs.resampled_by.values())
    assert trees.broken_in_train["range(age)"] == sum(not 21 <= a <= 80 for a in orders["age"].to_pylist())
    assert trees.broken_in_train["tax is at most a fifth"] == 0


@pytest.mark.parametrize("kind", [Columns, Transformed])
def test_a_third_party_that_knows_nothing_of_constraints_is_held_to_them(kind: type[Columns], orders: pa.Table) -> None:
    fitted = kind().fit(orders, spec(*CONSTRAINTS), profile_of(orders), seed=3)
    made = fitted.sample(4_000, seed=5)
    assert broken(fitted, made.table) == {}
    assert made.table.schema == orders.schema
    names, table, _ = Columns.seen[-1]
    if kind is Columns:
        assert names == orders.column_names
        assert len(table.constraints) == len(CONSTRAINTS)
    else:
        gone = {"city", "country", "by_post", "by_van", "by_bike", "total", "shipped"}
        assert not gone & set(names)
        assert {"city & country", "by_post & by_van & by_bike", "shipped - ordered"} <= set(names)
        assert not any(gone & set(c.uses) for c in table.constraints)


@pytest.mark.parametrize("places", ["any", "same_place", "never"])
def test_the_same_bytes_come_out_for_any_workers_and_batches(
    places: Any, orders: pa.Table, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(blocks_module, "BLOCK", 700)
    LearnedColumns.places = places
    fitted = columns_fit(orders, *CONSTRAINTS)
    first = fitted.sample(2_000, seed=5, workers=1)
    assert broken(fitted, first.table) == {}
    for workers, batch_rows in ((1, 700), (2, 250), (3, 100_000)):
        stream = fitted.stream(2_000, 5, workers=workers, batch_rows=batch_rows)
        batches = list(stream)
        assert table_digest(pa.Table.from_batches(batches, fitted.schema)) == first.digest, (workers, batch_rows)
        assert stream.report == first.repairs
        assert {b.num_rows for b in batches[:-1]} <= {batch_rows}
    fitted.save(tmp_path)
    loaded = rebuild(read_sealed(tmp_path), LearnedColumns)
    assert loaded.sample(2_000, seed=5).digest == first.digest
    assert loaded.broken_in_train == fitted.broken_in_train
    assert loaded.digest == fitted.digest


@pytest.mark.slow
def test_real_block_and_batch_sizes_change_nothing(trees: Fitted) -> None:
    rows = 150_000
    first = trees.sample(rows, seed=5, workers=1)
    assert broken(trees, first.table) == {}
    for workers, batch_rows in ((2, 65_536), (3, 1_000), (1, 100_000)):
        stream = trees.stream(rows, 5, workers=workers, batch_rows=batch_rows)
        assert table_digest(pa.Table.from_batches(list(stream), trees.schema)) == first.digest
        assert stream.report == first.repairs


def test_a_saved_generator_keeps_its_constraints(trees: Fitted, tmp_path: Path) -> None:
    trees.save(tmp_path)
    loaded = load_fitted(tmp_path, expected=trees.digest)
    assert loaded.sample(800, seed=2).digest == trees.sample(800, seed=2).digest
    assert loaded._held.plain() == trees._held.plain()


def test_without_constraints_nothing_changes(orders: pa.Table) -> None:
    fitted = columns_fit(orders)
    made = fitted.sample(1_000, seed=5)
    assert made.digest == table_digest(LearnedColumns(orders).draw(Block(0, 0, 1_000, 5)))
    assert made.repairs.plain() == {"rows": 1_000, "resampled": 0, "repaired": 0, "resampled_by": {}, "repaired_by": {}}


def test_drawing_again_gives_the_distribution_on_condition_that_the_constraint_holds() -> None:
    rng = np.random.default_rng(1)
    table = pa.table({"x": rng.integers(0, 10, 5_000), "y": rng.integers(0, 10, 5_000)})
    made = columns_fit(table, {"kind": "check", "expression": "x + y <= 6"}).sample(40_000, seed=1)
    assert made.repairs.repaired == 0
    counts = np.bincount(made.table["x"].to_numpy(), minlength=10) / 40_000
    wanted = np.array([max(0, 7 - x) for x in range(10)]) / 28
    assert np.abs(counts - wanted).max() < 0.01


def test_few_blocks_are_alive_at_a_time(orders: pa.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks_module, "BLOCK", 100)
    drawn: list[int] = []
    LearnedColumns.spoil = staticmethod(lambda table, block: drawn.append(block.number) or table)
    fitted = columns_fit(orders, CONSTRAINTS[7], {"kind": "unique", "columns": ["ordered"]})
    for count, _ in enumerate(fitted.stream(2_500, 5, workers=2, batch_rows=100), 1):
        assert max(drawn) <= count + 2 + 1
    assert count == 25


# What is found before training.


@pytest.mark.parametrize(
    ("constraints", "match"),
    [
        ([{"kind": "range", "column": "agee", "min": 1}], "no column 'agee'. Did you mean 'age'"),
        ([{"kind": "range", "column": "city", "min": 1}], "needed is a number"),
        ([{"kind": "range", "column": "gone", "min": 1}], "'gone' is dropped"),
        ([{"kind": "inequality", "low": "net", "high": "age"}, {"kind": "range", "column": "net", "min": 50},
          {"kind": "range", "column": "age", "max": 40}],
          r"together: inequality\(net, age\), range\(net\), range\(age\)"),
        ([{"kind": "range", "column": "age", "min": 10}, {"kind": "check", "expression": "net > 10"},
          {"kind": "check", "expression": "total <= 10"}], r"together: check\(net\), check\(total\)\."),
        ([{"kind": "check", "expression": "age > 500"}], r"together: check\(age\)"),
        ([{"kind": "fixed_combinations", "columns": ["ordered", "order_id"]}], "no combination is shared by 10 rows"),
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_kept_is_refused_before_training(
    constraints: list[dict[str, Any]], match: str, orders: pa.Table
) -> None:
    before = len(Columns.seen)
    with pytest.raises(GeneratorError, match=match):
        columns_fit(orders, *constraints, gone={"treatment": "drop"})
    assert len(Columns.seen) == before, "it was trained"


def test_more_unique_rows_than_there_can_be_are_refused_before_the_first() -> None:
    table = pa.table({"a": [1, 2, 3] * 30, "b": [True, False] * 45})
    fitted = columns_fit(
        table, {"kind": "unique", "columns": ["a", "b"]}, {"kind": "range", "column": "a", "min": 1, "max": 3}
    )
    made = fitted.sample(6, seed=1)
    assert broken(fitted, made.table) == {}
    with pytest.raises(GeneratorError, match=r"unique\(a, b\) has room for 6"):
        fitted.sample(7, seed=1)


def test_unique_rows_that_cannot_be_found_are_refused_with_counts() -> None:
    table = pa.table({"a": ["x", "y", "z"] * 30})
    with pytest.raises(GeneratorError, match=r"unique\(a\): 7") as error:
        columns_fit(table, {"kind": "unique", "columns": ["a"]}).sample(10, seed=1)
    assert "Sample fewer rows" in error.value.fix


def test_a_row_that_cannot_be_repaired_is_never_let_through() -> None:
    table = pa.table({"a": [1.0, 2.0] * 50, "b": ["x", "y"] * 50})
    fitted = columns_fit(table, {"kind": "check", "expression": "(a * a) ** 0.5 != 1 and b != 'x'"})
    LearnedColumns.spoil = staticmethod(lambda t, _: t.set_column(1, "b", pa.array(["x"] * t.num_rows)))
    with pytest.raises(GeneratorError, match="200 of 200 rows") as error:
        fitted.sample(200, seed=1)
    assert "check(a, b): 200" in error.value.why


def test_an_error_of_a_library_is_withheld_while_constraints_are_kept(orders: pa.Table) -> None:
    fitted = columns_fit(orders, *CONSTRAINTS)

    def leak(table: pa.Table, block: Block) -> pa.Table:
        if block.attempt:
            raise ValueError("secret")
        return table

    LearnedColumns.spoil = staticmethod(leak)
    with pytest.raises(InternalError) as error:
        fitted.sample(100, seed=1)
    assert "secret" not in str(error.value)


def test_a_generator_that_breaks_its_contract_is_told_which_column(orders: pa.Table) -> None:
    fitted = Transformed().fit(orders, spec(*CONSTRAINTS), profile_of(orders), seed=3)
    LearnedColumns.spoil = staticmethod(lambda table, _: table.drop_columns(["city & country"]))
    with pytest.raises(GeneratorError, match=r"broke its contract in: city & country"):
        fitted.sample(100, seed=1)


# Faked columns.


def test_faked_columns_keep_formats_are_unique_and_never_null() -> None:
    rows = 400
    table = pa.table({
        "account": ["DE1"] * rows,
        "person": pa.array(np.arange(rows), mask=np.arange(rows) % 3 == 0),
        "kind": ["a", "b"] * (rows // 2),
    })  # fmt: skip
    profile = profile_of(table, fake={"account": SemanticType.TEXT, "person": SemanticType.ID})
    constraints = (
        {"kind": "format", "column": "account", "format": "iban"},
        {"kind": "unique", "columns": ["account", "kind"]},
        {"kind": "unique", "columns": ["person"]},
        {"kind": "not_null", "columns": ["person"]},
        {"kind": "null_when", "columns": ["account"], "when": "kind == 'b'"},
    )
    fitted = columns_fit(table, *constraints, profile=profile)
    made = fitted.sample(rows, seed=2)
    assert broken(fitted, made.table) == {}
    assert made.table["person"].null_count == 0
    assert made.table["account"].null_count == made.table["kind"].to_pylist().count("b")
    assert made.repairs.repaired_by["format(account)"] > 0.4
    assert fitted.sample(rows, seed=2, workers=3).digest == made.digest
    assert fitted.broken_in_train == {}, "faked columns are not looked at"


@pytest.mark.parametrize(
    "constraint",
    [
        {"kind": "range", "column": "person", "min": 1},
        {"kind": "inequality", "low": "person", "high": "n"},
        {"kind": "not_null", "columns": ["person"], "when": "n > 1"},
        {"kind": "null_together", "columns": ["person", "n"]},
        {"kind": "check", "expression": "person > 1"},
    ],
    ids=str,
)
def test_what_cannot_hold_for_a_faked_column_is_refused(constraint: dict[str, Any]) -> None:
    table = pa.table({"person": [1, 2, 3] * 10, "n": [1, 2, 3] * 10})
    with pytest.raises(GeneratorError, match="'person' is faked"):
        columns_fit(table, constraint, profile=profile_of(table, fake={"person": SemanticType.ID}))


def test_repeated_fakes_are_written_again(monkeypatch: pytest.MonkeyPatch) -> None:
    table = pa.table({"code": ["x"] * 60, "n": list(range(60))})
    profile = profile_of(table, fake={"code": SemanticType.TEXT})
    constraints = (
        {"kind": "format", "column": "code", "pattern": "[a-z]{2}"},
        {"kind": "unique", "columns": ["code", "n"]},
        {"kind": "range", "column": "n", "max": 3},
    )
    fitted = columns_fit(table, *constraints, profile=profile)
    made = fitted.sample(1_500, seed=2)
    assert broken(fitted, made.table) == {}
    assert made.repairs.resampled_by["unique(code, n)"] > 0.1


# Unique rows.


def test_unique_rows_across_blocks_and_what_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks_module, "BLOCK", 50)
    table = pa.table({"a": list(range(60)), "b": ["x", "y", None] * 20})
    fitted = columns_fit(table, {"kind": "unique", "columns": ["a", "b"]})
    made = fitted.sample(150, seed=1)
    assert broken(fitted, made.table) == {}
    rows = [tuple(r.values()) for r in made.table.to_pylist() if None not in r.values()]
    assert len(set(rows)) == len(rows) > 80
    assert made.table["b"].null_count > 20, "rows that miss a column repeat nothing"


def test_numbers_and_moments_are_moved_where_drawing_again_gives_nothing_new(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unique_module, "ROUNDS", 1)
    day = datetime.date(2024, 1, 1)
    table = pa.table({"n": [5, 6] * 20, "d": [day] * 40, "x": ["p"] * 40})
    constraints = ({"kind": "unique", "columns": ["x", "n"]}, {"kind": "range", "column": "n", "min": 0, "max": 30})
    made = columns_fit(table, *constraints, {"kind": "unique", "columns": ["d"]}).sample(30, seed=1)
    assert len(set(made.table["n"].to_pylist())) == 30
    assert set(made.table["n"].to_pylist()) <= set(range(31))
    assert len(set(made.table["d"].to_pylist())) == 30
    assert made.repairs.repaired_by["unique(x, n)"] > 0.8


def test_what_was_seen_is_held_in_runs_of_falling_length() -> None:
    seen, rng, known = unique_module.Seen(), np.random.default_rng(1), set()
    for size in (5, 1, 40, 40, 3, 0, 17, 100, 2):
        words = rng.integers(0, 300, size).astype(np.uint64)
        assert seen.has(words).tolist() == [int(w) in known for w in words]
        seen.add(words)
        known |= {int(w) for w in words}
    assert len(seen) == 208
    assert len(seen._runs) <= 6
    assert seen.has(np.arange(300, dtype=np.uint64)).tolist() == [n in known for n in range(300)]


# Steering and imputing.


def test_a_steered_column_is_learned_as_it_is(orders: pa.Table) -> None:
    steer = Steering(where={"city": "Roma", "shipped": "> 2023-06-01"})
    generator = create(GeneratorSpec(steer=steer))
    fitted = generator.fit(orders, spec(*CONSTRAINTS), profile_of(orders), seed=3)
    assert [t.kind for t in fitted._held.transforms] == ["joint", "total"]
    made = fitted.sample(500, seed=1).table
    assert set(made["city"].to_pylist()) == {"Roma"}
    assert set(made["country"].to_pylist()) == {"IT"}
    assert broken(fitted, made) == {}


def test_a_later_condition_that_contradicts_a_constraint_stops_sampling(orders: pa.Table) -> None:
    young = {"kind": "range", "column": "age", "min": 21}
    later = create(GeneratorSpec()).fit(orders, spec(young), profile_of(orders), seed=3)
    with pytest.raises(GeneratorError, match=r"range\(age\): 100"):
        later.steered(Steering(where={"age": "< 21"})).sample(100, seed=1)
    assert set(later.steered(Steering(where={"age": 21})).sample(100, seed=1).table["age"].to_pylist()) == {21}


def test_steering_later_by_a_replaced_column_is_refused_with_a_way_out(trees: Fitted) -> None:
    with pytest.raises(GeneratorError, match="steered by 'city'") as error:
        trees.steered(Steering(where={"city": "Roma"}))
    assert "generator.steer" in error.value.fix
    made = trees.steered(Steering(where={"status": "paid"})).sample(300, seed=1).table
    assert set(made["status"].to_pylist()) == {"paid"}


def test_missing_cells_are_filled_through_the_transforms(trees: Fitted, orders: pa.Table) -> None:
    holes = orders.slice(0, 200)
    for name in ("city", "total", "shipped", "status"):
        kind = holes.schema.field(name)
        values = [None if i % 4 == 0 else v for i, v in enumerate(holes[name].to_pylist())]
        holes = holes.set_column(holes.column_names.index(name), kind, pa.array(values, kind.type))
    filled = trees.impute(holes, seed=1)
    assert filled.schema == orders.schema
    for name in holes.column_names:
        for before, after in zip(holes[name].to_pylist(), filled[name].to_pylist(), strict=True):
            assert before is None or before == after, name
    assert filled["city"].null_count == filled["total"].null_count == filled["status"].null_count == 0


# Generators without a source.


def rules(*constraints: dict[str, Any], rules_: dict[str, Any] | None = None, **columns: Any) -> Fitted:
    table = TableSpec.model_validate({"constraints": constraints, "columns": columns, "rules": rules_})
    nothing = Profile(table="t", source_digest="0" * 64, rows=0, duplicate_rows=0, key_candidates=(), columns=())
    return create(GeneratorSpec(name="rules")).fit(pa.table({}), table, nothing, seed=1)


NUMBER = {"rule": {"kind": "uniform", "low": 0, "high": 9, "decimals": 0}}


def test_rules_draw_a_row_again_in_its_own_place_so_that_sequences_stay() -> None:
    constraints = (
        {"kind": "inequality", "low": "a", "high": "b", "strict": True},
        {"kind": "unique", "columns": ["id"]},
        {"kind": "fixed_combinations", "columns": ["a", "b"], "combinations": [[1, 5], [2, 7], [0, 3]]},
    )
    fitted = rules(*constraints, id={"rule": {"kind": "sequence"}}, a=NUMBER, b=NUMBER)
    assert fitted._held.transforms == ()
    made = fitted.sample(2_000, seed=1)
    assert made.table["id"].to_pylist() == list(range(1, 2_001))
    assert set(zip(made.table["a"].to_pylist(), made.table["b"].to_pylist(), strict=True)) == {(1, 5), (2, 7), (0, 3)}
    assert fitted.broken_in_train == {}


def test_rules_have_no_rows_to_take_combinations_from() -> None:
    with pytest.raises(GeneratorError, match="lists no combinations"):
        rules({"kind": "fixed_combinations", "columns": ["a", "b"]}, a=NUMBER, b=NUMBER)


def test_every_kind_and_format_is_on_the_page() -> None:
    page = (ROOT / "docs" / "constraints.md").read_text(encoding="utf-8")
    kinds = TableSpec.model_json_schema()["properties"]["constraints"]["items"]["discriminator"]["mapping"]
    for kind in kinds:
        assert f"kind: {kind}" in page, kind
    for name in FORMATS:
        assert f"`{name}`" in page, name
    example = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    assert example is not None
    exec(compile(example.group(1), "constraints.md", "exec"), {})
