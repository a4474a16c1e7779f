"""Singling out: do conditions that fit one synthetic row fit exactly one real row?

The attacker reads conditions off the synthetic table, such as "married, born in Aachen, earns at least 90,000", that
one of its rows fulfils alone, and claims that exactly one person of the source fulfils them.

How many people of a table fulfil conditions alone depends on how many rows it has. So that the control speaks of as
many rows as the training table has, holdout rows take the place of as many training rows: the control succeeds where
exactly one row of that mixed table fulfils the conditions and it is a holdout row; its successes are weighted by
training rows / holdout rows. Which training rows give way is not drawn; every choice counts with its probability.
Where the synthetic table has nothing to do with the training rows, attack and control have the same expectation.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from proofset.evidence import Direction
from quality.attacks import PAPER, Trial, Variant, concluded, targets
from quality.base import Context, Family, InconclusiveError, MeasureCard, Observed
from quality.predicates import Index, Predicates, at_random, multivariate, univariate
from quality.stats import Floats

WIDTHS = (1, 3, 6, 10)
"""Conditions of a predicate; each number is an attack of its own. One condition: univariate predicates."""
LEAKED = 0.2
"""Share of the synthetic rows that the positive control replaces by training rows."""
LEAST = 50
_LIMIT = 32
"""Counting stops here: that many rows give way with a probability of about 0."""

SINGLING_OUT = MeasureCard(
    "privacy.singling_out_risk",
    "Persons singled out by conditions read off the synthetic table",
    Direction.LOWER,
    "Share of predicates that one synthetic row fulfils alone and exactly one training row too, beyond the same share"
    " for holdout rows: (attack - control) / (1 - control); interval of a ratio of two Wilson rates; 0 is perfect",
    PAPER,
)


def attack(predicates: Predicates, train: Index, holdout: Index) -> tuple[Floats, Floats]:
    """Successes on the training rows and, weighted as above, on the holdout rows."""
    own, other = predicates.count(train, _LIMIT), predicates.count(holdout, _LIMIT)
    rows, held = train.rows, holdout.rows
    if held > rows:
        # Exactly one of `other` rows is among `rows` drawn from `held`.
        return (own == 1).astype(np.float64), _one_of(other, held, rows)
    # All `own` rows are among the `held` of `rows` that give way.
    give_way = np.ones(len(own))
    for i in range(_LIMIT):
        give_way *= np.where(own > i, max(held - i, 0) / max(rows - i, 1), 1.0)
    return (own == 1).astype(np.float64), (other == 1) * give_way * (rows / held)


def _one_of(found: npt.NDArray[np.int64], rows: int, drawn: int) -> Floats:
    """Probability that of `found` rows among `rows` exactly one is among `drawn` of them."""
    chance = found * (drawn / rows)
    for i in range(1, _LIMIT):
        chance = chance * np.where(found > i, max(rows - drawn - i + 1, 0) / max(rows - i, 1), 1.0)
    return np.asarray(chance, dtype=np.float64)


@dataclass(frozen=True)
class _Scene:
    """What all runs share."""

    train: Index
    guesses: int

    def trial(self, width: int, source: Index, holdout: Index, rng: np.random.Generator) -> Trial | None:
        """One run, or None where fewer than LEAST predicates can be read off `source`."""
        read = partial(multivariate, width=width) if width > 1 else univariate
        found = read(source, wanted=self.guesses, rng=rng)
        if len(found) < LEAST:
            return None
        hits = attack(found, self.train, holdout)
        blind = at_random(source, width, self.guesses, rng).count(self.train, 2)
        return Trial(*hits, float((blind == 1).mean()))


def ways(context: Context) -> list[Variant]:
    """The attack with each number of conditions. Raises UnsupportedError, InconclusiveError."""
    made = targets(context)
    columns = context.encoded.columns
    codes = [c.codes(("train", "holdout", "synthetic")) for c in columns]
    tables = [np.stack([own[i] for own in codes]).astype(np.int32) for i in range(3)]
    kinds = np.array([c.kind != "category" for c in columns])
    size = np.array([max(int(part.max(initial=0)) for part in own) + 1 for own in codes])

    def index(table: npt.NDArray[np.int32]) -> Index:
        return Index.of(table, kinds, size)

    def read_off(table: npt.NDArray[np.int32]) -> Index:
        """A table the attacker reads: each row once, or rows published twice could never fulfil anything alone."""
        return index(table[:, distinct(table, size, context.rng("singling_out", "marks"))])

    rng = context.rng("singling_out")
    train, holdout, published = index(tables[0]), index(tables[1]), read_off(tables[2])
    rows = tables[2].shape[1]
    replaced = rng.permutation(rows)[: round(LEAKED * rows)]
    leaky = tables[2].copy()
    leaky[:, replaced] = tables[0][:, rng.integers(0, train.rows, len(replaced))]
    leaked, stand_in = read_off(leaky), read_off(tables[1][:, made.stand_in])
    unseen = index(_rest(tables[1], made.stand_in))
    scene = _Scene(train, context.table.quality.guesses)
    variants = []
    runs = {"published": (published, holdout), "planted": (leaked, holdout), "reference": (stand_in, unseen)}
    for width in sorted({min(w, len(columns)) for w in WIDTHS}):
        trials = {
            name: scene.trial(width, source, control, context.rng("singling_out", width, name))
            for name, (source, control) in runs.items()
        }
        made_of = {name: trial for name, trial in trials.items() if trial is not None}
        if len(made_of) == len(runs):
            variants.append(Variant(f"{width} conditions" if width > 1 else "one condition", **made_of))
    return variants


def _measure(context: Context) -> Observed:
    variants = ways(context)
    if not variants:
        raise InconclusiveError(f"fewer than {LEAST} conditions are fulfilled by one synthetic row alone")
    sampled = f"up to {context.table.quality.guesses:,} predicates of each kind, seed quality/singling_out"
    return Observed((concluded(SINGLING_OUT, variants, [], sampled),))


def distinct(
    table: npt.NDArray[np.int32], sizes: npt.NDArray[np.int64], rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """The places of the first of each set of equal rows. table: columns × rows.  sizes: codes of each column.

    A row's fingerprint is the sum of random 64-bit marks; two different rows share one with a probability of 2^-64.
    """
    total = np.zeros(table.shape[1], np.uint64)
    for codes, count in zip(table, sizes, strict=True):
        total += rng.integers(0, 2**64 - 1, int(count), dtype=np.uint64, endpoint=True)[codes]
    return np.sort(np.unique(total, return_index=True)[1])


def _rest(table: npt.NDArray[np.int32], taken: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
    left = np.ones(table.shape[1], bool)
    left[taken] = False
    return table[:, left]


FAMILY = Family("singling_out", (SINGLING_OUT,), _measure)
