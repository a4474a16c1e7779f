"""Drift: whether a table still is what an older one of its kind was, and where it changed.

By column, the population stability index decides, and for what has an order the Wasserstein distance; over all columns
together, a classifier that tells the later rows from the earlier ones. The limits 0.1 and 0.25 of the index are those
of credit scoring (Siddiqi 2006, ISBN 0471754510). For two normal distributions of equal spread they are a shift of 0.32
and 0.5 standard deviations, which the classifier tells with an AUC of 0.588 and 0.638: the other two have these limits.
That shift moves 12.6 % and 19.7 % of the rows: the limits of the share whose category the other table lacks, without
what chance gives, because rare categories are one cell together for the index.

A figure is `stable` where its whole interval lies below the first limit, `drifting` where it lies above the first,
`drifted` where it lies above the second, and `inconclusive` where it holds the first: more rows are needed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import numpy as np
import pyarrow as pa

from proofset.codes import Kind, encode, kind_of, numbers
from proofset.drift import ColumnDrift, DriftReport, DriftVerdict, Figure
from proofset.errors import SourceError
from proofset.evidence import ColumnProfile, Measure, Profile
from proofset.progress import Progress, silent
from proofset.seeds import stream
from proofset.spec import SemanticType, Treatment
from quality import drift_cells as cells
from quality import drift_stats as stats
from quality.base import InconclusiveError, MeasureCard, UnsupportedError
from quality.detection import told_apart
from quality.drift_cards import C2ST, CARDS, JS, KL, LARGEST, NEW, PSI, VANISHED, WASSERSTEIN
from quality.stats import Estimate, groups
from quality.validity_checks import column_as, plain

MIN_ROWS = 100
"""Of either table. Below this no interval is narrow enough, and its approximation is poor."""
PSI_LIMITS = (0.1, 0.25)
SHIFT_LIMITS = (0.316, 0.5)
AUC_LIMITS = (0.588, 0.638)
NOVEL_LIMITS = (0.126, 0.197)
_ORDER = (DriftVerdict.STABLE, DriftVerdict.INCONCLUSIVE, DriftVerdict.DRIFTING, DriftVerdict.DRIFTED)


def compare(
    before: pa.Table,
    after: pa.Table,
    profile: Profile,
    seed: int,
    *,
    digests: tuple[str, str] = ("", ""),
    progress: Progress = silent,
) -> DriftReport:
    """Compare a later table with an earlier one.

    Parameters
    ----------
    profile: of either table's kind; says what its columns mean, and which are modelled. Of the others, whose values
        identify people, only the share of missing values is compared; dropped ones are passed over.
    digests: of before and after, as they stand in the report.

    The same arguments give the same report. Raises SourceError where the tables share no column of the profile.
    """
    known = [c for c in profile.columns if c.treatment != Treatment.DROP]
    there = [c for c in known if c.name in before.column_names and c.name in after.column_names]
    if not there:
        raise SourceError(
            "The two tables have no column in common.",
            why=f"The dataset's columns are {', '.join(c.name for c in known[:10]) or 'none'}.",
            fix="Compare two tables of the same dataset.",
        )
    names = {c.name for c in profile.columns}
    frame = DriftReport(
        table=profile.table,
        before=digests[0],
        after=digests[1],
        before_rows=before.num_rows,
        after_rows=after.num_rows,
        seed=seed,
        verdict=DriftVerdict.INCONCLUSIVE,
        measures=(),
        missing=tuple(c.name for c in known if c.name in before.column_names and c.name not in after.column_names),
        added=tuple(n for n in after.column_names if n not in before.column_names)
        + tuple(n for n in before.column_names if n not in names and n not in after.column_names),
        retyped=tuple(c.name for c in there if not _alike(before, after, c.name)),
    )
    if min(before.num_rows, after.num_rows) < MIN_ROWS:
        why = f"fewer than {MIN_ROWS} rows in one of the tables"
        few = tuple(card.inconclusive(why, before.num_rows + after.num_rows) for card in CARDS)
        return _judged(frame, few, (), why)
    shared = [c for c in there if c.name not in frame.retyped]
    group = tuple(groups(t.num_rows, stream(seed, "drift", part)) for part, t in (("before", before), ("after", after)))
    columns = []
    for done, column in enumerate(shared):
        progress("comparing columns", 0.7 * done / len(shared))
        columns.append(_column(before, after, column, (group[0], group[1])))
    progress("telling rows apart", 0.7)
    return _judged(frame, _measures(columns, before, after, profile, shared, seed), columns)


def _alike(before: pa.Table, after: pa.Table, name: str) -> bool:
    """Whether a column can be compared: the same kind of type, or one that reads as the other."""
    old, new = (plain(t.schema.field(name).type) for t in (before, after))
    kinds = (_numeric, _calendar, pa.types.is_time, pa.types.is_duration)
    if any(kind(old) and kind(new) for kind in kinds):
        return True
    return bool(old == new or pa.types.is_null(old) or pa.types.is_null(new))


def _numeric(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _calendar(kind: pa.DataType) -> bool:
    return bool(pa.types.is_date(kind) or pa.types.is_timestamp(kind))


def _column(
    before: pa.Table, after: pa.Table, column: ColumnProfile, group: tuple[np.ndarray, np.ndarray]
) -> ColumnDrift:
    arrays = [column_as(t, column.name, t.schema.field(column.name).type) for t in (before, after)]
    first, second = arrays[0], arrays[1]
    assert first is not None  # noqa: S101 - a column cast to its own type
    assert second is not None  # noqa: S101
    rows = (before.num_rows, after.num_rows)
    empty = (np.zeros(0, np.int64), np.zeros(0, np.int64))
    compared = column.treatment == Treatment.MODEL and column.semantic != SemanticType.EMPTY
    kind: Literal["number", "time", "ordinal", "category", "nulls"] = "nulls"
    counted, shift, words = empty, None, None
    if not compared or pa.types.is_null(first.type) or pa.types.is_null(second.type):
        counted = (np.array([len(first) - first.null_count]), np.array([len(second) - second.null_count]))
    else:
        kind = kind_of(column, first.type).value
        if kind != Kind.CATEGORY.value:
            (old, at), (new, then) = cells.known(first), cells.known(second)
            if len(old) and len(new):
                shift = stats.wasserstein(old, new, (group[0][at], group[1][then]))
            counted = cells.number_cells(old, new)
        if kind in (Kind.CATEGORY.value, Kind.ORDINAL.value):
            words = cells.words(first, second)
            counted = words.cells()
    tall = cells.with_nulls(counted, rows)
    found = [f(*tall) for f in (stats.psi, stats.js, stats.kl)]
    novel = [words.novel(later=later) for later in (True, False)] if words else []
    verdict, reason = _said(found[0], shift, [n.beyond for n in novel])
    return ColumnDrift(
        column=column.name,
        kind=kind,
        verdict=verdict,
        reason=reason,
        psi=_figure(found[0]),
        js=_figure(found[1], 1.0),
        kl=_figure(found[2]),
        wasserstein=_figure(shift) if shift else None,
        new=_figure(novel[0].share, 1.0) if novel and novel[0].share.n else None,
        vanished=_figure(novel[1].share, 1.0) if novel and novel[1].share.n else None,
        new_categories=novel[0].named if novel else (),
        vanished_categories=novel[1].named if novel else (),
        rare_new=novel[0].unnamed if novel else 0,
        rare_vanished=novel[1].unnamed if novel else 0,
        nulls_before=round(first.null_count / rows[0], 10),
        nulls_after=round(second.null_count / rows[1], 10),
    )


def _figure(found: Estimate, ceiling: float = LARGEST) -> Figure:
    value, low, high = found.within(0.0, ceiling)
    return Figure(value=value, low=low, high=high, n=found.n)


def level(low: float, high: float, limits: tuple[float, float]) -> DriftVerdict:
    """What a figure with this interval says."""
    if low >= limits[1]:
        return DriftVerdict.DRIFTED
    if low >= limits[0]:
        return DriftVerdict.DRIFTING
    return DriftVerdict.STABLE if high < limits[0] else DriftVerdict.INCONCLUSIVE


def _said(psi: Estimate, shift: Estimate | None, novel: list[Estimate]) -> tuple[DriftVerdict, str]:
    """A column's verdict, the worst of its figures', and why it is no better."""
    found = [("PSI", psi, PSI_LIMITS)] + ([("Wasserstein", shift, SHIFT_LIMITS)] if shift else [])
    names = ("share of new categories beyond chance", "share of vanished categories beyond chance")
    found += [(name, e, NOVEL_LIMITS) for name, e in zip(names, novel, strict=False) if e.n]
    said = [(level(e.low, e.high, limits), _why(name, e, limits)) for name, e, limits in found]
    worst = max(said, key=lambda s: _ORDER.index(s[0]))
    return worst if worst[0] is not DriftVerdict.STABLE else (worst[0], "")


def _why(name: str, found: Estimate, limits: tuple[float, float]) -> str:
    span = f"{name} {found.value:.3f} (95 %: {found.low:.3f} to {found.high:.3f})"
    match level(found.low, found.high, limits):
        case DriftVerdict.DRIFTED:
            return f"{span} is at least {limits[1]}"
        case DriftVerdict.DRIFTING:
            return f"{span} is at least {limits[0]}"
        case _:
            return f"{span} may lie on either side of {limits[0]}; more rows are needed"


def _measures(
    columns: list[ColumnDrift],
    before: pa.Table,
    after: pa.Table,
    profile: Profile,
    shared: list[ColumnProfile],
    seed: int,
) -> tuple[Measure, ...]:
    found = [
        _worst(PSI, columns, [c.psi for c in columns], "no column can be compared"),
        _worst(JS, columns, [c.js for c in columns], "no column can be compared"),
        _worst(KL, columns, [c.kl for c in columns], "no column can be compared"),
        _worst(WASSERSTEIN, columns, [c.wasserstein for c in columns], "no column has an order"),
        _apart(before, after, profile, shared, seed),
        _worst(NEW, columns, [c.new for c in columns], "no column holds categories"),
        _worst(VANISHED, columns, [c.vanished for c in columns], "no column holds categories"),
    ]
    return tuple(found)


def _worst(card: MeasureCard, columns: list[ColumnDrift], figures: list[Figure | None], none: str) -> Measure:
    """The figure of the column where it is largest; its name is the detail."""
    there = [(f, c.column) for f, c in zip(figures, columns, strict=True) if f is not None]
    if not there:
        return card.unsupported(none)
    figure, name = max(there, key=lambda f: (f[0].value, f[0].low))
    return card.ok(Estimate(figure.value, figure.low, figure.high, figure.n), None, name)


def _apart(before: pa.Table, after: pa.Table, profile: Profile, shared: list[ColumnProfile], seed: int) -> Measure:
    """How well a classifier tells the later rows from the earlier ones."""
    modelled = [c for c in shared if c.treatment == Treatment.MODEL and c.semantic != SemanticType.EMPTY]
    names = [c.name for c in modelled]
    if not names:
        return C2ST.unsupported("no column is modelled")
    old, new = _in_common(before.select(names), after.select(names))
    try:
        columns = encode(old, old, new, profile.model_copy(update={"columns": tuple(modelled)})).columns
        return C2ST.ok(told_apart(columns, "synthetic", stream(seed, "drift", "c2st"), shared=True), None)
    except (UnsupportedError, InconclusiveError) as error:
        return C2ST.inconclusive(str(error))


def _in_common(old: pa.Table, new: pa.Table) -> tuple[pa.Table, pa.Table]:
    """The tables with one type for each column: where numbers or times are stored differently, floats."""
    for i, name in enumerate(old.column_names):
        kinds = [plain(t.schema.field(name).type) for t in (old, new)]
        if kinds[0] != kinds[1] and not pa.types.is_null(kinds[0]) and not pa.types.is_null(kinds[1]):
            first, second = (numbers(t[name].cast(k)) for t, k in zip((old, new), kinds, strict=True))
            old, new = old.set_column(i, name, pa.array(first)), new.set_column(i, name, pa.array(second))
    return old, new


def _judged(
    frame: DriftReport, measures: tuple[Measure, ...], columns: Iterable[ColumnDrift], few: str = ""
) -> DriftReport:
    """The report with its verdict, the worst of all, and the reasons."""
    columns = sorted(columns, key=lambda c: (-_ORDER.index(c.verdict), -c.psi.value, c.column))
    said = [(c.verdict, f"{c.column}: {c.reason}") for c in columns]
    said += [(DriftVerdict.DRIFTED, f"{name}: the column is gone") for name in frame.missing]
    said += [(DriftVerdict.DRIFTED, f"{name}: the column has another type") for name in frame.retyped]
    said += [(DriftVerdict.DRIFTING, f"{name}: the column is new") for name in frame.added]
    if few:
        said.append((DriftVerdict.INCONCLUSIVE, few))
    elif all(c.kind == "nulls" for c in columns):
        said.append((DriftVerdict.INCONCLUSIVE, "no modelled column could be compared"))
    for measure in measures:
        if measure.name == C2ST.name and measure.low is not None and measure.high is not None:
            auc = Estimate(measure.value or 0.0, measure.low, measure.high, measure.n)
            said.append((level(auc.low, auc.high, AUC_LIMITS), f"all columns together: {_why('AUC', auc, AUC_LIMITS)}"))
        elif measure.name == C2ST.name and measure.status != "unsupported" and not few:
            said.append((DriftVerdict.INCONCLUSIVE, f"all columns together: {measure.detail}"))
    said.sort(key=lambda s: -_ORDER.index(s[0]))
    verdict = said[0][0] if said else DriftVerdict.INCONCLUSIVE
    return frame.model_copy(
        update={
            "verdict": verdict,
            "reasons": tuple(why for found, why in said if found is not DriftVerdict.STABLE),
            "measures": measures,
            "columns": tuple(columns),
        }
    )
