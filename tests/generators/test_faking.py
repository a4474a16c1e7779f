"""Fake columns: sensible values of every type, from nothing of the source."""

from __future__ import annotations

import builtins
import datetime as dt
import re
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from generators.blocks import BLOCK, Block, blocks
from generators.faking import FakeColumn, check_provider, numbered, plan_fakes, write_fakes
from proofset.errors import GeneratorError, MissingExtraError
from proofset.evidence import Profile
from proofset.spec import SemanticType, TableSpec

NOTHING = Profile(table="t", source_digest="0" * 64, rows=0, duplicate_rows=0, key_candidates=(), columns=())
S = SemanticType


def written(kind: pa.DataType, rows: int = 300, seed: int = 1, **plan: Any) -> list[Any]:
    column = FakeColumn(name="x", **({"semantic": S.TEXT} | plan))
    made = [write_fakes([column], pa.schema([("x", kind)]), block)["x"] for block in blocks(rows, seed)]
    assert all(array.type == kind for array in made)
    return [value for array in made for value in array.to_pylist()]


@pytest.mark.parametrize("semantic", list(S))
@pytest.mark.parametrize("kind", [pa.string(), pa.dictionary(pa.int16(), pa.large_string())], ids=str)
def test_every_meaning_can_be_written_as_text_and_uniquely(semantic: S, kind: pa.DataType) -> None:
    assert all(isinstance(v, str) and v and "\n" not in v for v in written(kind, semantic=semantic))
    assert len(set(written(kind, semantic=semantic, unique=True))) == 300


@pytest.mark.parametrize("unique", [False, True])
@pytest.mark.parametrize(
    "kind",
    [
        pa.int64(), pa.uint16(), pa.float32(), pa.float64(), pa.decimal128(9, 2), pa.date32(),
        pa.timestamp("ns", "UTC"), pa.time32("s"), pa.time64("us"), pa.duration("s"),
    ],
    ids=str,
)  # fmt: skip
def test_every_other_type_can_be_written(kind: pa.DataType, unique: bool) -> None:
    values = written(kind, semantic=S.NUMBER, unique=unique)
    assert None not in values
    assert len(set(values)) == 300 if unique else len(set(values)) > 50


def test_meanings_look_like_what_they_are() -> None:
    assert all("@example." in v for v in written(pa.string(), semantic=S.EMAIL))
    assert all(v.startswith("http") for v in written(pa.string(), semantic=S.URL))
    assert all(len(v.split(".")) == 4 for v in written(pa.string(), semantic=S.IP_ADDRESS))
    assert all(dt.date.fromisoformat(v) for v in written(pa.string(), semantic=S.DATETIME))
    assert all(10**9 <= v < 10**10 for v in written(pa.int64(), semantic=S.PHONE))
    assert written(pa.string(), semantic=S.ID)[:2] == ["id-000001", "id-000002"]
    assert written(pa.int32(), semantic=S.ID) == list(range(1, 301))
    assert set(written(pa.bool_())) == {True, False}
    assert set(written(pa.string(), semantic=S.CATEGORY, values=("a", "b"))) == {"a", "b"}
    assert all(-90 <= v <= 90 for v in written(pa.float64(), semantic=S.GEO))
    assert min(written(pa.float64(), semantic=S.GEO)) < 0
    assert all(1950 <= v <= 1960 for v in written(pa.int64(), semantic=S.NUMBER, low=1950, high=1960))
    assert all(v >= 500 for v in written(pa.int64(), semantic=S.NUMBER, low=500))
    assert all(v <= -7 for v in written(pa.int64(), semantic=S.NUMBER, high=-7))
    assert written(pa.string(), provider="country_code", semantic=S.ID)[0].isupper()


