"""The command reproduce: the same comes out elsewhere, and where it does not, the first step that differs is named."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from home import SPEC, add_people, command, make_workspace, people

from lineage.reproduction import read_reproduction
from lineage.roster import read_roster
from lineage.signing import Envelope
from orchestration import reproducing
from orchestration.chain import Chain, ledger
from proofset.digest import sha256_file
from proofset.spec import DatasetSpec
from proofset.workspace import Workspace

Answer = Callable[..., tuple[int, Any]]


def files(folder: Path) -> dict[str, str]:
    return {p.relative_to(folder).as_posix(): sha256_file(p) for p in sorted(folder.rglob("*")) if p.is_file()}


def test_the_same_table_comes_out_on_another_path_with_other_workers(
    workspace: Workspace, answer: Answer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "elsewhere" / "deep"
    place.mkdir(parents=True)
    monkeypatch.setenv("TMPDIR", str(place))
    before = files(workspace.root)
    digest = Chain.open(workspace, "people").store.need("candidate").digest
    for person, workers in (("ada", "1"), ("grace", "3")):
        code, told = answer(workspace, "reproduce", digest[:10], "--as", person, "--workers", workers)
        assert (code, told["outcome"], told["candidate"]) == (0, "reproduced", digest)
        assert [s["step"] for s in told["steps"]] == ["split", "fitted", "synthetic", "parquet"]
        assert (told["workers"], told["versions"]) == (int(workers), [])
        data = (workspace.root / told["statement"]).read_bytes()
        said = read_reproduction(Envelope.from_bytes(data, "r"), read_roster(workspace.roster_path))
        assert (said.person, said.candidate, said.reproduction.workers) == (person, digest, int(workers))
    entries = ledger(workspace).entries("reproduction", digest)
    assert [(e.actor, e.body["outcome"]) for e in entries] == [("ada", "reproduced"), ("grace", "reproduced")]
    assert not list(place.iterdir())  # nothing of the source stays behind
    changed = {n for n, d in files(workspace.root).items() if before.get(n) != d}
    assert {n.split("/")[1] for n in changed if not n.startswith(".proofset/ledger")} <= {
        "reproductions", "private", "locks"}  # fmt: skip
    assert not [n for n in changed if "/private/" in n and "ledger" not in n]


@pytest.mark.slow
def test_a_path_in_a_folder_and_dropped_columns_do_not_matter(tmp_path: Path, answer: Answer) -> None:
    """The evidence names the source's file without its folder, and not the columns that were left out."""
    spec = SPEC.replace("path: people.parquet", "path: data/people.parquet")
    spec = spec.replace("age: {type", "email: {treatment: drop}\n      age: {type")
    workspace = make_workspace(tmp_path / "home", people(400), spec)
    (workspace.root / "data").mkdir()
    (workspace.root / "people.parquet").rename(workspace.root / "data" / "people.parquet")
    add_people(workspace)
    assert command(workspace, "run", "people") in (0, 1)
    code, told = answer(workspace, "reproduce", "people")
    assert (code, told["outcome"], told["person"]) == (0, "reproduced", "release")


def other(**changes: Any) -> Callable[..., None]:
    """What prepares the inputs, with a spec that is not the sealed one."""
    prepare = reproducing._prepare

    def prepared(workspace: Workspace, parts: Any, home: Path) -> None:
        prepare(workspace, parts, home)
        task = json.loads((home / reproducing.TASK).read_bytes())
        spec = DatasetSpec.model_validate(task["spec"] | changes)
        (home / reproducing.TASK).write_text(json.dumps(task | {"spec": spec.plain()}))

    return prepared


@pytest.mark.parametrize(
    ("change", "step"),
    [
        ({"seed": 8}, "split"),
        ({"generator": {"name": "trees", "options": {"trees_per_column": 2}}}, "fitted"),
        ({"generator": {"name": "trees", "rows": 500}}, "synthetic"),
    ],
)
def test_what_differs_is_named_and_signed(
    workspace: Workspace, answer: Answer, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], step: str
) -> None:
    monkeypatch.setattr(reproducing, "_prepare", other(**change))
    code, told = answer(workspace, "reproduce", "people", "--as", "ada")
    assert (code, told["outcome"], told["differs_at"]) == (1, "differs", step)
    (entry,) = ledger(workspace).entries("reproduction")
    assert (entry.body["outcome"], entry.body["differs_at"]) == ("differs", step)


