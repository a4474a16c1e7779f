"""Validity: each check finds its own fault and no other, agrees with an obvious twin, and survives what is odd."""

from __future__ import annotations

import datetime as dt
import itertools
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofset.evidence import Measure, Profile
from proofset.spec import TableSpec
from quality import validity
from quality.base import Context
from quality.profile import profile_table
from quality.validity import FAMILY
from quality.validity_checks import _increasing, pattern_codes, schema_right, unrepeated, within

Parts = tuple[pa.Table, pa.Table]
SPEC = {
    "target": "churned",
    "columns": {"visits": {"type": "number", "min": 0}, "city": {"values": ["Aachen", "Bonn", "Celle", "Daun"]}},
    "constraints": [
        {"kind": "inequality", "low": "visits", "high": "age", "name": "calm"},
        {"kind": "check", "expression": "spend < 1000000"},
        {"kind": "fixed_combinations", "columns": ["plan", "churned"]},
    ],
}


def observed(context: Context) -> dict[str, Measure]:
    return {m.name.partition(".")[2]: m for m in FAMILY.observe(context).measures}


def measured(train: pa.Table, holdout: pa.Table, synthetic: pa.Table, spec: TableSpec) -> dict[str, Measure]:
    return observed(Context(train, holdout, synthetic, profile_table(train, "t", spec, ""), spec, 3))


def replaced(table: pa.Table, name: str, values: object) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, values)


def part(measure: Measure, name: str) -> float:
    return next(p.value for p in measure.parts if p.part == name)


@pytest.fixture
def spec() -> TableSpec:
    return TableSpec.model_validate(SPEC)


def test_the_training_table_itself_is_valid(parts: Parts, spec: TableSpec) -> None:
    train, holdout = parts
    calm = {**SPEC, "constraints": SPEC["constraints"][1:]}
    found = measured(train, holdout, train, TableSpec.model_validate(calm))
    for name, measure in found.items():
        assert (measure.status, measure.value) == ("ok", 1.0), name
        assert measure.reference is not None
        assert measure.detail == ""
    assert all(m.low == 1.0 for n, m in found.items() if n != "missingness")
    assert found["ranges"].n == train.num_rows
    assert {p.part for p in found["ranges"].parts} == {"age", "income", "spend", "visits", "since", "day"}
    assert {p.part for p in found["categories"].parts} == {"city", "plan", "active", "churned"}
    assert {p.part for p in found["keys"].parts} == {"person_id", "email"}


def test_each_fault_shows_in_its_own_measure(parts: Parts, fresh: pa.Table, spec: TableSpec) -> None:
    train, holdout = parts
    rows = fresh.num_rows
    clean = measured(train, holdout, fresh, spec)
    half = [i % 2 for i in range(rows)]
    faults = {
        "schema": fresh.rename_columns([n if n != "plan" else "Plan" for n in fresh.column_names]),
        "ranges": replaced(fresh, "age", pa.array([5000 if h else 40 for h in half])),
        "categories": replaced(fresh, "city", pa.array(["Atlantis" if h else "Bonn" for h in half])),
        "keys": replaced(fresh, "person_id", pa.array([7] * rows)),
        "constraints": replaced(fresh, "visits", pa.array([80 if h else 0 for h in half])),
        "missingness": replaced(fresh, "city", pa.array([None if h else "Bonn" for h in half])),
    }
    for name, table in faults.items():
        found = measured(train, holdout, table, spec)
        assert found[name].value < clean[name].value - 0.04, name
        for other in set(found) - {name}:
            related = {("schema", "categories"), ("schema", "constraints"), ("schema", "missingness")}
            related |= {("constraints", "ranges")}
            assert found[other].value >= clean[other].value - 0.01 or (name, other) in related, (name, other)
        assert "Atlantis" not in "".join(m.model_dump_json() for m in found.values())
    assert part(measured(train, holdout, faults["ranges"], spec)["ranges"], "age") == 0.5
    assert part(measured(train, holdout, faults["keys"], spec)["keys"], "person_id") == pytest.approx(1 / rows)


