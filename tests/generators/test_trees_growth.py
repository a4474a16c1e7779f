"""The compiled functions against their obvious twins, and against themselves as plain Python."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators import trees_growth, trees_smoothing, trees_walk

ALPHA, DISCOUNT = 1.0, 0.5


def log_likelihood(counts: np.ndarray) -> float:
    return sum(c * np.log(c / counts.sum()) for c in counts if c)


def score_of(left: np.ndarray, right: np.ndarray) -> float:
    """The gain in likelihood less half the parameters gained, from the definition."""
    both = left + right
    gain = log_likelihood(left) + log_likelihood(right) - log_likelihood(both)
    return gain - 0.5 * ((left > 0).sum() + (right > 0).sum() - (both > 0).sum() + 1)


@given(st.integers(0, 10_000), st.integers(2, 6), st.integers(2, 5), st.integers(1, 8))
@settings(max_examples=60, deadline=None)
def test_best_cut_is_the_best_of_all_cuts(seed: int, codes: int, classes: int, least: int) -> None:
    rng = np.random.default_rng(seed)
    cells = np.zeros((256, classes), np.int64)
    cells[:codes] = rng.integers(0, 9, (codes, classes)) + (np.arange(classes) == 0)
    path = rng.permutation(codes).astype(np.int64)
    node = cells.sum(axis=0)
    xlogx = np.array([0.0] + [x * np.log(x) for x in range(1, node.sum() + 1)])
    best = (-np.inf, 0)
    for place in range(1, codes):
        left = cells[path[:place]].sum(axis=0)
        right = node - left
        if min(left.sum(), right.sum()) >= least:
            best = max(best, (score_of(left, right), -place))
    arguments = (cells, cells.sum(axis=1), path, codes, node, xlogx, least)
    score, place = trees_growth.best_cut(*arguments)
    assert score == pytest.approx(best[0])
    if np.isfinite(best[0]):
        assert score_of(cells[path[:place]].sum(axis=0), cells[path[place:]].sum(axis=0)) == pytest.approx(score)
    assert trees_growth.best_cut.py_func(*arguments) == (pytest.approx(score), place)  # type: ignore[attr-defined]


def table(rows: int = 400, seed: int = 0) -> dict[str, Any]:
    """A target that follows a number and a category."""
    rng = np.random.default_rng(seed)
    features = np.stack([rng.integers(0, 12, rows), rng.integers(0, 5, rows), rng.integers(0, 3, rows)]).astype(
        np.uint8
    )
    target = ((features[0] > 6) + 2 * np.isin(features[1], [1, 3]) + (rng.random(rows) < 0.1)) % 4
    return {
        "features": features,
        "categorical": np.array([False, True, True]),
        "target": target.astype(np.int32),
        "classes": 4,
        "seed": np.uint64(5),
        "noise": 0.5,
        "skip": 0.0,
        "least": 10,
        "deepest": 30,
        "stop_below": 3.0,
        "search_rows": 10_000,
    }


def grown(function: Any, given: dict[str, Any], order: np.ndarray) -> Any:
    g = given
    return function(
        g["features"], g["categorical"], g["target"], g["classes"], order, g["seed"], g["noise"], g["skip"], g["least"],
        g["deepest"], g["stop_below"], g["search_rows"],
    )  # fmt: skip


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
def test_compiled_growth_is_the_python_it_was_compiled_from(monkeypatch: pytest.MonkeyPatch) -> None:
    given = table()
    orders = [np.random.default_rng(1).permutation(400).astype(np.int32) for _ in range(2)]
    fast = grown(trees_growth.grow, given, orders[0])
    for name in ("uniform", "sort_by", "best_cut", "tally", "divide", "search"):
        monkeypatch.setattr(trees_growth, name, getattr(trees_growth, name).py_func)
    slow = grown(trees_growth.grow.py_func, given, orders[1])  # type: ignore[attr-defined]
    for a, b in zip([*fast, orders[0]], [*slow, orders[1]], strict=True):
        assert (a == b).all()


def test_a_grown_tree_partitions_its_rows_as_its_masks_say() -> None:
    given = table()
    order = np.random.default_rng(1).permutation(400).astype(np.int32)
    feature, mask, children, span, parent = grown(trees_growth.grow, given, order)
    assert sorted(order) == list(range(400))
    assert len(feature) > 5
    for node in range(len(feature)):
        start, stop = span[node]
        assert stop - start >= given["least"]
        if feature[node] < 0:
            assert (children[node] == -1).all()
            continue
        left, right = children[node]
        assert (parent[left], parent[right]) == (node, node)
        assert (span[left, 0], span[left, 1], span[right, 1]) == (start, span[right, 0], stop)
        for side, child in ((True, left), (False, right)):
            codes = given["features"][feature[node], order[span[child, 0] : span[child, 1]]]
            goes = [bool(int(mask[node, c >> 6]) >> int(c & 63) & 1) for c in codes]
            assert goes == [side] * len(goes)


def test_the_first_split_is_the_best_of_all_when_nothing_is_noisy() -> None:
    given = table() | {"noise": 0.0, "classes": 2, "deepest": 1}
    given["target"] = np.ascontiguousarray(given["target"] % 2)
    order = np.arange(400, dtype=np.int32)
    feature, mask, _, _, _ = grown(trees_growth.grow, given, order)

    def value(f: int, codes: set[int]) -> float:
        inside = np.isin(given["features"][f], list(codes))
        if min(inside.sum(), (~inside).sum()) < given["least"]:
            return -np.inf
        return score_of(*(np.bincount(given["target"][side], minlength=2) for side in (inside, ~inside)))

    best = max(value(0, set(range(cut))) for cut in range(1, 12))
    for f, kinds in ((1, 5), (2, 3)):  # for two classes, an order by share holds the best of all subsets
        best = max(best, *(value(f, {c for c in range(kinds) if bits >> c & 1}) for bits in range(1, 2**kinds - 1)))
    found = {c for c in range(256) if int(mask[0, c >> 6]) >> (c & 63) & 1}
    assert value(int(feature[0]), found) == pytest.approx(best)


def test_pure_nodes_and_useless_features_are_not_split() -> None:
    pure = table() | {"target": np.zeros(400, np.int32)}
    assert len(grown(trees_growth.grow, pure, np.arange(400, dtype=np.int32))[0]) == 1
    noise = table() | {
        "target": np.random.default_rng(9).integers(0, 2, 400, np.int32),
        "classes": 2,
        "stop_below": 12.0,
    }
    assert len(grown(trees_growth.grow, noise, np.arange(400, dtype=np.int32))[0]) == 1


CHAIN = np.array([[1, 2], [-1, -1], [3, 4], [-1, -1], [-1, -1]])
PARENT = np.array([-1, 0, 0, 2, 2])


def leaf_counts(rng: np.random.Generator, classes: int) -> np.ndarray:
    counts = np.zeros((5, classes), np.int64)
    counts[[1, 3, 4]] = rng.integers(0, 6, (3, classes)) + 1 * (np.arange(classes) == 0)
    counts[2] = counts[3] + counts[4]
    counts[0] = counts[1] + counts[2]
    return counts


def smoothed(counts: np.ndarray, node: int, k: int) -> float:
    """P(v) from the definition, recursively."""
    c, total = counts[node, k], counts[node].sum()
    if node == 0:
        return float(c / total)
    kinds = (counts[node] > 0).sum()
    rest = (ALPHA + DISCOUNT * kinds) * smoothed(counts, int(PARENT[node]), k)
    return float((max(c - DISCOUNT, 0) + rest) / (total + ALPHA))


@given(st.integers(0, 10_000), st.integers(2, 5))
@settings(max_examples=40, deadline=None)
def test_smoothing_follows_its_definition_and_sums_to_one(seed: int, classes: int) -> None:
    counts = leaf_counts(np.random.default_rng(seed), classes)
    p = trees_smoothing.smooth(counts, PARENT, ALPHA, DISCOUNT)
    assert p.sum(axis=1) == pytest.approx(np.ones(5))
    for node in range(5):
        for k in range(classes):
            assert p[node, k] == pytest.approx(smoothed(counts, node, k))
    assert trees_smoothing.smooth.py_func(counts, PARENT, ALPHA, DISCOUNT) == pytest.approx(p)  # type: ignore[attr-defined]


@given(st.integers(0, 10_000), st.integers(2, 5))
@settings(max_examples=40, deadline=None)
def test_leave_one_out_is_refitting_without_the_row(seed: int, classes: int) -> None:
    counts = leaf_counts(np.random.default_rng(seed), classes)
    counts[[0, 1]] += 2  # no class has a single row in the root, where the floor would stand in
    fast = trees_smoothing.leave_one_out(counts, PARENT, ALPHA, DISCOUNT)
    for node in range(5):
        path = [node]
        while PARENT[path[-1]] >= 0:
            path.append(int(PARENT[path[-1]]))
        total = 0.0
        for k in range(classes):
            if counts[node, k]:
                without = counts.copy()
                without[path, k] -= 1
                total += counts[node, k] * np.log(smoothed(without, node, k))
        assert fast[node] == pytest.approx(total)
    slow = trees_smoothing.leave_one_out.py_func(counts, PARENT, ALPHA, DISCOUNT)  # type: ignore[attr-defined]
    assert slow == pytest.approx(fast)


def test_a_class_of_one_row_counts_as_half_a_row_at_the_root() -> None:
    counts = np.array([[1, 9]])
    got = trees_smoothing.leave_one_out(counts, np.array([-1]), ALPHA, DISCOUNT)[0]
    assert got == pytest.approx(np.log(0.5 / 9) + 9 * np.log(8 / 9))


@given(st.lists(st.floats(-50, 0), min_size=5, max_size=5), st.floats(0, 10))
@settings(max_examples=100, deadline=None)
def test_pruning_finds_the_best_of_all_prunings(scores: list[float], price: float) -> None:
    got = trees_smoothing.prune(np.array(scores), CHAIN, price)
    options = {
        (False, False): scores[0],
        (True, False): scores[1] + scores[2] - price,
        (True, True): scores[1] + scores[3] + scores[4] - 2 * price,
    }
    kept = (bool(got[0]), bool(got[0] and got[2]))
    assert options[kept] == pytest.approx(max(options.values()))
    assert (trees_smoothing.prune.py_func(np.array(scores), CHAIN, price) == got).all()  # type: ignore[attr-defined]


def test_counting_and_refining_follow_their_definitions() -> None:
    rng = np.random.default_rng(3)
    span = np.array([[0, 60], [0, 20], [20, 60], [20, 35], [35, 60]])
    codes, order = rng.integers(0, 6, 60, np.int32), rng.permutation(60).astype(np.int32)
    codes[:6] = np.arange(6)
    counts = trees_smoothing.count_classes(codes, order, 6, CHAIN, span)
    for node, (start, stop) in enumerate(span):
        assert (counts[node] == np.bincount(codes[order[start:stop]], minlength=6)).all()
    slow = trees_smoothing.count_classes.py_func(codes, order, 6, CHAIN, span)  # type: ignore[attr-defined]
    assert (slow == counts).all()
    group = np.array([0, 0, 1, 1, 1, 2])

    def share(node: int, v: int) -> float:
        total = counts[node, group == group[v]].sum()
        if node == 0:
            return float(counts[node, v] / total)
        return float((counts[node, v] + 50 * share(int(PARENT[node]), v)) / (total + 50))

    fine = trees_smoothing.refine(counts, PARENT, group, 50.0)
    assert fine == pytest.approx(np.array([[share(n, v) for v in range(6)] for n in range(5)]))
    assert trees_smoothing.refine.py_func(counts, PARENT, group, 50.0) == pytest.approx(fine)  # type: ignore[attr-defined]


def two_trees(rows: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """One tree with a split on column 1, one of a single leaf, and a correction on both columns."""
    mask, masks = np.zeros((4, 4), np.uint64), np.zeros((1, 2, 4), np.uint64)
    mask[0, 1] = 1  # code 64 goes left
    masks[0, 0, 1], masks[0, 1, 0] = 1, 2  # first level: code 64 of column 1; second: code 1 of column 0
    features = np.zeros((2, rows), np.uint8)
    features[0], features[1] = rng.integers(0, 3, rows), rng.choice([3, 64], rows)
    classes = np.array([[0.5, 0.5], [0.0, 1.0], [1.0, 0.0]], np.float32)
    factors = np.array([[[1.0, 2.0], [0.5, 1.0], [3.0, 1.0], [1.0, 1.0]]], np.float32)
    return (
        features, np.array([0, 3]), np.array([1, -1, -1, -1]), mask, np.array([[1, 2], [-1, -1], [-1, -1], [-1, -1]]),
        np.array([-1, 0, 1, 2]), classes, np.array([[1, 0]]), masks, factors,
    )  # fmt: skip


def expected(walk: tuple[np.ndarray, ...], row: int) -> tuple[list[int], np.ndarray]:
    """A row's leaves, and its chances: the trees' sum, multiplied by the correction's factors, over their sum."""
    features, classes, factors = walk[0], walk[6], walk[9]
    leaves = [0 if features[1, row] == 64 else 1, 2]
    cell = (features[1, row] != 64) + 2 * (features[0, row] != 1)
    p = classes[leaves].sum(axis=0) * factors[0, cell]
    return leaves, p / p.sum()


