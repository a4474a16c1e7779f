"""Record: everything there is to know about a candidate or release, in thirteen numbered sections.

It is made by a pure function from the candidate's evidence, its approvals and the ledger's entries. In a release's
folder it is `record.json`, as of the release, and the one thing that every exporter of `lineage.exports` reads. What
is not known is said to be unknown. See docs/record.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import ValidationError

from lineage import record_judged, record_made, record_since
from lineage.candidate import MANIFEST, CandidateFolder
from lineage.decisions import Signed
from lineage.entry import Entry, Head
from lineage.environment import RunFacts
from lineage.folders import checked_bytes
from lineage.inclusion import Inclusion
from lineage.kinds import CANDIDATE
from lineage.record_made import Published as Published
from lineage.record_people import Approvals, Budget, History, Log, Readers, Use
from lineage.record_sections import Closeness, Identity, Judgement, Making, Preparation, Risks, Source
from lineage.roster import Roster
from lineage.shape import Shape, shape_of
from proofset.digest import canonical, sha256_bytes
from proofset.errors import DeniedError
from proofset.evidence import FileEntry
from proofset.spec import Frozen

RECORD = "record.json"
"""The record's file in a release's folder."""
FORMAT: Literal["https://proofset.dev/record/v1"] = "https://proofset.dev/record/v1"


class Record(Frozen):
    """The provenance record. as_of: the moment it speaks of, UTC."""

    format: Literal["https://proofset.dev/record/v1"] = FORMAT
    as_of: str
    identity: Identity
    source: Source
    preparation: Preparation
    making: Making
    risks: Risks
    closeness: Closeness
    judgement: Judgement
    approvals: Approvals
    use: Use
    budget: Budget
    history: History
    log: Log
    readers: Readers

    def to_bytes(self) -> bytes:
        """Canonical JSON (RFC 8785): the same bytes for the same record."""
        return canonical(self.plain())


SECTIONS = tuple(name for name in Record.model_fields if name not in ("format", "as_of"))
"""The thirteen sections in their order: the first is number 1."""


def record_of(
    parts: CandidateFolder,
    *,
    as_of: str,
    roster: Roster,
    shape: Shape | None = None,
    files: Sequence[FileEntry] = (),
    published: Published | None = None,
    signed: Sequence[Signed] = (),
    counted: Sequence[Signed] = (),
    entries: Sequence[Entry] = (),
    withdrawn: Sequence[str] = (),
    run: RunFacts | None = None,
    inclusion: Inclusion | None = None,
    vkey: str | None = None,
    head: Head | None = None,
) -> Record:
    """Make the record of a candidate. The same arguments give the same record.

    Parameters
    ----------
    as_of: the moment it speaks of, as `lineage.times` writes it: when it is released, or now.
    shape: of the data file; read from the candidate's folder where None.
    files: of the release, see `files_of`; those of the candidate where empty.
    published: None where it is not released.
    signed: every decision about the candidate; counted: those among them that count, of which each is in `signed`.
    entries: the ledger's, as of that moment; all of them, since those about the source and the dataset matter, too.
    withdrawn: why it must not be used any more, see `lineage.standing`; empty where it may.
    run: None to take it from the candidate's last entry.
    inclusion: the proof that the candidate's entry is in the ledger.  vkey, head: the ledger's.
    """
    recorded = next((e for e in reversed(entries) if e.kind == CANDIDATE and e.subject == parts.candidate.digest), None)
    everyone = tuple(dict.fromkeys((*signed, *counted)))
    listed = tuple(files) or files_of(parts, {})
    return Record(
        as_of=as_of,
        identity=record_made.identity(parts, shape or data_shape(parts), listed, published),
        source=record_made.source(parts),
        preparation=record_made.preparation(parts),
        making=record_made.making(parts, run or _run(recorded), _measured_at(recorded)),
        risks=record_judged.risks(parts),
        closeness=record_judged.closeness(parts),
        judgement=record_judged.judgement(parts),
        approvals=record_since.approvals(parts, everyone, counted, roster, listed),
        use=record_since.use(parts, entries),
        budget=record_since.budget(parts, entries, published),
        history=record_since.history(parts, entries, withdrawn),
        log=record_since.log(parts, entries, inclusion, vkey, head),
        readers=record_since.readers(parts, entries),
    )


def files_of(parts: CandidateFolder, approvals: Mapping[str, bytes]) -> tuple[FileEntry, ...]:
    """The files a record lists: the candidate's, its manifest, and the approvals by path.

    The record, its exports and the passport cannot be among them: they hold the record, or its digest.
    """
    manifest = canonical(parts.candidate.plain())
    beside = {MANIFEST: manifest, **approvals}
    more = [FileEntry(path=p, size=len(data), sha256=sha256_bytes(data)) for p, data in beside.items()]
    return tuple(sorted((*parts.candidate.files, *more), key=lambda f: f.path))


def data_shape(parts: CandidateFolder) -> Shape:
    """The shape of a candidate's data file. Raises DeniedError where it is not as the manifest lists it."""
    entry = next((f for f in parts.candidate.files if f.path.startswith("data/")), None)
    if entry is None:
        raise DeniedError("The candidate lists no data file.", fix="Make the candidate again.")
    return shape_of(checked_bytes(parts.path, entry))


def read_record(data: bytes) -> Record:
    """Read record.json. Raises DeniedError unless it is a record in its canonical form."""
    try:
        record = Record.model_validate_json(data)
        if record.to_bytes() == data:
            return record
    except (ValidationError, ValueError, RecursionError):
        pass
    raise DeniedError(
        f"{RECORD} is not a provenance record, or was changed.", fix="Fetch the release again, or make it again."
    )


def _run(entry: Entry | None) -> RunFacts | None:
    """What the candidate's entry says of the run; None where it says nothing that can be read."""
    told = entry.body.get("run") if entry else None
    try:
        return RunFacts.model_validate(told) if told else None
    except ValidationError:
        return None


def _measured_at(entry: Entry | None) -> str | None:
    told = entry.body.get("measured_at") if entry else None
    return told if isinstance(told, str) else None
