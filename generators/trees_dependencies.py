"""Functional dependencies: a column that follows exactly from another one is looked up instead of drawn.

Education and its number, a city and its state, an industry and its sector: a smoothed tree would break such a rule in
some rows. A column determines another one where each of its codes, all of at least MIN_COUNT training rows, occurs
with one code of the other alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from generators.coding import Codec
from generators.trees_forest import Forest
from generators.trees_layout import feature_groups
from proofset.evidence import MIN_COUNT


def find_parents(codecs: Sequence[Codec], codes: Sequence[np.ndarray]) -> dict[int, int]:
    """Return, by position, the position of a column it follows from: the one with the fewest codes.

    Constant columns are left out, as are columns with too many codes to be features one by one. Two columns that
    follow from each other are each other's parents.
    """
    from generators import trees_walk

    exact = [i for i, codec in enumerate(codecs) if _is_exact(codec)]
    coded = {i: np.ascontiguousarray(codes[i], np.uint8) for i in exact}
    parents: dict[int, int] = {}
    for child in exact:
        if np.count_nonzero(codecs[child].weights) < 2:
            continue
        for parent in sorted(exact, key=lambda i: (codecs[i].codes, i)):
            enough = codecs[parent].codes >= codecs[child].codes and parent != child
            if enough and trees_walk.determines(coded[parent], coded[child]):
                parents[child] = parent
                break
    return parents


def _is_exact(codec: Codec) -> bool:
    """Whether every code is a feature code of its own, and has enough rows (a declared category may have none)."""
    weights = np.asarray(codec.weights)
    if codec.codes > 256 or (weights[weights > 0] < MIN_COUNT).any():
        return False
    return bool(int(feature_groups(codec).max(initial=0)) == codec.codes - 1)


def reorder(order: Sequence[int], parents: Mapping[int, int]) -> tuple[list[int], dict[int, int]]:
    """Move each parent in front of the first column that follows from it; return the order and the parents that count.

    Of two columns that follow from each other the first in `order` is the parent.
    """
    placed: list[int] = []
    kept: dict[int, int] = {}

    def place(position: int, waiting: frozenset[int]) -> None:
        if position in placed:
            return
        parent = parents.get(position)
        if parent is not None and parent not in waiting:
            place(parent, waiting | {position})
            kept[position] = parent
        placed.append(position)

    for position in order:
        place(position, frozenset())
    return placed, kept


def look_up(codes: int, parent: int, parent_codes: np.ndarray, child_codes: np.ndarray) -> Forest:
    """Return the forest of a column with `codes` codes that follows from the column at position `parent`.

    Its one tree halves the codes until each has a leaf of its own.
    """
    child = np.full(256, -1, np.int64)
    child[parent_codes] = child_codes
    feature: list[int] = []
    mask, children, leaf = [], [], []
    spans = [(0, codes)]
    while len(feature) < len(spans):
        start, stop = spans[len(feature)]
        bits = np.zeros(4, np.uint64)
        if stop - start == 1:
            feature.append(-1)
            children.append((-1, -1))
            leaf.append(start)
        else:
            middle = (start + stop) // 2
            for code in np.flatnonzero((child >= start) & (child < middle)):
                bits[code >> 6] |= np.uint64(1 << (int(code) & 63))
            feature.append(parent)
            children.append((len(spans), len(spans) + 1))
            leaf.append(-1)
            spans += [(start, middle), (middle, stop)]
        mask.append(bits)
    return Forest(
        roots=np.zeros(1, np.int64),
        feature=np.array(feature, np.int64),
        mask=np.array(mask, np.uint64),
        children=np.array(children, np.int64),
        leaf=np.array(leaf, np.int64),
        classes=np.eye(codes, dtype=np.float32),
        split=np.zeros((0, 1), np.int64),
        masks=np.zeros((0, 1, 4), np.uint64),
        factors=np.ones((0, 2, codes), np.float32),
        fine=np.ones((1, codes), np.float32),
        row=np.zeros(codes, np.int64),
        codes=np.arange(codes),
        offsets=np.arange(codes + 1),
    )
