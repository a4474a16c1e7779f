"""Validity: whether a synthetic table is of the form, and within the limits, that source and spec set.

Each figure is a share, higher is better, 1 is perfect. All but missingness are counts over every row of the table in
question: nothing is sampled, so the interval is the value itself. The reference is the holdout's, against the same
train rows; real rows may lie beyond the range, or hold a category, that train has not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from proofset.codes import Kind, kind_of
from proofset.constraints import ConstraintBase, learned, titles
from proofset.errors import ProofsetError
from proofset.evidence import MIN_COUNT, ColumnProfile, Direction, Measure, Share
from proofset.spec import IDENTIFYING, ColumnSpec, SemanticType, Treatment
from quality import validity_checks as checks
from quality.base import Context, Family, InconclusiveError, MeasureCard, Observed, UnsupportedError, column_of
from quality.stats import GROUPS, Estimate, around, exact, groups
from quality.validity_checks import Counted

_COUNT = "counted over every row, so the interval is the value"
_SOURCE = "Karr, Sanil, Banks 2006, doi:10.1016/j.stamet.2005.08.005"

SCHEMA = MeasureCard(
    "validity.schema",
    "Columns kept in name, type and order",
    Direction.HIGHER,
    f"Share of columns, expected or found, that have an expected name, its type and its place; {_COUNT}",
    _SOURCE,
)
RANGES = MeasureCard(
    "validity.ranges",
    "Values within their range",
    Direction.HIGHER,
    "Share of known cells of numbers and times that lie within the spec's min and max or, where it declares none, the"
    f" train part's (widened by `extend`); {_COUNT}",
    _SOURCE,
)
CATEGORIES = MeasureCard(
    "validity.categories",
    "Known categories",
    Direction.HIGHER,
    "Share of known cells of categories whose value the spec lists or, where it lists none, the train part has;"
    f" {_COUNT}",
    _SOURCE,
)
KEYS = MeasureCard(
    "validity.keys",
    "Keys that are unique",
    Direction.HIGHER,
    "Share of cells of unique columns that repeat no earlier row's value and are not null where the source's never are;"
    f" {_COUNT}",
    _SOURCE,
)
CONSTRAINTS = MeasureCard(
    "validity.constraints",
    "Rows that keep every constraint",
    Direction.HIGHER,
    f"Share of rows that violate none of the spec's constraints; {_COUNT}",
    _SOURCE,
)
MISSINGNESS = MeasureCard(
    "validity.missingness",
    "Pattern of missing values",
    Direction.HIGHER,
    "1 − total-variation distance between the train part's and the table's distributions of which columns are null"
    f" together; interval from {GROUPS} disjoint random groups of rows",
    "Politis, Romano, Wolf 1999, doi:10.1007/978-1-4612-1554-7",
)
CARDS = (SCHEMA, RANGES, CATEGORIES, KEYS, CONSTRAINTS, MISSINGNESS)
MIN_ROWS = 5 * GROUPS
"""Below this a group of rows is too small to say how a distance scatters."""

Check = Callable[[pa.Table], dict[str, Counted]]


def _measure(context: Context) -> Observed:
    for part, table in (("synthetic table", context.synthetic), ("holdout", context.holdout)):
        if not table.num_rows:
            raise InconclusiveError(f"the {part} has no rows")
    functions = (_schema, _ranges, _categories, _keys, _constraints, _missingness)
    return Observed(tuple(_guarded(card, f, context) for card, f in zip(CARDS, functions, strict=True)))


def _guarded(card: MeasureCard, measure: Callable[[Context], Measure], context: Context) -> Measure:
    """One measure's trouble is not another's."""
    try:
        return measure(context)
    except UnsupportedError as error:
        return card.unsupported(str(error))
    except InconclusiveError as error:
        return card.inconclusive(str(error), context.synthetic.num_rows)
    except Exception as error:  # noqa: BLE001 - its message may quote data
        return card.error(type(error).__name__)


def _columns(context: Context) -> list[tuple[ColumnProfile, ColumnSpec, pa.DataType]]:
    """The columns the synthetic table should have, in order: profile, declaration, stored type."""
    known = {c.name: c for c in context.profile.columns}
    return [
        (known[f.name], context.table.columns.get(f.name, ColumnSpec()), f.type)
        for f in context.train.schema
        if f.name in known and known[f.name].treatment != Treatment.DROP
    ]


def _schema(context: Context) -> Measure:
    names = [c.name for c, _, _ in _columns(context)]
    if not names:
        raise UnsupportedError("the profile keeps no column")

    def share(table: pa.Table) -> tuple[dict[str, bool], Estimate]:
        right = checks.schema_right(context.train.schema, names, table.schema)
        return right, exact(sum(right.values()) / len(right), table.num_rows)

    right, value = share(context.synthetic)
    parts = [Share(part=n, value=float(ok), reference=1.0, n=context.synthetic.num_rows) for n, ok in right.items()]
    return SCHEMA.ok(value, share(context.holdout)[1], _said(context, right), parts=parts)


def _said(context: Context, right: dict[str, bool]) -> str:
    """Which columns are missing, too many, or of another type or place."""
    found = context.synthetic.column_names
    wanted = {c.name for c, _, _ in _columns(context)}
    kinds = {
        "missing": [n for n in right if n not in found],
        "not in the source": [n for n in right if n not in wanted],
        "of another type, place or number": [n for n, ok in right.items() if not ok and n in found and n in wanted],
    }
    return "; ".join(f"{kind}: {', '.join(names[:10])}" for kind, names in kinds.items() if names)


def _ranges(context: Context) -> Measure:
    limits: dict[str, tuple[pa.DataType, float | None, float | None]] = {}
    for column, declared, stored in _columns(context):
        array = checks.column_as(context.train, column.name, stored)
        kind = checks.plain(stored)
        if array is None or not (_numeric(kind) or pa.types.is_temporal(kind)):
            continue
        low, high = declared.min, declared.max
        ordered = kind_of(column, stored) in (Kind.NUMBER, Kind.TIME) and column.semantic != SemanticType.EMPTY
        if column.treatment == Treatment.MODEL and ordered:
            values = checks.known_numbers(array)
            if len(values):
                least, most = float(values.min()), float(values.max())
                room = (declared.extend or 0.0) * (most - least)
                low, high = (least - room if low is None else low), (most + room if high is None else high)
        if low is not None or high is not None:
            limits[column.name] = (stored, low, high)

    def check(table: pa.Table) -> dict[str, Counted]:
        return {
            name: checks.within(checks.column_as(table, name, stored), low, high, table.num_rows)
            for name, (stored, low, high) in limits.items()
        }

    return _shares(RANGES, context, check, "no column of numbers or times has a range")


def _numeric(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _categories(context: Context) -> Measure:
    allowed: dict[str, tuple[pa.DataType, frozenset[str]]] = {}
    for column, declared, stored in _columns(context):
        if declared.values is not None:
            allowed[column.name] = (stored, frozenset(declared.values))
        elif (
            column.treatment == Treatment.MODEL
            and column.semantic != SemanticType.EMPTY
            and kind_of(column, stored) in (Kind.CATEGORY, Kind.ORDINAL)
        ):
            array = checks.column_as(context.train, column.name, stored)
            if array is not None and array.null_count < len(array):
                allowed[column.name] = (stored, checks.words_of(array))

    def check(table: pa.Table) -> dict[str, Counted]:
        return {
            name: checks.among(checks.column_as(table, name, stored), words, table.num_rows)
            for name, (stored, words) in allowed.items()
        }

    return _shares(CATEGORIES, context, check, "no column holds categories")


def _keys(context: Context) -> Measure:
    keys = {
        column.name: (stored, column.nullable)
        for column, declared, stored in _columns(context)
        if declared.unique or (column.unique and column.semantic in IDENTIFYING)
    }

    def check(table: pa.Table) -> dict[str, Counted]:
        return {
            name: checks.unrepeated(checks.column_as(table, name, stored), table.num_rows, nullable=nullable)
            for name, (stored, nullable) in keys.items()
        }

    return _shares(KEYS, context, check, "no column is unique")


def _shares(card: MeasureCard, context: Context, check: Check, none: str) -> Measure:
    """The share of valid cells over all columns together, each column as a part."""
    value, reference = check(context.synthetic), check(context.holdout)
    if not value:
        raise UnsupportedError(none)
    if not sum(c.cells for c in value.values()):
        raise InconclusiveError("every cell that could be looked at is null")
    parts = [
        Share(part=n, value=round(c.share, 10), low=round(c.share, 10), high=round(c.share, 10),
              reference=round(reference[n].share, 10), n=c.cells)
        for n, c in value.items() if c.cells
    ]  # fmt: skip
    return card.ok(_all(value.values(), context.synthetic), _all(reference.values(), context.holdout), parts=parts)


def _all(counted: Iterable[Counted], table: pa.Table) -> Estimate:
    """Valid cells by cells over several columns; n is the number of rows."""
    each = list(counted)
    return exact(Counted(sum(c.right for c in each), sum(c.cells for c in each)).share, table.num_rows)


def _constraints(context: Context) -> Measure:
    if not context.table.constraints:
        raise UnsupportedError("the spec has no constraints")
    known = _learned(context.table.constraints, context.train)
    value, reference = checks.kept(known, context.synthetic), checks.kept(known, context.holdout)
    shares = (np.mean(v, axis=1) for v in (value, reference))
    parts = [
        Share(part=title, value=round(float(v), 10), low=round(float(v), 10), high=round(float(v), 10),
              reference=round(float(r), 10), n=context.synthetic.num_rows)
        for title, v, r in zip(titles(known), *shares, strict=True)
    ]  # fmt: skip
    whole = [exact(float(np.mean(v.all(axis=0))), v.shape[1]) for v in (value, reference)]
    return CONSTRAINTS.ok(whole[0], whole[1], parts=parts)


def _learned(constraints: Sequence[ConstraintBase], train: pa.Table) -> list[ConstraintBase]:
    try:
        return [learned(c, train, MIN_COUNT) for c in constraints]
    except ProofsetError as error:
        raise InconclusiveError(f"a constraint cannot be learned from the train part: {error.what}") from None


def _missingness(context: Context) -> Measure:
    names = [c.name for c, _, _ in _columns(context) if c.treatment == Treatment.MODEL]
    if not names:
        raise UnsupportedError("no column is modelled")
    train, synthetic, holdout = codes = checks.pattern_codes(
        checks.null_bits([context.train, context.synthetic, context.holdout], names)
    )
    cells = 1 + max(int(c.max(initial=0)) for c in codes)
    if min(map(len, codes)) < MIN_ROWS:
        raise InconclusiveError(f"fewer than {MIN_ROWS} rows in a table")
    rng = [context.rng("validity", "missingness", part) for part in ("train", "synthetic", "holdout")]
    by_group = [
        np.bincount(groups(len(c), r) * cells + c, minlength=GROUPS * cells).reshape(GROUPS, cells)
        for c, r in zip((train, synthetic, holdout), rng, strict=True)
    ]
    value, reference = (similarity(by_group[0], other) for other in by_group[1:])
    shares = [_null_shares(t, names) for t in (context.train, context.synthetic, context.holdout)]
    parts = [
        Share(part=n, value=round(1 - abs(s - t), 10), reference=round(1 - abs(h - t), 10), n=len(synthetic))
        for n, t, s, h in zip(names, *shares, strict=True)
    ]
    return MISSINGNESS.ok(value, reference, parts=parts)


def similarity(first: np.ndarray, second: np.ndarray) -> Estimate:
    """1 − total-variation distance of two distributions over cells, given as counts by group: shape (GROUPS, cells).

    Between disjoint groups the distance scatters √GROUPS times as much as between the whole tables, whether there is a
    difference or not.
    """

    def distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        apart = a / a.sum(axis=-1, keepdims=True) - b / b.sum(axis=-1, keepdims=True)
        return np.asarray(0.5 * np.abs(apart).sum(axis=-1))

    scatter = float(np.std(distance(first, second), ddof=1)) / np.sqrt(len(first))
    return around(1 - float(distance(first.sum(axis=0), second.sum(axis=0))), scatter, int(second.sum()))


def _null_shares(table: pa.Table, names: Sequence[str]) -> list[float]:
    rows = table.num_rows
    there = set(table.column_names)
    return [
        float(pc.sum(pc.is_null(column_of(table, n), nan_is_null=True)).as_py()) / rows if n in there else 1.0
        for n in names
    ]


FAMILY = Family("validity", CARDS, _measure)
