"""Exports: the provenance record in the formats other systems read. One file per format, all from the one record.

Each exporter is a function `(Record) -> bytes`: the same record gives the same bytes, and no exporter reads anything
else. To add one, write its file and name it in the table. See docs/exports.md.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lineage.record import Record

EXPORTERS = {
    "exports/croissant.json": "lineage.exports.croissant:export",
    "exports/openlineage.ndjson": "lineage.exports.openlineage:export",
    "exports/odcs.yaml": "lineage.exports.odcs:export",
    "exports/prov.json": "lineage.exports.prov:export",
    "exports/dcat.jsonld": "lineage.exports.dcat:export",
    "exports/datasheet.md": "lineage.exports.datasheet:markdown",
    "exports/datasheet.html": "lineage.exports.datasheet:html",
}
"""Path inside a release's folder -> "module:function"."""


def exporter(path: str) -> Callable[[Record], bytes]:
    """The exporter that writes a path of `EXPORTERS`; KeyError for any other. Loads its libraries."""
    module, _, name = EXPORTERS[path].partition(":")
    function: Callable[[Record], bytes] = getattr(import_module(module), name)
    return function


def exported(record: Record) -> dict[str, bytes]:
    """The record in every format: path inside the release's folder -> bytes."""
    return {path: exporter(path)(record) for path in EXPORTERS}
