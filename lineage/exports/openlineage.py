"""OpenLineage 2: the runs that made, measured and released the table, as lineage tools take them in.

Specification: https://openlineage.io/spec/2-0-2/OpenLineage.json and its facets. Events are built from the classes
that the project generates from its schemas. One event per line (NDJSON), a START and a COMPLETE for each run:

    DATASET.synthesise   source    -> synthetic table, with schema and column lineage
    DATASET.measure      synthetic table, with data quality metrics and assertions
    DATASET.release      synthetic table -> release; only where it is released

Run ids are uuid5 of the candidate and the job, so that sending a file twice changes nothing. What is recorded is when a
table was measured and released, not for how long a step ran: both events of a run carry the same time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

from lineage.exports.common import SITE, words
from lineage.record import Record
from lineage.record_sections import Held
from proofset.spec import Treatment

if TYPE_CHECKING:
    from openlineage.client.generated import base
    from openlineage.client.generated.column_lineage_dataset import Fields
    from openlineage.client.generated.data_quality_assertions_dataset import Assertion

PRODUCER = f"{SITE}/exports/openlineage/v1"
NAMESPACE = "proofset"
"""Of jobs and datasets."""


def export(record: Record) -> bytes:
    """The record as OpenLineage run events."""
    from openlineage.client.serde import Serde

    # Plain ASCII: some readers of NDJSON take other signs than the line feed for the end of a line.
    lines = (json.dumps(Serde.to_dict(event), sort_keys=True, separators=(",", ":")) for event in events(record))
    return "".join(f"{line}\n" for line in lines).encode()


def events(record: Record) -> Iterator[base.RunEvent]:
    """A START and a COMPLETE for each run, oldest first."""
    from openlineage.client.generated.base import EventType, Job, Run, RunEvent

    measured = record.making.measured_at or record.as_of
    runs: list[tuple[str, str, list[base.InputDataset], list[base.OutputDataset]]] = [
        ("synthesise", measured, _sources(record), [_synthetic(record)]),
        ("measure", measured, [_measured(record, measured)], []),
    ]
    if record.identity.released_at:
        runs.append(("release", record.identity.released_at, [_plain(record)], [_released(record)]))
    for name, at, inputs, outputs in runs:
        run = Run(str(uuid5(NAMESPACE_URL, f"{record.identity.urn}/{name}")), facets=_run_facets(record))
        job = Job(NAMESPACE, f"{record.identity.dataset}.{name}", facets=_job_facets(record))
        for kind in (EventType.START, EventType.COMPLETE):
            yield RunEvent(
                eventTime=at, producer=PRODUCER, run=run, job=job, eventType=kind, inputs=inputs, outputs=outputs
            )


def _run_facets(record: Record) -> dict[str, Any]:
    from openlineage.client.generated.nominal_time_run import NominalTimeRunFacet
    from openlineage.client.generated.processing_engine_run import ProcessingEngineRunFacet

    made = record.making
    nominal = made.measured_at or record.as_of
    return {
        "nominalTime": NominalTimeRunFacet(nominal, producer=PRODUCER),
        "processing_engine": ProcessingEngineRunFacet(made.version, name=made.generator, producer=PRODUCER),
    }


def _job_facets(record: Record) -> dict[str, Any]:
    from openlineage.client.generated.documentation_job import DocumentationJobFacet
    from openlineage.client.generated.job_type_job import JobTypeJobFacet

    return {
        "documentation": DocumentationJobFacet(record.making.method, producer=PRODUCER),
        "jobType": JobTypeJobFacet("BATCH", "PROOFSET", jobType="JOB", producer=PRODUCER),
    }


def _source_name(record: Record) -> str:
    return f"{record.identity.dataset}/source/{record.source.snapshot_digest[:12]}"


def _table_name(record: Record) -> str:
    return f"{record.identity.dataset}/synthetic/{record.identity.data_digest[:12]}"


def _sources(record: Record) -> list[base.InputDataset]:
    """The source; and, where it holds rows of ours, the releases these came from."""
    from openlineage.client.generated.base import InputDataset

    source = record.source
    if not source.generations:
        return []
    facets = _described(record, source.snapshot_digest, "The source as it was on one day.")
    ours = [
        InputDataset(NAMESPACE, f"{p.dataset}/{p.candidate[:12]}", facets=_version(p.candidate)) for p in source.parents
    ]
    return [InputDataset(NAMESPACE, _source_name(record), facets=facets), *ours]


def _synthetic(record: Record) -> base.OutputDataset:
    from openlineage.client.generated.base import OutputDataset
    from openlineage.client.generated.column_lineage_dataset import ColumnLineageDatasetFacet, InputField

    modelled = [
        InputField(NAMESPACE, _source_name(record), c.name, [_step("INDIRECT", "JOIN", "learned together with it")])
        for c in record.identity.columns
        if _learned(record, c.name)
    ]
    lineage = ColumnLineageDatasetFacet(dict(_columns(record)), dataset=modelled, producer=PRODUCER)
    facets = _table(record, record.identity.data_digest) | {"columnLineage": lineage}
    return OutputDataset(NAMESPACE, _table_name(record), facets=facets, outputFacets=_written(record))


def _learned(record: Record, name: str) -> bool:
    """Whether a released column rests on the source's column of that name."""
    column = next(c for c in record.identity.columns if c.name == name)
    return bool(record.source.generations) and column.source_column and column.treatment is Treatment.MODEL


