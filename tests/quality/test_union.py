"""All live releases of a source together: what one hides, several may show."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import quality.scoring
from proofset.codes import encode
from proofset.evidence import Measure, Outcome, Profile, Scorecard, Verdict
from proofset.policy import Policy
from proofset.policy_judge import Facts, judge
from proofset.policy_union import AVERAGED, OF_UNION, UNITED
from proofset.spec import Purpose, TableSpec
from quality import REGISTRY, averaging, copies, disclosure, membership, union
from quality.base import Beside, Context, InconclusiveError
from quality.neighbours import how_near, space
from quality.profile import profile_table
from quality.scoring import score

ROWS, COLUMNS = 600, 8
MANY = 2000
FACTS = Facts(licence="MIT", generator="noise", generations=1, residency="", purpose=Purpose.SHARING)
LIMIT = 0.6


class World:
    """Numbers that depend on one another and a category; half of the rows to train on."""

    def __init__(self, rows: int = ROWS, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)
        common = self.rng.normal(size=(2 * rows, 1))
        self.numbers = 0.5 * common + 0.87 * self.rng.normal(size=(2 * rows, COLUMNS))
        self.kinds = self.rng.choice(["a", "b", "c"], 2 * rows)
        self.rows = rows
        self.train, self.holdout = self.table(slice(0, rows)), self.table(slice(rows, None))
        self.profile = profile_table(self.train, "t", TableSpec(), "")

    def table(self, rows: Any, noise: float = 0.0) -> pa.Table:
        values = self.numbers[rows]
        values = values + noise * self.rng.normal(size=values.shape)
        made: dict[str, Any] = {f"x{i}": values[:, i] for i in range(COLUMNS)}
        return pa.table(made | {"kind": self.kinds[rows].tolist()})

    def noisy(self, noise: float = 0.8) -> pa.Table:
        """Every training row, in its place, behind noise of its own."""
        return self.table(slice(0, self.rows), noise)

    def honest(self) -> pa.Table:
        """Rows of the same population that nobody was asked for."""
        return World(self.rows, int(self.rng.integers(1000, 10**6))).train

    def beside(self, *tables: pa.Table) -> tuple[Beside, ...]:
        return tuple(Beside(f"{i}" * 64, t, self.train, self.holdout) for i, t in enumerate(tables, start=1))

    def context(self, synthetic: pa.Table, *others: pa.Table, workers: int = 2) -> Context:
        given = self.beside(*others)
        return Context(self.train, self.holdout, synthetic, self.profile, TableSpec(), 1, workers, others=given)

    def alone(self, table: pa.Table) -> Measure:
        return membership.FAMILY.observe(self.context(table)).measures[0]

    def united(self, table: pa.Table, *others: pa.Table) -> dict[str, Measure]:
        return {m.name: m for m in union.FAMILY.observe(self.context(table, *others)).measures}


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the measures of one table only copies."""
    monkeypatch.setattr(quality.scoring, "REGISTRY", {"copies": copies.FAMILY})


def policy(**more: Any) -> Policy:
    require = [{"measure": "privacy.membership_auc", "max": LIMIT}]
    given = {"policy": "p", "purposes": ["sharing"], "require": require, "suite": False, "approvals": {"required": 1}}
    return Policy.model_validate(given | more)


def verdict(measures: list[Measure], united: tuple[str, ...] | None, asked: Policy | None = None) -> Verdict:
    digests = {"synthetic_digest": "s", "train_digest": "t", "holdout_digest": "h"}
    card = Scorecard(**digests, measures=tuple(measures), union=united)
    return judge(asked or policy(), card, None, FACTS, date(2026, 1, 1))


def test_averaging_two_releases_shows_what_neither_does_alone() -> None:
    world = World(MANY)
    first, second = world.noisy(), world.noisy()
    alone = [world.alone(t) for t in (first, second)]
    for measure in alone:  # each alone is below the limit, with the whole of its interval
        assert measure.high is not None
        assert measure.high < LIMIT
        assert verdict([measure], None).outcome is Outcome.PASS
    together = world.united(second, first)
    average = together[AVERAGED]
    assert average.low is not None
    assert average.reference is not None
    assert average.reference_low is not None
    assert average.low > max(m.high or 1.0 for m in alone)
    assert average.reference_low < 0.5 < average.low
    said = verdict([alone[1], *together.values()], ("1" * 64,))
    assert said.outcome is Outcome.FAIL
    assert [f.measure for f in said.blocking if f.outcome is Outcome.FAIL] == [AVERAGED]


@pytest.mark.slow
def test_more_releases_show_more() -> None:
    world = World(MANY)
    tables = [world.noisy(1.0) for _ in range(4)]
    two, four = (world.united(tables[0], *tables[1:k])[AVERAGED] for k in (2, 4))
    assert (four.low or 0.0) > (two.value or 1.0)


