"""SDMetrics' own reports (Patki et al. 2016, doi:10.1109/DSAA.2016.49; library 0.32): the only file that imports it.

The reports are exact here: SDMetrics would draw 50,000 rows at random from larger tables; that is switched off.
What the report says about the synthetic table is a fact about these bytes, counted over every row.
"""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from proofset.codes import Kind, kind_of, modelled, numbers
from proofset.evidence import ColumnProfile, Direction, Share
from quality.base import Context, Family, MeasureCard, Observed, UnsupportedError
from quality.fidelity import comparisons
from quality.fidelity_noise import spread
from quality.stats import Estimate, exact

VALIDITY = MeasureCard(
    "diagnostic.validity",
    "SDMetrics data validity",
    Direction.HIGHER,
    "Share of values inside the source's range or categories, mean over columns (SDMetrics DiagnosticReport);"
    " counted over every row, so the interval is the value",
    "Patki, Wedge, Veeramachaneni 2016, doi:10.1109/DSAA.2016.49",
)
STRUCTURE = MeasureCard(
    "diagnostic.structure",
    "SDMetrics data structure",
    Direction.HIGHER,
    "Share of columns with the source's name and type (SDMetrics DiagnosticReport); counted, so the interval is the"
    " value",
    "Patki, Wedge, Veeramachaneni 2016, doi:10.1109/DSAA.2016.49",
)
OVERALL = MeasureCard(
    "fidelity.sdmetrics_quality",
    "SDMetrics quality score",
    Direction.HIGHER,
    "Mean of Column Shapes and Column Pair Trends (SDMetrics QualityReport) on all rows; half-sample interval",
    "Patki, Wedge, Veeramachaneni 2016, doi:10.1109/DSAA.2016.49",
)

_SDTYPE = {Kind.NUMBER: "numerical", Kind.TIME: "datetime", Kind.ORDINAL: "ordinal", Kind.CATEGORY: "categorical"}


def frame(table: pa.Table, columns: list[ColumnProfile], schema: pa.Schema) -> pd.DataFrame:
    """The modelled columns as SDMetrics reads them; a column that the table lacks is left out."""
    data: dict[str, Any] = {}
    for column in columns:
        if column.name not in table.column_names:
            continue
        array = table[column.name]
        if pa.types.is_dictionary(array.type):
            array = array.cast(array.type.value_type)
        kind = kind_of(column, schema.field(column.name).type)
        if kind == Kind.TIME and (pa.types.is_date(array.type) or pa.types.is_timestamp(array.type)):
            data[column.name] = array.cast(pa.timestamp("ns")).to_pandas()
        elif kind in (Kind.NUMBER, Kind.TIME) and not _is_text(array.type):
            data[column.name] = numbers(array)
        else:
            data[column.name] = array.to_pandas()
    return pd.DataFrame(data)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def metadata(columns: list[ColumnProfile], schema: pa.Schema) -> dict[str, Any]:
    """SDMetrics' metadata of the modelled columns."""

    def sdtype(column: ColumnProfile) -> str:
        stored = schema.field(column.name).type
        clock = pa.types.is_time(stored) or pa.types.is_duration(stored)
        kind = kind_of(column, stored)
        return "numerical" if kind == Kind.TIME and clock else _SDTYPE[kind]

    return {"columns": {c.name: {"sdtype": sdtype(c)} for c in columns}}


@contextmanager
def _quiet() -> Iterator[None]:
    """SDMetrics warns and prints with values in the text: nothing of it may reach a log."""
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        logger = logging.getLogger("sdmetrics")
        level = logger.level
        logger.setLevel(logging.CRITICAL)
        try:
            yield
        finally:
            logger.setLevel(level)


def reports(context: Context, part: str) -> Any:
    """Generate one of SDMetrics' two reports, "diagnostic" or "quality", of synthetic against train."""
    with _quiet():
        from sdmetrics.reports.single_table import DiagnosticReport, QualityReport

        columns = modelled(context.profile, context.train)
        if not columns:
            raise UnsupportedError("no column is modelled")
        schema = context.train.schema
        real, synthetic = (frame(t, columns, schema) for t in (context.train, context.synthetic))
        report = QualityReport() if part == "quality" else DiagnosticReport()
        report.num_rows_subsample = None
        report.generate(real, synthetic, metadata(columns, schema), verbose=False)
        return report


def _structure(context: Context) -> float:
    """Share of name and type pairs in common, of the whole tables, on Arrow's types (SDMetrics sees pandas')."""
    real, synthetic = (
        {(f.name, str(f.type)) for f in t.schema if f.name in {c.name for c in context.profile.columns}}
        for t in (context.train, context.synthetic)
    )
    return len(real & synthetic) / len(real | synthetic)


def _diagnostic(context: Context) -> Observed:
    report = reports(context, "diagnostic")
    rows = context.synthetic.num_rows
    scores = dict(zip(*(report.get_properties()[k] for k in ("Property", "Score")), strict=True))
    # The stricter of two views: SDMetrics compares pandas' types, which do not tell a date from a text.
    structure = min(float(scores["Data Structure"]), _structure(context))
    details = report.get_details("Data Validity")
    by_column = dict(zip(details["Column"], details["Score"].astype(float), strict=True))
    if any(np.isnan(v) for v in by_column.values()):
        validity = VALIDITY.error("SDMetrics could not check every column")
    else:
        parts = [Share(part=n, value=round(v, 10)) for n, v in by_column.items()]
        validity = VALIDITY.ok(exact(float(scores["Data Validity"]), rows), None, parts=parts)
    return Observed((STRUCTURE.ok(exact(structure, rows), None), validity))


def _quality(context: Context) -> Observed:
    score = float(reports(context, "quality").get_score())
    found = comparisons(context)
    estimates = {p: spread(c.quality, c.rows) for p, c in found.items() if c.quality is not None}
    if "synthetic" not in estimates or np.isnan(score):
        raise UnsupportedError("the source has nothing to compare here")
    about = estimates["synthetic"]
    half = about.high - about.value
    return Observed((OVERALL.ok(Estimate(score, score - half, score + half, about.n), estimates.get("holdout")),))


DIAGNOSTIC = Family("diagnostic", (VALIDITY, STRUCTURE), _diagnostic)
QUALITY = Family("quality", (OVERALL,), _quality)


def _reports(context: Context) -> Observed:
    return Observed(QUALITY.observe(context).measures + DIAGNOSTIC.observe(context).measures)


FAMILY = Family("sdmetrics", (*QUALITY.cards, *DIAGNOSTIC.cards), _reports)
