"""Searching for nearest rows, compiled. Import it inside the function that needs it: it loads numba.

Notation: `asked` has a row per question and a column per column; `among` has a row per column, so that one column's
codes lie side by side and several are compared in one instruction. The first `ordered` columns are numbers. Distances
are whole numbers (see neighbours.py): their sums are exact, so that no order of adding can change a result.
"""

from __future__ import annotations

import numpy as np

from quality.compiled import compiled

BLOCK = 256
"""Rows of a box at most: their sums stay in the fastest cache."""
LOOK = 6
"""After so many columns it is asked whether the others are worth adding."""


@compiled("(int32[::1], int32[::1], int32, boolean, int32, int64)")
def add(total: np.ndarray, column: np.ndarray, own: np.int32, ordered: bool, cap: np.int32, sign: int) -> None:
    """Add the distance in one column to the totals (sign 1), or take it away (sign -1)."""
    zero = np.int32(0)
    top = np.int32(cap) if sign > 0 else np.int32(-cap)
    if not ordered:
        for j in range(len(column)):
            total[j] = np.int32(total[j] + (top if column[j] != own else zero))
    elif sign > 0:
        for j in range(len(column)):
            gap = np.int32(column[j] - own)
            gap = np.int32(-gap) if gap < zero else gap
            total[j] = np.int32(total[j] + (cap if gap > cap else gap))
    else:
        for j in range(len(column)):
            gap = np.int32(column[j] - own)
            gap = np.int32(-gap) if gap < zero else gap
            total[j] = np.int32(total[j] - (cap if gap > cap else gap))


@compiled("int32(int32[::1], int64)")
def least(values: np.ndarray, count: int) -> np.int32:
    """The smallest of the first `count` values."""
    found = values[0]
    for j in range(count):
        found = values[j] if values[j] < found else found
    return np.int32(found)


@compiled("(int32[::1], int64, int32, int32[:,::1], int32[:,::1], int32[::1])")
def bounds(
    own: np.ndarray, ordered: int, cap: np.int32, lows: np.ndarray, highs: np.ndarray, bound: np.ndarray
) -> None:
    """How near the rows of each box can be at most: a number outside the box's range is at least as far from all of
    its rows as from the range, a category outside of it differs from all.

    lows, highs: columns × boxes, the least and the greatest code of each box.
    """
    columns, boxes = lows.shape
    zero = np.int32(0)
    bound[:] = 0
    for c in range(columns):
        code, low, high = own[c], lows[c], highs[c]
        for b in range(boxes):
            below, above = np.int32(low[b] - code), np.int32(code - high[b])
            gap = below if below > above else above
            gap = gap if gap > zero else zero
            if c >= ordered:
                gap = cap if gap > zero else zero
            bound[b] = np.int32(bound[b] + (cap if gap > cap else gap))


@compiled("boolean(int32[::1], int32[:,::1], int64, int64, int64, int32, int64, int32[::1])")
def totals(
    own: np.ndarray,
    among: np.ndarray,
    start: int,
    count: int,
    ordered: int,
    cap: np.int32,
    worst: np.int64 | np.int32 | int,
    total: np.ndarray,
) -> bool:
    """Distances to the rows of one box; False as soon as all of them are known to be greater than `worst`."""
    total[:count] = 0
    for c in range(len(among)):
        add(total[:count], among[c, start : start + count], own[c], c < ordered, cap, 1)
        if c % LOOK == LOOK - 1 and least(total, count) > worst:
            return False
    return True


@compiled(
    "(int32[:,::1], int32[:,::1], int64[::1], int64, int32, int64[::1], int32[:,::1], int32[:,::1], int32[:,::1],"
    " int64[:,::1])"
)
def closest(
    asked: np.ndarray,
    among: np.ndarray,
    turns: np.ndarray,
    ordered: int,
    cap: np.int32,
    ends: np.ndarray,
    lows: np.ndarray,
    highs: np.ndarray,
    distance: np.ndarray,
    place: np.ndarray,
) -> None:
    """The nearest rows of each question, nearest first; of equally near ones those with the smaller turn.

    turns: of each row, all different.  ends: where each box of rows ends; none is longer than BLOCK.
    distance, place: questions × k, given as the greatest numbers and filled in with distances and turns.
    """
    last = distance.shape[1] - 1
    total, bound = np.empty(BLOCK, np.int32), np.empty(len(ends), np.int32)
    for q in range(len(asked)):
        bounds(asked[q], ordered, cap, lows, highs, bound)
        first = np.argmin(bound)
        for i in range(len(ends)):
            # The most promising box first, in the place of box 0.
            b = first if i == 0 else (0 if i == first else i)
            if bound[b] > distance[q, last]:
                continue
            start = ends[b - 1] if b > 0 else 0
            count = ends[b] - start
            if not totals(asked[q], among, start, count, ordered, cap, distance[q, last], total):
                continue
            if least(total, count) > distance[q, last]:
                continue
            for j in range(count):
                found, turn = total[j], turns[start + j]
                if found < distance[q, last] or (found == distance[q, last] and turn < place[q, last]):
                    p = last
                    while p > 0 and (
                        distance[q, p - 1] > found or (distance[q, p - 1] == found and place[q, p - 1] > turn)
                    ):
                        distance[q, p], place[q, p] = distance[q, p - 1], place[q, p - 1]
                        p -= 1
                    distance[q, p], place[q, p] = found, turn


