"""Sketches: strict to read, right about shares, and of no use without the key."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.sketch import ALL, Chance, Sketch, among, chance_of, chance_within, make_sketch, part, surprise, wilson
from proofset.errors import WorkspaceError

KEY, OTHER = bytes(range(32)), bytes(32)
COLUMNS = (("a", "number"), ("b", "text"))


def draw(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2**64, count, dtype=np.uint64)


def sketch(count: int = 50, most: int = 1_000_000) -> Sketch:
    return make_sketch("d" * 64, COLUMNS, draw(count), Chance(hits=1, rows=100), 0, most)  # type: ignore[arg-type]


def test_a_sketch_is_read_as_it_was_written(tmp_path: Path) -> None:
    for made in (sketch(), sketch(0), sketch(5000, most=1000)):
        made.save(tmp_path / "s", KEY)
        assert (tmp_path / "s").stat().st_mode & 0o777 == 0o600
        data = (tmp_path / "s").read_bytes()
        back = Sketch.from_bytes(data, KEY, "s")
        assert (back.table, back.columns, back.rows, back.threshold, back.chance, back.generations) == (
            made.table, made.columns, made.rows, made.threshold, made.chance, made.generations)  # fmt: skip
        assert (back.prints == made.prints).all()
        assert back.to_bytes(KEY) == data


def test_every_changed_byte_and_every_cut_is_noticed() -> None:
    data = sketch(5).to_bytes(KEY)
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 1
        with pytest.raises(WorkspaceError, match="cannot be used"):
            Sketch.from_bytes(bytes(changed), KEY, "s")
        with pytest.raises(WorkspaceError, match="cannot be used"):
            Sketch.from_bytes(data[:place], KEY, "s")
    with pytest.raises(WorkspaceError, match="cannot be used"):
        Sketch.from_bytes(data + b"\0", KEY, "s")
    with pytest.raises(WorkspaceError, match="another key"):
        Sketch.from_bytes(data, OTHER, "s")


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.booleans())
def test_no_bytes_make_the_reader_stumble(junk: bytes, begun: bool) -> None:
    with pytest.raises(WorkspaceError):
        Sketch.from_bytes((b"proofset-sketch-1\n" if begun else b"") + junk, KEY, "s")


def test_a_rightly_sealed_sketch_must_still_make_sense() -> None:
    """Whoever holds the key, an older version for instance, can seal nonsense; it is refused all the same."""
    good = sketch(5)
    falling = Sketch(good.table, good.columns, 5, ALL, good.prints[::-1].copy(), good.chance, 0)
    above = Sketch(good.table, good.columns, 5, 10, good.prints, good.chance, 0)
    many = Sketch(good.table, good.columns, 2, ALL, good.prints, good.chance, 0)
    turned = Sketch(good.table, good.columns[::-1], 5, ALL, good.prints, good.chance, 0)
    for bad in (falling, above, many, turned):
        with pytest.raises(WorkspaceError, match="not in order"):
            Sketch.from_bytes(bad.to_bytes(KEY), KEY, "s")


def test_a_sketch_without_its_key_tells_nothing() -> None:
    """Its fingerprints are uniform: Kolmogorov-Smirnov, below the 1e-6 point; and no name or key stands in it."""
    made = sketch(20_000)
    place = made.prints / 2**64
    gap = np.abs(place - (np.arange(len(place)) + 0.5) / len(place)).max()
    assert gap * np.sqrt(len(place)) < 2.7
    assert KEY not in made.to_bytes(KEY)


def test_a_large_table_keeps_a_part_that_tells_shares() -> None:
    prints = draw(200_000)
    made = make_sketch("d", COLUMNS, prints, Chance(hits=0, rows=1000), 0, most=20_000)  # type: ignore[arg-type]
    assert abs(len(made.prints) - 20_000) < 600
    strangers = draw(100_000, seed=1)
    for share in (0.05, 0.5, 1.0):
        asked = np.concatenate([prints[: int(share * 100_000)], strangers[int(share * 100_000) :]])
        below = asked[asked <= made.threshold]
        found = part(int(made.holds(below).sum()), len(below), made.chance)
        assert abs(found.share - share) < 0.02
        assert found.low <= share <= found.high + 1e-12


def test_among_is_isin() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        asked, known = (rng.integers(0, 40, rng.integers(0, 30)).astype(np.uint64) for _ in range(2))
        assert (among(asked, np.unique(known)) == np.isin(asked, known)).all()


def test_intervals_are_those_the_measures_use() -> None:
    from quality.stats import wilson as measured

    for hits, rows in ((0, 10), (3, 10), (10, 10), (500, 12345)):
        other = measured(hits, rows)
        assert wilson(hits, rows) == pytest.approx((other.low, other.high), abs=1e-9)


def test_coincidences_are_taken_off() -> None:
    rng = np.random.default_rng(3)
    chance, rows, inside = 0.1, 4000, 0
    for _ in range(200):
        share = rng.random()
        hits = int((rng.random(rows) < share + (1 - share) * chance).sum())
        found = part(hits, rows, Chance(hits=int(rng.binomial(5000, chance)), rows=5000))
        assert abs(found.share - share) < 0.05
        inside += found.low <= share <= found.high
    assert inside >= 188  # both intervals are at 95 %, so that theirs is wider


def test_coincidence_alone_is_no_surprise() -> None:
    assert surprise(3, 1000, Chance(hits=3, rows=1000)) == 0
    assert surprise(1, 1, Chance(hits=0, rows=1000)) < 9.2 < surprise(2, 2, Chance(hits=0, rows=1000))
    assert surprise(10, 10, Chance(hits=0, rows=0)) == 0  # of an unknown chance level nothing follows
    assert surprise(0, 0, Chance(hits=0, rows=10)) == 0
    rng = np.random.default_rng(1)
    hits = rng.binomial(500, 0.02, 20_000)
    assert np.mean([surprise(int(h), 500, Chance(hits=2000, rows=100_000)) >= 9.2 for h in hits]) <= 1e-4


def test_chance_levels_count_rows() -> None:
    prints = np.repeat(draw(300), 2)
    assert chance_of(prints[:10], prints).value == 1
    assert chance_of(draw(100, seed=9), prints).hits == 0
    level = chance_within(prints)
    assert level.rows == 200
    assert 0.55 < level.value < 0.8  # the other of a pair lies in the other two thirds
    assert chance_within(prints) == level
