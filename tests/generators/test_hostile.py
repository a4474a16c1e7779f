"""Bad input: each table of `hostile` is handled or refused with a clear error, in time, without a silent change."""

from __future__ import annotations

import importlib.util
import signal
import sys
import time
import types
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from generators import create
from proofset.errors import ProofsetError
from proofset.evidence import MIN_COUNT, ColumnProfile, Profile
from proofset.masks import places, space
from proofset.source import check_source, read_source
from proofset.spec import GeneratorSpec, SemanticType, TableSpec, Treatment
from quality.profile import profile_table


def beside(name: str) -> types.ModuleType:
    """The module of that name in this folder."""
    spec = importlib.util.spec_from_file_location(f"generators_tests_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


hostile = beside("hostile")
CASES = [pytest.param(n, id=n, marks=[pytest.mark.slow] if c.slow else []) for n, c in hostile.CASES.items()]
PEERS = {  # SDV is slower: some of each kind
    "one column of words", "all rows alike", "names with quotes", "names of emoji and other scripts", "negative zero",
    "the smallest and largest int64", "denormals", "numbers near 1e308", "nine tenths missing", "mostly zero",
    "truth with nulls", "dates of the years 1 and 9999", "words for nothing", "empty words and nulls", "extreme skew",
    "names and addresses of people", "dictionary with entries nobody has", "a linear combination", "sentinels",
}  # fmt: skip
ROWS = 150
CPU_SECONDS = 20
WALL_SECONDS = 180
"""On a machine that is busy with other things; what counts is the processor's time."""


@pytest.fixture(autouse=True)
def no_hang() -> Iterator[None]:
    def stop(*_: object) -> None:
        raise TimeoutError(f"it took more than {WALL_SECONDS} seconds")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(WALL_SECONDS)
    started = time.process_time()
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
    assert time.process_time() - started < CPU_SECONDS * (1 + 0.5 * (not _warm.done)), "it took too long"
    _warm.done = True


class _Warm:
    """The first fit of a process compiles."""

    done = False


_warm = _Warm()


def read(name: str, folder: Path) -> pa.Table:
    """Read the case as a source is read. Raises ProofsetError."""
    case = hostile.CASES[name]
    made = case.make()
    path = folder / case.name
    spec = TableSpec(encoding=case.encoding)
    if isinstance(made, bytes):
        path.write_bytes(made)
        return read_source(path, spec)
    try:
        pq.write_table(made, path)
    except pa.ArrowNotImplementedError:  # Parquet cannot hold it; a caller in memory can
        return check_source(made, name, spec)
    return read_source(path, spec)


def run(name: str, folder: Path, generator: str) -> tuple[pa.Table, Profile, pa.Table]:
    """Read, profile, fit, sample. Raises ProofsetError."""
    real = read(name, folder)
    seen = profile_table(real, "t", TableSpec(), "0" * 64)
    made = create(GeneratorSpec(name=generator)).fit(real, TableSpec(), seen, seed=1).sample(ROWS, seed=2).table
    return real, seen, made


def test_there_are_many_of_them() -> None:
    outcomes = Counter(case.handled for case in hostile.CASES.values())
    assert len(hostile.CASES) >= 120
    assert outcomes[True] >= 60
    assert outcomes[False] >= 30
    assert set(hostile.CASES) >= PEERS


@pytest.mark.parametrize("name", CASES)
def test_it_is_handled_or_refused(name: str, tmp_path: Path) -> None:
    refused = None
    try:
        real, seen, made = run(name, tmp_path, "trees")
    except ProofsetError as error:
        refused = error
    if hostile.CASES[name].handled:
        if refused is not None:
            raise refused
        check_all(real, seen, made)
    else:
        assert refused is not None, "it was to be refused"
        assert refused.exit_code == 2, "a defect is no reason"
        assert len(refused.what) > 20
        assert refused.fix


@pytest.mark.parametrize("name", sorted(PEERS))
def test_sdv_handles_or_refuses_it_too(name: str, tmp_path: Path) -> None:
    refused = None
    try:
        real, seen, made = run(name, tmp_path, "sdv_gaussian_copula")
    except ProofsetError as error:
        refused = error
    if refused is None:
        check_all(real, seen, made)
    else:
        assert refused.exit_code == 2, "a defect is no reason"
        assert refused.fix


@pytest.mark.parametrize("name", [n for n in hostile.CASES if n.startswith("names ") and "addresses" not in n])
def test_rules_are_made_under_any_name(name: str, tmp_path: Path) -> None:
    real = read(name, tmp_path)
    rule = {"rule": {"kind": "uniform", "low": 1, "high": 6, "decimals": 0}}
    fake = {"treatment": "fake", "type": "id"}
    spec = TableSpec.model_validate(
        {"columns": {f.name: rule if pa.types.is_integer(f.type) else fake for f in real.schema}}
    )
    seen = profile_table(real, "t", spec, "0" * 64)
    made = create(GeneratorSpec(name="rules")).fit(real, spec, seen, seed=1).sample(ROWS, seed=2).table
    assert made.schema == real.schema
    assert all(set(made[f.name].to_pylist()) <= set(range(1, 7)) for f in real.schema if pa.types.is_integer(f.type))


def check_all(real: pa.Table, seen: Profile, made: pa.Table) -> None:
    assert made.schema == real.schema.remove_metadata(), "types changed"
    assert made.num_rows == ROWS
    made.validate(full=True)
    for column in real.column_names:
        check(plain(real[column]), plain(made[column]), seen.column(column))


def plain(column: pa.ChunkedArray) -> list[Any]:
    """Values as Python has them, those of nanoseconds and beyond as whole numbers."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    column = column.cast(kind)
    if pa.types.is_timestamp(kind) or pa.types.is_time64(kind):
        column = column.cast(pa.int64())
    return list(column.to_pylist())


def missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and value != value)


def check(real: list[Any], made: list[Any], seen: ColumnProfile) -> None:
    if not any(map(missing, real)):
        assert not any(map(missing, made)), f"{seen.name!r}: nulls where there were none"
    counts = Counter(v for v in real if not missing(v))
    rare = {v for v, n in counts.items() if n < MIN_COUNT}
    got = {v for v in made if not missing(v)}
    assert not {float("inf"), -float("inf")} & got, f"{seen.name!r}: infinite"
    if seen.treatment == Treatment.FAKE:
        codes = seen.formats or ()
        if codes and all(space(places(f.mask)) > 10**9 for f in codes):
            assert not got & rare, f"{seen.name!r}: a source's code came out"
        if not codes and seen.semantic != SemanticType.ID:
            assert not got & rare, f"{seen.name!r}: a source's text came out"
    elif seen.semantic in (SemanticType.CATEGORY, SemanticType.ORDINAL, SemanticType.GEO) and rare:
        words = {v for v in got if isinstance(v, str)}
        assert not words & rare, f"{seen.name!r}: a rare category came out"
    if seen.semantic == SemanticType.CATEGORY:
        assert {v for v in got if isinstance(v, str)} <= set(counts), f"{seen.name!r}: a word was invented"


def test_control_the_check_sees_what_is_wrong(tmp_path: Path) -> None:
    real, seen, made = run("names and addresses of people", tmp_path, "trees")
    check_all(real, seen, made)
    for broken in (
        real.slice(0, ROWS),
        made.set_column(3, "age", pa.array([None] * ROWS, made.schema.field("age").type)),
        made.slice(1),
        made.set_column(3, "age", made["age"].cast(pa.float64())),
    ):
        with pytest.raises(AssertionError):
            check_all(real, seen, broken)


@pytest.mark.parametrize(
    ("name", "column", "wanted"),
    [
        ("CSV with codes of leading zeros", "a", [f"{i * 37 % 99_999:05d}" for i in range(300)]),
        ("CSV with codes of twenty digits", "a", [str(10**19 + i * 7919) for i in range(300)]),
        ("CSV with words for nothing", "a", [None, 3, None, None] * 75),
        ("CSV with spaces around cells", " b", [f" w{i % 3} " for i in range(300)]),
    ],
)
def test_reading_changes_no_value(name: str, column: str, wanted: list[Any], tmp_path: Path) -> None:
    assert read(name, tmp_path)[column].to_pylist() == wanted
