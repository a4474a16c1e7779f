"""A strict JSON Schema of OpenLineage events, made from the classes that the project generates from its own schemas.

The published schema files are in no package, so that these classes are the nearest thing to them that can be installed.
What is made here is stricter than they are: no field may be there that the class does not have, every facet must name
the class's own schema address, and stand under the name its schema gives it.
"""

from __future__ import annotations

import importlib
import pkgutil
import types
from enum import Enum
from typing import Any, Union, get_args, get_origin, get_type_hints

import attr
import jsonschema
from openlineage.client import generated
from openlineage.client.generated import base

FACET_NAMES = {
    "schema": "SchemaDatasetFacet",
    "columnLineage": "ColumnLineageDatasetFacet",
    "documentation": ("DocumentationDatasetFacet", "DocumentationJobFacet"),
    "ownership": "OwnershipDatasetFacet",
    "version": "DatasetVersionDatasetFacet",
    "tags": "TagsDatasetFacet",
    "dataQualityMetrics": "DataQualityMetricsInputDatasetFacet",
    "dataQualityAssertions": "DataQualityAssertionsDatasetFacet",
    "outputStatistics": "OutputStatisticsOutputDatasetFacet",
    "nominalTime": "NominalTimeRunFacet",
    "processing_engine": "ProcessingEngineRunFacet",
    "jobType": "JobTypeJobFacet",
}
"""The name under which each facet stands, by its schema's own `properties`, and its class."""

_TIME = r"^\d{4}-(0[1-9]|1[0-2])-([0-2]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"
_UUID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
PATTERNS = {"eventTime": _TIME, "nominalStartTime": _TIME, "lastUpdated": _TIME, "runId": _UUID}
"""Formats of the published schemas, as patterns: judging them by name needs packages that may not be there."""
ADDRESSES = ("producer", "_producer", "schemaURL", "_schemaURL")


def facet_classes() -> dict[str, type]:
    """Every generated facet by the address of its schema."""
    found: dict[str, type] = {}
    for module in pkgutil.iter_modules(generated.__path__):
        for one in vars(importlib.import_module(f"{generated.__name__}.{module.name}")).values():
            if isinstance(one, type) and issubclass(one, base.BaseFacet):
                found[one._get_schema()] = one
    return found


def class_schema(kind: type) -> dict[str, Any]:
    """The JSON Schema of a generated class: its fields and no others. Facets are judged one by one, see `problems`."""
    made: dict[str, Any] = {}
    _define(kind, made)
    return {"$ref": f"#/$defs/{kind.__name__}", "$defs": made}


def _define(kind: type, made: dict[str, Any]) -> None:
    """Add a class to the definitions, and those it refers to; a struct's fields may hold further ones."""
    if kind.__name__ in made:
        return
    made[kind.__name__] = {}
    hints = get_type_hints(kind)
    properties: dict[str, Any] = {}
    required = []
    for field in attr.fields(kind):
        facets = field.name in ("facets", "inputFacets", "outputFacets")
        found = {"type": "object"} if facets else _schema_of(hints[field.name], made)
        if field.name in PATTERNS:
            found = {"allOf": [found, {"pattern": PATTERNS[field.name]}]}
        if field.name in ADDRESSES:
            found = {"type": "string", "pattern": r"^https://\S+$"}
        properties[field.name] = found
        if field.default is attr.NOTHING or field.name in ADDRESSES:
            required.append(field.name)
    made[kind.__name__] = {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _schema_of(kind: Any, made: dict[str, Any]) -> dict[str, Any]:
    """The JSON Schema of a Python type as the generated classes use them."""
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return {"anyOf": [_schema_of(one, made) for one in get_args(kind) if one is not type(None)]}
    if origin is list:
        return {"type": "array", "items": _schema_of(get_args(kind)[0], made)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema_of(get_args(kind)[1], made)}
    if kind is Any:
        return {}
    if isinstance(kind, type) and issubclass(kind, Enum):
        return {"enum": [one.value for one in kind]}
    if isinstance(kind, type) and attr.has(kind):
        _define(kind, made)
        return {"$ref": f"#/$defs/{kind.__name__}"}
    return {"type": {str: "string", int: "integer", float: "number", bool: "boolean"}[kind]}


def check(value: Any, schema: dict[str, Any]) -> list[str]:
    found = jsonschema.Draft202012Validator(schema).iter_errors(value)
    return [f"{'/'.join(map(str, e.absolute_path))}: {e.message}" for e in found]


def problems(event: dict[str, Any]) -> list[str]:
    """Everything about an event that its classes do not allow; none for a good one."""
    known = facet_classes()
    found = check(event, class_schema(base.RunEvent))
    if event.get("schemaURL") != base.RunEvent._get_schema():
        found.append("schemaURL: not a run event's")
    run, job = event.get("run", {}), event.get("job", {})
    holders = [(run, "facets", base.RunFacet), (job, "facets", base.JobFacet)]
    for side, extra, kind in (
        ("inputs", "inputFacets", base.InputDatasetFacet),
        ("outputs", "outputFacets", base.OutputDatasetFacet),
    ):
        for dataset in event.get(side, []):
            holders += [(dataset, "facets", base.DatasetFacet), (dataset, extra, kind)]
    for holder, field, kind in holders:
        for name, facet in holder.get(field, {}).items():
            one = known.get(facet.get("_schemaURL", ""))
            if one is None:
                found.append(f"{field}.{name}: no facet has the schema it names")
                continue
            names = FACET_NAMES.get(name, ())
            if one.__name__ not in ((names,) if isinstance(names, str) else names):
                found.append(f"{field}.{name}: another facet's name")
            if not issubclass(one, kind):
                found.append(f"{field}.{name}: a facet of another kind")
            found += [f"{field}.{name}.{text}" for text in check(facet, class_schema(one))]
    return found
