"""Candidate: a folder with a synthetic table, all evidence about it, and a manifest whose digest people sign.

    data/TABLE.parquet
    evidence/{provenance,profile,scorecard,suite,verdict,policy,spec}.json
    report.html   report.json   report.md   README.md
    candidate.json          canonical JSON of `Candidate`; its SHA-256 is the candidate's digest

The same inputs give the same bytes: no file holds a date.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from lineage.card import dataset_card
from lineage.chain import broken_links
from lineage.folders import MAX_LIST, Flaw, checked_bytes, compare, entry_of, read_regular, survey
from lineage.seal import Seal, read_seal
from proofset.digest import canonical, table_digest
from proofset.errors import DeniedError, SourceError
from proofset.evidence import Candidate, Profile, Provenance, Scorecard, SuiteResult, Verdict, evidence_digest
from proofset.files import parquet_bytes, whole_folder, write_bytes
from proofset.marks import is_ungoverned, marked
from proofset.policy import Policy
from proofset.policy_judge import Facts, judge
from proofset.spec import DatasetSpec, Frozen

MANIFEST = "candidate.json"
SHORT = 12
"""Digits of a digest that name a folder."""

Model = TypeVar("Model", bound=Frozen)


@dataclass(frozen=True)
class CandidateFolder:
    """A candidate as read from its folder, every file checked against the manifest."""

    path: Path
    candidate: Candidate
    provenance: Provenance
    profile: Profile
    scorecard: Scorecard
    suite: SuiteResult | None
    verdict: Verdict
    policy: Policy
    spec: DatasetSpec

    def judged(self, policy: Policy, today: date) -> Verdict:
        """What the policy says about the stored evidence on a day in UTC."""
        return judge(policy, self.scorecard, self.suite, Facts.of(self.provenance, self.spec.source), today)

    def broken_links(self) -> list[str]:
        """Where the evidence is not about the same bytes, see `lineage.chain`."""
        return broken_links(
            table=self.candidate.synthetic_digest,
            provenance=self.provenance,
            profile=self.profile,
            scorecard=self.scorecard,
            suite=self.suite,
            verdict=self.verdict,
            policy=self.policy,
            spec=self.spec,
        )


def build_candidate(
    target: Path,
    *,
    synthetic: pa.Table,
    provenance: Provenance,
    profile: Profile,
    scorecard: Scorecard,
    suite: SuiteResult | None,
    verdict: Verdict,
    policy: Policy,
    spec: DatasetSpec,
    report_html: str,
    beside: Mapping[str, str] = MappingProxyType({}),
    today: date | None = None,
) -> Candidate:
    """Write a candidate's folder, whole or not at all, and return the candidate.

    Where `target` holds the identical candidate already, it is returned untouched.
    beside: the report in other forms, by file name.
    today: the day, in UTC, that decides which of the policy's waivers live; the present one where None.
    Raises DeniedError for evidence that is not about these bytes, and for a `target` that holds something else;
    SourceError for a table that Parquet cannot hold exactly.
    """
    digest = table_digest(synthetic)
    broken = broken_links(
        table=digest,
        provenance=provenance,
        profile=profile,
        scorecard=scorecard,
        suite=suite,
        verdict=verdict,
        policy=policy,
        spec=spec,
    )
    if provenance.synthetic_rows != synthetic.num_rows:
        broken.append("the provenance counts other rows than the table has")
    day = today or datetime.now(UTC).date()
    if verdict != judge(policy, scorecard, suite, Facts.of(provenance, spec.source), day):
        broken.append("the verdict is not what the policy says about this evidence")
    if broken:
        raise _stale(broken)
    if marked(synthetic.schema.metadata):
        raise _ungoverned(provenance.table)
    evidence: dict[str, Frozen | None] = {
        "provenance": provenance,
        "profile": profile,
        "scorecard": scorecard,
        "suite": suite,
        "verdict": verdict,
        "policy": policy,
        "spec": spec,
    }
    about = evidence_digest(provenance, profile, scorecard, suite, verdict)
    seal = Seal.make(
        dataset=spec.dataset,
        synthetic_digest=digest,
        evidence_digest=about,
        policy_digest=policy.digest,
        requested_by=provenance.requested_by,
    )
    files = {f"data/{provenance.table}.parquet": _exact_parquet(synthetic, digest, seal)}
    files |= {f"evidence/{name}.json": canonical(part.plain() if part else None) for name, part in evidence.items()}
    files |= {name: text.encode() for name, text in {**beside, "report.html": report_html}.items()}
    files["README.md"] = dataset_card(spec, provenance, profile, scorecard, verdict, policy).encode()

    def write(folder: Path) -> Candidate:
        for name, data in files.items():
            write_bytes(folder / name, data)
        candidate = Candidate(
            dataset=spec.dataset,
            synthetic_digest=digest,
            evidence_digest=about,
            policy_digest=policy.digest,
            requested_by=provenance.requested_by,
            outcome=verdict.outcome,
            files=tuple(entry_of(folder, name) for name in survey(folder)[0]),
        )
        write_bytes(folder / MANIFEST, canonical(candidate.plain()))
        return candidate

    if target.exists():
        return _identical(target, files)
    with whole_folder(target) as folder:
        return write(folder)


def _identical(target: Path, files: dict[str, bytes]) -> Candidate:
    """The candidate in `target` if it consists of exactly these files."""
    present = read_candidate(target)
    if {e.path for e in present.candidate.files} != set(files) or any(
        (target / name).read_bytes() != data for name, data in files.items()
    ):
        raise DeniedError(
            f"The folder {target.name} holds another candidate.",
            why="A candidate is never overwritten: people may have signed it.",
            fix="Choose another folder, or remove this one if nobody needs it.",
        )
    return present.candidate


def _exact_parquet(table: pa.Table, digest: str, seal: Seal) -> bytes:
    """The table as sealed Parquet that reads back as the same table."""
    data = parquet_bytes(table, seal.metadata)
    back = read_parquet(data)
    if table_digest(back) != digest:
        lost = [n for n in table.column_names if table_digest(table.select([n])) != table_digest(back.select([n]))]
        kinds = ", ".join(f"{n} ({table.schema.field(n).type})" for n in lost)
        raise SourceError(
            f"Parquet cannot hold these columns exactly: {kinds}.",
            why="A digest of the table must be the same before and after it is stored.",
            fix="Convert them in the source to plain types, for instance timestamps in microseconds.",
        )
    return data


def read_parquet(data: bytes) -> pa.Table:
    """Read Parquet bytes as a table, without the writer's metadata."""
    return pq.read_table(pa.BufferReader(data)).replace_schema_metadata(None)


