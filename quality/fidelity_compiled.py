"""Counting cells by group of rows, and replaying a distance under chance, compiled.

Import it inside the function that needs it: it loads numba. Rows are sorted by group: the rows of group g are
`bounds[g]:bounds[g + 1]`, so that the counts of one group at a time stay in the fastest cache.
"""

from __future__ import annotations

import numpy as np

from quality.compiled import compiled


@compiled("(uint16[::1], uint16[::1], int64, int64[::1], int32[:,::1])")
def count_pairs(a: np.ndarray, b: np.ndarray, width: int, bounds: np.ndarray, counts: np.ndarray) -> None:
    """Add to counts[g, a · width + b] the rows of each group."""
    for g in range(len(counts)):
        row = counts[g]
        for i in range(bounds[g], bounds[g + 1]):
            row[np.int64(a[i]) * width + np.int64(b[i])] += 1


@compiled("(int32[:,::1], int64[:,::1], int64[:,:,::1])")
def fold(counts: np.ndarray, bins: np.ndarray, folded: np.ndarray) -> None:
    """Add row i of `counts` to row bins[r, i] of folded[r], for every r."""
    for r in range(len(bins)):
        for i in range(len(counts)):
            into = folded[r, bins[r, i]]
            for j in range(counts.shape[1]):
                into[j] += counts[i, j]


@compiled("(uint32[::1], int64[::1], int32[:,::1])")
def count_cells(cells: np.ndarray, bounds: np.ndarray, counts: np.ndarray) -> None:
    """Add to counts[g, cell] the rows of each group."""
    for g in range(len(counts)):
        row = counts[g]
        for i in range(bounds[g], bounds[g + 1]):
            row[np.int64(cells[i])] += 1


@compiled("(uint8[::1], uint8[::1], uint8[::1], int64, int64, int64[::1], int32[:,::1])")
def count_triples(
    a: np.ndarray, b: np.ndarray, c: np.ndarray, second: int, third: int, bounds: np.ndarray, counts: np.ndarray
) -> None:
    """Add to counts[g, (a · second + b) · third + c] the rows of each group."""
    for g in range(len(counts)):
        row = counts[g]
        for i in range(bounds[g], bounds[g + 1]):
            row[(np.int64(a[i]) * second + np.int64(b[i])) * third + np.int64(c[i])] += 1


@compiled("(uint32[::1], uint32[::1], float64[::1], float64[::1], int64[::1], float64[:,::1])")
def sum_products(
    a: np.ndarray, b: np.ndarray, x: np.ndarray, y: np.ndarray, bounds: np.ndarray, sums: np.ndarray
) -> None:
    """By group, over rows where neither code is 0 (null): n, Σx, Σy, Σx², Σy², Σxy; x and y are looked up by code."""
    for g in range(len(sums)):
        n, sx, sy, sxx, syy, sxy = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        for i in range(bounds[g], bounds[g + 1]):
            if a[i] != 0 and b[i] != 0:
                v, w = x[a[i]], y[b[i]]
                n += 1.0
                sx += v
                sy += w
                sxx += v * v
                syy += w * w
                sxy += v * w
        sums[g, 0], sums[g, 1], sums[g, 2], sums[g, 3], sums[g, 4], sums[g, 5] = n, sx, sy, sxx, syy, sxy


@compiled("(float64[::1], float64[:,::1], float32[:,::1], boolean, float64[::1])")
def replay(difference: np.ndarray, parts: np.ndarray, signs: np.ndarray, largest: bool, found: np.ndarray) -> None:
    """For each draw b: Σ or max over cells j of |difference[j] + Σ over groups g of parts[j, g] · signs[g, b]|.

    parts: cells × groups.  signs: groups × draws.  found: by draw, given as zeros.
    """
    draws = signs.shape[1]
    total = np.empty(draws, np.float32)
    for j in range(len(difference)):
        total[:] = np.float32(difference[j])
        for g in range(signs.shape[0]):
            part = np.float32(parts[j, g])
            if part != np.float32(0.0):
                for b in range(draws):
                    total[b] += part * signs[g, b]
        if largest:
            for b in range(draws):
                found[b] = max(found[b], np.float64(abs(total[b])))
        else:
            for b in range(draws):
                found[b] += np.float64(abs(total[b]))
