"""Comparing generators: one split, one scorecard, the policy's verdict for each, and no candidate."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from home import POLICY, command, people

from orchestration.chain import ledger
from orchestration.cli.app import run
from orchestration.cli.look import file_named
from orchestration.comparing import compare, ground_of_file, parse_generators
from orchestration.store import Store
from proofset.errors import GeneratorError, SpecError, UnknownNameError
from proofset.evidence import Scorecard
from proofset.workspace import Workspace
from quality.frontier import frontier

Answer = Callable[..., tuple[int, Any]]
Capture = pytest.CaptureFixture[str]


def test_generators_are_read_with_their_options() -> None:
    found = parse_generators("trees, trees:privacy=high:trees_per_column=2 ,rules,")
    assert list(found) == ["trees", "trees:privacy=high:trees_per_column=2", "rules"]
    assert found["trees:privacy=high:trees_per_column=2"].options == {"privacy": "high", "trees_per_column": 2}


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("", SpecError, "No generators"),
        (" , ", SpecError, "No generators"),
        ("trees:privacy", SpecError, "NAME:option=value"),
        ("trees:=high", SpecError, "NAME:option=value"),
        ("trees,trees", SpecError, "named twice"),
        ("tres", UnknownNameError, "Did you mean 'trees'"),
        ("trees:privcy=high", UnknownNameError, "Did you mean 'privacy'"),
        ("trees:privacy=hihg", GeneratorError, "Did you mean 'high'"),
        ("trees:privacy={", GeneratorError, "privacy"),
    ],
)
def test_what_is_no_list_of_generators_is_refused(text: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        parse_generators(text)


def test_a_dataset_is_compared_on_its_own_split_under_its_policy(
    workspace: Workspace, answer: Answer, capsys: Capture
) -> None:
    before = len(ledger(workspace).entries())
    candidates = sorted(p.name for p in (workspace.state / "candidates" / "people").iterdir())
    tables = sorted(p.name for p in (workspace.state / "tables").iterdir())
    asked = "trees,trees:privacy=high,rules"
    code, found = answer(workspace, "compare", "people", "--generators", asked)
    assert code == 0
    split = Store(workspace, "people").need("split").facts
    assert (found["train_digest"], found["holdout_digest"]) == (split["train"], split["holdout"])
    plain, high, rules = found["entries"]
    assert (plain["verdict"], found["policy"]) == ("pass", "sharing")
    assert high["options"]["privacy"] == "high"
    assert "has no rule" in rules["failed"]
    assert rules["measures"] == []
    assert any(e["frontier"] for e in found["entries"])

    # The same generator, split and seed as the chain's own run: the same figures.
    card = Scorecard.model_validate(Store(workspace, "people").need("scorecard").facts["scorecard"])
    assert {m["name"]: m.get("value") for m in plain["measures"]} == {m.name: m.value for m in card.measures}

    # It leaves no candidate, no table and no word in the ledger.
    assert len(ledger(workspace).entries()) == before
    assert sorted(p.name for p in (workspace.state / "candidates" / "people").iterdir()) == candidates
    assert sorted(p.name for p in (workspace.state / "tables").iterdir()) == tables
    folder = Path(found["folder"])
    assert folder.is_relative_to(workspace.private)
    assert {p.name for p in folder.iterdir()} == {"comparison.json", "frontier.html", "frontier.png", "frontier.svg"}
    assert all(p.stat().st_mode & 0o777 == 0o600 for p in folder.iterdir())

    # No value of the source is in it.
    text = "".join((folder / n).read_text() for n in ("comparison.json", "frontier.html", "frontier.svg"))
    values = people(1500)
    assert not any(value in text for column in ("name", "email", "customer_id", "city") for value in values[column])

    assert command(workspace, "compare", "people", "--generators", asked) == 0  # the older one goes
    shown = capsys.readouterr().out
    assert "✗ rules" in shown.replace("\n", " ")
    assert "nothing of it can be released" in shown
    assert len(list(folder.parent.iterdir())) == 1


def test_a_policy_says_why_not(workspace: Workspace, answer: Answer) -> None:
    strict = POLICY.replace("privacy.membership_auc, max: 0.65", "privacy.membership_auc, max: 0.01")
    (workspace.root / "policies" / "sharing.yaml").write_text(strict.replace("suite: true", "suite: false"))
    code, found = answer(workspace, "compare", "people", "--generators", "trees", "--out", str(workspace.root / "cmp"))
    assert code == 0
    assert found["entries"][0]["verdict"] == "fail"
    assert any("privacy.membership_auc" in reason for reason in found["entries"][0]["reasons"])
    assert "privacy.membership_auc ≤ 0.01: fail" in (workspace.root / "cmp" / "frontier.html").read_text()


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    table = pa.table({k: pa.array(v, from_pandas=True) for k, v in people(500).items()})
    pq.write_table(table, tmp_path / "people.parquet")
    return tmp_path / "people.parquet"


def test_a_file_needs_no_workspace(file: Path, capsys: Capture) -> None:
    words = ["compare", "people.parquet", "--generators", "trees,trees:privacy=high", "--seeds", "2"]
    assert run([*words, "--out", "cmp", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["policy"] is None
    assert found["target"] == "churned"
    assert all(e["verdict"] is None and e["verdicts"] == [] for e in found["entries"])
    told = {m["name"]: m for m in found["entries"][0]["measures"]}["fidelity.c2st_auc"]
    assert told["detail"] == "2 seeds"
    assert told["low"] <= told["value"] <= told["high"]
    assert (file.parent / "cmp" / "frontier.png").read_bytes().startswith(b"\x89PNG")
    assert run([*words[:-2], "--out", "cmp"]) == 2
    assert "exists already" in capsys.readouterr().err
    assert run([*words[:-2], "--out", "cmp", "--force", "--target", "city"]) == 0
    assert json.loads((file.parent / "cmp" / "comparison.json").read_text())["target"] == "city"
    assert sorted(p.name for p in file.parent.iterdir()) == ["cmp", "people.parquet"]


def test_the_table_fits(file: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    from orchestration.cli.advice_screens import print_comparison
    from orchestration.cli.common import console

    ground = ground_of_file(file)
    found = compare(ground, parse_generators("trees,rules"))
    assert frontier(found.entries) == {"trees"}
    for width in (80, 120):
        monkeypatch.setattr(console, "_width", width)
        print_comparison(console, found, file.parent)
        text = capsys.readouterr().out
        assert max(len(line) for line in text.splitlines() if "frontier.html" not in line) <= width
        assert "real rows" in text
        assert "C2ST" in text


def test_a_word_is_a_file_or_a_dataset(file: Path) -> None:
    assert file_named("people") is None
    assert file_named("people.parquet") == Path("people.parquet")
    assert file_named("no.csv") == Path("no.csv")
    assert file_named("some/where") == Path("some/where")
    file.rename(file.parent / "bare")
    assert file_named("bare") == Path("bare")


def test_wrong_datasets_and_lists_are_told_before_anything_runs(fresh: Workspace, capsys: Capture) -> None:
    assert command(fresh, "compare", "peopel") == 2
    assert "Did you mean 'people'" in capsys.readouterr().err
    assert command(fresh, "compare", "people", "--generators", "tres") == 2
    assert command(fresh, "compare", "people", "--seeds", "0") == 2
    assert not (fresh.root / ".proofset" / "private" / "steps").exists()
