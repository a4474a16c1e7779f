"""Small real candidates, people with real keys, and a real workspace in a temporary folder."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from lineage.candidate import build_candidate
from lineage.chain import spec_digest
from lineage.checks import Check
from lineage.ledger import Ledger, open_ledger
from lineage.passport import INCLUSION, PASSPORT, Passport, sign_passport
from lineage.release import Released, approve, record_candidate, release
from lineage.roster import RELEASER, Roster, add_key, read_roster
from lineage.signing import Signer
from lineage.verify import verify_release
from proofset.digest import sha256_bytes, sha256_file, table_digest
from proofset.evidence import (
    Candidate,
    ColumnProfile,
    Direction,
    ExpectationResult,
    Measure,
    ModelCard,
    Profile,
    Provenance,
    Scorecard,
    SuiteResult,
)
from proofset.policy import Policy
from proofset.policy_judge import Facts, judge
from proofset.policy_union import UNITED
from proofset.spec import DatasetSpec
from proofset.workspace import Workspace

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
LATER = NOW + DAY
REQUESTER = "ada@example.org"
PEOPLE = {
    "ada": ("Ada", REQUESTER, ["data_steward"]),
    "ben": ("Ben", "ben@example.org", ["data_steward"]),
    "cho": ("Cho", "cho@example.org", ["privacy_officer"]),
    "dia": ("Dia", "dia@example.org", ["analyst"]),
    "platform": ("proofset", "platform@example.org", [RELEASER]),
}
POLICY = """\
policy: sharing
purposes: [sharing]
require:
  - {measure: fidelity.shape_error, max: 0.05}
  - {measure: privacy.exact_copy_rate, max_excess: 0.01}
suite: true
approvals: {required: 2, roles: [data_steward, privacy_officer], valid_days: 20}
evidence_max_age_days: 30
forbid: {licences: [BUSL-1.1]}
"""
DATASET = """\
dataset: shop
title: Shop visits, synthetic
description: Visits to a shop.
owner: shop-team@example.org
purpose: sharing
source:
  licence: CC-BY-4.0
  attribution: "The Shop (2025)"
  url: https://example.org/shop
  lawful_basis: consent
  permitted_purposes: [sharing, analytics]
tables:
  visits:
    path: data/visits.parquet
    columns:
      spend: {type: number, description: Money spent | in euros}
