"""Commands about policies: list, add, check, explain, replay."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.cli.common import Json, console, opened, print_json
from proofset.errors import EXIT_DENIED, EXIT_DONE, RosterError, WorkspaceError

if TYPE_CHECKING:
    from datetime import date

    from lineage.candidate import CandidateFolder
    from proofset.policy import Policy
    from proofset.workspace import Workspace

File = Annotated[str, typer.Argument(help="Policy file, or a policy of the workspace by name.", show_default=False)]
Ref = Annotated[
    str, typer.Argument(help="Dataset, first digits of a candidate, or folder of a release.", show_default=False)
]

policies = typer.Typer(help="Policies: what a dataset must prove, and what they would have said.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(policies, name="policy")


@policies.command("list")
def listed(ctx: typer.Context, as_json: Json = False) -> int:
    """The packs that come with the platform, one for every purpose, and what the workspace has of its own."""
    from orchestration.cli.policy_screens import print_packs
    from orchestration.policies import packs

    known = {p.value: policy for p, policy in packs().items()}
    own = _own(ctx)
    if as_json:
        print_json({"packs": [p.plain() for p in known.values()], "workspace": {n: p.plain() for n, p in own.items()}})
    else:
        print_packs(console, known, own)
    return EXIT_DONE


@policies.command("add")
def add(
    ctx: typer.Context,
    pack: Annotated[str, typer.Argument(help="Name of the pack: a purpose.", show_default=False)],
    as_json: Json = False,
) -> int:
    """Copy a pack into the workspace, to be edited there."""
    from orchestration.policies import add_pack

    workspace = opened(ctx)
    path = add_pack(workspace.root, pack)
    if as_json:
        print_json({"policy": pack, "file": str(path)})
    else:
        console.print(f"[green]✓[/green] {workspace.relative(path)}")
    return EXIT_DONE


@policies.command("check")
def check(ctx: typer.Context, file: File, as_json: Json = False) -> int:
    """Whether a policy asks for what can be measured, and means something. Exits 1 where it does not."""
    from orchestration.cli.policy_screens import print_problems
    from orchestration.policies import packs
    from orchestration.policy_check import check_policy, measure_cards

    policy = _policy(ctx, file)
    problems = check_policy(policy, measure_cards(), packs(), _today())
    good = not any(p.level == "error" for p in problems)
    if as_json:
        told = [{"level": p.level, "place": p.place, "text": p.text} for p in problems]
        print_json({"policy": policy.policy, "version": policy.version, "digest": policy.digest, "sound": good,
                    "problems": told})  # fmt: skip
    else:
        print_problems(console, policy, problems)
    return EXIT_DONE if good else EXIT_DENIED


@policies.command("explain")
def explain(ctx: typer.Context, ref: Ref, as_json: Json = False) -> int:
    """What each demand says in words, what was observed, how it turned out, and why it is asked.

    A folder is checked against the workspace's roster first; where that fails or there is none, the answer says so.
    """
    from orchestration.cli.policy_screens import print_explained
    from orchestration.policy_words import explained

    parts, doubt = _evidence(ctx, ref)
    verdict = parts.judged(parts.policy, _today())
    rows = explained(parts.policy, verdict, parts.scorecard)
    if as_json:
        print_json(
            {
                "dataset": parts.candidate.dataset,
                "candidate": parts.candidate.digest,
                "policy": parts.policy.policy,
                "version": parts.policy.version,
                "policy_digest": parts.policy.digest,
                "not_verified": doubt,
                "outcome": verdict.outcome.value,
                "stored_outcome": parts.verdict.outcome.value,
                "demands": [row.plain() for row in rows],
            }
        )
    else:
        print_explained(console, parts, verdict, rows, doubt)
    return EXIT_DONE


@policies.command("replay")
def replayed(ctx: typer.Context, file: File, as_json: Json = False) -> int:
    """What a policy would have said of every candidate and release so far, from stored evidence; reads no table."""
    from orchestration.cli.policy_screens import print_replay
    from orchestration.policies import replay

    workspace, policy = opened(ctx), _policy(ctx, file)
    rows = replay(workspace, policy)
    if as_json:
        print_json(
            {
                "policy": policy.policy,
                "version": policy.version,
                "policy_digest": policy.digest,
                "candidates": [row.plain() for row in rows],
            }
        )
    else:
        print_replay(console, policy, rows)
    return EXIT_DONE


def _today() -> date:
    return datetime.now(UTC).date()


def _policy(ctx: typer.Context, file: str) -> Policy:
    """The policy of a file as named, of a file inside the workspace, or of a name in it."""
    from proofset.policy import Policy
    from proofset.reading import read_model

    base: Path = ctx.obj
    for path in (Path(file), base / file):
        if path.is_file():
            return read_model(path, Policy)
    if Path(file).suffix in (".yaml", ".yml"):
        return read_model(Path(file), Policy)
    return opened(ctx).policy(file)


def _own(ctx: typer.Context) -> dict[str, Policy]:
    """The workspace's policies by name; none outside of a workspace."""
    try:
        workspace: Workspace = opened(ctx)
    except WorkspaceError:
        return {}
    return {name: workspace.policy(name) for name in workspace.policy_names()}


def _evidence(ctx: typer.Context, ref: str) -> tuple[CandidateFolder, str]:
    """The evidence of a release's folder or of a recorded candidate, and why it is not verified, or "".

    Raises DeniedError where it was changed.
    """
    from lineage.candidate import MANIFEST, parse_evidence, read_candidate, read_manifest
    from orchestration.states import find

    base: Path = ctx.obj
    for folder in (Path(ref), base / ref):
        if (folder / MANIFEST).is_file():
            return parse_evidence(folder, read_manifest(folder)), _doubt(ctx, folder)
    workspace = opened(ctx)
    candidate, place = find(workspace, ref)
    return read_candidate(place, candidate), ""


def _doubt(ctx: typer.Context, folder: Path) -> str:
    """Why a folder is not one that people signed and the platform released, by the workspace's roster; or ""."""
    from lineage.roster import read_roster
    from lineage.verify import verify_release

    try:
        roster = read_roster(opened(ctx).roster_path)
    except (WorkspaceError, RosterError):
        return "there is no workspace with a roster to check signatures by"
    bad = [check for check in verify_release(folder, roster) if not check.ok]
    return "; ".join(f"{check.name}: {check.detail}" for check in bad)
