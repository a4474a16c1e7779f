"""Walking grown trees, compiled: leaves, chances of the classes, and draws.

Import it inside the function that needs it: it loads numba (see trees_growth.py, which also has the notation).
"""

from __future__ import annotations

import numpy as np

from generators.trees_growth import compiled

FOREST = (
    "uint8[:,::1], int64[::1], int64[::1], uint64[:,::1], int64[:,::1], int64[::1], float32[:,::1], int64[:,::1],"
    "uint64[:,:,::1], float32[:,:,::1]"
)
"""features, (columns, rows), and the arrays of a forest that `row_chances` needs."""


@compiled("(float32[:,::1], int64, int64, int64, float32)")
def place_in(fine: np.ndarray, leaf: int, start: int, stop: int, chance: float) -> int:
    """The first place from `start` on whose cumulated probability is above `chance`, at most the last one."""
    low, high = start, stop - 1
    while low < high:
        middle = (low + high) // 2
        if fine[leaf, middle] > chance:
            high = middle
        else:
            low = middle + 1
    return low


@compiled(f"({FOREST}, int64, int64[::1], float32[::1])")
def row_chances(
    features: np.ndarray,
    roots: np.ndarray,
    feature: np.ndarray,
    mask: np.ndarray,
    children: np.ndarray,
    leaf: np.ndarray,
    classes: np.ndarray,
    split: np.ndarray,
    masks: np.ndarray,
    factors: np.ndarray,
    row: int,
    leaves: np.ndarray,
    p: np.ndarray,
) -> np.float32:
    """Fill in a row's leaf in every tree and the chances of its classes, up to their sum, which is returned."""
    kinds = p.size
    for k in range(kinds):
        p[k] = 0.0
    for tree in range(roots.size):
        node = roots[tree]
        while feature[node] >= 0:
            code = features[feature[node], row]
            node = children[node, 0 if (mask[node, code >> 6] >> np.uint64(code & 63)) & np.uint64(1) else 1]
        at = leaf[node]
        leaves[tree] = at
        for k in range(kinds):
            p[k] += classes[at, k]
    for tree in range(split.shape[0]):
        cell = np.int64(0)
        for level in range(split.shape[1]):
            code = features[split[tree, level], row]
            right = ~(masks[tree, level, code >> 6] >> np.uint64(code & 63)) & np.uint64(1)
            cell |= np.int64(right) << level
        for k in range(kinds):
            p[k] *= factors[tree, cell, k]
    whole = np.float32(0.0)
    for k in range(kinds):
        whole += p[k]
    return whole


@compiled(f"({FOREST})")
def chances(
    features: np.ndarray,
    roots: np.ndarray,
    feature: np.ndarray,
    mask: np.ndarray,
    children: np.ndarray,
    leaf: np.ndarray,
    classes: np.ndarray,
    split: np.ndarray,
    masks: np.ndarray,
    factors: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """The chances of the classes, (rows, classes), and the leaves, (rows, trees), of every row."""
    rows = features.shape[1]
    result, leaves = np.empty((rows, classes.shape[1]), np.float32), np.empty((rows, roots.size), np.int64)
    for row in range(rows):
        whole = row_chances(
            features, roots, feature, mask, children, leaf, classes, split, masks, factors, row, leaves[row],
            result[row],
        )  # fmt: skip
        for k in range(classes.shape[1]):
            result[row, k] /= whole
    return result, leaves


@compiled(f"({FOREST}, float32[:,::1], int64[::1], int64[::1], float32[:,::1])")
def draw(
    features: np.ndarray,
    roots: np.ndarray,
    feature: np.ndarray,
    mask: np.ndarray,
    children: np.ndarray,
    leaf: np.ndarray,
    classes: np.ndarray,
    split: np.ndarray,
    masks: np.ndarray,
    factors: np.ndarray,
    fine: np.ndarray,
    fine_row: np.ndarray,
    offsets: np.ndarray,
    chance: np.ndarray,
) -> np.ndarray:
    """Draw a place among the codes for every row: a class, then, from one of the trees, a code within it.

    fine: cumulated probabilities within each class.  fine_row: its row, by leaf.  offsets: where each class starts
    among the codes, which are sorted by class.  chance: three numbers in [0, 1) by row.
    """
    rows, kinds = chance.shape[0], classes.shape[1]
    result = np.empty(rows, np.int64)
    p, leaves = np.empty(kinds, np.float32), np.empty(roots.size, np.int64)
    for row in range(rows):
        whole = row_chances(
            features, roots, feature, mask, children, leaf, classes, split, masks, factors, row, leaves, p
        )
        sought, upto, klass = chance[row, 0] * whole, np.float32(0.0), 0
        for k in range(kinds):
            if p[k] > 0:
                klass = k
                upto += p[k]
                if upto > sought:
                    break
        place, stop = offsets[klass], offsets[klass + 1]
        if stop - place > 1:
            at = fine_row[leaves[min(int(chance[row, 1] * roots.size), roots.size - 1)]]
            place = place_in(fine, at, place, stop, chance[row, 2])
        result[row] = place
    return result


@compiled(f"({FOREST}, float32[:,::1], int64[::1], int64[::1], int64[::1], int64[::1])")
def likelihood(
    features: np.ndarray,
    roots: np.ndarray,
    feature: np.ndarray,
    mask: np.ndarray,
    children: np.ndarray,
    leaf: np.ndarray,
    classes: np.ndarray,
    split: np.ndarray,
    masks: np.ndarray,
    factors: np.ndarray,
    fine: np.ndarray,
    fine_row: np.ndarray,
    offsets: np.ndarray,
    klass: np.ndarray,
    place: np.ndarray,
) -> np.ndarray:
    """The probability of each row's own code. klass, place: of the code, among the forest's."""
    rows = klass.size
    result = np.empty(rows)
    p, leaves = np.empty(classes.shape[1], np.float32), np.empty(roots.size, np.int64)
    for row in range(rows):
        whole = row_chances(
            features, roots, feature, mask, children, leaf, classes, split, masks, factors, row, leaves, p
        )
        k, at = klass[row], place[row]
        share = 1.0
        if offsets[k + 1] - offsets[k] > 1:
            share = 0.0
            for tree in range(roots.size):
                own = fine_row[leaves[tree]]
                share += fine[own, at] - (fine[own, at - 1] if at > offsets[k] else np.float32(0.0))
            share /= roots.size
        result[row] = p[k] / whole * share
    return result


@compiled("(int64[::1], int64[::1], float32[:,::1], int64[::1], float32[::1])")
def pick(
    fine_row: np.ndarray, klass: np.ndarray, fine: np.ndarray, offsets: np.ndarray, chance: np.ndarray
) -> np.ndarray:
    """Draw a place within each row's class, as its leaf shares the class out. chance: in [0, 1), by row."""
    rows = klass.size
    result = np.empty(rows, np.int64)
    for row in range(rows):
        place, stop = offsets[klass[row]], offsets[klass[row] + 1]
        if stop - place > 1:
            place = place_in(fine, fine_row[row], place, stop, chance[row])
        result[row] = place
    return result


@compiled("(uint8[::1], uint8[::1])")
def determines(parent: np.ndarray, child: np.ndarray) -> bool:
    """Whether each code of `parent` occurs with one code of `child` alone."""
    seen = np.full(256, -1, np.int64)
    for row in range(parent.size):
        known = seen[parent[row]]
        if known < 0:
            seen[parent[row]] = child[row]
        elif known != child[row]:
            return False
    return True
