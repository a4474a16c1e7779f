"""Datasheet: the questions of Gebru et al. (2021), answered from the record, as Markdown and as one printable page.

Gebru, Morgenstern, Vecchione, Wortman Vaughan, Wallach, Daumé III, Crawford: Datasheets for Datasets, Communications of
the ACM 64(12), https://doi.org/10.1145/3458723. Its seven sections are kept; the questions are put in our own words and
about synthetic data. What the record does not know the datasheet says is not known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lineage.exports import datasheet_answers as told
from lineage.pages import rendered
from lineage.record import Record

TEMPLATES = Path(__file__).resolve().parent.parent / "templates"


@dataclass(frozen=True)
class Grid:
    """A table: its columns' titles and its rows of as many cells. right: columns that hold numbers."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: tuple[int, ...] = ()


@dataclass(frozen=True)
class Answer:
    """A question with what the record says: sentences, points of a list, and a table."""

    question: str
    said: tuple[str, ...] = ()
    points: tuple[str, ...] = ()
    grid: Grid | None = None


@dataclass(frozen=True)
class Chapter:
    """One of the seven sections."""

    title: str
    answers: tuple[Answer, ...]


def chapters(record: Record) -> tuple[Chapter, ...]:
    """The datasheet: seven sections in the paper's order."""
    return tuple(
        Chapter(title, tuple(_answer(*found) for found in asked(record))) for title, asked in told.CHAPTERS.items()
    )


def _answer(question: str, said: Iterable[str], points: Iterable[str] = (), grid: told.Cells | None = None) -> Answer:
    table = Grid(*grid) if grid and grid[1] else None
    sentences, listed = tuple(s for s in said if s), tuple(points)
    if not sentences and not listed and table is None:
        sentences = ("Not known.",)
    return Answer(question, sentences, listed, table)


def markdown(record: Record) -> bytes:
    """The datasheet as Markdown."""
    one = record.identity
    lines = [f"# Datasheet: {_plain(one.title)}", "", f"Release `{_plain(one.release)}`, as of {record.as_of}."]
    for number, chapter in enumerate(chapters(record), 1):
        lines += ["", f"## {number}. {chapter.title}"]
        for answer in chapter.answers:
            lines += ["", f"### {answer.question}", ""]
            lines += ["\n\n".join(_plain(s) for s in answer.said)] if answer.said else []
            lines += [""] if answer.said and (answer.points or answer.grid) else []
            lines += [f"- {_plain(p)}" for p in answer.points]
            lines += [""] if answer.points and answer.grid else []
            lines += _grid(answer.grid) if answer.grid else []
    lines += ["", f"After Gebru et al. (2021), Datasheets for Datasets, {told.PAPER}."]
    return ("\n".join(lines) + "\n").encode()


def _grid(grid: Grid) -> list[str]:
    rules = ("---:" if place in grid.right else "---" for place in range(len(grid.head)))
    rows = ["| " + " | ".join(_plain(cell) for cell in row) + " |" for row in (grid.head, *grid.rows)]
    return [rows[0], "|" + "|".join(rules) + "|", *rows[1:]]


_ACTIVE = re.compile(r"([\\`*_\[\]|~$])")
_LEADING = re.compile(r"^([-+#=]|\d+(?=[.)]))")


def _plain(text: str) -> str:
    """The text on one line, with nothing in it that Markdown would act on or pass on as HTML."""
    line = _ACTIVE.sub(r"\\\1", " ".join(text.split()))
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _LEADING.sub(lambda m: f"\\{m[0]}" if not m[0][0].isdigit() else f"{m[0]}\\", line)


def html(record: Record) -> bytes:
    """The datasheet as one page that loads nothing and runs nothing, for screens light and dark, and for paper."""
    return rendered(
        TEMPLATES,
        "datasheet.html.j2",
        record=record,
        one=record.identity,
        chapters=chapters(record),
        facts=told.facts(record),
        paper=told.PAPER,
        gone=record.history.withdrawn,
    )
