"""Generations: synthetic data that comes back as a source is recognised, whole, cut or mixed, and limited."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from home import POLICY, SPEC, command, make_workspace, people

from orchestration.chain import Chain, ledger
from proofset.evidence import Provenance
from proofset.workspace import Workspace

Answer = Callable[..., tuple[int, Any]]

# So small a synthetic table of a synthetic table fails other limits; these tests are about where it comes from.
LOOSE = POLICY[: POLICY.index("require:")] + "require: [{measure: validity.ranges, min: 0.1}]\nsuite: false\n"
LOOSE += "approvals: {required: 1}\n"


def dataset(workspace: Workspace, name: str, table: pd.DataFrame, policy: str = "") -> None:
    """Add a dataset whose source is this table, shuffled, as CSV."""
    shuffled = table.sample(frac=1, random_state=1)[sorted(table.columns, reverse=True)]
    shuffled.to_csv(workspace.root / f"{name}.csv", index=False)
    spec = SPEC.replace("dataset: people", f"dataset: {name}").replace("people.parquet", f"{name}.csv")
    if policy:
        spec = spec.replace("policy: sharing", f"policy: {name}")
        text = LOOSE.replace("policy: sharing", f"policy: {name}") + policy
        (workspace.root / "policies" / f"{name}.yaml").write_text(text)
    (workspace.root / "datasets" / f"{name}.yaml").write_text(spec)


def synthetic(workspace: Workspace, name: str) -> pd.DataFrame:
    store = Chain.open(workspace, name).store
    frame: pd.DataFrame = store.get_table(store.need("synthetic").digest, private=False).to_pandas()
    return frame


def origin(workspace: Workspace, name: str) -> dict[str, Any]:
    facts: dict[str, Any] = Chain.open(workspace, name).run("source").facts
    return facts


def test_a_real_source_has_no_parents(workspace: Workspace) -> None:
    facts = Chain.open(workspace, "people").store.need("source").facts
    assert (facts["parents"], facts["real_share"], facts["generations"], facts["unclear"]) == ([], 1.0, 1, False)


def test_a_new_snapshot_of_a_real_source_stays_real(workspace: Workspace) -> None:
    """Also when it is taken by force, beside the candidate that was made from it."""
    more = pd.DataFrame(people(1800, seed=0))
    dataset(workspace, "newer", more)
    assert origin(workspace, "newer")["real_share"] == 1.0
    chain = Chain.open(workspace, "people", force=True)
    assert chain.run("source").facts["parents"] == []


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_part_of_a_synthetic_table_in_a_real_one_is_weighed(workspace: Workspace, share: float) -> None:
    made = synthetic(workspace, "people").sample(int(800 * share), random_state=3)
    real = pd.DataFrame(people(int(800 * (1 - share)), seed=9))
    dataset(workspace, "mixed", pd.concat([made, real]))
    facts = origin(workspace, "mixed")
    assert abs(facts["real_share"] - (1 - share)) < 0.011
    assert facts["generations"] == 2
    (parent,) = facts["parents"]
    assert parent["candidate"] == Chain.open(workspace, "people").store.need("candidate").digest
    assert parent["dataset"] == "people"


def test_fewer_columns_of_a_synthetic_table_are_recognised(workspace: Workspace) -> None:
    made = synthetic(workspace, "people")[["income", "age", "email", "churned"]]
    dataset(workspace, "fewer", made)
    assert (origin(workspace, "fewer")["real_share"], origin(workspace, "fewer")["generations"]) == (0.0, 2)


@pytest.mark.slow
def test_the_same_inputs_give_the_same_candidate_under_another_key(tmp_path: Path) -> None:
    """The key differs between two workspaces, and nothing of it gets into the evidence of real data."""
    made = []
    for name in ("one", "two"):
        workspace = make_workspace(tmp_path / name, people(400))
        assert command(workspace, "run", "people") in (0, 1)
        made.append((Chain.open(workspace, "people").store.need("candidate").digest,
                     (workspace.private / "fingerprint.key").read_bytes()))  # fmt: skip
    assert made[0][0] == made[1][0]
    assert made[0][1] != made[1][1]


def test_a_sketch_that_went_missing_is_made_again_and_changes_nothing(workspace: Workspace) -> None:
    chain = Chain.open(workspace, "people")
    before = chain.store.need("candidate").digest
    paths = list((workspace.private / "sketches").rglob("*.sketch"))
    assert {p.parent.name for p in paths} == {"source", "synthetic"}
    for path in paths:
        path.unlink()
    assert command(workspace, "run", "people") == 0
    assert Chain.open(workspace, "people").store.need("candidate").digest == before
    assert sorted((workspace.private / "sketches").rglob("*.sketch")) == sorted(paths)


def test_older_evidence_without_parents_keeps_its_digest(workspace: Workspace) -> None:
    chain = Chain.open(workspace, "people")
    folder = workspace.state / chain.store.need("candidate").facts["folder"]
    said = json.loads((folder / "evidence" / "provenance.json").read_bytes())
    assert said["real_share"] == 1.0
    assert "parents" not in said
    del said["real_share"]
    assert Provenance.model_validate(said).plain() == said


def test_a_lineage_that_contradicts_itself_cannot_be_stated(workspace: Workspace) -> None:
    chain = Chain.open(workspace, "people")
    folder = workspace.state / chain.store.need("candidate").facts["folder"]
    said = json.loads((folder / "evidence" / "provenance.json").read_bytes())
    parent = {"candidate": "a", "dataset": "b", "synthetic_digest": "c", "share": 0.5, "generations": 1}
    good = said | {"parents": [parent], "generations": 2, "real_share": 0.5}
    assert Provenance.model_validate(good).plain() == good
    for bad in ({"generations": 1}, {"real_share": 1.0}, {"real_share": None}):
        with pytest.raises(ValueError, match=r"generations|real"):
            Provenance.model_validate(good | bad)


@pytest.mark.slow
def test_three_generations_end_at_a_limit_and_are_walked_from_the_ledger(workspace: Workspace, answer: Answer) -> None:
    """Real -> synthetic -> synthetic of synthetic -> half of that and half real, refused by depth and by real share."""
    dataset(workspace, "second", synthetic(workspace, "people"), "forbid: {max_generations: 2}\n")
    _, second = answer(workspace, "run", "second")
    assert second["outcome"] == "pass"
    first = Chain.open(workspace, "people").store
    whole = first.table_path(first.need("synthetic").digest, private=False)
    _, told = answer(workspace, "identify", str(whole))
    assert told["verdict"] == "candidate"  # and not what it was used for later
    half = pd.concat([synthetic(workspace, "second").sample(400, random_state=0), pd.DataFrame(people(400, seed=5))])
    dataset(workspace, "third", half, "forbid: {max_generations: 2, min_real_share: 0.6}\n")
    code, third = answer(workspace, "run", "third")
    assert (code, third["outcome"]) == (1, "fail")
    refused = {f["check"]: f for f in third["verdict"]["findings"] if f["outcome"] == "fail"}
    assert set(refused) == {"generations", "real_share"}
    assert refused["generations"]["reason"] == "3 away from real data"
    assert refused["real_share"]["reason"].startswith("0.5 of the source")
    code, denied = answer(workspace, "release", "third")
    assert code == 1
    assert "generations" in denied["error"]["what"]

    entries = {e.body["candidate"]["dataset"]: e for e in ledger(workspace).entries("candidate")}
    code, gone = answer(workspace, "revoke", "source", "people", "--reason", "consent withdrawn", "--by", "ada")
    assert code == 0
    reasons = {one["dataset"]: one["reasons"][0] for one in gone}
    assert set(reasons) == {"people", "second", "third"}
    assert reasons["third"].startswith(f"it derives from second {entries['second'].subject[:12]}: the source people")
    code, hits = answer(workspace, "lookup", "third")
    assert (code, hits[0]["state"]) == (1, "revoked")
    code, denied = answer(workspace, "release", "second")
    assert code == 1
    assert "consent withdrawn" in denied["error"]["what"]
    deep = entries["third"].body["provenance"]
    assert (deep["generations"], deep["real_share"], deep["parents"][0]["share"]) == (3, 0.5, 0.5)


def test_rows_by_coincidence_make_no_parents(tmp_path: Path) -> None:
    """A narrow table of which real people share the rows: nothing is claimed, and the note says that it is unclear."""
    rng = np.random.default_rng(0)

    def narrow(rows: int, seed: int) -> dict[str, Any]:
        made = people(rows, seed)
        return {name: made[name] for name in ("city", "member", "churned")} | {"age": (np.asarray(made["age"]) // 30)}

    workspace = make_workspace(tmp_path / "narrow", narrow(800, 1), SPEC.replace("target: churned\n", "\n"))
    assert command(workspace, "run", "people") in (0, 1)
    fresh = narrow(500, 2)
    pq.write_table(pa.table(fresh).take(rng.permutation(500)), workspace.root / "fresh.parquet")
    spec = (workspace.root / "datasets" / "people.yaml").read_text()
    (workspace.root / "datasets" / "fresh.yaml").write_text(
        spec.replace("dataset: people", "dataset: fresh").replace("people.parquet", "fresh.parquet")
    )
    facts = origin(workspace, "fresh")
    assert (facts["parents"], facts["real_share"], facts["unclear"]) == ([], 1.0, True)
