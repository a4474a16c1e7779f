"""Show: how a field of the provenance record reads in the audit report. Pure.

What is None is "not recorded"; an empty list is "none". Lists of things are shown in full in the report's annex, and in
a few lines where a requirement cites them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from lineage.environment import Package, RunFacts
from lineage.record import Record
from lineage.record_judged import CANARY
from lineage.record_people import Approver, Event, Separation
from lineage.record_sections import Attack, Column, Held, Prepared, Waived
from proofset.evidence import FileEntry, Measure, Parent

NOT_RECORDED = "not recorded"
LABELS = {
    "identity.owner": "Owner of the dataset",
    "identity.seal": "Seal, which the data file carries",
    "source.url": "Address",
    "source.rows": "Rows of the source",
    "source.generations": "Generations away from real data",
    "source.real_share": "Share of real data in the source",
    "source.parents": "Synthetic tables in the source",
    "preparation.dropped": "Columns left out",
    "preparation.masked": "Columns replaced by invented values",
    "preparation.minimised": "Columns without their rare values",
    "preparation.kept": "Columns modelled as they are",
    "preparation.least": "Smallest group anything exact is said about",
    "preparation.constraints": "Rules between columns",
    "making.title": "Generator, in words",
    "making.privacy": "Privacy by design of the generator",
    "making.epsilon": "ε of differential privacy",
    "making.delta": "δ of differential privacy",
    "making.run": "Code, packages, machine and runs",
    "risks.measures": "Privacy measures",
    "risks.holdout": "How the holdout was drawn",
    "closeness.others": "Other measures",
    "closeness.suite": "Validation suite",
    "closeness.suite_failed": "Expectations that do not hold",
    "judgement.version": "Version of the policy",
    "judgement.digest": "Digest of the policy",
    "judgement.description": "What the policy is for",
    "judgement.authors": "Authors of the policy",
    "judgement.findings": "Thresholds against what was observed",
    "approvals.required": "People who must approve",
    "approvals.roles": "Roles among them",
    "approvals.valid_days": "Days an approval counts",
    "approvals.separated": "Duties kept apart as required",
    "approvals.enough": "As many approved as required",
    "budget.releases": "Releases of this snapshot so far",
    "budget.epsilon": "Sum of ε",
    "budget.without_guarantee": "Releases without ε",
    "history.withdrawn": "Why it must not be used",
    "log.entry": "The candidate's entry",
    "log.vkey": "The ledger's key",
    "readers.audits": "Exports of audit packs",
}
"""What a field is called where its name alone does not tell."""
FEW = 6
"""The most lines of a list that a requirement cites."""


@dataclass(frozen=True)
class Shown:
    """A field as it reads. label: its name in words.  lines: what it says.  grid: a table's titles and rows, or None.
    known: whether it was recorded.  section: its number in the annex.  more: lines that were left out."""

    path: str
    label: str
    lines: tuple[str, ...]
    known: bool
    section: int
    grid: tuple[tuple[str, ...], tuple[tuple[str, ...], ...]] | None = None
    more: int = 0

    @property
    def digest(self) -> bool:
        """Whether it is a digest, to be set in figures of one width."""
        return len(self.lines) == 1 and re.fullmatch(r"[0-9a-f]{64}", self.lines[0]) is not None


def number(value: float | None) -> str:
    """Four significant digits."""
    return "–" if value is None else f"{value:.4g}"


def _day(text: str) -> str:
    return text[:16].replace("T", " ")


def _interval(measure: Measure) -> str:
    return f"{number(measure.low)} to {number(measure.high)}"


def _told(measure: Measure) -> str:
    if measure.value is None:
        return f"{measure.title}: no value ({measure.detail or measure.status})"
    beside = f"; on the holdout {number(measure.reference)}" if measure.reference is not None else ""
    return f"{measure.title}: {number(measure.value)} (95 %: {_interval(measure)}{beside})"


_Grid = tuple[tuple[str, ...], Callable[[Any], tuple[str, ...]], Callable[[Any], str]]
_KINDS: dict[type, _Grid] = {
    Measure: (
        ("measure", "value", "95 % interval", "on the holdout", "rows", "method"),
        lambda m: (m.title, number(m.value) if m.value is not None else m.detail or m.status, _interval(m),
                   number(m.reference), f"{m.n:,}", m.method or "–"),
        _told,
    ),
    Held: (
        ("check", "threshold", "observed", "outcome", "reason"),
        lambda h: (h.measure or h.check, h.threshold, number(h.value), f"{h.outcome}, {h.waived}" if h.waived
                   else h.outcome, h.reason),
        lambda h: f"{h.measure or h.check} {h.threshold}: {h.outcome}" + (f", {h.waived}" if h.waived else ""),
    ),
    Approver: (
        ("person", "roles", "decision", "signed", "key", "reason and conditions"),
        lambda a: (a.name or a.person, ", ".join(a.roles), a.decision if a.counted else f"{a.decision}, not counted",
                   _day(a.signed_at), a.key[:12], "; ".join((a.reason, *a.conditions)) or "–"),
        lambda a: f"{a.name or a.person} ({', '.join(a.roles)}): {a.decision}, {_day(a.signed_at)}"
                  + ("" if a.counted else ", not counted"),
    ),
    Separation: (
        ("duty", "kept apart", "required", "what was found"),
        lambda s: (s.duty.replace("_", " "), "yes" if s.held else "NO", "yes" if s.required else "no", s.detail),
        lambda s: f"{s.duty.replace('_', ' ')}: {s.detail}",
    ),
    Event: (
        ("entry", "time", "kind", "who", "about", "says"),
        lambda e: (str(e.index), _day(e.at), e.kind, e.actor or "–", e.subject[:24], e.detail or "–"),
        lambda e: f"entry {e.index}, {_day(e.at)}: {e.kind} by {e.actor or 'nobody named'}"
                  + (f", {e.detail}" if e.detail else ""),
    ),
    Column: (
        ("column", "type", "holds", "treatment", "missing"),
        lambda c: (c.name, c.storage, c.semantic.value.replace("_", " "), c.treatment.value,
                   f"{c.nulls:,}" if c.nulls is not None else NOT_RECORDED),
        lambda c: f"{c.name} ({c.storage})",
    ),
    Prepared: (
        ("column", "holds", "risk of identifying", "why"),
        lambda p: (p.name, p.semantic or "–", p.pii_risk or "–", p.why),
        lambda p: f"{p.name}: {p.why}",
    ),
    FileEntry: (
        ("file", "bytes", "SHA-256"),
        lambda f: (f.path, f"{f.size:,}", f.sha256),
        lambda f: f"{f.path}, SHA-256 {f.sha256[:12]}…",
    ),
    Attack: (
        ("attack", "risk of WP216", "what the attacker has and does", "measures"),
        lambda a: (a.family, a.wp216 or "–", a.model, ", ".join(a.measures)),
        lambda a: a.family,
    ),
    Waived: (
        ("about", "why", "by", "until", "used"),
        lambda w: (w.about, w.why, w.by, w.until, "yes" if w.used else "no"),
        lambda w: f"{w.about}: waived by {w.by} until {w.until}, {w.why}",
    ),
    Parent: (
        ("dataset", "candidate", "share of the source", "generations"),
        lambda p: (p.dataset, p.candidate[:12], number(p.share), str(p.generations)),
        lambda p: f"{p.dataset} {p.candidate[:12]}: {number(p.share)} of the source",
    ),
    Package: (
        ("package", "version", "licence"),
        lambda p: (p.name, p.version, p.licence),
        lambda p: f"{p.name} {p.version}",
    ),
}  # fmt: skip


def show(record: Record, field: str, *, few: bool = False) -> Shown:
    """A field of the record as it reads.

    Parameters
    ----------
    field: SECTION.FIELD, of measures also SECTION.FIELD@RISK for those of one of WP216's risks.
    few: at most FEW lines, and no table.
    """
    path, _, risk = field.partition("@")
    name, _, attribute = path.partition(".")
    section = getattr(record, name)
    value = getattr(section, attribute)
    if risk:
        asked = {m for attack in record.risks.attacks if attack.wp216 == risk for m in attack.measures}
        value = tuple(m for m in value if m.name in asked and m.name != CANARY) or None
    label = risk.capitalize() if risk else LABELS.get(path, attribute.replace("_", " ").capitalize())
    number_of = [n for n in Record.model_fields if n not in ("format", "as_of")].index(name) + 1
    if value is None or value == "":
        return Shown(path, label, (NOT_RECORDED,), False, number_of)
    kind = _KINDS.get(type(value[0])) if isinstance(value, tuple) and value else None
    if kind is not None and not few:
        return Shown(path, label, (), True, number_of, (kind[0], tuple(kind[1](one) for one in value)))
    lines = tuple(kind[2](one) for one in value) if kind is not None else tuple(_lines(value))
    return Shown(path, label, lines[:FEW] if few else lines, True, number_of, more=max(len(lines) - FEW, 0) * few)


def _lines(value: Any) -> Iterable[str]:
    if isinstance(value, bool):
        yield "yes" if value else "no"
    elif isinstance(value, float):
        yield number(value)
    elif isinstance(value, int):
        yield f"{value:,}"
    elif isinstance(value, RunFacts):
        yield from _run(value)
    elif isinstance(value, Measure):
        yield _told(value)
    elif isinstance(value, BaseModel):
        yield from _lines(value.model_dump(mode="json", exclude_none=True))
    elif isinstance(value, dict):
        yield from (f"{key}: {', '.join(_lines(one))}" for key, one in sorted(value.items())) if value else ("none",)
    elif isinstance(value, tuple | list):
        yield from ((line for one in value for line in _lines(one)) if value else ("none",))
    else:
        yield str(value)


def _run(run: RunFacts) -> Sequence[str]:
    commit = "no repository" if run.commit is None else run.commit + (", with changes" if run.modified else "")
    return (
        f"code commit: {commit}",
        f"lock file: {f'{run.lock.name}, SHA-256 {run.lock.sha256}' if run.lock else NOT_RECORDED}",
        f"environment: {len(run.packages)} packages, SHA-256 {run.packages_digest}",
        f"Python {run.python} on {run.machine.system}, {run.machine.architecture}",
        f"Dagster run: {run.dagster_run or NOT_RECORDED}",
        f"MLflow run: {run.mlflow_run or NOT_RECORDED}",
    )