def read_manifest(folder: Path) -> Candidate:
    """Read candidate.json. Raises DeniedError unless it is there, intact and canonical."""
    try:
        data = read_regular(folder / MANIFEST, MAX_LIST) or b""
        candidate = Candidate.model_validate_json(data)
        if canonical(candidate.plain()) == data:
            return candidate
    except (ValidationError, ValueError):
        pass
    raise DeniedError(
        f"{MANIFEST} is missing or was changed.",
        why="It is not the canonical form of a candidate's manifest.",
        fix="Make the candidate again; approvals of the intact one stay valid for the same bytes.",
    )


def read_candidate(folder: Path, expected: Candidate | None = None) -> CandidateFolder:
    """Read a candidate and check every file.

    Parameters
    ----------
    expected: the candidate that should be there, as the ledger recorded it; None where any is welcome.

    Raises DeniedError that names the files at fault.
    """
    if not folder.is_dir():
        raise DeniedError(f"There is no candidate folder {folder}.", fix="Run the pipeline to make it again.")
    candidate = read_manifest(folder)
    if expected is not None and candidate != expected:
        raise DeniedError(
            f"The folder {folder.name} holds another candidate: {MANIFEST} is not that of {expected.digest[:SHORT]}.",
            why="The ledger recorded another one there.",
            fix="Run the pipeline to make it again.",
        )
    flaws = compare(folder, candidate.files, beside=[MANIFEST])
    if flaws:
        raise denied(f"The candidate in {folder.name} is not intact", flaws)
    return parse_evidence(folder, candidate)


