"""Charts of the report, drawn with matplotlib: histograms of columns and the map of pairs. Imported lazily.

matplotlib lays out and scales; the page paints. Everything is drawn in placeholder colours, of which each becomes a
class of the page's style sheet, so that one picture serves light, dark and print. All charts of a kind are one figure
that is saved once and cut along its axes: saving is what takes time. The same views give the same bytes.
"""

from __future__ import annotations

import io
import re
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup, escape

WIDTH, HEIGHT = 400, 150
CELL = 24
_PAINT = {f"#0000{i:02x}": name for i, name in enumerate(("real", "synthetic", "grid", "unknown"), start=1)}
_PAINT |= {f"#0001{i:02x}": f"h{i}" for i in range(7)}
_INK = {name: colour for colour, name in _PAINT.items()}
_SVG = "{http://www.w3.org/2000/svg}"
_SETTINGS = {
    "svg.hashsalt": "proofset", "svg.fonttype": "none", "font.size": 10.0, "axes.unicode_minus": True,
    "text.parse_math": False, "path.simplify": False,
}  # fmt: skip


@dataclass(frozen=True)
class Overlay:
    """Two histograms in the same bins.

    label: in words, for who does not see it.  edges: of the bins.  real, synthetic: shares of rows.
    times: the edges are seconds since 1970.  root: heights by their root, where one bin towers over the others.
    """

    label: str
    edges: tuple[float, ...]
    real: tuple[float, ...]
    synthetic: tuple[float, ...]
    times: bool = False
    root: bool = False


@dataclass(frozen=True)
class Block:
    """A map of pairs of columns. cells: (row, column, step of the scale or None where not known, words)."""

    label: str
    names: tuple[str, ...]
    cells: tuple[tuple[int, int, int | None, str], ...]


def draw_overlays(views: Sequence[Overlay]) -> list[Markup]:
    """A picture of each, in order."""
    if not views:
        return []
    import matplotlib

    with matplotlib.rc_context(_SETTINGS):
        figure, tall = _figure(WIDTH, HEIGHT * len(views))
        for place, view in enumerate(views):
            bottom = tall - HEIGHT * (place + 1)
            axes = figure.add_axes((40 / WIDTH, (bottom + 22) / tall, (WIDTH - 52) / WIDTH, (HEIGHT - 32) / tall))
            axes.set_gid(f"cut{place}")
            _overlay(axes, view)
        found = _saved(figure)
    return [
        _svg(f"0 {HEIGHT * place} {WIDTH} {HEIGHT}", "histogram", view.label, _painted(found[f"cut{place}"]))
        for place, view in enumerate(views)
    ]


def _overlay(axes: Any, view: Overlay) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    width = min(b - a for a, b in zip(view.edges, view.edges[1:], strict=False))
    heights = [[s * width / (b - a) for s, a, b in zip(shares, view.edges, view.edges[1:], strict=False)]
               for shares in (view.real, view.synthetic)]  # fmt: skip
    top = max(*heights[0], *heights[1], 1e-9)
    if view.root:
        axes.set_yscale("function", functions=(_root, _square))
    axes.set_xlim(view.edges[0], view.edges[-1])
    axes.set_ylim(0, top * 1.04)
    axes.stairs(heights[0], view.edges, fill=True, color=_INK["real"], clip_on=False)
    axes.stairs(heights[1], view.edges, color=_INK["synthetic"], linewidth=1.6, clip_on=False)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(_INK["grid"])
    axes.tick_params(length=0, pad=5)
    ticks = [top / 9, top] if view.root else MaxNLocator(3, min_n_ticks=2).tick_values(0, top)
    axes.set_yticks([t for t in ticks if 0 < t <= top * 1.04])
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: _share(y)))
    axes.grid(axis="y", color=_INK["grid"], linewidth=0.8)
    axes.set_axisbelow(True)
    ends = [view.edges[0], view.edges[-1]]
    whole = all(float(edge).is_integer() for edge in view.edges)
    found = MaxNLocator(4, steps=[1, 2, 2.5, 5, 10], integer=whole).tick_values(*ends)
    inner = [x for x in found if 0.12 < (x - ends[0]) / (ends[1] - ends[0]) < 0.88]
    places = [ends[0], *([] if view.times else inner), ends[1]]
    axes.set_xticks(places, [_written(x, view.times, ends[1] - ends[0]) for x in places])
    for text, side in zip((axes.get_xticklabels()[0], axes.get_xticklabels()[-1]), ("left", "right"), strict=True):
        text.set_horizontalalignment(side)


def _root(values: Any) -> Any:
    import numpy as np

    return np.sqrt(np.maximum(values, 0))


def _square(values: Any) -> Any:
    return values**2


