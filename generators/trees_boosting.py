"""Corrections, compiled: small symmetric trees that multiply a column's chances, boosted on what its forest leaves.

A pruned tree follows the few columns that tell most; many weak hints escape it. Each correction is one small tree of
the same splits on every level (Prokhorenkova et al. 2018, arXiv:1706.09516), chosen by the gradient of the
log-likelihood of all classes at once (Friedman 2001, doi:10.1214/aos/1013203451); a class
counts by its own variance, so that common and rare ones are followed alike.

Import it inside the function that needs it: it loads numba (see trees_growth.py, which also has the notation).
"""

from __future__ import annotations

import numpy as np

from generators.trees_growth import compiled, sort_by

SOFT = 0.002
"""Added to a class's variance, so that the rarest classes do not choose the splits."""
STEEPEST = 1.0
"""Largest change of a log-chance by one correction."""
PATIENCE = 3
"""Corrections that may fail before boosting ends."""


@compiled("(float32[:,::1], int32[::1], int64, int64, float32[:,::1])")
def gradients(chances: np.ndarray, target: np.ndarray, start: int, stop: int, result: np.ndarray) -> None:
    """Observed less expected, by row and class, over each class's standard deviation in these rows."""
    classes = chances.shape[1]
    scale = np.zeros(classes)
    for row in range(start, stop):
        for k in range(classes):
            scale[k] += chances[row, k] * (np.float32(1.0) - chances[row, k])
    inverse = np.empty(classes, np.float32)
    for k in range(classes):
        inverse[k] = 1.0 / np.sqrt(scale[k] / (stop - start) + SOFT)
    for row in range(start, stop):
        for k in range(classes):
            result[row - start, k] = -chances[row, k] * inverse[k]
        result[row - start, target[row]] += inverse[target[row]]


@compiled("(uint8[::1], int64[::1], float32[:,::1], int64, int64, int64, float32[:,:,::1], int64[:,::1])")
def gather(
    codes: np.ndarray,
    place: np.ndarray,
    slope: np.ndarray,
    size: int,
    cells: int,
    first: int,
    sums: np.ndarray,
    counts: np.ndarray,
) -> None:
    """Sum gradients and count rows by (feature code, cell of the tree so far)."""
    classes = slope.shape[1]
    for code in range(size):
        for cell in range(cells):
            counts[code, cell] = 0
            for k in range(classes):
                sums[code, cell, k] = 0.0
    for row in range(place.size):
        code, cell = codes[first + row], place[row]
        counts[code, cell] += 1
        for k in range(classes):
            sums[code, cell, k] += slope[row, k]


@compiled("(float32[:,:,::1], int64[:,::1], int64, int64, float64, int64[::1])")
def rank_codes(sums: np.ndarray, counts: np.ndarray, size: int, cells: int, shrink: float, path: np.ndarray) -> None:
    """Order a category's codes along the gradient of the code that has the strongest one."""
    classes = sums.shape[2]
    total, rows = np.zeros((size, classes)), np.zeros(size)
    best, top = -1.0, 0
    for code in range(size):
        for cell in range(cells):
            rows[code] += counts[code, cell]
            for k in range(classes):
                total[code, k] += sums[code, cell, k]
        strength = 0.0
        for k in range(classes):
            strength += total[code, k] * total[code, k]
        strength /= rows[code] + shrink
        if strength > best:
            best, top = strength, code
    keys = np.zeros(size)
    for code in range(size):
        for k in range(classes):
            keys[code] += total[code, k] * total[top, k]
        keys[code] /= rows[code] + shrink
    for code in range(size):
        path[code] = code
    sort_by(keys, path, size)