def parse_evidence(folder: Path, candidate: Candidate) -> CandidateFolder:
    """Read the evidence that `candidate` lists and check that the manifest's own digests follow from it.

    Raises DeniedError that names the file.
    """
    listed = {entry.path: entry for entry in candidate.files}
    tables = [entry.path for entry in candidate.files if entry.path.startswith("data/")]
    for path in tables:  # their footers alone are read: that their bytes are the listed ones, the caller has seen
        if is_ungoverned(folder / path):
            raise _ungoverned(path)

    def read(name: str, parse: Callable[[bytes], Model]) -> Model:
        path = f"evidence/{name}.json"
        if path not in listed:
            raise DeniedError(f"{path} is not among the candidate's files.", fix="Make the candidate again.")
        try:
            data = checked_bytes(folder, listed[path])
            model = parse(data)
            # Digests are taken of it: a number that JSON cannot spell has none, and a field written twice has two.
            # What an older version wrote lacks fields of today, but is spelled as it would be.
            if canonical(model.plain()) != data and canonical(json.loads(data)) != data:
                raise ValueError("not canonical")
        except ValueError:  # a ValidationError is one, too
            raise DeniedError(f"{path} does not hold what it should.", fix="Make the candidate again.") from None
        return model

    has_suite = "evidence/suite.json" in listed and checked_bytes(folder, listed["evidence/suite.json"]) != b"null"
    parsed = CandidateFolder(
        path=folder,
        candidate=candidate,
        provenance=read("provenance", Provenance.model_validate_json),
        profile=read("profile", Profile.model_validate_json),
        scorecard=read("scorecard", Scorecard.model_validate_json),
        suite=read("suite", SuiteResult.model_validate_json) if has_suite else None,
        verdict=read("verdict", Verdict.model_validate_json),
        policy=read("policy", Policy.model_validate_json),
        spec=read("spec", DatasetSpec.model_validate_json),
    )
    _agree(parsed)
    for path in tables:
        seal = read_seal(folder / path)
        if seal is not None and not seal.fits(candidate):  # none: made before files were sealed
            raise _sealed(path)
    return parsed


def _agree(parsed: CandidateFolder) -> None:
    """The manifest's fields must follow from the evidence beside it."""
    candidate = parsed.candidate
    recomputed = evidence_digest(parsed.provenance, parsed.profile, parsed.scorecard, parsed.suite, parsed.verdict)
    fields = [
        ("evidence_digest", candidate.evidence_digest, recomputed),
        ("policy_digest", candidate.policy_digest, parsed.policy.digest),
        ("synthetic_digest", candidate.synthetic_digest, parsed.provenance.synthetic_digest),
        ("dataset", candidate.dataset, parsed.spec.dataset),
        ("requested_by", candidate.requested_by, parsed.provenance.requested_by),
        ("outcome", candidate.outcome, parsed.verdict.outcome),
    ]
    wrong = [name for name, stated, found in fields if stated != found]
    if wrong:
        raise DeniedError(
            f"{MANIFEST}: {', '.join(wrong)} {'does' if len(wrong) == 1 else 'do'} not follow from the evidence.",
            why="The manifest and the files in evidence/ were not written together.",
            fix="Make the candidate again.",
        )


def denied(what: str, flaws: list[Flaw]) -> DeniedError:
    """The error that lists every flaw of a folder."""
    return DeniedError(
        f"{what}: " + "; ".join(map(str, flaws)) + ".",
        why="Evidence counts only for exactly the bytes it was made from.",
        fix="Remove the folder and make it again; the same inputs give the same bytes.",
    )


def _ungoverned(name: str) -> DeniedError:
    return DeniedError(
        f"{name} carries the mark of an ungoverned table.",
        why="It was made for a look, outside of any chain of evidence, and is never released.",
        fix="Run the dataset's chain: it makes a candidate of its own.",
    )


def _sealed(name: str) -> DeniedError:
    return DeniedError(
        f"{name} carries the seal of another candidate.",
        why="It was released as something else, with other evidence.",
        fix="Make the candidate again, or fetch the right file.",
    )


def _stale(broken: list[str]) -> DeniedError:
    return DeniedError(
        f"Stale evidence: {'; '.join(broken)}.",
        why="A candidate holds only evidence about the very bytes it ships.",
        fix="Run the steps from the one that is out of date.",
    )
