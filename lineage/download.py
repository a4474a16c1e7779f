"""Download: handing a release to somebody, which the ledger remembers."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path

from lineage import standing
from lineage.candidate import SHORT, read_manifest
from lineage.folders import survey
from lineage.kinds import DOWNLOAD
from lineage.ledger import Entry, Ledger
from lineage.passport import read_passport
from lineage.records import append, find_candidate
from lineage.roster import Roster
from lineage.states import LIVE
from lineage.verify import verify_release
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

    Parameters
    ----------
    ref: a dataset's name, for its newest release, or the first digits of a candidate's digest.
    recipient: who gets it.  purpose: what for; it must be the release's own.  who: hands it out.

    Raises DeniedError where it was not released, is revoked, expired or damaged, where the purpose is another one, and
    where the release's terms name recipients and this is none of them; WorkspaceError where `target` is there already.
    """
    stood = standing.released_states(ledger, now)
    of_dataset = [s for s in stood.values() if s.dataset == ref]
    found = of_dataset[-1] if of_dataset else stood.get(find_candidate(workspace, ledger, ref)[0].digest)
    if found is None:
        raise DeniedError(
            f"'{ref}' was not released.", fix=f"See `proofset status`, and release it: `proofset release {ref}`."
        )
    if found.state not in LIVE:
        raise DeniedError(
            f"The release {found.candidate[:SHORT]} is {found.state.value}: {'; '.join(found.why)}.",
            why="What is withdrawn or has run out is not handed out.",
            fix="Ask for a newer release.",
        )
    folder = workspace.releases / found.dataset / found.candidate[:SHORT]
    bad = (
        [c.detail for c in verify_release(folder, roster, now, table=True) if not c.ok]
        if folder.is_dir()
        else ["it is gone"]
    )
    if bad:
        raise DeniedError(f"The release {folder.name} does not verify: {'; '.join(bad)}.", fix="Release it again.")
    _require_terms(folder, roster, recipient, purpose)
    files = survey(folder)[0]
    with whole_folder(target) as copy:
        for name in files:
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / name, copy / name)
        body = {
            "dataset": found.dataset,
            "recipient": recipient,
            "purpose": purpose.value,
            "by": who,
            "files": len(files),
        }
        return append(ledger, DOWNLOAD, read_manifest(folder), body, now, who)


def _require_terms(folder: Path, roster: Roster, recipient: str, purpose: Purpose) -> None:
    passport = read_passport(folder, roster)
    if purpose is not passport.purpose:
        raise DeniedError(
            f"The release {folder.name} was made for {passport.purpose.value}, not for {purpose.value}.",
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