@compiled(
    "(float32[:,:,::1], int64[:,::1], int64[::1], int64, int64, float64, int64, float32[:,::1], int64[::1],"
    "float32[:,::1], int64[::1])"
)
def best_level(
    sums: np.ndarray,
    counts: np.ndarray,
    path: np.ndarray,
    size: int,
    cells: int,
    shrink: float,
    least: int,
    total: np.ndarray,
    rows: np.ndarray,
    left: np.ndarray,
    left_rows: np.ndarray,
) -> tuple[float, int]:
    """The best place to cut the codes `path[:size]`, for all cells at once: (score, how many codes go left)."""
    classes = sums.shape[2]
    all_rows = 0
    for cell in range(cells):
        left_rows[cell] = 0
        all_rows += rows[cell]
        for k in range(classes):
            left[cell, k] = 0.0
    best, place, gone = -1.0, 0, 0
    for i in range(size - 1):
        code, moved = path[i], 0
        for cell in range(cells):
            if counts[code, cell] > 0:
                moved += counts[code, cell]
                left_rows[cell] += counts[code, cell]
                for k in range(classes):
                    left[cell, k] += sums[code, cell, k]
        gone += moved
        if moved > 0 and gone >= least and all_rows - gone >= least:
            score = 0.0
            for cell in range(cells):
                a, b = np.float32(0.0), np.float32(0.0)
                for k in range(classes):
                    a += left[cell, k] * left[cell, k]
                    rest = total[cell, k] - left[cell, k]
                    b += rest * rest
                score += a / (left_rows[cell] + shrink) + b / (rows[cell] - left_rows[cell] + shrink)
            if score > best:
                best, place = score, i + 1
    return best, place


@compiled("(uint8[:,::1], int64, uint64[::1], int64, int64, int64, int64[::1])")
def step_down(
    features: np.ndarray, f: int, bits: np.ndarray, level: int, start: int, stop: int, place: np.ndarray
) -> None:
    """Move rows that `bits` does not send left into the cell's right half."""
    for row in range(start, stop):
        code = features[f, row]
        if not (bits[code >> 6] >> np.uint64(code & 63)) & np.uint64(1):
            place[row - start] |= 1 << level


@compiled(
    "(uint8[:,::1], int64[::1], boolean[::1], float32[:,::1], int64, int64, float64, int64, int64[::1], uint64[:,::1],"
    "float32[:,:,::1], int64[:,::1])"
)
def grow_symmetric(
    features: np.ndarray,
    sizes: np.ndarray,
    categorical: np.ndarray,
    slope: np.ndarray,
    start: int,
    stop: int,
    shrink: float,
    least: int,
    split: np.ndarray,
    masks: np.ndarray,
    sums: np.ndarray,
    counts: np.ndarray,
) -> int:
    """Choose the split of each level on the rows start .. stop; return the number of levels: all, or 0 where no
    feature can be cut (a cut that was allowed stays allowed on the next level).
    """
    classes, deepest = slope.shape[1], split.size
    place = np.zeros(stop - start, np.int64)
    path, chosen = np.zeros(256, np.int64), np.zeros(256, np.int64)
    most = 1 << deepest
    total, rows = np.zeros((most, classes), np.float32), np.zeros(most, np.int64)
    left, left_rows = np.zeros((most, classes), np.float32), np.zeros(most, np.int64)
    for level in range(deepest):
        cells = 1 << level
        for cell in range(cells):
            rows[cell] = 0
            for k in range(classes):
                total[cell, k] = 0.0
        for row in range(stop - start):
            rows[place[row]] += 1
            for k in range(classes):
                total[place[row], k] += slope[row, k]
        best, feature, cut = -1.0, -1, 0
        for f in range(features.shape[0]):
            if sizes[f] < 2:
                continue
            gather(features[f], place, slope, sizes[f], cells, start, sums, counts)
            if categorical[f]:
                rank_codes(sums, counts, sizes[f], cells, shrink, path)
            else:
                for code in range(sizes[f]):
                    path[code] = code
            score, at = best_level(sums, counts, path, sizes[f], cells, shrink, least, total, rows, left, left_rows)
            if score > best:
                best, feature, cut = score, f, at
                for code in range(sizes[f]):
                    chosen[code] = path[code]
        if feature < 0:
            return level
        split[level] = feature
        for i in range(cut):
            masks[level, chosen[i] >> 6] |= np.uint64(1) << np.uint64(chosen[i] & 63)
        step_down(features, feature, masks[level], level, start, stop, place)
    return deepest


@compiled("(float32[:,::1], int32[::1], int64[::1], float32[:,::1], int64, int64)")
def gain_of(
    chances: np.ndarray, target: np.ndarray, place: np.ndarray, factors: np.ndarray, start: int, stop: int
) -> float:
    """How much the factors raise the log-likelihood of rows start .. stop, in nats a row."""
    classes = chances.shape[1]
    result = 0.0
    for row in range(start, stop):
        whole = np.float32(0.0)
        for k in range(classes):
            whole += chances[row, k] * factors[place[row], k]
        result += np.log(factors[place[row], target[row]] / whole)
    return result / max(stop - start, 1)