def test_a_missing_or_foreign_column_has_no_valid_cell(parts: Parts, fresh: pa.Table, spec: TableSpec) -> None:
    broken = replaced(fresh.drop_columns(["city", "email"]), "age", pa.array(["old"] * fresh.num_rows))
    broken = broken.append_column("shoe", pa.array([43] * fresh.num_rows))
    found = measured(*parts, broken, spec)
    assert part(found["categories"], "city") == 0
    assert part(found["ranges"], "age") == 0
    assert part(found["keys"], "email") == 0
    assert part(found["constraints"], "calm") == 0
    assert found["constraints"].value == 0
    assert found["schema"].detail == (
        "missing: email, city; not in the source: shoe; of another type, place or number: age"
    )
    assert found["schema"].value == pytest.approx(9 / 13)
    assert part(found["missingness"], "city") == 0


def test_storage_is_no_type_but_a_date_as_text_is(parts: Parts, spec: TableSpec) -> None:
    train, holdout = parts
    coded = replaced(train, "city", train["city"].dictionary_encode())
    wide = replaced(coded, "plan", coded["plan"].cast(pa.large_string()))
    assert measured(train, holdout, wide, spec)["schema"].value == 1
    text = replaced(train, "day", train["day"].cast(pa.string()))
    found = measured(train, holdout, text, spec)
    assert part(found["schema"], "day") == 0
    assert part(found["ranges"], "day") == 1, "it still reads as the dates it shows"


def test_one_moved_column_is_one_fault() -> None:
    names = ["a", "b", "c", "d", "e"]
    schema = pa.schema([(n, pa.int64()) for n in names])
    moved = pa.schema([(n, pa.int64()) for n in ["e", "a", "b", "c", "d"]])
    assert [n for n, ok in schema_right(schema, names, moved).items() if not ok] == ["e"]
    twice = pa.schema([(n, pa.int64()) for n in ["a", "b", "b", "c", "d", "e"]])
    assert [n for n, ok in schema_right(schema, names, twice).items() if not ok] == ["b"]
    assert not any(schema_right(schema, names, pa.schema([("z", pa.int64())])).values())


@given(st.lists(st.integers(0, 9), max_size=8))
@settings(max_examples=60, deadline=None)
def test_the_longest_order_is_the_longest(values: list[int]) -> None:
    found = _increasing(values)
    longest = 0
    for mask in range(1 << len(values)):
        chosen = [v for i, v in enumerate(values) if mask >> i & 1]
        if all(a < b for a, b in itertools.pairwise(chosen)):
            longest = max(longest, len(chosen))
    picked = [values[i] for i in found]
    assert picked == sorted(set(picked))
    assert len(found) == longest


CELL = st.one_of(st.none(), st.sampled_from([0.0, 1.0, 2.5, -4.0, float("nan"), float("inf")]))
WORD = st.one_of(st.none(), st.sampled_from("abcd"))


