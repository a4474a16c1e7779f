"""OpenLineage events, held strictly against the classes generated from the published schemas."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lineage.exports import exported
from lineage.record import Record
from tests.lineage.openlineage_schema import FACET_NAMES, facet_classes, problems
from tests.lineage.record_world import full, hostile, minimal

Event = dict[str, Any]


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Record:
    return full(tmp_path_factory.mktemp("full"))[1]


@pytest.fixture(scope="module")
def events(record: Record) -> list[Event]:
    return events_of(record)


def events_of(record: Record) -> list[Event]:
    return [json.loads(line) for line in exported(record)["exports/openlineage.ndjson"].splitlines()]


@pytest.mark.parametrize("make", [minimal, hostile, lambda root: full(root)[1]])
def test_every_event_is_what_the_schemas_ask_for(make: Callable[[Path], Record], tmp_path: Path) -> None:
    found = events_of(make(tmp_path))
    assert found
    assert [problems(event) for event in found] == [[] for _ in found]


def test_each_run_starts_and_completes_under_one_id(events: list[Event], record: Record) -> None:
    assert [(e["job"]["name"], e["eventType"]) for e in events] == [
        (f"shop.{name}", kind) for name in ("synthesise", "measure", "release") for kind in ("START", "COMPLETE")
    ]
    assert len({e["run"]["runId"] for e in events}) == 3
    assert [e["run"]["runId"] for e in events] == [e["run"]["runId"] for e in events_of(record)]
    assert {e["eventTime"] for e in events} == {record.making.measured_at, record.identity.released_at}


def test_column_lineage_says_what_each_column_rests_on(tmp_path: Path) -> None:
    columns = {"visits": {"treatment": "fake", "faker": "random_int"}}
    world, record = full(tmp_path)
    masked = record.model_copy(
        update={
            "identity": record.identity.model_copy(
                update={
                    "columns": tuple(
                        c.model_copy(update={"treatment": "fake"}) if c.name in columns else c
                        for c in record.identity.columns
                    )
                }
            )
        }
    )
    event = events_of(type(record).model_validate(masked.plain()))[1]
    lineage = event["outputs"][0]["facets"]["columnLineage"]
    source = event["inputs"][0]
    assert lineage["fields"]["spend"]["inputFields"][0]["field"] == "spend"
    assert lineage["fields"]["spend"]["inputFields"][0]["name"] == source["name"]
    assert lineage["fields"]["visits"]["inputFields"] == []
    assert {one["field"] for one in lineage["dataset"]} == {"spend", "town"}
    assert world.parts.provenance.source_digest == source["facets"]["version"]["datasetVersion"]


def test_quality_is_on_the_measured_table(events: list[Event], record: Record) -> None:
    facets = events[3]["inputs"][0]["inputFacets"]
    metrics = facets["dataQualityMetrics"]
    assert metrics["rowCount"] == 300
    assert metrics["columnMetrics"]["town"]["nullCount"] == record.identity.columns[2].nulls
    told = {a["assertion"]: a["success"] for a in facets["dataQualityAssertions"]["assertions"]}
    assert told == {h.check: h.outcome == "pass" for h in record.judgement.findings}


DAMAGES: dict[str, Callable[[Event], Any]] = {
    "no run": lambda e: e.pop("run"),
    "no time": lambda e: e.update(eventTime="yesterday"),
    "no producer": lambda e: e.pop("producer"),
    "a producer that is no address": lambda e: e.update(producer="proofset"),
    "another event's schema": lambda e: e.update(schemaURL=e["schemaURL"].replace("RunEvent", "JobEvent")),
    "an unknown type": lambda e: e.update(eventType="DONE"),
    "a field too many": lambda e: e.update(more=1),
    "a run id that is none": lambda e: e["run"].update(runId="42"),
    "a dataset without a name": lambda e: e["outputs"][0].pop("name"),
    "a facet without a producer": lambda e: e["outputs"][0]["facets"]["schema"].pop("_producer"),
    "a facet under another name": lambda e: e["outputs"][0]["facets"].update(
        fields=e["outputs"][0]["facets"].pop("schema")
    ),
    "a facet of another kind": lambda e: e["outputs"][0]["outputFacets"].update(
        schema=e["outputs"][0]["facets"]["schema"]
    ),
    "a schema address of nothing": lambda e: e["outputs"][0]["facets"]["schema"].update(_schemaURL="https://x"),
    "a field without a name": lambda e: e["outputs"][0]["facets"]["schema"]["fields"][0].pop("name"),
    "a number for a text": lambda e: e["outputs"][0]["facets"]["schema"]["fields"][0].update(type=1),
    "lineage without fields": lambda e: e["outputs"][0]["facets"]["columnLineage"].pop("fields"),
    "an input field without its column": lambda e: e["outputs"][0]["facets"]["columnLineage"]["fields"]["spend"][
        "inputFields"
    ][0].pop("field"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_check_sees_what_is_wrong(damage: str, events: list[Event]) -> None:
    event = copy.deepcopy(events[1])
    DAMAGES[damage](event)
    assert problems(event), damage


@pytest.mark.parametrize(
    "damage",
    [
        lambda facets: facets["dataQualityAssertions"]["assertions"][0].pop("success"),
        lambda facets: facets["dataQualityAssertions"]["assertions"][0].update(success="yes"),
        lambda facets: facets["dataQualityMetrics"].pop("columnMetrics"),
        lambda facets: facets["dataQualityMetrics"]["columnMetrics"]["spend"].update(nullCount=0.5),
        lambda facets: facets["dataQualityMetrics"].update(lastUpdated="today"),
    ],
)
def test_the_check_sees_wrong_quality(damage: Callable[[Any], Any], events: list[Event]) -> None:
    event = copy.deepcopy(events[3])
    damage(event["inputs"][0]["inputFacets"])
    assert problems(event)


def test_the_names_of_facets_are_those_of_their_schemas() -> None:
    classes = {one.__name__ for one in facet_classes().values()}
    for names in FACET_NAMES.values():
        assert {names} if isinstance(names, str) else set(names) <= classes
