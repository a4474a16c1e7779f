"""What becomes of a grown tree, compiled: counting, leave-one-out likelihood, pruning and smoothing.

Import it inside the function that needs it: it loads numba (see trees_growth.py, which also has the notation).
"""

from __future__ import annotations

import numpy as np

from generators.trees_growth import compiled


@compiled("(int32[::1], int32[::1], int64, int64[:,::1], int64[:,::1])")
def count_classes(
    target: np.ndarray, order: np.ndarray, classes: int, children: np.ndarray, span: np.ndarray
) -> np.ndarray:
    """Rows by (node, class)."""
    nodes = span.shape[0]
    counts = np.zeros((nodes, classes), np.int64)
    for node in range(nodes - 1, -1, -1):
        if children[node, 0] < 0:
            for i in range(span[node, 0], span[node, 1]):
                counts[node, target[order[i]]] += 1
        else:
            for k in range(classes):
                counts[node, k] = counts[children[node, 0], k] + counts[children[node, 1], k]
    return counts


@compiled("(int64[:,::1], int64[::1], float64, float64)")
def leave_one_out(counts: np.ndarray, parent: np.ndarray, alpha: float, discount: float) -> np.ndarray:
    """Log-likelihood of each node's rows, each under the smoothed model (see `smooth`) fitted without that row.

    Exact: the row is taken out of every node on its path. A class with a single row in the root, which such a model
    rules out, counts as half a row there.
    """
    nodes, classes = counts.shape
    kept = np.zeros((nodes, classes))
    result = np.zeros(nodes)
    for node in range(nodes):
        total, kinds = 0, 0
        for k in range(classes):
            total += counts[node, k]
            kinds += counts[node, k] > 0
        for k in range(classes):
            c = counts[node, k]
            if c > 0:
                if node == 0:
                    p = max(c - 1.0, 0.5) / max(total - 1.0, 0.5)
                else:
                    back = alpha + discount * (kinds - (c == 1))
                    p = (max(c - 1.0 - discount, 0.0) + back * kept[parent[node], k]) / (total - 1 + alpha)
                kept[node, k] = p
                result[node] += c * np.log(p)
    return result


@compiled("(float64[::1], int64[:,::1], float64)")
def prune(scores: np.ndarray, children: np.ndarray, price: float) -> np.ndarray:
    """Which nodes stay inner nodes: bottom-up, where both subtrees together beat the node by more than `price`."""
    nodes = scores.size
    best = np.zeros(nodes)
    for node in range(nodes):
        best[node] = scores[node]
    inner = np.zeros(nodes, np.bool_)
    for node in range(nodes - 1, -1, -1):
        if children[node, 0] >= 0:
            both = best[children[node, 0]] + best[children[node, 1]] - price
            if both > scores[node]:
                best[node], inner[node] = both, True
    return inner


@compiled("(int64[:,::1], int64[::1], float64, float64)")
def smooth(counts: np.ndarray, parent: np.ndarray, alpha: float, discount: float) -> np.ndarray:
    """Probability of each class by node: absolute discounting down the path, the root as counted.

    P(v) = [max(C_v - d, 0) + (alpha + d T) P_parent(v)] / (n + alpha), T the number of classes in the node
    (Ney, Essen, Kneser 1994, doi:10.1006/csla.1994.1001, applied to a tree).
    """
    nodes, classes = counts.shape
    p = np.zeros((nodes, classes))
    for node in range(nodes):
        total, kinds, used = 0, 0, 0.0
        for k in range(classes):
            total += counts[node, k]
            kinds += counts[node, k] > 0
            used += max(counts[node, k] - discount, 0.0)
        for k in range(classes):
            if node == 0:
                p[node, k] = counts[node, k] / total
            else:
                # What discounting took is given back whole, also where a count is below the discount.
                back = alpha + total - used
                p[node, k] = (max(counts[node, k] - discount, 0.0) + back * p[parent[node], k]) / (total + alpha)
    return p


@compiled("(int64[:,::1], int64[::1], int64[::1], float64)")
def refine(counts: np.ndarray, parent: np.ndarray, group: np.ndarray, weight: float) -> np.ndarray:
    """Probability of each code within its group, by node: R_v = (C_v + w R_parent(v)) / (n_group + w) down the path."""
    nodes, codes = counts.shape
    p = np.zeros((nodes, codes))
    groups = 0
    for v in range(codes):
        groups = max(groups, group[v] + 1)
    totals = np.zeros(groups)
    for node in range(nodes):
        for g in range(groups):
            totals[g] = 0.0
        for v in range(codes):
            totals[group[v]] += counts[node, v]
        for v in range(codes):
            if node == 0:
                p[node, v] = counts[node, v] / totals[group[v]]
            else:
                p[node, v] = (counts[node, v] + weight * p[parent[node], v]) / (totals[group[v]] + weight)
    return p
