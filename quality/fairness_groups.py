"""Who the groups are: one code per row for each group column and pair of them, and the names that may be told.

A group is named only where at least MIN_COUNT training rows share it; rarer values, and values that only the
synthetic table has, are pooled. Numbers and times are binned by the profile's protected quartiles.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, count, pairwise

import numpy as np
import numpy.typing as npt

from proofset.codes import PARTS, Column, Kind, Part
from proofset.errors import did_you_mean
from proofset.evidence import MIN_COUNT
from quality.base import Context, UnsupportedError
from quality.fairness_words import written
from quality.stats import Floats

Codes = npt.NDArray[np.int64]

OTHER = "other groups"
MISSING = "(missing)"
_QUARTILES = ("0.25", "0.50", "0.75")
_NANOSECONDS = 1e9


@dataclass(frozen=True)
class Grouping:
    """The rows of the three tables by group.

    codes: part -> (rows,) places in `names`.  names: None where fewer than MIN_COUNT training rows share the group;
    it counts, but is not told of on its own.
    """

    name: str
    codes: dict[Part, Codes]
    names: tuple[str | None, ...]

    def counts(self, part: Part) -> Codes:
        """(groups,) rows."""
        return np.bincount(self.codes[part], minlength=len(self.names))

    def label(self, place: int) -> str | None:
        """The group with its column's name, as a part of a measure."""
        name = self.names[place]
        return None if name is None else f"{self.name}: {name}"


def value_names(context: Context, column: Column) -> dict[float, str]:
    """A discrete column's values -> how they are written, for those that at least MIN_COUNT training rows share."""
    values = column.values["train"].astype(np.float64)
    known, first, counts = np.unique(values, return_index=True, return_counts=True)
    stored = context.train[column.name]
    return {
        float(v): str(stored[int(i)].as_py())
        for v, i, n in zip(known, first, counts, strict=True)
        if n >= MIN_COUNT and stored[int(i)].is_valid
    }


def groupings(context: Context) -> tuple[list[Grouping], list[str]]:
    """The spec's group columns, and why some of them are left out.

    Raises UnsupportedError where the spec names none, or none that can be used.
    """
    wanted = context.table.quality.groups
    if not wanted:
        raise UnsupportedError("the spec names no groups; name columns under quality.groups, e.g. groups: [sex]")
    found, left = [], []
    columns = {c.name: c for c in context.encoded.columns}
    for name in dict.fromkeys(wanted):
        if name not in context.train.column_names:
            near = did_you_mean(name, context.train.column_names)
            left.append(f"the table has no column '{name}'.{near}".rstrip("."))
        elif name not in columns:
            left.append(f"the column '{name}' is not modelled")
        else:
            made = _grouping(context, columns[name])
            if made is None:
                left.append(f"the column '{name}' has fewer than two groups")
            else:
                found.append(made)
    if not found:
        raise UnsupportedError("; ".join(left))
    return found, left


def paired(found: list[Grouping]) -> list[Grouping]:
    """Every two of them crossed."""
    made = []
    for a, b in combinations(found, 2):
        width = len(b.names)
        names = {
            i * width + j: f"{one} × {other}"
            for i, one in enumerate(a.names)
            for j, other in enumerate(b.names)
            if one is not None and other is not None
        }
        fused = {p: a.codes[p] * width + b.codes[p] for p in PARTS}
        made.append(_pooled(f"{a.name} × {b.name}", fused, names))
    return made


def _grouping(context: Context, column: Column) -> Grouping | None:
    values = {p: column.values[p].astype(np.float64) for p in PARTS}
    if column.discrete:
        told = value_names(context, column)
        if column.kind == Kind.CATEGORY:
            values = {p: np.where(v < 0, np.nan, v) for p, v in values.items()}
        keys = np.array(sorted(told))
        codes = {p: _places(keys, v) for p, v in values.items()}
        names = {i: f"'{v}'" if v in (OTHER, MISSING) else v for i, v in enumerate(told[float(k)] for k in keys)}
    else:
        edges, written = _edges(context, column)
        names = dict(enumerate(written))
        codes = {p: np.searchsorted(edges, v, "left").astype(np.int64) for p, v in values.items()}
    null = len(names)
    names[null] = MISSING
    codes = {p: np.where(np.isnan(values[p]), null, codes[p]) for p in PARTS}
    made = _pooled(column.name, codes, names)
    return made if len(made.names) > 1 else None


def _places(keys: Floats, values: Floats) -> Codes:
    """The place of each value among the keys; one beyond the null's for those that are not among them."""
    if not len(keys):
        return np.full(len(values), 1, np.int64)
    place = np.minimum(np.searchsorted(keys, values), len(keys) - 1)
    return np.where(keys[place] == values, place, len(keys) + 1).astype(np.int64)


def _edges(context: Context, column: Column) -> tuple[Floats, list[str]]:
    """Upper bounds of all bins but the last, and how the bins are written."""
    known = context.profile.column(column.name).quantiles
    edges = np.unique([known[q] for q in _QUARTILES if q in known])
    words = written(edges, context.train.schema.field(column.name).type if column.kind == Kind.TIME else None)
    if not words:
        return edges, ["any value"]
    names = [f"up to {words[0]}", *(f"{a} to {b}" for a, b in pairwise(words))]
    return edges * (_NANOSECONDS if column.kind == Kind.TIME else 1.0), [*names, f"above {words[-1]}"]


def _pooled(name: str, codes: dict[Part, Codes], names: dict[int, str]) -> Grouping:
    """Groups with a name and enough training rows keep a place of their own; all others share the last one."""
    most = max(max(names, default=0), *(int(c.max(initial=0)) for c in codes.values()))
    counts = np.bincount(codes["train"], minlength=most + 1)
    kept = [c for c in sorted(names) if counts[c] >= MIN_COUNT]
    place = np.full(most + 1, len(kept), np.int64)
    place[kept] = np.arange(len(kept))
    made = {p: place[c] for p, c in codes.items()}
    told: list[str | None] = [names[c] for c in kept]
    if any((c == len(kept)).any() for c in made.values()):
        told.append(OTHER if int((made["train"] == len(kept)).sum()) >= MIN_COUNT else None)
    return Grouping(name, made, _apart(told))


def _apart(names: list[str | None]) -> tuple[str | None, ...]:
    """The names, with a number behind those that are there already: no two groups have one name."""
    made: list[str | None] = []
    for name in names:
        tries = (f"{name} ({i})" for i in count(2))
        made.append(name if name is None or name not in made else next(t for t in tries if t not in {*names, *made}))
    return tuple(made)
