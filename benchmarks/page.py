"""Write the figures into docs/benchmarks.md and draw the frontier: python -m benchmarks.page --json FILE

Tables stand between marks such as <!-- bounds: begin --> and <!-- bounds: end -->; the rest of the page is left alone.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.checks import verdicts
from benchmarks.frontier_picture import draw
from benchmarks.running import ROOT
from benchmarks.session import LEVELS

PAGE = ROOT / "docs" / "benchmarks.md"
PICTURE = ROOT / "docs" / "pictures" / "frontier.png"
TITLES = {
    "adult": "Adult", "census": "Census income", "compas": "COMPAS", "flights": "Flights", "german": "German credit",
}  # fmt: skip
COLUMNS = {
    "shape_error": "shape error", "pair_error": "pair error", "c2st": "C2ST", "tstr": "TSTR", "mia": "MIA",
    "mia_tpr": "TPR at 1 % FPR", "copies": "exact copies", "seconds": "fit + sample",
}  # fmt: skip
METHODS = {
    "real": "real rows alone", "weights": "class weights", "smote": "SMOTENC",
    "trees_minority": "trees fitted on the minority", "trees_where": "trees with `where`",
}  # fmt: skip
Rows = Mapping[str, Mapping[str, float]]


def grouped(figures: Mapping[str, float], prefix: str) -> dict[str, dict[str, dict[str, float]]]:
    """Figures named PREFIX.TABLE.METHOD.FIGURE, by table and method; a method's name may hold a dot."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for name, value in figures.items():
        parts = name.split(".")
        if parts[0] == prefix and len(parts) > 3:
            found.setdefault(parts[1], {}).setdefault(" ".join(parts[2:-1]), {})[parts[-1]] = value
    return {table: dict(sorted(rows.items(), key=_place)) for table, rows in found.items()}


def _place(row: tuple[str, object]) -> tuple[int, str]:
    """Our own levels first, from low to high."""
    own = [f"trees {level}" for level in LEVELS]
    return (own.index(row[0]), "") if row[0] in own else (len(own), row[0])


def cell(name: str, value: float | None) -> str:
    """One figure as a table shows it."""
    if value is None:
        return "–"
    if name in ("shape_error", "pair_error", "copies", "mia_tpr"):
        return f"{100 * value:.2f} %"
    return f"{value:.3g} s" if name == "seconds" else f"{value:.3f}"


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def frontier_tables(figures: Mapping[str, float]) -> str:
    """One table of methods by data table; the test rows' own figures come first."""
    parts = []
    for name, rows in grouped(figures, "frontier").items():
        first = next(iter(rows.values()))
        floor = {c: first.get(f"{c}_floor") for c in COLUMNS}
        floor |= {"c2st": 0.5, "tstr": first.get("trtr"), "mia": 0.5, "mia_tpr": 0.01}
        lines = [["test rows themselves", *(cell(c, floor[c]) for c in COLUMNS)]]
        for method, row in rows.items():
            trained = f", {row['epochs']:.3g} epochs" if "epochs" in row else ""
            lines.append([method + trained, *(cell(c, row.get(c)) for c in COLUMNS)])
        parts.append(f"**{TITLES.get(name, name)}**\n\n" + table(["method", *COLUMNS.values()], lines))
    return "\n\n".join(parts)


def bounds_table(figures: Mapping[str, float], level: str = "medium") -> str:
    """Every bound that was measured, and whether it is met."""
    words = {True: "met", False: "**missed**"}
    rows = [
        [f"`{v.figure}`", f"{v.value:.4g}", v.bound, words[v.met]]
        for v in verdicts(figures, level)
        if v.met is not None and v.value is not None
    ]
    return table(["figure", "value", "bound", ""], rows)


def uplift_tables(figures: Mapping[str, float]) -> str:
    """Average precision by method and model, and the paired gain over real rows alone."""
    parts = []
    for name, rows in grouped(figures, "uplift").items():
        lines = []
        for key, title in METHODS.items():
            for model in ("boosted", "linear"):
                row = rows.get(f"{key} {model}")
                if row is not None:
                    gain = f"{row['gain']:+.4f} ± {row['gain_half']:.4f}" if "gain" in row else "–"
                    lines.append([title, model, f"{row['ap']:.4f} ± {row['ap_half']:.4f}", gain])
        share = figures.get(f"uplift.{name}.share", float("nan"))
        parts.append(
            f"**`{name}`**, {100 * share:.2f} % positives\n\n"
            + table(["training rows", "model", "average precision", "gain over real rows alone"], lines)
        )
    return "\n\n".join(parts)


def scale_table(figures: Mapping[str, float]) -> str:
    """Fit time and memory by rows, and the stream."""
    rows = []
    for label, title in (("100k", "fit 100,000 rows"), ("1m", "fit 1,000,000 rows"), ("5m", "fit 5,000,000 rows")):
        p = f"scale.fit.{label}"
        if f"{p}.fit_s" in figures:
            rows.append([title, f"{figures[f'{p}.fit_s']:.3g} s", f"{figures[f'{p}.peak_mb']:,.0f} MB", ""])
    if "scale.fit.slope" in figures:
        rows.append(["slope of log time over log rows", f"{figures['scale.fit.slope']:.2f}", "", ""])
    for title, p in (
        ("stream 10,000,000 rows", "scale.stream"),
        ("rows on a condition, trees", "conditional.trees"),
        ("rows on a condition, GaussianCopula", "conditional.GaussianCopula"),
    ):
        if f"{p}.rows_per_s" in figures:
            time = figures.get(f"{p}.stream_s", figures.get(f"{p}.sample_s", figures.get(f"{p}.seconds", 0.0)))
            memory = f"{figures[f'{p}.peak_mb']:,.0f} MB" if f"{p}.peak_mb" in figures else ""
            rows.append([title, f"{time:.3g} s", memory, f"{figures[f'{p}.rows_per_s']:,.0f}"])
    return table(["", "time", "peak memory", "rows a second"], rows)


BLOCKS: dict[str, Callable[[Mapping[str, float]], str]] = {
    "bounds": bounds_table,
    "frontier": frontier_tables,
    "uplift": uplift_tables,
    "scale": scale_table,
}


def between(page: str, name: str, text: str) -> str:
    """The page with `text` between the two marks of `name`; as it is where it has none."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    if begin not in page or end not in page:
        return page
    head, rest = page.split(begin, 1)
    return f"{head}{begin}\n\n{text}\n\n{end}{rest.split(end, 1)[1]}"


def main() -> None:
    """Rewrite the tables and the picture from the figures."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--json", type=Path, required=True, help="figures that benchmarks.generators wrote")
    given = arguments.parse_args()
    figures = json.loads(given.json.read_text(encoding="utf-8"))
    page = PAGE.read_text(encoding="utf-8")
    for name, make in BLOCKS.items():
        page = between(page, name, make(figures))
    PAGE.write_text(page, encoding="utf-8")
    found = grouped(figures, "frontier")
    if found:
        draw({TITLES.get(name, name): rows for name, rows in found.items()}, PICTURE)


if __name__ == "__main__":
    main()
