"""Evidence: what was observed about a dataset. Frozen, JSON-ready, bound to digests.

None of it holds a row or an unprotected value of the source: a value is quoted only where at least `MIN_COUNT`
rows share it, and a bound is an average over at least as many rows.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from proofset.digest import sha256_json
from proofset.evidence_values import Format as Format
from proofset.evidence_values import Histogram as Histogram
from proofset.evidence_values import TopValue as TopValue
from proofset.provenance import FileEntry as FileEntry
from proofset.provenance import Files as Files
from proofset.provenance import ModelCard as ModelCard
from proofset.provenance import Parent as Parent
from proofset.provenance import Provenance as Provenance
from proofset.spec import Frozen, SemanticType, Treatment

MIN_COUNT = 10
"""The smallest group of source rows about which evidence or a generator may say something exact."""


MAX_PARTS = 200
"""The most parts a measure names; of more, the worst are kept."""


class Direction(StrEnum):
    """Which way is better."""

    LOWER = "lower"
    HIGHER = "higher"


class Outcome(StrEnum):
    """What a threshold or a policy says. REVIEW: inconclusive, but approvers may accept it by name."""

    PASS = "pass"  # noqa: S105 - an outcome, not a password
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    REVIEW = "review"


class Share(Frozen):
    """One part of a measure: what it is for one column, pair of columns, group or class.

    part: column names, or groups named by values that at least MIN_COUNT rows share.
    low, high: the 95 % interval, None where only the whole has one.  reference: the same on the holdout.
    """

    part: str
    value: float
    low: float | None = None
    high: float | None = None
    reference: float | None = None
    n: int | None = Field(default=None, ge=0)


class Measure(Frozen):
    """One number that never travels alone.

    value, low, high: the estimate and its 95 % interval; None where measuring failed.
    n: rows it rests on.  direction: which way is better.  floor, ceiling: the range it can take.  unit: of the value.
    reference: the same metric with the real holdout in the synthetic table's place, with its interval.
    status: "ok"; "error" (detail says which type of error); "unsupported" (detail says why it has no meaning here);
    "inconclusive" (it has a meaning, but this table does not let it be found out: detail says why).
    parts: what it is for single columns, pairs, groups or classes, worst value first; at most MAX_PARTS of them.
    parts_count: how many of them there were; 0 where that was not noted.
    sampled: where it rests on a random part of the rows, how many of how many, and the name of the seed.
    gates: False for a warning, which no policy may ask for.  paper: where it was published.
    """

    name: str
    title: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = Field(ge=0)
    direction: Direction
    floor: float
    ceiling: float
    reference: float | None = None
    reference_low: float | None = None
    reference_high: float | None = None
    status: Literal["ok", "error", "unsupported", "inconclusive"] = "ok"
    detail: str = ""
    method: str = ""
    paper: str = ""
    unit: str = "share"
    sampled: str = ""
    gates: bool = True
    parts: tuple[Share, ...] = Field(default=(), max_length=MAX_PARTS)
    parts_count: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.status == "ok":
            if self.value is None or self.low is None or self.high is None:
                raise ValueError("a measure that is ok needs value, low and high")
            if not self.low <= self.value <= self.high:
                raise ValueError("the interval must hold the value")
        elif self.value is not None:
            raise ValueError("a measure that is not ok has no value")
        if 0 < self.parts_count < len(self.parts):
            raise ValueError("there were fewer parts than there are")
        return self

    @property
    def dropped(self) -> bool:
        """Whether there were, or may have been, more parts than are kept."""
        return self.parts_count > len(self.parts) or (not self.parts_count and len(self.parts) == MAX_PARTS)


class Scorecard(Frozen):
    """All measures of one synthetic table, bound to the digests they were computed from.

    union: digests of the other live releases' tables of the source, in order, that it was attacked together with; None
    where there were none.
    """

    synthetic_digest: str
    train_digest: str
    holdout_digest: str
    measures: tuple[Measure, ...]
    union: tuple[str, ...] | None = Field(default=None, min_length=1)
    versions: dict[str, str] = Field(default_factory=dict)

    @field_validator("measures")
    @classmethod
    def _distinct_names(cls, measures: tuple[Measure, ...]) -> tuple[Measure, ...]:
        names = [m.name for m in measures]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"measured twice: {', '.join(twice)}")
        return measures

    def measure(self, name: str) -> Measure | None:
        """The measure of this name, or None."""
        return next((m for m in self.measures if m.name == name), None)

    @property
    def digest(self) -> str:
        """SHA-256 of the scorecard's canonical JSON."""
        return sha256_json(self.plain())


