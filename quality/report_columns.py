"""What the report shows of each column: protected facts of the source beside protected facts of the synthetic table."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa
from markupsafe import Markup

from proofset.evidence import MIN_COUNT, ColumnProfile, Profile, Scorecard
from proofset.spec import ColumnSpec, SemanticType, TableSpec, Treatment
from quality.plots import Point, cumulative
from quality.profile import profile_table

_SHOWN = 12
_SHOWN_ORDINAL = 20
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
    """One column, ready to print. curve or shares, or neither where nothing may be shown."""

    name: str
    semantic: str
    storage: str
    treatment: str
    risk: str
    error: str
    floor: str
    nulls: str
    distinct: str
    curve: Markup | None
    shares: tuple[ShareView, ...]
    why_empty: str
    notes: tuple[str, ...]


def column_views(profile: Profile, scorecard: Scorecard, synthetic: pa.Table) -> list[ColumnView]:
    """Views of all columns, in the profile's order. The synthetic table is profiled with the source's own types."""
    kept = [c for c in profile.columns if c.name in synthetic.column_names]
    spec = TableSpec(columns={c.name: ColumnSpec(type=c.semantic) for c in kept})
    other = profile_table(synthetic.select([c.name for c in kept]), profile.table, spec, scorecard.synthetic_digest)
    errors = scorecard.details.get("shape_error_by_column", {})
    floors = scorecard.details.get("shape_reference_by_column", {})
    return [_view(c, other.column(c.name), errors.get(c.name), floors.get(c.name)) for c in kept]


def _view(real: ColumnProfile, synthetic: ColumnProfile, error: float | None, floor: float | None) -> ColumnView:
    curve: Markup | None = None
    shares: tuple[ShareView, ...] = ()
    why = ""
    if real.treatment != Treatment.MODEL:
        why = "Values were generated and never saw the source; there is nothing to compare."
    elif real.semantic in _COUNTED and real.top:
        shares = _shares(real, synthetic)
    elif real.quantiles and synthetic.quantiles:
        curve = _curve(real, synthetic)
    else:
        why = f"No value is shared by {MIN_COUNT} rows, or there are too few rows to show a protected distribution."
    return ColumnView(
        name=real.name,
        semantic=real.semantic.value.replace("_", " "),
        storage=real.storage,
        treatment=real.treatment.value,
        risk=real.pii_risk,
        error=_percent(error),
        floor=_percent(floor),
        nulls=f"{_percent(real.null_share)} → {_percent(synthetic.null_share)}"
        if real.null_share or synthetic.null_share
        else "",
        distinct=f"{real.distinct:,} → {synthetic.distinct:,}",
        curve=curve,
        shares=shares,
        why_empty=why,
        notes=real.notes,
    )


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.2f}\u00a0%"


def _shares(real: ColumnProfile, synthetic: ColumnProfile) -> tuple[ShareView, ...]:
    """The source's common values, and how often the synthetic table has them; the others together.

    A value the source does not show is not shown either, however common it is in the synthetic table.
    """
    found = {t.value: t.share for t in synthetic.top}
    top = list(real.top)
    limit = _SHOWN_ORDINAL if real.semantic == SemanticType.ORDINAL else _SHOWN
    shown, rest = top[:limit], top[limit:]
    if real.semantic == SemanticType.ORDINAL:
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


def _curve(real: ColumnProfile, synthetic: ColumnProfile) -> Markup:
    lines = [_points(real), _points(synthetic)]
    xs = [x for line in lines for x, _ in line]
    middle = [_written(real, c.quantiles["0.50"]) for c in (real, synthetic)]
    label = (
        f"Cumulative distribution of {real.name}: median {middle[0]} in the source, {middle[1]} in the synthetic table"
    )
    return cumulative(label, lines[0], lines[1], (_written(real, min(xs)), _written(real, max(xs))))


def _points(column: ColumnProfile) -> list[Point]:
    points = [(value, float(share)) for share, value in sorted(column.quantiles.items())]
    low = [(column.low, 0.0)] if column.low is not None else []
    high = [(column.high, 1.0)] if column.high is not None else []
    return [*low, *points, *high]


def _written(column: ColumnProfile, value: float) -> str:
    """A number with thousands, or a day for times stored as such."""
    if column.storage.startswith(("timestamp", "date")):
        return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%d")
    return f"{value:,.0f}" if column.integral or abs(value) >= 1000 else f"{value:.4g}"
