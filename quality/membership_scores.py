"""Who was in the training table? Three attackers, each giving every person asked about a score: the higher, the surer.

distance        the nearer a synthetic row, the surer (Yeom et al. 2018, doi:10.1109/CSF.2018.00027; Hilprecht et al.
                2019, doi:10.2478/popets-2019-0067)
density ratio   the denser the synthetic rows lie there than rows that nobody trained on (DOMIAS: van Breugel et al.
                2023, doi:10.48550/arXiv.2302.12580); both densities by the distance to nearest rows, which has a
                meaning for numbers, categories and nulls alike (Loftsgaarden, Quesenberry 1965,
                doi:10.1214/aoms/1177700079)
classifier      the more a gradient-boosted classifier that tells synthetic rows from rows nobody trained on takes the
                person's row for a synthetic one (as in LOGAN: Hayes et al. 2019, doi:10.2478/popets-2019-0008)

An attacker knows persons' full rows, the synthetic table and, for the last two, rows of the same population (a part
of the holdout that nobody is asked about).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from proofset.codes import Column, Part
from quality.learners import classifier, features, few_threads
from quality.neighbours import Boxes, Places, Rows, Space, how_near, nearest
from quality.stats import Estimate, Floats, auc, auc_variance, mean_auc, wilson

MAX_LEARNED = 20_000
"""Rows of each side the classifier learns from."""
_AROUND = 5
"""Neighbours among reference rows that say how dense the population is around a person."""
WIDER = 1.25
"""Each half measures what the other one chose, so that the two are not independent: over 200 pairs of samples of one
population the spread of their mean is that much wider than the halves' own variances say."""
SMALL = 1e-3
"""Added to distances before they are divided; a whole category is 1."""

Judge = Callable[[Floats, Floats], float]
Pair = tuple[Floats, Floats]
"""Of members and of others."""


@dataclass(frozen=True)
class Scores:
    """Scores of members (inside the training table) and of others, by attacker."""

    inside: dict[str, Floats]
    outside: dict[str, Floats]

    def of(self, inside: npt.NDArray[np.bool_], outside: npt.NDArray[np.bool_]) -> Scores:
        """The same for some of those asked about."""
        return Scores({n: s[inside] for n, s in self.inside.items()}, {n: s[outside] for n, s in self.outside.items()})


@dataclass(frozen=True)
class Crowd:
    """Who is asked about and what the attackers know. Places of rows in their tables.

    members: of train; others, reference: of holdout; both disjoint.
    """

    columns: tuple[Column, ...]
    where: Space
    members: Places
    others: Places
    reference: Places
    seed: int
    workers: int

    @property
    def asked(self) -> tuple[Rows, Rows]:
        """Members' and others' rows."""
        return self.where.rows["train"].taken(self.members), self.where.rows["holdout"].taken(self.others)

    def isolation(self) -> Pair:
        """How far members and others are from their nearest rows of the reference, on average."""
        known = Boxes.of(self.where.rows["holdout"].taken(self.reference))
        count = min(_AROUND, len(self.reference))
        one, other = (nearest(a, known, count, self.workers).distance.mean(axis=1) for a in self.asked)
        return one / known.rows.step, other / known.rows.step

    def near(self, part: Part, rows: Places) -> Pair:
        """How near members and others are to their nearest row of these."""
        boxes = Boxes.of(self.where.rows[part].taken(rows))
        one, other = (how_near(a, boxes, self.workers) for a in self.asked)
        return one, other

    def scores(self, part: Part, rows: Places, near: Pair, planted: Places, isolation: Pair) -> Scores:
        """What each attacker says when `rows` of `part` are published, and with them `planted` of the members.

        near, isolation: as above, for these rows.
        """
        if len(planted):
            leaked = self.near("train", self.members[planted])
            near = np.minimum(near[0], leaked[0]), np.minimum(near[1], leaked[1])
        ratio = [np.log((i + SMALL) / (c + SMALL)) for i, c in zip(isolation, near, strict=True)]
        learned = self._classified(part, rows, planted)
        return Scores(
            {"distance": -near[0], "density ratio": ratio[0], "classifier": learned[0]},
            {"distance": -near[1], "density ratio": ratio[1], "classifier": learned[1]},
        )

    def _classified(self, part: Part, rows: Places, planted: Places) -> Pair:
        parts: set[Part] = {part, "train", "holdout"}
        tables = {p: features(self.columns, p) for p in parts}
        synthetic = tables[part][rows[:MAX_LEARNED]]
        if len(planted):
            synthetic = np.concatenate([synthetic, tables["train"][self.members[planted]]])
        real = tables["holdout"][self.reference[:MAX_LEARNED]]
        model = classifier(self.columns, self.seed)
        with few_threads():
            model.fit(np.concatenate([real, synthetic]), np.repeat([0, 1], [len(real), len(synthetic)]))
            inside = model.predict_proba(tables["train"][self.members])[:, 1]
            return inside, model.predict_proba(tables["holdout"][self.others])[:, 1]