def _columns(record: Record) -> Iterator[tuple[str, Fields]]:
    """Each column's origin: its namesake's distribution, or nothing where it was generated without the source."""
    from openlineage.client.generated.column_lineage_dataset import Fields, InputField

    for column in record.identity.columns:
        if _learned(record, column.name):
            step = _step("DIRECT", "TRANSFORMATION", "drawn from the distribution that was learned of it")
            yield column.name, Fields([InputField(NAMESPACE, _source_name(record), column.name, [step])])
        else:
            yield column.name, Fields([], "generated without the source", "MASKED")


def _step(kind: str, subtype: str, told: str) -> Any:
    from openlineage.client.generated.column_lineage_dataset import Transformation

    return Transformation(kind, subtype, told, masking=True)


def _schema(record: Record) -> Any:
    from openlineage.client.generated.schema_dataset import SchemaDatasetFacet, SchemaDatasetFacetFields

    fields = [
        SchemaDatasetFacetFields(c.name, c.storage, c.description or None, place)
        for place, c in enumerate(record.identity.columns, 1)
    ]
    return SchemaDatasetFacet(fields, producer=PRODUCER)


def _version(digest: str) -> dict[str, Any]:
    from openlineage.client.generated.dataset_version_dataset import DatasetVersionDatasetFacet

    return {"version": DatasetVersionDatasetFacet(digest, producer=PRODUCER)}


def _described(record: Record, digest: str, told: str) -> dict[str, Any]:
    from openlineage.client.generated.documentation_dataset import DocumentationDatasetFacet
    from openlineage.client.generated.ownership_dataset import Owner, OwnershipDatasetFacet

    return _version(digest) | {
        "documentation": DocumentationDatasetFacet(told, producer=PRODUCER),
        "ownership": OwnershipDatasetFacet([Owner(record.identity.owner, "OWNER")], producer=PRODUCER),
    }


def _table(record: Record, digest: str) -> dict[str, Any]:
    """What is said of the synthetic table wherever it occurs: its columns, and by which digests it is known."""
    from openlineage.client.generated.tags_dataset import TagsDatasetFacet, TagsDatasetFacetFields

    one = record.identity
    known = {"synthetic": "true", "candidate": one.candidate, "release": one.release, "seal": one.seal}
    known |= {f"sha256 of {file.path}": file.sha256 for file in one.data_files}
    tags = [TagsDatasetFacetFields(key, value, "PROOFSET") for key, value in known.items()]
    return _described(record, digest, words(record)) | {
        "schema": _schema(record),
        "tags": TagsDatasetFacet(tags, producer=PRODUCER),
    }


def _written(record: Record) -> dict[str, Any]:
    from openlineage.client.generated.output_statistics_output_dataset import OutputStatisticsOutputDatasetFacet

    files = record.identity.data_files
    size = sum(f.size for f in files)
    return {
        "outputStatistics": OutputStatisticsOutputDatasetFacet(
            record.identity.rows, size, len(files), producer=PRODUCER
        )
    }


def _plain(record: Record) -> base.InputDataset:
    from openlineage.client.generated.base import InputDataset

    facets = _table(record, record.identity.data_digest)
    return InputDataset(NAMESPACE, _table_name(record), facets=facets)


def _measured(record: Record, at: str) -> base.InputDataset:
    """The table as measured: counts of its rows and nulls, and each demand of the policy with its outcome."""
    from openlineage.client.generated.data_quality_assertions_dataset import DataQualityAssertionsDatasetFacet
    from openlineage.client.generated.data_quality_metrics_input_dataset import (
        ColumnMetrics,
        DataQualityMetricsInputDatasetFacet,
    )

    one, table = record.identity, _plain(record)
    names = {c.name for c in one.columns}
    counts = {
        c.name: ColumnMetrics(nullCount=c.nulls, count=None if c.nulls is None else float(one.rows - c.nulls))
        for c in one.columns
    }
    table.inputFacets = {
        "dataQualityMetrics": DataQualityMetricsInputDatasetFacet(
            counts, one.rows, sum(f.size for f in one.data_files), len(one.data_files), at, producer=PRODUCER
        ),
        "dataQualityAssertions": DataQualityAssertionsDatasetFacet(
            [_assertion(held, names) for held in record.judgement.findings], producer=PRODUCER
        ),
    }
    return table


def _assertion(held: Held, columns: set[str]) -> Assertion:
    from openlineage.client.generated.data_quality_assertions_dataset import Assertion

    span = "" if held.low is None or held.high is None else f" (95 % interval {held.low:.6g} to {held.high:.6g})"
    waived = f"; {held.waived}" if held.waived else ""
    return Assertion(
        assertion=held.check,
        success=held.outcome == "pass",
        column=held.part if held.part in columns else None,
        severity="error" if held.severity == "block" else "warn",
        name=held.measure or held.check,
        description=f"{held.outcome}: {held.reason}{waived}",
        expected=held.threshold,
        actual=None if held.value is None else f"{held.value:.6g}{span}",
    )


def _released(record: Record) -> base.OutputDataset:
    """The release: the same columns, unchanged."""
    from openlineage.client.generated.base import OutputDataset
    from openlineage.client.generated.column_lineage_dataset import ColumnLineageDatasetFacet, Fields, InputField

    same = {
        c.name: Fields([InputField(NAMESPACE, _table_name(record), c.name)], "unchanged", "IDENTITY")
        for c in record.identity.columns
    }
    lineage = ColumnLineageDatasetFacet(same, producer=PRODUCER)
    facets = _table(record, record.identity.candidate) | {"columnLineage": lineage}
    return OutputDataset(NAMESPACE, record.identity.release, facets=facets, outputFacets=_written(record))
