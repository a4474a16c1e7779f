"""Runs: workers in processes of their own, kept tables, scores with controls that must fail, and the command line."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks import checks, environments, generators, page, parsing, scoring
from benchmarks.environments import Environment
from benchmarks.running import Runner, kinds
from benchmarks.session import Session, seconds
from benchmarks.tables import Split, find_table, split
from proofset.errors import MissingExtraError


def loans(rows: int, seed: int) -> pa.Table:
    """A table with the columns of German credit."""
    rng = np.random.default_rng(seed)
    columns: dict[str, pa.Array] = {}
    for name in parsing.GERMAN:
        columns[name] = pa.array(rng.choice([f"A{i}" for i in range(4)], rows))
    amount = rng.lognormal(8, 1, rows).astype(np.int64)
    columns["credit_amount"] = pa.array(amount)
    columns["age"] = pa.array(rng.integers(19, 75, rows))
    columns["duration"] = pa.array((amount // 400 + rng.integers(4, 12, rows)).astype(np.int64))
    columns["credit"] = pa.array(np.where(amount + rng.normal(0, 2_000, rows) > 5_000, 2, 1))
    return pa.table(columns)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("data")
    pq.write_table(loans(1_000, 1), home / "german.parquet")
    return home


@pytest.fixture
def here(folder: Path) -> Split:
    return split(folder, "german")


def test_a_copy_of_the_training_rows_fails_every_privacy_figure(here: Split) -> None:
    figures = scoring.score(here, here.train, 1)
    assert figures["copies"] == figures["copies_wide"] == 1
    assert figures["mia"] > 0.95
    assert figures["mia_tpr"] > 0.9
    assert figures["shape_error"] == 0
    assert figures["tstr"] == pytest.approx(figures["trtr"])


def test_fresh_rows_of_the_same_source_are_beyond_suspicion(here: Split) -> None:
    figures = scoring.score(here, loans(667, 2), 1)
    assert abs(figures["mia"] - 0.5) < 0.05
    assert figures["copies"] == figures["duplicates"] == 0
    assert figures["c2st"] < 0.58


def test_shuffled_columns_are_told_from_real_rows(here: Split) -> None:
    rng = np.random.default_rng(3)
    mixed = pa.table({n: here.train[n].take(pa.array(rng.permutation(667))) for n in here.train.column_names})
    figures = scoring.score(here, mixed, 1)
    assert figures["c2st"] > 0.7
    assert figures["pair_error"] > 1.5 * figures["pair_error_floor"]


def runner(tmp_path: Path, **given: object) -> Runner:
    return Runner(tmp_path / "work", tmp_path / "environments", **given)  # type: ignore[arg-type]


def test_a_kept_table_is_reused_without_an_environment(here: Split, tmp_path: Path) -> None:
    kept = tmp_path / "reuse" / "german-0"
    kept.mkdir(parents=True)
    pq.write_table(loans(667, 2), kept / "CTGAN-1.parquet")
    figures = {"fit_s": 90.0, "sample_s": 10.0, "fit_cpu_s": 40.0, "sample_cpu_s": 2.0}
    (kept / "CTGAN-1.json").write_text(json.dumps(figures))
    session = Session(tmp_path, runner(tmp_path, reuse=tmp_path / "reuse"), tmp_path / "f.json")
    session._splits["german", 0] = here
    found = session.peer("german", "CTGAN")
    assert found["reused"] == 1
    assert seconds(found) == 42
    assert seconds(figures) == 100
    scores = next((tmp_path / "reuse" / "scores").iterdir())
    scores.write_text(json.dumps({"c2st": 0.123}))
    again = Session(tmp_path, runner(tmp_path, reuse=tmp_path / "reuse"), tmp_path / "f.json")
    again._splits["german", 0] = here
    assert again.peer("german", "CTGAN")["c2st"] == 0.123


WORKER = """
import json, sys
asked = json.load(open(sys.argv[1]))
import pyarrow.parquet as pq
pq.write_table(pq.read_table(asked["train"]).slice(0, asked["rows"]), asked["out"])
json.dump({"fit_s": 1.0, "threads": asked["threads"]}, open(asked["figures"], "w"))
"""


def test_a_worker_is_handed_its_tables_and_answers_with_one(here: Split, tmp_path: Path) -> None:
    run = runner(tmp_path, threads=1).call("w", [sys.executable, "-c", WORKER], {"train": here.train}, {"rows": 5})
    assert run.table is not None
    assert run.table.equals(here.train.slice(0, 5))
    assert run.figures == {"fit_s": 1.0, "threads": 1}
    assert [p.name for p in (tmp_path / "work").iterdir()] == ["w.log"]


def test_a_worker_that_fails_leaves_a_figure_and_a_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = runner(tmp_path).call("broken", [sys.executable, "-c", "raise SystemExit('why')"], {}, {})
    assert run.table is None
    assert run.figures == {"failed": 1.0}
    assert "broken failed" in capsys.readouterr().err
    assert "why" in (tmp_path / "work" / "broken.log").read_text()


def test_kinds_follow_the_tables_description(here: Split) -> None:
    found = kinds(here)
    assert found["credit"] == found["purpose"] == "categorical"
    assert found["age"] == "numerical"


def test_an_environment_that_is_complete_is_not_made_again(tmp_path: Path) -> None:
    wanted = Environment("e", ("a==1",), ("b",))
    (tmp_path / "e").mkdir()
    (tmp_path / "e" / ".complete").write_text("a==1\nb")
    assert environments.python_of(wanted, tmp_path) == tmp_path / "e" / "bin" / "python"


def test_an_installer_that_fails_is_told() -> None:
    with pytest.raises(MissingExtraError, match="no room"):
        environments._call([sys.executable, "-c", "raise SystemExit('no room')"], {}, "sdv")


@pytest.mark.slow
def test_the_frontier_runs_from_the_command_line_to_the_page(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "figures.json"
    target.write_text('{"scale.fit.slope": 1.0}')
    call = ["x", "--data", str(folder), "--json", str(target), "--only", "frontier", "--tables", "german"]
    monkeypatch.setattr(sys, "argv", [*call, "--peers", "", "--seeds", "1", "--threads", "1"])
    generators.main()
    figures = json.loads(target.read_text())
    assert figures["scale.fit.slope"] == 1.0
    for level in ("low", "medium", "high"):
        row = {k.rsplit(".", 1)[1]: v for k, v in figures.items() if k.startswith(f"frontier.german.trees.{level}.")}
        assert row["copies"] == 0
        assert 0.4 < row["c2st"] < 1
        assert row["seconds"] == pytest.approx(row["fit_s"] + row["sample_s"])
        assert row["peak_mb"] > 50
    monkeypatch.setattr(page, "PAGE", tmp_path / "page.md")
    monkeypatch.setattr(page, "PICTURE", tmp_path / "frontier.png")
    page.PAGE.write_text("<!-- frontier: begin -->\n<!-- frontier: end -->\n")
    monkeypatch.setattr(sys, "argv", ["x", "--json", str(target)])
    page.main()
    assert "| trees medium |" in page.PAGE.read_text()
    assert page.PICTURE.exists()


def test_a_wrong_word_on_the_command_line_is_told(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for option, word in (("--only", "frontir"), ("--tables", "germn"), ("--fresh", "TVA")):
        monkeypatch.setattr(sys, "argv", ["x", "--data", str(folder), "--json", str(tmp_path / "f"), option, word])
        with pytest.raises(SystemExit, match="Did you mean"):
            generators.main()


def test_every_bound_is_about_a_table_there_is() -> None:
    for check in checks.checks():
        first = check.figure.split(".")[0]
        assert first == "conditional" or find_table(first)
