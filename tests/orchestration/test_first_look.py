"""A first look: any table in, a marked synthetic one and a scorecard out, and never a release."""

from __future__ import annotations

import gc
import json
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
from home import people
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.cli.app import run
from orchestration.cli.progress import Pace, duration
from orchestration.first_look import _few, _keeping
from orchestration.guessing import guess_table, guess_target
from orchestration.plain_words import TITLES, read_measure
from proofset.errors import WorkspaceError
from proofset.evidence import Direction, Measure
from proofset.marks import STATUS, is_ungoverned, marks, write_ungoverned
from proofset.spec import TableSpec
from quality.profile import profile_table

ROOT = Path(__file__).resolve().parents[2]
Answer = Callable[..., tuple[int, Any]]
Capture = pytest.CaptureFixture[str]


def table_of(columns: dict[str, Any]) -> pa.Table:
    return pa.table({k: pa.array(v, from_pandas=True) for k, v in columns.items()})


@pytest.fixture(scope="module")
def source() -> pa.Table:
    return table_of(people(700))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: pa.Table) -> Path:
    """A folder with people.csv and people.parquet, and the current one."""
    monkeypatch.chdir(tmp_path)
    pacsv.write_csv(source, tmp_path / "people.csv")
    pq.write_table(source, tmp_path / "people.parquet")
    return tmp_path


def looked(capsys: Capture, *words: str) -> tuple[int, Any]:
    capsys.readouterr()
    code = run(["try", *words, "--json"])
    return code, json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("name", ["people.csv", "people.parquet"])
def test_a_look_writes_a_marked_table_and_a_scorecard(here: Path, name: str, capsys: Capture) -> None:
    code, said = looked(capsys, name, "--seed", "3")
    assert code == 0
    out = here / "people.synthetic.parquet"
    made = pq.read_table(out)
    assert made.num_rows == said["out_rows"] == 700
    assert made.column_names == list(people(1))
    found = pq.read_metadata(out).metadata
    assert {k: found[k.encode()].decode() for k in marks("trees")} == marks("trees")
    assert found[b"synthetic"] == b"true"
    assert found[STATUS.encode()] == b"ungoverned"
    assert is_ungoverned(out)
    values = {m["name"]: m for m in said["scorecard"]["measures"] if "value" in m}
    for measure in ("fidelity.shape_error", "fidelity.c2st_auc", "utility.tstr_auc", "privacy.membership_auc"):
        assert values[measure]["n"] > 0
        assert "reference" in values[measure]
    assert said["target"] == "churned"
    assert said["target_guessed"]
    assert {c["name"] for c in said["columns"] if c["treatment"] == "fake"} == {"customer_id", "name", "email"}
    assert {said["scorecard"][f"{part}_digest"] for part in ("train", "holdout", "synthetic")} == {"ungoverned"}


def test_nothing_of_the_people_comes_out(here: Path, source: pa.Table, capsys: Capture) -> None:
    assert run(["try", "people.csv"]) == 0
    printed = capsys.readouterr()
    _, said = looked(capsys, "people.csv", "--force")
    shown = printed.out + printed.err + json.dumps(said)
    data = (here / "people.synthetic.parquet").read_bytes()
    made = pq.read_table(here / "people.synthetic.parquet")
    for column in ("name", "email", "customer_id"):
        real = set(source[column].to_pylist())
        assert not real & set(made[column].to_pylist())
        assert not any(value in shown or value.encode() in data for value in real)