@pytest.mark.parametrize("shared", [False, True])
def test_drawing_follows_trees_corrections_class_and_code(shared: bool) -> None:
    rng = np.random.default_rng(0)
    rows = 500
    walk = two_trees(rows, rng)
    fine = np.array([[0.25, 1.0, 1.0], [0.5, 1.0, 1.0], [1.0, 1.0, 1.0]], np.float32)[: 1 if shared else 3]
    chance = rng.random((rows, 3), dtype=np.float32)
    fine_row = np.zeros(3, np.int64) if shared else np.arange(3)
    arguments = (*walk, np.ascontiguousarray(fine), fine_row, np.array([0, 2, 3]), chance)
    got = trees_walk.draw(*arguments)
    chances, reached = trees_walk.chances(*walk)
    for row in range(rows):
        leaves, p = expected(walk, row)
        assert list(reached[row]) == leaves
        assert chances[row] == pytest.approx(p, abs=1e-6)
        if chance[row, 0] >= p[0]:
            assert got[row] == 2
        else:
            leaf = 0 if shared else leaves[int(chance[row, 1] * 2)]
            assert got[row] == (0 if chance[row, 2] < fine[leaf, 0] else 1)


def test_compiled_walks_are_the_python_they_were_compiled_from(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    walk = two_trees(60, rng)
    fine = np.array([[0.25, 1.0, 1.0], [0.5, 1.0, 1.0], [1.0, 1.0, 1.0]], np.float32)
    tail = (fine, np.arange(3), np.array([0, 2, 3]))
    klass, place = np.array([0, 1] * 30), np.array([1, 2] * 30)
    calls = {
        "chances": walk,
        "draw": (*walk, *tail, rng.random((60, 3), dtype=np.float32)),
        "likelihood": (*walk, *tail, klass, place),
        "pick": (rng.integers(0, 3, 60), klass, fine, tail[2], rng.random(60, dtype=np.float32)),
        "determines": (walk[0][0], walk[0][1]),
    }
    fast = {name: getattr(trees_walk, name)(*call) for name, call in calls.items()}
    monkeypatch.setattr(trees_walk, "row_chances", trees_walk.row_chances.py_func)  # type: ignore[attr-defined]
    for name, call in calls.items():
        slow = getattr(trees_walk, name).py_func(*call)
        both = [(fast[name], slow)] if not isinstance(slow, tuple) else zip(fast[name], slow, strict=True)
        for a, b in both:
            assert np.asarray(b) == pytest.approx(np.asarray(a), abs=1e-6), name


def test_likelihood_is_the_chance_of_the_class_times_the_mean_share_of_the_code() -> None:
    walk = two_trees(80, np.random.default_rng(2))
    fine = np.array([[0.25, 1.0, 1.0], [0.5, 1.0, 1.0], [1.0, 1.0, 1.0]], np.float32)
    own = np.array([[0.25, 0.75, 1.0], [0.5, 0.5, 1.0], [1.0, 0.0, 1.0]])
    for place, klass in ((0, 0), (1, 0), (2, 1)):
        k, at = np.full(80, klass), np.full(80, place)
        got = trees_walk.likelihood(*walk, fine, np.arange(3), np.array([0, 2, 3]), k, at)
        for row in range(80):
            leaves, p = expected(walk, row)
            assert got[row] == pytest.approx(p[klass] * own[leaves, place].mean(), abs=1e-6)


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=30), st.floats(0, 1, width=32, exclude_max=True))
@settings(max_examples=60, deadline=None)
def test_the_place_of_a_chance_is_found_by_halving(steps: list[float], chance: float) -> None:
    fine = np.sort(np.array([[0.0, 0.0, *steps]], np.float32))
    stop = fine.shape[1]
    expected_place = min(2 + int(np.searchsorted(fine[0, 2:], np.float32(chance), side="right")), stop - 1)
    for function in (trees_walk.place_in, trees_walk.place_in.py_func):  # type: ignore[attr-defined]
        assert function(fine, 0, 2, stop, np.float32(chance)) == expected_place


def test_a_column_determines_another_where_each_code_meets_one() -> None:
    parent = np.array([3, 3, 5, 7], np.uint8)
    assert trees_walk.determines(parent, np.array([1, 1, 2, 1], np.uint8))
    assert not trees_walk.determines(parent, np.array([1, 2, 2, 1], np.uint8))


def test_the_counter_generator_is_uniform() -> None:
    values = np.array([trees_growth.uniform(np.uint64(k)) for k in range(4_000)])
    assert (values >= 0).all()
    assert (values < 1).all()
    assert np.histogram(values, 8, (0, 1))[0].min() > 420


def test_a_machine_without_a_writable_cache_compiles_without_one(monkeypatch: pytest.MonkeyPatch) -> None:
    import numba

    honest = numba.njit

    def no_cache(signature: str, **options: Any) -> Any:
        if options.pop("cache", False):
            raise RuntimeError("cannot cache function: no locator available")
        return honest(signature, **options)

    monkeypatch.setattr(numba, "njit", no_cache)

    def double(x: int) -> int:
        return 2 * x

    assert trees_growth.compiled("(int64,)")(double)(21) == 42