@pytest.mark.slow
def test_other_bytes_of_the_same_table_and_other_versions_are_told(
    workspace: Workspace, answer: Answer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = reproducing._run

    def elsewhere(*given: Any) -> dict[str, Any]:
        found = run(*given)
        return found | {"parquet": "0" * 64, "versions": found["versions"] | {"pyarrow": "1.0"}}

    monkeypatch.setattr(reproducing, "_run", elsewhere)
    code, told = answer(workspace, "reproduce", "people")
    assert (code, told["differs_at"]) == (1, "parquet")
    assert [(v["package"], v["found"]) for v in told["versions"]] == [("pyarrow", "1.0")]
    assert command(workspace, "reproduce", "people") == 1
    text = capsys.readouterr().out
    assert "Differs" in text
    assert "pyarrow 1.0; on record" in text


def test_nothing_is_signed_where_it_cannot_be_made(workspace: Workspace, answer: Answer) -> None:
    assert answer(workspace, "reproduce", "people", "--as", "nobody")[0] == 2
    assert answer(workspace, "reproduce", "peple")[0] == 2
    store = Chain.open(workspace, "people").store
    path = store.table_path(store.need("source").digest, private=True)
    data = path.read_bytes()
    path.write_bytes(data[:-100] + b"x" * 100)
    code, told = answer(workspace, "reproduce", "people")
    assert (code, "unreadable" in told["error"]["what"] or "changed" in told["error"]["what"]) == (2, True)
    path.unlink()
    code, told = answer(workspace, "reproduce", "people")
    assert (code, "no longer in the private state" in told["error"]["what"]) == (2, True)
    assert not ledger(workspace).entries("reproduction")
    assert not (workspace.state / "reproductions").exists()


def test_a_step_that_breaks_says_so_without_its_output(
    workspace: Workspace, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*given: Any, **options: Any) -> subprocess.CompletedProcess[bytes]:
        return subprocess.CompletedProcess(given, 9, b"secret row", b"secret row")

    monkeypatch.setattr(reproducing.subprocess, "run", broken)
    code, told = answer(workspace, "reproduce", "people")
    assert (code, told["error"]["kind"]) == (3, "InternalError")
    assert "secret" not in json.dumps(told)


def test_a_step_that_refuses_is_quoted(workspace: Workspace, answer: Answer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reproducing, "_prepare", other(generator={"name": "tres"}))
    code, told = answer(workspace, "reproduce", "people")
    assert (code, told["error"]["kind"]) == (2, "UnknownNameError")
    assert "tres" in told["error"]["what"]


LOADS = """
import pickle, sys
from pathlib import Path
import numpy as np
import generators
from orchestration.chain import Chain
from proofset.workspace import Workspace

class Refused(Exception):
    pass

def refuse(*args, **kwargs):
    raise Refused

chain = Chain.open(Workspace(Path(sys.argv[1])), "people")
model = chain.store.need("model").digest
rows = chain.store.need("synthetic").facts["rows"]

def sampled():
    fitted = generators.load_fitted(chain.store.model_path(model), expected=model)
    return fitted.sample(int(rows), chain.spec.seed).table

sampled()  # numba reads its cache of compiled code, which lies beside the code and is as trusted as that
for module in (pickle, sys.modules["_pickle"]):
    module.load = module.loads = module.Unpickler = refuse
np.lib._npyio_impl.pickle = None
made = sampled()
from proofset.digest import table_digest
print(table_digest(made) == chain.store.need("synthetic").digest)
"""


def test_loading_a_model_and_sampling_unpickles_nothing(workspace: Workspace) -> None:
    import sys

    done = subprocess.run(
        [sys.executable, "-c", LOADS, str(workspace.root)], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "True", done.stderr[-500:]


def test_every_model_is_loaded_by_the_digest_on_record() -> None:
    """No call outside the tests and the benchmarks loads a model without saying which one it must be."""
    import ast

    root = Path(reproducing.__file__).resolve().parent.parent
    rooms = ("proofset", "generators", "quality", "lineage", "orchestration")
    sources = [p.read_text(encoding="utf-8") for room in rooms for p in (root / room).rglob("*.py")]
    nodes = [n for text in sources for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Call)]
    named = [n for n in nodes if getattr(n.func, "attr", getattr(n.func, "id", "")) == "load_fitted"]
    calls = [{k.arg for k in node.keywords} for node in named]
    assert len(calls) >= 2
    assert all("expected" in given for given in calls)


def test_a_changed_model_is_not_loaded_whatever_its_own_seal_says(workspace: Workspace) -> None:
    """A stranger who rewrites the folder with a seal of their own is refused by the digest in the step's note."""
    import generators
    from generators.storage import read_sealed, write_sealed
    from proofset.errors import GeneratorError

    store = Chain.open(workspace, "people").store
    digest = store.need("model").digest
    folder = store.model_path(digest)
    files = read_sealed(folder, digest)
    write_sealed(folder, files | {"model-extra.pkl": b"cos\nsystem\n(S'true'\ntR."})
    with pytest.raises(GeneratorError, match="is not what was saved"):
        generators.load_fitted(folder, expected=digest)
