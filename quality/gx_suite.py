"""The validation suite: expectations run by Great Expectations. The only file that imports it, and not before it runs.

What comes back is success, a percentage and the rule in words; the values Great Expectations found odd are dropped.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
import threading
import warnings
from functools import cache
from typing import Any

import pandas as pd
import pyarrow as pa

from proofset.codes import numbers
from proofset.errors import scrubbed
from proofset.evidence import ExpectationResult, Profile, SuiteResult
from proofset.spec import TableSpec
from quality.expectations import expectations
from quality.expectations_base import Expectation

_LOCK = threading.Lock()
_SECONDS = 1e9
LIMITS = ("min_value", "max_value")


@cache
def library() -> tuple[Any, Any, Any]:
    """Great Expectations, its expectation classes, and this process's one context: in memory, silent, no analytics."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import great_expectations as gx
        from great_expectations import expectations as classes

        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    return gx, classes, context


def run_suite(
    synthetic: pa.Table, synthetic_digest: str, profile: Profile, spec: TableSpec, rows: int | None = None
) -> SuiteResult:
    """Validate a synthetic table against what its profile and spec let one expect.

    rows: how many were asked for, if known.
    Raises InternalError, without a value in it, where Great Expectations itself fails.
    """
    wanted = expectations(profile, spec, synthetic.schema, rows)
    logger = logging.getLogger("great_expectations")
    with _LOCK:
        level = logger.level
        logger.setLevel(logging.CRITICAL)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                results = _run(_frame(synthetic), wanted, f"{profile.table}_suite")
        except Exception as error:  # noqa: BLE001 - a third party's message may quote a value
            raise scrubbed(error, "Running the validation suite") from None
        finally:
            logger.setLevel(level)
    return SuiteResult(synthetic_digest=synthetic_digest, suite=f"{profile.table}_suite", expectations=results)


def _run(frame: pd.DataFrame, wanted: list[Expectation], name: str) -> tuple[ExpectationResult, ...]:
    gx, classes, context = library()
    suite = gx.ExpectationSuite(name=name)
    for index, want in enumerate(wanted):
        kind = getattr(classes, "".join(word.capitalize() for word in want.kind.split("_")))
        column = {"column": want.column} if want.column is not None else {}
        suite.add_expectation(kind(**column, **_arguments(want, frame), meta={"place": index}))
    # A data source of this run alone; nothing of it stays in the context.
    source = context.data_sources.add_pandas(name)
    try:
        whole = source.add_dataframe_asset("table").add_batch_definition_whole_dataframe("rows")
        batch = whole.get_batch(batch_parameters={"dataframe": frame})
        outcome = batch.validate(suite, result_format="BASIC")
    finally:
        context.data_sources.delete(name)
    by_place = {int(r.expectation_config.meta["place"]): r for r in outcome.results}
    return tuple(_result(want, by_place.get(i)) for i, want in enumerate(wanted))


def _arguments(want: Expectation, frame: pd.DataFrame) -> dict[str, Any]:
    """The expectation's arguments; limits become times where the column holds times."""
    if want.column not in frame or not pd.api.types.is_datetime64_any_dtype(frame[want.column]):
        return want.arguments
    return {
        key: moment(value) if key in LIMITS and value is not None else value for key, value in want.arguments.items()
    }


def moment(seconds: float) -> dt.datetime:
    """A number of seconds since 1970 as a time; what lies beyond the calendar becomes its end."""
    try:
        return dt.datetime(1970, 1, 1) + dt.timedelta(seconds=seconds)
    except OverflowError:
        return dt.datetime.min if seconds < 0 else dt.datetime.max


def _result(want: Expectation, found: Any) -> ExpectationResult:
    """What may be kept of a result. One that did not come back, or raised, has not succeeded."""
    odd = found.result.get("unexpected_percent") if found is not None and found.result else None
    success = bool(found is not None and found.success)
    raised = found is None or (not success and not found.result)
    return ExpectationResult(
        expectation=want.kind,
        column=want.column,
        success=success,
        unexpected_percent=None if odd is None else round(float(odd), 6),
        detail=f"{want.rule} (could not be checked)" if raised else want.rule,
    )


def _frame(table: pa.Table) -> pd.DataFrame:
    """The table as pandas holds it; times as seconds since 1970 would lose their type, so they stay times."""
    data: dict[str, Any] = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        kind = column.type
        if pa.types.is_dictionary(kind):
            column = column.cast(kind.value_type)
        elif pa.types.is_decimal(kind):
            column = column.cast(pa.float64(), safe=False)
        elif pa.types.is_date(kind) or pa.types.is_timestamp(kind):
            # In microseconds: nanoseconds in 64 bits end with the year 2262.
            column = column.cast(pa.timestamp("us"), safe=False)
        elif pa.types.is_time(kind) or pa.types.is_duration(kind):
            data[name] = numbers(column) / _SECONDS
            continue
        data[name] = column.to_pandas()
    return pd.DataFrame(data, columns=list(table.column_names))
