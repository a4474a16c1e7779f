"""DCAT-AP 3 as JSON-LD: the release as a dataset in a European data catalogue.

Profile: https://semiceu.github.io/DCAT-AP/releases/3.0.0/. Addresses are relative to this file, as the release's folder
is all there is; who publishes the folder resolves them against its place. Nothing here says who may have access but the
release's own terms: its purpose `public_release` is PUBLIC, every other RESTRICTED.
"""

from __future__ import annotations

from typing import Any

from lineage.exports.common import SITE, address, licence_url, linked, mail, origin, relative, sentences, words
from lineage.record import Record
from proofset.evidence import FileEntry
from proofset.spec import Purpose

_RIGHTS = "http://publications.europa.eu/resource/authority/access-right/"
_PARQUET = "https://www.iana.org/assignments/media-types/application/vnd.apache.parquet"

CONTEXT: dict[str, Any] = {
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "adms": "http://www.w3.org/ns/adms#",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "prov": "http://www.w3.org/ns/prov#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "spdx": "http://spdx.org/rdf/terms#",
    "vcard": "http://www.w3.org/2006/vcard/ns#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "proofset": f"{SITE}/dcat#",
}


def export(record: Record) -> bytes:
    """The record as DCAT-AP JSON-LD."""
    one = record.identity
    issued = _moment(one.released_at or record.as_of)
    dataset = {
        "@id": one.urn,
        "@type": "dcat:Dataset",
        "dct:title": _text(one.title),
        "dct:description": _text(f"{words(record)} {origin(record)}"),
        "dct:identifier": one.candidate,
        "adms:identifier": {"@type": "adms:Identifier", "rdfs:label": one.release},
        "dct:issued": issued,
        "dct:modified": issued,
        "dcat:version": one.version,
        "dcat:keyword": [_text(k) for k in ("synthetic data", *record.use.keywords)],
        "dct:publisher": _agent(one.owner),
        "dct:creator": _agent(one.owner),
        "dcat:contactPoint": _contact(record),
        "dct:accessRights": _access(record),
        "dct:license": _licence(record.source.licence),
        "dct:rights": _rights(record),
        "dct:provenance": {"@type": "dct:ProvenanceStatement", "rdfs:label": _text(_history(record))},
        "prov:wasDerivedFrom": _source(record),
        "prov:wasGeneratedBy": {
            "@type": "prov:Activity",
            "rdfs:label": f"{record.making.generator} {record.making.version}, seed {record.making.seed}",
        },
        "prov:qualifiedAttribution": [
            {
                "@type": "prov:Attribution",
                "prov:agent": {"@type": ["prov:Person", "foaf:Person"], "foaf:name": a.name or a.person},
                "dcat:hadRole": {"@id": "proofset:approver"},
            }
            for a in record.approvals.approvers
            if a.counted
        ],
        "dct:temporal": _period(record),
        "dcat:distribution": [_distribution(record, file) for file in one.data_files],
        "foaf:page": {"@id": relative("report.html"), "@type": "foaf:Document"},
    }
    return linked({"@context": CONTEXT, **_said(dataset)})


def _said(node: dict[str, Any]) -> dict[str, Any]:
    """Without what is not known: a property with an empty value would say something."""
    return {name: value for name, value in node.items() if value is not None and value != []}


def _text(text: str) -> dict[str, str]:
    return {"@value": text, "@language": "en"}


def _moment(at: str) -> dict[str, str]:
    return {"@value": at, "@type": "xsd:dateTime"}


def _agent(owner: str) -> dict[str, Any]:
    box = mail(owner)
    return {"@type": "foaf:Agent", "foaf:name": owner, **({"foaf:mbox": {"@id": box}} if box else {})}


def _contact(record: Record) -> dict[str, Any]:
    contact = record.use.contact or record.identity.owner
    kind: dict[str, Any] = {"@type": "vcard:Kind", "vcard:fn": contact}
    box, page = mail(contact), address(contact)
    if box:
        kind["vcard:hasEmail"] = {"@id": box}
    elif page:
        kind["vcard:hasURL"] = {"@id": page}
    return kind


def _access(record: Record) -> dict[str, Any]:
    open_to_all = record.use.purpose is Purpose.PUBLIC_RELEASE
    return {"@id": _RIGHTS + ("PUBLIC" if open_to_all else "RESTRICTED"), "@type": "dct:RightsStatement"}


def _licence(licence: str) -> dict[str, Any]:
    """The licence document: by its address, or by its name where it has none that is known."""
    known = licence_url(licence)
    return {"@type": "dct:LicenseDocument", **({"@id": known} if known else {"rdfs:label": licence})}


def _rights(record: Record) -> dict[str, Any]:
    use, close = record.use, record.closeness
    told = [
        f"Made for: {use.purpose.value.replace('_', ' ')}",
        use.terms or "",
        *(f"Condition: {c}" for c in use.conditions or ()),
        *(f"Not for: {u}" for u in close.prohibited_uses or ()),
    ]
    return {"@type": "dct:RightsStatement", "rdfs:label": _text(sentences(told))}


def _history(record: Record) -> str:
    one, judged = record.source, record.judgement
    return (
        f"{origin(record)} Lawful basis of the source: {one.lawful_basis.replace('_', ' ')}. The policy "
        f"{judged.policy} says {judged.outcome}; {sum(a.counted for a in record.approvals.approvers)} people approved."
    )


def _source(record: Record) -> dict[str, Any] | None:
    source = record.source
    if not source.generations:
        return None
    page = address(source.url)
    return {
        "@id": f"urn:sha256:{source.snapshot_digest}",
        "@type": "prov:Entity",
        "dct:license": _licence(source.licence),
        **({"dct:bibliographicCitation": source.attribution} if source.attribution else {}),
        **({"foaf:page": {"@id": page, "@type": "foaf:Document"}} if page else {}),
    }


def _period(record: Record) -> dict[str, Any] | None:
    """When the source was collected: the time that the rows speak of."""
    began, ended = record.source.collected_from, record.source.collected_until
    if not (began or ended):
        return None
    period: dict[str, Any] = {"@type": "dct:PeriodOfTime"}
    for name, day in (("dcat:startDate", began), ("dcat:endDate", ended)):
        if day:
            period[name] = {"@value": day, "@type": "xsd:date"}
    return period


def _distribution(record: Record, file: FileEntry) -> dict[str, Any]:
    place = {"@id": relative(file.path)}
    return {
        "@id": f"{record.identity.urn}:{file.sha256}",
        "@type": "dcat:Distribution",
        "dct:title": _text(file.path.rsplit("/", 1)[-1]),
        "dct:description": _text(f"{record.identity.rows:,} synthetic rows as Apache Parquet."),
        "dcat:accessURL": place,
        "dcat:downloadURL": place,
        "dcat:mediaType": {"@id": _PARQUET, "@type": "dct:MediaType"},
        "dcat:byteSize": {"@value": str(file.size), "@type": "xsd:nonNegativeInteger"},
        "dct:license": _licence(record.source.licence),
        "dct:issued": _moment(record.identity.released_at or record.as_of),
        "spdx:checksum": {
            "@type": "spdx:Checksum",
            "spdx:algorithm": {"@id": "spdx:checksumAlgorithm_sha256"},
            "spdx:checksumValue": {"@value": file.sha256, "@type": "xsd:hexBinary"},
        },
    }
