"""Forests: the trees of one column, given the columns before it, ready to be drawn from.

A forest keeps splits and smoothed probabilities; it keeps no row and no count of a single leaf.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

NOISE = 0.5
SKIP, SHOWN = 0.5, 4
"""A node leaves out each feature with this chance, less where so many would not be left on average."""
DEEPEST = 30
STOP_BELOW = 3.0
SEARCH_ROWS = 10_000
ALPHA, DISCOUNT = 1.0, 0.5
FINE_WEIGHT = 50.0
FINE_ROOM = 1 << 21
"""Numbers held of how nodes share their classes out among codes; leaves below nodes there is room for share alike."""


@dataclass(frozen=True)
class Target:
    """A column as it is learned: the code of every row, and the class of every code."""

    codes: np.ndarray
    group: np.ndarray

    def classes(self, rows: np.ndarray | slice = slice(None)) -> np.ndarray:
        """The class of some rows, int32."""
        found: np.ndarray = self.group.astype(np.int32)[self.codes[rows]]
        return found

    @property
    def kinds(self) -> int:
        """Number of classes."""
        return int(self.group.max()) + 1


@dataclass(frozen=True)
class Forest:
    """Trees of one column, their nodes one after another, and the corrections of their mean.

    roots: first node of each tree.  feature: a node's column, by position in the model, -1 in a leaf.
    mask: which of 256 feature codes go left.  children: of each node.  leaf: row of a leaf in `classes`.
    classes: probabilities by leaf.  split, masks, factors: by correction, its column on each level, which feature codes
    go left there, and what each class's chance is multiplied by (see trees_boosting.py).
    fine: probabilities within each class, cumulated.  row: of `fine`, by leaf.  codes: the codes sorted by class.
    offsets: where each class starts in them.
    """

    roots: np.ndarray
    feature: np.ndarray
    mask: np.ndarray
    children: np.ndarray
    leaf: np.ndarray
    classes: np.ndarray
    split: np.ndarray
    masks: np.ndarray
    factors: np.ndarray
    fine: np.ndarray
    row: np.ndarray
    codes: np.ndarray
    offsets: np.ndarray

    @property
    def leaves(self) -> int:
        """Number of leaves in all trees, the corrections apart."""
        return len(self.classes)

    def asks(self, position: int) -> bool:
        """Whether the column at this position can change a chance."""
        return position >= 0 and bool((self.feature == position).any() or (self.split == position).any())

    def _walk(self) -> Any:
        """The arrays that a walk needs, in the order in which trees_walk.py takes them."""
        return (
            self.roots, self.feature, self.mask, self.children, self.leaf, self.classes,
            self.split, self.masks, self.factors,
        )  # fmt: skip

    def draw(self, features: np.ndarray, chance: np.ndarray) -> np.ndarray:
        """Return a code for every row. features: (columns, rows), uint8; chance: (rows, 3), float32 in [0, 1)."""
        from generators import trees_walk

        places = trees_walk.draw(*(features, *self._walk(), self.fine, self.row, self.offsets, chance))
        codes: np.ndarray = self.codes[places]
        return codes

    def chances(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return each row's chances of the classes, (rows, classes), and its rows of `fine`, (rows, trees)."""
        from generators import trees_walk

        chances, leaves = trees_walk.chances(features, *self._walk())
        return chances, self.row[leaves]

    def likelihood(self, features: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """Return the probability of each row's own code."""
        from generators import trees_walk

        klass, place = self.places(codes)
        p: np.ndarray = trees_walk.likelihood(
            *(features, *self._walk(), self.fine, self.row, self.offsets, klass, place)
        )
        return p

    def places(self, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the class of each code, and its place among `codes`."""
        place = np.empty(len(self.codes), np.int64)
        place[self.codes] = np.arange(len(self.codes))
        at = place[codes]
        return np.searchsorted(self.offsets, at, side="right") - 1, at

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the forest as arrays."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @classmethod
    def rebuild(cls, arrays: Mapping[str, np.ndarray]) -> Forest:
        """Return the forest of these arrays."""
        return cls(**{f.name: arrays[f.name] for f in fields(cls)})


@dataclass(frozen=True)
class Tree:
    """One pruned tree: its nodes, the probability of each class by leaf, and of each code within its class by row."""

    feature: np.ndarray
    mask: np.ndarray
    children: np.ndarray
    leaf: np.ndarray
    classes: np.ndarray
    fine: np.ndarray
    row: np.ndarray


def grow_tree(
    features: np.ndarray,
    categorical: np.ndarray,
    target: Target,
    rng: np.random.Generator,
    least: int,
    price: float,
) -> Tree:
    """Grow, prune and smooth one tree. features: (columns, rows) uint8; `price` is what a split must earn."""
    from generators import trees_growth, trees_smoothing

    classes_of_rows = target.classes()
    order = rng.permutation(len(target.codes)).astype(np.int32)
    seed = np.uint64(rng.integers(2**63))
    feature, mask, children, span, parent = trees_growth.grow(
        features, categorical, classes_of_rows, target.kinds, order, seed,
        NOISE, max(0.0, min(SKIP, 1 - SHOWN / max(len(features), 1))), least, DEEPEST, STOP_BELOW, SEARCH_ROWS,
    )  # fmt: skip
    counts = trees_smoothing.count_classes(classes_of_rows, order, target.kinds, children, span)
    inner = trees_smoothing.prune(trees_smoothing.leave_one_out(counts, parent, ALPHA, DISCOUNT), children, price)
    kept = _reachable(inner, parent)
    number = np.cumsum(kept) - 1
    feature = np.where(inner, feature, -1)[kept]
    children = np.where(inner[:, None], number[children], -1)[kept]
    above = np.where(parent >= 0, number[parent], -1)[kept]
    counts, span = np.ascontiguousarray(counts[kept]), np.ascontiguousarray(span[kept])
    ends = feature < 0
    classes = trees_smoothing.smooth(counts, above, ALPHA, DISCOUNT)[ends]
    fine, row = _shared_out(target, order, children, span, above)
    return Tree(feature, mask[kept], children, np.where(ends, np.cumsum(ends) - 1, -1), classes, fine, row[ends])


def _shared_out(
    target: Target, order: np.ndarray, children: np.ndarray, span: np.ndarray, above: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """How classes are shared out among their codes, by row, and the row of each node.

    Each of the first nodes has a row of its own, as many as there is room for; parents come before their children.
    """
    from generators import trees_smoothing

    nodes, codes = len(children), len(target.group)
    if target.kinds == codes:
        return np.ones((1, codes)), np.zeros(nodes, np.int64)
    many = min(nodes, max(1, FINE_ROOM // codes))
    top = children[:many].copy()
    top[top.max(axis=1) >= many] = -1
    counts = trees_smoothing.count_classes(target.codes.astype(np.int32), order, codes, top, span[:many].copy())
    row = np.arange(nodes)
    for node in range(many, nodes):
        row[node] = row[above[node]]
    return trees_smoothing.refine(counts, above[:many].copy(), target.group, FINE_WEIGHT), row


def _reachable(inner: np.ndarray, parent: np.ndarray) -> np.ndarray:
    """Nodes whose ancestors are all inner nodes."""
    kept = np.zeros(len(inner), bool)
    kept[0] = True
    for node in range(1, len(inner)):
        kept[node] = kept[parent[node]] and inner[parent[node]]
    return kept


def plant(trees: Sequence[Tree], inputs: np.ndarray, target: Target) -> Forest:
    """Join trees into a forest. inputs: the position in the model of each feature the trees were grown on."""
    nodes = np.cumsum([0] + [len(t.feature) for t in trees])
    leaves = np.cumsum([0] + [len(t.classes) for t in trees])
    codes = np.argsort(target.group, kind="stable")
    offsets = np.concatenate([[0], np.cumsum(np.bincount(target.group, minlength=target.kinds))])
    rows = np.cumsum([0] + [len(t.fine) for t in trees])
    used, row = np.unique(np.concatenate([t.row + n for t, n in zip(trees, rows, strict=False)]), return_inverse=True)
    fine = np.concatenate([t.fine for t in trees])[used]
    last = np.append(inputs, -1)  # a leaf's feature, -1, stays -1
    return Forest(
        roots=nodes[:-1].astype(np.int64),
        feature=np.concatenate([last[t.feature] for t in trees]).astype(np.int64),
        mask=np.ascontiguousarray(np.concatenate([t.mask for t in trees])),
        children=np.concatenate(
            [np.where(t.children >= 0, t.children + n, -1) for t, n in zip(trees, nodes, strict=False)]
        ),
        leaf=np.concatenate([np.where(t.leaf >= 0, t.leaf + n, -1) for t, n in zip(trees, leaves, strict=False)]),
        classes=np.concatenate([t.classes for t in trees]).astype(np.float32),
        split=np.zeros((0, 1), np.int64),
        masks=np.zeros((0, 1, 4), np.uint64),
        factors=np.ones((0, 2, target.kinds), np.float32),
        fine=cumulated(fine[:, codes], offsets[:-1]),
        row=row,
        codes=codes,
        offsets=offsets.astype(np.int64),
    )


def cumulated(p: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Cumulate each row's probabilities within segments, as float32, reaching exactly 1 at the last one above 0."""
    result = np.empty(p.shape, np.float32)
    for start, stop in zip(starts, [*starts[1:], p.shape[1]], strict=True):
        part = np.cumsum(p[:, start:stop], axis=1)
        part /= part[:, -1:]
        result[:, start:stop] = np.where(part >= part[:, -1:] * (1 - 1e-12), 1.0, part)
    return result