@pytest.mark.parametrize("share", [0.0001, 0.1, 0.5, 0.93])
@pytest.mark.parametrize("semantic", [S.ID, S.EMAIL, S.IP_ADDRESS])
def test_subjects_that_repeat_are_as_many_as_in_the_source(share: float, semantic: S) -> None:
    rows = BLOCK + 20_000
    values = written(pa.string(), rows=rows, semantic=semantic, distinct_share=share)
    assert len(set(values)) == np.ceil(rows * share)
    assert len(set(values[BLOCK:]) & set(values[:BLOCK])) > 0, "nobody came back"
    half = written(pa.string(), rows=rows, semantic=semantic, distinct_share=share / 2, null_share=0.5)
    assert len({*half} - {None}) == pytest.approx(rows * share / 4, rel=0.05, abs=2)


def test_nulls_come_at_their_share_and_seeds_count() -> None:
    values = written(pa.string(), rows=2_000, null_share=0.3)
    assert 0.26 < values.count(None) / 2_000 < 0.34
    assert values == written(pa.string(), rows=2_000, null_share=0.3)
    assert values != written(pa.string(), rows=2_000, null_share=0.3, seed=2)


@pytest.mark.parametrize(
    ("kind", "rows"),
    [
        (pa.int8(), 3_000),
        (pa.uint8(), 3_000),
        (pa.decimal128(4, 2), 3_000),
        (pa.float16(), 3_000),
        (pa.time32("s"), 90_000),
        (pa.date32(), 45 * BLOCK),
        (pa.dictionary(pa.int8(), pa.string()), 3_000),
    ],
    ids=str,
)
def test_more_unique_values_than_a_type_holds_are_refused(kind: pa.DataType, rows: int) -> None:
    with pytest.raises(GeneratorError, match=f"'x' cannot hold {rows} different values"):
        written(kind, rows=rows, semantic=S.ID, unique=True)


@pytest.mark.parametrize("semantic", list(S))
@pytest.mark.parametrize("kind", [pa.string(), pa.int64(), pa.timestamp("us"), pa.decimal128(12, 2)], ids=str)
def test_unique_values_stay_unique_over_blocks_and_no_block_knows_another(kind: pa.DataType, semantic: S) -> None:
    schema = pa.schema([("x", kind)])
    column = FakeColumn(name="x", semantic=semantic, unique=True)
    far = [Block(number, number * BLOCK, 50, seed=1) for number in (0, 1, 7, 60_000)]
    values = [v for block in far for v in write_fakes([column], schema, block)["x"].to_pylist()]
    assert len(set(values)) == 200
    assert values == [v for b in far for v in write_fakes([column], schema, b)["x"].to_pylist()]
    # A block starts where it starts, however many rows it has.
    longer = write_fakes([column], schema, Block(7, 7 * BLOCK, 500, seed=1))["x"].to_pylist()
    assert longer[:50] == values[100:150]


@pytest.mark.parametrize("semantic", [S.EMAIL, S.URL])
@pytest.mark.parametrize("provider", [None, "email", "company_email", "url", "image_url", "uri"])
def test_no_address_leads_to_somebody(semantic: S, provider: str | None) -> None:
    for value in written(pa.string(), semantic=semantic, provider=provider):
        host = re.search(r"(?:@|://)([^/:]+)", value)
        assert host is not None, value
        assert host.group(1).endswith(("example.com", "example.net", "example.org")), value


@pytest.mark.parametrize("locale", ["de_DE", "ja_JP", "ru_RU", "ko_KR"])
def test_names_are_of_the_locale_and_addresses_can_be_typed(locale: str) -> None:
    names = written(pa.string(), semantic=S.PERSON_NAME, locale=locale)
    assert names != written(pa.string(), semantic=S.PERSON_NAME)
    assert any(not n.isascii() for n in names)
    many = written(pa.string(), rows=BLOCK + 900, semantic=S.PERSON_NAME, locale=locale, unique=True)
    assert len(set(many)) == len(many)
    mails = written(pa.string(), rows=BLOCK + 900, semantic=S.EMAIL, locale=locale, unique=True)
    assert len(set(mails)) == len(mails)
    assert all(re.fullmatch(r"[a-z.-]+\d*@example\.(com|net|org)", m) for m in mails)


