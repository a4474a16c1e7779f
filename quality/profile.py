"""Profile: what a source table looks like, safe to publish.

No number in a profile rests on fewer than MIN_COUNT rows, but for counts of rows; see `quality.protect`.
What the spec declares wins over what the values suggest; where the two disagree, a note says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from proofset.codes import numbers
from proofset.evidence import MIN_COUNT, ColumnProfile, Format, Profile, Share
from proofset.spec import IDENTIFYING, ColumnSpec, SemanticType, TableSpec, Treatment
from quality.formats import formats
from quality.histograms import histogram
from quality.pii import detect, personal, texts
from quality.protect import Bounds, Counts, Floats, bounds, counts
from quality.semantics import Look, guess, pii_risk

MAX_CATEGORIES = 1_000
MAX_ATOMS = 20
"""Most frequent values shown of a category, and of a number."""

_COUNTED = {SemanticType.CATEGORY, SemanticType.ORDINAL, SemanticType.BOOLEAN, SemanticType.CONSTANT}
_MEASURED = {SemanticType.NUMBER, SemanticType.ORDINAL, SemanticType.DATETIME, SemanticType.GEO, SemanticType.BOOLEAN}
_NANOSECONDS = 1e9
_CODES = {SemanticType.ID, SemanticType.PHONE, SemanticType.GEO, SemanticType.CATEGORY, SemanticType.TEXT}
"""What may be written as codes of a form; names, addresses and the like have generators of their own."""
_DENSE = 2
"""Whole numbers that fill their range to one part in so many are counted on, not written in a form."""


Detector = Callable[[Sequence[str], npt.NDArray[np.int64]], tuple[Share, ...]]
"""From a column's distinct texts and the rows that hold each to the kinds of identifiers found in it."""


def profile_table(
    table: pa.Table, name: str, spec: TableSpec, source_digest: str, *, detector: Detector = detect
) -> Profile:
    """Profile every column of `table` and the table as a whole.

    Parameters
    ----------
    name: the table's name.  spec: what is declared about it.
    source_digest: SHA-256 of the source the profile is about.
    detector: finds personal identifiers in texts; `quality.pii_presidio` has another.
    """
    columns = tuple(_column(n, table[n], spec.columns.get(n, ColumnSpec()), detector) for n in table.column_names)
    keys = tuple(c.name for c in columns if _is_key(c, table.schema.field(c.name).type))
    return Profile(
        table=name,
        source_digest=source_digest,
        rows=table.num_rows,
        duplicate_rows=_duplicates(table),
        key_candidates=keys,
        columns=columns,
        notes=tuple(f"{c.name}: {note}" for c in columns for note in c.notes),
    )


def _is_key(column: ColumnProfile, stored: pa.DataType) -> bool:
    """Unique, never null, and not a measurement that happens to differ in every row."""
    return (
        column.unique
        and not column.null_share
        and (column.semantic in IDENTIFYING or column.semantic == SemanticType.DATETIME)
        and not pa.types.is_floating(stored)
    )


def _duplicates(table: pa.Table) -> int:
    """Rows that repeat an earlier one."""
    plain = pa.table({str(i): _plain(c) for i, c in enumerate(table.columns)})
    return int(table.num_rows - plain.group_by(plain.column_names).aggregate([]).num_rows)


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    return column.cast(kind.value_type) if pa.types.is_dictionary(kind) else column


