"""Membership inference: can anyone tell who was in the training table?

Three attackers (see membership_scores.py) are asked about as many members as others. What counts is the strongest,
chosen on one half of the persons and measured on the other (Carlini et al. 2022, doi:10.1109/SP46214.2022.9833649:
not only on average, but where false alarms are rare). The persons farthest from everybody else are judged again on
their own: averages hide whom a model remembers (Meeus et al. 2023, doi:10.1007/978-3-031-51476-0_19).

Beside the attack run two controls: with holdout rows nobody is asked about in the synthetic table's place (nothing to
find: the reference, about 0.5), and with a fifth of the members added to the synthetic table (the positive control).
Where the strongest attacker misses that leak, its silence proves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proofset.evidence import Direction, Measure, Share
from quality.attacks import PLANTED, POWERLESS
from quality.base import Context, Family, InconclusiveError, MeasureCard, Observed, UnsupportedError
from quality.learners import seed_of
from quality.membership_scores import Crowd, Scores, each, strongest_auc, strongest_found
from quality.membership_scores import found_at as found_at
from quality.neighbours import space
from quality.stats import Estimate

MAX_ASKED = 8_000
"""Members and others asked about, each: an interval of about ± 0.009."""
MIN_ASKED = 50
MAX_PAIRS = 4_000_000_000
"""Distances to synthetic rows: with more than 250,000 of them fewer persons are asked about."""
OUTLIERS = 0.1
"""Share of those asked about that counts as outliers."""
FALSE_POSITIVES = 0.01
FEW_FALSE_POSITIVES = 0.001
FEWEST = 2
"""False alarms among the others at the rate in question; with fewer expected it cannot be measured."""

_PAPER = "van Breugel et al. 2023, doi:10.48550/arXiv.2302.12580"
_CARLINI = "Carlini et al. 2022, doi:10.1109/SP46214.2022.9833649"
_CHOSEN = "the strongest of three attackers (distance, density ratio, classifier), chosen on one half of the persons"
_RATE = f"Share of training rows found at this rate of false alarms among holdout rows by {_CHOSEN}"

RANK = MeasureCard(
    "privacy.membership_auc",
    "Membership told (AUC)",
    Direction.LOWER,
    f"AUC of telling training from holdout rows by {_CHOSEN}, measured on the other; 0.5 is perfect; DeLong interval",
    _PAPER,
)
SURE = MeasureCard(
    "privacy.membership_tpr_at_1fpr",
    "Members found at 1 % false alarms",
    Direction.LOWER,
    f"{_RATE}; 0.01 is perfect; Wilson interval at the effective number of rows",
    _CARLINI,
)
SUREST = MeasureCard(
    "privacy.membership_tpr_at_01fpr",
    "Members found at 0.1 % false alarms",
    Direction.LOWER,
    f"{_RATE}; 0.001 is perfect; Wilson interval at the effective number of rows",
    _CARLINI,
)
OUTLYING = MeasureCard(
    "privacy.outlier_membership_auc",
    "Membership of outliers told (AUC)",
    Direction.LOWER,
    "The same AUC among the tenth of training and holdout rows that lie farthest from their nearest neighbours in"
    " rows nobody is asked about; 0.5 is perfect; DeLong interval",
    "Meeus et al. 2023, doi:10.1007/978-3-031-51476-0_19",
)


@dataclass(frozen=True)
class Told:
    """Scores with the synthetic table, with the planted leak and with the reference."""

    published: Scores
    planted: Scores
    reference: Scores

    def auc(self, card: MeasureCard, sampled: str) -> Measure:
        """The AUC's measure, or why it proves nothing."""
        power, by = strongest_auc(self.planted)
        proof = f"positive control: AUC {_shown(power)} by {by}"
        if power.low <= 0.5:
            return card.inconclusive(f"{POWERLESS}; {proof}", power.n)
        value, by = strongest_auc(self.published)
        own, other = each(self.published), each(self.reference)
        parts = [
            Share(part=n, value=e.value, low=max(e.low, 0.0), high=min(e.high, 1.0), reference=other[n].value, n=e.n)
            for n, e in own.items()
        ]
        return card.ok(
            value, strongest_auc(self.reference)[0], f"strongest: {by}; {proof}", parts=parts, sampled=sampled
        )

    def rate(self, card: MeasureCard, rate: float, sampled: str) -> Measure:
        """The true-positive rate's measure, or why it proves nothing."""
        others = len(next(iter(self.published.outside.values())))
        if others * rate < FEWEST:
            return card.inconclusive(
                f"{others:,} holdout rows are asked about; {FEWEST / rate:,.0f} are needed for false alarms this rare"
            )
        power, by = strongest_found(self.planted, rate)
        proof = f"positive control: {_shown(power)} by {by}"
        if power.low <= rate:
            return card.inconclusive(f"{POWERLESS}; {proof}", power.n)
        value, by = strongest_found(self.published, rate)
        reference, _ = strongest_found(self.reference, rate)
        return card.ok(value, reference, f"strongest: {by}; {proof}", sampled=sampled)


