"""Fingerprints: the same however a row is spelled, and nothing without the key."""

from __future__ import annotations

import csv
import datetime as dt
from decimal import ROUND_HALF_EVEN, Context, Decimal
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.fingerprint import KEY_FILE, columns_of, fingerprints, key_name, workspace_key
from lineage.spelling import DIGITS, MISSING, kind_of, number_texts, spelled
from lineage.tabular import open_tabular
from proofset.digest import canonical
from proofset.errors import SourceError, WorkspaceError
from proofset.workspace import Workspace

KEY = bytes(range(32))


def table(rows: int = 400, seed: int = 0) -> pa.Table:
    """Every governed type, with nulls, text that looks like something else, and rows that are alike."""
    rng = np.random.default_rng(seed)
    days = rng.integers(0, 20000, rows)
    return pa.table(
        {
            "count": pa.array(rng.integers(-(10**9), 10**9, rows), mask=rng.random(rows) < 0.1),
            "small": pa.array(rng.integers(0, 100, rows).astype(np.int8)),
            "price": pa.array(np.round(rng.normal(0, 1e4, rows), 2), mask=rng.random(rows) < 0.1),
            "real": rng.normal(size=rows) * 10.0 ** rng.integers(-20, 20, rows),
            "member": pa.array(rng.random(rows) < 0.5, mask=rng.random(rows) < 0.1),
            "city": pa.array(rng.choice(["Brno", "Łódź", "", "a,b", 'say "x"', "N/A"], rows)),
            "code": pa.array([f"{i:05d}" for i in rng.integers(0, 10**5, rows)]),
            "answer": pa.array(rng.choice(["true", "false"], rows)),
            "day": pa.array([None if d % 9 == 0 else dt.date(1970, 1, 1) + dt.timedelta(int(d)) for d in days]),
            "moment": pa.array(days.astype("int64") * 86_400_123_456, pa.timestamp("us")),
            "clock": pa.array([dt.time(int(d) % 24, int(d) % 60) for d in days]),
            "kind": pa.array(rng.choice(["x", "y"], rows)).dictionary_encode(),
        }
    )


def prints(rows: pa.Table, like: pa.Table, key: bytes = KEY) -> np.ndarray:
    return fingerprints(rows, columns_of(like.schema), key)


def of_file(path: Path, like: pa.Table) -> np.ndarray:
    file = open_tabular(path)
    return np.concatenate([prints(pa.Table.from_batches([b]), like) for b in file.batches(file.columns)])


def test_a_row_keeps_its_fingerprint_through_parquet_and_csv(tmp_path: Path) -> None:
    made = table()
    expected = prints(made, made)
    assert len(np.unique(expected)) == made.num_rows
    frame = made.to_pandas()
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_csv(tmp_path / "a.tsv", index=False, sep="\t", quoting=csv.QUOTE_ALL)
    frame.to_csv(tmp_path / "semicolons.csv", index=False, sep=";")
    frame.to_csv(tmp_path / "latin.csv", index=False, encoding="iso8859-2")
    pq.write_table(made, tmp_path / "a.parquet")
    for name in ("a.csv", "a.tsv", "semicolons.csv", "a.parquet"):
        assert (of_file(tmp_path / name, made) == expected).all(), name
    same = np.mean(of_file(tmp_path / "latin.csv", made) == expected)  # one city's letter is another in that encoding
    assert 0.5 < same < 1


def test_a_row_keeps_its_fingerprint_through_other_readers(tmp_path: Path) -> None:
    """CSV read by pandas or pyarrow, with the types they guess, and written as Parquet again."""
    import pyarrow.csv as pacsv

    made = table()
    expected = prints(made, made)
    made.to_pandas().to_csv(tmp_path / "a.csv", index=False)
    by_pandas = pa.Table.from_pandas(pd.read_csv(tmp_path / "a.csv"), preserve_index=False)
    by_arrow = pacsv.read_csv(tmp_path / "a.csv")
    for back in (by_pandas, by_arrow):
        assert str(back.schema) != str(made.schema)
        found = prints(back, made)
        wrong = [n for n, k in columns_of(made.schema) if not _same(back[n], made[n], k)]
        assert (found == expected).all(), wrong


def _same(one: pa.ChunkedArray, other: pa.ChunkedArray, kind: str) -> bool:
    return spelled(one, kind).equals(spelled(other, kind))  # type: ignore[arg-type]


