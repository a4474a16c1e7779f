"""Pictures as SVG text: small, deterministic, and without colour: the page's style sheet paints their classes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape


@dataclass(frozen=True)
class Mark:
    """A value and its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Limit:
    """A threshold. at_most: True where values below keep it."""

    at: float
    at_most: bool


def measure_bar(
    label: str,
    mark: Mark,
    reference: Mark | None,
    limit: Limit | None,
    span: tuple[float, float],
    written: Callable[[float], str],
    *,
    whole: bool = False,
) -> Markup:
    """Value, interval, reference and threshold on one line; the zone that keeps the threshold is tinted.

    span: the least and the greatest value the measure can take; the line shows the part of it where something happens,
    or all of it where `whole`, so that several lines can be compared.
    written: how a number is written at the ends of the line.
    """
    seen = [mark.low, mark.high, mark.value]
    seen += [reference.low, reference.high] if reference else []
    seen += [limit.at] if limit else []
    start, end = span if whole else window(seen, *span)
    width, left, right = 320.0, 8.0, 312.0

    def x(value: float) -> float:
        share = (min(max(value, start), end) - start) / (end - start)
        return left + (right - left) * share

    parts = [f'<rect class="track" x="{left:.1f}" y="12" width="{right - left:.1f}" height="20" rx="3"/>']
    if limit:
        a, b = (left, x(limit.at)) if limit.at_most else (x(limit.at), right)
        if b - a > 0.05:
            parts.append(f'<rect class="zone" x="{a:.1f}" y="12" width="{b - a:.1f}" height="20" rx="3"/>')
    if reference:
        parts.append(
            f'<line class="ref-interval" x1="{x(reference.low):.1f}" x2="{x(reference.high):.1f}" y1="27" y2="27"/>'
        )
        c = x(reference.value)
        parts.append(f'<path class="ref" d="M{c:.1f} 22.5l4.5 4.5-4.5 4.5-4.5-4.5z"/>')
    parts.append(f'<line class="interval" x1="{x(mark.low):.1f}" x2="{x(mark.high):.1f}" y1="18" y2="18"/>')
    parts.append(f'<circle class="value" cx="{x(mark.value):.1f}" cy="18" r="4.5"/>')
    if limit:
        c = x(limit.at)
        parts.append(f'<line class="limit" x1="{c:.1f}" x2="{c:.1f}" y1="7" y2="37"/>')
        parts.append(f'<path class="limit-head" d="M{c - 4:.1f} 3h8l-4 6z"/>')
    parts.append(f'<text class="end" x="{left:.1f}" y="46">{escape(written(start))}</text>')
    parts.append(f'<text class="end last" x="{right:.1f}" y="46">{escape(written(end))}</text>')
    return _svg(f"0 0 {width:.0f} 50", "bar", label, parts)


def window(seen: Sequence[float], floor: float, ceiling: float) -> tuple[float, float]:
    """The part of the range to draw: everything seen and some room, within floor and ceiling."""
    low, high = min(seen), max(seen)
    room = 0.18 * (high - low) or 0.05 * (ceiling - floor)
    start, end = max(floor, low - room), min(ceiling, high + room)
    return (start, end) if end > start else (floor, ceiling)


def _svg(box: str, kind: str, label: str, parts: Sequence[str]) -> Markup:
    return Markup(  # noqa: S704 - every text in `parts` is a number or escaped above
        f'<svg class="{kind}" viewBox="{box}" role="img" aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )
