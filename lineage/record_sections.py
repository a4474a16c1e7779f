"""Sections 1 to 7 of the provenance record: what was made, from what, how, and what was measured.

Each is frozen and JSON-ready. None stands for "not known" or "does not apply"; what a reader should know is missing is
said in the section's `unknown`, a sentence each. Nothing here holds a row of a source; values are quoted only where
evidence quotes them (see `proofset.evidence`).
"""

from __future__ import annotations

from typing import Any

from lineage.environment import RunFacts
from proofset.evidence import FileEntry, Measure, Parent
from proofset.spec import Frozen, Purpose, SemanticType, SpecialCategory, Treatment


class Section(Frozen):
    """Base of the sections. unknown: what a reader should know is missing."""

    unknown: tuple[str, ...] = ()


class Column(Frozen):
    """A column of the released table.

    storage: its Arrow type.  nulls: how many of the released rows have none; None where the file does not say.
    source_column: whether the source has a column of this name.
    """

    name: str
    storage: str
    semantic: SemanticType
    treatment: Treatment
    nullable: bool
    unique: bool
    nulls: int | None = None
    description: str = ""
    source_column: bool = True


class Identity(Section):
    """1. The release: its names, and its bytes.

    release: DATASET/ID, the folder it is published in, where ID is the first 12 digits of the candidate's digest.
    candidate: SHA-256 of candidate.json, which approvers sign.  data_digest: of the table's content, whatever the file.
    schema_digest: SHA-256 of the canonical JSON of the columns' names and Arrow types.
    seal: what the Parquet file states of itself.  files: every file but the record, its exports and the passport.
    released_at, released_by, expires_at: None while it is not released; expires_at also where the policy sets no end.
    """

    release: str
    candidate: str
    version: str | None = None
    dataset: str
    title: str
    description: str
    owner: str
    table: str
    rows: int
    columns: tuple[Column, ...]
    data_digest: str
    schema_digest: str
    evidence_digest: str
    seal: str
    files: tuple[FileEntry, ...]
    released_at: str | None = None
    released_by: str | None = None
    expires_at: str | None = None
    software: str | None = None

    @property
    def data_files(self) -> tuple[FileEntry, ...]:
        """The files that hold the released rows."""
        return tuple(f for f in self.files if f.path.startswith("data/"))

    @property
    def urn(self) -> str:
        """A name that no other release has, whatever the place."""
        return f"urn:proofset:release:{self.candidate}"


class Source(Section):
    """2. The source: whose it is, why it may be used, what it holds. snapshot_digest: of its content on that day."""

    owner: str
    controller: str | None = None
    licence: str
    attribution: str = ""
    url: str = ""
    lawful_basis: str
    permitted_purposes: tuple[Purpose, ...]
    snapshot_digest: str
    rows: int
    data_categories: tuple[str, ...] | None = None
    special_categories: tuple[SpecialCategory, ...] | None = None
    collected_from: str | None = None
    collected_until: str | None = None
    kept_until: str | None = None
    residency: str | None = None
    generations: int
    real_share: float | None = None
    parents: tuple[Parent, ...] = ()


class Prepared(Frozen):
    """A column that did not go into the model as it is, and why. pii_risk: as the profile judged it."""

    name: str
    semantic: str | None = None
    pii_risk: str | None = None
    why: str


class Preparation(Section):
    """3. What was done to the columns before anything was learned.

    dropped: left out.  masked: replaced by generated values that never saw the source.  minimised: modelled, but
    without what fewer than `least` rows share.  kept: modelled, with no such value noticed.
    """

    dropped: tuple[Prepared, ...] = ()
    masked: tuple[Prepared, ...] = ()
    minimised: tuple[Prepared, ...] = ()
    kept: tuple[str, ...] = ()
    least: int
    constraints: int
    notes: tuple[str, ...] = ()


class Making(Section):
    """4. The generator and its environment.

    epsilon, delta, accountant: of differential privacy, where the generator states them among its options; else None.
    model_digest: of the fitted generator.  versions: of the libraries that decide the result.  run: see `RunFacts`.
    """

    generator: str
    version: str
    title: str
    method: str
    paper: str = ""
    licence: str
    privacy: str
    options: dict[str, Any]
    seed: int
    epsilon: float | None = None
    delta: float | None = None
    accountant: str | None = None
    guarantee: str
    model_digest: str
    spec_digest: str
    profile_digest: str
    requested_by: str
    versions: dict[str, str]
    measured_at: str | None = None
    run: RunFacts | None = None


class Attack(Frozen):
    """What a family of privacy measures supposes of the attacker. measures: names of those that were asked."""

    family: str
    wp216: str | None = None
    """The risk of Opinion 05/2014 (WP216) it speaks to: singling out, linkability or inference."""
    model: str
    measures: tuple[str, ...]


class Risks(Section):
    """5. Privacy: who might attack, and what came of it. Every measure with its interval and its holdout reference."""

    attacks: tuple[Attack, ...]
    measures: tuple[Measure, ...]
    canaries: Measure | None = None
    canaries_planted: int
    holdout_share: float
    holdout_rows: int
    holdout_digest: str
    train_rows: int
    train_digest: str
    holdout: str
    """How it was drawn and what for, in words."""


class Closeness(Section):
    """6. Fidelity, utility, fairness by subgroup, validity; what it is not good for.

    limits: known limits, declared and found.  Each measure with its parts (columns, pairs, groups).
    """

    fidelity: tuple[Measure, ...]
    utility: tuple[Measure, ...]
    fairness: tuple[Measure, ...]
    validity: tuple[Measure, ...]
    others: tuple[Measure, ...] = ()
    groups: tuple[str, ...] = ()
    suite: str
    suite_failed: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    prohibited_uses: tuple[str, ...] | None = None


class Held(Frozen):
    """One demand of the policy against what was observed. value, low, high: None for what is no measure."""

    check: str
    measure: str
    threshold: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    part: str = ""
    outcome: str
    severity: str
    reason: str
    waived: str = ""
    within: str = ""


class Waived(Frozen):
    """A waiver of the policy, and whether it was used for this release."""

    about: str
    why: str
    by: str
    until: str
    used: bool


class Judgement(Section):
    """7. The policy: each threshold against what was observed, and what was waived."""

    policy: str
    version: str
    digest: str
    scorecard_digest: str
    description: str
    authors: tuple[str, ...]
    outcome: str
    findings: tuple[Held, ...]
    waivers: tuple[Waived, ...] = ()
