"""Commands that look: status, show, lookup, verify, schema."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from orchestration.cli.common import Json, console, opened, print_json
from proofset.errors import EXIT_DENIED, EXIT_DONE, SourceError, unknown_name

if TYPE_CHECKING:
    from datetime import datetime

    from pydantic import BaseModel

    from lineage.revocation_list import RevocationList
    from lineage.roster import Roster
    from proofset.workspace import Workspace

Ref = Annotated[str, typer.Argument(help="Dataset, or first digits of a candidate's digest.", show_default=False)]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (status, show, verify, lookup, schema):
        app.command()(command)


def status(
    ctx: typer.Context,
    dataset: Annotated[str | None, typer.Argument(help="One dataset; all by default.")] = None,
    as_json: Json = False,
) -> int:
    """Where every dataset stands: newest candidate, verdict, what a release still needs."""
    workspace = opened(ctx)
    names = [workspace.dataset(dataset).dataset] if dataset else workspace.dataset_names()
    rows = [_standing(workspace, name) for name in names]
    if as_json:
        print_json(rows)
        return EXIT_DONE
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for column in ("dataset", "candidate", "verdict", "stage", "missing"):
        table.add_column(column, overflow="fold")
    from orchestration.cli.screens import outcome_text

    for row in rows:
        outcome = outcome_text(row["outcome"]) if row["outcome"] else Text("–")
        candidate = (row["candidate"] or "–")[:12]
        table.add_row(row["dataset"], candidate, outcome, row["stage"], Text("\n".join(row["missing"])))
    console.print(table if rows else "No datasets yet. Add datasets/NAME.yaml, or see `proofset init --help`.")
    return EXIT_DONE


def show(ctx: typer.Context, ref: Ref, as_json: Json = False) -> int:
    """The scorecard of a candidate, and whether it may be released."""
    from lineage.candidate import read_candidate
    from orchestration.cli.screens import print_decision, print_scorecard
    from orchestration.states import decision, find

    workspace = opened(ctx)
    candidate, folder = find(workspace, ref)
    held = read_candidate(folder, candidate)
    now = decision(workspace, candidate.digest)
    if as_json:
        print_json(
            {
                "dataset": candidate.dataset,
                "candidate": candidate.digest,
                "outcome": candidate.outcome.value,
                "provenance": held.provenance.plain(),
                "scorecard": held.scorecard.plain(),
                "verdict": held.verdict.plain(),
                "releasable": now.allowed,
                "missing": list(now.reasons),
                "folder": str(folder),
            }
        )
        return EXIT_DONE
    print_scorecard(candidate.dataset, held.scorecard, held.verdict)
    console.print()
    print_decision(now.allowed, now.reasons, title=f"Candidate {candidate.digest[:12]}")
    console.print(f"Report: {folder / 'report.html'}", soft_wrap=True)
    return EXIT_DONE


def verify(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Folder of the release.", show_default=False)],
    roster: Annotated[Path, typer.Option("--roster", help="The roster you trust.", show_default=False)],
    revocations: Annotated[
        Path | None, typer.Option("--revocations", help="A signed list of what was withdrawn; see `revocations`.")
    ] = None,
    online: Annotated[bool, typer.Option("--online", help="Also ask the workspace's ledger for revocations.")] = False,
    table: Annotated[
        bool, typer.Option("--table", help="Also read the table and recompute its digest; takes longer.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Check a release offline: every byte, signature, approval and the verdict. Exits 1 when anything is off."""
    from datetime import UTC, datetime

    from lineage.roster import read_roster
    from lineage.verify import verify_release

    base: Path = ctx.obj
    place, trusted, now = _here(folder, base), read_roster(_here(roster, base)), datetime.now(UTC)
    checks = verify_release(
        place,
        trusted,
        now,
        table=table,
        revocations=_listed(_here(revocations, base), trusted, now) if revocations else None,
        withdrawn=_withdrawn(ctx, place) if online else None,
    )
    good = bool(checks) and all(c.ok for c in checks)
    if as_json:
        print_json({"folder": str(folder), "verified": good, "checks": [c.plain() for c in checks]})
        return EXIT_DONE if good else EXIT_DENIED
    from orchestration.cli.screens import print_checks

    print_checks(checks)
    failed = sum(not c.ok for c in checks)
    if good:
        console.print(f"[bold green]Verified[/bold green]: all {len(checks)} checks hold.")
    else:
        console.print(f"[bold red]Not verified[/bold red]: {failed} of {len(checks)} checks failed. Do not use it.")
    return EXIT_DONE if good else EXIT_DENIED


def _listed(path: Path, roster: Roster, now: datetime) -> RevocationList:
    from lineage.revocation_list import read_list

    if not path.is_file():
        raise SourceError(f"There is no file {path}.", fix="Ask the publisher: `proofset revocations --out FILE`.")
    return read_list(path.read_bytes(), path.name, roster, now)


