"""Commands about keys: keys new, list, rotate, revoke."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from orchestration.cli.common import Json, console, opened, print_json
from orchestration.keyring import PASSPHRASE, key_path, member
from proofset.errors import EXIT_DONE

if TYPE_CHECKING:
    from proofset.workspace import Workspace

keys = typer.Typer(help="Keys people and the platform sign with.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(keys, name="keys")


@keys.command("new")
def new(
    ctx: typer.Context,
    person: Annotated[str, typer.Argument(help="Id of the person in the roster, e.g. ada.", show_default=False)],
    role: Annotated[list[str], typer.Option("--role", help="A role; may be given several times.", show_default=False)],
    name: Annotated[str, typer.Option("--name", help="Full name.", show_default=False)],
    email: Annotated[str, typer.Option("--email", help="E-mail address.", show_default=False)],
    as_json: Json = False,
) -> int:
    """Make an Ed25519 key and enter its public half, with name and roles, in the roster.

    The private half is written for your eyes only. Set PROOFSET_KEY_PASSPHRASE to encrypt it.
    """
    workspace = opened(ctx)
    path, key_id = make_key(workspace, person, role, name, email)
    if as_json:
        print_json({"person": person, "key": key_id, "private": str(path), "roster": str(workspace.roster_path)})
    else:
        console.print(f"[green]✓[/green] Key {key_id[:16]} of {escape(name)} ({escape(', '.join(role))})")
        console.print(f"  private: {path}  [dim](mode 0600; keep it to yourself)[/dim]", soft_wrap=True)
        console.print(f"  public:  {workspace.roster_path}", soft_wrap=True)
    return EXIT_DONE


@keys.command("list")
def list_(ctx: typer.Context, as_json: Json = False) -> int:
    """Show whose keys the roster lists, and for how long they count."""
    from lineage.roster import read_roster

    roster = read_roster(opened(ctx).roster_path)
    if as_json:
        print_json(roster.plain())
        return EXIT_DONE
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for column in ("person", "roles", "key", "from", "until", "state"):
        table.add_column(column, overflow="fold")
    now = datetime.now(UTC)
    for person in roster.people:
        for key in person.keys:
            flaw = key.flaw(now)
            state = (
                "[red]" + escape(flaw.removeprefix(f"its key {key.id[:12]} ")) + "[/red]"
                if flaw
                else "[green]good[/green]"
            )
            name = escape(person.id) + (" [dim](robot)[/dim]" if person.robot else "")
            until = key.revoked_at[:10] if key.revoked_at else key.valid_until or "–"
            table.add_row(name, escape(", ".join(person.roles)), key.id[:12], key.valid_from or key.added, until, state)
    console.print(table)
    return EXIT_DONE


@keys.command("rotate")
def rotate(
    ctx: typer.Context,
    person: Annotated[str, typer.Argument(help="Id of the person in the roster.", show_default=False)],
    as_json: Json = False,
) -> int:
    """Make a new key for somebody and let the old ones end today. What they signed stays valid.

    The old private key is kept beside the new one. For a key that may have fallen into other hands: keys revoke.
    """
    workspace = opened(ctx)
    path, key_id, ended = rotate_key(workspace, person)
    if as_json:
        print_json({"person": person, "key": key_id, "private": str(path), "ended": ended})
    else:
        console.print(
            f"[green]✓[/green] New key {key_id[:12]} of {escape(person)}; ended: {', '.join(k[:12] for k in ended)}"
        )
        console.print(f"  private: {path}  [dim](mode 0600)[/dim]", soft_wrap=True)
    return EXIT_DONE


@keys.command("revoke")
def revoke(
    ctx: typer.Context,
    key: Annotated[str, typer.Argument(help="First digits of the key's id.", show_default=False)],
    reason: Annotated[str, typer.Option("--reason", help="Why.", show_default=False)],
    by: Annotated[str, typer.Option("--by", help="Who revokes it.", show_default=False)],
    since: Annotated[
        datetime | None, typer.Option("--since", help="From when on (UTC); what it signed before stays. Default: now.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Withdraw a key: nothing it signs from then on counts, and releases that rest on such signatures are withdrawn."""
    from orchestration.cli.withdraw import withdraw

    return withdraw(ctx, "key", key, reason, by, since, as_json=as_json)


def make_key(workspace: Workspace, person: str, roles: list[str], name: str, email: str) -> tuple[Path, str]:
    """Make a key, write its private half and enter its public half in the roster."""
    from lineage.roster import add_key
    from lineage.signing import Signer

    path = key_path(workspace, person)
    signer = Signer.generate()
    signer.save(path, os.environ.get(PASSPHRASE))
    try:
        with workspace.lock("roster"):  # two edits at once would lose one, such as a revocation
            add_key(workspace.roster_path, person, name, email, tuple(roles), signer.public)
    except BaseException:
        path.unlink(missing_ok=True)  # a key nobody knows is of no use
        raise
    return path, signer.key_id


def rotate_key(workspace: Workspace, person: str) -> tuple[Path, str, list[str]]:
    """Make a person's new key; return its path and id, and the ids of the keys that end today."""
    from lineage.roster import add_key, end_keys, read_roster
    from lineage.signing import Signer

    with workspace.lock("roster"):
        listed = member(read_roster(workspace.roster_path), person)
        path, signer = key_path(workspace, person), Signer.generate()
        fresh = path.with_suffix(".new.pem")
        fresh.unlink(missing_ok=True)  # of an attempt that came to nothing
        signer.save(fresh, os.environ.get(PASSPHRASE))
        now = datetime.now(UTC)
        ended = [k.id for k in listed.keys if not k.flaw(now)]
        add_key(workspace.roster_path, person, listed.name, listed.email, listed.roles, signer.public)
        end_keys(workspace.roster_path, ended, now.date())
        if path.exists():
            path.replace(path.with_suffix(f".{now:%Y%m%dT%H%M%S}.pem"))
        fresh.replace(path)
    return path, signer.key_id, ended
