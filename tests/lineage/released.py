"""A place with a release, for tests of what comes after."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from lineage.download import download
from proofset.evidence import Candidate
from proofset.spec import Purpose
from tests.lineage.shop import LATER, Place


def newest(place: Place) -> str:
    return place.ledger.entries("candidate")[-1].subject


def folder_of(place: Place, digest: str | None = None) -> Path:
    return place.workspace.releases / "shop" / (digest or newest(place))[:12]


def other(place: Place, rows: int = 1, at: datetime = LATER) -> Candidate:
    """Another candidate of the same dataset: a shorter table."""
    evidence = place.evidence
    evidence.union = tuple(e.body["candidate"]["synthetic_digest"] for e in place.ledger.entries("candidate")) or None
    evidence.table = evidence.table.slice(rows)
    return place.record(evidence, at)[0]


def take(place: Place, target: Path, ref: str = "shop", now: datetime = LATER, **changes: Any) -> Any:
    told: dict[str, Any] = {"recipient": "A University", "purpose": Purpose.SHARING, "who": "ada"} | changes
    return download(place.workspace, place.ledger, ref, target, place.roster, now=now, **told)
