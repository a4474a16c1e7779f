"""Policy: what a candidate must prove before people may release it. See docs/policies.md.

A policy demands (`require`, `suite`), refuses (`forbid`), says who must sign (`approvals`) and for how long evidence,
signatures and releases count. `proofset.policy_judge` holds evidence against it. A policy without demands cannot be
written: there is nothing it could prove.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from pydantic import Field, model_validator

from proofset.digest import sha256_json
from proofset.frozen import Frozen
from proofset.policy_demands import MAX_DEPTH, CheckName, Demand, Requirement, Word, depth, groups, requirements
from proofset.policy_union import union_checks
from proofset.spec import Name, Purpose

Kept = Literal["requester", "owner", "policy_author", "robots"]
"""Who may be kept from approving."""

BESIDE_MEASURES = frozenset(
    ("validation_suite", "generator_licence", "generator", "purpose", "residency", "generations", "real_share")
)
"""Checks beside the measures, by name."""

_RENAMED = {"thresholds": "`require`", "forbidden_licences": "`forbid: {licences: [...]}`"}


class Forbid(Frozen):
    """What the policy refuses, whatever was measured. Words are compared without regard to case and spaces around."""

    licences: tuple[Word, ...] = ()
    """Licences of generators, e.g. "BUSL-1.1"."""
    purposes: tuple[Purpose, ...] = ()
    generators: tuple[Word, ...] = ()
    """Generators by name."""
    max_generations: int | None = Field(default=None, ge=0)
    """How far from real data the table may be at most: 1 for made from a real source, 2 for made from such a table."""
    min_real_share: float | None = Field(default=None, ge=0, le=1)
    """The least share of the source's rows that came out of no generator of ours. Training on generated data again and
    again loses the tails; keeping real data in the mixture slows that down: Shumailov et al. (2024),
    https://doi.org/10.1038/s41586-024-07566-y."""
    residencies: tuple[Word, ...] = ()
    """Where the source must not live. A source that does not say where it lives is inconclusive."""

    @property
    def checks(self) -> dict[str, str]:
        """The limit of each check this makes, by the check's name."""
        words = {
            "generator_licence": self.licences,
            "generator": self.generators,
            "purpose": tuple(p.value for p in self.purposes),
            "residency": self.residencies,
        }
        made = {check: f"not {', '.join(refused)}" for check, refused in words.items() if refused}
        if self.max_generations is not None:
            made["generations"] = f"≤ {self.max_generations}"
        if self.min_real_share is not None:
            made["real_share"] = f"≥ {self.min_real_share:g}"
        return made


class ApprovalRule(Frozen):
    """How many people must sign, which roles must be among them, and for how long a signature counts."""

    required: int = Field(ge=1, le=100)
    roles: tuple[str, ...] = ()
    """Each role listed must be held by a different one of the signers."""
    valid_days: int = Field(default=30, ge=1, le=36500)
    separation: tuple[Kept, ...] = ("requester", "robots")
    """Whose approval does not count. The requester's and the platform's own never do, listed or not."""

    @model_validator(mode="after")
    def _enough(self) -> ApprovalRule:
        if len(self.roles) > self.required:
            raise ValueError("more roles than required approvals; raise `required`")
        return self


class Waiver(Frozen):
    """A check that may fail until a day: it is still shown as failing, with the waiver. Exactly one of measure, check.

    It excuses what was measured and does not hold, never evidence that is missing or errored.
    """

    measure: Word | None = None
    """Every requirement on this measure."""
    check: CheckName | None = None
    """One check by its name, as a verdict lists it."""
    why: Word
    by: Word
    """Who answers for it: an id of the roster or an e-mail address."""
    until: date
    """The last day on which it counts, in UTC."""

    @model_validator(mode="after")
    def _one(self) -> Waiver:
        if (self.measure is None) == (self.check is None):
            raise ValueError("give exactly one of measure, check")
        return self

    def covers(self, check: str, measure: str) -> bool:
        """Whether it is about this check."""
        return check == self.check or (bool(measure) and measure == self.measure)

    def text(self) -> str:
        """The waiver in words."""
        return f"waived until {self.until.isoformat()} by {self.by}: {self.why}"


class Policy(Frozen):
    """What a dataset of these purposes must prove, and who must agree."""

    policy: Name
    version: str = "1"
    description: str = ""
    authors: tuple[str, ...] = ()
    """Who wrote it: ids of the roster or e-mail addresses."""
    purposes: tuple[Purpose, ...] = Field(min_length=1)
    require: tuple[Demand, ...] = Field(min_length=1, max_length=200)
    forbid: Forbid = Forbid()
    suite: bool = True
    """The validation suite must have run on these bytes and succeeded."""
    approvals: ApprovalRule
    evidence_max_age_days: int = Field(default=30, ge=1, le=36500)
    expires_after_days: int | None = Field(default=None, ge=1, le=36500)
    """How long a release is good for; None for without end."""
    waivers: tuple[Waiver, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _old_words(cls, data: Any) -> Any:
        old = [word for word in _RENAMED if isinstance(data, dict) and word in data]
        if old:
            raise ValueError("; ".join(f"unknown field '{word}'. Did you mean {_RENAMED[word]}?" for word in old))
        return data

    @model_validator(mode="after")
    def _sound(self) -> Policy:
        if depth(self.require) > MAX_DEPTH:
            raise ValueError(f"groups lie deeper than {MAX_DEPTH} in one another")
        names = [r.key for r in self.requirements] + [name for name, _ in groups(self.require)]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"a limit of the same kind is set twice, or a name given twice: {', '.join(twice)}")
        taken = sorted({name for name, _ in groups(self.require)} & (BESIDE_MEASURES | union_checks(self).keys()))
        if taken:
            raise ValueError(f"a group may not be called {', '.join(taken)}: a check beside the measures has that name")
        if any(m.severity == "warn" for _, group in groups(self.require) for m in group.members):
            raise ValueError("inside a group nothing only warns; set `severity: warn` on the group around it")
        if not any(demand.severity == "block" for demand in self.require):
            raise ValueError("every requirement only warns, so the policy demands nothing")
        both = [p.value for p in self.purposes if p in self.forbid.purposes]
        if both:
            raise ValueError(f"purposes both served and forbidden: {', '.join(both)}")
        if "policy_author" in self.approvals.separation and not self.authors:
            raise ValueError("approvals.separation names policy_author; say who in `authors`")
        return self

    @property
    def requirements(self) -> tuple[Requirement, ...]:
        """Every requirement, those within groups too."""
        return tuple(requirements(self.require))

    @property
    def digest(self) -> str:
        """SHA-256 of the policy's canonical JSON."""
        return sha256_json(self.plain())