def _withdrawn(ctx: typer.Context, folder: Path) -> tuple[str, ...]:
    """What the workspace's ledger says of the release: its reasons, or that it knows of no such release.

    A release is known by its passport: another one of the same candidate may have been withdrawn before it was out.
    """
    from lineage.candidate import read_manifest
    from lineage.folders import read_regular
    from lineage.passport import PASSPORT
    from lineage.standing import passports, withdrawn
    from orchestration.chain import ledger
    from proofset.digest import sha256_bytes
    from proofset.errors import DeniedError

    book = ledger(opened(ctx))
    try:
        digest = read_manifest(folder).digest
    except DeniedError:
        return ()  # a check of its own says so
    gone = withdrawn(book).get(digest, ())
    known = sha256_bytes(read_regular(folder / PASSPORT) or b"") in passports(book, digest)
    return gone if gone or known else ("the ledger knows of no such release",)


def lookup(
    ctx: typer.Context,
    query: Annotated[str, typer.Argument(help="A dataset, a digest, or a file you hold.", show_default=False)],
    as_json: Json = False,
) -> int:
    """Say what a file, a digest or a name belongs to. Exits 1 when nothing is known of it, or it must not be used."""
    from lineage.lookup import lookup as search
    from orchestration.chain import ledger

    workspace = opened(ctx)
    hits = search(workspace, ledger(workspace), query)
    if as_json:
        print_json([h.plain() for h in hits])
    elif not hits:
        console.print(
            f"Nothing known of '{query}'. It did not come from this workspace, or it was changed.", markup=False
        )
    else:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
        for column in ("what", "dataset", "candidate", "purpose", "verdict", "released", "matched by"):
            table.add_column(column, overflow="fold")
        from orchestration.cli.screens import outcome_text

        for hit in hits:
            table.add_row(hit.kind, hit.dataset, (hit.candidate or "–")[:12], hit.purpose,
                          outcome_text(hit.outcome), _state(hit.state), hit.matched_by)  # fmt: skip
        console.print(table)
        for hit in (h for h in hits if h.why):
            console.print(
                Text(f"Do not use {hit.dataset} {hit.candidate[:12]}: {'; '.join(hit.why)}", style="bold red")
            )
    withdrawn = any(h.state in ("revoked", "expired") for h in hits)  # what several share is good if one of them is
    return EXIT_DONE if any(h.released for h in hits) or (hits and not withdrawn) else EXIT_DENIED


def _state(state: str) -> Text:
    """Whether what was found may be used."""
    style = {"released": "green", "superseded": "yellow", "expired": "red", "revoked": "bold red"}
    return Text(state or "no", style=style.get(state, ""))


def schemas() -> dict[str, type[BaseModel]]:
    """The files people write, and their models."""
    from lineage.roster import Roster
    from proofset.policy import Policy
    from proofset.spec import DatasetSpec
    from proofset.workspace import WorkspaceConfig

    return {"dataset": DatasetSpec, "policy": Policy, "roster": Roster, "workspace": WorkspaceConfig}


def schema(
    kind: Annotated[str, typer.Argument(help="dataset, policy, roster or workspace.")] = "dataset",
    as_json: Json = False,
) -> int:
    """Print the JSON Schema of a file, for editors."""
    known = schemas()
    if kind not in known:
        raise unknown_name("schema", kind, known)
    made = {"$schema": "https://json-schema.org/draft/2020-12/schema"} | known[kind].model_json_schema()
    print_json(made)  # a schema is JSON with and without --json
    return EXIT_DONE


def _here(path: Path, base: Path) -> Path:
    """A path as given, or inside the workspace named with --workspace."""
    return path if path.is_absolute() or path.exists() else base / path


def _standing(workspace: Workspace, name: str) -> dict[str, Any]:
    from lineage.states import State
    from orchestration.states import find, is_released, state_of
    from proofset.errors import ProofsetError, UnknownNameError

    row: dict[str, Any] = {"dataset": name, "candidate": None, "outcome": None, "stage": "no candidate", "missing": []}
    try:
        candidate, _ = find(workspace, name)
    except UnknownNameError:
        row["missing"] = [f"run it: proofset run {name}"]
        return row
    row |= {"candidate": candidate.digest, "outcome": candidate.outcome.value}
    try:
        state, why = state_of(workspace, candidate)
    except ProofsetError as error:
        return row | {"stage": "damaged", "missing": [error.what]}
    if state is State.RELEASED and not is_released(workspace, candidate):
        return row | {"stage": "damaged", "missing": ["its folder is gone; release it again"]}
    return row | {"stage": state.value, "missing": list(why)}
