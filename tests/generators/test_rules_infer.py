"""Rules inferred from DDL, JSON Schema, dbt and profiles: what is said is kept, what is not becomes a note."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from generators import create
from generators.rules_file import draft_text, read_rules
from generators.rules_infer import Draft
from generators.rules_infer_dbt import infer_dbt
from generators.rules_infer_ddl import infer_ddl
from generators.rules_infer_json_schema import infer_json_schema
from generators.rules_infer_profile import infer_profile
from proofset.errors import GeneratorError, MissingExtraError, SpecError
from proofset.evidence import ColumnProfile, Profile, TopValue
from proofset.spec import GeneratorSpec, SemanticType, TableSpec, Treatment

NOTHING = Profile(table="t", source_digest="0" * 64, rows=0, duplicate_rows=0, key_candidates=(), columns=())


def sampled(draft: Draft, rows: int = 3_000) -> pd.DataFrame:
    """Through the YAML and back, then drawn."""
    name, spec, _ = read_rules(draft_text(draft), "draft.yaml")
    assert (name, spec) == (draft.name, draft.table)
    fitted = create(GeneratorSpec(name="rules")).fit(pa.table({}), spec, NOTHING, seed=0)
    return fitted.sample(rows, 1).table.to_pandas()


def kinds(table: TableSpec) -> dict[str, str]:
    return {n: c.rule.kind for n, c in table.columns.items() if c.rule is not None}


DDL = """
CREATE SCHEMA shop;
CREATE TABLE shop.orders (
  order_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  customer_id INT NOT NULL REFERENCES customers(id),
  email VARCHAR(255) UNIQUE COMMENT 'where the bill goes',
  status VARCHAR(20) NOT NULL CHECK (status IN ('new', 'paid', 'sent')),
  quantity INT NOT NULL CHECK (quantity > 0 AND quantity <= 50),
  price DECIMAL(10, 2) NOT NULL CHECK (price >= 1),
  share DECIMAL(3, 2) NOT NULL,
  rating SMALLINT CHECK (rating BETWEEN -1 AND 5),
  level INT NOT NULL CHECK (level IN (1, 2, 3)),
  below DOUBLE NOT NULL CHECK (below < 10),
  ordered_at TIMESTAMP NOT NULL,
  shipped_at TIMESTAMP NOT NULL,
  code CHAR(8) NOT NULL,
  data JSONB,
  token UUID NOT NULL,
  active BOOLEAN NOT NULL,
  day DATE NOT NULL,
  store INT NOT NULL CHECK (store BETWEEN 1 AND 100),
  CONSTRAINT later CHECK (shipped_at > ordered_at),
  UNIQUE (store, day),
  FOREIGN KEY (store) REFERENCES stores(id),
  CHECK (length(code) = 8)
);
CREATE TABLE tiny (id SERIAL, mood ENUM('a', 'b'), a INT, b FLOAT, PRIMARY KEY (id), UNIQUE (b), UNIQUE (b, a),
  EXCLUDE USING gist (a WITH =));