@compiled("(float32[:,::1], int64[::1], float32[:,::1])")
def multiply(chances: np.ndarray, place: np.ndarray, factors: np.ndarray) -> None:
    """Multiply each row's chances by the factors of its cell, to the sum 1."""
    rows, classes = chances.shape
    for row in range(rows):
        whole = np.float32(0.0)
        cell = place[row]
        for k in range(classes):
            chances[row, k] *= factors[cell, k]
            whole += chances[row, k]
        inverse = np.float32(1.0) / whole
        for k in range(classes):
            chances[row, k] *= inverse


@compiled("(float32[:,::1], int32[::1], int64[::1], int64, float64, float64, int64, float32[:,::1])")
def values_of(
    chances: np.ndarray,
    target: np.ndarray,
    place: np.ndarray,
    cells: int,
    rate: float,
    shrink: float,
    least: int,
    factors: np.ndarray,
) -> None:
    """Factors by (cell, class): a damped Newton step; 1 in a cell of too few rows."""
    classes = chances.shape[1]
    slope, bend, rows = np.zeros((cells, classes)), np.zeros((cells, classes)), np.zeros(cells, np.int64)
    for row in range(target.size):
        cell = place[row]
        rows[cell] += 1
        slope[cell, target[row]] += 1.0
        for k in range(classes):
            p = chances[row, k]
            slope[cell, k] -= p
            bend[cell, k] += p * (np.float32(1.0) - p)
    for cell in range(cells):
        for k in range(classes):
            step = rate * slope[cell, k] / (bend[cell, k] + shrink)
            step = min(max(step, -STEEPEST), STEEPEST)
            factors[cell, k] = np.exp(step) if rows[cell] >= least else 1.0


@compiled(
    "(uint8[:,::1], int64[::1], boolean[::1], int32[::1], float32[:,::1], int64, int64, float64, float64, float64,"
    "int64, int64, float64)"
)
def boost(
    features: np.ndarray,
    sizes: np.ndarray,
    categorical: np.ndarray,
    target: np.ndarray,
    chances: np.ndarray,
    rounds: int,
    deepest: int,
    rate: float,
    search_shrink: float,
    shrink: float,
    least: int,
    window: int,
    least_gain: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Boost corrections. The rows must be in random order; `chances`, (rows, classes), is changed in place.

    features: codes, (features, rows).  sizes: codes by feature.  target: class by row.  rate: of each Newton step.
    search_shrink, shrink: added to a cell's rows where splits are chosen, to its variance where values are.
    least: rows of a side of a level, and of a cell that has values.  window: rows a correction's splits are chosen on,
    each time others.  least_gain: nats a row below which a correction is not kept.

    Returns by correction: feature of each level, mask (corrections, levels, 4), factors (corrections, cells, classes).
    """
    rows, classes = chances.shape
    windows = max(2, rows // window)
    width = rows // windows
    cells = 1 << deepest
    split = np.zeros((rounds, deepest), np.int64)
    masks = np.zeros((rounds, deepest, 4), np.uint64)
    factors = np.ones((rounds, cells, classes), np.float32)
    most = 1
    for f in range(sizes.size):
        most = max(most, sizes[f])
    sums = np.zeros((most, cells, classes), np.float32)
    counts = np.zeros((most, cells), np.int64)
    slope = np.zeros((width, classes), np.float32)
    place = np.zeros(rows, np.int64)
    kept, failed, turn = 0, 0, 0
    while kept < rounds and failed < PATIENCE:
        start = (turn % windows) * width
        turn += 1
        gradients(chances, target, start, start + width, slope)
        for level in range(deepest):
            for word in range(4):
                masks[kept, level, word] = 0
        levels = grow_symmetric(
            features, sizes, categorical, slope, start, start + width, search_shrink, least,
            split[kept], masks[kept], sums, counts,
        )  # fmt: skip
        for row in range(rows):
            place[row] = 0
        for level in range(levels):
            step_down(features, split[kept, level], masks[kept, level], level, 0, rows, place)
        values_of(chances, target, place, cells, rate, shrink, least, factors[kept])
        other = (turn % windows) * width
        if levels == 0 or gain_of(chances, target, place, factors[kept], other, other + width) < least_gain:
            failed += 1
            continue
        multiply(chances, place, factors[kept])
        kept += 1
    return split[:kept], masks[:kept], factors[:kept]
