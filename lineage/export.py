"""Export: the ledger as Parquet tables with fixed schemas, for SQL. Digests, numbers and decisions; no rows, no texts
that people wrote."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from lineage.kinds import APPROVAL, CANDIDATE, DENIAL
from lineage.ledger import Entry, Ledger
from lineage.standing import Stood, released_states
from lineage.times import parse_utc
from proofset.files import parquet_bytes, write_bytes

_TIME = pa.timestamp("us", tz="UTC")
_TEXT, _WHOLE, _REAL = pa.string(), pa.int64(), pa.float64()

Row = dict[str, Any]


def _schema(words: str, **others: pa.DataType) -> pa.Schema:
    """A schema of the columns in `words`: text, except those named in `others`."""
    return pa.schema([(name, others.get(name, _TEXT)) for name in words.split()])


SCHEMAS: dict[str, pa.Schema] = {
    "datasets": _schema(
        "dataset title owner purpose modality policy_digest generator generator_licence "
        "first_recorded_at last_recorded_at",
        first_recorded_at=_TIME,
        last_recorded_at=_TIME,
    ),
    "candidates": _schema(
        "candidate dataset synthetic_digest source_digest evidence_digest policy_digest requested_by outcome "
        "rows generations recorded_at",
        rows=_WHOLE,
        generations=_WHOLE,
        recorded_at=_TIME,
    ),
    "measures": _schema(
        "candidate measure title value low high n direction reference status",
        value=_REAL,
        low=_REAL,
        high=_REAL,
        n=_WHOLE,
        reference=_REAL,
    ),
    "findings": _schema(
        "candidate check_name measure threshold outcome reason severity group_check waived",
    ),
    "approvals": _schema(
        "candidate person decision signed_at recorded_at comment_length",
        signed_at=_TIME,
        recorded_at=_TIME,
        comment_length=_WHOLE,
    ),
    "releases": _schema(
        "candidate dataset folder passport_digest released_by released_at expires_at state",
        released_at=_TIME,
        expires_at=_TIME,
    ),
    "denials": _schema("candidate dataset reasons denied_at", denied_at=_TIME),
}
"""Table -> columns. denials.reasons is text, one reason per line."""


def export_tables(ledger: Ledger, folder: Path, now: datetime | None = None) -> dict[str, int]:
    """Write every table to `folder`/NAME.parquet, each whole or not at all, also when empty; return rows per table.

    A candidate recorded or released more than once has one row, with the time of the last. now: when releases are
    looked at, whose state time changes; the present where None.
    """
    latest = list({e.subject: e for e in ledger.entries(CANDIDATE)}.values())
    rows: dict[str, Iterable[Row]] = {
        "datasets": _datasets(ledger.entries(CANDIDATE)),
        "candidates": map(_candidate, latest),
        "measures": (_measure(e, m) for e in latest for m in e.body["measures"]),
        "findings": (_finding(e, f) for e in latest for f in e.body["findings"]),
        "approvals": map(_approval, ledger.entries(APPROVAL)),
        "releases": map(_release, released_states(ledger, now or datetime.now(UTC)).values()),
        "denials": map(_denial, ledger.entries(DENIAL)),
    }
    counts = {}
    for name, schema in SCHEMAS.items():
        table = pa.Table.from_pylist(list(rows[name]), schema=schema)
        write_bytes(folder / f"{name}.parquet", parquet_bytes(table))
        counts[name] = table.num_rows
    return counts


def _datasets(entries: list[Entry]) -> Iterator[Row]:
    """One row per dataset: as its last record describes it."""
    grouped: dict[str, list[Entry]] = {}
    for entry in entries:
        grouped.setdefault(entry.body["candidate"]["dataset"], []).append(entry)
    for dataset, group in sorted(grouped.items()):
        body = group[-1].body
        provenance = body["provenance"]
        yield {
            "dataset": dataset,
            "title": body["title"],
            "owner": provenance["owner"],
            "purpose": provenance["purpose"],
            "modality": body["modality"],
            "policy_digest": body["candidate"]["policy_digest"],
            "generator": provenance["generator"]["generator"],
            "generator_licence": provenance["generator"]["licence"],
            "first_recorded_at": parse_utc(group[0].at),
            "last_recorded_at": parse_utc(group[-1].at),
        }


def _candidate(entry: Entry) -> Row:
    candidate, provenance = entry.body["candidate"], entry.body["provenance"]
    copied = ("dataset", "synthetic_digest", "evidence_digest", "policy_digest", "requested_by", "outcome")
    return {name: candidate[name] for name in copied} | {
        "candidate": entry.subject,
        "source_digest": provenance["source_digest"],
        "rows": provenance["synthetic_rows"],
        "generations": provenance["generations"],
        "recorded_at": parse_utc(entry.at),
    }


def _measure(entry: Entry, measure: Row) -> Row:
    copied = ("title", "value", "low", "high", "n", "direction", "reference", "status")
    return {"candidate": entry.subject, "measure": measure["name"]} | {name: measure.get(name) for name in copied}


def _finding(entry: Entry, finding: Row) -> Row:
    copied = ("measure", "threshold", "outcome", "reason")
    more = {"severity": finding.get("severity", "block"), "group_check": finding.get("within", "")}
    row = {"candidate": entry.subject, "check_name": finding["check"], "waived": finding.get("waived", "")}
    return row | more | {name: finding[name] for name in copied}


def _approval(entry: Entry) -> Row:
    return {
        "candidate": entry.subject,
        "person": entry.body["person"],
        "decision": entry.body["decision"],
        "signed_at": parse_utc(entry.body["signed_at"]),
        "recorded_at": parse_utc(entry.at),
        "comment_length": entry.body["comment_length"],
    }


def _release(stood: Stood) -> Row:
    copied = ("dataset", "folder", "passport_digest", "released_by")
    body, end = stood.entry.body, stood.entry.body.get("expires_at")
    return {name: body[name] for name in copied} | {
        "candidate": stood.candidate,
        "released_at": parse_utc(body["released_at"]),
        "expires_at": parse_utc(end) if end else None,
        "state": stood.state.value,
    }


def _denial(entry: Entry) -> Row:
    return {
        "candidate": entry.subject,
        "dataset": entry.body["dataset"],
        "reasons": "\n".join(entry.body["reasons"]),
        "denied_at": parse_utc(entry.at),
    }
