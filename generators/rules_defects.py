"""Injected defects: faults put into a stated share of the cells, with a record of where."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pyarrow as pa

from generators.blocks import Block
from proofset.errors import GeneratorError, did_you_mean
from proofset.rules_table import Defect
from proofset.values import Values, filled, texts

LETTERS = "abcdefghijklmnopqrstuvwxyz"
WORDS = ("n/a", "unknown", "-", "none", "TBD", "#REF!", "see note", "12,5 approx")
NEEDS = {
    **dict.fromkeys(("typos", "whitespace", "case", "truncated", "new_category"), "text"),
    **dict.fromkeys(("outliers", "sign"), "number"),
    **dict.fromkeys(("stale_date", "future_date"), "moment"),
}
"""The kind of column a defect works on; others work on any."""

Hits = dict[tuple[str, str], np.ndarray]
"""By kind of defect and column: which rows were changed."""


def inject(
    defects: Sequence[Defect], columns: Mapping[str, Values], block: Block, schema: pa.Schema | None
) -> tuple[dict[str, Values], Hits]:
    """Return the columns with the defects in them, and where they were put.

    schema: the types to be filled, where they are known, so that an outlier stays within them.

    Raises GeneratorError for a column that is not there, or whose kind the defect does not suit.
    """
    made, hits = dict(columns), Hits()
    for number, defect in enumerate(defects):
        _check(defect, made)
        if defect.kind in ("duplicates", "swapped"):
            rng = block.stream("rules", "defects", number)
            act = _duplicates if defect.kind == "duplicates" else _swapped
            names, changed, where = act(defect, made, rng)
            made |= changed
            for name in names:
                _note(hits, defect.kind, name, where)
            continue
        for name in defect.columns:
            rng = block.stream("rules", "defects", number, name)
            before = made[name]
            rows = np.flatnonzero((rng.random(block.rows) < defect.share) & ~before.missing)
            made[name] = _changed(defect, before, rows, rng, _room(name, schema))
            where = np.zeros(block.rows, bool)
            where[rows] = _differs(before, made[name], rows)
            _note(hits, defect.kind, name, where)
    return made, hits


def _note(hits: Hits, kind: str, name: str, where: np.ndarray) -> None:
    hits[kind, name] = hits.get((kind, name), np.zeros(len(where), bool)) | where


def _check(defect: Defect, columns: Mapping[str, Values]) -> None:
    for name in defect.columns:
        if name not in columns:
            raise GeneratorError(
                f"rules.defects: '{name}' of the defect {defect.kind} is not a column with a rule."
                f"{did_you_mean(name, columns)}",
                fix="Name a column that has a rule.",
            )
        wanted = NEEDS.get(defect.kind)
        if wanted is not None and columns[name].kind != wanted:
            raise GeneratorError(
                f"rules.defects: column '{name}' is a {columns[name].kind}, and {defect.kind} needs a {wanted}.",
                fix="Name another column or another kind of defect.",
            )
    if defect.kind == "swapped" and len({columns[n].kind for n in defect.columns}) > 1:
        raise GeneratorError(
            f"rules.defects: {' and '.join(defect.columns)} cannot be swapped, they are of different kinds.",
            fix="Name two columns of one kind.",
        )


def _room(name: str, schema: pa.Schema | None) -> tuple[int, int]:
    kind = pa.int64() if schema is None else schema.field(name).type
    if not pa.types.is_integer(kind) or kind.bit_width == 64:
        return (0 if pa.types.is_unsigned_integer(kind) else -(2**62)), 2**62
    if pa.types.is_unsigned_integer(kind):
        return 0, 2**kind.bit_width - 1
    return -(2 ** (kind.bit_width - 1)), 2 ** (kind.bit_width - 1) - 1


def _differs(before: Values, after: Values, rows: np.ndarray) -> np.ndarray:
    if before.kind != after.kind:
        return np.ones(len(rows), bool)
    different: np.ndarray = (before.data[rows] != after.data[rows]) | after.missing[rows]
    return different.astype(bool)


def _changed(
    defect: Defect, values: Values, rows: np.ndarray, rng: np.random.Generator, room: tuple[int, int]
) -> Values:
    if defect.kind == "nulls":
        missing = values.missing.copy()
        missing[rows] = True
        return Values(values.data, missing)
    if defect.kind == "wrong_type_text":
        data = values.data.copy() if values.kind == "text" else filled(texts(values))
        data[rows] = filled(WORDS)[rng.integers(0, len(WORDS), len(rows))]
        return Values(data, values.missing)
    data = values.data.copy()
    match defect.kind:
        case "outliers" | "sign":
            factor = -1.0 if defect.kind == "sign" else defect.factor
            base = data[rows].astype(float)
            far = np.where(base == 0.0, factor, base * factor) if defect.kind == "outliers" else -base
            data[rows] = np.rint(far).clip(*room) if data.dtype.kind == "i" else far
        case "stale_date" | "future_date":
            shift = np.timedelta64(round(defect.days * 86_400), "s")
            data[rows] = data[rows] - shift if defect.kind == "stale_date" else data[rows] + shift
        case _:
            spoil = SPOILERS[defect.kind]
            seeds = rng.random((len(rows), 3))
            data[rows] = filled([spoil(t, *s) for t, s in zip(data[rows], seeds.tolist(), strict=True)])
    return Values(data, values.missing)


def _typo(text: str, which: float, where: float, what: float) -> str:
    """Exchange two letters, double one, leave one out, or replace one."""
    if not text:
        return LETTERS[int(what * 26)]
    at = int(where * len(text))
    kind = int(which * 4)
    if kind == 0 and at + 1 < len(text) and text[at] != text[at + 1]:
        return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    if kind == 1:
        return text[:at] + text[at] + text[at:]
    if kind == 2 and len(text) > 1:
        return text[:at] + text[at + 1 :]
    other = LETTERS[int(what * 26)]
    other = other if other != text[at] else LETTERS[(int(what * 26) + 1) % 26]
    return text[:at] + other + text[at + 1 :]


def _whitespace(text: str, which: float, where: float, what: float) -> str:
    """Blanks before, behind or, where there is one already, within."""
    kind = int(which * 3)
    if kind == 2 and " " in text:
        return text.replace(" ", "  ", 1)
    return " " * (1 + int(what * 2)) + text if kind == 0 else text + " " * (1 + int(what * 2))


def _case(text: str, which: float, where: float, what: float) -> str:
    """Upper case, lower case or the other way round: the first of them that changes something."""
    ways = [text.upper(), text.lower(), text.swapcase()]
    start = int(which * 3)
    return next((w for w in [*ways[start:], *ways[:start]] if w != text), text)


def _truncated(text: str, which: float, where: float, what: float) -> str:
    return text[: int(where * len(text))]


def _new_category(text: str, which: float, where: float, what: float) -> str:
    return f"{text}_{int(what * 90) + 10}"


SPOILERS: dict[str, Callable[[str, float, float, float], str]] = {
    "typos": _typo,
    "whitespace": _whitespace,
    "case": _case,
    "truncated": _truncated,
    "new_category": _new_category,
}


def _duplicates(
    defect: Defect, columns: Mapping[str, Values], rng: np.random.Generator
) -> tuple[tuple[str, ...], dict[str, Values], np.ndarray]:
    """Each row that is hit repeats the nearest row before it that is not, or behind it where there is none."""
    names = defect.columns or tuple(columns)
    rows = len(columns[names[0]].data)
    hit = rng.random(rows) < defect.share
    if hit.all():
        hit[0] = False
    kept = np.flatnonzero(~hit)
    source = kept[(np.searchsorted(kept, np.arange(rows), side="right") - 1).clip(min=0)]
    copied = {n: Values(columns[n].data[source], columns[n].missing[source]) for n in names}
    return names, copied, hit


def _swapped(
    defect: Defect, columns: Mapping[str, Values], rng: np.random.Generator
) -> tuple[tuple[str, ...], dict[str, Values], np.ndarray]:
    a, b = defect.columns
    left, right = columns[a], columns[b]
    hit = rng.random(len(left.data)) < defect.share
    swapped = {
        a: Values(np.where(hit, right.data, left.data), np.where(hit, right.missing, left.missing)),
        b: Values(np.where(hit, left.data, right.data), np.where(hit, left.missing, right.missing)),
    }
    changed = (left.data != right.data).astype(bool) | (left.missing != right.missing)
    return defect.columns, swapped, hit & changed & ~(left.missing & right.missing)


def log_columns(hits: Hits, rows: int) -> tuple[Values, Values]:
    """Whether a row was hit, and by what: "typos:name, nulls:age"; null where it was not."""
    any_hit = np.zeros(rows, bool)
    said: dict[int, list[str]] = {}
    for (kind, name), where in hits.items():
        any_hit |= where
        for row in np.flatnonzero(where).tolist():
            said.setdefault(row, []).append(f"{kind}:{name}")
    cells = filled([""] * rows)
    for row, words in said.items():
        cells[row] = ", ".join(words)
    return Values(any_hit, np.zeros(rows, bool)), Values(cells, ~any_hit)
