"""The chain: the same bytes everywhere, nothing done twice, a kill costs a step at most, stale evidence is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from home import SPEC, make_workspace, people

from orchestration.chain import STEPS, Chain
from orchestration.steps import FUNCTIONS
from proofset.errors import DeniedError, InternalError, SpecError, WorkspaceError
from proofset.workspace import Workspace

CHEAP = ("source", "profile", "split", "model", "synthetic")


def go(workspace: Workspace, *steps: str, **options: object) -> tuple[Chain, dict[str, str]]:
    chain = Chain.open(workspace, "people", **options)
    return chain, {step: chain.run(step).digest for step in steps}


def test_the_same_spec_source_and_seed_give_the_same_bytes_in_two_workspaces(tmp_path: Path) -> None:
    digests = [go(make_workspace(tmp_path / name, people(400)), *CHEAP)[1] for name in ("one", "two")]
    assert digests[0] == digests[1]
    other = make_workspace(tmp_path / "three", people(400), SPEC.replace("seed: 7", "seed: 8"))
    assert go(other, *CHEAP)[1]["synthetic"] != digests[0]["synthetic"]


def test_a_candidate_is_the_same_in_two_workspaces(workspace: Workspace, tmp_path: Path) -> None:
    first = Chain.open(workspace, "people").store.need("candidate").digest
    other = make_workspace(tmp_path / "other", people(1500))
    assert go(other, *STEPS)[1]["candidate"] == first


def test_what_did_not_change_is_not_done_again(fresh: Workspace) -> None:
    chain, first = go(fresh, *CHEAP)
    assert chain.made == set(CHEAP)
    chain, second = go(fresh, *CHEAP)
    assert (chain.made, second) == (set(), first)
    chain, third = go(fresh, *CHEAP, force=True)
    assert (chain.made, third) == (set(CHEAP), first)


@pytest.mark.parametrize(
    ("old", "new", "again"),
    [
        ("seed: 7", "seed: 8", {"split", "model", "synthetic"}),
        ("name: trees", "name: trees, rows: 50", {"synthetic"}),
        ("description: Age in years", "description: Years", set(CHEAP)),
        ("title: People", "title: Folk", set()),
    ],
)
def test_a_change_remakes_what_depends_on_it(fresh: Workspace, old: str, new: str, again: set[str]) -> None:
    go(fresh, *CHEAP)
    path = fresh.root / "datasets" / "people.yaml"
    path.write_text(path.read_text().replace(old, new))
    digests = go(fresh, *CHEAP)
    # Remaking a step with the same outcome does not remake what follows from it.
    assert digests[0].made >= again - {"split", "synthetic"} if again == set(CHEAP) else digests[0].made == again


def test_a_kill_between_artefact_and_note_costs_one_step(fresh: Workspace) -> None:
    _, first = go(fresh, *CHEAP)
    for step in CHEAP:
        (fresh.private / "steps" / "people" / f"{step}.json").unlink()
        chain, again = go(fresh, *CHEAP)
        assert (step in chain.made, again) == (True, first)


@pytest.mark.parametrize("text", ["", "{", '{"step": "model"}', "[]"])
def test_a_note_that_cannot_be_read_counts_as_none(fresh: Workspace, text: str) -> None:
    _, first = go(fresh, *CHEAP)
    (fresh.private / "steps" / "people" / "model.json").write_text(text)
    assert go(fresh, *CHEAP)[1] == first


def test_a_step_out_of_order_says_what_to_do(fresh: Workspace) -> None:
    with pytest.raises(WorkspaceError, match=r"step 'source' .* has made nothing yet[\s\S]*proofset run people"):
        go(fresh, "profile")


@pytest.mark.parametrize("damage", ["missing", "changed", "unreadable"])
def test_a_stored_table_is_checked_when_it_is_read(fresh: Workspace, damage: str) -> None:
    chain, digests = go(fresh, *CHEAP)
    path = chain.store.table_path(digests["synthetic"], private=False)
    if damage == "missing":
        path.unlink()
    elif damage == "changed":
        shutil.copy(fresh.root / "people.parquet", path)
    else:
        path.write_bytes(b"PAR1")
    with pytest.raises(WorkspaceError, match=f"stored table .* (is|was) {damage}"):
        chain.store.get_table(digests["synthetic"], private=False)


@pytest.mark.parametrize("what", ["source", "train", "synthetic", "model", "candidate"])
def test_what_was_damaged_is_made_again(workspace: Workspace, what: str) -> None:
    chain = Chain.open(workspace, "people")
    store, first = chain.store, chain.store.need("candidate").digest
    if what == "model":
        next(store.model_path(store.need("model").digest).glob("model-*")).unlink()
    elif what == "candidate":
        (next((workspace.state / "candidates" / "people").iterdir()) / "report.html").unlink()
    else:
        facts = store.need("split").facts if what == "train" else {what: store.need(what).digest}
        store.table_path(facts[what], private=what != "synthetic").write_bytes(b"junk")
    assert go(workspace, *STEPS)[1]["candidate"] == first


def test_a_synthetic_table_that_comes_back_as_a_source_is_recognised(workspace: Workspace) -> None:
    chain = Chain.open(workspace, "people")
    made = chain.store.table_path(chain.store.need("synthetic").digest, private=False)
    assert chain.store.need("source").facts["generations"] == 1
    spec = (workspace.root / "datasets" / "people.yaml").read_text()
    again = spec.replace("dataset: people", "dataset: again").replace("people.parquet", str(made))
    (workspace.root / "datasets" / "again.yaml").write_text(again)
    assert Chain.open(workspace, "again").run("source").facts["generations"] == 2


def test_evidence_about_other_bytes_makes_no_candidate(workspace: Workspace) -> None:
    path = workspace.private / "steps" / "people" / "scorecard.json"
    note = json.loads(path.read_bytes())
    note["facts"]["scorecard"]["synthetic_digest"] = "0" * 64
    path.write_text(json.dumps(note))
    chain = Chain.open(workspace, "people")
    chain.run("verdict")
    with pytest.raises(DeniedError):
        chain.run("record")


def test_a_defect_is_told_without_what_it_was_about(fresh: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(chain: Chain) -> None:
        raise ValueError("could not convert SECRET")

    monkeypatch.setitem(FUNCTIONS, "source", broken)
    with pytest.raises(InternalError, match="Step 'source' of dataset 'people' failed with ValueError") as told:
        go(fresh, "source")
    assert "SECRET" not in str(told.value)
    assert told.value.__cause__ is None


def test_a_dataset_without_a_source_is_refused(tmp_path: Path) -> None:
    bare = make_workspace(tmp_path / "bare", people(200), SPEC.replace("    path: people.parquet\n", ""))
    with pytest.raises(SpecError, match=r"tables.people.path: missing"):
        go(bare, "source")


def test_what_is_steered_is_another_model_and_is_in_its_provenance(fresh: Workspace) -> None:
    _, plain = go(fresh, *CHEAP)
    path = fresh.root / "datasets" / "people.yaml"
    spec = path.read_text()
    path.write_text(spec.replace("name: trees", "name: trees, steer: {where: {income: null}}"))
    chain, _ = go(fresh, "source", "profile", "split")
    assert chain.made == set()
    note = chain.run("model")
    assert "model" in chain.made
    assert note.inputs["steer"]["where"] == {"income": None}
    assert note.facts["options"]["steer"]["where"] == {"income": None}
    path.write_text(spec)
    chain, again = go(fresh, *CHEAP)
    assert "model" in chain.made
    assert again == plain
    assert "steer" not in chain.store.need("model").facts["options"]


def test_a_long_fit_gets_a_private_folder_for_its_state_which_goes_when_it_ends(
    fresh: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from generators.trees import LearnedTrees, Trees

    seen: list[Path] = []
    learn = Trees.learn

    def learning(self: Trees, *given: object, **more: object) -> LearnedTrees:
        assert self.checkpoints is not None
        assert self.checkpoints.stat().st_mode & 0o777 == 0o700
        (self.checkpoints / "state").write_text("half way")
        seen.append(self.checkpoints)
        if len(seen) == 1:
            raise KeyboardInterrupt
        assert list(self.checkpoints.iterdir()) == [self.checkpoints / "state"]
        return learn(self, *given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Trees, "learn", learning)
    with pytest.raises(KeyboardInterrupt):
        go(fresh, *CHEAP)
    assert (seen[0] / "state").exists()  # what was trained outlives the interruption
    go(fresh, *CHEAP)
    assert seen[0] == seen[1]
    assert seen[0].is_relative_to(fresh.private)
    assert not seen[0].exists()
