"""The profile: guesses, declarations, and above all what it must not say."""

from __future__ import annotations

import datetime as dt
import uuid
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofset.evidence import MIN_COUNT, Profile
from proofset.spec import ColumnSpec, SemanticType, TableSpec, Treatment
from quality.profile import profile_table
from quality.protect import bounds, counts

S = SemanticType
N = 300
RNG = np.random.default_rng(0)


def card(payload: int) -> int:
    """The number with the check digit of a payment card."""
    twice = [sum(divmod(int(d) * (2 - i % 2), 10)) for i, d in enumerate(reversed(str(payload)))]
    return payload * 10 + -sum(twice) % 10


SURNAMES = ["Ito", "Mora", "Weiss", "O'Neil", "Diaz", "Lund", "Kaya", "Sato", "Popov", "Nkosi", "Ali", "Wolf"]

COLUMNS: list[tuple[str, list[object] | np.ndarray, SemanticType]] = [
    ("id", RNG.permutation(N), S.ID),
    ("customer_id", RNG.integers(0, 40, N), S.ID),
    ("customerId", RNG.integers(0, 40, N), S.ID),
    ("row", np.arange(N) + 7, S.ID),
    ("account_id", [float(i) if i % 7 else None for i in range(N)], S.ID),
    ("token", [str(uuid.UUID(int=int(i) + 2**100)) for i in range(N)], S.ID),
    ("pan", [card(4 * 10**14 + i * 7_919) for i in range(N)], S.ID),
    ("payment", [str(card(4 * 10**14 + i * 7_919)) for i in range(N)], S.ID),
    ("card_number", RNG.integers(10**12, 10**13, N), S.ID),
    ("bank", [f"DE{i % 97:02d}37040044{i * 7_919:010d}" for i in range(N)], S.ID),
    ("screenName", [SURNAMES[i % 12] for i in range(N)], S.PERSON_NAME),
    ("taxNumber", [f"{i % 40}/{i % 7}" for i in range(N)], S.ID),
    ("large", RNG.integers(10**12, 10**13, N), S.NUMBER),
    ("reference", [f"AX-{i * 37:06d}" for i in range(N)], S.ID),
    ("fnlwgt", RNG.choice(10**6, N, replace=False), S.NUMBER),
    ("weight", RNG.normal(70, 9, N), S.NUMBER),
    ("rate_id_like", RNG.random(N), S.NUMBER),
    ("age", RNG.integers(0, 90, N), S.NUMBER),
    ("flag", RNG.integers(0, 2, N), S.BOOLEAN),
    ("yes", ["yes", "no"] * (N // 2), S.BOOLEAN),
    ("truth", [True, False] * (N // 2), S.BOOLEAN),
    ("satisfaction", ["low", "medium", "high"] * (N // 3), S.ORDINAL),
    ("pain_level", RNG.integers(1, 6, N), S.ORDINAL),
    ("city", ["Bonn", "Celle", "Daun"] * (N // 3), S.CATEGORY),
    ("same", ["x"] * N, S.CONSTANT),
    ("contact", [f"a{i}@example.org" for i in range(N)], S.EMAIL),
    ("email", [f"a{i % 50} at example" for i in range(N)], S.EMAIL),
    ("homepage", [f"https://example.org/{i}" for i in range(N)], S.URL),
    ("host", [f"10.0.{i // 250}.{i % 250}" for i in range(N)], S.IP_ADDRESS),
    ("mobile", [f"+49 170 {i:07d}" for i in range(N)], S.PHONE),
    ("phone_number", RNG.integers(10**9, 10**10, N), S.PHONE),
    ("first", [SURNAMES[i % 12].lower() for i in range(N)], S.PERSON_NAME),
    ("surname", [SURNAMES[i % 12] for i in range(N)], S.PERSON_NAME),
    ("guest_names", [f"{SURNAMES[i % 12]} {SURNAMES[i % 11]}-{chr(65 + i % 26)}" for i in range(N)], S.PERSON_NAME),
    ("street", [f"{i} Oak Road" for i in range(N)], S.ADDRESS),
    ("comment", [f"called on day {i}, will call again" for i in range(N)], S.TEXT),
    ("habit", [f"habit {'abc'[i % 3]}{i // 3 % 40}" for i in range(N)], S.TEXT),
    ("latitude", RNG.uniform(-90, 90, N), S.GEO),
    ("zip_code", RNG.integers(10000, 99999, N), S.GEO),
    ("when", [dt.datetime(2020, 1, 1) + dt.timedelta(hours=int(i)) for i in range(N)], S.DATETIME),
    ("day", [dt.date(2020, 1, 1) + dt.timedelta(days=int(i) % 60) for i in range(N)], S.DATETIME),
    ("written_day", [f"2020-01-{1 + i % 28:02d}" for i in range(N)], S.DATETIME),
    ("nothing", pa.nulls(N, pa.string()), S.EMPTY),
]


@pytest.mark.parametrize(("name", "values", "meaning"), COLUMNS, ids=[c[0] for c in COLUMNS])
def test_guesses(name: str, values: object, meaning: SemanticType) -> None:
    column = profile_table(pa.table({name: values}), "t", TableSpec(), "").columns[0]
    assert column.guessed == column.semantic == meaning
    if meaning in (S.ID, S.EMAIL, S.PHONE, S.PERSON_NAME, S.ADDRESS, S.TEXT, S.URL, S.IP_ADDRESS):
        assert column.treatment == Treatment.FAKE
        assert column.pii_risk != "none"
        assert not column.top
        assert column.low is None
    else:
        assert column.treatment == Treatment.MODEL


@given(st.lists(st.text("abcdefgh", min_size=6, max_size=12), min_size=30, max_size=80, unique=True))
@settings(max_examples=30, deadline=None)
def test_nearly_unique_text_is_never_a_category(words: list[str]) -> None:
    column = profile_table(pa.table({"c": words}), "t", TableSpec(), "").columns[0]
    assert column.semantic in (S.TEXT, S.ID, S.PERSON_NAME)
    assert column.treatment == Treatment.FAKE


def test_the_census_columns_are_what_they_are(make: SimpleNamespace, profile: Profile) -> None:
    kinds = {c.name: c.semantic for c in profile.columns}
    assert kinds["person_id"] == S.ID
    assert kinds["email"] == S.EMAIL
    assert kinds["income"] == S.NUMBER
    assert kinds["plan"] == S.ORDINAL
    assert profile.key_candidates == ("person_id", "email")
    assert profile.duplicate_rows == 0
    assert profile.column("income").null_share == pytest.approx(0.1, abs=0.03)
    assert profile.column("income").nullable
    assert profile.column("visits").integral
    assert profile.column("visits").low == 0
    assert profile.column("visits").top[0].value == "0"
    since = profile.column("since")
    start = dt.datetime(2020, 1, 1, tzinfo=dt.UTC).timestamp()
    assert start < since.low < since.quantiles["0.50"] < since.high < start + 900_000 * 60
    with pytest.raises(KeyError):
        profile.column("gone")


def test_duplicates_are_counted(source: pa.Table) -> None:
    again = pa.concat_tables([source, source.slice(0, 7)])
    assert profile_table(again, "t", TableSpec(), "").duplicate_rows == 7


@given(st.lists(st.floats(-1e6, 1e6).map(lambda v: round(v, 3)), min_size=0, max_size=120))
@settings(max_examples=80, deadline=None)
def test_no_bound_or_quantile_is_one_rows_value(values: list[float]) -> None:
    array = np.array(values)
    found = bounds(array)
    if len(array) < 3 * MIN_COUNT:
        assert found.low is None
        assert found.quantiles == ()
        return
    line = [found.low, *(v for _, v in found.quantiles), found.high]
    assert line == sorted(line)
    ordered = np.sort(array)
    atoms = {v for v in values if values.count(v) >= MIN_COUNT}
    for value in line:
        # A quoted value is an atom, or lies strictly inside: MIN_COUNT rows and more on either side of it.
        assert value in atoms or ordered[MIN_COUNT - 1] - 1e-6 <= value <= ordered[-MIN_COUNT] + 1e-3


def test_an_outlier_moves_nothing() -> None:
    rng = np.random.default_rng(1)
    calm = rng.normal(0, 1, 400)
    wild = calm.copy()
    wild[np.argmax(wild)] = 1e12
    assert bounds(wild) == bounds(calm)


def test_heavy_values_are_quoted_exactly() -> None:
    values = np.r_[np.zeros(50), np.random.default_rng(0).uniform(1, 2, 100), np.full(40, 99.5)]
    found = bounds(values)
    assert (found.low, found.high) == (0.0, 99.5)
    assert dict(found.quantiles)["0.10"] == 0


def test_only_shared_values_are_named() -> None:
    words = ["often"] * 12 + ["enough"] * 10 + ["seldom"] * 9
    column = profile_table(pa.table({"c": words}), "t", TableSpec(), "").columns[0]
    assert [t.value for t in column.top] == ["often", "enough"]
    assert column.rare_share == pytest.approx(9 / 31)
    public = TableSpec(columns={"c": ColumnSpec(values=("often", "enough", "seldom"))})
    column = profile_table(pa.table({"c": words}), "t", public, "").columns[0]
    assert column.rare_share == 0
    assert [t.value for t in column.top] == ["often", "enough"]


def test_canaries_do_not_sing() -> None:
    """200 unique texts and 50 unique numbers go in; none comes out."""
    rng = np.random.default_rng(3)
    words = [f"canary{w:08x}" for w in rng.choice(2**32, 200, replace=False)]
    numbers = np.round(rng.uniform(1e5, 9e5, 50), 3)
    table = pa.table(
        {
            "word": words,
            "name": [w.capitalize() for w in words],
            "mixed": ["common"] * 120 + words[:80],
            "number": pa.array([*numbers, *[None] * 150]),
            "whole": pa.array([*(numbers * 1000).astype(np.int64), *[5] * 150]),
        }
    )
    for declared in (TableSpec(), TableSpec(columns={n: ColumnSpec(type="category") for n in table.column_names})):
        text = profile_table(table, "t", declared, "0" * 64).model_dump_json().lower()
        assert not [w for w in words if w in text]
        assert not [n for n in numbers if f"{n:.15g}" in text or f"{int(n * 1000)}" in text]


def test_declarations_win_and_disagreements_are_noted() -> None:
    table = pa.table(
        {
            "code": [f"C{i}" for i in range(100)],
            "mail": [f"a{i}@b.org" for i in range(100)],
            "grade": pa.array([None, *[1, 2, 3] * 33]),
            "size": ["S", "M", "L", "Q"] * 25,
            "seen": [f"2020-01-{1 + i % 28:02d}" for i in range(100)],
        }
    )
    spec = TableSpec(
        columns={
            "code": ColumnSpec(type="category", treatment="model"),
            "mail": ColumnSpec(treatment="model"),
            "grade": ColumnSpec(type="ordinal", nullable=False, unique=True, min=2, max=2),
            "size": ColumnSpec(values=("S", "M", "L")),
        }
    )
    profile = profile_table(table, "t", spec, "")
    notes = "\n".join(profile.notes)
    for fragment in (
        "code: declared category, the values suggest id",
        "code: its values look as if they could name a person",
        "mail: identifying, yet the spec has it modelled",
        "grade: declared not nullable, 1 rows are null",
        "grade: declared unique, 96 rows repeat a value",
        "grade: 33 rows lie below min",
        "grade: 33 rows lie above max",
        "size: 25 rows hold a value that the spec does not list",
        "seen: dates stored as text",
    ):
        assert fragment in notes
    assert profile.column("code").treatment == Treatment.MODEL
    assert profile.column("code").semantic == S.CATEGORY
    assert not profile.column("grade").nullable


def test_dictionary_and_nan_and_decimal_columns() -> None:
    table = pa.table(
        {
            "word": pa.array(["a", "b"] * 50).dictionary_encode(),
            "hole": np.r_[np.full(40, np.nan), np.linspace(0, 1, 60)],
            "price": pa.array([f"{i}.50" for i in range(100)]).cast(pa.decimal128(8, 2)),
        }
    )
    profile = profile_table(table, "t", TableSpec(), "")
    assert [c.semantic for c in profile.columns] == [S.CATEGORY, S.NUMBER, S.NUMBER]
    assert profile.column("hole").null_share == 0.4
    assert not profile.column("price").integral


def test_counting_orders_by_frequency_then_text() -> None:
    found = counts(pa.chunked_array([["b", "a", "c", "c", None]]))
    assert found.words == ("c", "a", "b")
    assert found.counts.tolist() == [2, 1, 1]
    assert (found.rows, found.distinct) == (5, 3)
    assert counts(pa.chunked_array([[1.5, 2.0]])).words == ("1.5", "2")