@compiled(
    "(int32[:,::1], int32[:,::1], int64[::1], int64, int32, int64[::1], int32[:,::1], int32[:,::1], int64[::1],"
    " int32[:,::1], int64[:,::1])"
)
def closest_without(
    asked: np.ndarray,
    among: np.ndarray,
    turns: np.ndarray,
    ordered: int,
    cap: np.int32,
    ends: np.ndarray,
    lows: np.ndarray,
    highs: np.ndarray,
    left_out: np.ndarray,
    distance: np.ndarray,
    place: np.ndarray,
) -> None:
    """The nearest row of each question when one column is left out, for several such columns at once.

    left_out: the column left out, or -1 for none.  distance, place: questions × left_out, filled in as above.
    """
    total, less = np.empty(BLOCK, np.int32), np.empty(BLOCK, np.int32)
    bound = np.empty(len(ends), np.int32)
    for q in range(len(asked)):
        bounds(asked[q], ordered, cap, lows, highs, bound)
        first = np.argmin(bound)
        for i in range(len(ends)):
            b = first if i == 0 else (0 if i == first else i)
            # One column takes at most `cap` away.
            worst = int(distance[q].max()) + cap
            if bound[b] > worst:
                continue
            start = ends[b - 1] if b > 0 else 0
            count = ends[b] - start
            if not totals(asked[q], among, start, count, ordered, cap, worst, total):
                continue
            lowest = np.int64(least(total, count))
            for s in range(len(left_out)):
                c = left_out[s]
                if lowest - cap > distance[q, s]:
                    continue
                less[:count] = total[:count]
                if c >= 0:
                    add(less[:count], among[c, start : start + count], asked[q, c], c < ordered, cap, -1)
                if least(less, count) > distance[q, s]:
                    continue
                for j in range(count):
                    turn = turns[start + j]
                    if less[j] < distance[q, s] or (less[j] == distance[q, s] and turn < place[q, s]):
                        distance[q, s], place[q, s] = less[j], turn


@compiled("(int32[:,::1], int32[:,::1], int64[::1], int64[::1], int64[::1], int64[:,:,::1], int64, int64[::1])")
def matches(
    codes: np.ndarray,
    order: np.ndarray,
    starts: np.ndarray,
    offsets: np.ndarray,
    tops: np.ndarray,
    conditions: np.ndarray,
    limit: int,
    found: np.ndarray,
) -> None:
    """How many rows fulfil all conditions of each predicate; counting stops at `limit`.

    codes, order, starts, offsets, tops: see Index in predicates.py.
    conditions: predicates × conditions × (column, lowest code, highest code, 1 where these codes are excluded).
    """
    width = conditions.shape[1]
    for p in range(len(conditions)):
        best, first, last = np.int64(-1), np.int64(0), np.int64(len(codes))
        for i in range(width):
            c, low, high, excluded = conditions[p, i]
            if excluded == 0:
                begin = starts[offsets[c] + min(low, tops[c])]
                end = starts[offsets[c] + min(high + 1, tops[c])] if high >= low else begin
                if best < 0 or end - begin < last - first:
                    best, first, last = c, begin, end
        count = 0
        for place in range(first, last):
            row = order[best, place] if best >= 0 else place
            good = True
            for i in range(width):
                c, low, high, excluded = conditions[p, i]
                code = codes[row, c]
                inside = low <= code <= high
                if excluded == 1:
                    inside = code > 0 and not inside
                if not inside:
                    good = False
                    break
            if good:
                count += 1
                if count == limit:
                    break
        found[p] = count
