"""Digests: independent of how a table was written, sensitive to everything it says."""

from __future__ import annotations

import hashlib
import io
import json
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proofset.digest import canonical, sha256_bytes, sha256_file, sha256_json, table_digest


def sample() -> pa.Table:
    return pa.table(
        {
            "i": pa.array([1, None, 3, 4], pa.int32()),
            "u": pa.array([1, 2, None, 2**63], pa.uint64()),
            "f": pa.array([0.5, None, -0.0, float("nan")]),
            "s": pa.array(["a", None, "", "žluťoučký 🐎"]),
            "b": pa.array([True, None, False, True]),
            "t": pa.array([0, None, 10**15, -(10**15)], pa.timestamp("us")),
            "d": pa.array([0, None, 20000, -20000], pa.date32()),
            "n": pa.nulls(4),
            "x": pa.array([b"a", None, b"", b"\x00"]),
            "dec": pa.array([Decimal("1.10"), None, Decimal("2.00"), Decimal("-3.25")], pa.decimal128(9, 2)),
        }
    )


def rewritten(table: pa.Table, **options: object) -> pa.Table:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, **options)
    return pq.read_table(io.BytesIO(buffer.getvalue()))


@pytest.mark.parametrize(
    "options",
    [
        {"compression": "none"},
        {"compression": "zstd", "row_group_size": 1},
        {"use_dictionary": False, "version": "1.0", "row_group_size": 2, "coerce_timestamps": "us"},
        {"write_statistics": False, "data_page_size": 1},
    ],
    ids=lambda o: ",".join(o),
)
def test_the_writer_does_not_matter(options: dict[str, object]) -> None:
    table = sample().drop_columns(["u"]) if options.get("version") == "1.0" else sample()
    assert table_digest(rewritten(table, **options)) == table_digest(table)


def test_chunks_slices_dictionaries_and_large_strings_do_not_matter() -> None:
    table = sample()
    digest = table_digest(table)
    halves = pa.concat_tables([table.slice(0, 1), table.slice(1, 2), table.slice(3)])
    assert table_digest(halves) == digest
    padded = pa.concat_tables([table, table]).slice(4, 4)
    assert table_digest(padded) == digest
    coded = table.set_column(3, "s", table["s"].dictionary_encode())
    assert table_digest(coded) == digest
    large = table.set_column(3, "s", table["s"].cast(pa.large_string()))
    assert table_digest(large) == digest


def test_schema_metadata_does_not_matter_and_zero_has_one_sign() -> None:
    table = sample()
    assert table_digest(table.replace_schema_metadata({"made": "by somebody"})) == table_digest(table)
    assert table_digest(pa.table({"f": [0.0]})) == table_digest(pa.table({"f": [-0.0]}))


def test_every_single_change_is_seen() -> None:
    table = sample()
    seen = {table_digest(table)}
    frame = {name: table[name].to_pylist() for name in table.column_names}
    for name in table.column_names:
        if name == "n":
            continue
        for row in range(4):
            changed = list(frame[name])
            changed[row] = None if changed[row] is not None else next(v for v in changed if v is not None)
            seen.add(
                table_digest(
                    table.set_column(table.column_names.index(name), name, pa.array(changed, table[name].type))
                )
            )
    assert len(seen) == 1 + 9 * 4
    variants = [
        table.rename_columns([*table.column_names[:-1], "other"]),
        table.select(list(reversed(table.column_names))),
        table.take([1, 0, 2, 3]),
        table.slice(0, 3),
        table.set_column(0, "i", table["i"].cast(pa.int64())),
        table.drop_columns(["n"]),
        table.slice(0, 0),
    ]
    seen |= {table_digest(v) for v in variants}
    assert len(seen) == 37 + len(variants)


def test_text_cannot_slide_between_rows() -> None:
    assert table_digest(pa.table({"s": ["ab", "c"]})) != table_digest(pa.table({"s": ["a", "bc"]}))
    assert table_digest(pa.table({"s": ["", None]})) != table_digest(pa.table({"s": [None, ""]}))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.none(), st.text(max_size=6)), min_size=1, max_size=20), st.integers(1, 20))
def test_equal_content_gives_equal_digests(values: list[str | None], size: int) -> None:
    table = pa.table({"s": pa.array(values, pa.string())})
    assert table_digest(rewritten(table, row_group_size=size)) == table_digest(table)
    frame = pd.DataFrame({"s": pd.array(values, dtype="string")})
    assert table_digest(pa.Table.from_pandas(frame, preserve_index=False)) == table_digest(table)


def test_canonical_json_follows_rfc_8785() -> None:
    # From the RFC's section 3.2: numbers as ECMAScript writes them, keys by UTF-16 code units, no white space.
    assert canonical({"b": 1e21, "a": [1.0, 0.000001, 1e-7], "é": "\u20ac$"}) == (
        '{"a":[1,0.000001,1e-7],"b":1e+21,"é":"€$"}'.encode()
    )
    with pytest.raises(ValueError, match="nan|NaN|float"):
        canonical(float("nan"))
    assert sha256_json({"a": 1, "b": 2}) == sha256_json({"b": 2, "a": 1})
    assert sha256_json([1]) == hashlib.sha256(json.dumps([1]).encode()).hexdigest()


def test_a_file_has_the_digest_of_its_bytes(tmp_path) -> None:
    data = np.random.default_rng(0).bytes(3_000_000)
    (tmp_path / "f").write_bytes(data)
    assert sha256_file(tmp_path / "f") == sha256_bytes(data) == hashlib.sha256(data).hexdigest()
