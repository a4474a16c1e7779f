"""Sources: what cannot be governed is refused with one clear error that quotes no value."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from proofset.errors import SourceError
from proofset.source import MIN_ROWS, read_source
from proofset.spec import ColumnSpec, SemanticType, TableSpec, Treatment

N = MIN_ROWS


def good() -> dict[str, object]:
    return {"age": list(range(N)), "name": [f"SECRET{i}" for i in range(N)]}


def parquet(folder: Path, columns: dict[str, object] | pa.Table) -> Path:
    path = folder / "t.parquet"
    pq.write_table(columns if isinstance(columns, pa.Table) else pa.table(columns), path)
    return path


def test_parquet_and_csv_are_read_alike(tmp_path: Path) -> None:
    table = read_source(parquet(tmp_path, good()))
    frame = table.to_pandas()
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_csv(tmp_path / "t.tsv", index=False, sep="\t", encoding="utf-16")
    assert read_source(tmp_path / "t.csv").equals(table)
    assert read_source(tmp_path / "t.tsv", TableSpec(encoding="utf-16")).equals(table)


def test_what_the_spec_drops_is_gone(tmp_path: Path) -> None:
    spec = TableSpec(columns={"name": ColumnSpec(treatment=Treatment.DROP)})
    assert read_source(parquet(tmp_path, good()), spec).column_names == ["age"]
    everything = TableSpec(columns={c: ColumnSpec(treatment=Treatment.DROP) for c in ("age", "name")})
    with pytest.raises(SourceError, match="drops every column"):
        read_source(tmp_path / "t.parquet", everything)


def twice() -> pa.Table:
    return pa.Table.from_arrays([pa.array(range(N)), pa.array(range(N))], names=["age", "age"])


BAD: list[tuple[object, str]] = [
    ({"age": [1]}, r"it has 1 row; at least 100"),
    ({"age": pa.array([], pa.int64())}, r"it has 0 rows"),
    (twice(), r"column names occur twice: age"),
    (good() | {" ": [1] * N}, r"a column has no name.\nPosition \[3\]"),
    (
        good() | {"empty": [None] * N},
        r"column 'empty' is null in every row.\n.*tables.\*.columns.empty.treatment to drop",
    ),
    (good() | {"x": [np.inf] + [1.0] * (N - 1)}, r"column 'x' holds infinities in 1 row\."),
    (good() | {"x": [-np.inf] * 2 + [1.0] * (N - 2)}, r"column 'x' holds infinities in 2 rows\."),
    (good() | {"x": [[1]] * N}, r"column 'x' is nested"),
    (good() | {"x": [b"\x00"] * N}, r"column 'x' holds bytes"),
    (good() | {"x": ["12.5"] * (N - 3) + ["SECRET"] * 3}, r"column 'x' mixes types: most texts are numbers"),
    (pa.table({}), r"it has no columns"),
    (good() | {"x": [float("nan")] * N}, r"column 'x' is null in every row"),
    (good() | {"x": pa.array(range(N), pa.duration("s"))}, r"column 'x' has the type duration"),
]


@pytest.mark.parametrize(("columns", "said"), BAD, ids=[b[1][:28] for b in BAD])
def test_unfit_tables_are_refused(tmp_path: Path, columns: object, said: str) -> None:
    with pytest.raises(SourceError, match=said) as told:
        read_source(parquet(tmp_path, columns))
    assert "SECRET" not in str(told.value)
    assert told.value.fix


def test_a_declared_type_settles_a_mix(tmp_path: Path) -> None:
    path = parquet(tmp_path, good() | {"x": ["12"] * (N - 1) + ["A"]})
    spec = TableSpec(columns={"x": ColumnSpec(type=SemanticType.CATEGORY)})
    assert read_source(path, spec)["x"].type == pa.string()


def test_a_declared_column_must_be_there(tmp_path: Path) -> None:
    path = parquet(tmp_path, good())
    with pytest.raises(SourceError, match=r"no column 'agee', which the spec declares. Did you mean 'age'"):
        read_source(path, TableSpec(columns={"agee": ColumnSpec()}))
    with pytest.raises(SourceError, match="no column 'income'"):
        read_source(path, TableSpec(target="income"))


def test_unreadable_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "people.parquet").write_bytes(b"PAR1 SECRET not parquet")
    (tmp_path / "void.csv").write_bytes(b"")
    (tmp_path / "latin.csv").write_bytes(b"name\n" + b"caf\xe9\n" * N)
    (tmp_path / "ragged.csv").write_text("a,b\n" + "1,2\n" * N + "1,2,SECRET\n")
    (tmp_path / "people.xls").write_bytes(b"x")
    for name, said in {
        "people.parquet": "not a readable Parquet file",
        "peple.parquet": r"no such file. Did you mean 'people.parquet'",
        "void.csv": "the file is empty",
        "latin.csv": r"not readable as utf-8 CSV.\nIts bytes are not valid",
        "ragged.csv": r"not readable as utf-8 CSV.\nRows do not all have",
        "people.xls": r"the ending '.xls' is not known",
        "none/x.csv": "no such file",
    }.items():
        with pytest.raises(SourceError, match=said) as told:
            read_source(tmp_path / name)
        assert "SECRET" not in str(told.value)
    assert read_source(tmp_path / "latin.csv", TableSpec(encoding="latin-1")).num_rows == N
    with pytest.raises(SourceError, match="not readable as nonsense CSV"):
        read_source(tmp_path / "latin.csv", TableSpec(encoding="nonsense"))
