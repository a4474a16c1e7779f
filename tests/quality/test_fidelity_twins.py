"""Every fast measure of columns, pairs and triples against its obvious version, over random small tables."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import wasserstein_distance

from proofset.codes import Column, Kind, Part
from proofset.evidence import MIN_COUNT
from proofset.seeds import stream
from quality.fidelity import Comparison, compare
from quality.fidelity_tables import prepared
from quality.fidelity_triples import drawn

Values = dict[str, tuple[Kind, np.ndarray]]


def table(seed: int, rows: int, null: float, kinds: int, spread: int) -> Values:
    """Numbers with atoms, ordinals and categories that depend on each other; constant where spread is 1."""
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=rows)
    number = np.round(hidden * spread + rng.normal(size=rows), 1) if spread > 1 else np.full(rows, 4.0)
    other = np.floor(hidden * 3 + rng.integers(0, spread + 1, rows))
    level = rng.integers(0, kinds, rows).astype(float)
    word = (rng.integers(0, kinds, rows) + (hidden > 0)).astype(np.int32)
    for values in (number, other, level):
        values[rng.random(rows) < null] = np.nan
    word[rng.random(rows) < null] = -1
    return {
        "number": (Kind.NUMBER, number), "other": (Kind.TIME, other), "level": (Kind.ORDINAL, level),
        "word": (Kind.CATEGORY, word),
    }  # fmt: skip


def compared(real: Values, made: Values, workers: int = 1) -> Comparison:
    """As the families compare, from values on."""
    parts: dict[Part, Values] = {"train": real, "synthetic": made}
    columns = tuple(Column(n, k, {p: t[n][1] for p, t in parts.items()}).coded for n, (k, _) in real.items())
    rows = {p: len(next(iter(t.values()))[1]) for p, t in parts.items()}
    tables = prepared(columns, rows, lambda *names: stream(5, *names), workers)
    return compare(tables, stream(5, "triples"))["synthetic"]


def part(found: Comparison, measure: str, name: str) -> float | None:
    """One part's value."""
    value = found.found[f"fidelity.{measure}"].parts.get(name)
    if value is None:
        return None
    return float(value[0]) if isinstance(value, np.ndarray) else value.value


def known(kind: Kind, values: np.ndarray) -> np.ndarray:
    """What is not null."""
    return values[values >= 0] if kind == Kind.CATEGORY else values[~np.isnan(values)]


def shape(kind: Kind, a: np.ndarray, b: np.ndarray) -> float:
    """Total variation or Kolmogorov–Smirnov, value by value."""
    points = np.unique(np.concatenate([a, b]))
    if kind in (Kind.CATEGORY, Kind.ORDINAL):
        return sum(abs((a == v).mean() - (b == v).mean()) for v in points) / 2
    return max(abs((a <= v).mean() - (b <= v).mean()) for v in points)


tables = st.tuples(
    st.integers(0, 10_000), st.integers(1, 120), st.sampled_from([0.0, 0.3, 1.0]), st.integers(1, 5), st.integers(1, 9)
)


@given(tables, tables)
@settings(max_examples=60, deadline=None)
def test_columns_are_their_twins(first: tuple[int, ...], second: tuple[int, ...]) -> None:
    real, made = table(*first), table(*second)
    found = compared(real, made)
    for name, (kind, values) in real.items():
        a, b = known(kind, values), known(kind, made[name][1])
        expected = None if not len(a) else 1.0 if not len(b) else shape(kind, a, b)
        assert part(found, "shape_error", name) == pytest.approx(expected, abs=1e-12)
        if kind in (Kind.CATEGORY, Kind.ORDINAL):
            share = len(set(a) & set(b)) / len(set(a)) if len(a) else None
            assert part(found, "category_coverage", name) == pytest.approx(share)
        if kind == Kind.CATEGORY or not len(a) or a.std() == 0:
            continue
        if not len(b):
            assert [part(found, m, name) for m in ("wasserstein", "mean_error", "spread_error")] == [10.0] * 3
            continue
        assert part(found, "wasserstein", name) == pytest.approx(
            min(wasserstein_distance(a, b) / a.std(), 10), abs=1e-9
        )
        assert part(found, "mean_error", name) == pytest.approx(min(abs(a.mean() - b.mean()) / a.std(), 10), abs=1e-9)
        ratio = abs(np.log(b.std() / a.std())) if len(set(b)) > 1 else 10.0
        assert part(found, "spread_error", name) == pytest.approx(min(ratio, 10), abs=1e-9)


