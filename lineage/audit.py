"""Audit: the pack of evidence about releases, for somebody who checks it elsewhere and without the platform.

    release/ or releases/ID/     the release as it was found, without its data unless asked for
    record.json or records/ID.json      the provenance record as of now
    report.html (and reports/ID.html)   what laws and standards ask, and what the record says
    roster.yaml  roster.json     whose signatures count, as the workspace has it
    revocations.dsse.json        what is withdrawn, signed now
    ledger/                      every entry about these releases with its proof, see `lineage.audit_ledger`
    verify.py  verify_ledger.py  README.txt
    manifest.dsse.json           all of these by digest, signed

What does not verify is included and named as a finding: an auditor needs to see it. The pack is a zip without
compression and without times of its own: the same ledger, files and moment give the same bytes. The ledger records who
exported which pack for which question, before the pack appears.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from lineage import standing
from lineage.audit_ledger import ledger_files
from lineage.audit_manifest import MANIFEST, Manifest, Packed, Question
from lineage.audit_report import TEMPLATES, overview_page, release_page
from lineage.audit_select import select
from lineage.candidate import MANIFEST as CANDIDATE_FILE
from lineage.candidate import SHORT, read_manifest
from lineage.entry import Entry
from lineage.folders import read_regular
from lineage.kinds import AUDIT
from lineage.ledger import Ledger
from lineage.passport import INCLUSION, PASSPORT, Passport, read_passport
from lineage.record import Record
from lineage.recording import record_now
from lineage.revocation_list import sign_list
from lineage.revoking import current_list
from lineage.roster import RELEASER, Roster
from lineage.signing import Signer
from lineage.standing import Stood
from lineage.times import utc_text
from lineage.verify import verify_release
from proofset import __version__
from proofset.digest import canonical, sha256_bytes
from proofset.errors import DeniedError, ProofsetError, WorkspaceError
from proofset.evidence import FileEntry
from proofset.files import write_bytes
from proofset.workspace import Workspace

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time a zip can state; every file has it."""


@dataclass(frozen=True)
class Pack:
    """A pack that was written. digest: SHA-256 of the file; entry: the ledger's about it."""

    path: Path
    digest: str
    manifest: Manifest
    entry: Entry


@dataclass(frozen=True)
class _Found:
    """A release as it was found. files: of its folder, by path, those withheld left out; record: None if unreadable."""

    packed: Packed
    files: Mapping[str, bytes]
    passport: Passport | None
    record: Record | None


def audit(
    workspace: Workspace,
    ledger: Ledger,
    question: Question,
    target: Path,
    roster: Roster,
    signer: Signer,
    who: str,
    now: datetime,
    *,
    with_data: bool = False,
) -> Pack:
    """Write the pack that answers a question, whole or not at all, and record who exported it.

    Parameters
    ----------
    signer: the platform's key, which signs the manifest and the list of revocations.
    who: who exports it, an id of the roster.
    with_data: whether the released tables are in it; otherwise their digests alone.

    Raises DeniedError where the key is no releaser's, UnknownNameError where no release fits the question,
    WorkspaceError where `target` is there already or cannot be written.
    """
    if target.exists():
        raise WorkspaceError(f"There is a file {target} already.", fix="Choose another name, or move it away.")
    _require_releaser(signer, roster, now)
    chosen = select(ledger, question, now)
    single = question.release is not None
    found = [_find(workspace, ledger, one, roster, now, single=single, with_data=with_data) for one in chosen]
    files, manifest = _contents(workspace, ledger, question, found, roster, signer, who, now)
    files[MANIFEST] = manifest.signed(signer).to_bytes()
    data = zipped(files)
    digest = sha256_bytes(data)
    part = target.with_name(f".part-{target.name}")
    try:
        write_bytes(part, data)  # a full disk is noticed before the ledger says that there is a pack
        entry = _record(ledger, question, manifest, found, digest, len(data), who, now)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return Pack(target, digest, manifest, entry)