def _column(name: str, stored: pa.ChunkedArray, spec: ColumnSpec, detector: Detector) -> ColumnProfile:
    column = _plain(stored)
    if pa.types.is_float16(column.type):  # Arrow counts no half-precision floats; any one is exact as a float32
        column = column.cast(pa.float32())
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    known = column.drop_null()
    look = Look(name, known, counts(column), column.null_count)
    guessed = guess(look)
    semantic = spec.type or guessed
    numeric = pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or pa.types.is_decimal(column.type)
    measurable = numeric or pa.types.is_temporal(column.type)
    unit = _NANOSECONDS if pa.types.is_temporal(column.type) else 1.0
    values = numbers(known) / unit if measurable else np.empty(0)
    shown = bounds(values) if semantic in _MEASURED and measurable else Bounds()
    treatment = spec.treatment or (Treatment.FAKE if semantic in IDENTIFYING else Treatment.MODEL)
    found = detector(look.counts.words, look.counts.counts) if texts(column) else ()
    integral = numeric and bool(len(values)) and bool(np.all(values == np.floor(values)))
    return ColumnProfile(
        name=name,
        storage=str(stored.type),
        semantic=semantic,
        guessed=guessed,
        nullable=spec.nullable if spec.nullable is not None else bool(look.null_count),
        null_share=round(look.null_count / max(len(column), 1), 10),
        distinct=look.counts.distinct,
        unique=spec.unique or look.unique,
        low=shown.low,
        high=shown.high,
        quantiles=dict(shown.quantiles),
        histogram=histogram(values, shown, len(column), integral=integral),
        integral=integral,
        top=() if semantic in IDENTIFYING else look.counts.top(MAX_CATEGORIES if _words(semantic) else MAX_ATOMS),
        rare_share=_rare(look.counts, spec) if _words(semantic) else 0.0,
        pii_risk=pii_risk(name, semantic, found),
        pii=found or None,
        treatment=treatment,
        formats=_formats(look, semantic) if treatment == Treatment.FAKE and spec.faker is None else None,
        notes=(*_notes(look, spec, guessed, values), *_found(found, treatment)),
    )


def _formats(look: Look, semantic: SemanticType) -> tuple[Format, ...] | None:
    """The forms of codes in a column of texts or of whole numbers that are no running numbers."""
    kind = look.values.type
    if semantic not in _CODES or not (
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_integer(kind)
    ):
        return None
    if pa.types.is_integer(kind) and look.known:
        extent = pc.min_max(look.values).as_py()
        if extent["min"] < 0 or extent["max"] - extent["min"] < _DENSE * look.counts.distinct:
            return None
    return formats(look.counts.words, look.counts.counts, texts=semantic == SemanticType.TEXT)


def _words(semantic: SemanticType) -> bool:
    return semantic in _COUNTED


def _rare(found: Counts, spec: ColumnSpec) -> float:
    """Share of rows in categories that few share; those the spec lists are public and do not count."""
    return round(found.rare_rows(frozenset(spec.values or ())) / max(found.rows, 1), 10)


def _found(found: Sequence[Share], treatment: Treatment) -> list[str]:
    """Identifiers in a column whose values are learned."""
    named = ", ".join(f"{s.part} in {100 * s.value:.3g} % of rows" for s in found if personal(s.part))
    return (
        [f"holds personal identifiers, yet its values are learned: {named}"]
        if named and treatment == Treatment.MODEL
        else []
    )


def _notes(look: Look, spec: ColumnSpec, guessed: SemanticType, values: Floats) -> list[str]:
    """Where declaration and data disagree: counts, never values."""
    notes = []
    if spec.type is not None and spec.type != guessed:
        notes.append(f"declared {spec.type.value}, the values suggest {guessed.value}")
    if spec.type is not None and spec.type not in IDENTIFYING and guessed in IDENTIFYING:
        notes.append("its values look as if they could name a person; check the declared type and treatment")
    if spec.treatment == Treatment.MODEL and (spec.type or guessed) in IDENTIFYING:
        notes.append("identifying, yet the spec has it modelled")
    if spec.nullable is False and look.null_count:
        notes.append(f"declared not nullable, {look.null_count} rows are null")
    if spec.unique and not look.unique:
        notes.append(f"declared unique, {look.known - look.counts.distinct} rows repeat a value")
    if spec.values is not None:
        allowed = set(spec.values)
        odd = sum(int(n) for word, n in zip(look.counts.words, look.counts.counts, strict=True) if word not in allowed)
        if odd:
            notes.append(f"{odd} rows hold a value that the spec does not list")
    if len(values):
        for limit, outside in ((spec.min, np.less), (spec.max, np.greater)):
            count = int(outside(values, limit).sum()) if limit is not None else 0
            if count:
                notes.append(f"{count} rows lie {'below min' if outside is np.less else 'above max'} of the spec")
    if guessed == SemanticType.DATETIME and pa.types.is_string(look.values.type):
        notes.append("dates stored as text; store them as dates to have them modelled as times")
    if (spec.type or guessed) in _COUNTED and look.counts.rare_rows() and spec.values is None:
        count = int((look.counts.counts < MIN_COUNT).sum())
        notes.append(f"categories with fewer than {MIN_COUNT} rows, whose names are not shown: {count}")
    return notes


__all__ = ["profile_table"]
