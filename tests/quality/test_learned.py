"""Detection and utility: what a learner finds, and what it cannot be asked."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from proofset.evidence import Measure, Profile
from proofset.spec import ColumnSpec, TableSpec
from quality import detection, learners, utility
from quality.profile import profile_table
from quality.utility import r_squared

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
    assert detection.FAMILY.observe(few).measures[0].status == "unsupported"
    spec = TableSpec(columns={n: ColumnSpec(treatment="fake") for n in parts[0].column_names})
    nothing = make.context(*parts, parts[0], profile_table(parts[0], "t", spec, ""))
    assert detection.FAMILY.observe(nothing).measures[0].status == "unsupported"


def test_the_number_of_threads_changes_nothing(
    make: SimpleNamespace, parts: Parts, fresh: pa.Table, profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = make.context(*parts, fresh, profile)
    one = detection.FAMILY.observe(at)
    monkeypatch.setattr(learners, "THREADS", 2)
    assert detection.FAMILY.observe(at) == one


def test_threads_are_limited_inside_and_given_back() -> None:
    import sklearn.ensemble  # noqa: F401
    from threadpoolctl import threadpool_info

    def most() -> int:
        return max(pool["num_threads"] for pool in threadpool_info())

    before = most()
    with learners.few_threads():
        assert most() == learners.THREADS
    assert most() == before


def test_training_on_the_training_table_is_the_reference(make: SimpleNamespace, parts: Parts, profile: Profile) -> None:
    found = by_name(utility.FAMILY.observe(make.context(*parts, parts[0], profile)))["utility.tstr_auc"]
    assert found.value == found.reference
    assert found.value > 0.8


def test_useless_tables_score_a_guess(make: SimpleNamespace, parts: Parts, profile: Profile) -> None:
    train = parts[0]
    found = by_name(utility.FAMILY.observe(make.context(*parts, make.shuffled(train), profile)))["utility.tstr_auc"]
    assert found.value == pytest.approx(0.5, abs=0.1)
    place = train.column_names.index("churned")
    one_class = train.set_column(place, "churned", pa.array(["gone"] * len(train)))
    found = by_name(utility.FAMILY.observe(make.context(*parts, one_class, profile)))["utility.tstr_auc"]
    assert (found.value, found.low, found.high) == (0.5, 0.5, 0.5)


def test_several_classes_and_nulls(make: SimpleNamespace, parts: Parts, fresh: pa.Table, profile: Profile) -> None:
    for target in ("plan", "active"):
        found = by_name(utility.FAMILY.observe(make.context(*parts, fresh, profile, target=target)))
        assert found["utility.tstr_auc"].status == "ok"
        assert found["utility.tstr_r2"].status == "unsupported"
    plan = by_name(utility.FAMILY.observe(make.context(*parts, fresh, profile, target="plan")))["utility.tstr_auc"]
    assert plan.low < plan.value < plan.high
    assert plan.value > 0.8


def test_mean_auc_of_classes_is_sklearns(make: SimpleNamespace, parts: Parts, profile: Profile) -> None:
    from sklearn.metrics import roc_auc_score

    at = make.context(*parts, parts[0], profile, target="plan")
    target = next(c for c in at.encoded.columns if c.name == "plan")
    inputs = at.encoded.without("plan").columns
    seed = learners.seed_of(at.rng("utility"))
    model = learners.classifier(inputs, seed).fit(learners.features(inputs, "train"), target.values["train"])
    scores = model.predict_proba(learners.features(inputs, "holdout"))
    truth = roc_auc_score(target.values["holdout"], scores, multi_class="ovr")
    found = by_name(utility.FAMILY.observe(at))["utility.tstr_auc"]
    assert found.reference == pytest.approx(truth, abs=1e-9)


def test_a_numeric_target_is_regressed(make: SimpleNamespace, parts: Parts, fresh: pa.Table, profile: Profile) -> None:
    found = by_name(utility.FAMILY.observe(make.context(*parts, fresh, profile, target="income")))
    assert found["utility.tstr_auc"].status == "unsupported"
    measure = found["utility.tstr_r2"]
    assert measure.low < measure.value < measure.high
    assert measure.value == pytest.approx(measure.reference, abs=0.1)
    place = fresh.column_names.index("income")
    unknown = fresh.set_column(place, "income", pa.nulls(len(fresh), pa.float64()))
    found = by_name(utility.FAMILY.observe(make.context(*parts, unknown, profile, target="income")))
    assert found["utility.tstr_r2"].value == -1


def test_r_squared_is_sklearns() -> None:
    from sklearn.metrics import r2_score

    rng = np.random.default_rng(0)
    truth = rng.normal(1000, 3, 500)
    guess = truth + rng.normal(0, 1, 500)
    assert r_squared(truth, guess, np.arange(500) % 20).value == pytest.approx(r2_score(truth, guess))


@pytest.mark.parametrize(
    ("target", "why"),
    [(None, "names no target"), ("email", "not modelled"), ("lonely", "fewer than two classes"), ("age", "constant")],
)
def test_what_has_no_meaning_says_why(
    make: SimpleNamespace, parts: Parts, profile: Profile, target: str | None, why: str
) -> None:
    train, holdout = parts
    if target == "lonely":
        train, holdout = (t.append_column("lonely", pa.array(["a"] * len(t))) for t in parts)
        profile = profile_table(train, "t", TableSpec(columns={"lonely": ColumnSpec(type="category")}), "")
    if target == "age":
        place = holdout.column_names.index("age")
        holdout = holdout.set_column(place, "age", pc.multiply(holdout["age"], 0))
    for measure in utility.FAMILY.observe(make.context(train, holdout, train, profile, target=target)).measures:
        assert measure.status == "unsupported"
        assert why in measure.detail


def test_too_many_classes_no_inputs_and_few_rows(make: SimpleNamespace, parts: Parts, profile: Profile) -> None:
    table = pa.table({"k": [f"k{i % 25}" for i in range(1500)], "v": np.arange(1500) / 7.0})
    train, holdout = make.split(table)
    known = profile_table(table, "t", TableSpec(), "")
    many = utility.FAMILY.observe(make.context(train, holdout, train, known, target="k"))
    assert "more than 20 classes" in many.measures[0].detail
    alone = utility.FAMILY.observe(make.context(train.select(["k"]), holdout, train, known, target="k"))
    assert "no column to predict" in alone.measures[0].detail
    few = utility.FAMILY.observe(make.context(train, holdout.slice(0, 12), train, known, target="v"))
    assert "fewer than 40 holdout rows" in few.measures[0].detail