def test_two_honest_releases_pass_together() -> None:
    world = World(MANY)
    own = world.honest()
    together = world.united(own, world.honest())
    said = verdict([world.alone(own), *together.values()], ("1" * 64,))
    assert said.outcome is Outcome.PASS, said.blocking
    assert {f.measure for f in said.findings} == {
        "privacy.membership_auc", "privacy.union_membership_auc", AVERAGED
    }  # fmt: skip
    average = together[AVERAGED]
    assert average.low is not None
    assert average.low < 0.5 < (average.high or 0.0)


def test_a_copy_that_the_other_release_published_is_seen(world: World) -> None:
    together = world.united(world.honest(), world.train)
    assert together["privacy.union_published_row_share"].value == 1.0
    for name in ("membership_auc", "averaged_auc", "linkability_risk", "singling_out_risk"):
        measure = together[f"privacy.union_{name}"]
        assert (measure.low or 0.0) > (measure.reference_high or 1.0), name


def test_neither_workers_nor_the_order_of_releases_matter(world: World, few: None) -> None:
    tables = [world.noisy() for _ in range(3)]
    given = {"profile": world.profile, "table": TableSpec(), "seed": 1, "digests": ("t", "h", "s")}
    beside = world.beside(*tables[1:])

    def scored(workers: int, others: tuple[Beside, ...]) -> str:
        return score(world.train, world.holdout, tables[0], workers=workers, others=others, **given).digest  # type: ignore[arg-type]

    assert scored(1, beside) == scored(3, beside[::-1])


def test_without_other_releases_a_scorecard_is_what_it_was(world: World, few: None) -> None:
    given = {"profile": world.profile, "table": TableSpec(), "seed": 1, "digests": ("t", "h", "s")}
    card = score(world.train, world.holdout, world.honest(), **given)  # type: ignore[arg-type]
    assert card.union is None
    assert "union" not in card.plain()
    assert not OF_UNION & {m.name for m in card.measures}
    with pytest.raises(ValueError, match="at least 1"):
        Scorecard(synthetic_digest="", train_digest="", holdout_digest="", measures=(), union=())


def test_columns_in_another_order_or_fewer_of_them(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(union, "AGAIN", (copies.FAMILY, disclosure.FAMILY))
    own, other = world.noisy(), world.noisy()
    turned = other.select(other.column_names[::-1]).append_column("more", pa.array([1] * ROWS))
    assert world.united(own, turned) == world.united(own, other)
    few = world.united(own, other.select(["kind", "x2", "x0"]))
    assert few[AVERAGED].status == "ok"
    shared = [world.train.select(["x0", "x2", "kind"]), world.holdout.select(["x0", "x2", "kind"])]
    less = Context(*shared, own, world.profile, TableSpec(), 1, others=(Beside("1" * 64, other, *shared),))  # type: ignore[arg-type]
    assert few == {m.name: m for m in union.FAMILY.observe(less).measures}
    cast = other.set_column(0, "x0", pa.array([str(v) for v in other["x0"].to_pylist()]))
    assert world.united(own, cast) == world.united(own, other)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"table": None}, "is lost"),
        ({"train": None}, "not in this workspace"),
        ({"rest": None}, "not in this workspace"),
        ({"table": pa.table({"x0": [1.0]})}, "fewer than two modelled columns"),
        ({"table": pa.table({"x0": ["a"], "x1": ["b"]})}, "not every value reads as double"),
        ({"train": pa.table({"x0": [1.0]})}, "made from other columns"),
        ({"table": "empty"}, "has no rows"),
    ],
)
def test_what_cannot_be_attacked_is_inconclusive_and_denied(world: World, change: dict[str, Any], why: str) -> None:
    own = world.honest()
    if isinstance(change.get("table"), str):
        change = {"table": own.slice(0, 0)}
    parts = {"table": world.noisy(), "train": world.train, "rest": world.holdout} | change
    found = Context(world.train, world.holdout, own, world.profile, TableSpec(), 1, others=(Beside("1" * 64, **parts),))
    measures = list(union.FAMILY.observe(found).measures)
    assert {m.name for m in measures} == OF_UNION
    average = next(m for m in measures if m.name == AVERAGED)
    assert average.status == "inconclusive"
    assert why in average.detail
    assert verdict([world.alone(own), *measures], ("1" * 64,)).outcome is Outcome.INCONCLUSIVE


