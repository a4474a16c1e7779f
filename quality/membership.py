"""Membership inference: does nearness to a synthetic row tell who was in the training table?

The attacker knows a person's full row and guesses "member" the nearer it lies to a synthetic row
(Yeom et al. 2018, doi:10.1109/CSF.2018.00027; Hilprecht et al. 2019, doi:10.2478/popets-2019-0067;
the rate at a low false-positive rate as in Carlini et al. 2022, doi:10.1109/SP46214.2022.9833649).

Beside the attack run two controls: with holdout rows the attacker does not ask about in the synthetic table's
place (nothing to find: the reference, about 0.5) and with the members themselves in its place (everything to
find). Where the attack misses that planted leak, its silence about the synthetic table proves nothing, and the
measures are errors, never values.

Distances: numbers become ranks among the training rows, a differing category counts 1. The nearest row is looked
for by squared distance over ranks in steps of 1/64, in one matrix product whose terms single precision holds
exactly, so that neither block size nor number of threads can change the result; the distance to the row found
is then taken exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proofset.evidence import Direction
from quality.base import Context, ControlError, Family, MeasureCard, Observed, UnsupportedError
from quality.encoding import Column, Kind, Part
from quality.learners import few_threads
from quality.stats import Estimate, Floats, auc, wilson

Singles = npt.NDArray[np.float32]

MAX_ASKED = 8_000
"""Members and non-members asked about, each: an interval of about ± 0.009."""
MIN_ASKED = 30
MAX_PAIRS = 600_000_000
"""Distances to each side's rows: with more than 75,000 published rows fewer are asked about."""
MAX_WORDS = 64
"""Categories that are looked up by their own name; rarer ones share one place in the search."""
FOUND = 0.6
"""The planted leak counts as found where the low end of the attack's AUC on it is above this."""
FALSE_POSITIVES = 0.01
_STEPS = 64
_BLOCK = 1 << 24

RANK = MeasureCard(
    "privacy.membership_auc",
    "Membership told by nearness (AUC)",
    Direction.LOWER,
    "AUC of telling training from holdout rows by the distance to the nearest synthetic row; 0.5 is perfect;"
    " DeLong interval",
    "Hilprecht, Härterich, Bernau 2019, doi:10.2478/popets-2019-0067",
)
SURE = MeasureCard(
    "privacy.membership_tpr_at_1fpr",
    "Members found at 1 % false alarms",
    Direction.LOWER,
    "Share of training rows the same attack finds when 1 % of holdout rows are falsely accused; 0.01 is perfect;"
    " Wilson interval",
    "Carlini et al. 2022, doi:10.1109/SP46214.2022.9833649",
)


@dataclass(frozen=True)
class Points:
    """Rows as points. ranks: rows × numbers in [0, 1], nulls at 2.  words: rows × categories, -1 for null."""

    ranks: Floats
    words: npt.NDArray[np.int32]

    def take(self, rows: npt.NDArray[np.int64]) -> Points:
        """Some of the rows."""
        return Points(self.ranks[rows], self.words[rows])

    def __len__(self) -> int:
        return len(self.ranks)


def points(columns: tuple[Column, ...], part: Part) -> Points:
    """The rows of one table; a number's rank is its middle rank among the training rows."""
    rows = len(columns[0].values[part])
    ordered = [c for c in columns if c.kind != Kind.CATEGORY]
    named = [c for c in columns if c.kind == Kind.CATEGORY]
    ranks, words = np.empty((rows, len(ordered))), np.empty((rows, len(named)), np.int32)
    for i, column in enumerate(ordered):
        known = np.sort(column.values["train"][~np.isnan(column.values["train"])])
        values = column.values[part]
        middle = (np.searchsorted(known, values, "left") + np.searchsorted(known, values, "right")) / 2
        # A null lies one step beyond the greatest rank: as far from every number as two categories are.
        ranks[:, i] = np.where(np.isnan(values), 2.0, middle / max(len(known), 1))
    for i, column in enumerate(named):
        words[:, i] = column.values[part]
    return Points(ranks, words)


