"""Groups of codes: what a column looks like as a feature (at most 256 groups) and as a target (about 20 or 64)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from generators.coding import Codec
from generators.trees_forest import Target

MAX_INPUTS = 24
"""A column is grown on at most so many earlier columns: those that tell most about it."""
SCREEN_ROWS = 5_000
CELLS = 1 << 22
"""Cells counted at a time."""

FEATURE_GROUPS = 128
"""Groups of equal mass for a number as a feature."""
FEATURE_CODES = 256
"""A split is a mask of so many bits."""
NUMBER_TARGETS, MORE_TARGETS, TELLING = 20, 64, 0.15
MOST_ASKED = 64
"""Columns that are asked how much a column's groups tell of them."""
CATEGORY_TARGETS = 64
REFERENCES = 2


def feature_groups(codec: Codec) -> np.ndarray:
    """Return each code's group as a feature, uint8: for a number neighbours, for a category the rare ones together."""
    codes = codec.codes
    limit = FEATURE_GROUPS if codec.ordered else FEATURE_CODES
    if codes <= limit:
        return np.arange(codes).astype(np.uint8)
    weights = np.asarray(codec.weights, dtype=float)
    if not codec.ordered:
        return _largest_first(weights, limit - 1, 1).astype(np.uint8)
    filled = codes - codec.has_missing
    before = np.cumsum(weights[:filled]) - weights[:filled] / 2
    groups = np.floor(before / weights[:filled].sum() * (limit - 1)).astype(np.int64)
    groups = np.unique(groups, return_inverse=True)[1]
    return np.append(groups, np.full(int(codec.has_missing), groups[-1] + 1)).astype(np.uint8)