def _contents(
    workspace: Workspace,
    ledger: Ledger,
    question: Question,
    found: Sequence[_Found],
    roster: Roster,
    signer: Signer,
    who: str,
    now: datetime,
) -> tuple[dict[str, bytes], Manifest]:
    """Every file of the pack but its manifest, and the manifest."""
    revoked = sign_list(current_list(workspace, ledger, now), signer).to_bytes()
    proofs, head = ledger_files(ledger, [f.packed for f in found], [f.passport for f in found])
    manifest = Manifest(
        workspace=workspace.config.workspace,
        made_at=utc_text(now),
        made_by=who,
        software=f"proofset {__version__}",
        question=question,
        ledger=head,
        ledger_key=ledger.vkey,
        releases=tuple(f.packed for f in found),
    )
    files = {f"{f.packed.folder}/{path}": data for f in found for path, data in f.files.items()}
    files |= {f"ledger/{path}": data for path, data in proofs.items()}
    files |= {name: (TEMPLATES / name).read_bytes() for name in ("verify.py", "verify_ledger.py", "README.txt")}
    files |= {
        "roster.yaml": workspace.roster_path.read_bytes(),
        "roster.json": canonical(roster.plain()),
        "revocations.dsse.json": revoked,
    }
    for one in found:
        short = one.packed.candidate[:SHORT]
        single = one.packed.folder == "release"
        if one.record is not None:
            files["record.json" if single else f"records/{short}.json"] = one.record.to_bytes()
        page = release_page(manifest, one.packed, one.record)
        files["report.html" if single else f"reports/{short}.html"] = page
    files.setdefault("report.html", overview_page(manifest))
    listed = tuple(
        FileEntry(path=path, size=len(files[path]), sha256=sha256_bytes(files[path])) for path in sorted(files)
    )
    return files, manifest.model_copy(update={"files": listed})


def zipped(files: Mapping[str, bytes]) -> bytes:
    """The files as a zip: sorted, stored as they are, without times, so that the same files give the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as pack:
        for path in sorted(files):
            info = zipfile.ZipInfo(path, _EPOCH)
            info.create_system, info.external_attr = 3, 0o644 << 16
            pack.writestr(info, files[path])
    return out.getvalue()


def _find(
    workspace: Workspace, ledger: Ledger, stood: Stood, roster: Roster, now: datetime, *, single: bool, with_data: bool
) -> _Found:
    """One release: what verification says of it, and those of its files that belong to it."""
    folder = workspace.root / str(stood.entry.body["folder"])
    findings: list[str] = []
    passport, record, files = None, None, {}
    withheld: tuple[str, ...] = ()
    if folder.is_dir():
        reasons = standing.withdrawn(ledger).get(stood.candidate, ())
        checks = verify_release(folder, roster, now, table=True, withdrawn=reasons)
        findings += [f"{c.name}: {c.detail}" + (f" ({c.file})" if c.file else "") for c in checks if not c.ok]
        try:
            passport = read_passport(folder, roster)
        except DeniedError:
            passport = None
        listed = _listed(folder, passport)
        withheld = tuple(path for path in listed if path.startswith("data/") and not with_data)
        there = {path: read_regular(folder / path) for path in listed if path not in withheld}
        files = {path: data for path, data in there.items() if data is not None}
    else:
        findings.append(f"files: the folder {stood.entry.body['folder']} is gone")
    try:
        record = record_now(workspace, ledger, stood.candidate, now)
    except (ProofsetError, ValueError, OSError) as error:
        findings.append(
            f"record: it cannot be made ({error.what if isinstance(error, ProofsetError) else 'unreadable'})"
        )
    packed = Packed(
        candidate=stood.candidate,
        dataset=stood.dataset,
        folder="release" if single else f"releases/{stood.candidate[:SHORT]}",
        state=stood.state.value,
        findings=tuple(findings),
        withheld=withheld,
    )
    return _Found(packed, files, passport, record)


def _listed(folder: Path, passport: Passport | None) -> list[str]:
    """The files that belong to a release; what else lies in its folder is named by a finding, and not passed on."""
    own = [PASSPORT, INCLUSION, CANDIDATE_FILE]
    if passport is not None:
        return [*own, *(f.path for f in passport.files if f.path not in own)]
    try:
        return [*own, *(f.path for f in read_manifest(folder).files)]
    except DeniedError:
        return own


def _require_releaser(signer: Signer, roster: Roster, now: datetime) -> None:
    flaw = roster.flaw_of(signer.key_id, now)
    if signer.key_id not in roster.keys_of(RELEASER) or flaw:
        raise DeniedError(
            f"The key {signer.key_id[:12]} may not sign an audit pack.",
            why=flaw or f"The roster does not list it with the role {RELEASER}.",
            fix="Sign with the platform's key, as releases are.",
        )


def _record(
    ledger: Ledger,
    question: Question,
    manifest: Manifest,
    found: Sequence[_Found],
    digest: str,
    size: int,
    who: str,
    now: datetime,
) -> Entry:
    """Enter who exported which pack, and for which question."""
    only = found[0].packed.candidate if len(found) == 1 else None
    body = {
        "what": f"{len(found)} release{'s' if len(found) > 1 else ''} exported, about {question.words}",
        "question": question.plain(),
        "subjects": [f.packed.candidate for f in found],
        "pack": digest,
        "size": size,
        "files": len(manifest.files) + 1,
        "data": not any(f.packed.withheld for f in found),
        "findings": sum(len(f.packed.findings) for f in found),
    }
    subject = only or question.dataset or question.source or f"since {question.since}"
    return ledger.append(AUDIT, subject, body, now, actor=who)
