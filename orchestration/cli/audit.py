"""The command for auditors: audit."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from orchestration.cli.common import Json, console, opened, print_json
from proofset.errors import EXIT_DENIED, EXIT_DONE, SpecError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(audit)


def audit(
    ctx: typer.Context,
    out: Annotated[Path, typer.Option("--out", help="The pack: a zip file that is not there yet.", show_default=False)],
    by: Annotated[str, typer.Option("--by", help="Who exports it: an id of the roster.", show_default=False)],
    ref: Annotated[
        str | None, typer.Argument(help="A release: its dataset, or first digits of its digest.", show_default=False)
    ] = None,
    dataset: Annotated[str | None, typer.Option("--dataset", help="Every release of a dataset.")] = None,
    source: Annotated[
        str | None, typer.Option("--source", help="Every release made from a source: a dataset's, or by its digest.")
    ] = None,
    since: Annotated[datetime | None, typer.Option("--since", help="Released on this day or later (UTC).")] = None,
    question: Annotated[str, typer.Option("--question", help="What the auditor wants to know, in words.")] = "",
    with_data: Annotated[bool, typer.Option("--with-data", help="Put the released tables in, too.")] = False,
    as_json: Json = False,
) -> int:
    """Export the evidence about releases for an auditor. The ledger remembers who did and for which question.

    Exits 1 where a release in the pack does not verify: it is included, and named as a finding.
    """
    from lineage.audit import audit as export
    from lineage.audit_manifest import Question
    from lineage.roster import read_roster
    from lineage.times import utc_text
    from orchestration.chain import ledger
    from orchestration.keyring import member, release_signer

    if len(question) > 500 or any(not c.isprintable() for c in question):
        raise SpecError(
            "--question: at most 500 characters on one line.", fix="Shorten it; a longer one belongs in a letter."
        )
    workspace = opened(ctx)
    roster = read_roster(workspace.roster_path)
    moment = since.replace(tzinfo=UTC) if since and since.tzinfo is None else since
    pack = export(
        workspace,
        ledger(workspace),
        Question(
            release=ref, dataset=dataset, source=source, since=utc_text(moment) if moment else None, asked=question
        ),
        out,
        roster,
        release_signer(workspace),
        member(roster, by).id,
        datetime.now(UTC),
        with_data=with_data,
    )
    bad = [one for one in pack.manifest.releases if one.findings]
    if as_json:
        releases = [one.plain() for one in pack.manifest.releases]
        print_json({"pack": str(out), "sha256": pack.digest, "entry": pack.entry.seq, "releases": releases})
        return EXIT_DENIED if bad else EXIT_DONE
    for one in pack.manifest.releases:
        mark = Text("✗", style="bold red") if one.findings else Text("✓", style="green")
        console.print(mark.append(Text(f" {one.dataset} {one.candidate[:12]}, {one.state}", style="default")))
        for finding in one.findings:
            console.print(Text(f"    {finding}", style="red"), soft_wrap=True)
    console.print(Text(f"{out}: {len(pack.manifest.files) + 1} files, SHA-256 {pack.digest}"), soft_wrap=True)
    console.print(Text(f"Ledger entry {pack.entry.seq}: exported by {by}", style="dim"), soft_wrap=True)
    leave = "" if with_data else " --without-data"
    console.print(
        Text(f"Check it elsewhere: unpack it, and run: python verify.py . --roster roster.json{leave}", style="dim"),
        soft_wrap=True,
    )
    return EXIT_DENIED if bad else EXIT_DONE