@given(
    st.lists(st.tuples(CELL, WORD), min_size=1, max_size=40), st.lists(st.tuples(CELL, WORD), min_size=1, max_size=40)
)
@settings(max_examples=60, deadline=None)
def test_ranges_categories_and_missingness_agree_with_their_twins(
    real: list[tuple[float | None, str | None]], made: list[tuple[float | None, str | None]]
) -> None:
    real = [(None if n == float("inf") else n, w) for n, w in real]

    def table(rows: list[tuple[float | None, str | None]]) -> pa.Table:
        return pa.table({"n": pa.array([r[0] for r in rows], pa.float64()), "w": pa.array([r[1] for r in rows])})

    spec = TableSpec.model_validate({"columns": {"n": {"type": "number"}, "w": {"type": "category"}}})
    kinds = pa.schema([("n", pa.float64()), ("w", pa.string())])
    train, synthetic = table(real).cast(kinds), table(made).cast(kinds)
    found = measured(train, train, synthetic, spec)

    known = [n for n, _ in real if n is not None and n == n]
    cells = [n for n, _ in made if n is not None and n == n]
    inside = [n for n in cells if known and min(known) <= n <= max(known)]
    if known and cells:
        assert found["ranges"].value == pytest.approx(len(inside) / len(cells))
    else:
        assert found["ranges"].status in ("unsupported", "inconclusive")
    words, seen = {w for _, w in real if w}, [w for _, w in made if w]
    if words and seen:
        assert found["categories"].value == pytest.approx(sum(w in words for w in seen) / len(seen))
    else:
        assert found["categories"].status in ("unsupported", "inconclusive")
    assert found["missingness"].status == "inconclusive", "too few rows to say how it scatters"

    def patterns(rows: list[tuple[float | None, str | None]]) -> Counter[tuple[bool, bool]]:
        return Counter((n is None or n != n, w is None) for n, w in rows)

    one, two = patterns(real), patterns(made)
    apart = sum(abs(one[k] / len(real) - two[k] / len(made)) for k in one | two) / 2
    codes = validity.checks.pattern_codes(validity.checks.null_bits([train, synthetic], ["n", "w"]))
    tall = [np.tile(np.bincount(c, minlength=4), (20, 1)) for c in codes]
    assert validity.similarity(*tall).value == pytest.approx(1 - apart)


@given(st.lists(st.one_of(st.none(), st.integers(0, 5)), min_size=1, max_size=30), st.booleans())
@settings(max_examples=40, deadline=None)
def test_keys_agree_with_their_twin(values: list[int | None], nullable: bool) -> None:
    seen: set[int] = set()
    right = 0
    for value in values:
        right += nullable if value is None else value not in seen
        seen |= {value} if value is not None else set()
    found = unrepeated(pa.chunked_array([pa.array(values, pa.int64())]), len(values), nullable=nullable)
    assert (found.right, found.cells) == (right, len(values))


def test_patterns_of_many_columns_are_told_apart() -> None:
    rng = np.random.default_rng(0)
    for columns in (3, 64, 90):
        bits = rng.random((50, columns)) < 0.5
        bits[7] = bits[3]
        codes = pattern_codes([np.packbits(bits[:20], axis=1), np.packbits(bits[20:], axis=1)])
        joint = np.concatenate(codes)
        assert [len(c) for c in codes] == [20, 30]
        assert joint[7] == joint[3]
        assert len(set(joint.tolist())) == len({tuple(r) for r in bits})


