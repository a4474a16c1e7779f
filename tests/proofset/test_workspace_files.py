"""Workspace and files: found, private, locked, and written whole or not at all."""

from __future__ import annotations

import multiprocessing
import stat
from pathlib import Path

import filelock
import pyarrow as pa
import pytest

from proofset.errors import SpecError, WorkspaceError
from proofset.files import discard, make_dir, parquet_bytes, whole_folder, write_bytes, write_json
from proofset.workspace import Workspace

SPEC = """\
dataset: people
owner: team:data
purpose: sharing
source: {licence: CC0-1.0, lawful_basis: consent, permitted_purposes: [sharing]}
tables: {people: {path: people.parquet}}
policy: sharing
"""
POLICY = """\
policy: sharing
purposes: [sharing]
require: [{measure: a.b, max: 1}]
approvals: {required: 1}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_bytes(tmp_path / "proofset.yaml", b"workspace: home\n")
    write_bytes(tmp_path / "datasets" / "people.yaml", SPEC.encode())
    write_bytes(tmp_path / "policies" / "sharing.yaml", POLICY.encode())
    return tmp_path


def test_a_workspace_is_found_from_inside(root: Path) -> None:
    make_dir(root / "data" / "deep")
    found = Workspace.find(root / "data" / "deep")
    assert found.root == root
    assert found.dataset_names() == ["people"]
    assert found.policy_names() == ["sharing"]
    assert found.policy_for(found.dataset("people")).policy == "sharing"
    with pytest.raises(WorkspaceError, match="is not a workspace"):
        Workspace.find(root.parent)


def test_state_is_made_on_first_use_and_private_is_private(root: Path) -> None:
    workspace = Workspace(root)
    assert not (root / ".proofset").exists()
    assert stat.S_IMODE(workspace.private.stat().st_mode) == 0o700
    assert (workspace.state / ".gitignore").read_text() == "*\n"
    assert workspace.tracking_uri == f"sqlite:///{root / '.proofset' / 'mlflow.db'}"
    assert workspace.ledger_path.parent == workspace.state
    assert workspace.releases == root / "releases"
    assert workspace.roster_path == root / "keys" / "roster.yaml"


def test_state_and_tracking_may_lie_elsewhere(root: Path) -> None:
    write_bytes(root / "proofset.yaml", b"workspace: home\nstate: ../else\ntracking_uri: http://127.0.0.1:5000\n")
    workspace = Workspace(root)
    assert workspace.state.resolve() == (root.parent / "else").resolve()
    assert workspace.tracking_uri == "http://127.0.0.1:5000"


def test_names_cannot_leave_the_folder(root: Path) -> None:
    write_bytes(root / "secret.yaml", SPEC.encode())
    for name in ("../secret", "peple", "people.yaml"):
        with pytest.raises(SpecError, match="No dataset named"):
            Workspace(root).dataset(name)
    with pytest.raises(SpecError, match=r"No policy named 'sharng'.*\n.*Did you mean 'sharing'"):
        Workspace(root).policy("sharng")


def test_names_and_files_must_agree(root: Path) -> None:
    write_bytes(root / "datasets" / "others.yaml", SPEC.encode())
    write_bytes(root / "policies" / "loose.yaml", POLICY.encode())
    with pytest.raises(SpecError, match="found 'people'"):
        Workspace(root).dataset("others")
    with pytest.raises(SpecError, match="found 'sharing'"):
        Workspace(root).policy("loose")


def test_a_policy_must_cover_the_purpose(root: Path) -> None:
    write_bytes(root / "policies" / "sharing.yaml", POLICY.replace("[sharing]", "[test_data]").encode())
    workspace = Workspace(root)
    with pytest.raises(SpecError, match="not for purpose 'sharing'"):
        workspace.policy_for(workspace.dataset("people"))


def _hold(root: Path, held: object, free: object) -> None:
    with Workspace(root).lock("x"):
        held.set()
        free.wait(20)


def test_a_lock_keeps_other_processes_out(root: Path) -> None:
    context = multiprocessing.get_context("spawn")
    held, free = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(root, held, free))
    other.start()
    assert held.wait(30)
    with pytest.raises(filelock.Timeout), filelock.FileLock(root / ".proofset" / "locks" / "x.lock", timeout=0.1):
        pass
    free.set()
    with Workspace(root).lock("x"):
        other.join(20)
    assert other.exitcode == 0


def test_a_file_is_whole_or_absent(tmp_path: Path) -> None:
    path = tmp_path / "a" / "f.json"
    write_json(path, {"b": 1}, private=True)
    assert path.read_bytes() == b'{"b":1}'
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(TypeError):
        write_bytes(path, "not bytes")  # type: ignore[arg-type]
    assert path.read_bytes() == b'{"b":1}'
    assert [p.name for p in path.parent.iterdir()] == ["f.json"]


def test_a_folder_is_whole_or_absent(tmp_path: Path) -> None:
    target = tmp_path / "r"
    with pytest.raises(RuntimeError, match="killed"), whole_folder(target) as folder:
        write_bytes(folder / "half", b"x")
        raise RuntimeError("killed")
    assert list(tmp_path.iterdir()) == []
    with whole_folder(target) as folder:
        write_bytes(folder / "all", b"x")
    assert [p.name for p in target.iterdir()] == ["all"]
    with pytest.raises(WorkspaceError, match="exists already"), whole_folder(target):
        pass


def test_a_folder_is_staged_elsewhere_and_leftovers_go(tmp_path: Path) -> None:
    staging = tmp_path / "private"
    for left in (".part-r-abcd1234", ".part-other-abcd1234"):
        make_dir(staging / left)
    with whole_folder(tmp_path / "public" / "r", staging) as folder:
        assert folder.parent == staging
        write_bytes(folder / "all", b"x")
    assert sorted(p.name for p in staging.iterdir()) == [".part-other-abcd1234"]
    assert stat.S_IMODE(staging.stat().st_mode) == 0o700
    discard(tmp_path / "public" / "r")
    discard(tmp_path / "public" / "r")
    assert list((tmp_path / "public").iterdir()) == []


def test_a_folder_that_cannot_be_put_in_place_leaves_nothing(tmp_path: Path) -> None:
    target = tmp_path / "public" / "r"
    with pytest.raises(WorkspaceError, match="cannot be put in its place"), whole_folder(target) as folder:
        write_bytes(folder / "all", b"x")
        write_bytes(target / "somebody" / "was faster", b"x")
    assert [p.name for p in target.parent.iterdir()] == ["r"]


def test_folders_that_cannot_be_written(tmp_path: Path) -> None:
    # A file in the folder's place refuses everybody, root included.
    (tmp_path / "state").write_text("a file")
    with pytest.raises(WorkspaceError, match="Cannot write in the folder"):
        write_bytes(tmp_path / "state" / "x", b"")
    with pytest.raises(WorkspaceError, match="Give yourself write permission"):
        make_dir(tmp_path / "state" / "deeper")


def test_parquet_bytes_depend_on_the_content_alone() -> None:
    table = pa.table({"a": [1, 2, 3], "b": ["x", None, "z"]})
    again = pa.concat_tables([table.slice(0, 1), table.slice(1)]).replace_schema_metadata({"by": "me"})
    assert parquet_bytes(table) == parquet_bytes(again)
