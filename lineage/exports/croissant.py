"""Croissant 1.1 with Responsible AI 1.0 and W3C PROV: what machine-learning tools read to find and load a dataset.

Format: https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html and croissant-rai-spec.html. The data file is
named relative to this one, so that `mlcroissant` loads the rows from the release's folder and checks their SHA-256.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from lineage.exports.common import address, figure, kind, licence_url, linked, origin, relative, words
from lineage.record import Record
from lineage.record_sections import Column
from proofset.evidence import Measure

CONFORMS = ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"]
_TYPES = {
    "boolean": "sc:Boolean",
    "integer": "sc:Integer",
    "number": "sc:Float",
    "date": "sc:Date",
    "timestamp": "sc:DateTime",
    "time": "sc:Time",
    "string": "sc:Text",
}
_OWN = (
    "arrayShape", "citeAs", "column", "containedIn", "equivalentProperty", "extract", "field", "fileObject",
    "fileProperty", "fileSet", "format", "includes", "isArray", "isLiveDataset", "jsonPath", "key", "md5",
    "parentField", "path", "recordSet", "references", "regex", "repeated", "replace", "samplingRate", "separator",
    "source", "subField", "transform",
)  # fmt: skip


def export(record: Record) -> bytes:
    """The record as Croissant JSON-LD."""
    about = {
        **_dataset(record),
        "distribution": list(_files(record)),
        "recordSet": [_rows(record)],
        **_responsible(record),
        **_provenance(record),
    }
    return linked({"@context": _context(), **{name: value for name, value in about.items() if value not in (None, [])}})


def _context() -> dict[str, Any]:
    """The context that the format's appendix asks for, with RAI and PROV."""
    return {
        "@language": "en",
        "@vocab": "https://schema.org/",
        "sc": "https://schema.org/",
        "cr": "http://mlcommons.org/croissant/",
        "rai": "http://mlcommons.org/croissant/RAI/",
        "dct": "http://purl.org/dc/terms/",
        "prov": "http://www.w3.org/ns/prov#",
        "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
        "conformsTo": "dct:conformsTo",
        "data": {"@id": "cr:data", "@type": "@json"},
        "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
        "description": {"@container": "@language"},
        "examples": {"@id": "cr:examples", "@type": "@json"},
        "name": {"@container": "@language"},
        **{name: f"cr:{name}" for name in _OWN},
    }


def _dataset(record: Record) -> dict[str, Any]:
    one = record.identity
    date = (one.released_at or record.as_of)[:10]
    owner: dict[str, Any] = {"@type": "sc:Organization", "name": one.owner}
    return {
        "@type": "sc:Dataset",
        "@id": one.urn,
        "conformsTo": CONFORMS,
        "name": one.title,
        "description": f"{words(record)} {origin(record)}",
        "identifier": one.release,
        "url": relative("report.html"),
        "license": licence_url(record.source.licence) or record.source.licence,
        "version": one.version,
        "datePublished": date,
        "creator": owner,
        "publisher": owner,
        "keywords": ["synthetic data", *(k for k in record.use.keywords if k != "synthetic data")],
        "citeAs": _citation(record, date),
        "usageInfo": record.use.terms,
        "isBasedOn": address(record.source.url),
    }


def _citation(record: Record, date: str) -> str:
    """A BibTeX entry; braces and backslashes in texts would end or change a field, so they are left out."""
    plain = str.maketrans(dict.fromkeys("{}\\", " "))
    title, owner = (" ".join(t.translate(plain).split()) for t in (record.identity.title, record.identity.owner))
    note = f"Synthetic data, release {record.identity.release}, candidate {record.identity.candidate}"
    key = f"{record.identity.dataset}_{record.identity.candidate[:12]}"
    return f"@misc{{{key}, title={{{title}}}, author={{{{{owner}}}}}, year={{{date[:4]}}}, note={{{note}}}}}"


def _files(record: Record) -> Iterator[dict[str, Any]]:
    for file in record.identity.data_files:
        yield {
            "@type": "cr:FileObject",
            "@id": file.path,
            "name": file.path.rsplit("/", 1)[-1],
            "description": f"The released rows of the table {record.identity.table}, as Apache Parquet.",
            "contentUrl": relative(file.path),
            "contentSize": f"{file.size} B",
            "encodingFormat": "application/x-parquet",
            "sha256": file.sha256,
            "prov:wasGeneratedBy": {"@id": f"{record.identity.urn}#sampling"},
        }


