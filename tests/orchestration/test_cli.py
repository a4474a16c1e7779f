"""The command line: every verb, for people and for machines, with right and with wrong input."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from home import SPEC, command, make_workspace, people

import orchestration.cli
from orchestration.cli import app, start
from orchestration.cli.common import console
from orchestration.cli.progress import StepBars
from proofset.errors import WorkspaceError
from proofset.workspace import Workspace

Answer = Callable[..., tuple[int, Any]]
Capture = pytest.CaptureFixture[str]


def test_help_names_every_verb_and_the_exit_codes(capsys: Capture) -> None:
    assert app.run(["--help"]) == 0
    text = capsys.readouterr().out
    for verb in ("init", "plan", "run", "status", "show", "approve", "reject", "release", "verify", "lookup", "schema",
                 "keys", "demo", "ui", "mart", "try", "advise", "compare"):  # fmt: skip
        assert f" {verb} " in text
    assert "0 done, 1 denied" in text
    assert app.run(["keys", "new", "--help"]) == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["runn"], "Did you mean 'run'?"),
        (["run"], "Missing argument"),
        (["run", "people", "--frce"], "No such option"),
        (["keys", "new", "x"], "Missing option"),
    ],
)
def test_usage_errors_exit_2(words: list[str], said: str, capsys: Capture) -> None:
    assert app.run(words) == 2
    assert said in capsys.readouterr().err


def test_the_console_script_exits_with_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["proofset", "schema", "policy"])
    with pytest.raises(SystemExit) as ended:
        orchestration.cli.main()
    assert ended.value.code == 0


def test_a_defect_exits_3_without_its_message(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture, workspace: Workspace
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("SECRET")

    monkeypatch.setattr(Workspace, "dataset_names", broken)
    assert command(workspace, "status") == 3
    assert command(workspace, "status", "--json") == 3
    said = capsys.readouterr()
    assert "SECRET" not in said.err + said.out
    assert json.loads(said.out)["exit"] == 3


@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt(), 130), (BrokenPipeError(), 0)])
def test_interruptions_end_quietly(
    error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch, workspace: Workspace, capsys: Capture
) -> None:
    def interrupted(*_: object) -> None:
        raise error

    monkeypatch.setattr(Workspace, "dataset_names", interrupted)
    assert command(workspace, "status") == code
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["dataset", "policy", "roster", "workspace"])
def test_schemas_are_json_and_the_committed_ones_are_current(kind: str, capsys: Capture) -> None:
    assert app.run(["schema", kind]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["additionalProperties"] is False
    kept = Path(__file__).parents[2] / "docs" / "schema" / f"{kind}.json"
    assert json.loads(kept.read_text()) == printed, f"renew it: proofset schema {kind} > docs/schema/{kind}.json"


def test_an_unknown_schema_is_refused(capsys: Capture) -> None:
    assert app.run(["schema", "dataste"]) == 2
    assert "Did you mean 'dataset'?" in capsys.readouterr().err


def test_plan_says_what_a_run_would_do(workspace: Workspace, fresh: Workspace, answer: Answer, capsys: Capture) -> None:
    code, planned = answer(workspace, "plan", "people")
    assert code == 0
    reused = [s for s, action in planned["steps"].items() if action == "reuse"]
    assert reused == ["source", "profile", "split", "model", "synthetic", "scorecard", "validation"]
    _, planned = answer(fresh, "plan", "people")
    assert set(planned["steps"].values()) == {"make"}
    _, planned = answer(workspace, "plan", "people", "--force")
    assert set(planned["steps"].values()) == {"make"}
    assert command(workspace, "plan", "people") == 0
    assert "fidelity.shape_error ≤ 0.2" in capsys.readouterr().out


def test_run_prints_a_scorecard_and_what_is_missing(workspace: Workspace, answer: Answer, capsys: Capture) -> None:
    assert command(workspace, "run", "people") == 0
    text = capsys.readouterr().out
    for word in ("shape_error", "≤ 20 %", "✓ pass", "Verdict:", "approve", "0 of 2"):
        assert word in text
    code, said = answer(workspace, "run", "people")
    assert (code, said["outcome"]) == (0, "pass")
    assert len(said["candidate"]) == 64


def test_the_scorecard_fits_a_narrow_terminal(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    for width in (80, 120):
        monkeypatch.setattr(console, "_width", width)
        assert command(workspace, "show", "people") == 0
        shown = capsys.readouterr().out.split("Report:")[0]
        assert max(len(line) for line in shown.splitlines()) <= width
        for word in ("membership_tpr_at_1fpr", "≤ holdout + 5 %", "✓"):
            assert word in shown
        assert "…" not in shown


def test_bars_are_drawn_on_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setattr(console, "_force_terminal", True)
    with StepBars(("one", "two")) as bars:
        for step in ("one", "two"):
            bars.started(step)
            bars.progress("half way", 0.5)
            bars.ended(step)
    drawn = capsys.readouterr().out
    assert "one" in drawn
    assert "two" in drawn


def test_status_tells_every_stage(workspace: Workspace, fresh: Workspace, answer: Answer, capsys: Capture) -> None:
    assert answer(fresh, "status")[1][0]["stage"] == "no candidate"
    assert answer(workspace, "status", "people")[1][0]["stage"] == "pending"
    for person in ("ada", "grace"):
        assert command(workspace, "approve", "people", "--as", person) == 0
    assert answer(workspace, "status")[1][0]["stage"] == "approved"
    assert command(workspace, "release", "people") == 0
    assert answer(workspace, "status")[1][0]["stage"] == "released"
    assert command(workspace, "status") == 0
    assert "released" in capsys.readouterr().out


def test_status_without_datasets(fresh: Workspace, capsys: Capture) -> None:
    (fresh.root / "datasets" / "people.yaml").unlink()
    assert command(fresh, "status") == 0
    assert "No datasets yet" in capsys.readouterr().out


def test_show_approve_and_lookup_for_people(workspace: Workspace, answer: Answer, capsys: Capture) -> None:
    assert command(workspace, "show", "people") == 0
    assert "Scorecard of people" in capsys.readouterr().out
    _, shown = answer(workspace, "show", "people")
    assert shown["releasable"] is False
    assert command(workspace, "approve", shown["candidate"][:10], "--as", "ada", "--comment", "looks right") == 0
    assert "ada approved candidate" in capsys.readouterr().out
    _, said = answer(workspace, "approve", "people", "--as", "grace")
    assert said["releasable"] is True
    assert command(workspace, "lookup", shown["candidate"][:12]) == 0
    assert "people" in capsys.readouterr().out


def test_lookup_knows_a_file_wherever_it_went(
    workspace: Workspace, answer: Answer, tmp_path: Path, capsys: Capture
) -> None:
    for person in ("ada", "grace"):
        command(workspace, "approve", "people", "--as", person)
    _, said = answer(workspace, "release", "people")
    table = pq.read_table(Path(said["folder"]) / "data" / "people.parquet")
    pq.write_table(table, tmp_path / "elsewhere.parquet", compression="none", row_group_size=10)
    code, hits = answer(workspace, "lookup", str(tmp_path / "elsewhere.parquet"))
    assert code == 0
    assert hits[0]["dataset"] == "people"
    assert hits[0]["released"] is True
    pq.write_table(table.slice(1), tmp_path / "elsewhere.parquet")
    assert command(workspace, "lookup", str(tmp_path / "elsewhere.parquet")) == 1
    assert "Nothing known" in capsys.readouterr().out


def test_verify_names_the_file_that_changed(workspace: Workspace, answer: Answer, capsys: Capture) -> None:
    for person in ("ada", "grace"):
        command(workspace, "approve", "people", "--as", person)
    folder = Path(answer(workspace, "release", "people")[1]["folder"])
    trust = ("--roster", "keys/roster.yaml")
    assert command(workspace, "verify", str(folder), *trust) == 0
    assert "Verified" in capsys.readouterr().out
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        good = path.read_bytes()
        path.write_bytes(good[: len(good) // 2] + bytes([good[len(good) // 2] ^ 1]) + good[len(good) // 2 + 1 :])
        code, said = answer(workspace, "verify", str(folder), *trust)
        assert code == 1
        assert path.name in json.dumps([c for c in said["checks"] if not c["ok"]])
        path.unlink()
        assert command(workspace, "verify", str(folder), *trust) == 1
        assert path.name in capsys.readouterr().out
        path.write_bytes(good)
    (folder / "data" / "more.parquet").write_bytes(b"")
    assert command(workspace, "verify", str(folder), *trust) == 1
    assert "more.parquet" in capsys.readouterr().out


def test_people_who_may_not_sign(workspace: Workspace, capsys: Capture) -> None:
    assert command(workspace, "approve", "people", "--as", "eve") == 2
    assert "'eve' is not in the roster" in capsys.readouterr().err
    other = workspace.private / "keys" / "ada.pem"
    assert command(workspace, "approve", "people", "--as", "grace", "--key", str(other)) == 2
    assert "not one of grace's" in capsys.readouterr().err
    assert command(workspace, "approve", "people", "--as", "grace", "--key", "none.pem") == 2
    assert command(workspace, "approve", "people", "--as", "release") in (0, 1)
    assert command(workspace, "release", "people") == 1


def test_a_key_with_a_passphrase(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setenv("PROOFSET_KEY_PASSPHRASE", "correct horse")
    new = ("keys", "new", "linus", "--role", "data_steward", "--name", "Linus", "--email", "linus@example.org")
    assert command(workspace, *new) == 0
    path = workspace.private / "keys" / "linus.pem"
    assert path.stat().st_mode & 0o777 == 0o600
    assert b"ENCRYPTED" in path.read_bytes()
    assert command(workspace, "approve", "people", "--as", "linus") == 0
    monkeypatch.setenv("PROOFSET_KEY_PASSPHRASE", "wrong")
    assert command(workspace, "approve", "people", "--as", "linus") == 2
    assert command(workspace, *new) == 2, "a key is never overwritten"


def test_release_needs_the_platforms_key(workspace: Workspace, capsys: Capture) -> None:
    for person in ("ada", "grace"):
        command(workspace, "approve", "people", "--as", person)
    (workspace.private / "keys" / "release.pem").unlink()
    assert command(workspace, "release", "people") == 1
    assert "no key to sign releases with" in capsys.readouterr().err


def test_init_makes_a_workspace_that_runs(tmp_path: Path, answer: Answer, capsys: Capture) -> None:
    table = pa.table({k: pa.array(v, from_pandas=True) for k, v in people(1200).items()})
    root = tmp_path / "Our Data"
    pq.write_table(table, tmp_path / "2024 Customers.parquet")
    init = ("init", str(root), "--table", str(tmp_path / "2024 Customers.parquet"))
    assert command(root, *init) == 2
    assert "owner and a lawful basis" in capsys.readouterr().err
    rights = ("--owner", "me@example.org", "--lawful-basis", "consent", "--target", "churned")
    assert command(root, *init, *rights) == 0
    assert command(root, *init, *rights) == 2, "a spec is never overwritten"
    name = "table_2024_customers"
    assert Workspace(root).dataset(name).table.columns["email"].treatment == "fake"
    assert command(root, "plan", name) == 0
    code, said = answer(root, "run", name)
    assert code in (0, 1), said
    assert {m["name"] for m in said["scorecard"]["measures"]} >= {"fidelity.shape_error", "utility.tstr_auc"}


def test_init_without_a_table(tmp_path: Path, answer: Answer, capsys: Capture) -> None:
    assert answer(tmp_path, "init", str(tmp_path / "a"))[0] == 0
    assert command(tmp_path, "init", str(tmp_path / "b")) == 0
    assert "Next: proofset init --table" in capsys.readouterr().out
    assert command(tmp_path, "init", str(tmp_path / "b")) == 2
    assert "is a workspace already" in capsys.readouterr().err


ROWS = people(200)
BAD_SOURCES: dict[str, tuple[dict[str, Any] | bytes, str]] = {
    "one row": ({k: v[:1] for k, v in ROWS.items()}, "it has 1 row"),
    "all null": (ROWS | {"void": [None] * 200}, "column 'void' is null in every row"),
    "infinity": (ROWS | {"age": np.r_[np.inf, np.ones(199)]}, "column 'age' holds infinities"),
    "mixed": (ROWS | {"code": [str(i) for i in range(190)] + ["x"] * 10}, "column 'code' mixes types"),
    "no name": (ROWS | {" ": [1] * 200}, "a column has no name"),
    "empty": (b"", "the file is empty"),
    "not parquet": (b"hello", "not a readable Parquet file"),
}


@pytest.mark.parametrize("kind", BAD_SOURCES)
def test_bad_sources_get_one_clear_error(kind: str, tmp_path: Path, capsys: Capture) -> None:
    columns, said = BAD_SOURCES[kind]
    workspace = make_workspace(tmp_path / "home", columns if isinstance(columns, dict) else ROWS)
    if isinstance(columns, bytes):
        (workspace.root / "people.parquet").write_bytes(columns)
    assert command(workspace, "run", "people") == 2
    text = capsys.readouterr().err
    assert said in text
    assert "→" in text
    assert "Traceback" not in text
    assert not (workspace.state / "candidates").exists()
    assert not (workspace.private / "tables").exists()


def test_bad_specs_get_one_clear_error(fresh: Workspace, capsys: Capture) -> None:
    path = fresh.root / "datasets" / "people.yaml"
    for old, new, said in [
        ("purpose:", "purpos:", r"people.yaml:4: purpos: unknown field. Did you mean 'purpose'?"),
        ("seed: 7", "seed: soon", "people.yaml:14: seed: found 'soon'"),
        ("name: trees", "name: tres", "'tres' is not a known generator"),
        ("path: people.parquet", "path: ../people.parquet", "must not contain '..'"),
        ("path: people.parquet", "path: peeple.parquet", "Did you mean 'people.parquet'?"),
        ("name: trees", "name: trees, options: {privcy: low}", "Did you mean 'privacy'?"),
    ]:
        path.write_text(SPEC.replace(old, new, 1))
        assert command(fresh, "run", "people") == 2
        text = capsys.readouterr().err
        assert said in text, text
        assert "Traceback" not in text
    path.write_text(SPEC)
    for name in ("../people", "peple"):
        assert command(fresh, "run", name) == 2
        assert "No dataset named" in capsys.readouterr().err


def test_a_csv_in_another_encoding(tmp_path: Path, capsys: Capture) -> None:
    workspace = make_workspace(tmp_path / "home", ROWS, SPEC.replace("people.parquet", "people.csv"))
    lines = ["name,age,churned", *(f"caf\xe9{i % 5},{i % 60},{'yes' if i % 3 else 'no'}" for i in range(200))]
    (workspace.root / "people.csv").write_bytes("\n".join(lines).encode("latin-1"))
    assert command(workspace, "run", "people") == 2
    assert "not readable as utf-8 CSV" in capsys.readouterr().err


def test_a_roster_with_one_key_twice(workspace: Workspace, capsys: Capture) -> None:
    text = workspace.roster_path.read_text()
    again = text.replace("id: ada", "id: eve").replace("ada@example.org", "eve@example.org")
    workspace.roster_path.write_text(text + again.split("people:\n", 1)[1])
    assert command(workspace, "approve", "people", "--as", "ada") == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_ledger_edited_by_hand(workspace: Workspace, capsys: Capture) -> None:
    with sqlite3.connect(workspace.ledger_path) as db:
        for (trigger,) in db.execute("select name from sqlite_master where type = 'trigger'").fetchall():
            db.execute(f'drop trigger "{trigger}"')
        db.execute("update entries set subject = 'other'")
    for words in (["status"], ["release", "people"], ["run", "people"], ["approve", "people", "--as", "ada"]):
        assert command(workspace, *words) == 2, words
        text = capsys.readouterr().err
        assert "ledger" in text.lower()
        assert "Traceback" not in text


def test_a_workspace_without_write_permission(tmp_path: Path, capsys: Capture) -> None:
    workspace = make_workspace(tmp_path / "home", ROWS)
    (workspace.root / ".proofset").write_text("a file where the state should be")
    assert command(workspace, "run", "people") == 2
    assert "Cannot write in the folder" in capsys.readouterr().err


def test_a_folder_that_is_no_workspace(tmp_path: Path, capsys: Capture) -> None:
    assert command(tmp_path, "status") == 2
    assert "make one with `proofset init`" in capsys.readouterr().err


def test_ports_that_are_taken_are_passed_over() -> None:
    import socket

    from orchestration.pages import free_port

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port(port) > port
    with pytest.raises((WorkspaceError, OverflowError)):
        free_port(65536)


@pytest.mark.slow
def test_the_demo_ends_with_a_verified_release(tmp_path: Path, capsys: Capture) -> None:
    census = Path(__file__).parents[2] / "examples" / "census"
    ignore = shutil.ignore_patterns(".proofset", "releases", "keys")
    root = shutil.copytree(census, tmp_path / "census", ignore=ignore)
    assert command(root, "demo") == 0
    text = capsys.readouterr().out
    for word in ("shape_error", "0 of 2", "Ada Demo", "Done in"):
        assert word in text
    assert {p[0] for p in start.DEMO_PEOPLE} == {"ada", "grace"}
    card = json.loads(next((root / "releases" / "adult").rglob("scorecard.json")).read_bytes())
    measures = {m["name"]: m for m in card["measures"]}
    assert measures["fidelity.shape_error"]["high"] <= 0.01
    assert measures["fidelity.pair_error"]["high"] <= 0.02
    assert measures["fidelity.c2st_auc"]["high"] <= 0.60
    assert measures["utility.tstr_auc"]["low"] >= 0.90
    assert [p.name for p in (root / "releases").iterdir()] == ["adult"]


@pytest.mark.slow
def test_the_pages_answer(workspace: Workspace) -> None:
    import time
    import urllib.request

    from orchestration.pages import start as serve_pages
    from orchestration.pages import stop

    running = serve_pages(workspace, 43000, 45000)
    try:
        for name, (url, process) in running.items():
            deadline = time.monotonic() + 120
            while True:
                assert process.poll() is None, f"{name} ended"
                assert time.monotonic() < deadline, f"{name} does not answer"
                try:
                    with urllib.request.urlopen(url, timeout=5) as page:
                        assert page.status == 200
                        break
                except OSError:
                    time.sleep(0.5)
    finally:
        stop(running)
    assert all(process.poll() is not None for _, process in running.values())
