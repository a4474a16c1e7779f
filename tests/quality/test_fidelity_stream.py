"""Files read by row group give the very measures that tables in memory give."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from proofset.evidence import Profile
from proofset.spec import ColumnSpec, TableSpec
from quality.base import InconclusiveError, UnsupportedError
from quality.fidelity import FAMILY
from quality.fidelity_stream import fidelity_stream
from quality.profile import profile_table

Parts = tuple[pa.Table, pa.Table]


@pytest.fixture
def files(tmp_path: Path, parts: Parts, fresh: pa.Table) -> dict[str, Path]:
    """The three tables as Parquet in small row groups; one of them with a dictionary."""
    paths = {}
    place = fresh.column_names.index("city")
    packed = fresh.set_column(place, "city", fresh["city"].dictionary_encode())
    for name, table in (("train", parts[0]), ("holdout", parts[1]), ("synthetic", packed)):
        paths[name] = tmp_path / f"{name}.parquet"
        pq.write_table(table, paths[name], row_group_size=170)
    return paths


def test_streamed_is_what_memory_gives(
    files: dict[str, Path], make: SimpleNamespace, parts: Parts, fresh: pa.Table, profile: Profile
) -> None:
    whole = {m.name: m for m in FAMILY.observe(make.context(*parts, fresh, profile)).measures}
    shares: list[float] = []
    found = fidelity_stream(**files, profile=profile, seed=3, progress=lambda _, share: shares.append(share))
    assert {m.name: m for m in found} == {m.name: whole[m.name] for m in found}
    assert len(found) == 3
    assert shares == sorted(shares)


def test_without_a_holdout_there_is_no_reference(files: dict[str, Path], profile: Profile) -> None:
    found = fidelity_stream(files["train"], files["synthetic"], profile=profile, seed=3, workers=1)
    assert [m.reference for m in found] == [None] * 3
    assert all("no reference" in m.detail for m in found)


def test_what_cannot_be_measured_says_why(files: dict[str, Path], profile: Profile, tmp_path: Path) -> None:
    few = tmp_path / "few.parquet"
    pq.write_table(pq.read_table(files["synthetic"]).slice(0, 3), few)
    with pytest.raises(InconclusiveError, match="fewer than 40 synthetic rows"):
        fidelity_stream(files["train"], few, profile=profile, seed=3)
    table = pq.read_table(files["train"])
    spec = TableSpec(columns={n: ColumnSpec(treatment="fake") for n in table.column_names})
    with pytest.raises(UnsupportedError):
        fidelity_stream(files["train"], files["synthetic"], profile=profile_table(table, "t", spec, ""), seed=3)
    lacking = tmp_path / "lacking.parquet"
    pq.write_table(table.drop_columns(["age"]), lacking)
    with pytest.raises(KeyError):
        fidelity_stream(files["train"], lacking, profile=profile, seed=3)
