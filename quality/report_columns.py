"""What the report shows of each column: protected facts of the source beside protected facts of the synthetic table."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from proofset.codes import numbers
from proofset.evidence import MIN_COUNT, ColumnProfile, Profile, Scorecard
from proofset.spec import ColumnSpec, SemanticType, TableSpec, Treatment
from quality.histograms import shares
from quality.plots_drawn import Overlay
from quality.profile import profile_table
from quality.report_numbers import percent

_SHOWN = 12
_SHOWN_ORDINAL = 20
_TOWER = 0.6
"""Where one bin holds more of the rows, heights are drawn by their root."""
_NANOSECONDS = 1e9
_TIMES = ("timestamp", "date", "time", "duration")
_COUNTED = {SemanticType.CATEGORY, SemanticType.ORDINAL, SemanticType.BOOLEAN, SemanticType.CONSTANT}


@dataclass(frozen=True)
class ShareView:
    """One category: its share among the known rows of either table, as text and as the width of a bar."""

    value: str
    real: str
    synthetic: str
    real_width: str
    synthetic_width: str


@dataclass(frozen=True)
class ColumnView:
    """One column, ready to print. overlay or shares, or neither where nothing may be shown."""

    name: str
    semantic: str
    storage: str
    treatment: str
    risk: str
    error: str
    floor: str
    nulls: str
    distinct: str
    overlay: Overlay | None
    shares: tuple[ShareView, ...]
    why_empty: str
    notes: tuple[str, ...]


def column_views(profile: Profile, scorecard: Scorecard, synthetic: pa.Table) -> list[ColumnView]:
    """Views of all columns, in the profile's order. The synthetic table is profiled with the source's own types."""
    kept = [c for c in profile.columns if c.name in synthetic.column_names]
    spec = TableSpec(columns={c.name: ColumnSpec(type=c.semantic) for c in kept})
    other = profile_table(synthetic.select([c.name for c in kept]), profile.table, spec, scorecard.synthetic_digest)
    found = scorecard.measure("fidelity.shape_error")
    parts = found.parts if found else ()
    errors = {p.part: p.value for p in parts}
    floors = {p.part: p.reference for p in parts if p.reference is not None}
    return [_view(c, other.column(c.name), synthetic[c.name], errors.get(c.name), floors.get(c.name)) for c in kept]


def _view(
    real: ColumnProfile, synthetic: ColumnProfile, column: pa.ChunkedArray, error: float | None, floor: float | None
) -> ColumnView:
    overlay: Overlay | None = None
    bars: tuple[ShareView, ...] = ()
    why = ""
    if real.treatment != Treatment.MODEL:
        why = "Values were generated and never saw the source; there is nothing to compare."
    elif real.top and (real.semantic in _COUNTED or len(real.top) == real.distinct <= _SHOWN):
        bars = _shares(real, synthetic)
    else:
        overlay = _overlay(real, column)
        if overlay is None:
            why = f"No value is shared by {MIN_COUNT} rows, or there are too few rows to show a protected distribution."
    return ColumnView(
        name=real.name,
        semantic=real.semantic.value.replace("_", " "),
        storage=real.storage,
        treatment=real.treatment.value,
        risk=real.pii_risk,
        error=percent(error),
        floor=percent(floor),
        nulls=f"{percent(real.null_share)} → {percent(synthetic.null_share)}"
        if real.null_share or synthetic.null_share
        else "",
        distinct=f"{real.distinct:,} → {synthetic.distinct:,}",
        overlay=overlay,
        shares=bars,
        why_empty=why,
        notes=real.notes,
    )


def _overlay(real: ColumnProfile, column: pa.ChunkedArray) -> Overlay | None:
    """The source's histogram, and the synthetic rows counted in its bins; None where either cannot be."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    times = pa.types.is_temporal(kind)
    countable = times or pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    if real.histogram is None or not countable or times is not real.storage.startswith(_TIMES):
        return None
    own = real.histogram
    values = numbers(column.drop_null()) / (_NANOSECONDS if times else 1.0)
    other = shares(values, own, len(column))
    apart = sum(abs(a - b) for a, b in zip(own.shares, other, strict=True)) / 2
    return Overlay(
        label=f"Histogram of {real.name}: shares of rows in {len(other)} bins; about {percent(round(apart, 3))} of "
        "the rows lie in other bins in the synthetic table than in the source",
        edges=own.edges,
        real=own.shares,
        synthetic=other,
        times=times,
        root=max(own.shares) > _TOWER,
    )


def _shares(real: ColumnProfile, synthetic: ColumnProfile) -> tuple[ShareView, ...]:
    """The source's common values, and how often the synthetic table has them; the others together.

    A value the source does not show is not shown either, however common it is in the synthetic table.
    """
    found = {t.value: t.share for t in synthetic.top}
    top = list(real.top)
    ordered = real.semantic == SemanticType.ORDINAL or real.semantic not in _COUNTED
    limit = _SHOWN_ORDINAL if ordered else _SHOWN
    shown, rest = top[:limit], top[limit:]
    if ordered:
        shown = sorted(shown, key=lambda t: _order(t.value))
    most = max([*(t.share for t in shown), *(found.get(t.value, 0.0) for t in shown)])
    views = [_share(t.value, t.share, found.get(t.value), most) for t in shown]
    left = 1 - sum(t.share for t in shown) - real.null_share
    if left > 1e-9 or rest:
        other = 1 - sum(found.get(t.value, 0.0) for t in shown) - synthetic.null_share
        name = f"{len(rest)} other values" if len(rest) > 1 else "other values"
        views.append(_share(name, max(left, 0.0), max(other, 0.0), most))
    return tuple(views)


def _order(value: str) -> tuple[int, float, str]:
    """Numbers by size, then words by name."""
    try:
        return (0, float(value), "")
    except ValueError:
        return (1, 0.0, value)


def _share(value: str, real: float, synthetic: float | None, most: float) -> ShareView:
    def width(share: float) -> str:
        return f"{min(100.0, 100 * share / most) if most else 0:.2f}%"

    return ShareView(
        value=value or "(empty text)",
        real=_tenths(real),
        synthetic=f"< {MIN_COUNT} rows" if synthetic is None else _tenths(synthetic),
        real_width=width(real),
        synthetic_width=width(synthetic or 0.0),
    )


def _tenths(share: float) -> str:
    return "< 0.1\u00a0%" if 0 < share < 0.0005 else f"{100 * share:.1f}\u00a0%"