def test_order_of_columns_chunks_and_batches_do_not_count() -> None:
    made = table(70_000)
    expected = prints(made, made)
    mixed = made.select(list(reversed(made.column_names)))
    assert (prints(mixed, made) == expected).all()
    chunked = pa.concat_tables([made.slice(0, 3), made.slice(3, 40_000), made.slice(40_003)])
    assert (prints(chunked, made) == expected).all()
    wider = made.append_column("more", pa.nulls(made.num_rows, pa.int8()))
    assert (prints(wider, made) == expected).all()


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("number", [7, None], [7.0, None]),
        ("number", ["7", "1e3", "-0", ""], ["7.00", "1000", "0.0", "NaN"]),
        ("number", [0.1 + 0.2], [0.3]),
        ("number", [2.9999999999999996], [3]),
        ("number", [123456789012.4], ["123456789012"]),
        ("number", [True], [1]),
        ("number", ["n.a."], ["n.a."]),
        ("boolean", [True, False, None], ["YES", "0", ""]),
        ("boolean", [True, False], [1.0, 0]),
        ("time", [dt.date(2024, 2, 29)], ["2024-02-29 00:00:00"]),
        ("time", ["2024-02-29T10:00:00Z"], [dt.datetime(2024, 2, 29, 10)]),
        ("time", ["2024-02-29T12:00:00+02:00", "2024-01-01"], ["2024-02-29 10:00:00", "2024-01-01T00:00:00.000"]),
        ("clock", [dt.time(10, 30)], ["10:30:00"]),
        ("text", [" a "], ["a"]),
        ("text", ["007"], [7]),
        ("text", ["True", None], [True, None]),
        ("text", ["2024-02-29"], [dt.date(2024, 2, 29)]),
        ("text", list(MISSING), [None] * len(MISSING)),
    ],
)
def test_spellings_of_one_value(kind: str, one: list[object], other: list[object]) -> None:
    first, second = (spelled(_array(values), kind) for values in (one, other))  # type: ignore[arg-type]
    assert first.equals(second), (first, second)


def _array(values: list[object]) -> pa.Array:
    mixed = len({type(v) for v in values if v is not None}) > 1
    return pa.array([float(v) for v in values] if mixed else values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("number", 7, 8),
        ("number", 1.00000000001, 1.0),
        ("number", 1e-300, 0.0),
        ("text", "a", "A"),
        ("text", "1/2/2024", "2/1/2024"),
        ("time", "2024-01-01 00:00:00.000001", "2024-01-01"),
        ("boolean", True, False),
        ("number", None, 0),
        ("text", "inf", "-inf"),
    ],
)
def test_different_values_stay_different(kind: str, one: object, other: object) -> None:
    both = [spelled(pa.array([v]), kind) for v in (one, other)]  # type: ignore[arg-type]
    assert not both[0].equals(both[1])


def plainly(number: float) -> str | None:
    """The obvious version of `number_texts`: decimal arithmetic, exact."""
    if np.isnan(number):
        return None
    if np.isinf(number):
        return "inf" if number > 0 else "-inf"
    rounded = Context(prec=DIGITS, rounding=ROUND_HALF_EVEN, Emax=999999, Emin=-999999).plus(Decimal(number))
    if rounded == 0:
        return "0"
    _, digits, exponent = rounded.as_tuple()
    whole = int("".join(map(str, digits)))
    power = int(exponent) - (DIGITS - len(digits))
    whole *= 10 ** (DIGITS - len(digits))
    if -DIGITS < power <= 0 and whole % 10**-power == 0:
        return str(int(rounded))
    return f"{'-' if number < 0 else ''}{whole}E{power}"


@settings(max_examples=400, deadline=None)
@given(st.lists(st.floats(width=64) | st.integers(-(2**53), 2**53).map(float), min_size=1, max_size=30))
def test_numbers_are_spelled_as_decimal_arithmetic_would(numbers: list[float]) -> None:
    found = number_texts(np.array(numbers, np.float64)).to_pylist()
    for number, text in zip(numbers, found, strict=True):
        exact = plainly(number)
        if text != exact:  # only where the digits that are cut off lie at a half, or the number is tiny
            assert text is not None
            assert exact is not None
            assert abs(float(text) - number) <= abs(number) * 0.51e-11 or abs(number) < 1e-290


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=4), st.text(max_size=4)), min_size=2, max_size=12, unique=True))
def test_no_two_rows_of_texts_run_into_one_another(rows: list[tuple[str, str]]) -> None:
    """Also with the characters by which rows are put together inside the texts."""
    marks = str.maketrans("abcdef", "\x1d\x1e\x1f\x1d\x1e\x1f")
    columns = [[r[i].translate(marks) for r in rows] for i in range(2)]
    made = pa.table({"a": pa.array(columns[0], pa.string()), "b": pa.array(columns[1], pa.string())})
    texts = list(zip(*(spelled(made[n], "text").to_pylist() for n in ("a", "b")), strict=True))
    assert len(set(prints(made, made).tolist())) == len(set(texts))


