"""Commands of the ledger: check, witness, proof, log."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestration.cli.common import Json, console, opened, print_json
from proofset.errors import EXIT_DONE, DeniedError, LedgerError, UnknownNameError, WorkspaceError

if TYPE_CHECKING:
    from lineage.entry import Entry
    from lineage.ledger import Ledger
    from lineage.signing import Signer
    from proofset.workspace import Workspace

MIN_DIGITS = 6

ledger = typer.Typer(help="The append-only log of everything that happened.", no_args_is_help=True)

Out = Annotated[Path | None, typer.Option("--out", help="The file to write; printed where none is named.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(ledger, name="ledger")


@ledger.command("check")
def check(
    ctx: typer.Context,
    against: Annotated[
        Path | None, typer.Option("--against", help="A checkpoint kept elsewhere, from `ledger witness`.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Check every entry, stored hash and signature. Exits 2, and names the entry, where one does not hold."""
    book = _open(opened(ctx))
    entries = book.verify()
    if not entries:
        if against is not None:
            raise LedgerError(
                "The ledger has no entry, so no checkpoint can be of it.", fix="Name the right workspace."
            )
        if as_json:
            print_json({"entries": 0, "holds": True})
        else:
            console.print("The ledger has no entry yet.")
        return EXIT_DONE
    head, key = book.head, book.vkey
    kept = _held_against(book, _read(against)) if against is not None else None
    if as_json:
        said: dict[str, Any] = {"entries": entries, "root": head.root, "key": key, "holds": True}
        print_json(said | ({"continues": kept} if kept is not None else {}))
        return EXIT_DONE
    console.print(f"[green]✓[/green] {entries} entries, each as it was signed")
    console.print(f"  root  {head.root}", soft_wrap=True)
    console.print(f"  key   {key}", markup=False, soft_wrap=True)
    if kept is not None:
        console.print(f"[green]✓[/green] continues the checkpoint of {kept} entries")
    return EXIT_DONE


@ledger.command("witness")
def witness(
    ctx: typer.Context,
    out: Out = None,
    as_name: Annotated[
        str | None, typer.Option("--as", help="Cosign as this witness; with a person's id, with their key.")
    ] = None,
    key: Annotated[str | None, typer.Option("--key", help="The witness's key: file:PATH, env:NAME or a path.")] = None,
    as_json: Json = False,
) -> int:
    """Write the newest checkpoint, to be kept where nobody of this platform can change it."""
    from lineage.checkpoint import COSIGNATURE, VerifierKey, cosign

    workspace = opened(ctx)
    book = _open(workspace)
    note = book.checkpoint()
    head, witness_key = book.head, None
    if key is not None and as_name is None:
        raise WorkspaceError("A key alone does not name its witness.", fix="Add --as NAME.")
    if as_name is not None:
        signer = _witness_key(workspace, as_name, key)
        note = cosign(note, as_name, signer, datetime.now(UTC))
        witness_key = str(VerifierKey(as_name, signer.public, COSIGNATURE))
    if out is not None:
        _write(out, note.encode())
    if as_json:
        print_json({"checkpoint": note, "entries": head.size, "key": book.vkey, "witness_key": witness_key})
    elif out is None:
        typer.echo(note, nl=False)
    else:
        console.print(f"[green]✓[/green] Checkpoint of {head.size} entries in {out}", soft_wrap=True)
        if witness_key is not None:
            console.print(f"  witness key {witness_key}", markup=False, soft_wrap=True)
        console.print(f"Later: proofset ledger check --against {out}", style="dim", markup=False, soft_wrap=True)
    return EXIT_DONE


@ledger.command("proof")
def proof(
    ctx: typer.Context,
    ref: Annotated[str, typer.Argument(help="Number of an entry, or first digits of its hash or subject.")],
    out: Out = None,
    as_json: Json = False,
) -> int:
    """Write the proof that an entry is in the log: anybody can check it with the ledger's key alone."""
    book = _open(opened(ctx))
    made = book.inclusion(_number(book, ref))
    signed = made.check(book.vkey)
    if out is not None:
        _write(out, made.to_bytes())
    if as_json:
        print_json({"proof": made.plain(), "key": book.vkey})
    elif out is None:
        typer.echo(made.to_bytes().decode())
    else:
        steps = len(made.path)
        console.print(
            f"[green]✓[/green] Entry {made.entry.seq} of {signed.size} ({made.entry.kind}) by {steps} hashes: {out}",
            soft_wrap=True,
        )
        console.print(f"  key   {book.vkey}", markup=False, soft_wrap=True)
    return EXIT_DONE


