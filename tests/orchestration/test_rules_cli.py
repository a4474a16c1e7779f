"""The commands of rules: infer and sample, for people and for machines, with right and with wrong input."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orchestration.cli.app import run
from proofset.marks import is_ungoverned
from proofset.spec import TableSpec
from quality.profile import profile_table

EXAMPLES = Path(__file__).parents[2] / "examples" / "rules"
Capture = pytest.CaptureFixture[str]
DDL = "CREATE TABLE pets (id INT PRIMARY KEY, name VARCHAR(60) NOT NULL, born DATE); CREATE TABLE b (x INT);"


def asked(capsys: Capture, *words: str) -> tuple[int, Any]:
    capsys.readouterr()
    code = run([*words, "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_ddl_becomes_a_rule_file_and_that_a_marked_table(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "s.sql").write_text(DDL)
    draft, out = tmp_path / "pets.yaml", tmp_path / "pets.parquet"
    code, told = asked(capsys, "rules", "infer", str(tmp_path / "s.sql"), "--table", "pets", "--out", str(draft))
    assert (code, told["table"], told["columns"], told["out"]) == (0, "pets", 3, str(draft))
    assert any(note.startswith("name: ") for note in told["notes"])
    words = ("rules", "sample", str(draft), "--rows", "70000", "--out", str(out))
    code, told = asked(capsys, *words, "--seed", "5")
    assert (code, told) == (0, {"table": "pets", "rows": 70_000, "columns": 3, "out": str(out)})
    first = out.read_bytes()
    metadata = pq.ParquetFile(out).metadata.metadata
    assert (metadata[b"proofset.status"], metadata[b"proofset.generator"]) == (b"ungoverned", b"rules")
    assert is_ungoverned(out)
    assert pq.read_table(out)["id"].to_pylist() == list(range(1, 70_001))
    assert run([*words, "--seed", "5"]) == 2
    assert run([*words, "--seed", "5", "--force"]) == 0
    assert out.read_bytes() == first
    assert run([*words, "--force"]) == 0
    assert out.read_bytes() != first


def test_people_are_told_what_was_done(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "s.sql").write_text(DDL)
    draft = tmp_path / "pets.yaml"
    assert run(["rules", "infer", str(tmp_path / "s.sql"), "--table", "pets"]) == 0
    assert "dataset: pets" in capsys.readouterr().out
    assert run(["rules", "infer", str(tmp_path / "s.sql"), "--table", "pets", "--out", str(draft)]) == 0
    said = capsys.readouterr().out
    assert "3 columns of 'pets'" in said
    assert "Next: proofset rules sample" in said
    out = tmp_path / "pets.csv"
    assert run(["rules", "sample", str(draft), "--rows", "12", "--out", str(out)]) == 0
    assert "12 rows of 'pets'" in capsys.readouterr().out
    assert len(pd.read_csv(out)) == 12
    assert [p.name for p in tmp_path.glob(".part-*")] == []


@pytest.mark.parametrize("name", ["shoppers", "credit", "orders"])
def test_the_examples_run(name: str, tmp_path: Path) -> None:
    out = tmp_path / f"{name}.parquet"
    assert run(["rules", "sample", str(EXAMPLES / f"{name}.yaml"), "--rows", "2000", "--out", str(out)]) == 0
    assert pq.read_metadata(out).num_rows == 2_000


def test_other_kinds_are_recognised_or_named(tmp_path: Path, capsys: Capture) -> None:
    schema = tmp_path / "schema.json"
    schema.write_text(json.dumps({"title": "Row", "properties": {"a": {"type": "integer"}}}))
    dbt = tmp_path / "schema.yml"
    dbt.write_text("models: [{name: m, columns: [{name: id, data_type: int}]}]")
    profile = tmp_path / "profile.json"
    table = pa.table({"n": list(range(100)), "w": ["x", "y"] * 50})
    profile.write_text(json.dumps(profile_table(table, "seen", TableSpec(), "0" * 64).plain()))
    plain = tmp_path / "ddl.txt"
    plain.write_text(DDL)
    for file, kind, named in ((schema, "json-schema", "row"), (dbt, "dbt", "m"), (profile, "profile", "seen")):
        for more in ([], ["--kind", kind]):
            code, told = asked(capsys, "rules", "infer", str(file), *more)
            assert (code, told["table"]) == (0, named)
    code, told = asked(capsys, "rules", "infer", str(plain), "--kind", "ddl", "--table", "b", "--dialect", "mysql")
    assert (code, told["table"]) == (0, "b")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["infer", "{}/missing.sql"], "no such file"),
        (["infer", "{}/folder"], "cannot be read"),
        (["infer", "{}/s.sql"], "2 tables: pets, b"),
        (["infer", "{}/s.sql", "--kind", "sql"], "not a known kind"),
        (["infer", "{}/s.sql", "--table", "b", "--out", "{}/s.sql"], "exists already"),
        (["infer", "{}/s.sql", "--table", "b", "--out", "{}/no/b.yaml"], "is not there"),
        (["infer", "{}/odd.json"], "Say so with --kind"),
        (["infer", "{}/list.yml"], "expected fields"),
        (["infer", "{}/broken.json"], "neither JSON nor YAML"),
        (["sample", "{}/rules.yaml", "--rows", "5", "--out", "{}/x.txt"], "neither in .parquet nor in .csv"),
        (["sample", "{}/rules.yaml", "--rows", "0", "--out", "{}/x.csv"], "rows"),
        (["sample", "{}/rules.yaml", "--rows", "9", "--out", "{}/x.csv"], "cannot be unique in 9 rows"),
        (["sample", "{}/rules.yaml", "--rows", "5", "--out", "{}/x.csv", "--table", "u"], "Did you mean 't'|no table"),
        (["sample", "{}/odd.json", "--rows", "5", "--out", "{}/x.csv"], "tables"),
    ],
)
def test_mistakes_exit_2_with_a_reason(words: list[str], said: str, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "s.sql").write_text(DDL)
    (tmp_path / "odd.json").write_text('{"x": 1}')
    (tmp_path / "list.yml").write_text("[1]")
    (tmp_path / "broken.json").write_text("{")
    rule = "{kind: regex, pattern: '[a-h]', unique: true}"
    (tmp_path / "rules.yaml").write_text(f"tables: {{t: {{columns: {{x: {{rule: {rule}}}}}}}}}")
    before = sorted(p.name for p in tmp_path.iterdir())
    assert run(["rules", *(w.replace("{}", str(tmp_path)) for w in words)]) == 2
    assert re.search(said, capsys.readouterr().err)
    assert sorted(p.name for p in tmp_path.iterdir()) == before
