"""Utility: what models learn from a synthetic table, and what cannot be asked of it."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from proofset.evidence import Measure, Profile
from proofset.spec import ColumnSpec, TableSpec
from quality import augmentation, learners, utility, utility_noise, utility_task
from quality.base import Context
from quality.profile import profile_table
from quality.utility_noise import dealt
from quality.utility_scores import r_squared

Parts = tuple[pa.Table, pa.Table]
Cards = dict[str, Measure]
SEED = "quality/utility/rows/uplift"


@pytest.fixture(autouse=True)
def few_iterations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learners, "ITERATIONS", 12)


def measured(context: Context) -> Cards:
    observed = utility.FAMILY.observe(context)
    assert [m.status for m in observed.measures].count("error") == 0, [m.detail for m in observed.measures]
    assert {m.name for m in observed.measures} == {c.name for c in utility.FAMILY.cards}
    return {m.name.removeprefix("utility."): m for m in observed.measures}


def replaced(table: pa.Table, name: str, values: object) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, values)


def test_the_training_table_itself_loses_nothing(make: SimpleNamespace, parts: Parts, profile: Profile) -> None:
    found = measured(make.context(*parts, parts[0], profile))
    assert found["tstr_auc"].value == found["tstr_auc"].reference > 0.8
    assert found["tstr_gap"].value == 0
    assert found["tstr_gap"].low < 0 < found["tstr_gap"].high
    assert found["importance_agreement"].value == 1
    assert found["trts_auc"].value > found["trts_auc"].reference  # it has seen these rows
    for name in ("tstr_auc", "trts_auc", "tstr_gap"):
        assert {p.part for p in found[name].parts} == set(utility_task.LEARNERS)
        assert all(p.low <= p.value <= p.high for p in found[name].parts)
    assert all(p.value == 0 for p in found["tstr_gap"].parts)


def test_useless_tables_score_a_guess(make: SimpleNamespace, parts: Parts, profile: Profile) -> None:
    found = measured(make.context(*parts, make.shuffled(parts[0]), profile))
    assert found["tstr_auc"].value == pytest.approx(0.5, abs=0.15)
    assert found["tstr_gap"].low > 0.02
    assert found["tstr_gap"].reference_high < found["tstr_gap"].low
    assert found["trts_auc"].high < found["trts_auc"].reference
    assert found["importance_agreement"].value < 0.7
    assert found["uplift"].high < 0.1


def test_rows_of_the_same_world_serve_as_well(
    make: SimpleNamespace, parts: Parts, fresh: pa.Table, profile: Profile
) -> None:
    found = measured(make.context(*parts, fresh, profile))
    assert found["tstr_gap"].low < 0 < found["tstr_gap"].high
    assert found["trts_auc"].value == pytest.approx(found["trts_auc"].reference, abs=0.06)
    uplift = found["uplift"]
    assert {p.part for p in uplift.parts} == {"AUC", "average precision: gone", "average precision: here"}
    rarer = pc.value_counts(parts[0]["churned"]).to_pylist()
    rare = min(rarer, key=lambda v: v["counts"])["values"]
    share = next(p for p in uplift.parts if p.part == f"average precision: {rare}")
    assert (share.value, share.low, share.high) == (uplift.value, uplift.low, uplift.high)
    assert found["tstr_r2"].status == found["trts_r2"].status == "unsupported"
    assert "category" in found["tstr_r2"].detail


def test_the_number_of_workers_changes_nothing(
    make: SimpleNamespace, parts: Parts, fresh: pa.Table, profile: Profile
) -> None:
    at = make.context(*parts, fresh, profile)
    assert measured(replace(at, workers=1, _memo={})) == measured(replace(at, workers=3, _memo={}))


def test_several_classes_and_nulls(make: SimpleNamespace, parts: Parts, fresh: pa.Table, profile: Profile) -> None:
    found = measured(make.context(*parts, fresh, profile, target="plan"))
    assert found["tstr_auc"].low < found["tstr_auc"].value < found["tstr_auc"].high
    assert found["tstr_auc"].value > 0.8
    assert {p.part for p in found["uplift"].parts} >= {f"average precision: {c}" for c in ("low", "medium", "high")}
    found = measured(make.context(*parts, fresh, profile, target="active"))
    assert {p.part for p in found["uplift"].parts} == {"AUC", "average precision: True", "average precision: False"}
    assert found["tstr_auc"].n == parts[1].num_rows - parts[1]["active"].null_count


def test_mean_auc_of_classes_is_sklearns(make: SimpleNamespace, parts: Parts, profile: Profile) -> None:
    from sklearn.metrics import roc_auc_score

    at = make.context(*parts, parts[0], profile, target="plan")
    target = next(c for c in at.encoded.columns if c.name == "plan")
    inputs = at.encoded.without("plan").columns
    seed = learners.seed_of(at.rng("utility"))
    with learners.few_threads():
        model = learners.classifier(inputs, seed).fit(learners.features(inputs, "train"), target.values["train"])
        scores = model.predict_proba(learners.features(inputs, "holdout"))
    truth = roc_auc_score(target.values["holdout"], scores, multi_class="ovr")
    assert measured(at)["tstr_auc"].reference == pytest.approx(truth, abs=1e-9)


def test_a_numeric_target_is_regressed(make: SimpleNamespace, parts: Parts, fresh: pa.Table, profile: Profile) -> None:
    found = measured(make.context(*parts, fresh, profile, target="income"))
    assert found["tstr_auc"].status == found["trts_auc"].status == "unsupported"
    measure = found["tstr_r2"]
    assert measure.low < measure.value < measure.high
    assert measure.value == pytest.approx(measure.reference, abs=0.15)
    assert found["trts_r2"].reference == measure.reference
    assert [p.part for p in found["uplift"].parts] == ["R²"]
    unknown = replaced(fresh, "income", pa.nulls(len(fresh), pa.float64()))
    found = measured(make.context(*parts, unknown, profile, target="income"))
    assert found["tstr_r2"].value == -1
    assert "no synthetic row knows the target" in found["tstr_r2"].detail
    assert found["tstr_gap"].value > 1
    assert found["trts_r2"].status == "inconclusive"
    constant = replaced(fresh, "income", pa.array([5.0] * len(fresh)))
    found = measured(make.context(*parts, constant, profile, target="income"))
    assert found["tstr_r2"].value < 0.1
    assert (found["trts_r2"].status, found["trts_r2"].detail) == (
        "inconclusive",
        "the target is constant on the rows of the test",
    )


def test_r_squared_is_sklearns() -> None:
    from sklearn.metrics import r2_score

    rng = np.random.default_rng(0)
    truth = rng.normal(1000, 3, 500)
    guess = truth + rng.normal(0, 1, 500)
    assert r_squared(truth, guess, np.arange(500) % 20).value == pytest.approx(r2_score(truth, guess))


@pytest.mark.parametrize("value", ["gone", None])
def test_a_synthetic_table_with_one_class_or_none_teaches_nothing(
    make: SimpleNamespace, parts: Parts, profile: Profile, value: str | None
) -> None:
    poor = replaced(parts[0], "churned", pa.array([value] * len(parts[0]), pa.string()))
    found = measured(make.context(*parts, poor, profile))
    assert (found["tstr_auc"].value, found["tstr_auc"].low, found["tstr_auc"].high) == (0.5, 0.5, 0.5)
    assert f"lacks {1 if value else 2} of 2 classes" in found["tstr_auc"].detail
    assert found["tstr_gap"].value == pytest.approx(found["tstr_auc"].reference - 0.5, abs=1e-6)
    assert found["trts_auc"].status == "inconclusive"
    assert "fewer than two classes" in found["trts_auc"].detail
    assert found["importance_agreement"].value == 0


@pytest.mark.parametrize(
    ("target", "why"),
    [
        (None, "names no target"),
        ("email", "not modelled"),
        ("nowhere", "no column of the target's name"),
        ("lonely", "fewer than two classes that can be tested on the holdout"),
        ("untaught", "fewer than two classes in the training table"),
        ("empty", "not modelled"),
        ("age", "constant on the holdout"),
        ("visits", "constant, or nowhere known, in the training table"),
    ],
)
def test_what_has_no_meaning_says_why(
    make: SimpleNamespace, parts: Parts, profile: Profile, target: str | None, why: str
) -> None:
    train, holdout = parts
    if target in ("lonely", "untaught", "empty"):
        values = {"lonely": (["a"], ["a"]), "untaught": (["a"], ["a", "b"]), "empty": ([None], [None])}[target]
        train, holdout = (
            t.append_column(target, pa.array((v * len(t))[: len(t)], pa.string()))
            for t, v in zip(parts, values, strict=True)
        )
        spec = TableSpec() if target == "empty" else TableSpec(columns={target: ColumnSpec(type="category")})
        profile = profile_table(train, "t", spec, "")
    if target == "age":
        holdout = replaced(holdout, "age", pc.multiply(holdout["age"], 0))
    if target == "visits":
        train = replaced(train, "visits", pc.multiply(train["visits"], 0))
    for measure in measured(make.context(train, holdout, train, profile, target=target)).values():
        assert measure.status == "unsupported"
        assert why in measure.detail


@pytest.mark.parametrize(("lost", "why"), [("churned", "no target column"), ("age", "lacks 1 of the modelled columns")])
def test_a_synthetic_table_without_a_column_is_inconclusive(
    make: SimpleNamespace, parts: Parts, profile: Profile, lost: str, why: str
) -> None:
    for measure in measured(make.context(*parts, parts[0].drop_columns([lost]), profile)).values():
        assert measure.status == "inconclusive"
        assert why in measure.detail


def test_too_many_classes_no_inputs_and_few_rows(make: SimpleNamespace) -> None:
    table = pa.table({"k": [f"k{i % 25}" for i in range(1500)], "v": np.arange(1500) / 7.0})
    train, holdout = make.split(table)
    known = profile_table(table, "t", TableSpec(), "")
    many = measured(make.context(train, holdout, train, known, target="k"))
    assert "more than 20 classes" in many["tstr_auc"].detail
    alone = measured(make.context(train.select(["k"]), holdout, train, known, target="k"))
    assert "no column to predict" in alone["uplift"].detail
    few = measured(make.context(train, holdout.slice(0, 12), train, known, target="v"))
    assert "fewer than 40 holdout rows" in few["tstr_gap"].detail
    two = measured(make.context(train, holdout, train, known, target="v"))
    assert (two["importance_agreement"].status, two["importance_agreement"].detail) == (
        "unsupported",
        "fewer than 3 columns to rank",
    )


def test_odd_inputs_and_rare_classes(make: SimpleNamespace) -> None:
    """Ten thousand categories, all null, constant, infinite; and a class that too few rows share to be named."""
    rng = np.random.default_rng(4)
    rows = 1_500
    signal = rng.normal(size=rows)
    signal[7] = np.inf
    kind = np.where(rng.random(rows) < 0.5, "a", "b")
    kind[1000:1012] = "canary"  # twelve in the holdout, none of them in train
    table = pa.table(
        {
            "word": [f"w{i}" for i in rng.integers(0, 10_000, rows)],
            "signal": signal,
            "constant": ["c"] * rows,
            "hole": pa.array([None] * 999 + [1.0] * (rows - 999)),
            "kind": kind,
        }
    )
    train, holdout = make.split(table)
    spec = TableSpec(columns={"word": ColumnSpec(type="category"), "kind": ColumnSpec(type="category")})
    known = profile_table(train, "t", spec, "")
    found = measured(make.context(train, holdout, train, known, target="kind"))
    assert found["tstr_auc"].status == "ok"
    names = {p.part for p in found["uplift"].parts}
    assert names == {"AUC", "average precision: a", "average precision: b", "average precision: rare class 1"}
    # No model finds anything: there is nothing whose ranks could agree.
    assert found["importance_agreement"].status == "inconclusive"
    assert "canary" not in str(found)


def test_what_learns_from_some_rows_says_so(
    make: SimpleNamespace, parts: Parts, fresh: pa.Table, profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(utility_task, "MAX_ROWS", 500)
    monkeypatch.setattr(utility_task, "MAX_CELLS", 7_000)
    monkeypatch.setattr(utility, "MAX_ROWS", 100)
    monkeypatch.setattr(utility, "MAX_TEST", 300)
    monkeypatch.setattr(utility_noise, "MAX_PART", 60)
    at = make.context(*parts, fresh, profile)
    found = measured(at)
    cells = 7_000 // (len(at.encoded.columns) - 1)
    assert f"gradient boosting: {cells:,} of 1,200 train rows" in found["tstr_auc"].sampled
    assert "linear model: 500 of 1,200 synthetic rows" in found["tstr_gap"].sampled
    assert found["uplift"].sampled == f"{cells:,} of 1,200 train rows; {cells:,} of 1,200 synthetic rows; seed {SEED}"
    monkeypatch.setattr(augmentation, "MAX_CELLS", 5_000)
    few = 5_000 // (len(at.encoded.columns) - 1)
    again = measured(replace(at, _memo={}))
    assert again["uplift"].sampled.startswith(f"{few:,} of 1,200 train rows; {few:,} of 1,200 synthetic rows")
    assert again["tstr_gap"] == found["tstr_gap"]
    assert again["uplift"].value != found["uplift"].value
    assert found["importance_agreement"].sampled.startswith("100 of 300 holdout rows, seed quality/")
    assert found["tstr_auc"].n == parts[1].num_rows


def test_parts_are_disjoint_and_have_their_share_of_each_class(monkeypatch: pytest.MonkeyPatch) -> None:
    truth = np.r_[np.zeros(90, int), np.ones(12, int), np.full(20, -1)]
    rows = np.arange(102)
    parts = dealt(truth, rows, True, np.random.default_rng(0))
    assert sorted(np.concatenate(parts)) == rows.tolist()
    assert [int((truth[p] == 1).sum()) for p in parts] == [3] * 4
    monkeypatch.setattr(utility_noise, "MAX_PART", 5)
    assert [len(p) for p in dealt(truth, rows, False, np.random.default_rng(0))] == [5] * 4
