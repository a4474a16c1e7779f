"""The command identify, on a workspace that has gone the whole way and released."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from home import command, people

from orchestration.chain import Chain, ledger
from proofset.workspace import Workspace

Answer = Callable[..., tuple[int, Any]]


@pytest.fixture(scope="module")
def released_once(gone_once: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = Path(shutil.copytree(gone_once, tmp_path_factory.mktemp("released") / "home"))
    for person in ("ada", "grace"):
        assert command(root, "approve", "people", "--as", person) == 0
    assert command(root, "release", "people") == 0
    return root


@pytest.fixture
def released(released_once: Path, tmp_path: Path) -> Workspace:
    return Workspace(Path(shutil.copytree(released_once, tmp_path / "home")))


def frames(workspace: Workspace) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, str]:
    """The released table, the source, its holdout rows, and the candidate's digest."""
    chain = Chain.open(workspace, "people")
    store = chain.store
    tables = [(store.need("synthetic").digest, False), (store.need("source").digest, True)]
    tables.append((store.need("split").facts["holdout"], True))
    made, source, holdout = (store.get_table(d, private=p).to_pandas() for d, p in tables)
    return made, source, holdout, store.need("candidate").digest


def saved(frame: pd.DataFrame, path: Path) -> str:
    mixed = frame.sample(frac=1, random_state=2)[sorted(frame.columns)]
    if path.suffix == ".csv":
        mixed.to_csv(path, index=False)
    else:
        mixed.to_parquet(path)
    return str(path)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_twentieth_of_a_release_is_known(released: Workspace, answer: Answer, tmp_path: Path, ending: str) -> None:
    made, _, _, digest = frames(released)
    code, told = answer(released, "identify", saved(made.sample(frac=0.05, random_state=0), tmp_path / f"f.{ending}"))
    assert (code, told["verdict"]) == (0, "release")
    (match,) = told["matches"]
    assert (match["dataset"], match["candidates"], match["matched_by"]) == ("people", [digest], "rows")
    assert abs(match["share"] - 1) < 0.01
    assert match["states"] == {digest: {"state": "released", "why": []}}
    assert told["rows"] == told["looked_at"] == 50


def test_an_independent_table_of_the_same_schema_is_unknown(
    released: Workspace, answer: Answer, tmp_path: Path
) -> None:
    code, told = answer(released, "identify", saved(pd.DataFrame(people(900, seed=42)), tmp_path / "f.csv"))
    assert (code, told["verdict"], told["matches"]) == (1, "unknown", [])


def test_half_and_half_is_a_mixture(released: Workspace, answer: Answer, tmp_path: Path) -> None:
    made, source, holdout, digest = frames(released)
    half = pd.concat([made.sample(400, random_state=1), source.sample(400, random_state=1)])
    code, told = answer(released, "identify", saved(half, tmp_path / "f.csv"))
    assert (code, told["verdict"]) == (0, "mixture")
    shares = {m["what"]: m["share"] for m in told["matches"]}
    assert abs(shares["release"] - 0.5) < 0.02
    assert abs(shares["source"] - 0.5) < 0.02
    code, told = answer(released, "identify", saved(holdout.sample(200, random_state=1), tmp_path / "h.csv"))
    assert (code, told["verdict"], told["matches"][0]["share"]) == (0, "source", 1.0)
    assert digest in told["matches"][0]["candidates"]
    with_others = pd.concat([made.sample(400, random_state=1), pd.DataFrame(people(400, seed=43))])
    _, told = answer(released, "identify", saved(with_others, tmp_path / "o.csv"))
    assert told["verdict"] == "mixture"
    assert abs(told["matches"][0]["share"] - 0.5) < 0.02


def test_whole_files_are_known_by_their_digest(released: Workspace, answer: Answer, tmp_path: Path) -> None:
    folder = next((released.root / "releases" / "people").iterdir())
    code, told = answer(released, "identify", str(folder / "data" / "people.parquet"))
    assert (code, told["verdict"], told["matches"][0]["matched_by"]) == (0, "release", "digest of data/people.parquet")
    code, told = answer(released, "identify", str(folder / "report.html"))
    assert (code, told["matches"][0]["matched_by"]) == (0, "digest of report.html")
    rewritten = tmp_path / "again.parquet"
    pq.write_table(pq.read_table(folder / "data" / "people.parquet"), rewritten, compression="none")
    code, told = answer(released, "identify", str(rewritten))
    assert (code, told["matches"][0]["matched_by"]) == (0, "synthetic table")
    code, told = answer(released, "identify", str(released.root / "people.parquet"))
    assert (code, told["verdict"]) == (0, "source")


def test_a_seal_is_a_claim_and_rows_decide(released: Workspace, answer: Answer, tmp_path: Path) -> None:
    folder = next((released.root / "releases" / "people").iterdir())
    seal = pq.ParquetFile(folder / "data" / "people.parquet").metadata.metadata[b"proofset"]
    table = pa.Table.from_pandas(pd.DataFrame(people(300, seed=7)), preserve_index=False)
    with pq.ParquetWriter(tmp_path / "f.parquet", table.schema) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({b"proofset": seal})
    code, told = answer(released, "identify", str(tmp_path / "f.parquet"))
    assert (code, told["verdict"], told["says"]["dataset"]) == (1, "unknown", "people")


def test_the_screen_says_it_and_quotes_no_value(
    released: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made, source, _, digest = frames(released)
    path = saved(pd.concat([made.head(300), source.head(300)]), tmp_path / "f.csv")
    capsys.readouterr()
    assert command(released, "identify", path) == 0
    text = capsys.readouterr().out
    for words in ("put together from several tables", "600 rows", digest[:12], "released", "people"):
        assert words in text
    told = [v for v in source.head(300)["name"].to_list() + made.head(300)["email"].to_list() if str(v) in text]
    assert not told
    assert command(released, "identify", str(tmp_path / "none.csv")) == 2
    (tmp_path / "broken.csv").write_text("a,b\n1,2\n1,2,secret\n")
    capsys.readouterr()
    assert command(released, "identify", str(tmp_path / "broken.csv")) in (1, 2)
    assert "secret" not in "".join(capsys.readouterr())


def test_without_the_key_of_the_workspace_sketches_tell_nothing(released: Workspace) -> None:
    """Sketches carried to another workspace are refused there; none lies outside the private folder or in a release."""
    sketches = list(released.state.rglob("*.sketch"))
    assert sketches
    assert all(released.private in p.parents for p in sketches)
    assert not list((released.root / "releases").rglob("*.sketch"))
    key = (released.private / "fingerprint.key").read_bytes()
    for path in (p for p in (released.root / "releases").rglob("*") if p.is_file()):
        assert key not in path.read_bytes()
        assert key.hex() not in path.read_bytes().decode("latin-1")
    book = json.dumps([e.plain() for e in ledger(released).entries()])
    assert key.hex() not in book
