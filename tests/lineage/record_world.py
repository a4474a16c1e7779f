"""Records of small real candidates: a minimal one, a full one, and one whose texts are hostile."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from lineage.candidate import CandidateFolder, build_candidate, read_candidate
from lineage.decisions import Signed, make_approval, read_approval
from lineage.environment import RunFacts
from lineage.kinds import APPROVAL, AUDIT, CANDIDATE, DOWNLOAD, DRIFT, RELEASE, REVOCATION
from lineage.ledger import Ledger, open_ledger
from lineage.record import Published, Record, files_of, record_of
from lineage.records import append
from lineage.roster import Roster, add_key, read_roster
from lineage.signing import Envelope, Signer
from lineage.times import utc_text
from proofset.evidence import Direction, Measure, Share
from proofset.policy import Policy
from proofset.reading import parse_model
from proofset.spec import DatasetSpec
from proofset.workspace import Workspace
from tests.lineage.shop import DATASET, PEOPLE, POLICY, Evidence, make_measures, make_table

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
HOSTILE = (
    "Ver\"kauf' & <script>alert(1)</script>\n\n# Überschrift | `x` [a](javascript:b) \u2028 ${y} {{ z }} --- 漢字 ⟨🎲⟩"
)
"""Text that would break out of HTML, Markdown, YAML, JSON in a web page, or BibTeX."""
COLUMN = "a b/<i>'\"\\|`{{ x }}#?é"
"""The name of a column that would."""

TERMS: dict[str, Any] = {
    "version": "2.1.0",
    "recipients": ["Example Research Ltd"],
    "terms": "For research; see https://example.org/terms.",
    "conditions": ["delete it after two years"],
    "prohibited_uses": ["decisions about a single person"],
    "known_limits": ["few rows"],
    "keywords": ["shop", "visits"],
    "contact": "https://example.org/contact",
}
ABOUT: dict[str, Any] = {
    "controller": "The Shop GmbH",
    "data_categories": ["purchases", "places"],
    "special_categories": ["health"],
    "collected_from": "2024-01-01",
    "collected_until": "2024-12-31",
    "retention_days": 365,
    "residency": "DE",
}


@dataclass
class World:
    """A candidate with its people and its ledger."""

    parts: CandidateFolder
    roster: Roster
    signers: dict[str, Signer]
    workspace: Workspace
    ledger: Ledger

    def approve(self, *people: str, at: datetime = NOW + HOUR) -> tuple[list[Signed], dict[str, bytes]]:
        """Real decisions, and their files."""
        signed, files = [], {}
        for person in people:
            envelope: Envelope = make_approval(
                self.parts.candidate, self.signers[person], self.roster, "approve", f"{person} looked", at
            )
            signed.append(read_approval(envelope, self.roster))
            files[f"approvals/{person}.dsse.json"] = envelope.to_bytes()
        return signed, files

    def record_candidate(self, run: RunFacts | None = None) -> None:
        body = {
            "candidate": self.parts.candidate.plain(),
            "provenance": self.parts.provenance.plain(),
            "measured_at": utc_text(NOW - HOUR),
            "run": run.plain() if run else {},
        }
        append(self.ledger, CANDIDATE, self.parts.candidate, body, NOW, "ada@example.org")

    def happened(self) -> None:
        """A release, and what can happen after it."""
        candidate, source = self.parts.candidate, self.parts.provenance.source_digest
        about = {"dataset": candidate.dataset}
        passport = {"passport_digest": "0" * 64, "released_at": utc_text(NOW + 2 * HOUR)}
        append(self.ledger, RELEASE, candidate, about | passport, NOW + 2 * HOUR, "platform")
        append(self.ledger, APPROVAL, candidate, about | {"decision": "approve"}, NOW + 3 * HOUR, "ben")
        handed = about | {"recipient": "Example Research Ltd", "purpose": "sharing"}
        append(self.ledger, DOWNLOAD, candidate, handed, NOW + 4 * HOUR, "ada")
        drifted = {"before": source, "verdict": "drifted"}
        self.ledger.append(DRIFT, candidate.dataset, drifted, NOW + 5 * HOUR, actor="platform")
        self.ledger.append(DRIFT, candidate.dataset, drifted | {"before": "f" * 64}, NOW + 5 * HOUR, actor="platform")
        self.ledger.append(AUDIT, candidate.digest, {"what": "pack"}, NOW + 6 * HOUR, actor="eve")
        gone = {"kind": "source", "target": source, "reason": "consent withdrawn", "who": "cho"}
        self.ledger.append(REVOCATION, source, gone, NOW + 7 * HOUR, actor="cho")


def spec_of(**changes: Any) -> DatasetSpec:
    """The shop's spec with some fields changed; `source`, `table` and `columns` are merged."""
    plain = yaml.safe_load(DATASET)
    plain["source"] |= changes.pop("source", {})
    plain["tables"]["visits"] |= changes.pop("table", {})
    plain["tables"]["visits"].setdefault("columns", {}).update(changes.pop("columns", {}))
    return DatasetSpec.model_validate(plain | changes).public()