def test_columns_of_one_person_agree_in_each_row() -> None:
    names = ("first_name", "last_name", "full_name", "email", "username", "doctor_name")
    meanings = dict.fromkeys(names, S.PERSON_NAME) | {"email": S.EMAIL}
    table = pa.table({n: ["x"] for n in names})
    spec = TableSpec.model_validate({"columns": {n: {"type": t} for n, t in meanings.items()}})
    plans = plan_fakes(table.schema, names, spec, NOTHING)
    made = write_fakes(plans, table.schema, Block(0, 0, 200, seed=4))
    rows = pa.table(made).to_pylist()
    for row in rows:
        assert row["full_name"] == f"{row['first_name']} {row['last_name']}"
        assert row["email"].startswith(row["username"])
        assert row["username"].startswith(row["first_name"].lower()[:3])
    assert sum(row["doctor_name"] == row["full_name"] for row in rows) < 5


def test_a_small_dictionary_gets_a_small_pool() -> None:
    assert 50 < len(set(written(pa.dictionary(pa.int8(), pa.string()), rows=3_000))) <= 127


def test_numbering_makes_unique_also_against_values_that_are_there() -> None:
    values = numbered(np.array(["a", "a 2", "a", "m@x", "m@x", "a"], dtype=object))
    assert values.tolist() == ["a", "a 2", "a 3", "m@x", "m2@x", "a 4"]


def test_types_that_cannot_be_faked_are_refused() -> None:
    with pytest.raises(GeneratorError, match="'x' is to be faked"):
        plan_fakes(pa.schema([("x", pa.list_(pa.int8()))]), ["x"], TableSpec(), NOTHING)


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ({"faker": "nmae"}, "'x': Faker has no provider 'nmae'. Did you mean 'name'"),
        ({"faker": "add_provider"}, "has no provider"),
        ({"faker": "enum"}, "'enum' does not work without settings"),
        ({"faker": "name", "locale": "xx_XX"}, "'x': Faker has no locale 'xx_XX'"),
        ({"type": "person_name", "locale": "en_QQ"}, "has no locale 'en_QQ'"),
    ],
)
def test_what_faker_does_not_know_is_refused_while_planning(column: dict[str, Any], words: str) -> None:
    spec = TableSpec.model_validate({"columns": {"x": column}})
    with pytest.raises(GeneratorError, match=words):
        plan_fakes(pa.schema([("x", pa.string())]), ["x"], spec, NOTHING)


def test_a_followed_number_is_spread_over_what_the_type_holds() -> None:
    spec = TableSpec.model_validate({"columns": {"k": {"type": "category"}, "x": {"type": "id", "follows": "k"}}})
    schema = pa.schema([("k", pa.string()), ("x", pa.int32())])
    plans = plan_fakes(schema, ["x"], spec, NOTHING)
    drawn = {"k": pa.array([f"v{i % 40}" for i in range(200)])}
    values = write_fakes(plans, schema, Block(0, 0, 200, seed=1), drawn)["x"].to_pylist()
    assert len(set(values)) == 40
    assert max(values) > 2**30
    assert min(values) > 0


def test_values_are_numbered_on_as_what_they_are() -> None:
    assert numbered(["https://a.b/", "https://a.b/"]).tolist() == ["https://a.b/", "https://a.b/2"]
    firsts = written(pa.string(), rows=3_000, semantic=S.PERSON_NAME, part="first", unique=True)
    assert len(set(firsts)) == 3_000
    assert sum(bool(re.fullmatch(r"\S+ \d", f)) for f in firsts) > 1_500


def test_without_faker_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "faker":
            raise ImportError(name)
        return honest(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match="pip install faker"):
        check_provider("name", "x")
