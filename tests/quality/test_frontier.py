"""The frontier of generators: who dominates whom, how seeds are combined, and what the page and picture hold."""

from __future__ import annotations

import math
import re
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofset.evidence import Direction, Measure
from quality.frontier import (
    FIDELITY,
    PRIVACY,
    Entry,
    best,
    combined,
    dominates,
    frontier,
    interval,
    reference,
    seconds,
    shown,
    written,
)
from quality.frontier_page import frontier_page
from quality.frontier_plot import draw


def a_measure(name: str, value: float | None, half: float = 0.01, **more: Any) -> Measure:
    low, high = (None, None) if value is None else (value - half, value + half)
    direction = Direction.HIGHER if name.startswith("utility") else Direction.LOWER
    status = "ok" if value is not None else "error"
    fields = {"name": name, "title": name, "value": value, "low": low, "high": high, "n": 100, "direction": direction,
              "floor": -1, "ceiling": 2, "reference": 0.5, "status": status}  # fmt: skip
    return Measure.model_validate(fields | more)


def an_entry(name: str, c2st: float | None = 0.6, mia: float = 0.51, took: float = 1.0, **more: Any) -> Entry:
    measures = (a_measure(FIDELITY, c2st), a_measure(PRIVACY, mia), a_measure("utility.tstr_auc", 0.9))
    return Entry(name, name, "MIT", measures, took, 0.5, **more)


ENTRIES = [
    an_entry("close", 0.52, 0.53, 4),
    an_entry("private", 0.60, 0.50, 4),
    an_entry("quick", 0.70, 0.53, 0.1),
    an_entry("worse", 0.70, 0.53, 5),
    an_entry("unmeasured", None),
    Entry("broken", "Broken", "MIT", failed="it <b>failed</b>"),
]


def test_the_frontier_is_who_nobody_beats() -> None:
    assert frontier(ENTRIES) == {"close", "private", "quick"}
    assert frontier([]) == set()
    assert frontier([an_entry("alone")]) == {"alone"}
    assert frontier([an_entry("a"), an_entry("b")]) == {"a", "b"}


def test_noise_puts_nobody_on_the_frontier() -> None:
    better = an_entry("better", 0.55, 0.502, 1.0)
    assert frontier([better, an_entry("noise", 0.9, 0.5001, 1.0)]) == {"better"}
    assert frontier([better, an_entry("below", 0.9, 0.45, 1.0)]) == {"better"}
    assert frontier([better, an_entry("hardly quicker", 0.9, 0.502, 0.98)]) == {"better"}


POINTS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=8)


@given(POINTS)
def test_the_frontier_agrees_with_its_brute_force_twin(points: list[tuple[int, int, int]]) -> None:
    entries = [an_entry(str(i), 0.5 + 0.05 * f, 0.5 + 0.05 * p, 2.0 * 4**t - 0.5) for i, (f, p, t) in enumerate(points)]
    twin = {
        str(i)
        for i, a in enumerate(points)
        if not any(all(x <= y for x, y in zip(b, a, strict=True)) and b != a for b in points)
    }
    assert frontier(entries) == twin != set()


@given(POINTS)
def test_nothing_dominates_itself_and_no_two_each_other(points: list[tuple[int, int, int]]) -> None:
    for a, b in product(points, points):
        assert not (dominates(a, b) and dominates(b, a))


def test_seeds_are_combined_by_rubins_rule() -> None:
    values, half = [0.50, 0.54, 0.58], 0.0196
    whole = combined([a_measure(FIDELITY, v, half) for v in values])
    total = (half / 1.96) ** 2 + (1 + 1 / 3) * np.var(values, ddof=1)
    assert whole.value == pytest.approx(0.54)
    assert whole.high == pytest.approx(0.54 + 1.96 * math.sqrt(total))
    assert whole.low == pytest.approx(0.54 - 1.96 * math.sqrt(total))
    assert whole.n == 300
    assert whole.detail == "3 seeds"
    one = a_measure(FIDELITY, 0.5)
    assert combined([one]) is one
    assert combined([one, a_measure(FIDELITY, None)]).value is None
    tight = combined([a_measure(FIDELITY, v, floor=0.45, ceiling=0.6) for v in values])
    assert (tight.low, tight.high) == (0.45, 0.6)


def test_words() -> None:
    share = a_measure("privacy.exact_copy_rate", 0.0123, 0.001)
    assert written(share) == "1.23\u00a0%"
    assert interval(share) == "1.13–1.33\u00a0%"
    assert reference(share) == "50.00\u00a0%"
    assert written(a_measure(PRIVACY, 0.5)) == "0.500"
    assert interval(a_measure(PRIVACY, 0.5)) == "0.490–0.510"
    assert (written(None), interval(None), reference(None)) == ("–", "", "–")
    assert [seconds(s) for s in (1.24, 59, 900)] == ["1.2 s", "59 s", "15 min"]


def test_best_and_shown() -> None:
    assert best(ENTRIES, FIDELITY) == {"close"}
    assert best(ENTRIES, PRIVACY) == {"private"}
    assert best(ENTRIES, "utility.tstr_auc") == {e.name for e in ENTRIES if not e.failed}
    assert best([an_entry("a", mia=0.4), an_entry("b", mia=0.5)], PRIVACY) == {"a", "b"}
    assert best(ENTRIES, "no.measure") == set()
    assert [name for name, _, _ in shown(ENTRIES)] == [FIDELITY, "utility.tstr_auc", PRIVACY]
    assert an_entry("x", outcomes=("pass", "fail")).outcome == "fail"
    assert an_entry("x", outcomes=("pass", "inconclusive")).outcome == "inconclusive"
    assert an_entry("x").outcome == ""


def test_the_picture_is_the_same_every_time_and_needs_no_entry() -> None:
    first, again = draw(ENTRIES, "Title"), draw(ENTRIES, "Title")
    assert first == again
    assert first["png"].startswith(b"\x89PNG")
    assert first["svg"].count(b"<svg") == 1
    assert draw([])["png"].startswith(b"\x89PNG")
    crowd = [an_entry(f"generator number {i} of a crowd", 0.55, 0.51, 1.0 + i / 100) for i in range(12)]
    assert draw(crowd)["png"] != first["png"]


def test_the_page_holds_every_figure_and_runs_nothing() -> None:
    entries = [*ENTRIES, an_entry("judged", 0.9, 0.6, 9, outcomes=("fail",), reasons=("too <far>: fail",))]
    page = frontier_page(entries, draw(entries)["svg"], title="a <table>", facts=[("Rows", "1,000")], policy="sharing")
    for text in ("a &lt;table&gt;", "it &lt;b&gt;failed&lt;/b&gt;", "too &lt;far&gt;: fail", "0.520", "0.510–0.530",
                 "Would pass?", "sharing", "1,000", "nothing of it can be released"):  # fmt: skip
        assert text in page, text
    assert "<script" not in page
    assert not re.findall(r'(?:src|href)="(?!#)[^"]+', page)
    assert page.split("</figure>")[1].count("●") == 1 + len(frontier(entries))
    plain = frontier_page(ENTRIES[:2], draw(ENTRIES[:2])["svg"], title="t", facts=[], policy="")
    assert "Would pass?" not in plain
    assert "Could not run" not in plain