@ledger.command("log")
def log(
    ctx: typer.Context,
    kind: Annotated[str | None, typer.Option("--kind", help="Only entries of this kind.")] = None,
    since: Annotated[str | None, typer.Option("--since", help="Only entries from this day on: 2026-01-31.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many, the newest.")] = 50,
    as_json: Json = False,
) -> int:
    """List the entries, oldest first, after checking the log."""
    book = _open(opened(ctx))
    found = book.entries(kind, since=_moment(since), last=limit)
    if as_json:
        print_json([entry.plain() for entry in found])
        return EXIT_DONE
    if not found:
        console.print("Nothing recorded." if kind is None else f"Nothing recorded of the kind '{kind}'.", markup=False)
        return EXIT_DONE
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for column in ("entry", "when (UTC)", "kind", "who", "about", "evidence", "policy"):
        table.add_column(column, overflow="fold", justify="right" if column == "entry" else "left")
    for entry in found:
        cells = (str(entry.seq), entry.at[:19].replace("T", " "), entry.kind, entry.actor or "–", _about(entry))
        table.add_row(*(Text(cell) for cell in (*cells, entry.evidence[:12] or "–", entry.policy[:12] or "–")))
    console.print(table)
    return EXIT_DONE


def _open(workspace: Workspace) -> Ledger:
    from lineage.ledger import open_ledger

    return open_ledger(workspace)


def _about(entry: Entry) -> str:
    """The subject, shortened where it is a digest, and the dataset where the entry names one."""
    short = entry.subject[:12] if re.fullmatch(r"[0-9a-f]{64}", entry.subject) else entry.subject
    candidate = entry.body.get("candidate")
    dataset = entry.body.get("dataset") or (candidate.get("dataset") if isinstance(candidate, dict) else None)
    return f"{dataset} {short}" if isinstance(dataset, str) and dataset != short else short


def _held_against(book: Ledger, note: str) -> int:
    """The size of a checkpoint that the ledger continues. Raises LedgerError where it does not."""
    from lineage.checkpoint import VerifierKey, unverified

    name, origin = VerifierKey.parse(book.vkey).name, unverified(note).origin
    try:
        return book.holds(note).size
    except DeniedError as error:
        if origin != name:
            why = f"It is of {origin}; this ledger is {name}."
        else:
            why = "The ledger has another key than when the checkpoint was made, or the checkpoint was changed."
        raise LedgerError(
            "The ledger does not continue the checkpoint: it was rewritten, or the checkpoint is of another ledger.",
            why=f"{why} {error.what}",
            fix="If the checkpoint is of this workspace and was kept safe, keep both as evidence and restore a backup.",
        ) from None


def _number(book: Ledger, ref: str) -> int:
    """The entry that `ref` names."""
    if re.fullmatch(r"[1-9][0-9]{0,15}", ref) and int(ref) <= book.head.size:
        return int(ref)
    if not re.fullmatch(rf"[0-9a-f]{{{MIN_DIGITS},64}}", ref):
        raise UnknownNameError(
            f"'{ref[:80]}' names no entry.",
            why=f"Give a number from 1 to {book.head.size}, or at least {MIN_DIGITS} digits of a hash or a subject.",
            fix="See `proofset ledger log`.",
        )
    found = [e for e in book.entries() if e.hash.startswith(ref) or e.subject.startswith(ref)]
    if len(found) == 1:
        return found[0].seq
    numbers = ", ".join(str(e.seq) for e in found[:20])
    raise UnknownNameError(
        f"'{ref}' names {'no entry' if not found else f'{len(found)} entries'}.",
        why=f"They are: {numbers}." if found else "",
        fix="Give the entry's number; see `proofset ledger log`.",
    )


def _moment(day: str | None) -> str:
    """The beginning of a day, UTC, as the ledger writes times."""
    from lineage.times import utc_text

    if day is None:
        return ""
    try:
        at = datetime.fromisoformat(day)
    except ValueError:
        raise WorkspaceError(
            f"--since: '{day[:40]}' is not a day.", fix="Write it as 2026-01-31, or 2026-01-31T09:30."
        ) from None
    return utc_text(at if at.tzinfo else at.replace(tzinfo=UTC))


def _witness_key(workspace: Workspace, name: str, key: str | None) -> Signer:
    """The key of somebody in the roster, or any key that is named: a witness need not be of this workspace."""
    from lineage.signers import signer_from
    from orchestration.keyring import PASSPHRASE, signer_of

    return signer_from(key, Path.cwd(), os.environ.get(PASSPHRASE)) if key else signer_of(workspace, name, None)


def _read(path: Path) -> str:
    try:
        if path.stat().st_size <= 64 * 1024:
            return path.read_bytes().decode()
        why = "It is too long for one."
    except (OSError, UnicodeDecodeError) as error:
        why = f"{type(error).__name__}."
    raise DeniedError(
        f"{path}: not a checkpoint that can be read.", why=why, fix="Name the file `ledger witness` wrote."
    )


def _write(path: Path, data: bytes) -> None:
    from proofset.files import write_bytes

    write_bytes(path, data)
