"""Whether constraints can hold together, found without data: bounds are passed on until nothing changes.

What is decided: ranges, inequalities and their circles, sums, one-hot, listed combinations, formats beside listed
values, and whether a value must be both there and missing. Free expressions are not looked into.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import pyarrow as pa

from proofset.constraints_base import ConstraintBase
from proofset.constraints_formats import FormatConstraint
from proofset.constraints_logic import NotNullConstraint, NullTogetherConstraint, NullWhenConstraint
from proofset.constraints_numbers import ROUNDING, InequalityConstraint, RangeConstraint, SumConstraint
from proofset.constraints_sets import FixedCombinationsConstraint, OneHotConstraint, UniqueConstraint
from proofset.constraints_values import ORDERED, constant, family, microseconds, numbers, value_type

Bound = tuple[float, int]
"""A value and how many strict steps beyond it: (3.0, 1) is "more than 3", as a lower bound."""
PASSES = 64
SUM = "the sum "
ENDLESS = ((-math.inf, 0), (math.inf, 0))

Declared = Mapping[str, tuple[float | None, float | None, tuple[str, ...] | None]]
"""What the spec declares of a column: min, max and values."""


def smallest_conflict(
    constraints: Sequence[ConstraintBase], schema: pa.Schema, declared: Declared
) -> tuple[list[int], str] | None:
    """Return the positions of constraints that cannot hold together, none of them needless, and why; None where they
    may hold. An empty list means that what the spec declares is impossible by itself."""
    left = list(range(len(constraints)))
    why = impossible(constraints, schema, declared)
    if why is None:
        return None
    for place in list(left):
        fewer = [i for i in left if i != place]
        said = impossible([constraints[i] for i in fewer], schema, declared)
        if said is not None:
            left, why = fewer, said
    return left, why


def impossible(constraints: Sequence[ConstraintBase], schema: pa.Schema, declared: Declared) -> str | None:
    """Say why no row with all values known keeps the constraints; None where some may."""
    circle = _circle([edge for c in constraints for edge in _edges(c)])
    if circle is not None:
        return f"Each of {', '.join(circle)} would have to be less than the next, and the last less than the first."
    spans = bounds(constraints, schema, declared)
    for name, (low, high) in spans.items():
        if low > high:
            quoted = name if name.startswith(SUM) else f"'{name}'"
            return f"Nothing is left between the bounds of {quoted}."
    return _combinations(constraints, spans, schema) or _formats(constraints, declared) or _nulls(constraints)


def bounds(
    constraints: Sequence[ConstraintBase], schema: pa.Schema, declared: Declared
) -> dict[str, tuple[Bound, Bound]]:
    """Bounds of every ordered column and truth (0 and 1), in its unit; µs for times. Empty where low > high."""
    spans = {f.name: _start(f, declared) for f in schema if family(f.type) in (*ORDERED, "truth")}
    whole = {f.name for f in schema if pa.types.is_integer(value_type(f.type)) or family(f.type) == "truth"}

    def narrow(name: str, low: Bound, high: Bound) -> None:
        if name in whole:
            low = (float(np.ceil(low[0])) + (low[1] > 0 and float(low[0]).is_integer()), 0)
            high = (float(np.floor(high[0])) - (high[1] < 0 and float(high[0]).is_integer()), 0)
        before = spans.get(name, ENDLESS)
        spans[name] = (max(before[0], low), min(before[1], high))

    for _ in range(PASSES):
        before = dict(spans)
        for constraint in constraints:
            for low, high, strict in _edges(constraint):
                narrow(high, _beyond(spans[low][0], strict), ENDLESS[1])
                narrow(low, ENDLESS[0], _beyond(spans[high][1], -strict))
            match constraint:
                case RangeConstraint():
                    kind = schema.field(constraint.column).type
                    for bound, side in ((constraint.min, 0), (constraint.max, 1)):
                        if bound is not None and bound not in constraint.uses:
                            at = (_number(bound, kind), 0)
                            narrow(constraint.column, *((at, ENDLESS[1]) if side == 0 else (ENDLESS[0], at)))
                case OneHotConstraint():
                    for name in constraint.columns:
                        narrow(name, (0.0, 0), (1.0, 0))
                    _add_up(constraint.columns, 1.0, 0.0, spans, narrow)
                case SumConstraint():
                    _add_up(constraint.columns, constraint.total, constraint.tolerance, spans, narrow)
                case FixedCombinationsConstraint() if constraint.combinations is not None:
                    combinations = constraint.listed(schema)
                    for name in constraint.columns:
                        if name in spans and combinations[name].null_count < combinations.num_rows:
                            counted = _counted(combinations[name].drop_null())
                            narrow(name, (float(counted.min()), 0), (float(counted.max()), 0))
        if spans == before or any(low > high for low, high in spans.values()):
            break
    return spans


def capacity(
    unique: UniqueConstraint, constraints: Sequence[ConstraintBase], schema: pa.Schema, declared: Declared
) -> int | None:
    """How many different rows the unique columns have room for; None where that is not known."""
    spans = bounds(constraints, schema, declared)
    open_, room = set(unique.columns), 1
    for constraint in constraints:
        if isinstance(constraint, FixedCombinationsConstraint) and constraint.combinations is not None:
            inner = [i for i, c in enumerate(constraint.columns) if c in open_]
            if inner and len(inner) == len([c for c in constraint.columns if c in unique.columns]):
                room *= len({tuple(words[i] for i in inner) for words in constraint.combinations})
                open_ -= set(constraint.columns)
    for name in open_:
        values = declared[name][2] if name in declared else None
        low, high = spans.get(name, ENDLESS)
        kind = value_type(schema.field(name).type)
        if values is not None:
            room *= len(set(values))
        elif (pa.types.is_integer(kind) or family(kind) == "truth") and math.isfinite(high[0] - low[0]):
            room *= int(high[0] - low[0]) + 1
        else:
            return None
    return room


def _start(field: pa.Field, declared: Declared) -> tuple[Bound, Bound]:
    if family(field.type) == "truth":
        return (0.0, 0), (1.0, 0)
    if family(field.type) != "number":
        return ENDLESS
    low, high, words = declared.get(field.name, (None, None, None))
    listed = [float(w) for w in words or () if w.replace(".", "", 1).lstrip("+-").isdigit()]
    lows = [-math.inf if low is None else low, *([min(listed)] if listed else [])]
    highs = [math.inf if high is None else high, *([max(listed)] if listed else [])]
    return (max(lows), 0), (min(highs), 0)


def _edges(constraint: ConstraintBase) -> list[tuple[str, str, int]]:
    """Pairs (low, high, 1 where strict) of columns that a constraint orders."""
    match constraint:
        case InequalityConstraint():
            return [(constraint.low, constraint.high, int(constraint.strict))]
        case RangeConstraint():
            below = [(c, constraint.column, 0) for c in constraint.uses[1:] if c == constraint.min]
            return below + [(constraint.column, c, 0) for c in constraint.uses[1:] if c == constraint.max]
    return []


def _beyond(bound: Bound, step: int) -> Bound:
    return bound if math.isinf(bound[0]) else (bound[0], bound[1] + step)


def _circle(edges: Iterable[tuple[str, str, int]]) -> list[str] | None:
    """Columns of a circle of inequalities of which one is strict."""
    after: dict[str, set[str]] = {}
    every = list(edges)
    for low, high, _ in every:
        after.setdefault(low, set()).add(high)
    for low, high, strict in every:
        if strict:
            path = _path(after, high, low)
            if path is not None:
                return path
    return None


def _path(after: Mapping[str, set[str]], start: str, end: str) -> list[str] | None:
    paths, seen = [[start]], {start}
    while paths:
        path = paths.pop(0)
        if path[-1] == end:
            return path
        for name in sorted(after.get(path[-1], set()) - seen):
            seen.add(name)
            paths.append([*path, name])
    return None


def _add_up(
    parts: Sequence[str],
    total: float | str,
    tolerance: float,
    spans: Mapping[str, tuple[Bound, Bound]],
    narrow: Callable[[str, Bound, Bound], None],
) -> None:
    """Pass bounds between parts and their total, as far as they are finite."""
    lows = np.array([spans[p][0][0] for p in parts])
    highs = np.array([spans[p][1][0] for p in parts])
    whole = SUM + " + ".join(sorted(parts))  # bounds of the sum itself: two constraints may be about the same one
    room = ROUNDING * max((abs(b) for b in (*lows, *highs) if math.isfinite(b)), default=0.0)
    narrow(whole, (float(lows.sum() - room), 0), (float(highs.sum() + room), 0))
    goal = spans[total] if isinstance(total, str) else ((float(total), 0), (float(total), 0))
    narrow(whole, (goal[0][0] - tolerance, 0), (goal[1][0] + tolerance, 0))
    least, most = spans[whole][0][0], spans[whole][1][0]
    if isinstance(total, str):
        narrow(total, (least - tolerance, 0), (most + tolerance, 0))
    for i, name in enumerate(parts):
        others_low, others_high = np.delete(lows, i).sum(), np.delete(highs, i).sum()
        # Rounding of floats must not make a possible sum impossible.
        sizes = [abs(b) for b in (least, most, others_low, others_high) if math.isfinite(b)]
        room = ROUNDING * max(sizes, default=0.0)
        narrow(name, (float(least - others_high - room), 0), (float(most - others_low + room), 0))


def _number(bound: float | str, kind: pa.DataType) -> float:
    return float(_counted(constant(bound, kind, 1))[0])


def _counted(column: pa.ChunkedArray | pa.Array) -> np.ndarray:
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return microseconds(array) if pa.types.is_temporal(array.type) else numbers(array)


def _combinations(
    constraints: Sequence[ConstraintBase], spans: Mapping[str, tuple[Bound, Bound]], schema: pa.Schema
) -> str | None:
    """Whether listed combinations are left once the other constraints about their columns are applied."""
    for fixed in constraints:
        if not isinstance(fixed, FixedCombinationsConstraint) or fixed.combinations is None:
            continue
        table = fixed.listed(schema).drop_null()
        left = np.ones(table.num_rows, bool)
        for name in set(fixed.columns) & set(spans):
            (low, _), (high, _) = spans[name]
            counted = _counted(table[name])
            left &= (counted >= low) & (counted <= high)
        for other in constraints:
            if other is not fixed and set(other.uses) <= set(fixed.columns) and not isinstance(other, UniqueConstraint):
                left &= ~other.violations(table)
        if table.num_rows and not left.any():
            return f"None of the combinations of {', '.join(fixed.columns)} keeps the other constraints."
    return None


def _formats(constraints: Sequence[ConstraintBase], declared: Declared) -> str | None:
    """Whether one of a column's listed values has all the formats asked of it."""
    for name, (_, _, words) in declared.items():
        formats = [c for c in constraints if isinstance(c, FormatConstraint) and c.column == name]
        if words and formats and not np.logical_and.reduce([c.fits(pa.array(words)) for c in formats]).any():
            return f"None of the values listed for '{name}' has the format."
    return None


def _nulls(constraints: Sequence[ConstraintBase]) -> str | None:
    """Whether a value must be there and be missing at once; an unconditional `not_null` spreads to what is null
    together with it."""
    needed: dict[str, set[str | None]] = {}
    for constraint in constraints:
        if isinstance(constraint, NotNullConstraint):
            for name in constraint.columns:
                needed.setdefault(name, set()).add(constraint.when and constraint.when.strip())
    groups = [set(c.columns) for c in constraints if isinstance(c, NullTogetherConstraint)]
    for _ in groups:
        for group in groups:
            joined = set().union(*(needed.get(name, set()) for name in group))
            for name in group if joined else ():
                needed[name] = needed.get(name, set()) | joined
    for constraint in constraints:
        if isinstance(constraint, NullWhenConstraint):
            for name in constraint.columns:
                if {None, constraint.when.strip()} & needed.get(name, set()):
                    return f"'{name}' must be null and must not be."
    return None
