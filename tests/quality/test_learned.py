"""Detection and what learners share: what a classifier finds, threads that change nothing, and the linear models."""

from __future__ import annotations

import warnings
from functools import partial
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from proofset.codes import PARTS, Column, Kind
from proofset.evidence import Measure, Profile
from proofset.spec import ColumnSpec, TableSpec
from quality import detection, learners
from quality.learners_linear import Logistic, Ridge, flags
from quality.profile import profile_table

Parts = tuple[pa.Table, pa.Table]


def by_name(observed: object) -> dict[str, Measure]:
    return {m.name: m for m in observed.measures}  # type: ignore[attr-defined]


def test_shuffled_columns_are_told_apart(make: SimpleNamespace, parts: Parts, profile: Profile) -> None:
    found = by_name(detection.FAMILY.observe(make.context(*parts, make.shuffled(parts[0]), profile)))
    measure = found["fidelity.c2st_auc"]
    assert measure.low > 0.65
    assert measure.reference == pytest.approx(0.5, abs=0.06)


def test_rows_of_the_same_world_are_not(make: SimpleNamespace, parts: Parts, fresh: pa.Table, profile: Profile) -> None:
    found = by_name(detection.FAMILY.observe(make.context(*parts, fresh, profile)))
    assert found["fidelity.c2st_auc"].value == pytest.approx(0.5, abs=0.06)
    assert found["fidelity.c2st_auc"].n == 1200


def test_detection_needs_rows_and_columns(make: SimpleNamespace, parts: Parts, profile: Profile) -> None:
    few = make.context(*parts, parts[0].slice(0, 20), profile)
    assert detection.FAMILY.observe(few).measures[0].status == "inconclusive"
    spec = TableSpec(columns={n: ColumnSpec(treatment="fake") for n in parts[0].column_names})
    nothing = make.context(*parts, parts[0], profile_table(parts[0], "t", spec, ""))
    assert detection.FAMILY.observe(nothing).measures[0].status == "unsupported"


def scores(threads: int, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """Chances by a boosted model of few trees: the library splits its loops over rows and features by threads."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(3_000, 6))
    label = rows[:, 0] * rows[:, 1] + rng.normal(size=3_000) > 0
    column = Column("x", Kind.NUMBER, dict.fromkeys(PARTS, rows[:, 0]))
    monkeypatch.setattr(learners, "THREADS", threads)
    with learners.few_threads():
        model = learners.classifier((column,) * 6, 0, iterations=5).fit(rows, label)
        return np.asarray(model.predict_proba(rows))


def test_the_number_of_threads_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    one = scores(1, monkeypatch)
    assert len(np.unique(one)) > 50
    assert one.tobytes() == scores(2, monkeypatch).tobytes()


def test_threads_are_limited_inside_and_given_back() -> None:
    import sklearn.ensemble  # noqa: F401
    from threadpoolctl import threadpool_info

    def most() -> int:
        return max(pool["num_threads"] for pool in threadpool_info())

    before = most()
    with learners.few_threads():
        assert most() == learners.THREADS
        # A thread of a pool has a limit of its own.
        assert learners.together([most, most], 2) == [learners.THREADS] * 2
    assert most() == before


def test_threads_leave_the_warning_filters_as_they_were() -> None:
    """The filters are the process's own; a job that empties them, as two libraries' calls at once can, harms nobody."""
    before = list(warnings.filters)

    def careless() -> None:
        warnings.resetwarnings()
        warnings.warn("noise", UserWarning, stacklevel=1)

    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        within = list(warnings.filters)
        learners.together([careless, careless], 2)
        assert list(warnings.filters) == within
        warnings.warn("heard", UserWarning, stacklevel=1)
    assert [str(w.message) for w in heard] == ["heard"]
    assert list(warnings.filters) == before


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_jobs_return_in_order_and_the_first_error_is_raised(workers: int) -> None:
    assert learners.together([partial(pow, i, 2) for i in range(9)], workers) == [i**2 for i in range(9)]
    with pytest.raises(ZeroDivisionError):
        learners.together([partial(divmod, 1, 0), partial(divmod, 1, 1)], workers)


def mixed() -> tuple[Column, ...]:
    rng = np.random.default_rng(1)
    size = rng.normal(50, 9, 400)
    size[:40] = np.nan
    size[41] = np.inf
    word = rng.integers(-1, 60, 400)
    constant = np.full(400, 3.0)
    empty = np.full(400, np.nan)
    kinds = (Kind.NUMBER, Kind.CATEGORY, Kind.NUMBER, Kind.NUMBER)
    return tuple(
        Column(f"c{i}", k, dict.fromkeys(PARTS, v))
        for i, (k, v) in enumerate(zip(kinds, (size, word, constant, empty), strict=True))
    )


def test_flags_are_the_obvious_ones() -> None:
    columns = mixed()
    made = flags(columns, "train").toarray()
    size, word = (c.values["train"] for c in columns[:2])
    known = size[np.isfinite(size)]
    for row in (0, 41, 50, 300):
        expected = np.zeros(2 + 34 + 2 + 2 + 1)
        if np.isnan(size[row]):
            expected[1] = 1
        else:
            expected[0] = np.clip((size[row] - known.mean()) / known.std(), -5, 5)
        expected[2 + (33 if word[row] < 0 else min(word[row], 32))] = 1
        expected[39] = 1  # the column without any value
        expected[40] = 1
        assert made[row] == pytest.approx(expected)
    assert np.isfinite(made).all()


def test_ridge_and_logistic_are_sklearns() -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.linear_model import Ridge as Theirs

    rng = np.random.default_rng(2)
    inputs = flags(mixed()[:2], "train")
    number = inputs[:, :36] @ rng.normal(size=36) + rng.normal(size=400) + 7
    scaled = (number - number.mean()) / number.std()
    theirs = Theirs(alpha=1.0).fit(inputs[:, :-1].toarray(), scaled).predict(inputs[:, :-1].toarray())
    assert Ridge().fit(inputs, number).predict(inputs) == pytest.approx(theirs * number.std() + number.mean(), abs=1e-6)
    for classes in (2, 3):
        label = np.clip(np.digitize(number, np.quantile(number, [0.4, 0.8])), 0, classes - 1)
        model = LogisticRegression(C=1.0, max_iter=5_000, tol=1e-8).fit(inputs[:, :-1].toarray(), label)
        mine = Logistic().fit(inputs, label)
        assert mine.predict_proba(inputs) == pytest.approx(model.predict_proba(inputs[:, :-1].toarray()), abs=0.02)
        assert mine.classes_.tolist() == list(range(classes))
