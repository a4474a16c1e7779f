"""Seals: every released Parquet file says what it belongs to, and nothing else changes by it."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.candidate import read_candidate
from lineage.folders import entry_of
from lineage.seal import KEY, MAX_BYTES, Seal, read_seal
from proofset.digest import canonical, sha256_bytes, table_digest
from proofset.errors import DeniedError
from proofset.evidence import FileEntry
from proofset.files import parquet_bytes, write_bytes
from proofset.source import read_source
from tests.lineage.record_world import World, make_table, make_world, spec_of

GOOD = {"synthetic": True, "dataset": "shop", "seal": "a" * 64, "evidence": "b" * 64}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path, spec_of())


def data_file(world: World) -> Path:
    return world.parts.path / data_entry(world).path


def data_entry(world: World) -> FileEntry:
    return next(f for f in world.parts.candidate.files if f.path.startswith("data/"))


def sealed(path: Path, data: bytes) -> Path:
    path.write_bytes(parquet_bytes(make_table(), {KEY: data}))
    return path


def test_a_candidates_file_carries_its_seal(world: World) -> None:
    found, candidate = read_seal(data_file(world)), world.parts.candidate
    assert found == Seal(synthetic=True, dataset="shop", seal=candidate.seal, evidence=candidate.evidence_digest)
    assert found is not None
    assert found.fits(candidate)
    assert pq.read_metadata(data_file(world)).metadata[b"proofset"] == canonical(found.plain())


def test_the_seal_is_no_part_of_the_table(world: World, tmp_path: Path) -> None:
    table = pq.read_table(data_file(world))
    assert table_digest(table) == world.parts.candidate.synthetic_digest
    plain = tmp_path / "plain.parquet"
    plain.write_bytes(parquet_bytes(make_table()))
    assert table_digest(pq.read_table(plain)) == world.parts.candidate.synthetic_digest
    assert read_seal(plain) is None
    assert read_source(data_file(world)).schema.metadata is None


def test_a_candidate_is_what_decides_its_seal(world: World) -> None:
    candidate = world.parts.candidate
    for field in ("dataset", "synthetic_digest", "evidence_digest", "policy_digest", "requested_by"):
        assert candidate.model_copy(update={field: "other"}).seal != candidate.seal, field
    for field in ("outcome", "files"):
        assert candidate.model_copy(update={field: ()}).seal == candidate.seal, field


def test_a_file_with_another_candidates_seal_is_refused(world: World, tmp_path: Path) -> None:
    folder, name = world.parts.path, data_entry(world).path
    write_bytes(folder / name, parquet_bytes(make_table(), {KEY: canonical(GOOD)}))
    entries = tuple(entry_of(folder, f.path) for f in world.parts.candidate.files)
    forged = world.parts.candidate.model_copy(update={"files": entries})
    write_bytes(folder / "candidate.json", canonical(forged.plain()))
    with pytest.raises(DeniedError, match="seal of another candidate"):
        read_candidate(folder)
    write_bytes(folder / name, parquet_bytes(make_table()))  # a control: none at all is what older candidates carry
    entries = tuple(entry_of(folder, f.path) for f in world.parts.candidate.files)
    older = world.parts.candidate.model_copy(update={"files": entries})
    write_bytes(folder / "candidate.json", canonical(older.plain()))
    assert read_candidate(folder).candidate == older


JUNK: dict[str, bytes] = {
    "empty": b"",
    "no JSON": b"\x00\xff",
    "another value": b"[]",
    "not canonical": canonical(GOOD).replace(b",", b", "),
    "a field too many": canonical(GOOD | {"more": 1}),
    "a field too few": canonical({k: v for k, v in GOOD.items() if k != "seal"}),
    "not synthetic": canonical(GOOD | {"synthetic": False}),
    "a number for true": canonical(GOOD | {"synthetic": 1}),
    "a digest in capitals": canonical(GOOD | {"seal": "A" * 64}),
    "half a digest": canonical(GOOD | {"evidence": "b" * 63}),
    "a digest and a line": canonical(GOOD | {"seal": "a" * 64 + "\n"}),
    "a dataset that is a path": canonical(GOOD | {"dataset": "../x"}),
    "a key twice": b'{"dataset":"shop",' + canonical(GOOD)[1:],
    "deep": b"[" * 4000,
    "long": canonical(GOOD) + b" " * MAX_BYTES,
}


@pytest.mark.parametrize("case", JUNK)
def test_junk_is_no_seal(case: str, tmp_path: Path) -> None:
    assert read_seal(sealed(tmp_path / "x.parquet", JUNK[case])) is None


def test_a_good_one_is(tmp_path: Path) -> None:
    """A control of the junk above."""
    found = read_seal(sealed(tmp_path / "x.parquet", canonical(GOOD)))
    assert found is not None
    assert found.plain() == GOOD


def test_what_is_no_parquet_has_no_seal(tmp_path: Path, world: World) -> None:
    assert read_seal(tmp_path / "missing.parquet") is None
    assert read_seal(tmp_path) is None
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    assert read_seal(tmp_path / "x.csv") is None
    data = data_file(world).read_bytes()
    for cut in (0, 4, len(data) // 2, len(data) - 1):
        (tmp_path / "cut.parquet").write_bytes(data[:cut])
        assert read_seal(tmp_path / "cut.parquet") is None


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_under_the_key_crash_the_reader(data: bytes) -> None:
    written = parquet_bytes(pa.table({"a": [1]}), {KEY: data})
    found = read_seal(pa.BufferReader(written))
    assert found is None or canonical(found.plain()) == data


def test_the_same_seal_gives_the_same_bytes(world: World) -> None:
    data = data_file(world).read_bytes()
    found = read_seal(data_file(world))
    assert found is not None
    assert parquet_bytes(make_table(), found.metadata) == data
    assert sha256_bytes(data) == data_entry(world).sha256