def _share(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 0.01 else f"{100 * share:.0f} %"


def _written(value: float, times: bool, wide: float) -> str:
    if times:
        try:
            return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%d" if wide > 3 * 86_400 else "%m-%d %H:%M")
        except (OverflowError, ValueError, OSError):
            return ""
    for size, mark in ((1e9, "bn"), (1e6, "m"), (1e4, "k")):
        if abs(value) >= size:
            return f"{value / (1e3 if mark == 'k' else size):,.4g}{mark}"
    return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"


def draw_block(view: Block) -> Markup:
    """The picture of a map of pairs: the lower triangle, names on both sides."""
    import matplotlib

    count = len(view.names)
    left = 12 + 6.4 * max(len(name) for name in view.names)
    wide, tall = left + CELL * (count - 1) + 12, CELL * (count - 1) + left
    with matplotlib.rc_context(_SETTINGS):
        from matplotlib.patches import Rectangle

        figure, _ = _figure(wide, tall)
        inner = CELL * (count - 1)
        axes = figure.add_axes((left / wide, (tall - inner) / tall, inner / wide, inner / tall))
        axes.set_gid("cut0")
        axes.set_xlim(0, count - 1)
        axes.set_ylim(count, 1)
        for row, column, step, _ in view.cells:
            ink = _INK["unknown"] if step is None else _INK[f"h{step}"]
            axes.add_patch(Rectangle((column + 0.03, row + 0.03), 0.94, 0.94, color=ink, linewidth=0, clip_on=False))
        for spine in axes.spines.values():
            spine.set_visible(False)
        axes.tick_params(length=0, pad=4)
        turned = {"rotation": 90, "rotation_mode": "anchor", "ha": "right", "va": "center"}
        axes.set_xticks([i + 0.5 for i in range(count - 1)], view.names[:-1], **turned)
        axes.set_yticks([i + 0.5 for i in range(1, count)], view.names[1:])
        found = _saved(figure)
    titles = [words for *_, words in view.cells]
    return _svg(f"0 0 {wide:.0f} {tall:.0f}", "block", view.label, _painted(found["cut0"], titles), wide)


def _figure(wide: float, tall: float) -> tuple[Any, float]:
    """A figure of so many points, without any global state."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=(wide / 72, tall / 72), dpi=72)
    figure.patch.set_visible(False)
    FigureCanvasSVG(figure)
    return figure, tall


def _saved(figure: Any) -> dict[str, ET.Element]:
    """The groups of the figure that were given an id, by it."""
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a name in a script the measuring font lacks; the reader's browser has it
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    tree = ET.fromstring(out.getvalue())  # noqa: S314 - written by matplotlib a line above
    return {g.get("id", ""): g for g in tree.iter(f"{_SVG}g") if g.get("id", "").startswith("cut")}


def _painted(group: ET.Element, titles: Sequence[str] = ()) -> list[str]:
    """Shapes and texts of a group, with classes for the placeholder colours; what has none is not drawn.

    titles: words for the filled shapes, in the order they were drawn.
    """
    shapes, texts = [], []
    left = list(titles)
    for element in group.iter():
        style = element.get("style", "")
        if element.tag == f"{_SVG}path":
            paint = re.search(r"(fill|stroke): (#0000\w\w|#0001\w\w)", style)
            if paint and paint[2] in _PAINT:
                name = _PAINT[paint[2]]
                title = f"<title>{escape(left.pop(0))}</title>" if left else ""
                shapes.append(f'<path class="{name}" d="{_short(element.get("d", ""))}">{title}</path>')
        elif element.tag == f"{_SVG}text" and element.text:
            anchor = re.search(r"text-anchor: (\w+)", style)
            place = "".join(f' {k}="{_short(element.get(k, ""))}"' for k in ("x", "y", "transform") if element.get(k))
            side = f' text-anchor="{anchor[1]}"' if anchor else ""
            texts.append(f"<text{side}{place}>{escape(element.text)}</text>")
    return shapes + texts


def _short(numbers: str) -> str:
    """Path data with tenths of a point, on one line."""
    rounded = re.sub(r"-?\d+\.\d+", lambda m: f"{float(m[0]):.1f}".removesuffix(".0"), numbers)
    return " ".join(rounded.split())


def _svg(box: str, kind: str, label: str, parts: Sequence[str], wide: float = 0) -> Markup:
    size = f' style="width:{wide:.0f}px"' if wide else ""
    return Markup(  # noqa: S704 - matplotlib's numbers, and texts escaped above
        f'<svg class="{kind}" viewBox="{box}"{size} role="img" aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )


__all__ = ["Block", "Overlay", "draw_block", "draw_overlays"]