def found_at(inside: Floats, outside: Floats, rate: float) -> float:
    """True-positive rate where the false-positive rate is `rate`, on the ROC curve drawn through ties as lines."""
    cuts = np.unique(np.concatenate([inside, outside]))[::-1]
    hits = [1 - np.searchsorted(np.sort(s), cuts, "left") / len(s) for s in (outside, inside)]
    return float(np.interp(rate, np.r_[0.0, hits[0]], np.r_[0.0, hits[1]]))


def found(inside: Floats, outside: Floats, rate: float) -> tuple[float, float]:
    """`found_at`, and its variance: of the members found, and of where the others put the threshold."""
    share = found_at(inside, outside, rate)
    # How fast members are gained where more false alarms are allowed; as steep as chance where the curve hides it.
    slope = max((found_at(inside, outside, 2 * rate) - share) / rate, min(1.0, share / rate))
    own = max(share, rate)
    return share, own * (1 - own) / len(inside) + slope**2 * rate * (1 - rate) / len(outside)


def _auc(inside: Floats, outside: Floats) -> float:
    return auc_variance(inside, outside)[0]


def strongest_auc(scores: Scores) -> tuple[Estimate, str]:
    """AUC of the strongest attacker and its name: chosen on one half of the persons, measured on the other, and the
    other way round, so that choosing the best of several makes nothing look like something."""
    picked = list(_picked(scores, _auc))
    found = mean_auc([(one.inside[n], one.outside[n]) for one, n in picked])
    half = WIDER * (found.high - found.value)
    return Estimate(found.value, found.value - half, found.value + half, found.n), _names(picked)


def strongest_found(scores: Scores, rate: float) -> tuple[Estimate, str]:
    """Share of members the strongest attacker finds at this rate of false alarms, chosen as above; Wilson's interval
    at as many independent answers as have the same variance."""
    picked = list(_picked(scores, partial(found_at, rate=rate)))
    halves = [found(one.inside[n], one.outside[n], rate) for one, n in picked]
    share = float(np.mean([h[0] for h in halves]))
    variance = WIDER**2 * sum(h[1] for h in halves) / len(halves) ** 2
    count = sum(len(next(iter(s.values()))) for s in (scores.inside, scores.outside))
    own = min(max(share, rate), 1 - rate)
    effective = own * (1 - own) / variance
    interval = wilson(share * effective, effective)
    return Estimate(share, interval.low, interval.high, count), _names(picked)


def each(scores: Scores) -> dict[str, Estimate]:
    """AUC of each attacker, on all persons."""
    return {name: auc(scores.inside[name], scores.outside[name]) for name in scores.inside}


def _picked(scores: Scores, judge: Judge) -> list[tuple[Scores, str]]:
    first, second = (
        scores.of(*(np.arange(len(next(iter(s.values())))) % 2 == half for s in (scores.inside, scores.outside)))
        for half in (0, 1)
    )
    made = []
    for choose, measure in ((first, second), (second, first)):
        best = max(scores.inside, key=lambda n: judge(choose.inside[n], choose.outside[n]))
        made.append((measure, best))
    return made


def _names(picked: list[tuple[Scores, str]]) -> str:
    return " and ".join(dict.fromkeys(name for _, name in picked))
