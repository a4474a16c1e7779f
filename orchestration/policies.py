"""Policies at work: the packs that come with the platform, and what a policy would have said of the past.

A replay needs the ledger and the evidence files of candidates and releases, each checked against the digest the ledger
recorded. It reads no table: neither a source nor a synthetic one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from orchestration.chain import ledger
from orchestration.states import released_folder
from proofset.digest import canonical
from proofset.errors import ProofsetError, SpecError, unknown_name
from proofset.evidence import Candidate, Finding, Provenance, Scorecard, SuiteResult, Verdict
from proofset.files import write_bytes
from proofset.policy import Policy
from proofset.policy_judge import Facts, judge
from proofset.reading import parse_model
from proofset.spec import DatasetSpec, Frozen, Purpose

if TYPE_CHECKING:
    from lineage.ledger import Entry
    from proofset.workspace import Workspace

Model = TypeVar("Model", bound=Frozen)
T = TypeVar("T")


def pack_text(purpose: Purpose) -> bytes:
    """The YAML of the pack for a purpose."""
    return (files("orchestration") / "templates" / "policies" / f"{purpose.value}.yaml").read_bytes()


def packs() -> dict[Purpose, Policy]:
    """The platform's policy for every purpose."""
    return {p: parse_model(pack_text(p).decode(), Policy, f"{p.value}.yaml") for p in Purpose}


def add_pack(root: Path, name: str) -> Path:
    """Copy a pack into a workspace's `policies` folder. Raises UnknownNameError; SpecError where the file exists."""
    if name not in {p.value for p in Purpose}:
        raise unknown_name("policy pack", name, [p.value for p in Purpose])
    path = root / "policies" / f"{name}.yaml"
    if path.exists():
        raise SpecError(f"policies/{name}.yaml exists already.", fix="Edit it, or move it away first.")
    write_bytes(path, pack_text(Purpose(name)))
    return path


@dataclass(frozen=True)
class Change:
    """A check that turns out otherwise. before, after: the outcome; None where one of the policies does not ask."""

    check: str
    measure: str
    before: str | None
    after: str | None
    reason: str
    blocks: bool


@dataclass(frozen=True)
class Replayed:
    """What a policy says of one candidate.

    policy: name and version of the one it was judged by.  before: that verdict.
    after: what the other says; None where it cannot be said, and `unsaid` tells why.
    """

    candidate: str
    dataset: str
    purpose: str
    recorded_at: str
    released: bool
    policy: str
    before: str
    after: str | None = None
    unsaid: str = ""
    changes: tuple[Change, ...] = ()

    def plain(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


def replay(workspace: Workspace, policy: Policy) -> list[Replayed]:
    """Hold every recorded candidate's stored evidence against `policy`, the oldest first.

    Those of its waivers count that lived on the day the candidate was recorded, in UTC.
    Evidence that is gone or was changed, and a purpose the policy does not cover, give a row that says so.
    """
    latest: dict[str, Entry] = {entry.subject: entry for entry in ledger(workspace).entries("candidate")}
    released = {entry.subject for entry in ledger(workspace).entries("release")}
    ordered = sorted(latest.values(), key=lambda entry: entry.seq)
    return [_replayed(workspace, policy, entry, released=entry.subject in released) for entry in ordered]


def _replayed(workspace: Workspace, policy: Policy, entry: Entry, *, released: bool) -> Replayed:
    made, told = entry.body.get("candidate", {}), entry.body.get("provenance", {})
    row: dict[str, Any] = {
        "candidate": entry.subject,
        "dataset": str(made.get("dataset", "")),
        "purpose": str(told.get("purpose", "")),
        "recorded_at": entry.at,
        "released": released,
        "policy": str(made.get("policy_digest", ""))[:12],
        "before": str(made.get("outcome", "")),
    }
    try:
        stored = _Stored.of(workspace, entry)
    except ProofsetError as error:
        return Replayed(**row, unsaid=error.what)
    row["policy"] = stored.policy
    if stored.provenance.purpose not in policy.purposes:
        return Replayed(**row, unsaid=f"the policy does not cover {row['purpose']}")
    facts = Facts.of(stored.provenance, stored.spec.source)
    verdict = judge(policy, stored.scorecard, stored.suite, facts, date.fromisoformat(entry.at[:10]))
    changes = tuple(_changes(stored.verdict, verdict))
    return Replayed(**row, after=verdict.outcome.value, changes=changes)


def _changes(before: Verdict, after: Verdict) -> Iterator[Change]:
    """Checks whose outcome differs or that only one of the two policies asks for, in the order of the new one."""
    was = {f.check: f for f in before.findings}
    for finding in after.findings:
        known = was.pop(finding.check, None)
        if known is None or said_of(known) != said_of(finding):
            yield _change(finding, known, finding)
    for finding in was.values():
        yield _change(finding, finding, None)


def _change(about: Finding, before: Finding | None, after: Finding | None) -> Change:
    return Change(
        check=about.check,
        measure=about.measure,
        before=said_of(before) if before else None,
        after=said_of(after) if after else None,
        reason=after.reason if after else "no longer asked for",
        blocks=after.blocks if after else False,
    )


def said_of(finding: Finding) -> str:
    """A finding's outcome, and whether it is waived or only warns."""
    return finding.outcome.value + (", waived" if finding.waived else ", warning" if finding.severity == "warn" else "")


@dataclass(frozen=True)
class _Stored:
    """The evidence of a candidate that a policy looks at. policy: name and version of the one it was judged by."""

    provenance: Provenance
    scorecard: Scorecard
    suite: SuiteResult | None
    verdict: Verdict
    spec: DatasetSpec
    policy: str

    @classmethod
    def of(cls, workspace: Workspace, entry: Entry) -> _Stored:
        """Read it from the candidate's folder or, where that is gone, from its release.

        Raises ProofsetError where neither holds it as the ledger recorded it.
        """
        from lineage.records import located

        candidate, folder = located(workspace, entry)
        places = [folder, released_folder(workspace, candidate)]
        place = next((p for p in places if (p / "evidence").is_dir()), None)
        if place is None:
            raise ProofsetError("the evidence is gone", fix="Run the dataset again: the same inputs give it again.")

        def read(name: str, model: type[Model]) -> Model:
            return _parsed(name, lambda: model.model_validate_json(_bytes(place, candidate, name)))

        suite = _bytes(place, candidate, "suite")
        return cls(
            provenance=read("provenance", Provenance),
            scorecard=read("scorecard", Scorecard),
            suite=None if suite == canonical(None) else read("suite", SuiteResult),
            verdict=read("verdict", Verdict),
            spec=read("spec", DatasetSpec),
            policy=_parsed("policy", lambda: _title(_bytes(place, candidate, "policy"))),
        )


def _bytes(folder: Path, candidate: Candidate, name: str) -> bytes:
    """An evidence file, checked against the digest that the ledger recorded. Raises ProofsetError."""
    from lineage.folders import checked_bytes

    entry = next((e for e in candidate.files if e.path == f"evidence/{name}.json"), None)
    if entry is None:
        raise ProofsetError(f"evidence/{name}.json was never recorded")
    return checked_bytes(folder, entry)


def _parsed(name: str, read: Callable[[], T]) -> T:
    try:
        return read()
    except ValueError:  # a ValidationError is one, too
        raise ProofsetError(f"evidence/{name}.json is of another version of the platform") from None


def _title(text: bytes) -> str:
    """Name and version of a stored policy, of whatever form."""
    told = json.loads(text)
    return f"{told['policy']} {told.get('version', '')}".strip()