def test_declared_limits_win_and_extend_gives_room() -> None:
    rows = 200
    days = [dt.datetime(2020, 1, 1) + dt.timedelta(days=i % 50) for i in range(rows)]
    train = pa.table({"x": pa.array(np.arange(rows) % 100, pa.float64()), "t": days, "size": ["S", "M"] * (rows // 2)})
    until = dt.datetime(2020, 1, 11, tzinfo=dt.UTC).timestamp()

    def shares(**columns: object) -> dict[str, float]:
        spec = TableSpec.model_validate({"columns": {"x": {"type": "number"}, **columns}})
        table = replaced(train, "x", pa.array(np.arange(rows) % 110, pa.float64()))
        found = measured(train, train, table, spec)
        return {p.part: p.value for name in ("ranges", "categories") for p in found[name].parts}

    assert shares()["x"] == pytest.approx(1 - 10 / 200)
    assert shares(x={"type": "number", "extend": 0.2})["x"] == 1
    assert shares(x={"type": "number", "max": 9})["x"] == pytest.approx(20 / 200)
    assert shares(t={"max": until})["t"] == pytest.approx(11 / 50)
    assert shares(size={"values": ["S"]})["size"] == 0.5


def test_a_faked_column_is_held_to_what_is_declared_alone() -> None:
    train = pa.table({"code": np.arange(1, 301), "word": [f"w{i % 3}" for i in range(300)]})
    made = pa.table({"code": np.arange(1001, 1301), "word": [f"w{i % 3}" for i in range(300)]})
    spec = TableSpec.model_validate({"columns": {"code": {"type": "id"}}})
    assert measured(train, train, made, spec)["ranges"].status == "unsupported"
    spec = TableSpec.model_validate({"columns": {"code": {"type": "id", "max": 1150}}})
    assert measured(train, train, made, spec)["ranges"].value == 0.5


def test_odd_columns_are_measured_or_named(make: SimpleNamespace) -> None:
    rng = np.random.default_rng(1)
    rows = 400
    train = pa.table(
        {
            "nothing": pa.nulls(rows, pa.float64()),
            "constant": ["k"] * rows,
            "many": [f"c{i}" for i in rng.integers(0, 10_000, rows)],
            "half": pa.array(rng.random(rows).astype(np.float16)),
            "price": pa.array([f"{i % 90}.50" for i in range(rows)]).cast(pa.decimal128(8, 2)),
            "clock": pa.array([i * 60 for i in range(rows)], pa.int32()).cast(pa.time32("s")),
            "late": pa.array([2_000_000 + i for i in range(rows)], pa.int32()).cast(pa.date32()),
        }
    )
    spec = TableSpec.model_validate({"columns": {"many": {"type": "category"}}})
    found = measured(train, train, train, spec)
    assert {m.status for m in found.values()} == {"ok", "unsupported"}
    assert all(m.value == 1 for m in found.values() if m.status == "ok")
    assert {p.part for p in found["ranges"].parts} == {"half", "price", "clock", "late"}
    nulls = pa.table([pa.nulls(rows, f.type) for f in train.schema], schema=train.schema)
    found = measured(train, train, nulls, spec)
    assert found["ranges"].status == found["categories"].status == "inconclusive"
    assert found["missingness"].value == 0
    empty = FAMILY.observe(Context(train, train, train.slice(0, 0), profile_table(train, "t", spec, ""), spec, 3))
    assert {m.status for m in empty.measures} == {"inconclusive"}
    assert "no rows" in empty.measures[0].detail


def test_nothing_to_hold_to_is_unsupported_and_faults_stay_apart(
    parts: Parts, profile: Profile, make: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    none = profile.model_copy(update={"columns": ()})
    found = observed(make.context(*parts, parts[0], none))
    assert {m.status for m in found.values()} == {"unsupported"}

    def broken(*_: object) -> object:
        raise ValueError("canary-4711")

    monkeypatch.setattr(validity.checks, "among", broken)
    found = observed(make.context(*parts, parts[0], profile))
    assert (found["categories"].status, found["categories"].detail) == ("error", "ValueError")
    assert found["ranges"].status == "ok"


def test_a_constraint_that_cannot_be_learned_is_inconclusive() -> None:
    train = pa.table({"a": [f"a{i}" for i in range(120)], "b": [f"b{i}" for i in range(120)]})
    spec = TableSpec.model_validate(
        {
            "columns": {"a": {"type": "category"}, "b": {"type": "category"}},
            "constraints": [{"kind": "fixed_combinations", "columns": ["a", "b"]}],
        }
    )
    found = measured(train, train, train, spec)["constraints"]
    assert found.status == "inconclusive"
    assert "no combination is shared" in found.detail


@pytest.mark.parametrize("rows", [1_000, 4_000])
def test_the_interval_of_missingness_covers_its_expectation(rows: int) -> None:
    """200 pairs of tables of one population: the mean similarity lies in 90 to 99.5 % of the intervals."""
    shares = np.array([0.8, 0.1, 0.05, 0.03, 0.02])
    found = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        one, two = (rng.multinomial(rows // 20, shares, size=20) for _ in range(2))
        found.append(validity.similarity(one, two))
    mean = np.mean([f.value for f in found])
    covered = np.mean([f.low <= mean <= f.high for f in found])
    assert 0.90 <= covered <= 0.995


def test_within_counts_open_ends() -> None:
    column = pa.chunked_array([pa.array([1.0, 2.0, None, 9.0])])
    assert within(column, None, 2, 4).right == 2
    assert within(column, 2, None, 4).right == 2
    assert within(None, 2, None, 4).share == 0
    assert within(column.slice(2, 1), 0, 1, 1).share == 1
