"""Tampering with the ledger's proof: forged checkpoints, paths that lead elsewhere, entries about something else.

The passport stays as the platform signed it, unless the attacker holds the platform's key as well.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from lineage.checkpoint import Checkpoint, VerifierKey, cosign, sign_checkpoint
from lineage.inclusion import Inclusion
from lineage.kinds import APPROVAL
from lineage.passport import INCLUSION
from lineage.signing import Signer
from proofset.digest import canonical
from tests.lineage.shop import NOW, another_ledger, named_ledger
from tests.lineage.tampering_cases import (
    Tamper,
    unproven,
)
from tests.lineage.tampering_world import World

PASSPORT_PAYLOAD = "application/vnd.in-toto+json"


def checkpoint(**fields: Any) -> Tamper:
    """The proof with a checkpoint that says something else, signed by a key of the attacker's own."""

    def forge(world: World) -> None:
        log = VerifierKey.parse(world.statement()["predicate"]["ledger_key"])
        proof = world.proof
        size, root = proof.checkpoint.split("\n")[1:3]
        real = {"origin": log.name, "size": int(size), "root": base64.b64decode(root).hex()}
        world.reprove(checkpoint=sign_checkpoint(Checkpoint.model_validate(real | fields), Signer.generate()))

    return forge


def noted(before: str, after: str) -> Tamper:
    """The note edited under its old signature."""
    return lambda w: w.reprove(checkpoint=w.proof.checkpoint.replace(before, after, 1))


def bumped(world: World) -> None:
    proof = world.proof
    note = proof.checkpoint.replace(f"\n{proof.size}\n", f"\n{proof.size + 1}\n")
    world.reprove(checkpoint=note, size=proof.size + 1)


def signature_gone(world: World) -> None:
    text, _, _ = world.proof.checkpoint.rpartition("\n\n")
    world.reprove(checkpoint=f"{text}\n\n")


def signed_twice(world: World) -> None:
    world.reprove(checkpoint=world.proof.checkpoint + world.proof.checkpoint.rpartition("\n\n")[2])


def witness_only(world: World) -> None:
    """The log's line replaced by a witness's."""
    note = cosign(world.proof.checkpoint, "witness.example", Signer.generate(), NOW)
    text, _, lines = note.rpartition("\n\n")
    world.reprove(checkpoint=f"{text}\n\n" + lines.split("\n")[1] + "\n")


def path(edit: Callable[[tuple[str, ...]], tuple[str, ...]]) -> Tamper:
    return lambda w: w.reprove(path=edit(w.proof.path))


def entry(hashed: bool = True, **fields: Any) -> Tamper:
    """The entry edited; hashed: its own hash made to fit."""

    def edit(world: World) -> None:
        made = world.proof.entry.model_copy(update=fields)
        if "body" in fields:
            made = made.model_copy(update={"body": world.proof.entry.body | fields["body"]})
        world.reprove(entry=made.model_copy(update={"hash": made.computed_hash()}) if hashed else made)

    return edit


def another_entry(world: World) -> None:
    """A true proof, of an approval of this release."""
    seq = world.place.ledger.entries(APPROVAL, world.candidate().digest)[0].seq
    world.change(INCLUSION, lambda _: world.place.ledger.inclusion(seq).to_bytes())


def another_log(world: World) -> None:
    """The attacker's ledger records the passport as it is; the passport names the platform's."""
    ledger = another_ledger()
    body = world.proof.entry.body
    made = ledger.append("release", world.candidate().digest, body)
    world.change(INCLUSION, lambda _: ledger.inclusion(made.seq).to_bytes())


def unpinned(world: World) -> None:
    """Passport and proof by the attacker's ledger, while the roster pins the platform's."""
    world.roster = world.roster.model_copy(update={"ledgers": (world.place.ledger.vkey,)})
    world.seal_again()


def own_key_inside(world: World) -> None:
    """The platform's ledger by name, with a key of the attacker's own in the passport."""
    key = VerifierKey(VerifierKey.parse(world.place.ledger.vkey).name, Signer.generate().public)
    world.seal_again(ledger_key=str(key))


def recorded_before(world: World) -> None:
    """An entry that is older than the state of the ledger that the passport names."""
    head = named_ledger()["ledger"]
    world.seal_again(ledger=head.model_copy(update={"size": head.size + 10**6}))


def plain_text(world: World) -> None:
    """Not a proof, but valid JSON and canonical."""
    world.path(INCLUSION).write_bytes(canonical({"entry": None, "path": [], "size": 0, "checkpoint": ""}))


def proof_of_other_size(world: World) -> None:
    proof: Inclusion = world.proof
    world.reprove(size=proof.size - 1)


PROOFS = (
    unproven("a checkpoint by another key", checkpoint(), "not signed by"),
    unproven("a forged root", checkpoint(root="0" * 64), "not signed by"),
    unproven("a forged size", checkpoint(size=99), "not signed by"),
    unproven("a checkpoint of another log", checkpoint(origin="proofset.dev/ledger/eve"), "another log"),
    unproven("a bumped size", bumped, "does not match"),
    unproven("a checkpoint with lines after the root", noted("\n\n", "\nmore\n\n"), "lines after the root"),
    unproven("a checkpoint without its signature", signature_gone, "no signatures"),
    unproven("a checkpoint signed twice", signed_twice, "signed twice"),
    unproven("a witness's line alone", witness_only, "not signed by"),
    unproven("an inclusion path cut", path(lambda p: p[:-1]), "does not lead"),
    unproven("an inclusion path made longer", path(lambda p: (*p, "0" * 64)), "does not lead"),
    unproven("an inclusion path in another order", path(lambda p: p[::-1]), "does not lead"),
    unproven("an inclusion path in capitals", path(lambda p: tuple(s.upper() for s in p)), "not spelled"),
    unproven("no inclusion path", path(lambda _: ()), "does not lead"),
    unproven("a proof for another size", proof_of_other_size, "its checkpoint for"),
    unproven("an entry moved", entry(seq=1), "does not lead"),
    unproven("an entry with a changed body", entry(body={"released_by": "eve"}), "does not lead"),
    unproven("an entry with a hash of another", entry(hashed=False, actor="eve"), "does not have the hash"),
    unproven("an entry by another hand", entry(actor="eve"), "does not lead"),
    unproven("an entry before the beginning", entry(seq=0)),
    unproven("an entry with a negative number", entry(seq=-5)),
    unproven("the proof of another entry", another_entry, "not about this release"),
    unproven("the proof of another ledger", another_log, "another log"),
    unproven("a ledger that the roster does not pin", unpinned, "roster does not list the ledger"),
    unproven("a ledger's name with another key", own_key_inside),
    unproven("an entry older than the passport", recorded_before, "older than the passport"),
    unproven("something else in the proof's place", plain_text, "not an intact inclusion proof"),
)
