"""Open Data Contract Standard 3: the release as a contract, with its schema, its measured quality and its terms.

Format: https://bitol-io.github.io/open-data-contract-standard/. The contract is built from the standard's own models,
so that a field that it does not have cannot be written.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

import yaml

from lineage.exports.common import kind, mail, relative, sentences, words
from lineage.record import Record
from lineage.record_sections import Column, Held

if TYPE_CHECKING:
    from open_data_contract_standard.model import CustomProperty, DataQuality, SchemaProperty

API = "v3.1.0"


def export(record: Record) -> bytes:
    """The record as a data contract in YAML."""
    from open_data_contract_standard.model import OpenDataContractStandard

    one, use, close = record.identity, record.use, record.closeness
    conditions = [f"Condition: {c}" for c in use.conditions or ()]
    contract = OpenDataContractStandard.model_validate(
        {
            "kind": "DataContract",
            "apiVersion": API,
            "id": str(uuid5(NAMESPACE_URL, one.urn)),
            "name": one.title,
            "version": one.version or one.candidate[:12],
            "status": _status(record),
            "dataProduct": one.dataset,
            "description": {
                "purpose": f"{words(record)} Made for: {use.purpose.value.replace('_', ' ')}.",
                "limitations": sentences((*close.limits, *(f"Not for: {u}" for u in close.prohibited_uses or ()))),
                "usage": sentences((use.terms or "No terms are named", *conditions)),
                "authoritativeDefinitions": [{"url": relative("report.html"), "type": "implementation"}],
            },
            "tags": ["synthetic", *use.keywords],
            "servers": [
                {"server": "release", "type": "local", "path": relative(file.path), "format": "parquet"}
                for file in one.data_files
            ],
            "schema": [_table(record)],
            "support": list(_support(record)),
            "team": {"name": one.owner, "members": list(_members(record))},
            "roles": [{"role": who, "access": "read"} for who in use.recipients or ()],
            "slaProperties": list(_promises(record)),
            "customProperties": _custom(_facts(record)),
            "contractCreatedTs": one.released_at or record.as_of,
        }
    )
    plain = contract.model_dump(exclude_none=True, by_alias=True)
    held = {name: value for name, value in plain.items() if value != []}
    return yaml.safe_dump(held, sort_keys=False, allow_unicode=True, width=120).encode()


def _status(record: Record) -> str:
    """Of the standard's words: draft before the release, active after it, retired once it is withdrawn."""
    if record.history.withdrawn:
        return "retired"
    return "active" if record.identity.released_at else "draft"


def _custom(facts: dict[str, Any]) -> list[CustomProperty]:
    from open_data_contract_standard.model import CustomProperty

    return [CustomProperty(property=name, value=value) for name, value in facts.items() if value is not None]


def _facts(record: Record) -> dict[str, Any]:
    one = record.identity
    return {
        "synthetic": True,
        "release": one.release,
        "candidate": one.candidate,
        "seal": one.seal,
        "dataSha256": {file.path: file.sha256 for file in one.data_files},
        "tableDigest": one.data_digest,
        "sourceDigest": record.source.snapshot_digest,
        "sourceLicence": record.source.licence,
        "lawfulBasis": record.source.lawful_basis,
        "policy": record.judgement.policy,
        "policyDigest": record.judgement.digest,
        "verdict": record.judgement.outcome,
        "generator": f"{record.making.generator} {record.making.version}",
        "expires": one.expires_at,
    }


def _table(record: Record) -> dict[str, Any]:
    one = record.identity
    return {
        "name": one.table,
        "physicalName": one.data_files[0].path.rsplit("/", 1)[-1],
        "physicalType": "file",
        "logicalType": "object",
        "description": f"{one.rows:,} synthetic rows.",
        "dataGranularityDescription": "One row stands for nobody; see the source for what a row of it stands for.",
        "properties": [_column(column) for column in one.columns],
        "quality": [_rows(one.rows), *(_held(h) for h in record.judgement.findings)],
    }


def _column(column: Column) -> SchemaProperty:
    from open_data_contract_standard.model import DataQuality, SchemaProperty

    required = column.nulls == 0 and not column.nullable
    none = DataQuality(type="library", metric="nullValues", mustBe=0, dimension="completeness", unit="rows")
    return SchemaProperty(
        name=column.name,
        logicalType=kind(column.storage),
        physicalType=column.storage,
        description=column.description or None,
        required=required,
        unique=column.unique or None,
        quality=[none] if required else None,
        customProperties=_custom({"semantic": column.semantic.value, "treatment": column.treatment.value}),
    )


def _rows(count: int) -> DataQuality:
    from open_data_contract_standard.model import DataQuality

    return DataQuality(type="library", metric="rowCount", mustBe=count, dimension="completeness", unit="rows")


def _held(held: Held) -> DataQuality:
    """A demand of the policy, with what was observed."""
    from open_data_contract_standard.model import DataQuality

    return DataQuality(
        name=held.check,
        type="custom",
        engine="proofset",
        implementation=held.plain(),
        description=f"{held.measure or held.check} {held.threshold}: {held.outcome}, {held.reason}",
        severity="error" if held.severity == "block" else "warning",
    )


def _support(record: Record) -> Iterator[dict[str, Any]]:
    contact = record.use.contact or record.identity.owner
    url = contact if contact.startswith("https://") else mail(contact)
    tool = "email" if url and url.startswith("mailto:") else "other"
    yield {"channel": contact, "tool": tool, "scope": "issues", **({"url": url} if url else {})}


def _members(record: Record) -> Iterator[dict[str, Any]]:
    for one in record.approvals.approvers:
        if one.counted:
            told = f"approved {record.identity.release}"
            role = ", ".join(one.roles)
            yield {"username": one.person, "name": one.name, "role": role, "description": told}


def _promises(record: Record) -> Iterator[dict[str, Any]]:
    """Service levels: from when and until when the release is good."""
    one = record.identity
    if one.expires_at:
        yield {"property": "endOfLife", "value": one.expires_at, "driver": "regulatory"}
    if one.released_at:
        yield {"property": "generalAvailability", "value": one.released_at, "driver": "operational"}