def _rows(record: Record) -> dict[str, Any]:
    one = record.identity
    return {
        "@type": "cr:RecordSet",
        "@id": one.table,
        "name": one.table,
        "description": f"{one.rows:,} synthetic rows.",
        "field": [_field(column, one.table, one.data_files[0].path) for column in one.columns],
    }


def _field(column: Column, table: str, path: str) -> dict[str, Any]:
    meaning = column.semantic.value.replace("_", " ")
    return {
        "@type": "cr:Field",
        "@id": f"{table}/{quote(column.name, safe='')}",
        "name": column.name,
        "description": f"{column.description or column.name} ({meaning}; treatment: {column.treatment.value})",
        "dataType": _TYPES[kind(column.storage)],
        "source": {"fileObject": {"@id": path}, "extract": {"column": column.name}},
    }


def _responsible(record: Record) -> dict[str, Any]:
    """The properties of Croissant RAI 1.0."""
    source, made, close = record.source, record.preparation, record.closeness
    window = [day for day in (source.collected_from, source.collected_until) if day]
    masked = [f"{c.name}: masked, {c.why}." for c in made.masked]
    return {
        "rai:dataCollection": f"{origin(record)} Lawful basis of the source: {source.lawful_basis.replace('_', ' ')}.",
        "rai:dataCollectionType": ["Others"],
        "rai:dataCollectionRawData": f"A source of {source.rows:,} rows; SHA-256 of its content "
        f"{source.snapshot_digest}. It is not part of the release.",
        "rai:dataCollectionTimeframe": window,
        "rai:dataPreprocessingProtocol": [
            *(f"{c.name}: left out." for c in made.dropped),
            *masked,
            f"Values that fewer than {made.least} rows of the source share are never learned as they are.",
        ],
        "rai:dataManipulationProtocol": f"{record.making.method} {record.making.privacy}",
        "rai:dataUseCases": [p.value.replace("_", " ") for p in record.use.permitted_purposes],
        "rai:dataLimitations": [*close.limits, *(f"Not for: {use}" for use in close.prohibited_uses or ())],
        "rai:dataBiases": [_sentence(m) for m in close.fairness],
        "rai:dataSocialImpact": "Risks to people of the source, by attack: "
        + ("; ".join(_sentence(m) for m in record.risks.measures if m.value is not None) or "none was measured"),
        "rai:personalSensitiveInformation": list(_sensitive(record)),
        "rai:dataReleaseMaintenancePlan": record.log.retention,
    }


def _sensitive(record: Record) -> Iterator[str]:
    """What of the source is personal and sensitive, as far as that is said."""
    special = record.source.special_categories
    yield from (f"The source holds {c.value.replace('_', ' ')}." for c in special or ())
    if special is None:
        yield "It is not said whether the source holds special categories of personal data."
    elif not special:
        yield "The source was said to hold no special categories of personal data."
    yield "The rows are synthetic: none of them is a person's. How near they come to real rows is measured."


def _sentence(measure: Measure) -> str:
    if measure.value is None:
        return f"{measure.title}: {measure.status}"
    span = f"95 % interval {figure(measure.low)} to {figure(measure.high)}"
    reference = "" if measure.reference is None else f", holdout {figure(measure.reference)}"
    return f"{measure.title}: {figure(measure.value)} ({span}{reference})"


def _provenance(record: Record) -> dict[str, Any]:
    """PROV on the dataset: what it was derived from, what made it, who answers for it."""
    made, one = record.making, record.identity
    model = {"@id": f"urn:sha256:{made.model_digest}", "@type": "prov:Entity", "rdfs:label": "the fitted generator"}
    source = {
        "@id": f"urn:sha256:{record.source.snapshot_digest}",
        "@type": "prov:Entity",
        "rdfs:label": "the source as it was on one day",
    }
    software = {"@type": ["prov:SoftwareAgent", "prov:Agent"], "rdfs:label": f"{made.generator} {made.version}"}
    return {
        "prov:wasDerivedFrom": [source] if record.source.generations else [],
        "prov:wasGeneratedBy": {
            "@id": f"{one.urn}#sampling",
            "@type": "prov:Activity",
            "rdfs:label": f"sampling {one.rows:,} rows, seed {made.seed}",
            "prov:used": [model],
            "prov:wasAssociatedWith": software,
            **({"prov:endedAtTime": made.measured_at} if made.measured_at else {}),
        },
        "prov:wasAttributedTo": [
            {"@type": ["prov:Person", "prov:Agent"], "rdfs:label": f"{a.name or a.person}, {', '.join(a.roles)}"}
            for a in record.approvals.approvers
            if a.counted
        ],
    }
