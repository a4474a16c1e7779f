"""Commands of people: keys, approve, reject."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.markup import escape

from orchestration.cli.common import Json, console, opened, print_json
from proofset.errors import EXIT_DONE, RosterError

if TYPE_CHECKING:
    from proofset.workspace import Workspace

Decided = Literal["approve", "reject"]

PASSPHRASE = "PROOFSET_KEY_PASSPHRASE"  # noqa: S105 - the variable's name, not a passphrase

Ref = Annotated[str, typer.Argument(help="Dataset, or first digits of a candidate's digest.", show_default=False)]
As = Annotated[str, typer.Option("--as", help="Your id in the roster.", show_default=False)]
KeyFile = Annotated[Path | None, typer.Option("--key", help="Your private key. Default: the one `keys new` made.")]
Comment = Annotated[str, typer.Option("--comment", help="A word on the decision; it is signed too.")]
Accept = Annotated[
    list[str] | None,
    typer.Option("--accept", help="A check to be reviewed that you accept; may be given several times."),
]

keys = typer.Typer(help="Keys people and the platform sign with.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(approve)
    app.command()(reject)
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


def approve(
    ctx: typer.Context,
    ref: Ref,
    person: As,
    key: KeyFile = None,
    comment: Comment = "",
    accept: Accept = None,
    as_json: Json = False,
) -> int:
    """Sign that this candidate, with this evidence, may be released."""
    return _decide(ctx, ref, person, key, comment, "approve", tuple(accept or ()), as_json=as_json)


def reject(
    ctx: typer.Context, ref: Ref, person: As, key: KeyFile = None, comment: Comment = "", as_json: Json = False
) -> int:
    """Sign that this candidate must not be released."""
    return _decide(ctx, ref, person, key, comment, "reject", (), as_json=as_json)


def make_key(workspace: Workspace, person: str, roles: list[str], name: str, email: str) -> tuple[Path, str]:
    """Make a key, write its private half and enter its public half in the roster."""
    from lineage.roster import add_key
    from lineage.signing import Signer

    path = key_path(workspace, person)
    signer = Signer.generate()
    signer.save(path, os.environ.get(PASSPHRASE))
    try:
        add_key(workspace.roster_path, person, name, email, tuple(roles), signer.public)
    except BaseException:
        path.unlink(missing_ok=True)  # a key nobody knows is of no use
        raise
    return path, signer.key_id


def key_path(workspace: Workspace, person: str) -> Path:
    """Where `keys new` keeps a person's private key."""
    return workspace.private / "keys" / f"{Path(person).name}.pem"


def sign_decision(
    workspace: Workspace,
    ref: str,
    person: str,
    key: Path | None,
    decision: Decided,
    comment: str,
    accepts: tuple[str, ...] = (),
) -> str:
    """Sign and record a decision; return the candidate's digest. accepts: checks to be reviewed that are accepted."""
    from lineage.release import approve as record
    from lineage.roster import read_roster
    from lineage.signing import Signer
    from orchestration.chain import ledger
    from orchestration.states import find
    from proofset.errors import did_you_mean

    roster = read_roster(workspace.roster_path)
    known = {p.id: p for p in roster.people}
    if person not in known:
        raise RosterError(
            f"'{person}' is not in the roster.{did_you_mean(person, known)}",
            why=f"It names: {', '.join(sorted(known))}.",
            fix="Use an id from the roster, or add a person with `proofset keys new`.",
        )
    signer = Signer.load(key or key_path(workspace, person), os.environ.get(PASSPHRASE))
    if signer.key_id not in {k.id for k in known[person].keys}:
        raise RosterError(
            f"The key is not one of {person}'s.",
            why=f"The roster lists other keys for {person}.",
            fix="Name your own key with --key, or sign as the person the key belongs to.",
        )
    candidate, _ = find(workspace, ref)
    record(workspace, ledger(workspace), candidate.digest, signer, decision, comment, accepts=accepts)
    return candidate.digest


def _decide(
    ctx: typer.Context,
    ref: str,
    person: str,
    key: Path | None,
    comment: str,
    decision: Decided,
    accepts: tuple[str, ...],
    *,
    as_json: bool,
) -> int:
    from orchestration.states import decision as where

    workspace = opened(ctx)
    digest = sign_decision(workspace, ref, person, key, decision, comment, accepts)
    now = where(workspace, digest)
    if as_json:
        print_json({"candidate": digest, "person": person, "decision": decision, "accepts": list(accepts),
                    "releasable": now.allowed, "missing": list(now.reasons)})  # fmt: skip
        return EXIT_DONE
    from orchestration.cli.screens import print_decision

    done = "approved" if decision == "approve" else "rejected"
    also = f", accepting {', '.join(accepts)}" if accepts else ""
    console.print(f"[green]✓[/green] {person} {done} candidate {digest[:12]}{also}")
    print_decision(now.allowed, now.reasons, title="Release")
    return EXIT_DONE