class Finding(Frozen):
    """How one demand turned out.

    part: the column, pair or group it turned on.  severity: "warn" is shown and stops nothing.
    within: the check of the group it belongs to; "" where it stands for itself.
    absent: evidence is missing or errored, which nothing excuses.
    waived: the waiver under which it stops nothing, in words; the outcome stays what it is.
    """

    check: str
    measure: str
    threshold: str
    outcome: Outcome
    reason: str
    part: str = ""
    severity: Literal["block", "warn"] = "block"
    within: str = ""
    absent: bool = False
    waived: str = ""

    @property
    def holds(self) -> bool:
        """Whether what was demanded was found, without any waiver."""
        return self.outcome is Outcome.PASS

    @property
    def counts(self) -> Outcome:
        """The outcome as the verdict counts it: a waived one as a pass."""
        return Outcome.PASS if self.waived else self.outcome

    @property
    def decides(self) -> bool:
        """Whether the verdict rests on it: not a warning, and not inside a group."""
        return self.severity == "block" and not self.within

    @property
    def blocks(self) -> bool:
        """Whether it keeps the verdict from being a pass."""
        return self.decides and self.counts is not Outcome.PASS


class Verdict(Frozen):
    """What a policy says about one scorecard."""

    outcome: Outcome
    synthetic_digest: str
    scorecard_digest: str
    policy_digest: str
    findings: tuple[Finding, ...]

    @property
    def blocking(self) -> tuple[Finding, ...]:
        """The findings that keep it from being a pass; none where it is one."""
        return tuple(f for f in self.findings if f.blocks)


class ExpectationResult(Frozen):
    """One expectation of the validation suite, by name; holds no unexpected value."""

    expectation: str
    column: str | None = None
    success: bool
    unexpected_percent: float | None = None
    detail: str = ""


class SuiteResult(Frozen):
    """The validation suite's run on one synthetic table."""

    synthetic_digest: str
    suite: str
    expectations: tuple[ExpectationResult, ...]

    @property
    def success(self) -> bool:
        """True where there was at least one expectation and all hold."""
        return bool(self.expectations) and all(e.success for e in self.expectations)


class ColumnProfile(Frozen):
    """What a column looks like."""

    name: str
    storage: str
    semantic: SemanticType
    guessed: SemanticType
    """What the values suggest; differs from `semantic` where the spec declares otherwise."""
    nullable: bool
    null_share: float
    distinct: int
    unique: bool
    low: float | None = None
    """Protected lower bound of a number (or a time, in seconds since 1970): no single row decides it."""
    high: float | None = None
    quantiles: dict[str, float] = Field(default_factory=dict)
    """Protected quantiles, "0.05" to "0.95"."""
    histogram: Histogram | None = None
    """Of numbers, and of times in seconds since 1970; None where there are too few rows."""
    integral: bool = False
    top: tuple[TopValue, ...] = ()
    rare_share: float = 0.0
    """Share of rows whose category fewer than MIN_COUNT rows share."""
    pii_risk: Literal["none", "low", "medium", "high"] = "none"
    pii: tuple[Share, ...] | None = None
    """Kinds of personal identifiers that texts hold, with the share of rows that hold one; never a value."""
    treatment: Treatment = Treatment.MODEL
    formats: tuple[Format, ...] | None = None
    """Forms of the codes in a column that is faked; None where none is common enough."""
    notes: tuple[str, ...] = ()


class Profile(Frozen):
    """What a source table looks like. Safe to publish: see the module's rule."""

    table: str
    source_digest: str
    rows: int
    duplicate_rows: int
    key_candidates: tuple[str, ...]
    columns: tuple[ColumnProfile, ...]
    notes: tuple[str, ...] = ()
    """Disagreements between spec and data, and what else a reader should know."""

    @property
    def digest(self) -> str:
        """SHA-256 of the profile's canonical JSON."""
        return sha256_json(self.plain())

    def column(self, name: str) -> ColumnProfile:
        """The profile of one column; KeyError where there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)


class Candidate(Frozen):
    """A synthetic dataset with its evidence, waiting for people. Its digest covers every byte of every file."""

    dataset: str
    synthetic_digest: str
    evidence_digest: str
    policy_digest: str
    requested_by: str
    outcome: Outcome
    files: Files

    @property
    def digest(self) -> str:
        """SHA-256 of the candidate's canonical JSON: what approvers sign."""
        return sha256_json(self.plain())

    @property
    def seal(self) -> str:
        """What its data files state in their own metadata, see `lineage.seal`."""
        return seal_digest(
            self.dataset, self.synthetic_digest, self.evidence_digest, self.policy_digest, self.requested_by
        )


def seal_digest(
    dataset: str, synthetic_digest: str, evidence_digest: str, policy_digest: str, requested_by: str
) -> str:
    """SHA-256 over what decides a candidate, without the digests of the files that state it."""
    return sha256_json(
        {
            "dataset": dataset,
            "synthetic_digest": synthetic_digest,
            "evidence_digest": evidence_digest,
            "policy_digest": policy_digest,
            "requested_by": requested_by,
        }
    )


def evidence_digest(
    provenance: Provenance, profile: Profile, scorecard: Scorecard, suite: SuiteResult | None, verdict: Verdict
) -> str:
    """SHA-256 over all the evidence, in a fixed order."""
    parts = {
        "provenance": provenance.plain(),
        "profile": profile.plain(),
        "scorecard": scorecard.plain(),
        "suite": suite.plain() if suite else None,
        "verdict": verdict.plain(),
    }
    return sha256_json(parts)
