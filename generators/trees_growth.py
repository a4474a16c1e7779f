"""Growing trees, compiled.

The only file that imports numba; import it inside the function that needs it. Signatures are explicit, so that each
function is compiled once, at import, and then comes from numba's cache. All functions release the interpreter's lock
and share no state, so that columns can be grown on several threads with the same result.

Notation: a node is an index; parents come before their children; node 0 is the root; left and right are -1 in a
leaf; `order[start:stop]` are a node's rows. A split is a mask of 256 bits: feature codes that go left.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(signature: str) -> Callable[[Function], Function]:
    """Compile with `signature`, keeping the machine code in a cache where a folder for it can be written."""

    def decorate(function: Function) -> Function:
        try:
            fast: Function = numba.njit(signature, cache=True, nogil=True)(function)
        except RuntimeError:  # numba finds no writable folder for its cache
            fast = numba.njit(signature, nogil=True)(function)
        return fast

    return decorate


@compiled("(uint64,)")
def uniform(state: np.uint64) -> float:
    """A number in [0, 1) from a counter (SplitMix64; Steele, Lea, Flood 2014, doi:10.1145/2660193.2660195)."""
    z = np.uint64(state) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return float(z >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@compiled("(float64[::1], int64[::1], int64)")
def sort_by(keys: np.ndarray, path: np.ndarray, length: int) -> None:
    """Sort the first `length` keys, and `path` with them; equals keep their order. Compiles faster than argsort."""
    for i in range(1, length):
        key, code, place = keys[i], path[i], i
        while place > 0 and keys[place - 1] > key:
            keys[place], path[place] = keys[place - 1], path[place - 1]
            place -= 1
        keys[place], path[place] = key, code


@compiled("(int64[:,::1], int64[::1], int64[::1], int64, int64[::1], float64[::1], int64)")
def best_cut(
    cells: np.ndarray, sizes: np.ndarray, path: np.ndarray, length: int, node: np.ndarray, xlogx: np.ndarray, least: int
) -> tuple[float, int]:
    """The best place to cut the feature codes `path[:length]`, in that order, into left and right.

    cells: rows by (feature code, class).  sizes: rows by feature code.  node: rows by class.
    xlogx: x log x by x.  least: smallest number of rows on a side.

    Returns (score, how many codes go left); the score is the gain in log-likelihood less half the number of
    parameters the cut adds (Akaike's price, in nats), -inf where no cut is allowed.
    """
    classes = node.size
    left = np.zeros(classes, np.int64)
    total, whole, right_sum, left_sum, kinds = 0, 0.0, 0.0, 0.0, 0
    for k in range(classes):
        total += node[k]
        right_sum += xlogx[node[k]]
        kinds += node[k] > 0
    whole = right_sum - xlogx[total]
    n_left, kinds_left, kinds_right = 0, 0, kinds
    best, place = -np.inf, 0
    for i in range(length - 1):
        code = path[i]
        for k in range(classes):
            moved = cells[code, k]
            if moved > 0:
                before = left[k]
                rest = node[k] - before
                left_sum += xlogx[before + moved] - xlogx[before]
                right_sum += xlogx[rest - moved] - xlogx[rest]
                kinds_left += before == 0
                kinds_right -= rest == moved
                left[k] = before + moved
        n_left += sizes[code]
        n_right = total - n_left
        if n_left >= least and n_right >= least:
            gain = left_sum - xlogx[n_left] + right_sum - xlogx[n_right] - whole
            score = gain - 0.5 * (kinds_left + kinds_right - kinds + 1)
            if score > best:
                best, place = score, i + 1
    return best, place


@compiled("(uint8[::1], int32[::1], int64[::1], int32[::1], int64[:,::1], int64[::1], float64[::1], int64[::1])")
def tally(
    codes: np.ndarray,
    rows: np.ndarray,
    label: np.ndarray,
    target: np.ndarray,
    cells: np.ndarray,
    sizes: np.ndarray,
    sums: np.ndarray,
    path: np.ndarray,
) -> int:
    """Count `rows` into cells, sizes and sums of targets by feature code; list the codes met in `path`."""
    for i in range(rows.size):
        row = rows[i]
        code = codes[row]
        cells[code, label[i]] += 1
        sizes[code] += 1
        sums[code] += target[row]
    length = 0
    for code in range(256):
        if sizes[code] > 0:
            path[length] = code
            length += 1
    return length


@compiled("(uint8[:,::1], int64, boolean, uint64[::1], int64[::1], int32[::1], int32[::1])")
def divide(
    features: np.ndarray,
    f: int,
    is_category: bool,
    bits: np.ndarray,
    path: np.ndarray,
    rows: np.ndarray,
    spare: np.ndarray,
) -> int:
    """Move the rows that `bits` sends left to the front, keeping their order; return how many.

    Codes without a row here join the larger side for a category, and their neighbours for a number: `path` holds
    the codes met, then, at its end, how many of them there are and how many go left.
    """
    length, place = path[256], path[257]
    for i in range(place):
        bits[path[i] >> 6] |= np.uint64(1) << np.uint64(path[i] & 63)
    a, b = 0, 0
    for i in range(rows.size):
        row = rows[i]
        code = features[f, row]
        if (bits[code >> 6] >> np.uint64(code & 63)) & np.uint64(1):
            rows[a] = row
            a += 1
        else:
            spare[b] = row
            b += 1
    for i in range(b):
        rows[a + i] = spare[i]
    seen = np.zeros(256, np.bool_)
    for i in range(length):
        seen[path[i]] = True
    for code in range(256):
        goes = a >= b if is_category else code < path[place - 1]
        if goes and not seen[code]:
            bits[code >> 6] |= np.uint64(1) << np.uint64(code & 63)
    return a


@compiled(
    "(uint8[:,::1], boolean[::1], int32[::1], int64, int32[::1], int64, uint64, float64, float64, int64, float64,"
    "float64[::1], int64[:,::1], int64[::1], float64[::1], int64[::1])"
)
def search(
    features: np.ndarray,
    categorical: np.ndarray,
    target: np.ndarray,
    classes: int,
    rows: np.ndarray,
    node: int,
    seed: np.uint64,
    noise: float,
    skip: float,
    least: int,
    stop_below: float,
    xlogx: np.ndarray,
    cells: np.ndarray,
    sizes: np.ndarray,
    sums: np.ndarray,
    best_path: np.ndarray,
) -> int:
    """Find the feature to split `rows` on, -1 for none; `best_path` then says how (see `divide`).

    A category's codes are ordered by their mean target, and by the share of the node's top class; the better order
    counts (Breiman, Friedman, Olshen, Stone 1984: for two classes either order holds the best split).
    cells, sizes and sums are scratch space, zero before and after.
    """
    dense = np.zeros(classes, np.int64)
    for i in range(rows.size):
        dense[target[rows[i]]] += 1
    kinds = 0
    for k in range(classes):
        if dense[k] > 0:
            dense[k] = kinds
            kinds += 1
    share = np.zeros(kinds, np.int64)
    label = np.empty(rows.size, np.int64)
    for i in range(rows.size):
        label[i] = dense[target[rows[i]]]
        share[label[i]] += 1
    top = 0
    for k in range(kinds):
        top = k if share[k] > share[top] else top
    path, keys = np.zeros(256, np.int64), np.zeros(256, np.float64)
    best_noisy, best_feature, columns = 0.0, -1, features.shape[0]
    for f in range(columns if kinds > 1 else 0):
        chance = uniform(seed + np.uint64(node * columns + f))
        if chance < skip:
            continue
        weight = 1.0 - noise * (chance - skip) / (1.0 - skip)
        length = tally(features[f], rows, label, target, cells, sizes, sums, path)
        for attempt in range(2 if categorical[f] and kinds > 2 else 1):
            if categorical[f]:
                for i in range(length):
                    mass = sums[path[i]] if attempt == 0 else float(cells[path[i], top])
                    keys[i] = mass / sizes[path[i]]
                sort_by(keys, path, length)
            score, place = best_cut(cells, sizes, path, length, share, xlogx, least)
            if score > stop_below and score * weight > best_noisy:
                best_noisy, best_feature = score * weight, f
                for i in range(length):
                    best_path[i] = path[i]
                best_path[256], best_path[257] = length, place
        for i in range(length):
            for k in range(kinds):
                cells[path[i], k] = 0
            sizes[path[i]] = 0
            sums[path[i]] = 0.0
    return best_feature


@compiled(
    "(uint8[:,::1], boolean[::1], int32[::1], int64, int32[::1], uint64, float64, float64, int64, int64, float64,int64)"
)
def grow(
    features: np.ndarray,
    categorical: np.ndarray,
    target: np.ndarray,
    classes: int,
    order: np.ndarray,
    seed: np.uint64,
    noise: float,
    skip: float,
    least: int,
    deepest: int,
    stop_below: float,
    search_rows: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Grow one tree. `order`, a shuffled range of the rows, is rearranged so that each node's rows lie together.

    features: codes, (features, rows).  target: class by row.  noise: in each node a feature's score is multiplied
    by a number from (1 - noise, 1], and with the chance `skip` it is left out, which makes trees differ.
    least: smallest leaf.  stop_below: smallest score.  search_rows: a larger node looks for its split on its first
    rows, which the shuffle made a random sample.

    Returns by node: feature (-1 in a leaf), mask (nodes, 4), children (nodes, 2), span (nodes, 2), parent.
    """
    rows = order.size
    room = 2 * (rows // least) + 3
    feature, parent, depth = np.full(room, -1, np.int64), np.full(room, -1, np.int64), np.zeros(room, np.int64)
    mask, children, span = (
        np.zeros((room, 4), np.uint64),
        np.full((room, 2), -1, np.int64),
        np.zeros((room, 2), np.int64),
    )
    xlogx = np.zeros(min(rows, search_rows) + 1)
    for x in range(2, xlogx.size):
        xlogx[x] = x * np.log(x)
    cells, sizes, sums = np.zeros((256, classes), np.int64), np.zeros(256, np.int64), np.zeros(256, np.float64)
    path, spare = np.zeros(258, np.int64), np.zeros(rows, np.int32)
    span[0, 1] = rows
    count, node = 1, 0
    while node < count:
        start, stop = span[node, 0], span[node, 1]
        if stop - start >= 2 * least and depth[node] < deepest:
            some = order[start : min(stop, start + search_rows)]
            f = search(
                features, categorical, target, classes, some, node, seed, noise, skip, least, stop_below, xlogx,
                cells, sizes, sums, path,
            )  # fmt: skip
            if f >= 0:
                middle = start + divide(features, f, categorical[f], mask[node], path, order[start:stop], spare)
                feature[node] = f
                for side in range(2):
                    children[node, side] = count
                    span[count, 0] = start if side == 0 else middle
                    span[count, 1] = middle if side == 0 else stop
                    parent[count], depth[count] = node, depth[node] + 1
                    count += 1
        node += 1
    return (
        feature[:count].copy(),
        mask[:count].copy(),
        children[:count].copy(),
        span[:count].copy(),
        parent[:count].copy(),
    )