def target_groups(codec: Codec, numbers: int = NUMBER_TARGETS) -> np.ndarray:
    """Return each code's group as a target: heavy codes alone, the others packed with their neighbours (a number)
    or with others of like frequency (a category); missing alone."""
    codes = codec.codes
    weights = np.asarray(codec.weights, dtype=float)
    if not codec.ordered:
        if codes <= CATEGORY_TARGETS:
            return np.arange(codes)
        return _largest_first(weights, CATEGORY_TARGETS * 3 // 4, CATEGORY_TARGETS // 4)
    if codes <= numbers:
        return np.arange(codes)
    filled = codes - codec.has_missing
    heavy = weights[:filled] >= weights.sum() / numbers
    room = max(1, numbers - int(heavy.sum()))
    each = weights[:filled][~heavy].sum() / room
    groups = np.zeros(filled, np.int64)
    group, held, after_heavy = -1, 0.0, True
    for code in range(filled):
        if heavy[code]:
            group, after_heavy = group + 1, True
        else:
            if after_heavy or held >= each:
                group, held = group + 1, 0.0
            held += weights[code]
            after_heavy = False
        groups[code] = group
    return np.append(groups, np.full(int(codec.has_missing), group + 1))


def alike_groups(codes: np.ndarray, weights: np.ndarray, references: Sequence[np.ndarray]) -> np.ndarray:
    """Return groups as a target for a category of many codes: a quarter of CATEGORY_TARGETS for the heaviest codes, the
    other codes packed with those that occur with the same codes of the references, the first one before the others."""
    heaviest = np.argsort(-weights, kind="stable")[: CATEGORY_TARGETS // 4]
    keys = [np.arange(len(weights))]
    for reference in reversed(references):
        kinds = int(reference.max()) + 1
        joint = np.bincount(codes.astype(np.int64) * kinds + reference, minlength=len(weights) * kinds)
        keys.append(joint.reshape(-1, kinds).argmax(axis=1))
    order = np.lexsort(keys)
    order = order[~np.isin(order, heaviest)]
    packed = CATEGORY_TARGETS - len(heaviest)
    upto = np.cumsum(weights[order]) - weights[order] / 2
    inner = np.minimum((upto / max(float(weights[order].sum()), 1.0) * packed).astype(np.int64), packed - 1)
    groups = np.empty(len(weights), np.int64)
    groups[heaviest] = np.arange(len(heaviest))
    groups[order] = len(heaviest) + np.unique(inner, return_inverse=True)[1]
    return groups


def _largest_first(weights: np.ndarray, alone: int, packed: int) -> np.ndarray:
    """Give the `alone` heaviest codes groups of their own, and share the others, by weight, among `packed` groups."""
    ranking = np.argsort(-weights, kind="stable")
    groups = np.empty(len(weights), np.int64)
    groups[ranking[:alone]] = np.arange(alone)
    rest = weights[ranking[alone:]]
    before = (np.cumsum(rest) - rest / 2) / max(rest.sum(), 1.0)
    inner = np.unique(np.minimum((before * packed).astype(np.int64), packed - 1), return_inverse=True)[1]
    groups[ranking[alone:]] = alone + inner
    return groups


def choose_inputs(
    order: Sequence[int], features: np.ndarray, targets: Sequence[Target], always: Sequence[int] = ()
) -> dict[int, np.ndarray]:
    """Return, by position, the positions of the columns it is grown on: those before it in `order`.

    Where these are more than MAX_INPUTS, the ones with the highest mutual information, less its expected bias
    (Miller 1955), on SCREEN_ROWS rows spread evenly over the table.
    """
    return {
        position: most_telling(np.array(order[:place], dtype=np.int64), features, targets[position], always)
        for place, position in enumerate(order)
    }


def targets_of(codecs: Sequence[Codec], codes: Sequence[np.ndarray], features: np.ndarray) -> list[Target]:
    """Return each column as a target.

    One of many categories is grouped by the REFERENCES columns it tells most of. A number has MORE_TARGETS groups where
    these tell TELLING nats more of some other column than NUMBER_TARGETS do, as a date tells of its day.
    """
    rows = features.shape[1]
    some = np.unique(np.linspace(0, rows - 1, min(rows, 4 * SCREEN_ROWS)).astype(np.int64))
    sample = np.ascontiguousarray(features[:, some])
    targets = []
    for position, (codec, coded) in enumerate(zip(codecs, codes, strict=True)):
        groups = target_groups(codec)
        others = np.delete(np.arange(len(codecs)), position)
        others = others[np.unique(np.linspace(0, len(others) - 1, min(len(others), MOST_ASKED)).astype(np.int64))]
        if not codec.ordered and codec.codes > CATEGORY_TARGETS and len(others):
            tells = mutual_informations(sample[others], sample[position].astype(np.int64))
            best = others[np.argsort(-tells, kind="stable")[:REFERENCES]]
            groups = alike_groups(coded, np.asarray(codec.weights, dtype=float), list(features[best]))
        elif codec.ordered and codec.codes > NUMBER_TARGETS and len(others):
            more = target_groups(codec, MORE_TARGETS)
            told = [mutual_informations(sample[others], g[coded[some]]) for g in (groups, more)]
            groups = more if (told[1] - told[0]).max() > TELLING else groups
        targets.append(Target(coded, groups))
    return targets


def most_telling(positions: np.ndarray, features: np.ndarray, target: Target, always: Sequence[int] = ()) -> np.ndarray:
    """Return, in order, those of the columns at `positions` that tell most about the target; see `choose_inputs`."""
    if len(positions) <= MAX_INPUTS:
        return positions
    rows = features.shape[1]
    some = np.unique(np.linspace(0, rows - 1, min(rows, SCREEN_ROWS)).astype(np.int64))
    tells = mutual_informations(features[np.ix_(positions, some)], target.classes(some))
    tells[np.isin(positions, always)] = np.inf
    return positions[np.sort(np.argsort(-tells, kind="stable")[:MAX_INPUTS])]


def mutual_information(a: np.ndarray, b: np.ndarray) -> float:
    """Mutual information of two coded columns in nats, less its first-order bias."""
    return float(mutual_informations(a[None, :], b)[0])


def mutual_informations(columns: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The same of each of several coded columns (shape: columns x rows) with `b`, counted some columns at a time."""
    n, kinds = len(b), int(b.max()) + 1
    found = []
    for some in np.array_split(columns, -(-len(columns) // max(1, min(64, CELLS // n)))):
        sizes = some.max(axis=1).astype(np.int64) + 1
        first = np.cumsum(sizes) - sizes
        cells = (some + first[:, None]) * kinds + b
        joint = np.bincount(cells.ravel(), minlength=int(sizes.sum()) * kinds).reshape(-1, kinds)
        rows = joint.sum(axis=1)
        both = np.add.reduceat(_entropies(rows, n) - _entropies(joint, n).sum(axis=1), first)
        levels = np.add.reduceat((rows > 0).astype(float), first)
        found.append(both - (levels - 1.0) * (len(np.unique(b)) - 1.0) / (2.0 * n))
    return np.asarray(np.concatenate(found) + _entropies(np.bincount(b), n).sum())


def _entropies(counts: np.ndarray, n: int) -> np.ndarray:
    """What each of `counts` out of `n` adds to an entropy, in nats."""
    p = counts / n
    return np.asarray(-p * np.log(np.where(counts > 0, p, 1.0)))