def _flags(where: Points) -> tuple[Singles, list[npt.NDArray[np.int32]]]:
    """Ranks in exact steps, and for each category the place of its flag."""
    steps = (np.round(where.ranks * _STEPS) / _STEPS).astype(np.float32)
    return steps, [np.where(w < 0, MAX_WORDS, np.minimum(w, MAX_WORDS - 1)) for w in where.words.T]


def _matrix(where: Points, sizes: list[int], weight: float) -> Singles:
    """Flags with `weight` and ranks, and one column left at zero."""
    steps, flags = _flags(where)
    made = np.zeros((len(where), sum(sizes) + steps.shape[1] + 1), np.float32)
    start = 0
    for places, size in zip(flags, sizes, strict=True):
        # The null's flag comes last.
        made[np.arange(len(where)), start + np.minimum(places, size - 1)] = weight
        start += size
    made[:, start:-1] = steps
    return made


def nearest(asked: Points, among: Points) -> Floats:
    """Distance of each asked row to its nearest among the others: sum of rank differences and of differing words."""
    tops = [int(max(a.max(initial=0), b.max(initial=0))) for a, b in zip(asked.words.T, among.words.T, strict=True)]
    sizes = [min(top + 1, MAX_WORDS) + 1 for top in tops]
    here, there = _matrix(asked, sizes, 1.0), _matrix(among, sizes, 0.5)
    # Greatest where ½·agreeing words + x·y − ½·y² is: half the squared distance, but for what is x's own.
    steps = there[:, sum(sizes) : -1]
    there[:, -1] = -(steps**2).sum(axis=1) / 2
    here[:, -1] = 1.0
    turned = np.ascontiguousarray(there.T)
    block = max(1, _BLOCK // max(len(among), 1))
    found = np.concatenate([np.argmax(here[i : i + block] @ turned, axis=1) for i in range(0, len(here), block)])
    close = among.take(found)
    distance = np.minimum(np.abs(asked.ranks - close.ranks), 1.0).sum(axis=1)
    return np.asarray(distance + (asked.words != close.words).sum(axis=1), dtype=np.float64)


def attack(members: Points, others: Points, published: Points) -> tuple[Estimate, Estimate]:
    """AUC of telling members from others, and the share of members found at 1 % false positives."""
    inside, outside = -nearest(members, published), -nearest(others, published)
    return auc(inside, outside), wilson(found_at(inside, outside, FALSE_POSITIVES) * len(inside), len(inside))


def found_at(inside: Floats, outside: Floats, rate: float) -> float:
    """True-positive rate where the false-positive rate is `rate`, on the ROC curve drawn through ties as lines."""
    cuts = np.unique(np.concatenate([inside, outside]))[::-1]
    hits = [1 - np.searchsorted(np.sort(s), cuts, "left") / len(s) for s in (outside, inside)]
    return float(np.interp(rate, np.r_[0.0, hits[0]], np.r_[0.0, hits[1]]))


def _measure(context: Context) -> Observed:
    columns = context.encoded.columns
    if not columns:
        raise UnsupportedError("no column is modelled")
    rng = context.rng("membership")
    rows = context.encoded.rows
    budget = MAX_PAIRS // max(rows["synthetic"], 1)
    size = min(MAX_ASKED, budget, rows["train"], rows["holdout"] // 2)
    if size < MIN_ASKED:
        raise UnsupportedError(f"fewer than {2 * MIN_ASKED} holdout rows, or too many synthetic rows")
    mixed = rng.permutation(rows["holdout"])
    unseen = points(columns, "holdout")
    others, rest = unseen.take(mixed[:size]), unseen.take(mixed[size:])
    members = points(columns, "train").take(rng.choice(rows["train"], size, replace=False))
    with few_threads():
        planted, _ = attack(members, others, members)
        if planted.low <= FOUND:
            raise ControlError("the attack missed a planted leak: rows are too alike, or too few, to tell members")
        value, sure = attack(members, others, points(columns, "synthetic"))
        reference, sure_reference = attack(members, others, rest)
    return Observed((RANK.ok(value, reference), SURE.ok(sure, sure_reference)))


FAMILY = Family("membership", (RANK, SURE), _measure)