def full_measures() -> tuple[Measure, ...]:
    lower: dict[str, Any] = {"n": 300, "direction": Direction.LOWER, "floor": 0, "ceiling": 1, "reference": 0.01}
    names = (
        "privacy.singling_out_risk", "privacy.linkability_risk", "privacy.inference_risk", "privacy.canary_exposure",
        "utility.tstr_auc", "fairness.representation_error", "validity.schema", "diagnostic.structure",
    )  # fmt: skip
    parts = (Share(part="north", value=0.02, reference=0.01), Share(part="south", value=0.01))
    more = [Measure(name=n, title=n, value=0.015, low=0.01, high=0.02, parts=parts, **lower) for n in names]
    return (*make_measures(), *more)


def make_world(root: Path, spec: DatasetSpec, policy: str = POLICY, **evidence: Any) -> World:
    (root / "proofset.yaml").parent.mkdir(parents=True, exist_ok=True)
    (root / "proofset.yaml").write_text("workspace: shop\n")
    workspace = Workspace(root)
    signers = {person: Signer.generate() for person in PEOPLE}
    for person, (name, email, roles) in PEOPLE.items():
        add_key(workspace.roster_path, person, name, email, roles, signers[person].public, NOW.date())
    made = replace(
        Evidence(spec, parse_model(policy, Policy, "policy"), make_table()), **evidence, today=date(2026, 3, 1)
    )
    target = workspace.state / "candidates" / "shop" / "x"
    build_candidate(target, **made.parts(), today=date(2026, 3, 1))
    return World(read_candidate(target), read_roster(workspace.roster_path), signers, workspace, open_ledger(workspace))


def minimal(root: Path) -> Record:
    """A candidate of the smallest spec, never released, without a ledger."""
    policy = POLICY.replace("suite: true", "suite: false")
    world = make_world(root, spec_of(title="", description=""), policy, with_suite=False)
    return record_of(world.parts, as_of=utc_text(NOW), roster=world.roster)


def full(root: Path, table: pa.Table | None = None, **changes: Any) -> tuple[World, Record]:
    """A released candidate about which everything is known."""
    spec = spec_of(
        **{
            "source": ABOUT,
            "release": TERMS,
            "table": {"quality": {"groups": ["town"], "canaries": 20}},
            "columns": {
                "card": {"treatment": "drop"},
                "town": {"description": "Part of town"},
            },
        }
        | changes
    )
    world = make_world(root, spec, measures=full_measures(), table=table or make_table())
    run = RunFacts.collect(root, dagster_run="run-1", mlflow_run="run-2")
    world.record_candidate(run)
    signed, files = world.approve("ben", "cho")
    return world, record_of(
        world.parts,
        as_of=utc_text(NOW + 2 * HOUR),
        roster=world.roster,
        files=files_of(world.parts, files),
        published=Published(
            released_at=utc_text(NOW + 2 * HOUR),
            released_by="ada@example.org",
            expires_at=utc_text(NOW + timedelta(days=365)),
            software="proofset 0.1.0",
        ),
        signed=signed,
        counted=signed,
        entries=world.ledger.entries(),
        inclusion=world.ledger.inclusion(1),
        vkey=world.ledger.vkey,
        head=world.ledger.head,
    )


def hostile(root: Path) -> Record:
    """A released candidate whose every text is hostile, a column's name among them."""
    long = HOSTILE[:80].replace("\n", " ").strip()
    return full(
        root,
        table=make_table().rename_columns(["spend", COLUMN, "town"]),
        title=HOSTILE,
        description=HOSTILE,
        source=ABOUT
        | {"controller": long, "attribution": HOSTILE, "licence": HOSTILE, "url": "https://example.org/<x>\"'"},
        release=TERMS
        | {"terms": HOSTILE, "conditions": [HOSTILE], "prohibited_uses": [HOSTILE], "known_limits": [HOSTILE]}
        | {"keywords": [long], "recipients": [HOSTILE], "contact": "https://example.org/'&x=1"},
        columns={"spend": {"type": "number", "description": HOSTILE}},
    )[1]
