"""Commands of people: approve, reject."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from orchestration.cli.common import Json, console, opened, print_json
from orchestration.keyring import signer_of
from proofset.errors import EXIT_DONE

if TYPE_CHECKING:
    from proofset.workspace import Workspace

Decided = Literal["approve", "reject"]

Ref = Annotated[str, typer.Argument(help="Dataset, or first digits of a candidate's digest.", show_default=False)]
As = Annotated[str, typer.Option("--as", help="Your id in the roster.", show_default=False)]
KeyFile = Annotated[
    str | None,
    typer.Option("--key", help="Your private key: a file, env:NAME or pkcs11:… Default: the one `keys new` made."),
]
Comment = Annotated[str, typer.Option("--comment", help="A word on the decision; it is signed too.")]
Accept = Annotated[
    list[str] | None,
    typer.Option("--accept", help="A check to be reviewed that you accept; may be given several times."),
]
Condition = Annotated[
    list[str] | None,
    typer.Option("--condition", help="A condition you set; the passport repeats it. May be given several times."),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(approve)
    app.command()(reject)


def approve(
    ctx: typer.Context,
    ref: Ref,
    person: As,
    key: KeyFile = None,
    comment: Comment = "",
    accept: Accept = None,
    condition: Condition = None,
    as_json: Json = False,
) -> int:
    """Sign that this candidate, with this evidence, may be released."""
    more = (tuple(accept or ()), tuple(condition or ()))
    return _decide(ctx, ref, person, key, comment, "approve", *more, as_json=as_json)


def reject(
    ctx: typer.Context, ref: Ref, person: As, key: KeyFile = None, comment: Comment = "", as_json: Json = False
) -> int:
    """Sign that this candidate must not be released."""
    return _decide(ctx, ref, person, key, comment, "reject", (), (), as_json=as_json)


def sign_decision(
    workspace: Workspace,
    ref: str,
    person: str,
    key: str | None,
    decision: Decided,
    comment: str,
    accepts: tuple[str, ...] = (),
    conditions: tuple[str, ...] = (),
) -> str:
    """Sign and record a decision; return the candidate's digest.

    key: a path or URI; None for the file that `keys new` made.  accepts: checks to be reviewed that are accepted.
    """
    from lineage.release import approve as record
    from orchestration.chain import ledger
    from orchestration.states import find

    signer = signer_of(workspace, person, key)
    candidate, _ = find(workspace, ref)
    record(
        workspace,
        ledger(workspace),
        candidate.digest,
        signer,
        decision,
        comment,
        accepts=accepts,
        conditions=conditions,
    )
    return candidate.digest


def _decide(
    ctx: typer.Context,
    ref: str,
    person: str,
    key: str | None,
    comment: str,
    decision: Decided,
    accepts: tuple[str, ...],
    conditions: tuple[str, ...],
    *,
    as_json: bool,
) -> int:
    from orchestration.states import decision as where

    workspace = opened(ctx)
    digest = sign_decision(workspace, ref, person, key, decision, comment, accepts, conditions)
    now = where(workspace, digest)
    if as_json:
        said = {"person": person, "decision": decision, "accepts": list(accepts), "conditions": list(conditions)}
        print_json({"candidate": digest, **said, "releasable": now.allowed, "missing": list(now.reasons)})
        return EXIT_DONE
    from orchestration.cli.screens import print_decision

    done = "approved" if decision == "approve" else "rejected"
    also = f", accepting {', '.join(accepts)}" if accepts else ""
    console.print(f"[green]✓[/green] {person} {done} candidate {digest[:12]}{also}")
    print_decision(now.allowed, now.reasons, title="Release")
    return EXIT_DONE
