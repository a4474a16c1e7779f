"""Policies on the command line: packs, checks, explanations, and replays of a real workspace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from home import command
from rich.console import Console

from orchestration.chain import Chain, ledger
from orchestration.cli import app
from orchestration.cli.policy_screens import print_replay
from orchestration.policies import Change, Replayed, add_pack, packs
from orchestration.policy_check import check_policy, measure_cards, require_sound, unsound
from orchestration.scaffold import make_workspace as make_empty
from orchestration.states import decision, find, objections
from orchestration.steps import FUNCTIONS
from proofset.errors import SpecError, UnknownNameError
from proofset.evidence import Direction
from proofset.policy import Policy
from proofset.spec import Purpose
from proofset.workspace import Workspace
from quality.base import MeasureCard

Answer = Callable[..., tuple[int, Any]]
Capture = pytest.CaptureFixture[str]
TODAY = date(2026, 3, 1)


# --- packs


def test_every_purpose_has_a_sound_pack_with_reasons_and_sources() -> None:
    cards = measure_cards()
    known = packs()
    assert set(known) == set(Purpose)
    for purpose, policy in known.items():
        assert (policy.policy, policy.purposes) == (purpose.value, (purpose,))
        assert check_policy(policy, cards, known, TODAY) == []
        for requirement in policy.requirements:
            assert requirement.why.endswith(".")
            assert requirement.source
        assert {"privacy.membership_auc", "privacy.exact_copy_rate", "privacy.singling_out_risk"} <= {
            r.measure for r in policy.requirements if r.severity == "block"
        }
    strict = {r.measure: r.amount for r in known[Purpose.PUBLIC_RELEASE].requirements}
    for purpose, policy in known.items():
        for requirement in policy.requirements:
            if requirement.measure.startswith("privacy.") and requirement.at_most:
                assert strict.get(requirement.measure, 0) <= requirement.amount, (purpose, requirement.measure)


def test_a_pack_is_added_once(tmp_path: Path) -> None:
    make_empty(tmp_path / "new")
    workspace = Workspace(tmp_path / "new")
    assert workspace.policy_names() == []
    assert command(workspace, "policy", "add", "ml_training") == 0
    assert workspace.policy("ml_training") == packs()[Purpose.ML_TRAINING]
    with pytest.raises(SpecError, match="exists already"):
        add_pack(workspace.root, "ml_training")
    with pytest.raises(UnknownNameError, match="Did you mean 'analytics'"):
        add_pack(workspace.root, "analytcs")


def test_the_list_shows_packs_and_the_workspaces_own(
    fresh: Workspace, tmp_path: Path, answer: Answer, capsys: Capture
) -> None:
    assert command(fresh, "policy", "list") == 0
    text = capsys.readouterr().out
    assert "In this workspace" in text
    assert all(p.value in text for p in Purpose)
    code, told = answer(fresh, "policy", "list")
    assert (code, len(told["packs"]), list(told["workspace"])) == (0, len(Purpose), ["sharing"])
    capsys.readouterr()
    assert command(tmp_path, "policy", "list") == 0
    assert "In this workspace" not in capsys.readouterr().out


def test_a_new_workspace_gets_the_pack_of_its_purpose(tmp_path: Path, capsys: Capture) -> None:
    table = tmp_path / "visits.csv"
    table.write_text("spend,town\n" + "".join(f"{i % 17},{'ab'[i % 2]}\n" for i in range(200)))
    words = ["init", str(tmp_path / "ws"), "--table", str(table), "--owner", "a@x.org", "--lawful-basis", "consent"]
    assert app.run([*words, "--purpose", "evaluation"]) == 0
    workspace = Workspace(tmp_path / "ws")
    assert workspace.policy_names() == ["evaluation"]
    spec = workspace.dataset("visits")
    assert (spec.purpose, spec.policy) == (Purpose.EVALUATION, "evaluation")
    assert workspace.policy_for(spec).policy == "evaluation"
    capsys.readouterr()
    assert app.run([*words, "--purpose", "nothing"]) == 2


# --- checks


def a_policy(require: list[dict[str, Any]], **more: Any) -> Policy:
    fields = {"policy": "p", "purposes": ["sharing"], "approvals": {"required": 1}, "expires_after_days": 9} | more
    return Policy.model_validate(fields | {"require": [{"why": "w"} | r for r in require]})


CARDS = {
    name: MeasureCard(name, name, direction, "", "", gates=gates)
    for name, direction, gates in [
        ("a.error", Direction.LOWER, True), ("a.score", Direction.HIGHER, True), ("a.shown", Direction.LOWER, False),
    ]
}  # fmt: skip


def problems(policy: Policy) -> list[tuple[str, str, str]]:
    known = {Purpose.SHARING: a_policy([{"measure": "a.error", "max": 0.5}])}
    return [(p.level, p.place, p.text) for p in check_policy(policy, CARDS, known, TODAY)]


@pytest.mark.parametrize(
    ("require", "told"),
    [
        ({"measure": "a.eror", "max": 0.5}, "no measure is called 'a.eror'. Did you mean 'a.error'?"),
        ({"measure": "a.shown", "max": 0.5}, "'a.shown' is a warning, which no policy may ask for"),
        ({"measure": "a.score", "min": 1.1}, "cannot be met: the measure lies between 0 and 1"),
        ({"measure": "a.error", "max": -0.1}, "cannot be met: the measure lies between 0 and 1"),
        ({"measure": "a.score", "min": 0}, "demands nothing: it lies between 0 and 1 anyway"),
        ({"measure": "a.error", "max": 1}, "demands nothing: it lies between 0 and 1 anyway"),
        ({"measure": "a.score", "max": 0.5}, "higher is better, so this limit refuses the better tables"),
        ({"measure": "a.error", "max_excess": 1}, "demands nothing: no two values are further apart than 1"),
        ({"measure": "a.score", "min_ratio": 0}, "demands nothing: a share of 0 of the reference"),
        ({"measure": "a.error", "min_ratio": 0.5}, "lower is better, so this limit refuses the better tables"),
    ],
)
def test_what_cannot_be_measured_or_means_nothing_is_refused(require: dict[str, Any], told: str) -> None:
    found = problems(
        a_policy([{"measure": "a.error", "max": 0.5, "end": "value"}, {"any_of": [{"why": "w"} | require]}])
    )
    assert ("error", told) in [(level, text) for level, _, text in found]
    assert problems(a_policy([{"measure": "a.error", "max": 0.5}])) == []


def test_limits_that_exclude_each_other_are_refused() -> None:
    found = problems(a_policy([{"measure": "a.error", "max": 0.2}, {"measure": "a.error", "min": 0.3}]))
    assert ("error", "a_error_min", "contradicts a_error_max: nothing is both ≥ 0.3 and ≤ 0.2") in found


@pytest.mark.parametrize(
    ("waiver", "level", "told"),
    [
        ({"measure": "a.error", "until": "2026-02-28"}, "error", "ended on 2026-02-28"),
        ({"measure": "a.error", "until": "2026-03-01"}, "note", "ends on 2026-03-01"),
        ({"measure": "a.score", "until": "2027-01-01"}, "error", "the policy asks for nothing of this name"),
        ({"check": "a_error_mx", "until": "2027-01-01"}, "error", "Did you mean 'a_error_max'?"),
        ({"check": "validation_suite", "until": "2027-01-01"}, "", ""),
        ({"check": "generations", "until": "2027-01-01"}, "", ""),
    ],
)
def test_waivers_are_checked(waiver: dict[str, str], level: str, told: str) -> None:
    given = {"why": "w", "by": "ada"} | waiver
    found = problems(a_policy([{"measure": "a.error", "max": 0.5}], waivers=[given], forbid={"max_generations": 1}))
    assert [(lv, told in text) for lv, _, text in found] == ([(level, True)] if level else [])


def test_notes_stop_nothing() -> None:
    bare = a_policy([{"measure": "a.score", "min": 0.5, "why": ""}], purposes=["sharing", "simulation"],
                    expires_after_days=None)  # fmt: skip
    found = problems(bare)
    assert {level for level, _, _ in found} == {"note"}
    assert [text for _, _, text in found] == [
        "says no `why`; a reader cannot tell whether the limit fits",
        "the platform's pack also asks for a.error",
        "the platform has no pack to compare with",
        "releases under this policy are good without end",
    ]


@pytest.mark.parametrize(
    ("change", "code", "told"),
    [
        (("", ""), 0, "Sound"),
        (("fidelity.pair_error", "fidelity.pair_eror"), 1, "Did you mean 'fidelity.pair_error'"),
        (("max: 0.2", "mx: 0.2"), 2, "Did you mean 'max'"),
    ],
)
def test_check_exits_as_it_finds(
    change: tuple[str, str], code: int, told: str, fresh: Workspace, answer: Answer, capsys: Capture
) -> None:
    path = fresh.root / "policies" / "sharing.yaml"
    path.write_text(path.read_text().replace(*change, 1))
    for named in ("sharing", "policies/sharing.yaml", str(path)):
        assert command(fresh, "policy", "check", named) == code
        said = capsys.readouterr()
        assert told in " ".join((said.out + said.err).split())
    if code < 2:
        exit_code, found = answer(fresh, "policy", "check", "sharing")
        assert (exit_code, found["sound"]) == (code, code == 0)
    assert command(fresh, "policy", "check", "nowhere.yaml") == 2
    assert command(fresh, "policy", "check", "sharng") == 2


UNSOUND = ("fidelity.pair_error, max: 0.3", "fidelity.pair_error, max: 1")
DEMANDS_NOTHING = "fidelity_pair_error_max: demands nothing: it lies between 0 and 1 anyway"


def test_a_policy_that_is_not_sound_binds_nobody(fresh: Workspace, capsys: Capture) -> None:
    path = fresh.root / "policies" / "sharing.yaml"
    path.write_text(path.read_text().replace(*UNSOUND))
    for words in (("plan", "people"), ("run", "people")):
        assert command(fresh, *words) == 2
        assert f"policy 'sharing': {DEMANDS_NOTHING}" in " ".join(capsys.readouterr().err.split())
    assert not (fresh.state / "tables").exists()  # it was told before anything started
    chain = Chain.open(fresh, "people")
    chain.require_fresh = lambda: None  # type: ignore[method-assign]
    with pytest.raises(SpecError, match="demands nothing"):
        FUNCTIONS["verdict"](chain)


def test_a_waiver_that_has_ended_makes_no_policy_unsound() -> None:
    ended = {"measure": "fidelity.pair_error", "why": "w", "by": "ada", "until": "2020-01-01"}
    about_nothing = ended | {"measure": "fidelity.shape_error"}
    require = [{"measure": "fidelity.pair_error", "max": 0.3}]
    assert unsound(a_policy(require, waivers=[ended])) == ()
    require_sound(a_policy(require, waivers=[ended]))
    (told,) = unsound(a_policy(require, waivers=[about_nothing]))
    assert told.startswith("waiver of fidelity.shape_error: the policy asks for nothing of this name.")


@pytest.mark.slow
def test_a_candidate_under_a_policy_that_is_not_sound_is_not_released(
    workspace: Workspace, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as one that was judged and signed before its demand lost its meaning."""
    for person in ("ada", "grace"):
        assert command(workspace, "approve", "people", "--as", person) == 0
    assert decision(workspace, find(workspace, "people")[0].digest).allowed
    plain = measure_cards()
    narrow = {name: replace(c, ceiling=0.3) if name == "fidelity.pair_error" else c for name, c in plain.items()}
    monkeypatch.setattr("orchestration.policy_check.measure_cards", lambda: narrow)
    told = "the policy is not sound, fidelity_pair_error_max: demands nothing: it lies between 0 and 0.3 anyway"
    capsys.readouterr()
    assert command(workspace, "release", "people") == 1
    assert told in " ".join(capsys.readouterr().err.split())
    assert not list(workspace.releases.glob("people/*"))
    (denial,) = ledger(workspace).entries("denial")
    assert denial.body["reasons"] == [told]
    assert decision(workspace, denial.subject).reasons == (told,)
    (workspace.root / "policies" / "sharing.yaml").write_text("policy: [")
    assert objections(workspace, "people") == ()  # the gate says it