def test_a_fingerprint_is_keyed_blake2b_of_the_rows_text() -> None:
    """The obvious version: one row at a time."""
    made = pa.table({"b": ["x", None], "a": [1.5, 20.0]})
    columns = columns_of(made.schema)
    assert columns == (("a", "number"), ("b", "text"))
    secret = blake2b(canonical([list(c) for c in columns]), key=KEY, person=b"proofset-cols-v1", digest_size=32)
    for text, found in zip(["150000000000E-11\x1fx", "20\x1f\x1e"], prints(made, made), strict=True):
        again = blake2b(text.encode(), key=secret.digest(), person=b"proofset-row-v1", digest_size=8)
        assert found == int.from_bytes(again.digest(), "little")


def test_another_key_or_other_columns_give_other_fingerprints() -> None:
    made = table()
    own, others = prints(made, made), [prints(made, made, bytes(32))]
    renamed = made.rename_columns([f"{n}_" for n in made.column_names])
    others.append(prints(renamed, renamed))
    for other in others:
        assert not np.intersect1d(own, other).size


def test_fingerprints_look_like_random_bytes() -> None:
    """Each bit and each byte is as often as it should be: 16,000 bytes in 256 bins, chi square below its 1e-6 point."""
    made = table(2000)
    octets = prints(made, made).view(np.uint8)
    counts = np.bincount(octets, minlength=256)
    expected = len(octets) / 256
    assert float(((counts - expected) ** 2 / expected).sum()) < 377
    assert abs(np.unpackbits(octets).mean() - 0.5) < 0.01


def test_the_key_is_made_once_and_kept_private(tmp_path: Path) -> None:
    (tmp_path / "proofset.yaml").write_text("workspace: w\n")
    workspace = Workspace(tmp_path)
    key = workspace_key(workspace)
    path = workspace.private / KEY_FILE
    assert (len(key), path.stat().st_mode & 0o777, workspace_key(workspace)) == (32, 0o600, key)
    assert not list(workspace.private.glob(".part-*"))
    assert key.hex() not in key_name(key)
    path.chmod(0o640)
    with pytest.raises(WorkspaceError, match="cannot be used"):
        workspace_key(workspace)
    path.chmod(0o600)
    path.write_bytes(key[:31])
    with pytest.raises(WorkspaceError, match="31 bytes"):
        workspace_key(workspace)


def test_columns_have_kinds_and_names_of_their_own() -> None:
    stored = (pa.int8(), pa.decimal128(5, 2), pa.bool_(), pa.date64(), pa.time32("s"), pa.null())
    assert [kind_of(kind) for kind in stored] == ["number", "number", "boolean", "time", "clock", "text"]
    with pytest.raises(ValueError, match="twice"):
        columns_of(pa.schema([("a", pa.int8()), ("a", pa.int8())]))


def test_no_rows_and_only_missing_values() -> None:
    empty = table().slice(0, 0)
    assert prints(empty, empty).shape == (0,)
    nothing = pa.table({"a": pa.nulls(3), "b": pa.nulls(3, pa.float64())})
    assert len(set(prints(nothing, nothing).tolist())) == 1


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.parquet", b"not parquet"),
        ("a.csv", b""),
        ("a.csv", b"a,a\n1,2\n"),
        ("a.xlsx", b"PK"),
        ("b.parquet", b"PAR1 and nothing else PAR1"),
    ],
)
def test_what_is_no_table_is_refused_without_its_content(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError) as error:
        list(open_tabular(tmp_path / name).batches(["a"]))
    assert "nothing else" not in str(error.value)


def test_rows_that_do_not_fit_are_noticed_further_down(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a,b\n" + "1,2\n" * 2_000_000 + "1,2,3\n")
    file = open_tabular(path)
    with pytest.raises(SourceError, match="cannot be read"):
        sum(b.num_rows for b in file.batches(file.columns))
