"""Report: the audit pack's printable page. One file that loads nothing and runs nothing, for screens and for paper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lineage.audit_manifest import Manifest, Packed
from lineage.audit_sections import FRAMES, NOT_CERTIFIED, served
from lineage.audit_show import Shown, show
from lineage.audit_table import Requirement
from lineage.pages import rendered
from lineage.record import SECTIONS, Record

TEMPLATES = Path(__file__).resolve().parent / "audit_pack"
TITLES = (
    "Identity", "Source", "Preparation", "Making", "Privacy risks", "Closeness and limits", "Judgement", "Approvals",
    "Use", "Cumulative privacy", "History", "Ledger and retention", "Readers of the audit",
)  # fmt: skip
"""Of the record's thirteen sections."""


@dataclass(frozen=True)
class Row:
    """A requirement with what the record says about it."""

    need: Requirement
    facts: tuple[Shown, ...]

    @property
    def known(self) -> int:
        """How many of its fields were recorded."""
        return sum(fact.known for fact in self.facts)


@dataclass(frozen=True)
class Chapter:
    """A section of the record: its fields, the requirements each serves, and what a reader should know is missing."""

    title: str
    fields: tuple[tuple[Shown, str], ...]
    unknown: tuple[str, ...]


def rows(record: Record, needs: Sequence[Requirement]) -> tuple[Row, ...]:
    """What the record says about each requirement."""
    return tuple(Row(need, tuple(show(record, field, few=True) for field in need.fields)) for need in needs)


def chapters(record: Record) -> tuple[Chapter, ...]:
    """The thirteen sections with every field, none left out."""
    found = []
    for name, title in zip(SECTIONS, TITLES, strict=True):
        section = getattr(record, name)
        fields = [f for f in type(section).model_fields if f != "unknown"]
        shown = tuple((show(record, f"{name}.{f}"), _refs(f"{name}.{f}")) for f in fields)
        found.append(Chapter(title, shown, section.unknown))
    return tuple(found)


def _refs(path: str) -> str:
    return "; ".join(f"{one.frame} {one.ref}" for one in served(path))


def release_page(manifest: Manifest, packed: Packed, record: Record | None) -> bytes:
    """The report about one release. record: None where what is left of the release cannot be read."""
    frames = [(frame, rows(record, frame.requirements)) for frame in FRAMES] if record else []
    return _page(manifest, [packed], packed, record, frames, chapters(record) if record else ())


def overview_page(manifest: Manifest) -> bytes:
    """The report about a pack of several releases; each has a page of its own in `reports/`."""
    return _page(manifest, manifest.releases, None, None, [], ())


def _page(
    manifest: Manifest,
    releases: Sequence[Packed],
    only: Packed | None,
    record: Record | None,
    frames: Sequence[tuple[object, tuple[Row, ...]]],
    told: tuple[Chapter, ...],
) -> bytes:
    return rendered(
        TEMPLATES,
        "report.html.j2",
        pack=manifest,
        releases=releases,
        only=only,
        record=record,
        frames=frames,
        chapters=told,
        not_certified=NOT_CERTIFIED,
    )
