"""The picture of a frontier: two panels, fidelity against membership risk and against time. Lower left is better.

The only file that draws with matplotlib. The same entries give the same bytes.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from proofset.evidence import Measure
from quality.frontier import FIDELITY, PRIVACY, Entry, frontier

INK, SOFT, LINE, ON, OFF = "#1c2126", "#626b75", "#d9dee3", "#0b6e4f", "#9a6a1d"
_GAP = 11.0
"""Least distance between two labels, in points."""
_ABOVE = 9
"""Where a label would like to be above its point, so that it does not cover the interval, in points."""
_TIMES = {
    0.01: "0.01 s", 0.1: "0.1 s", 0.3: "0.3 s", 1: "1 s", 3: "3 s", 10: "10 s", 30: "30 s", 60: "1 min", 180: "3 min",
    600: "10 min", 1_800: "30 min", 3_600: "1 h", 10_800: "3 h", 36_000: "10 h",
}  # fmt: skip
_TICKS = (0.5, 0.51, 0.525, 0.55, 0.6, 0.7, 0.8, 0.9, 1.0)


def draw(entries: Sequence[Entry], title: str = "") -> dict[str, bytes]:
    """Return the picture as {"png": ..., "svg": ...}; entries without a point are left out."""
    import matplotlib

    placed = [e for e in entries if e.point is not None]
    on = frontier(placed)
    settings = {
        "svg.hashsalt": "proofset", "svg.fonttype": "path", "font.family": "DejaVu Sans", "font.size": 9.0,
        "axes.edgecolor": LINE, "axes.labelcolor": SOFT, "xtick.color": SOFT, "ytick.color": SOFT, "text.color": INK,
    }  # fmt: skip
    with matplotlib.rc_context(settings):
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure = Figure(figsize=(10.4, 4.6), dpi=100, facecolor="white")
        FigureCanvasAgg(figure)
        left, right = figure.subplots(1, 2, sharey=True)
        _panel(left, placed, on, PRIVACY)
        _panel(right, placed, on, None)
        left.set_ylabel("told from real rows: C2ST AUC, 0.5 is perfect")
        left.set_xlabel("members told: membership AUC, 0.5 is perfect")
        right.set_xlabel("time to fit and sample")
        if title:
            figure.suptitle(title, x=0.012, ha="left", fontsize=11, fontweight="bold")
        _legend(figure)
        figure.tight_layout(rect=(0, 0.045, 1, 1), w_pad=2.5)
        for axes in (left, right):
            _label(figure, axes, placed, on, by_time=axes is right)
        return {
            "png": _saved(figure, "png", {"Software": None}, 160),
            "svg": _saved(figure, "svg", {"Date": None, "Creator": None}, 100),
        }


def _saved(figure: Any, kind: str, metadata: dict[str, None], dots: int) -> bytes:
    out = io.BytesIO()
    figure.savefig(out, format=kind, dpi=dots, metadata=metadata)
    return out.getvalue()


def _place(entry: Entry, by_time: bool) -> tuple[float, float]:
    assert entry.point is not None  # noqa: S101 - the caller leaves those out
    fidelity, privacy, took = entry.point
    return (max(took, 0.01) if by_time else privacy), fidelity


def _panel(axes: Any, entries: Sequence[Entry], on: set[str], across: str | None) -> None:
    axes.grid(color="#eef1f4", linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if across is None:
        axes.set_xscale("log")
        took = [max(e.seconds, 0.01) for e in entries] or [1.0]
        axes.set_xlim(min(took) / 2.5, max(took) * 8)
        low, high = axes.get_xlim()
        ticks = {at: word for at, word in _TIMES.items() if low <= at <= high}
        axes.set_xticks(list(ticks), list(ticks.values()))
        axes.set_xticks([], minor=True)
    else:
        highs = [_end(e.measure(PRIVACY)) for e in entries] or [0.5]
        wide = max(max(highs) - 0.5, 0.02)
        axes.set_xlim(0.5 - 0.12 * wide, 0.5 + 1.45 * wide)
        axes.axvline(0.5, color=SOFT, linewidth=0.9, linestyle=(0, (2, 3)))
    top = max([*(_end(e.measure(FIDELITY)) for e in entries), 0.55])
    # By the root, so that what is nearly perfect does not crowd together below what is not.
    axes.set_yscale("function", functions=(_root, _square))
    axes.set_ylim(0.4998, 0.5 + 1.12 * (top - 0.5))
    axes.set_yticks([t for t in _TICKS if t <= top + 0.02], [f"{t:g}" for t in _TICKS if t <= top + 0.02])
    axes.set_yticks([], minor=True)
    axes.axhline(0.5, color=SOFT, linewidth=0.9, linestyle=(0, (2, 3)))
    for entry in entries:
        x, y = _place(entry, across is None)
        colour = ON if entry.name in on else OFF
        up = _spread(entry.measure(FIDELITY), y)
        out = None if across is None else _spread(entry.measure(PRIVACY), x)
        axes.errorbar(x, y, yerr=up, xerr=out, color=colour, elinewidth=1.1, alpha=0.55, zorder=2)
        axes.plot(x, y, marker="o" if entry.name in on else "s", markersize=7.5, markeredgecolor="white",
                  markeredgewidth=1.0, color=colour, zorder=3)  # fmt: skip


def _root(values: Any) -> Any:
    return np.sign(values - 0.5) * np.sqrt(np.abs(values - 0.5))


def _square(values: Any) -> Any:
    return 0.5 + np.sign(values) * values**2


def _end(measure: Measure | None) -> float:
    return 0.5 if measure is None or measure.high is None else max(measure.high, 0.5)


def _spread(measure: Measure | None, at: float) -> list[list[float]] | None:
    if measure is None or measure.low is None or measure.high is None:
        return None
    return [[max(at - max(measure.low, 0.5), 0.0)], [max(measure.high - at, 0.0)]]


def _label(figure: Any, axes: Any, entries: Sequence[Entry], on: set[str], *, by_time: bool) -> None:
    """Names beside the points, moved apart where they would cover each other. Lengths are in points, 72 to the inch."""
    from matplotlib.patheffects import withStroke

    figure.canvas.draw()
    scale = 72 / figure.dpi
    left, right = axes.bbox.x0 * scale + 4, axes.bbox.x1 * scale
    spots = [(*(axes.transData.transform(_place(e, by_time)) * scale), e) for e in entries]
    taken = [(x - 5, x + 5, y) for x, y, _ in spots]
    for x, y, entry in sorted(spots, key=lambda spot: (spot[1], spot[0])):
        width = 5.2 * len(entry.name)
        start = x + 8 if x + 8 + width < right + 4 else max(x - 8 - width, left)
        shifts = sorted(range(-60, 200), key=lambda shift: abs(shift - (0 if by_time else _ABOVE)))
        height = next(
            (y + d for d in shifts if not any(a < start + width and start < b and abs(c - y - d) < _GAP
                                              for a, b, c in taken)), y
        )  # fmt: skip
        taken.append((start, start + width, height))
        far = abs(height - y) > 16
        bold = entry.name in on
        axes.annotate(
            entry.name, _place(entry, by_time), xytext=(start - x, height - y), textcoords="offset points",
            fontsize=8.5, va="center", color=INK if bold else SOFT, fontweight="bold" if bold else "normal",
            arrowprops={"arrowstyle": "-", "color": LINE, "linewidth": 0.8} if far else None, zorder=4,
            path_effects=[withStroke(linewidth=2.5, foreground="white")],
        )  # fmt: skip


def _legend(figure: Any) -> None:
    figure.text(0.012, 0.018, "●", color=ON, fontsize=9)
    figure.text(0.028, 0.018, "on the frontier: no other is at least as good in fidelity, privacy and time",
                fontsize=8, color=SOFT)  # fmt: skip
    figure.text(0.475, 0.018, "■", color=OFF, fontsize=8)
    figure.text(0.49, 0.018, "another is better.   Bars: 95 % intervals.   Lower left is better.",
                fontsize=8, color=SOFT)  # fmt: skip
