"""The page of a comparison: picture, table with intervals, verdicts and licences, in one self-contained HTML file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from quality.frontier import Entry, best, frontier, interval, reference, seconds, shown, written


@dataclass(frozen=True)
class Cell:
    """A figure in the table."""

    value: str
    interval: str
    best: bool


@dataclass(frozen=True)
class Row:
    """A generator in the table."""

    entry: Entry
    cells: tuple[Cell, ...]
    took: str
    on: bool


def frontier_page(entries: Sequence[Entry], svg: bytes, *, title: str, facts: Sequence[tuple[str, str]], policy: str
                  ) -> str:  # fmt: skip
    """Return the page.

    Parameters
    ----------
    svg: the picture, see `quality.frontier_plot.draw`.  facts: what is worth knowing about the comparison.
    policy: the policy's name; "" where none judged.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    columns = shown(entries)
    on = frontier(entries)
    real = [next((m for e in entries if (m := e.measure(name)) is not None), None) for name, _, _ in columns]
    bests = [best(entries, name) for name, _, _ in columns]
    rows = [
        Row(
            entry,
            tuple(
                Cell(written(entry.measure(name)), interval(entry.measure(name)), entry.name in bests[i])
                for i, (name, _, _) in enumerate(columns)
            ),
            seconds(entry.seconds),
            entry.name in on,
        )
        for entry in entries
        if not entry.failed
    ]
    text = svg.decode()
    page = environment.get_template("frontier.html.j2").render(
        title=title,
        facts=facts,
        policy=policy,
        columns=columns,
        rows=rows,
        real=[reference(m) for m in real],
        failed=[e for e in entries if e.failed],
        picture=Markup(text[text.index("<svg") :]),  # noqa: S704 - drawn by quality.frontier_plot: shapes and paths
    )
    return page if page.endswith("\n") else page + "\n"