def test_the_screen_fits_and_speaks_plainly(here: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    for width in (80, 120):
        monkeypatch.setattr("orchestration.cli.look.console._width", width)
        assert run(["try", "people.csv", "--force"]) == 0
        text = capsys.readouterr().out
        assert max(len(line) for line in text.splitlines()) <= width
        for words in (
            "3 faked",
            "e-mail addresses",
            "Ungoverned",
            "real rows",
            "'churned' (guessed",
            "people.synthetic",
        ):
            assert words in text
    assert run(["try", "people.csv", "--target", "city", "--force"]) == 0
    assert "'city' (as you named it)" in capsys.readouterr().out


def test_the_same_seed_gives_the_same_file(here: Path, capsys: Capture) -> None:
    for out, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        assert run(["try", "people.csv", "--seed", seed, "--out", f"{out}.parquet", "--rows", "900"]) == 0
    a, b, c = ((here / f"{n}.parquet").read_bytes() for n in "abc")
    assert a == b != c
    assert pq.read_metadata(here / "a.parquet").num_rows == 900


def test_privacy_reaches_the_generator(here: Path, capsys: Capture) -> None:
    _, said = looked(capsys, "people.csv", "--privacy", "high")
    assert said["options"]["privacy"] == "high"
    assert run(["try", "people.csv", "--privacy", "hihg", "--force"]) == 2
    assert "Did you mean 'high'" in capsys.readouterr().err
    assert run(["try", "people.csv", "--privacy", "high", "--generator", "rules", "--force"]) == 2
    assert "no option 'privacy'" in capsys.readouterr().err


def test_no_workspace_and_no_heavy_library_is_needed(here: Path) -> None:
    heavy = ("dagster", "mlflow", "great_expectations", "sdmetrics", "sdv", "torch", "dbt", "duckdb", "sqlalchemy",
             "cryptography", "matplotlib")  # fmt: skip
    code = (
        "import sys; from orchestration.cli.app import run; code = run(['try', 'people.csv', '--json']);"
        f"sys.stderr.write(repr((code, [m for m in {heavy!r} if m in sys.modules])))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=here, capture_output=True, text=True, env=None)
    assert done.stderr.endswith("(0, [])"), done.stderr[-500:]
    assert sorted(p.name for p in here.iterdir()) == ["people.csv", "people.parquet", "people.synthetic.parquet"]


def test_nothing_is_overwritten_unasked(here: Path, capsys: Capture) -> None:
    out = here / "people.synthetic.parquet"
    out.write_bytes(b"mine")
    assert run(["try", "people.csv"]) == 2
    assert "Add --force" in capsys.readouterr().err
    assert out.read_bytes() == b"mine"
    assert run(["try", "people.parquet", "--out", "people.parquet", "--force"]) == 2
    assert "is the table itself" in capsys.readouterr().err
    assert run(["try", "people.csv", "--out", "made.csv"]) == 2
    assert "Name it made.parquet" in capsys.readouterr().err
    assert run(["try", "people.csv", "--out", "no/made.parquet"]) == 2
    (here / "folder.parquet").mkdir()
    assert run(["try", "people.csv", "--out", "folder.parquet", "--force"]) == 2
    assert sorted(p.name for p in here.iterdir() if p.name.startswith(".")) == []


def test_bad_files_are_refused_in_words(here: Path, capsys: Capture) -> None:
    (here / "few.csv").write_text("a,b\n" + "1,2\n" * 99)
    (here / "empty.csv").write_text("")
    (here / "latin.csv").write_bytes(b"name,x\n" + "Zoë,1\n".encode("latin-1") * 200)
    (here / "broken.parquet").write_bytes(b"PAR1 no")
    (here / "twice.csv").write_text("a,a\n" + "1,2\n" * 200)
    (here / "nothing.csv").write_text("a,b\n" + ",\n" * 200)
    for name, words in (
        ("few.csv", "at least 100"), ("empty.csv", "empty"), ("latin.csv", "encoding"), ("broken.parquet", "Parquet"),
        ("twice.csv", "twice"), ("nothing.csv", "every column"), ("no.csv", "no such file"), ("people.txt", "no such"),
    ):  # fmt: skip
        assert run(["try", name]) == 2, name
        assert words in capsys.readouterr().err, name
    assert run(["try", "latin.csv", "--encoding", "latin-1"]) == 0
    assert run(["try", "people.csv", "--target", "chruned"]) == 2
    assert "Did you mean 'churned'" in capsys.readouterr().err
    assert not (here / "few.synthetic.parquet").exists()


def hostile(rows: int = 400) -> pa.Table:
    rng = np.random.default_rng(0)
    return pa.table(
        {
            "": range(rows),
            "nested": [[1, 2]] * rows,
            "nothing": pa.nulls(rows),
            "infinite": pa.array([np.inf, *rng.normal(size=rows - 1)]),
            "mixed": ["1"] * (rows - 30) + ["x"] * 30,
            "bytes": pa.array([b"\xff"] * rows),
            "span": pa.array(range(rows), pa.duration("s")),
            "\x1b[31m[bold]\nred": rng.integers(0, 5, rows),
            "constant": ["same"] * rows,
            "when": pa.array(rng.integers(-(2**35), 2**37, rows), pa.timestamp("s")),
            "far": pa.array(rng.integers(-(2**40), 2**40, rows), pa.timestamp("s")),
            "日本": rng.choice(["東", "西", None], rows),
            "label": rng.random(rows) < 0.3,
        }
    )


def test_a_hostile_table_is_handled_and_what_is_left_out_is_said(here: Path, capsys: Capture) -> None:
    pq.write_table(hostile(), here / "hostile.parquet")
    assert run(["try", "hostile.parquet"]) == 0
    text = capsys.readouterr().out
    for words in (
        "nested values",
        "empty in every row",
        "infinities in 1 row",
        "mixed types",
        "unnamed_1",
        "years 1 to 9999",
    ):
        assert words in text
    assert "\x1b[31m" not in text
    made = pq.read_table(here / "hostile.synthetic.parquet")
    assert set(made.column_names) == {
        "unnamed_1", "mixed", "\x1b[31m[bold]\nred", "constant", "when", "日本", "label",
    }  # fmt: skip
    assert run(["try", "hostile.parquet", "--target", "nested", "--force"]) == 2
    assert "cannot be predicted: nested values" in capsys.readouterr().err


def test_a_wide_table_is_measured_on_some_of_its_columns(here: Path, capsys: Capture) -> None:
    rng = np.random.default_rng(1)
    pq.write_table(pa.table({f"c{i}": rng.integers(0, 4, 150) for i in range(120)}), here / "wide.parquet")
    code, said = looked(capsys, "wide.parquet")
    assert code == 0
    assert len(said["columns"]) == 120
    shapes = next(m for m in said["scorecard"]["measures"] if m["name"] == "fidelity.shape_error")
    assert len(shapes["parts"]) == 80


def test_many_rows_are_kept_only_in_part() -> None:
    rows, most = 10_000, 700
    whole = pa.table({"n": np.arange(rows)})
    kept: list[pa.RecordBatch] = []
    passed = list(_keeping(iter(whole.to_batches(max_chunksize=333)), kept, rows, most, 5))
    assert pa.Table.from_batches(passed).equals(whole)
    numbers = pa.Table.from_batches(kept)["n"].to_numpy()
    assert len(numbers) == most
    assert np.all(np.diff(numbers) > 0)
    assert abs(numbers.mean() - rows / 2) < rows / 10
    few = _few(whole, 50, 1, "x")["n"].to_numpy()
    assert len(few) == 50
    assert np.all(np.diff(few) > 0)
    assert _few(whole, rows, 1, "x") is whole


def test_writing_holds_few_batches_at_a_time_and_joins_small_ones(tmp_path: Path) -> None:
    schema = pa.schema([("n", pa.int64()), ("c", pa.dictionary(pa.int32(), pa.string()))])
    alive: list[weakref.ref[Any]] = []
    most = 0

    def batches() -> Iterator[pa.RecordBatch]:
        nonlocal most
        for i in range(60):
            words = pa.array([f"w{i % 3}", "x"] * 10_000).dictionary_encode()
            batch = pa.record_batch([pa.array(range(20_000)), words], schema=schema)
            alive.append(weakref.ref(batch))
            yield batch
            del batch
            gc.collect(0)
            most = max(most, sum(ref() is not None for ref in alive))

    out = tmp_path / "many.parquet"
    assert write_ungoverned(out, schema, batches(), "trees") == 1_200_000
    assert most <= 9
    assert pq.read_metadata(out).num_row_groups <= 10
    assert pq.read_table(out)["c"].unique().to_pylist() == ["w0", "x", "w1", "w2"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device"), ValueError])
def test_a_failure_on_the_way_leaves_nothing(tmp_path: Path, error: Any) -> None:
    def batches() -> Iterator[pa.RecordBatch]:
        yield from pa.table({"n": range(10)}).to_batches()
        raise error

    expected = WorkspaceError if isinstance(error, OSError) else error
    with pytest.raises(expected):
        write_ungoverned(tmp_path / "x.parquet", pa.schema([("n", pa.int64())]), batches(), "trees")
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_leaves_nothing_half_written(here: Path) -> None:
    words = [
        sys.executable,
        "-c",
        "import orchestration.cli as c; c.main()",
        "try",
        "people.csv",
        "--rows",
        "900000000",
    ]
    running = subprocess.Popen(words, cwd=here, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    end = time.monotonic() + 90
    while not list(here.glob(".part-*")) and time.monotonic() < end:
        assert running.poll() is None, running.communicate()[1]
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "Stopped." in errors
    assert "Traceback" not in errors
    assert sorted(p.name for p in here.iterdir()) == ["people.csv", "people.parquet"]


# The parts.


def test_targets_are_guessed_by_name_then_by_place() -> None:
    rng = np.random.default_rng(0)

    def guessed(columns: dict[str, Any]) -> str | None:
        table = pa.table(columns)
        return guess_target(profile_table(table, "t", TableSpec(), "x"))

    number, word = rng.normal(size=200), rng.choice(["a", "b"], 200)
    assert guessed({"Label": word, "x": number, "z": word}) == "Label"
    assert guessed({"x": number, "z": word}) == "z"
    assert guessed({"z": word, "x": number}) is None
    assert guessed({"e": [f"p{i}@x.example" for i in range(200)]}) is None


def test_guessing_says_why_a_column_is_left_out(tmp_path: Path) -> None:
    pq.write_table(hostile(), tmp_path / "h.parquet")
    found = guess_table(tmp_path / "h.parquet")
    assert set(found.dropped) == {"nested", "nothing", "infinite", "bytes", "span", "far"}
    assert found.table.num_columns == 7
    assert found.spec.columns["mixed"].type == "category"


def a_measure(name: str, value: float | None, real: float | None = None, status: str = "ok") -> Measure:
    low = None if value is None else value - 0.001
    return Measure.model_validate(
        {"name": name, "title": "t", "value": value, "low": low, "high": value, "n": 5, "direction": Direction.LOWER,
         "floor": -1, "ceiling": 1, "reference": real, "reference_high": real, "status": status, "detail": "d"}
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "real", "level"),
    [
        ("fidelity.shape_error", 0.004, 0.005, "good"), ("fidelity.shape_error", 0.010, 0.005, "fair"),
        ("fidelity.pair_error", 0.10, 0.005, "poor"), ("fidelity.pair_error", 0.1, 0.0, "poor"),
        ("fidelity.pair_error", 0.1, None, "good"), ("fidelity.c2st_auc", 0.52, 0.5, "good"),
        ("fidelity.c2st_auc", 0.62, 0.5, "fair"), ("fidelity.c2st_auc", 0.99, 0.5, "poor"),
        ("privacy.membership_auc", 0.45, 0.5, "good"), ("privacy.membership_auc", 0.53, 0.5, "fair"),
        ("privacy.membership_auc", 0.9, 0.5, "poor"), ("utility.tstr_auc", 0.92, 0.93, "good"),
        ("utility.tstr_auc", 0.88, 0.93, "fair"), ("utility.tstr_auc", 0.6, 0.93, "poor"),
        ("utility.tstr_auc", 0.5, 0.51, "none"), ("utility.tstr_r2", 0.49, 0.5, "good"),
        ("utility.tstr_r2", -0.2, 0.5, "poor"), ("privacy.exact_copy_rate", 0.0, 0.1, "good"),
        ("privacy.exact_copy_rate", 0.05, 0.1, "good"), ("privacy.exact_copy_rate", 0.15, 0.1, "fair"),
        ("privacy.exact_copy_rate", 0.3, 0.1, "poor"), ("privacy.exact_copy_rate", 0.9, 0.8, "none"),
        ("third.party", 0.3, 0.1, "none"),
    ],
)  # fmt: skip
def test_readings(name: str, value: float, real: float | None, level: str) -> None:
    assert read_measure(a_measure(name, value, real)).level == level


def test_what_may_be_chance_is_no_leak_yet() -> None:
    wide = a_measure("privacy.membership_auc", 0.56, 0.54).model_copy(update={"low": 0.5, "high": 0.62})
    assert read_measure(wide).level == "fair"
    assert read_measure(wide.model_copy(update={"low": 0.53})).level == "poor"


def test_no_number_reads_as_none() -> None:
    for name, status, words in (
        ("privacy.membership_auc", "error", "rows too alike, or too few"),
        ("fidelity.c2st_auc", "error", "not measured"),
        ("utility.tstr_auc", "unsupported", "has no meaning here"),
    ):
        reading = read_measure(a_measure(name, None, status=status))
        assert (reading.level, reading.words) == ("none", words)


@given(st.sampled_from(sorted(TITLES)), st.floats(0, 1), st.none() | st.floats(0, 1))
@settings(max_examples=200)
def test_every_reading_is_short_enough_for_eighty_columns(name: str, value: float, real: float | None) -> None:
    reading = read_measure(a_measure(name, value, real))
    assert len(reading.words) <= 28


def test_a_pace_tells_rows_a_second_and_what_remains() -> None:
    pace = Pace()
    assert pace.told("drawing 1,000 of 100,000 rows", 0.01, 10.0) == ""
    assert pace.told("drawing 11,000 of 100,000 rows", 0.11, 10.5) == ""  # too soon to tell
    assert pace.told("drawing 21,000 of 100,000 rows", 0.21, 12.0) == "10,000 rows/s · 7.9 s left"
    assert pace.told("growing trees", 0.3, 12.1) == ""
    assert pace.told("growing trees", 0.4, 14.1) == "12 s left"
    assert pace.told("growing trees", 1.0, 20.0) == ""
    assert [duration(s) for s in (0.5, 42, 300, 7200)] == ["0.5 s", "42 s", "5 min", "2.0 h"]
