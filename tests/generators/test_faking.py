"""Fake columns: sensible values of every type, from nothing of the source."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from generators.faking import FakeColumn, check_provider, numbered, plan_fakes, write_fakes
from proofset.errors import GeneratorError, MissingExtraError
from proofset.evidence import Profile
from proofset.spec import SemanticType, TableSpec

NOTHING = Profile(table="t", source_digest="0" * 64, rows=0, duplicate_rows=0, key_candidates=(), columns=())
S = SemanticType


def written(kind: pa.DataType, rows: int = 300, seed: int = 1, **plan: Any) -> list[Any]:
    column = FakeColumn(name="x", **({"semantic": S.TEXT} | plan))
    array = write_fakes([column], pa.schema([("x", kind)]), rows, seed)["x"]
    assert array.type == kind
    result: list[Any] = array.to_pylist()
    return result


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


def test_ids_that_repeat_repeat_as_often() -> None:
    values = written(pa.string(), rows=3_000, semantic=S.ID, distinct_share=0.1)
    assert 280 < len(set(values)) <= 300


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
        (pa.date32(), 2_950_000),
        (pa.dictionary(pa.int8(), pa.string()), 3_000),
    ],
    ids=str,
)
def test_more_unique_values_than_a_type_holds_are_refused(kind: pa.DataType, rows: int) -> None:
    with pytest.raises(GeneratorError, match=f"'x' cannot hold {rows} different values"):
        written(kind, rows=rows, semantic=S.ID, unique=True)


def test_a_small_dictionary_gets_a_small_pool() -> None:
    assert 50 < len(set(written(pa.dictionary(pa.int8(), pa.string()), rows=3_000))) <= 127


def test_numbering_makes_unique_also_against_values_that_are_there() -> None:
    values = numbered(np.array(["a", "a 2", "a", "m@x", "m@x", "a"], dtype=object))
    assert values.tolist() == ["a", "a 2", "a 3", "m@x", "m2@x", "a 4"]


def test_types_that_cannot_be_faked_are_refused() -> None:
    with pytest.raises(GeneratorError, match="'x' is to be faked"):
        plan_fakes(pa.schema([("x", pa.list_(pa.int8()))]), ["x"], TableSpec(), NOTHING)


def test_without_faker_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "faker":
            raise ImportError(name)
        return honest(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match="pip install faker"):
        check_provider("name", "x")
