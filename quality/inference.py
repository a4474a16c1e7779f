"""Attribute inference: does the nearest synthetic row give away a column the attacker does not know?

The attacker knows all columns of a person but the secret (or the quasi-identifiers, where they are declared), looks
up the nearest synthetic row and takes its value of the secret. A number counts as guessed within 5 % of the guess, a
time within 1 % of the range of the training times, everything else where it is equal; a null where both are null.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from proofset.codes import Column, Kind, Part
from proofset.evidence import Direction
from quality.attacks import PAPER, Targets, Trial, Variant, concluded, drawn, known, rate, secrets, share, targets
from quality.base import Context, Family, MeasureCard, Observed, UnsupportedError
from quality.neighbours import Boxes, Near, Places, Rows, joined, nearest_without
from quality.stats import Floats

CLOSE = 0.05
CLOSE_TIME = 0.01

INFERENCE = MeasureCard(
    "privacy.inference_risk",
    "Secrets guessed from the nearest synthetic row",
    Direction.LOWER,
    "Share of secrets of training rows that the nearest synthetic row gives away, beyond the same share of holdout"
    " rows: (attack - control) / (1 - control), over all secrets; interval of a ratio of two Wilson rates, each row"
    " counted once; 0 is perfect",
    PAPER,
)

Values = npt.NDArray[np.float64]


def right(column: Column, guess: Values, truth: Values) -> Floats:
    """1 where a guess counts as right."""
    if column.kind == Kind.CATEGORY or column.kind == Kind.ORDINAL:
        found = guess == truth
    else:
        with np.errstate(invalid="ignore"):
            found = np.abs(guess - truth) <= _allowed(column, guess)
    return np.asarray(found | (np.isnan(guess) & np.isnan(truth)), dtype=np.float64)


def _allowed(column: Column, guess: Values) -> Values:
    if column.kind != Kind.TIME:
        return np.abs(guess) * CLOSE
    known = column.values["train"][np.isfinite(column.values["train"])]
    return np.full(len(guess), float(np.ptp(known)) * CLOSE_TIME if len(known) else 0.0)


def blind(column: Column, pool: Values, truth: Values) -> float:
    """Success rate of taking the secret of a row of `pool` at random, exactly: no row needs to be drawn."""
    value, count = np.unique(pool, return_counts=True, equal_nan=True)
    weight = count / len(pool)
    missing = np.isnan(value)
    hit = np.where(np.isnan(truth), weight[missing].sum(), 0.0)
    value, weight = value[~missing], weight[~missing]
    own = ~np.isnan(truth)
    if column.kind == Kind.CATEGORY or column.kind == Kind.ORDINAL or not len(value):
        place = np.minimum(np.searchsorted(value, truth[own]), max(len(value) - 1, 0))
        hit[own] = np.where(value[place] == truth[own], weight[place], 0.0) if len(value) else 0.0
        return float(hit.mean())
    total = np.r_[0.0, np.cumsum(weight)]
    # For one sign, guess - allowed and guess + allowed both grow with the guess: the right guesses lie side by side.
    allowed = _allowed(column, value)
    low, high = (np.maximum.accumulate(v) for v in (value - allowed, value + allowed))
    first, last = np.searchsorted(high, truth[own], "left"), np.searchsorted(low, truth[own], "right")
    hit[own] = np.maximum(total[last] - total[first], 0.0)
    return float(hit.mean())


def _values(column: Column, part: Part, rows: Places) -> Values:
    values = column.values[part][rows].astype(np.float64)
    return np.where(values < 0, np.nan, values) if column.kind == Kind.CATEGORY else values


def _neighbours(made: Targets, names: tuple[str, ...], left_out: Places, workers: int) -> dict[str, tuple[Near, Near]]:
    columns = made.where.places(names)
    train, holdout = made.where.rows["train"].among(columns), made.where.rows["holdout"].among(columns)
    asked, control, unseen = train.taken(made.train), holdout.taken(made.control), holdout.taken(made.unseen)
    tables = made.among.among(columns), asked.taken(made.planted), holdout.taken(made.stand_in)
    among, planted, others = (Boxes.of(t) for t in tables)

    def near(who: Rows, rows: Boxes) -> Near:
        return nearest_without(who, rows, left_out, workers)

    own = near(asked, among), near(control, among)
    there = near(asked, planted), near(control, planted)
    return {
        "published": own,
        "planted": (_either(own[0], there[0], made), _either(own[1], there[1], made)),
        "reference": (near(asked, others), near(unseen, others)),
    }


def _either(first: Near, second: Near, made: Targets) -> Near:
    """The nearer of both for each secret on its own."""
    kept = [
        joined(Near(first.distance[:, [s]], first.place[:, [s]]), Near(second.distance[:, [s]], second.place[:, [s]]),
               *made.turns)
        for s in range(first.place.shape[1])
    ]  # fmt: skip
    return Near(np.concatenate([n.distance for n in kept], axis=1), np.concatenate([n.place for n in kept], axis=1))


def by_secret(context: Context) -> dict[str, list[Trial]]:
    """The runs with each of the three tables, in the order of `secrets`. Raises UnsupportedError, InconclusiveError."""
    made, names, wanted = targets(context), known(context), secrets(context)
    if not wanted:
        raise UnsupportedError("none of the declared secrets is modelled")
    if not names or names == tuple(c.name for c in wanted[:1]):
        raise UnsupportedError("the attacker knows no column beside the secret")
    # Columns in the order of the space, so that a place here is a row of its matrix.
    ordered = tuple(n for n in made.where.names if n in names)
    left = [ordered.index(c.name) if c.name in ordered else -1 for c in wanted]
    unique = sorted(set(left))
    near = _neighbours(made, ordered, np.array(unique, np.int64), context.workers)
    pools: dict[str, tuple[Part, Places]] = {
        "published": ("synthetic", made.shuffled),
        "planted": ("synthetic", made.shuffled),
        "reference": ("holdout", made.stand_in),
    }
    trials: dict[str, list[Trial]] = {}
    for table, (part, rows) in pools.items():
        trials[table] = []
        for column, place in zip(wanted, left, strict=True):
            pool = _values(column, part, rows)
            truth = _values(column, "train", made.train)
            if table == "planted":
                pool = np.r_[pool, truth[made.planted]]
            asked = truth, _values(column, "holdout", made.unseen if table == "reference" else made.control)
            hits = [
                right(column, pool[found.place[:, unique.index(place)]], own)
                for found, own in zip(near[table], asked, strict=True)
            ]
            trials[table].append(Trial(hits[0], hits[1], blind(column, pool, truth)))
    return trials


def _measure(context: Context) -> Observed:
    made, trials, wanted = targets(context), by_secret(context), secrets(context)
    variant = Variant("the nearest row", **{table: _pooled(found) for table, found in trials.items()})
    parts = [
        share(c.name, own, other)
        for c, own, other in zip(wanted, trials["published"], trials["reference"], strict=True)
    ]
    useless = sum(rate(t.attack).high < t.naive for t in trials["published"])
    note = f"; for {useless} of {len(wanted)} secrets guessing does better than the attack" if useless else ""
    return Observed((concluded(INFERENCE, [variant], parts, drawn(context, made), note),))


def _pooled(found: list[Trial]) -> Trial:
    """All secrets together: a row's success is the share of its secrets that were guessed."""
    attack, control = (np.mean([getattr(t, side) for t in found], axis=0) for side in ("attack", "control"))
    return Trial(attack, control, float(np.mean([t.naive for t in found])))


FAMILY = Family("inference", (INFERENCE,), _measure)
