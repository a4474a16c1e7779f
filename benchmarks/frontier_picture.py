"""The picture of the frontier: one panel per table, the lower left corner is best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

OWN, PEER = "#0b6e4f", "#a8540c"
LEAST = 0.004
"""C2ST errors below this are drawn here: the axis is logarithmic, and they are noise."""
GAP = 0.062
"""Between two labels, as a share of a panel's height."""


def error(c2st: float) -> float:
    """How far C2ST is above 0.5, where synthetic and real rows cannot be told apart."""
    return max(c2st - 0.5, LEAST)


def spread(places: Sequence[float], gap: float = GAP) -> list[float]:
    """Places in 0 to 1 moved apart until neighbours are `gap` from each other, their order kept."""
    order = np.argsort(places, kind="stable")
    moved = np.array(places, float)[order]
    for _ in range(200):
        for low in range(len(moved) - 1):
            lack = gap - (moved[low + 1] - moved[low])
            if lack > 0:
                moved[low] -= lack / 2
                moved[low + 1] += lack / 2
        moved += max(0.0, 0.02 - moved[0]) - max(0.0, moved[-1] - 0.98)
    result = np.empty(len(moved))
    result[order] = moved
    return [float(v) for v in result]


def seconds(value: float) -> str:
    """A time as a label shows it."""
    return f"{value:.0f} s" if value >= 10 else f"{value:.2g} s"


def draw(found: Mapping[str, Mapping[str, Mapping[str, float]]], path: Path) -> None:
    """Draw found[table][method] with the figures mia, c2st and seconds; own methods begin with "trees"."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    wide = 2 if len(found) > 1 else 1
    high = -(-len(found) // wide)
    figure, panels = pyplot.subplots(high, wide, figsize=(6.2 * wide, 4.4 * high), squeeze=False)
    for panel in panels.flat[len(found) :]:
        panel.axis("off")
    for (title, rows), panel in zip(found.items(), panels.flat, strict=False):
        _panel(panel, title, rows)
    figure.tight_layout(w_pad=2.5, h_pad=2)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def _panel(panel: object, title: str, rows: Mapping[str, Mapping[str, float]]) -> None:
    from matplotlib.axes import Axes
    from matplotlib.ticker import FixedLocator, NullLocator

    assert isinstance(panel, Axes)
    x = np.array([row["mia"] for row in rows.values()])
    y = np.array([error(row["c2st"]) for row in rows.values()])
    own = np.array([name.startswith("trees") for name in rows])
    ends = np.array([[row.get("mia_low", row["mia"]), row.get("mia_high", row["mia"])] for row in rows.values()])
    low, high = min(0.498, ends.min()), max(0.508, ends.max())
    panel.set_xlim(low - 0.03 * (high - low), high + 0.03 * (high - low))
    panel.set_ylim(y.min() * 0.3, 0.9)  # room for the labels of our own points, which stand below them
    panel.set_yscale("log")
    panel.yaxis.set_major_locator(FixedLocator([0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5]))
    panel.yaxis.set_minor_locator(NullLocator())
    panel.yaxis.set_major_formatter(lambda value, _: f"{0.5 + value:.3g}")
    panel.plot(x[own], y[own], color=OWN, linewidth=1.3, zorder=2)
    area = 25 + 28 * np.log10(1 + np.array([row["seconds"] for row in rows.values()]))
    for mine, colour, marker in ((True, OWN, "o"), (False, PEER, "s")):
        pick = own == mine
        panel.hlines(y[pick], ends[pick, 0], ends[pick, 1], color=colour, linewidth=3, alpha=0.18, zorder=1)
        panel.scatter(x[pick], y[pick], s=area[pick], color=colour, marker=marker, zorder=3, alpha=0.9)
    spans = panel.get_xlim(), np.log(panel.get_ylim())
    across = (x - spans[0][0]) / (spans[0][1] - spans[0][0])
    up = (np.log(y) - spans[1][0]) / (spans[1][1] - spans[1][0])
    places = np.empty((len(rows), 2))
    if own.any():
        places[own] = _below(across[own], up[own])
    if not own.all():
        places[~own] = np.column_stack([_beside(across[~own], up[~own]), spread(list(up[~own] + 0.045))])
    for place, a, b, (name, row) in zip(places, across, up, rows.items(), strict=True):
        mine = name.startswith("trees")
        panel.annotate(
            f"{name}, {seconds(row['seconds'])}", (a, b), xytext=tuple(place), xycoords="axes fraction",
            textcoords="axes fraction", fontsize=8, va="center", color=OWN if mine else PEER,
            ha="left" if place[0] > a else "right",
            arrowprops={
                "arrowstyle": "-", "color": "#bbbbbb", "linewidth": 0.7, "shrinkA": 0, "shrinkB": 4,
                "relpos": (0.0 if place[0] > a else 1.0, 0.5),
            },
        )  # fmt: skip
    panel.axvline(0.5, color="#999999", linewidth=0.8, linestyle=":", zorder=0)
    panel.grid(axis="y", color="#eeeeee", zorder=0)
    panel.set_title(title, fontsize=11, loc="left")
    panel.set_xlabel("membership AUC (0.5: nothing leaks)", fontsize=9)
    panel.set_ylabel("C2ST (0.5: like real rows), log scale", fontsize=9)
    panel.spines[["top", "right"]].set_visible(False)


def _beside(across: np.ndarray, up: np.ndarray) -> np.ndarray:
    """Labels on the right of points, but for those near the right edge or with another point there."""
    step = across[None, :] - across[:, None]
    taken = (step > 0) & (step < 0.35) & (np.abs(up[None, :] - up[:, None]) < 0.1)
    return np.where((across > 0.6) | (taken.any(axis=1) & (across > 0.22)), across - 0.045, across + 0.045)


def _below(across: np.ndarray, up: np.ndarray) -> np.ndarray:
    """Labels below a line of points, one step deeper each, so that no leader crosses another label."""
    right = across.max() < 0.72  # whether there is room for text at the right of every point
    order = np.argsort(-across if right else across, kind="stable")
    depth = np.empty(len(across))
    depth[order] = np.arange(1, len(across) + 1)
    return np.column_stack([across + (0.02 if right else -0.02), np.maximum(up.min() - depth * (GAP + 0.01), 0.03)])