@given(tables, tables)
@settings(max_examples=40, deadline=None)
def test_ranges_are_their_twins(first: tuple[int, ...], second: tuple[int, ...]) -> None:
    real, made = table(*first), table(*second)
    found = compared(real, made)
    for name in ("number", "other"):
        a, b = (np.sort(known(Kind.NUMBER, t[name][1])) for t in (real, made))
        if len(a) < 2 * MIN_COUNT or a[:MIN_COUNT].mean() == a[-MIN_COUNT:].mean():
            assert part(found, "range_coverage", name) is None
        elif not len(b):
            assert part(found, "range_coverage", name) == 0
        else:
            (low, high), (least, most) = ((x[:MIN_COUNT].mean(), x[-MIN_COUNT:].mean()) for x in (a, b))
            lost = max(least - low, 0) / (high - low) + max(high - most, 0) / (high - low)
            assert part(found, "range_coverage", name) == pytest.approx(max(1 - lost, 0), abs=1e-9)


@given(tables, tables)
@settings(max_examples=40, deadline=None)
def test_pairs_and_triples_are_their_twins(first: tuple[int, ...], second: tuple[int, ...]) -> None:
    real, made = table(*first), table(*second)
    found = compared(real, made)

    def filled(values: np.ndarray) -> np.ndarray:
        return np.nan_to_num(values, nan=-1)

    def bins(values: np.ndarray) -> np.ndarray:
        return np.digitize(values, np.histogram_bin_edges(values[~np.isnan(values)]))

    def distance(a: list[tuple[float, ...]], b: list[tuple[float, ...]]) -> float:
        return sum(abs(a.count(cell) / len(a) - b.count(cell) / len(b)) for cell in {*a, *b}) / 2

    for left, right in (("number", "word"), ("other", "level"), ("level", "word")):
        cells = []
        for t in (real, made):
            sides = [
                bins(t[n][1]) if n in ("number", "other") else np.nan_to_num(t[n][1], nan=-1) for n in (left, right)
            ]
            cells.append(list(zip(*(s.tolist() for s in sides), strict=True)))
        assert part(found, "every_pair_error", f"{left} × {right}") == pytest.approx(distance(*cells), abs=1e-12)
    r = []
    for t in (real, made):
        x, y = t["number"][1], t["other"][1]
        both = ~np.isnan(x) & ~np.isnan(y)
        flat = both.sum() < 2 or x[both].std() < 1e-9 or y[both].std() < 1e-9
        r.append(np.nan if flat else np.corrcoef(x[both], y[both])[0, 1])
    expected = None if np.isnan(r[0]) else 1.0 if np.isnan(r[1]) else abs(r[0] - r[1])
    assert part(found, "correlation_error", "number × other") == pytest.approx(expected, abs=1e-9)
    halved = None if expected is None else 1.0 if np.isnan(r[1]) else expected / 2
    assert part(found, "every_pair_error", "number × other") == pytest.approx(halved, abs=1e-9)
    # Categories and few ordinals keep their cells in triples; a number's bins have equal weight among train's rows.
    values = np.sort(known(Kind.NUMBER, real["other"][1]))
    three = []
    for t in (real, made):
        other = t["other"][1]
        place = np.array([-1 if np.isnan(v) else _cell(values, v) for v in other])
        three.append(
            list(
                zip(place.tolist(), *(np.nan_to_num(t[n][1], nan=-1).tolist() for n in ("level", "word")), strict=True)
            )
        )
    assert part(found, "triple_error", "other × level × word") == pytest.approx(distance(*three), abs=1e-12)


def _cell(values: np.ndarray, value: float) -> int:
    before = int((values < value).sum())
    return min(before * 8 // max(len(values), 1), 7)


def test_draws_have_the_spread_of_new_samples() -> None:
    """The mean of the draws' standard deviations is that of the distance itself, far away and at equality."""
    for shift, least, most in ((0, 0.9, 1.6), (3, 0.8, 1.3)):
        values, errors = [], []
        for seed in range(60):
            made = table(seed + 900, 400, 0.1, 4, 6)
            made["word"][1][made["word"][1] == 0] = shift
            found = compared(table(seed, 400, 0.1, 4, 6), made).found["fidelity.shape_error"]
            draws = found.draws
            assert draws is not None
            values.append(draws[0])
            errors.append(draws[1:].std())
        assert least < np.mean(errors) / np.std(values) < most


def test_threads_change_nothing() -> None:
    real, made = table(1, 300, 0.1, 4, 6), table(2, 300, 0.1, 4, 6)
    one, two = compared(real, made), compared(real, made, workers=2)
    for name, found in one.found.items():
        for label, value in found.parts.items():
            assert np.array_equal(np.asarray(value), np.asarray(two.found[name].parts[label])), (name, label)


def test_triples_are_all_or_different_ones() -> None:
    assert len(drawn(5, stream(1, "x"))) == 10
    some = drawn(40, stream(1, "x"))
    assert len(set(some)) == 500
    assert all(a < b < c for a, b, c in some)
    assert some == drawn(40, stream(1, "x"))