# --- screens


def test_names_from_files_are_shown_as_they_are() -> None:
    """A name that reads like the screen's own marks is neither taken for one nor breaks the screen."""
    from io import StringIO

    out = StringIO()
    odd = "[/bold] [red]x"
    change = Change(odd, odd, "pass", "fail", odd, blocks=True)
    row = Replayed("a" * 64, odd, "sharing", "2026-03-01", True, odd, "pass", "fail", changes=(change,))
    print_replay(Console(file=out, width=200), packs()[Purpose.SHARING], [row])
    assert out.getvalue().count(odd) == 5


def test_an_empty_workspace_has_nothing_to_replay(fresh: Workspace, capsys: Capture) -> None:
    assert command(fresh, "policy", "replay", "sharing") == 0
    assert "No candidates yet" in capsys.readouterr().out


@pytest.mark.parametrize("width", [60, 80, 140])
def test_a_replay_fits_its_terminal(width: int) -> None:
    from io import StringIO

    out = StringIO()
    rows = [Replayed("a" * 64, "some_long_dataset_name", "sharing", "2026-03-01", False, "sharing 1", "pass", "review"),
            Replayed("b" * 64, "x", "sharing", "2026-03-01", True, "sharing 1", "pass",
                     unsaid="the evidence is gone")]  # fmt: skip
    print_replay(Console(file=out, width=width), packs()[Purpose.SHARING], rows)
    assert max(map(len, out.getvalue().splitlines())) <= width
    assert "2 candidates: 0 unchanged, 1 from pass to review, 1 not judged." in " ".join(out.getvalue().split())