policy: sharing
seed: 7
"""


def make_table(seed: int = 0, rows: int = 300) -> pa.Table:
    rng = np.random.default_rng(seed)
    return pa.table(
        {
            "spend": rng.gamma(2, 20, rows).round(2),
            "visits": rng.poisson(3, rows),
            "town": rng.choice(["north", "south", None], rows).tolist(),
        }
    )


def make_measures() -> tuple[Measure, ...]:
    lower: dict[str, Any] = {"n": 300, "direction": Direction.LOWER, "floor": 0, "ceiling": 1}
    return (
        Measure(name="fidelity.shape_error", title="Shape", value=0.02, low=0.01, high=0.03, reference=0.015, **lower),
        Measure(name="privacy.exact_copy_rate", title="Copies", value=0, low=0, high=0.005, reference=0.002, **lower),
        Measure(name="privacy.membership_auc", title="Members", status="unsupported", detail="too few rows", **lower),
    )


def united(measure: Measure) -> Measure:
    """The same of all live releases together."""
    return measure.model_copy(update={"name": UNITED.get(measure.name, f"{measure.name}_together")})


@dataclass
class Evidence:
    """Everything a candidate is built from; `changed` derives the digests anew, so that it hangs together again."""

    spec: DatasetSpec
    policy: Policy
    table: pa.Table
    measures: tuple[Measure, ...] = field(default_factory=make_measures)
    with_suite: bool = True
    suite_succeeds: bool = True
    licence: str = "Apache-2.0"
    requested_by: str = REQUESTER
    today: date = field(default_factory=lambda: datetime.now(UTC).date())
    union: tuple[str, ...] | None = None
    """The other live tables of the source that it was attacked together with."""

    def parts(self) -> dict[str, Any]:
        digest = table_digest(self.table)
        columns = tuple(
            ColumnProfile(
                name=n,
                storage=str(self.table.schema.field(n).type),
                semantic="number" if n != "town" else "category",
                guessed="number" if n != "town" else "category",
                nullable=n == "town",
                null_share=0,
                distinct=10,
                unique=False,
            )
            for n in self.table.column_names
        )
        profile = Profile(
            table="visits",
            source_digest=sha256_bytes(b"source"),
            rows=600,
            duplicate_rows=0,
            key_candidates=(),
            columns=columns,
        )
        card = ModelCard(
            generator="trees",
            version="1",
            title="Trees",
            method="Grows trees.",
            licence=self.licence,
            use_when="often",
            avoid_when="seldom",
            privacy="Small groups are merged.",
        )
        provenance = Provenance(
            dataset=self.spec.dataset,
            purpose=self.spec.purpose,
            owner=self.spec.owner,
            requested_by=self.requested_by,
            spec_digest=spec_digest(self.spec),
            source_digest=profile.source_digest,
            source_rows=600,
            profile_digest=profile.digest,
            train_digest=sha256_bytes(b"train"),
            train_rows=300,
            holdout_digest=sha256_bytes(b"holdout"),
            holdout_rows=300,
            generator=card,
            options={"privacy": "medium", "depth": 3.0},
            fitted_digest=sha256_bytes(b"fitted"),
            synthetic_digest=digest,
            synthetic_rows=self.table.num_rows,
            table="visits",
            seed=7,
            versions={"python": "3"},
        )
        scorecard = Scorecard(
            synthetic_digest=digest,
            train_digest=provenance.train_digest,
            holdout_digest=provenance.holdout_digest,
            measures=self.measures + tuple(map(united, self.measures) if self.union else ()),
            union=self.union,
        )
        suite = SuiteResult(
            synthetic_digest=digest,
            suite="visits",
            expectations=(ExpectationResult(expectation="expect_column", column="spend", success=self.suite_succeeds),),
        )
        held = suite if self.with_suite else None
        return {
            "synthetic": self.table,
            "provenance": provenance,
            "profile": profile,
            "scorecard": scorecard,
            "suite": held,
            "verdict": judge(self.policy, scorecard, held, Facts.of(provenance, self.spec.source), self.today),
            "policy": self.policy,
            "spec": self.spec,
            "report_html": "<!doctype html><title>Report</title>",
            "beside": {"evidence/data_docs/index.html": "<!doctype html><title>Suite</title>"},
        }


@dataclass
class Place:
    """A workspace with a ledger, a roster and everybody's keys."""

    workspace: Workspace
    ledger: Ledger
    signers: dict[str, Signer]

    @property
    def roster(self) -> Roster:
        return read_roster(self.workspace.roster_path)

    @property
    def evidence(self) -> Evidence:
        return Evidence(self.workspace.dataset("shop").public(), self.workspace.policy("sharing"), make_table())

    def build(self, evidence: Evidence | None = None, **changes: Any) -> tuple[Candidate, Path]:
        parts = (evidence or self.evidence).parts() | changes
        target = self.workspace.state / "candidates" / "shop" / table_digest(parts["synthetic"])[:12]
        if target.exists():
            shutil.rmtree(target)
        return build_candidate(target, **parts), target

    def record(self, evidence: Evidence | None = None, at: datetime = NOW) -> tuple[Candidate, Path]:
        candidate, folder = self.build(evidence)
        record_candidate(self.workspace, self.ledger, candidate, folder, at)
        return candidate, folder

    def sign(self, candidate: Candidate, *people: str, decision: str = "approve", at: datetime = NOW + HOUR) -> None:
        for person in people:
            approve(self.workspace, self.ledger, candidate.digest, self.signers[person], decision, "looked", at)

    def release(self, ref: str = "shop", now: datetime = NOW + 2 * HOUR, signer: str = "platform") -> Released:
        return release(self.workspace, self.ledger, ref, self.signers[signer], "ada@example.org", now)

    def write(self, path: str, text: str) -> None:
        target = self.workspace.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)


def make_place(root: Path) -> Place:
    for path, text in {
        "proofset.yaml": "workspace: shop\n",
        "datasets/shop.yaml": DATASET,
        "policies/sharing.yaml": POLICY,
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    workspace = Workspace(root)
    signers = {person: Signer.generate() for person in PEOPLE}
    for person, (name, email, roles) in PEOPLE.items():
        add_key(workspace.roster_path, person, name, email, roles, signers[person].public, NOW.date())
    return Place(workspace, open_ledger(workspace), signers)


@cache
def another_ledger() -> Ledger:
    """A ledger of whoever holds the releaser's key: it signs whatever they want."""
    root = Path(tempfile.mkdtemp()) / "bank"
    root.mkdir()
    (root / "proofset.yaml").write_text("workspace: bank\n")
    return open_ledger(Workspace(root))


def named_ledger() -> dict[str, Any]:
    """What a passport states of the other ledger."""
    ledger = another_ledger()
    ledger.append("begin", "", {})  # a key is made with the first entry
    return {"ledger": ledger.head, "ledger_key": ledger.vkey}


def enter(folder: Path, candidate: str) -> None:
    """Have the other ledger record whatever passport lies in the folder."""
    ledger = another_ledger()
    body = {"dataset": "shop", "passport_digest": sha256_file(folder / PASSPORT)}
    entry = ledger.append("release", candidate, body)
    (folder / INCLUSION).write_bytes(ledger.inclusion(entry.seq).to_bytes())


def endorse(folder: Path, passport: Passport, signer: Signer) -> None:
    """Sign a passport and have a ledger of one's own record it: what the platform itself could do."""
    made = passport.model_copy(update=named_ledger())
    (folder / PASSPORT).write_bytes(sign_passport(made, signer).to_bytes())
    enter(folder, made.candidate)


def failing(folder: Path, place: Place, now: datetime = LATER) -> list[Check]:
    return [c for c in verify_release(folder, place.roster, now, table=True) if not c.ok]


def named(checks: list[Check]) -> set[str | None]:
    return {c.file for c in checks}
