"""Download: handing a release to somebody, which the ledger remembers."""

from __future__ import annotations

import os
import shutil
from datetime import datetime
from pathlib import Path

from lineage import standing
from lineage.candidate import SHORT, read_manifest
from lineage.folders import survey
from lineage.kinds import DOWNLOAD
from lineage.ledger import Entry, Ledger
from lineage.passport import PASSPORT, read_passport
from lineage.records import append, find_candidate
from lineage.roster import Roster
from lineage.standing import Stood
from lineage.states import LIVE
from lineage.verify import verify_release
from proofset.digest import sha256_bytes, sha256_file
from proofset.errors import DeniedError
from proofset.files import whole_folder
from proofset.spec import DatasetSpec, Purpose
from proofset.workspace import Workspace


def download(
    workspace: Workspace,
    ledger: Ledger,
    ref: str,
    target: Path,
    roster: Roster,
    *,
    recipient: str,
    purpose: Purpose,
    who: str,
    now: datetime,
) -> Entry:
    """Copy a release to `target`, whole or not at all, and record who got it and what for. The record comes first.

    What is handed out is the copy that was verified, as the ledger recorded it, and that nothing reached meanwhile.

    Parameters
    ----------
    ref: a dataset's name, for its newest release, or the first digits of a candidate's digest.
    recipient: who gets it.  purpose: what for; it must be the release's own.  who: hands it out.

    Raises DeniedError where it was not released, is revoked, expired or damaged, where the purpose is another one,
    where the release's terms name recipients and this is none of them, and where nobody is named; WorkspaceError where
    `target` is there already.
    """
    if not recipient.strip() or not who.strip():
        raise DeniedError("A download needs a recipient and who hands it out.", fix="Give --for and --by.")
    roster = standing.as_revoked(ledger, roster)
    stood = standing.released_states(ledger, now)
    of_dataset = [s for s in stood.values() if s.dataset == ref]
    found = of_dataset[-1] if of_dataset else stood.get(find_candidate(workspace, ledger, ref)[0].digest)
    if found is None:
        raise DeniedError(
            f"'{ref}' was not released.", fix=f"See `proofset status`, and release it: `proofset release {ref}`."
        )
    _require_live(found)
    folder = workspace.releases / found.dataset / found.candidate[:SHORT]
    with workspace.lock(f"download-{sha256_bytes(os.fsencode(target.resolve()))[:16]}"), whole_folder(target) as copy:
        files = _copied(folder, copy)
        _require_release(copy, folder.name, found, ledger, roster, now)
        _require_terms(copy, folder.name, roster, recipient, purpose)
        body = {
            "dataset": found.dataset,
            "recipient": recipient,
            "purpose": purpose.value,
            "by": who,
            "files": files,
        }
        with workspace.lock("revocation"):  # one comes before, and is seen, or after the record
            _require_live(standing.released_states(ledger, now)[found.candidate])
            return append(ledger, DOWNLOAD, read_manifest(copy), body, now, who)


def _require_live(found: Stood) -> None:
    if found.state not in LIVE:
        raise DeniedError(
            f"The release {found.candidate[:SHORT]} is {found.state.value}: {'; '.join(found.why)}.",
            why="What is withdrawn or has run out is not handed out.",
            fix="Ask for a newer release.",
        )


def _copied(folder: Path, copy: Path) -> int:
    """Copy the regular files; return how many. What they are is checked in the copy, which nobody else writes in."""
    files = survey(folder)[0] if folder.is_dir() else []
    for name in files:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / name, copy / name, follow_symlinks=False)
    return len(files)


def _require_release(copy: Path, name: str, found: Stood, ledger: Ledger, roster: Roster, now: datetime) -> None:
    """Raise DeniedError unless the copy verifies, table included, and is a release that the ledger recorded."""
    bad = [c.detail for c in verify_release(copy, roster, now, table=True) if not c.ok]
    if bad:
        raise DeniedError(f"The release {name} does not verify: {'; '.join(bad)}.", fix="Release it again.")
    if sha256_file(copy / PASSPORT) not in standing.passports(ledger, found.candidate):
        raise DeniedError(
            f"The folder {name} is not the one that the ledger recorded.",
            why="Its passport is another one, which was never published.",
            fix="Move the folder away and release the candidate again.",
        )


def _require_terms(folder: Path, name: str, roster: Roster, recipient: str, purpose: Purpose) -> None:
    passport = read_passport(folder, roster)
    if purpose is not passport.purpose:
        raise DeniedError(
            f"The release {name} was made for {passport.purpose.value}, not for {purpose.value}.",
            why="Its policy, its measures and its approvals are about that purpose.",
            fix=f"Ask for a release for {purpose.value}, or name the purpose it is for.",
        )
    spec = DatasetSpec.model_validate_json((folder / "evidence" / "spec.json").read_bytes())
    allowed = spec.release.recipients if spec.release else None
    if allowed is not None and recipient.casefold() not in {a.casefold() for a in allowed}:
        raise DeniedError(
            f"'{recipient}' is not among the recipients of '{passport.dataset}'.",
            why=f"The release's terms name: {', '.join(allowed) or 'nobody'}.",
            fix="Have the recipient added to `release.recipients` in the dataset's spec, and release it again.",
        )