def test_rows_another_release_was_made_from_are_no_control(world: World) -> None:
    """The other release was made from half of this one's holdout, all of whose rows it publishes."""
    cut = ROWS + ROWS // 2
    train, rest = world.table(slice(ROWS // 2, cut)), None
    rest = pa.concat_tables([world.table(slice(0, ROWS // 2)), world.table(slice(cut, None))])
    found = Context(
        world.train, world.holdout, world.honest(), world.profile, TableSpec(), 1,
        others=(Beside("1" * 64, train, train, rest),),
    )  # fmt: skip
    members, control = union.divided(found)
    assert members.num_rows == cut
    assert control.num_rows == ROWS // 2
    assert control.equals(world.table(slice(cut, None)))
    measures = {m.name: m for m in union.FAMILY.observe(found).measures}
    assert (measures["privacy.union_membership_auc"].low or 0.0) > 0.7
    assert measures["privacy.union_published_row_share"].value == pytest.approx(ROWS / cut)


def test_doubles_are_controls_by_their_probability() -> None:
    """A value that stands thrice among the other's training rows and once among the rest is a member in 3 of 4."""
    rows = 4000
    table = pa.table({"a": ["x"] * rows, "b": ["y"] * rows})
    profile = profile_table(pa.table({"a": ["x", "z"] * 50, "b": ["y", "w"] * 50}), "t", TableSpec(), "")
    other = Beside("1" * 64, table, table.slice(0, 3), table.slice(0, 1))
    members, control = union.divided(Context(table, table, table, profile, TableSpec(), 1, others=(other,)))
    assert members.num_rows + control.num_rows == 2 * rows
    assert control.num_rows / rows == pytest.approx(0.25, abs=0.03)


def test_cards_are_those_of_the_single_attacks() -> None:
    single = {card.name: card for name in REGISTRY for card in REGISTRY[name].cards}
    made = {card.name: card for card in union.FAMILY.cards}
    assert set(made) == OF_UNION
    assert set(UNITED) <= set(single)
    for name, also in UNITED.items():
        for field in ("direction", "floor", "ceiling", "unit", "gates", "paper"):
            assert getattr(made[also], field) == getattr(single[name], field), also
    never = {n for n, c in single.items() if n.startswith("privacy.") and c.gates} - set(UNITED)
    assert never == {"privacy.canary_exposure", "privacy.pii_leak"}  # of a model, and of texts one by one


def brute_average(rows: list[list[Any]], category: bool) -> list[Any]:
    made = []
    for values in zip(*rows, strict=True):
        known = [v for v in values if v is not None and v == v]
        if category:
            made.append(max(values, key=lambda v: (values.count(v), -values.index(v))))
        else:
            made.append(sum(known) / len(known) if 2 * len(known) >= len(values) else float("nan"))
    return made


@pytest.mark.parametrize("count", [2, 3, 5])
def test_averages_are_what_they_are_said_to_be(world: World, count: int) -> None:
    rng = np.random.default_rng(count)
    synthetic = world.noisy()
    holes = pa.array(np.where(rng.random(ROWS) < 0.4, np.nan, synthetic["x0"].to_numpy()), from_pandas=True)
    synthetic = synthetic.set_column(0, "x0", holes)
    columns = encode(world.train, world.holdout, synthetic, world.profile).columns
    places = [rng.integers(0, ROWS, 50) for _ in range(count)]
    found = averaging.averaged(columns, "synthetic", places)
    made = {
        c.name: brute_average([c.values["synthetic"][p].tolist() for p in places], c.kind == "category")
        for c in columns
    }
    names = {c.name: c for c in columns}
    table = pa.table(
        {n: pa.array(v, from_pandas=True) if names[n].kind != "category" else _words(columns, n, synthetic, v)
         for n, v in made.items()}
    )  # fmt: skip
    # The table of averages, coded like any other, is the same rows of the space.
    twin = space(encode(world.train, world.holdout, table, world.profile).columns, "rank").rows["synthetic"]
    np.testing.assert_array_equal(found.values, twin.values)
    np.testing.assert_allclose(averaging.apart(found, twin), 0)
    again = averaging.apart(found.taken(np.arange(49)), found.taken(np.arange(1, 50)))
    one = [how_near(found.taken([i]), found.taken([i + 1]))[0] for i in range(49)]
    np.testing.assert_allclose(again, one)


def _words(columns: Any, name: str, synthetic: pa.Table, codes: list[int]) -> list[str]:
    column = next(c for c in columns if c.name == name)
    words = dict(zip(column.values["synthetic"].tolist(), synthetic[name].to_pylist(), strict=True))
    return [words[c] for c in codes]


def test_nothing_is_measured_where_nothing_else_is_live(world: World, profile: Profile) -> None:
    found = union.FAMILY.observe(world.context(world.honest())).measures
    assert {m.status for m in found} == {"unsupported"}
    with pytest.raises(InconclusiveError, match="is lost"):
        union.pooled(
            Context(world.train, world.holdout, world.train, world.profile, TableSpec(), 1,
                    others=(Beside("1" * 64, None, world.train, world.holdout),))
        )  # fmt: skip
