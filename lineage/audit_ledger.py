"""What an audit pack holds of the ledger, so that it can be checked without the database.

key.txt               the ledger's verifier key
checkpoint.txt        the newest checkpoint, a signed note
entries/000012.json   an entry about these releases, with its inclusion proof under that very checkpoint
consistency/ID.json   that the ledger of today begins with the one the release's passport names
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lineage.audit_manifest import Packed
from lineage.candidate import SHORT
from lineage.checkpoint import unverified
from lineage.entry import Entry, Head
from lineage.kinds import CANDIDATE, RELEASE
from lineage.ledger import Ledger
from lineage.passport import Passport
from proofset.digest import canonical
from proofset.errors import LedgerError

_TRIES = 5


def ledger_files(
    ledger: Ledger, releases: Sequence[Packed], passports: Sequence[Passport | None]
) -> tuple[dict[str, bytes], Head]:
    """The files by path, and the ledger's head that they all are about.

    Raises LedgerError where the ledger does not hold, or others write to it faster than it can be read.
    """
    for _ in range(_TRIES):
        note = ledger.checkpoint()
        entries = about(ledger.entries(), [r.candidate for r in releases])
        proofs = {entry.seq: ledger.inclusion(entry.seq) for entry in entries}
        heads = {
            r.candidate[:SHORT]: (p.ledger, ledger.consistency(p.ledger.size))
            for r, p in zip(releases, passports, strict=True)
            if p is not None and p.ledger_key == ledger.vkey
        }
        if ledger.checkpoint() == note and all(p.checkpoint == note for p in proofs.values()):
            break
    else:
        raise LedgerError("The ledger is being written to all the time.", fix="Export the pack again a little later.")
    signed = unverified(note)
    files = {f"entries/{seq:06d}.json": proof.to_bytes() for seq, proof in proofs.items()}
    files |= {
        f"consistency/{short}.json": canonical({"first": head.plain(), "path": path, "second": signed.plain()})
        for short, (head, path) in heads.items()
    }
    files |= {"checkpoint.txt": note.encode(), "key.txt": f"{ledger.vkey}\n".encode()}
    return files, Head(size=signed.size, root=signed.root)


def about(entries: Sequence[Entry], candidates: Iterable[str]) -> list[Entry]:
    """The entries about these candidates, their datasets, their sources, and whatever was withdrawn of what made them.

    Entries about other candidates of the same dataset or source are among them: how many were tried is part of the
    story.
    """
    digests = set(candidates)
    keys = set(digests)
    for entry in entries:
        if entry.subject in digests and entry.kind == CANDIDATE:
            made = entry.body["provenance"]
            generator = made["generator"]
            dataset = str(entry.body["candidate"]["dataset"])
            keys |= {dataset, f"dataset:{dataset}", made["source_digest"], generator["generator"]}
            keys |= {f"{generator['generator']} {generator['version']}", *_parents(made)}
        elif entry.subject in digests and entry.kind == RELEASE:
            keys |= {str(pair[0]) for pair in entry.body.get("signatures", [])}
    return [entry for entry in entries if keys & _names(entry)]


def _names(entry: Entry) -> set[str]:
    """What an entry is about."""
    body = entry.body
    named = [entry.subject, body.get("dataset"), body.get("target"), *(body.get("subjects") or ())]
    if entry.kind == CANDIDATE:
        named += [body["candidate"]["dataset"], body["provenance"]["source_digest"]]
    return {name for name in named if isinstance(name, str)}


def _parents(provenance: dict[str, object]) -> list[str]:
    parents = provenance.get("parents")
    return [str(p["candidate"]) for p in parents] if isinstance(parents, list | tuple) else []
