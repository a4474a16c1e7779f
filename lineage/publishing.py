"""Publishing: writing a release's folder in the private state, so that it appears in public whole or not at all.

releasing/NAME     the complete, signed folder, before and while the ledger records it
withdrawn/NAME-N   what a crash left published or staged and the gate has since come to deny
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from lineage.candidate import MANIFEST, CandidateFolder
from lineage.decisions import Signed
from lineage.exports import exported
from lineage.folders import checked_bytes, entry_of, survey
from lineage.kinds import CANDIDATE
from lineage.ledger import Ledger
from lineage.passport import INCLUSION, PASSPORT, describe, expiry, sign_passport
from lineage.record import RECORD, Published, Record, files_of, record_of
from lineage.roster import Roster
from lineage.signing import Envelope, Signer
from lineage.times import utc_text
from lineage.verify_contents import approval_path
from proofset import __version__
from proofset.files import PART, discard, make_dir, move, whole_folder, write_bytes
from proofset.workspace import Workspace

SOFTWARE = f"proofset {__version__}"


@dataclass(frozen=True)
class Approved:
    """A candidate the gate lets through. counted: the approvals that count, oldest first; envelopes: their files."""

    parts: CandidateFolder
    counted: Sequence[Signed]
    envelopes: Mapping[Signed, Envelope]
    roster: Roster


def staging(workspace: Workspace, name: str) -> Path:
    """Where the release `name` (DATASET-ID) is put together."""
    return workspace.private / "releasing" / name


def stage(target: Path, approved: Approved, ledger: Ledger, signer: Signer, released_by: str, now: datetime) -> None:
    """Write and sign the folder `target`, replacing what an earlier attempt left there."""
    discard(target)
    parts = approved.parts
    signed = {approval_path(s.person): approved.envelopes[s].to_bytes() for s in approved.counted}
    with whole_folder(target) as folder:
        for entry in parts.candidate.files:
            write_bytes(folder / entry.path, checked_bytes(parts.path, entry))
        write_bytes(folder / MANIFEST, (parts.path / MANIFEST).read_bytes())
        record = _record(approved, signed, ledger, released_by, now)
        for path, data in {**signed, RECORD: record.to_bytes(), **exported(record)}.items():
            write_bytes(folder / path, data)
        passport = describe(
            parts,
            [entry_of(folder, name) for name in survey(folder)[0]],
            approved.counted,
            approved.roster,
            released_by=released_by,
            released_at=utc_text(now),
            ledger=ledger.head,
            ledger_key=ledger.vkey,
            software=SOFTWARE,
        )
        write_bytes(folder / PASSPORT, sign_passport(passport, signer).to_bytes())


def _record(approved: Approved, signed: Mapping[str, bytes], ledger: Ledger, released_by: str, now: datetime) -> Record:
    """The provenance record as of the release. signed: the approvals' files, by path."""
    parts = approved.parts
    recorded = ledger.entries(CANDIDATE, parts.candidate.digest)
    published = Published(
        released_at=utc_text(now),
        released_by=released_by,
        expires_at=expiry(parts.policy, utc_text(now)),
        software=SOFTWARE,
    )
    return record_of(
        parts,
        as_of=utc_text(now),
        roster=approved.roster,
        files=files_of(parts, signed),
        published=published,
        signed=tuple(approved.envelopes),
        counted=approved.counted,
        entries=ledger.entries(),
        vkey=ledger.vkey,
        head=ledger.head,
        inclusion=ledger.inclusion(recorded[-1].seq) if recorded else None,
    )


def add_inclusion(folder: Path, ledger: Ledger, seq: int) -> None:
    """Put the proof beside the passport that the ledger holds the release."""
    for leftover in folder.glob(f"{PART}*"):  # of an attempt that died here; nothing may be in a release unlisted
        leftover.unlink()
    write_bytes(folder / INCLUSION, ledger.inclusion(seq).to_bytes())


def publish(staged: Path, target: Path) -> None:
    """Move a finished folder into its place: by one rename, so that it is there whole or not at all."""
    make_dir(target.parent)
    move(staged, target)


def withdraw(workspace: Workspace, folder: Path) -> None:
    """Move away what may not be published. Nothing is destroyed."""
    if not folder.exists():
        return
    home = workspace.private / "withdrawn"
    make_dir(home, private=True)
    number = 1
    while (home / f"{folder.name}-{number}").exists():
        number += 1
    shutil.move(folder, home / f"{folder.name}-{number}")