def _shown(found: Estimate) -> str:
    return f"{found.value:.3f} [{max(found.low, 0.0):.3f}, {min(found.high, 1.0):.3f}]"


def crowd_of(context: Context, rng: np.random.Generator) -> tuple[Crowd, np.ndarray]:
    """Who is asked about, and the holdout rows that stand in the synthetic table's place."""
    columns, rows = context.encoded.columns, context.encoded.rows
    if not columns:
        raise UnsupportedError("no column is modelled")
    if rows["synthetic"] == 0:
        raise InconclusiveError("the synthetic table has no rows")
    size = min(MAX_ASKED, MAX_PAIRS // (2 * rows["synthetic"]), rows["train"], rows["holdout"] // 2)
    if size < MIN_ASKED:
        raise InconclusiveError(f"fewer than {2 * MIN_ASKED} holdout rows, or too many synthetic rows, to ask about")
    mixed = rng.permutation(rows["holdout"])
    rest = mixed[size:]
    members = rng.permutation(rows["train"])[:size]
    where = space(columns, "rank")
    crowd = Crowd(columns, where, members, mixed[:size], rest[: len(rest) // 2], seed_of(rng), context.workers)
    return crowd, rest[len(rest) // 2 :]


def _measure(context: Context) -> Observed:
    rng = context.rng("membership")
    crowd, stand_in = crowd_of(context, rng)
    size, rows = len(crowd.members), context.encoded.rows
    published, planted = rng.permutation(rows["synthetic"]), rng.permutation(size)[: max(1, round(PLANTED * size))]
    isolation, nobody = crowd.isolation(), planted[:0]
    near = crowd.near("synthetic", published)
    told = Told(
        crowd.scores("synthetic", published, near, nobody, isolation),
        crowd.scores("synthetic", published, near, planted, isolation),
        crowd.scores("holdout", stand_in, crowd.near("holdout", stand_in), nobody, isolation),
    )
    sampled = f"{size:,} of {rows['train']:,} training and of {rows['holdout']:,} holdout rows, seed quality/membership"
    return Observed(
        (
            told.auc(RANK, sampled),
            told.rate(SURE, FALSE_POSITIVES, sampled),
            told.rate(SUREST, FEW_FALSE_POSITIVES, sampled),
            _outliers(told, isolation, sampled),
        )
    )


def _outliers(told: Told, isolation: tuple[np.ndarray, np.ndarray], sampled: str) -> Measure:
    far = np.quantile(np.concatenate(isolation), 1 - OUTLIERS)
    inside, outside = (i > far for i in isolation)
    if min(inside.sum(), outside.sum()) < MIN_ASKED:
        return OUTLYING.inconclusive(f"fewer than {MIN_ASKED} outliers among the rows asked about")
    some = Told(*(s.of(inside, outside) for s in (told.published, told.planted, told.reference)))
    return some.auc(OUTLYING, f"{inside.sum():,} and {outside.sum():,} outliers of {sampled}")


FAMILY = Family("membership", (RANK, SURE, SUREST, OUTLYING), _measure)