"""


def test_a_ddl_becomes_rules_that_keep_its_constraints() -> None:
    draft = infer_ddl(DDL, "ORDERS", "postgres")
    drawn = sampled(draft)
    expected = {"order_id": "sequence", "email": "faker", "token": "uuid", "shipped_at": "after", "status": "choice"}
    assert expected.items() <= kinds(draft.table).items()
    assert drawn.order_id.tolist()[:2] == [1, 2]
    assert drawn.email.dropna().is_unique
    assert set(drawn.status) == {"new", "paid", "sent"}
    assert (drawn.quantity.min(), drawn.quantity.max()) == (1, 50)
    assert drawn.price.min() >= 1
    assert drawn["share"].between(0, 9.99).all()
    assert drawn.rating.dropna().between(-1, 5).all()
    assert 0.02 < drawn.rating.isna().mean() < 0.09
    assert set(drawn.level) == {1, 2, 3}
    assert drawn.below.max() < 10
    assert (drawn.shipped_at > drawn.ordered_at).all()
    assert drawn.code.str.fullmatch("[a-z]{8}").all()
    assert not drawn.duplicated(["store", "day"]).any()
    notes = "\n".join(draft.notes)
    for said in ("customer_id: refers to customers", "store: refers to stores", "data: its type jsonb",
                 "code: a check was not understood", "shipped_at: its delay is a guess"):  # fmt: skip
        assert said in notes
    required = [n for n in drawn if n not in ("email", "rating", "data")]
    assert drawn[required].notna().all().all()


def test_a_set_that_cannot_be_promised_becomes_a_note() -> None:
    draft = infer_ddl("CREATE TABLE t (a DOUBLE NOT NULL, b TIMESTAMP NOT NULL, UNIQUE (a, b))")
    assert draft.table.rules is None
    assert any(n.startswith("a, b: unique together") for n in draft.notes)


def test_keys_and_enums_of_a_table() -> None:
    draft = infer_ddl(DDL, "tiny", "postgres")
    assert kinds(draft.table) == {"id": "sequence", "mood": "choice", "a": "uniform", "b": "uniform"}
    assert draft.table.columns["id"].null_share == 0
    notes = "\n".join(draft.notes)
    assert "b: unique, which its rule cannot promise" in notes
    assert "constraint of the table was not understood" in notes
    assert draft.table.rules is not None
    assert draft.table.rules.unique == (("b", "a"),)


@pytest.mark.parametrize(
    ("text", "table", "words"),
    [
        (DDL, None, "2 tables: orders, tiny"),
        (DDL, "order", "Did you mean 'orders'"),
        ("CREATE TABLE (((", None, "cannot be parsed"),
        ("SELECT 1", None, "0 tables: none"),
    ],
)
def test_a_ddl_that_does_not_help_is_refused(text: str, table: str | None, words: str) -> None:
    with pytest.raises(GeneratorError, match=words):
        infer_ddl(text, table, "postgres")


def test_without_sqlglot_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "sqlglot", None)
    with pytest.raises(MissingExtraError, match="pip install sqlglot"):
        infer_ddl(DDL)


SCHEMA: dict[str, Any] = {
    "title": "Customer",
    "description": "Who buys",
    "type": "object",
    "required": ["id", "email", "score", "tier", "plan", "when", "born", "code", "odd", "deep", "old", "step"],
    "properties": {
        "id": {"type": "string", "format": "uuid"},
        "email": {"type": "string", "format": "email", "description": "where to"},
        "score": {"type": "integer", "exclusiveMinimum": 0, "maximum": 10},
        "tier": {"enum": ["gold", "silver"]},
        "plan": {"const": "basic"},
        "when": {"type": "string", "format": "date-time"},
        "born": {"type": "string", "format": "date"},
        "code": {"type": "string", "pattern": "^[A-Z]{2}[0-9]{3}$"},
        "odd": {"type": "string", "pattern": "(?=x)y", "minLength": 3, "maxLength": 5},
        "deep": {"$ref": "#/$defs/share"},
        "old": {"type": "number", "minimum": 0, "exclusiveMinimum": True, "maximum": 5, "exclusiveMaximum": True},
        "step": {"type": "number", "multipleOf": 0.25, "minimum": 0, "exclusiveMaximum": 5},
        "nick": {"anyOf": [{"type": "string", "maxLength": 4}, {"type": "null"}]},
        "maybe": {"type": ["boolean", "null"]},
        "some": {"enum": [1, 2, None]},
        "tags": {"type": "array"},
        "shape": {"enum": [{"a": 1}]},
        "free": {},
    },
    "$defs": {"share": {"type": "number", "minimum": 0, "maximum": 1}, "word": {"type": "string"}},
    "allOf": [],
}


SHARED: dict[str, Any] = {"$defs": SCHEMA["$defs"]}


def test_a_json_schema_becomes_rules_that_keep_it() -> None:
    draft = infer_json_schema(SCHEMA)
    drawn = sampled(draft)
    assert draft.name == "customer"
    assert draft.table.description == "Who buys"
    assert draft.table.columns["email"].description == "where to"
    assert drawn.score.between(1, 10).all()
    assert set(drawn.tier) == {"gold", "silver"}
    assert set(drawn.plan) == {"basic"}
    assert drawn.code.str.fullmatch("[A-Z]{2}[0-9]{3}").all()
    assert drawn.odd.str.len().between(3, 5).all()
    assert drawn.deep.between(0, 1).all()
    assert drawn.old.between(0, 5, inclusive="neither").all()
    assert np.allclose(drawn.step * 100, (drawn.step * 100).round())
    assert drawn.nick.dropna().str.len().max() <= 4
    assert set(drawn.some.dropna()) == {1, 2}
    for name in ("nick", "maybe", "some"):
        assert 0.02 < drawn[name].isna().mean() < 0.09, name
    notes = "\n".join(draft.notes)
    for said in ("tags: its type is array; it is left out", "shape: its values are objects",
                 "free: its type is not given", "odd: its pattern cannot be generated", "keyword allOf"):  # fmt: skip
        assert said in notes


def test_rows_may_lie_in_an_array_or_a_definition() -> None:
    array = {"type": "array", "items": {"$ref": "#/definitions/row"}, "definitions": {"row": SCHEMA}} | SHARED
    assert kinds(infer_json_schema(array).table) == kinds(infer_json_schema(SCHEMA).table)
    assert infer_json_schema({"$defs": SHARED["$defs"] | {"row": SCHEMA}}).name == "row"
    assert infer_json_schema({"$defs": SHARED["$defs"] | {"a": SCHEMA, "b": SCHEMA}}, "b").name == "b"


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"$defs": {"a": SCHEMA, "b": SCHEMA}}, "2 tables: a, b"),
        ({"type": "string"}, "0 tables"),
        ({"$ref": "other.json#/x"}, "another file"),
        ({"$ref": "#/$defs/x"}, "not there"),
        ({"$ref": "#/$defs/x", "$defs": {"x": {"$ref": "#/$defs/x"}}}, "round in a circle"),
        ({"properties": {"a": {"type": "object"}}}, "no column"),
    ],
)
def test_a_json_schema_that_does_not_help_is_refused(schema: dict[str, Any], words: str) -> None:
    with pytest.raises(GeneratorError, match=words):
        infer_json_schema(schema)


DBT: dict[str, Any] = {
    "version": 2,
    "models": [
        {"name": "orders", "description": "one row per order",
         "data_tests": [{"dbt_utils.unique_combination_of_columns": {"combination_of_columns": ["order_id", "status"]}},
                        {"dbt_utils.equal_rowcount": {"compare_model": "x"}}],
         "columns": [
             {"name": "order_id", "data_type": "bigint", "constraints": [{"type": "primary_key"}]},
             {"name": "status", "tests": ["not_null", {"accepted_values": {"values": ["a", "b"]}}]},
             {"name": "grade", "data_tests": [{"accepted_values": {"arguments": {"values": [1, "x"]}}}]},
             {"name": "customer_id", "data_tests": ["not_null", {"relationships": {"to": "ref('c')", "field": "id"}}]},
             {"name": "amount", "data_type": "numeric(10,2)", "description": "in euro",
              "data_tests": [{"dbt_utils.accepted_range": {"min_value": 5, "max_value": 9}}]},
             {"name": "is_open", "tests": ["my_own_test"]},
             {"name": "sold_at", "tests": ["unique"]},
             {"name": "sold_on", "data_type": "date"},
             {"name": "seen", "data_type": "timestamp with time zone"},
             {"name": "weird", "data_type": "geography"},
         ]},
        {"name": "other", "columns": []},
    ],
    "sources": [{"name": "raw", "tables": [{"name": "events", "columns": [{"name": "id"}]}]}],
}  # fmt: skip


def test_a_dbt_file_becomes_rules_that_keep_its_tests() -> None:
    draft = infer_dbt(DBT, "orders")
    drawn = sampled(draft)
    assert kinds(draft.table) == {
        "order_id": "sequence", "status": "choice", "grade": "choice", "customer_id": "uniform", "amount": "uniform",
        "is_open": "bernoulli", "sold_at": "datetime", "sold_on": "date", "seen": "datetime", "weird": "regex",
    }  # fmt: skip
    assert drawn.order_id.is_unique
    assert drawn[["order_id", "status", "customer_id"]].notna().all().all()
    assert set(drawn.status) == {"a", "b"}
    assert set(drawn.grade.dropna()) == {"1", "x"}
    assert drawn.amount.dropna().between(5, 9).all()
    notes = "\n".join(draft.notes)
    for said in ("customer_id: refers to ref('c')", "is_open: the test my_own_test", "test dbt_utils.equal_rowcount",
                 "status: its type is not given; text is guessed", "sold_at: unique, which"):  # fmt: skip
        assert said in notes
    assert kinds(infer_dbt(DBT, "events").table) == {"id": "uniform"}
    with pytest.raises(GeneratorError, match="3 tables"):
        infer_dbt(DBT)
    with pytest.raises(GeneratorError, match="no column"):
        infer_dbt(DBT, "other")


def seen(name: str, storage: str, semantic: SemanticType, **more: Any) -> ColumnProfile:
    facts = {"nullable": False, "null_share": 0.0, "distinct": 9, "unique": False} | more
    return ColumnProfile(name=name, storage=storage, semantic=semantic, guessed=semantic, **facts)


def tops(**shares: float) -> tuple[TopValue, ...]:
    return tuple(TopValue(value=v.removeprefix("n"), share=s) for v, s in shares.items())


def test_a_profile_becomes_its_own_marginals() -> None:
    quantiles = {"0.05": 1.0, "0.25": 4.0, "0.5": 9.0, "0.75": 20.0, "0.95": 70.0}
    profile = Profile(
        table="Past Orders", source_digest="0" * 64, rows=5_000, duplicate_rows=0, key_candidates=("id",),
        columns=(
            seen("id", "int64", SemanticType.ID, unique=True, integral=True),
            seen("ref", "string", SemanticType.ID, unique=True),
            seen("price", "double", SemanticType.NUMBER, low=0.5, high=90.0, quantiles=quantiles, null_share=0.25),
            seen("count", "int64", SemanticType.NUMBER, low=1, high=90, quantiles=quantiles, integral=True),
            seen("city", "string", SemanticType.CATEGORY, top=tops(Rome=0.6, Bonn=0.3), rare_share=0.1),
            seen("grade", "int8", SemanticType.ORDINAL, top=tops(n1=0.5, n2=0.5)),
            seen("size", "float", SemanticType.CATEGORY, top=tops(n1=0.5, nx=0.5)),
            seen("member", "bool", SemanticType.BOOLEAN, top=tops(true=0.2, false=0.6)),
            seen("at", "timestamp[us]", SemanticType.DATETIME, low=1.7e9, high=1.71e9),
            seen("who", "string", SemanticType.PERSON_NAME, treatment=Treatment.FAKE),
            seen("words", "string", SemanticType.TEXT, treatment=Treatment.FAKE),
            seen("gone", "string", SemanticType.TEXT, treatment=Treatment.DROP),
        ),
    )  # fmt: skip
    draft = infer_profile(profile)
    drawn = sampled(draft, 20_000)
    assert draft.name == "past_orders"
    assert "gone" not in drawn
    assert drawn["id"].tolist()[:2] == [1, 2]
    assert drawn.ref.is_unique
    assert drawn.price.isna().mean() == pytest.approx(0.25, abs=0.02)
    assert drawn.price.quantile([0.05, 0.5, 0.95]).tolist() == pytest.approx([1, 9, 70], rel=0.06)
    assert (drawn["count"].dtype, drawn["count"].min(), drawn["count"].max()) == ("int64", 1, 90)
    assert drawn.city.eq("Rome").mean() == pytest.approx(2 / 3, abs=0.02)
    assert set(drawn.grade) == {1, 2}
    assert set(drawn["size"]) == {"1", "x"}
    assert drawn.member.mean() == pytest.approx(0.25, abs=0.02)
    assert drawn["at"].between("2023-11-14", "2024-03-10").all()
    notes = "\n".join(draft.notes)
    for said in ("Columns are independent", "city: 10.0%", "at: uniform", "words: the profile quotes none"):
        assert said in notes


def test_a_rule_file_is_a_spec_or_a_mapping_of_tables() -> None:
    two = "tables: {a: {columns: {x: {rule: {kind: uuid}}}}, b: {columns: {y: {rule: {kind: uuid}}}}}\nseed: 9"
    assert read_rules(two, "f.yaml", "b")[::2] == ("b", 9)
    with pytest.raises(GeneratorError, match="2 tables: a, b"):
        read_rules(two, "f.yaml")
    with pytest.raises(SpecError, match=r"f\.yaml.*tabels"):
        read_rules("tabels: {}", "f.yaml")


def test_a_table_whose_name_reads_like_a_digest_gets_another() -> None:
    text = draft_text(infer_ddl("CREATE TABLE facade (id INT PRIMARY KEY)"))
    assert "dataset: facade_table" in text
    assert "dataset: table_1x" in draft_text(infer_ddl('CREATE TABLE "1x" (id INT PRIMARY KEY)'))
