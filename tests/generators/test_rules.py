"""Data from rules, and the expressions' small language."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators import create, load_fitted
from proofset.errors import GeneratorError, UnknownNameError
from proofset.evidence import Profile
from proofset.expressions import Expression, Values, evaluation_order
from proofset.spec import GeneratorSpec, TableSpec

NOTHING = Profile(table="t", source_digest="0" * 64, rows=0, duplicate_rows=0, key_candidates=(), columns=())


def spec(**columns: Any) -> TableSpec:
    return TableSpec.model_validate({"columns": columns})


def ruled(**rules: Any) -> TableSpec:
    return spec(**{name: {"rule": rule} for name, rule in rules.items()})


def made(table: TableSpec, rows: int = 2_000, train: pa.Table | None = None, seed: int = 1) -> pa.Table:
    empty = pa.table({}) if train is None else train
    return create(GeneratorSpec(name="rules")).fit(empty, table, NOTHING, seed=0).sample(rows, seed=seed).table


SHOP = {
    "order_id": {"rule": {"kind": "sequence", "format": "ORD-{:06d}"}},
    "price": {"rule": {"kind": "lognormal", "mean": 3.0, "sd": 0.6, "decimals": 2}},
    "quantity": {"rule": {"kind": "poisson", "mean": 2}},
    "total": {"rule": {"kind": "expression", "expression": "round(price * quantity, 2)"}},
    "ordered": {"rule": {"kind": "datetime", "start": "2024-01-01", "end": "2024-12-31"}},
    "shipped": {
        "rule": {"kind": "expression", "expression": "ordered + 2 if quantity < 5 else ordered + 4"},
        "null_share": 0.05,
    },
    "customer": {"treatment": "fake", "type": "person_name"},
    "secret": {"treatment": "drop"},
}


def test_a_shop_is_made_without_any_source(tmp_path: Any) -> None:
    table = made(spec(**SHOP))
    assert table.column_names == [n for n in SHOP if n != "secret"]
    assert [str(t) for t in table.schema.types] == [
        "string", "double", "int64", "double", "timestamp[us]", "timestamp[us]", "string",
    ]  # fmt: skip
    frame = table.to_pandas()
    assert frame.order_id.tolist()[:2] == ["ORD-000001", "ORD-000002"]
    assert np.allclose(frame.total, (frame.price * frame.quantity).round(2))
    days = (frame.shipped - frame.ordered).dt.days.dropna()
    assert (days == np.where(frame.quantity < 5, 2, 4)[days.index]).all()
    assert 0.03 < frame.shipped.isna().mean() < 0.07
    fitted = create(GeneratorSpec(name="rules")).fit(pa.table({}), spec(**SHOP), NOTHING, seed=0)
    fitted.save(tmp_path)
    assert load_fitted(tmp_path).sample(50, 1).digest == fitted.sample(50, 1).digest


def test_distributions_have_their_moments() -> None:
    frame = made(
        ruled(
            n={"kind": "normal", "mean": 5, "sd": 2},
            c={"kind": "normal", "mean": 0, "sd": 1, "low": -1, "high": 1, "decimals": 3},
            u={"kind": "uniform", "low": 2, "high": 4},
            d={"kind": "uniform", "low": 1, "high": 6, "decimals": 0},
            z={"kind": "normal", "mean": 100, "sd": 15, "decimals": 0},
            g={"kind": "lognormal", "mean": 0, "sd": 0.5},
            p={"kind": "poisson", "mean": 3},
            w={"kind": "category", "weights": {"x": 3, "y": 1, "never": 0}},
            s={"kind": "sequence", "start": 10, "step": -2},
        ),
        rows=20_000,
    ).to_pandas()
    assert (frame.n.mean(), frame.n.std()) == (pytest.approx(5, abs=0.1), pytest.approx(2, abs=0.1))
    assert (frame.c.min(), frame.c.max()) == (-1, 1)
    assert (frame.u.min(), frame.u.max()) == (pytest.approx(2, abs=0.01), pytest.approx(4, abs=0.01))
    assert frame.d.value_counts(normalize=True).sort_index().to_numpy() == pytest.approx(np.full(6, 1 / 6), abs=0.02)
    assert frame.z.dtype == "int64"
    assert np.log(frame.g).std() == pytest.approx(0.5, abs=0.02)
    assert frame.p.mean() == pytest.approx(3, abs=0.1)
    assert frame.w.value_counts(normalize=True).to_dict() == {
        "x": pytest.approx(0.75, abs=0.02),
        "y": pytest.approx(0.25, abs=0.02),
    }
    assert frame.s.tolist()[:3] == [10, 8, 6]


def test_faker_is_seeded_by_the_stream_and_can_be_unique() -> None:
    table = ruled(
        a={"kind": "faker", "provider": "first_name", "locale": "de_DE"},
        b={"kind": "faker", "provider": "first_name", "locale": "de_DE", "unique": True},
    )
    first, again, other = (made(table, 400, seed=s) for s in (1, 1, 2))
    assert first.equals(again)
    assert not first.equals(other)
    assert len(first["a"].unique()) < 400
    assert len(first["b"].unique()) == 400


def test_the_train_tables_types_are_kept_where_there_is_one() -> None:
    schema = pa.schema(
        [
            ("n", pa.int8()),
            ("f", pa.float32()),
            ("d", pa.date32()),
            ("w", pa.dictionary(pa.int16(), pa.string())),
            ("t", pa.bool_()),
            ("m", pa.decimal128(9, 2)),
        ]
    )
    rules = ruled(
        n={"kind": "normal", "mean": 50, "sd": 5},
        f={"kind": "poisson", "mean": 3},
        d={"kind": "datetime", "start": "2024-01-01T10:00:00", "end": "2024-01-03"},
        w={"kind": "category", "weights": {"a": 1, "b": 1}},
        t={"kind": "expression", "expression": "not n > 50"},
        m={"kind": "uniform", "low": 0, "high": 9, "decimals": 0},
    )
    assert made(rules, train=schema.empty_table()).schema == schema


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({"x": {}}, "Column 'x' has no rule"),
        ({"x": {"rule": {"kind": "datetime", "start": "soon", "end": "2024-01-01"}}}, "'x'.*date"),
        ({"x": {"rule": {"kind": "datetime", "start": "2025-01-01", "end": "2024-01-01"}}}, "ends before"),
        ({"x": {"rule": {"kind": "sequence", "format": "{} {}"}}}, "'x'.*format"),
        ({"x": {"rule": {"kind": "sequence", "format": "{a.b}"}}}, "'x'.*format"),
        ({"x": {"rule": {"kind": "faker", "provider": "adress"}}}, "Did you mean 'address'"),
        ({"x": {"rule": {"kind": "faker", "provider": "name", "locale": "xx_XX"}}}, "locale 'xx_XX'"),
        ({"x": {"rule": {"kind": "faker", "provider": "seed_instance"}}}, "no provider 'seed_instance'"),
        ({"x": {"rule": {"kind": "faker", "provider": "enum"}}}, "'enum' does not work without settings"),
        ({"x": {"treatment": "fake", "faker": "emial"}}, "Did you mean 'email'"),
        ({"x": {"treatment": "drop"}}, "no column to make"),
        ({}, "no column to make"),
    ],
)
def test_what_cannot_work_is_refused_while_fitting(rules: dict[str, Any], words: str) -> None:
    with pytest.raises(GeneratorError, match=f"(?s){words}"):
        made(spec(**rules))


def test_a_rule_that_does_not_fit_the_columns_type_is_refused() -> None:
    with pytest.raises(GeneratorError, match=r"'x'.*string.*int64"):
        made(ruled(x={"kind": "category", "weights": {"a": 1}}), train=pa.table({"x": pa.array([], pa.int64())}))


def test_options_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="Known: none"):
        create(GeneratorSpec(name="rules", options={"rows": 3}))


# Expressions. The twin is Python itself, row by row.

A = [5, 0, -3, 7]
B = [2, 0, 4, -1]
W = ["x", "y", "x", "zz"]


def columns(**extra: Any) -> dict[str, Values]:
    data = {"a": A, "b": B, "c": [v / 2 for v in B], "w": W, "t": [True, False, True, False]} | extra
    arrays = {n: np.array(v, dtype=object if isinstance(v[0], str) else None) for n, v in data.items()}
    return {n: Values(v, np.zeros(4, bool)) for n, v in arrays.items()}


def value(text: str, given: dict[str, Values] | None = None) -> list[Any]:
    result = Expression(text, "x").evaluate(given or columns(), 4)
    return [None if m else v for v, m in zip(result.data.tolist(), result.missing, strict=True)]


@pytest.mark.parametrize(
    "text",
    [
        "a + b * c - 3", "-a + +b", "a ** 2", "2.5 * a", "a < b", "0 < a <= 5", "a == b or not t", "t and a != 7",
        "a if t else b", "w if t else 'other'", "w == 'x'", "'a' < w", "min(a, b, 1)", "max(a, c)", "abs(a)",
        "round(c)", "round(c, 1)", "a > 3 and (b < 0 or t)", "(a if a > b else b) + 1", "5", "'word'", "True",
    ],
)  # fmt: skip
def test_expressions_agree_with_python(text: str) -> None:
    rows = [
        dict(zip("abcwt", r, strict=True))
        for r in zip(A, B, [v / 2 for v in B], W, [True, False, True, False], strict=True)
    ]
    assert value(text) == [
        pytest.approx(eval(text, {}, row)) if not isinstance(eval(text, {}, row), str) else eval(text, {}, row)
        for row in rows
    ]


@given(st.lists(st.integers(-50, 50), min_size=4, max_size=4), st.lists(st.integers(-5, 5), min_size=4, max_size=4))
@settings(max_examples=60, deadline=None)
def test_division_agrees_with_python_and_by_zero_is_null(a: list[int], b: list[int]) -> None:
    given = columns(a=a, b=b)
    for text in ("a / b", "a // b", "a % b"):
        expected = [None if y == 0 else eval(text, {}, {"a": x, "b": y}) for x, y in zip(a, b, strict=True)]
        assert value(text, given) == expected


def test_nulls_spread_and_the_branch_not_taken_does_not_matter() -> None:
    given = columns()
    given["a"] = Values(given["a"].data, np.array([True, False, False, False]))
    assert value("a + b", given) == [None, 0, 1, 6]
    assert value("b if t else a", given) == [2, 0, 4, 7]
    assert value("concat(w, '-', a)", given) == [None, "y-0", "x--3", "zz-7"]
    assert value("(0.0 - 1) ** 0.5 + a * 0.0", given) == [None] * 4


def test_moments_and_texts() -> None:
    moments = np.array(["2024-01-01", "2024-03-01", "2024-01-01", "2025-01-01"], "datetime64[us]")
    given = columns() | {"when": Values(moments, np.zeros(4, bool)), "my col": columns()["a"]}
    assert value("(when + 1.5) - when", given) == [1.5] * 4
    assert value("(when - b) - when", given) == [-2, 0, -4, 1]
    assert value("max(when, when + 1) == when + 1", given) == [True] * 4
    assert value("concat(when)", given)[0] == "2024-01-01 00:00:00"
    assert value("col('my col') * 2", given) == [10, 0, -6, 14]
    assert value("round(1 / c)", given) == [1, None, 0, -2]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("__import__('os').system('true')", "uses Call"),
        ("a.real", "Attribute"),
        ("[a for a in b]", "ListComp"),
        ("lambda: a", "Lambda"),
        ("a[0]", "Subscript"),
        ("eval('1')", "calls 'eval'"),
        ("rond(a)", "did you mean 'round'"),
        ("min(a)", "'min' was given 1"),
        ("round(a, 1, 2)", "'round' was given 3"),
        ("a & b", "BinOp"),
        ("~a", "UnaryOp"),
        ("a is b", "Compare"),
        ("a in b", "Compare"),
        ("None", "constant"),
        ("1j", "constant"),
        ("9999999999999999999999", "constant"),
        ("a +", "parsed"),
        ("1" + "+1" * 1_500, "longer"),
        ("-" * 1_500 + "a", "nested more than 100"),
        ("w + 1", "text stands where a number"),
        ("w * 3", "text stands where a number"),
        ("a == w", "text stands where a number"),
        ("a and t", "number stands where a truth"),
        ("w if a else w", "number stands where a truth"),
        ("a if t else w", "text stands where a number"),
        ("not a", "number stands where a truth"),
        ("-w", "text stands where a number"),
        ("max(w, w)", "text stands where a number"),
        ("abs(w)", "text stands where a number"),
        ("4000000000000000000 * a", "too large"),
        ("round(a * 1e300)", "too large"),
        ("min(a, key=b)", "Call"),
    ],
)
def test_anything_outside_the_language_is_refused(text: str, words: str) -> None:
    with pytest.raises(GeneratorError, match=words) as caught:
        value(text)
    assert "column 'x'" in str(caught.value)


def test_expressions_are_computed_in_the_order_they_need_each_other() -> None:
    expressions = {n: Expression(t, n) for n, t in {"z": "y + x", "y": "x * 2", "v": "z"}.items()}
    assert evaluation_order(expressions, ["z", "y", "v", "x"]) == ["y", "z", "v"]
    with pytest.raises(GeneratorError, match="a, b wait for each other"):
        evaluation_order({"a": Expression("b", "a"), "b": Expression("a", "b")}, ["a", "b"])
    with pytest.raises(GeneratorError, match=r"'prise'.*Did you mean 'price'"):
        evaluation_order({"total": Expression("prise * 2", "total")}, ["total", "price"])
