"""Advice: which generator suits a table and a purpose, with the reasons. Pure: facts in, a ranked list out.

Every generator starts from its `merit`, what one expects of it on an ordinary table, and each consideration below
adds or takes points and leaves its reason. What cannot work (no source, a forbidden licence, no memory) is ruled out,
whatever its points. Nothing here is learned from the table's values: a profile is all it sees.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestration.costs import Cost, Costs, Estimate, coded_width, estimate
from proofset.evidence import ModelCard, Profile
from proofset.frozen import Frozen
from proofset.spec import Purpose, SemanticType, Treatment

_LEVELS = ((75, "best"), (55, "good"), (35, "possible"), (-10_000, "poor"))
SUITS = ("best", "good", "possible", "poor", "no")
"""Suitability, from the best down; `no` is ruled out."""
_WORDS = {SemanticType.CATEGORY, SemanticType.BOOLEAN, SemanticType.ORDINAL, SemanticType.CONSTANT}
_CLOSE = {Purpose.ANALYTICS, Purpose.ML_TRAINING, Purpose.AUGMENTATION, Purpose.EVALUATION, Purpose.SIMULATION}
"""Purposes that live from how closely the rows follow the source."""
_OPEN = {Purpose.SHARING, Purpose.PUBLIC_RELEASE}
_FEW_FOR_NETWORKS = 5_000
_SLOW = ((60.0, 0), (600.0, -5), (3_600.0, -15), (36_000.0, -30), (float("inf"), -50))
"""Points by the seconds fitting and sampling may take."""


@dataclass(frozen=True)
class Facts:
    """What advice rests on.

    rows: that a generator would learn from.  made: rows to draw.
    kinds: modelled columns by meaning.  categories: distinct values of each modelled category.
    faked: columns whose values name people or rows.  has_source: False where there is no real table.
    forbidden: licences the policy does not accept.  missing: extra packages that are not installed, by generator.
    memory: MB this machine has; None where unknown.
    """

    rows: int
    made: int
    kinds: Mapping[str, int]
    categories: Mapping[str, int]
    faked: int
    purpose: Purpose
    has_source: bool = True
    forbidden: tuple[str, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)
    memory: float | None = None

    @property
    def columns(self) -> int:
        """Number of modelled columns."""
        return sum(self.kinds.values())

    @property
    def width(self) -> int:
        """Numbers a row becomes in a generator that spreads categories out."""
        return coded_width(self.columns - len(self.categories), self.categories)

    @property
    def numbers_share(self) -> float:
        """Share of the modelled columns that are numbers, dates or places."""
        return 1 - len(self.categories) / self.columns if self.columns else 0.0


def facts_of(profile: Profile, purpose: Purpose, *, holdout: float, made: int | None = None, **more: Any) -> Facts:
    """The facts a profile holds. holdout: share of rows no generator sees.  more: other fields of Facts."""
    modelled = [c for c in profile.columns if c.treatment is Treatment.MODEL]
    kinds: dict[str, int] = {}
    for column in modelled:
        kinds[column.semantic.value] = kinds.get(column.semantic.value, 0) + 1
    rows = profile.rows - min(max(round(profile.rows * holdout), 1), profile.rows - 1) if profile.rows else 0
    return Facts(
        rows=rows,
        made=made or rows or 1,
        kinds=kinds,
        categories={c.name: c.distinct for c in modelled if c.semantic in _WORDS or c.storage in ("string", "bool")},
        faked=sum(c.treatment is Treatment.FAKE for c in profile.columns),
        purpose=purpose,
        **more,
    )


@dataclass(frozen=True)
class Trait:
    """What matters about a generator. merit: 0 to 100.  family: trees, rules, copula, network or other."""

    merit: int
    family: str
    note: str = ""


TRAITS: dict[str, Trait] = {
    "trees": Trait(70, "trees", "follows columns and their relations most closely, in seconds"),
    "rules": Trait(20, "rules", "knows what the spec says and nothing else; relations only where a rule makes them"),
    "sdv_gaussian_copula": Trait(35, "copula", "sees monotone relations only; far from the source on mixed tables"),
    "sdv_tvae": Trait(45, "network", "a network: closer than a copula, far slower than trees"),
    "sdv_ctgan": Trait(42, "network", "a GAN: minutes to hours of training, and its quality varies with the seed"),
    "sdv_copula_gan": Trait(38, "network", "a GAN behind a copula: as slow as CTGAN, seldom better"),
}
_STRANGER = Trait(40, "other", "from another package; its costs were not measured here")


class Advice(Frozen):
    """What is said about one generator.

    suits: one of SUITS.  points: what ranks it.
    reasons: what rules it out (-), what it is (·), then for (+) and against (-), the weightiest first.
    options: worth setting.  estimate: None where its costs were never measured, or it cannot run.
    """

    generator: str
    title: str
    licence: str
    suits: str
    points: int
    reasons: tuple[tuple[str, str], ...]
    options: dict[str, str]
    estimate: Estimate | None


def advise(
    facts: Facts,
    cards: Mapping[str, ModelCard],
    costs: Costs,
    *,
    sourceless: frozenset[str] = frozenset({"rules"}),
    epochs: Mapping[str, int] | None = None,
    slower: float = 1.0,
) -> tuple[Advice, ...]:
    """Rank the generators, the best first; those ruled out come last, and controls, made to fail, are not named.

    Parameters
    ----------
    cards: of every registered generator.  sourceless: those that need no real rows.
    epochs: that a neural one would train for, by generator; 300 where none is said.
    slower: how many times slower this machine is than the one measured.
    """
    found = []
    for name, card in cards.items():
        if card.control:
            continue
        trait = TRAITS.get(name, _STRANGER)
        cost = costs.generators.get(name)
        taken = _taken(facts, cost, (epochs or {}).get(name, 300), slower)
        weighed = [*_weigh(facts, name, card, trait, taken, name in sourceless)]
        out = [text for points, text in weighed if points is None]
        points = trait.merit + sum(p for p, _ in weighed if p is not None)
        suits = "no" if out else next(word for least, word in _LEVELS if points >= least)
        told = [("-", text) for text in out]
        told += [("·", trait.note)]
        told += [("+" if p >= 0 else "-", t) for p, t in sorted(_points(weighed), key=lambda w: -abs(w[0]))]
        found.append(
            Advice(
                generator=name,
                title=card.title,
                licence=card.licence,
                suits=suits,
                points=points,
                reasons=tuple(told),
                options=_options(facts, trait),
                estimate=taken if facts.has_source else None,
            )
        )
    return tuple(sorted(found, key=lambda a: (a.suits == "no", -a.points, a.generator)))


def _points(weighed: list[tuple[int | None, str]]) -> list[tuple[int, str]]:
    return [(p, t) for p, t in weighed if p is not None]


def _taken(facts: Facts, cost: Cost | None, epochs: int, slower: float) -> Estimate | None:
    if cost is None:
        return None
    columns, width = facts.columns, facts.width
    return estimate(cost, rows=facts.rows, made=facts.made, columns=columns, width=width, epochs=epochs, slower=slower)


def _weigh(
    facts: Facts, name: str, card: ModelCard, trait: Trait, taken: Estimate | None, sourceless: bool
) -> Iterator[tuple[int | None, str]]:
    """Points and reasons; None for what rules the generator out."""
    if card.licence in facts.forbidden:
        yield None, f"the policy does not accept its licence, {card.licence}"
    if not facts.has_source and not sourceless:
        yield None, "there is no source to learn from"
    if name in facts.missing:
        yield -15, f"not installed: {facts.missing[name]}"
    if card.licence.startswith("BUSL"):
        yield -5, "Business Source Licence: not open source, and some uses are not allowed"
    yield from _purpose(facts, trait, sourceless)
    if facts.has_source:
        yield from _shape(facts, trait)
        yield from _effort(facts, taken)


def _purpose(facts: Facts, trait: Trait, sourceless: bool) -> Iterator[tuple[int | None, str]]:
    purpose = facts.purpose.value.replace("_", " ")
    if sourceless and not facts.has_source:
        yield 70, "needs no real rows"
    elif facts.purpose is Purpose.TEST_DATA and trait.family == "rules":
        yield 35, "test data need right forms and rare cases more than right shares, and nothing real goes in"
    elif facts.purpose in _CLOSE and trait.family == "trees":
        yield 15, f"{purpose} lives from closeness to the source"
    elif facts.purpose in _CLOSE and trait.family in ("copula", "rules"):
        yield -10, f"{purpose} lives from closeness to the source"
    elif facts.purpose in _OPEN and trait.family == "trees":
        yield 10, f"{purpose}: one knob sets how much evidence a pattern needs, with measured risk"
    elif facts.purpose in _OPEN and trait.family == "copula":
        yield 5, f"{purpose}: its few parameters say little about single rows"
    elif facts.purpose is Purpose.PUBLIC_RELEASE and trait.family == "network":
        yield -10, "a network can remember rows the longer it trains, and no knob bounds it"


def _shape(facts: Facts, trait: Trait) -> Iterator[tuple[int | None, str]]:
    if trait.family == "network":
        if facts.rows < _FEW_FOR_NETWORKS:
            yield -20, f"{facts.rows:,} rows are few for a network"
        most = max(facts.categories.values(), default=0)
        if most > 200:
            yield -15, f"a column of {most:,} categories is spread out into as many numbers"
    if trait.family == "copula":
        if facts.rows < 500:
            yield 10, "few parameters, so it can do with few rows"
        if facts.numbers_share < 0.5:
            share = f"{100 * (1 - facts.numbers_share):.0f} %"
            yield -10, f"{share} of the columns are categories, which it orders by force"
    if trait.family == "trees":
        if facts.rows < 300:
            yield -10, f"{facts.rows:,} rows leave it little evidence for any split"
        elif facts.rows > 100_000:
            yield 5, "reads and draws by blocks of rows, so that size costs time alone"


def _effort(facts: Facts, taken: Estimate | None) -> Iterator[tuple[int | None, str]]:
    if taken is None:
        return
    seconds = taken.fit.value + taken.sample.value
    points = next(p for limit, p in _SLOW if seconds <= limit)
    if points < 0:
        yield points, "it takes long"
    if facts.memory is not None and taken.memory.low > facts.memory:
        needs, has = taken.memory.value / 1000, facts.memory / 1000
        yield None, f"needs about {needs:.0f} GB of memory; this machine has {has:.0f} GB"
    elif facts.memory is not None and taken.memory.high > 0.7 * facts.memory:
        yield -15, "may not fit into this machine's memory"


def _options(facts: Facts, trait: Trait) -> dict[str, str]:
    if trait.family != "trees":
        return {}
    return {"privacy": "high" if facts.purpose is Purpose.PUBLIC_RELEASE else "medium"}
