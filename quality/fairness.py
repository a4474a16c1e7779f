"""Fairness: are groups represented as in the source, and does a model taught by synthetic rows treat them as alike?

Representation compares the synthetic table's groups with the training table's. Demographic parity (Dwork et al. 2012)
and equalised odds (Hardt, Price, Srebro 2016) are asked of the gradient-boosted model trained on the synthetic table,
on the holdout; the reference is the model trained on real rows. Bias amplification (Zhao et al. 2017) compares the
favourable-outcome rates in the data itself. `QualitySpec.groups` names the group columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from proofset.codes import PARTS, Part
from proofset.evidence import Direction, Measure, Share
from quality.base import Context, Family, InconclusiveError, MeasureCard, Observed, UnsupportedError
from quality.fairness_gaps import Drawn, Rates, amplified, estimate, furthest, gap, share_difference, total_variation
from quality.fairness_groups import Grouping, groupings, paired
from quality.fairness_noise import FREEDOM, Retrained, retrained
from quality.fairness_outcome import Outcome, outcome_of
from quality.stats import Estimate, Floats
from quality.utility import BOOSTED, trained
from quality.utility_task import complete

MIN_ROWS = 30
"""A group with fewer holdout rows is left out of the gaps."""
MIN_CELL = 10
"""So is one with fewer rows of an outcome, of equalised odds for that outcome."""
MAX_TOLD = 20
"""Groups that are left out by name; of more, the rest are counted."""

_INTERVAL = "parametric bootstrap of the groups' counts"
_TRAINED = f"{_INTERVAL}, and the variance of training on disjoint parts"
REPRESENTATION = MeasureCard(
    "fairness.representation_error",
    "Groups represented as in the source",
    Direction.LOWER,
    "Total-variation distance between the groups' shares of the synthetic and of the training rows, of the worst group"
    f" column; parts: |difference| of each group's share. Interval: {_INTERVAL}",
    "Bhanot et al. 2021, doi:10.3390/e23091165",
)
PAIR_REPRESENTATION = MeasureCard(
    "fairness.pair_representation_error",
    "Pairs of groups represented as in the source",
    Direction.LOWER,
    f"The same for two group columns crossed, of the worst pair of columns. Interval: {_INTERVAL}",
    "Bhanot et al. 2021, doi:10.3390/e23091165",
)
PARITY = MeasureCard(
    "fairness.parity_gap",
    "Demographic parity of a model taught by it",
    Direction.LOWER,
    "Largest difference between groups in the rate of favourable predictions for the holdout by the gradient-boosted"
    f" model trained on the synthetic table, of the worst group column. Interval: {_TRAINED}",
    "Dwork et al. 2012, doi:10.1145/2090236.2090255",
    unit="difference",
)
ODDS = MeasureCard(
    "fairness.odds_gap",
    "Equalised odds of a model taught by it",
    Direction.LOWER,
    "Largest difference between groups in the rate of favourable predictions among holdout rows with the same true"
    f" outcome, of the worst outcome and group column. Interval: {_TRAINED}",
    "Hardt, Price, Srebro 2016, doi:10.48550/arXiv.1610.02413",
    unit="difference",
)
AMPLIFICATION = MeasureCard(
    "fairness.bias_amplification",
    "Bias added to the source's",
    Direction.LOWER,
    "Largest difference between groups in the rate of the favourable outcome in the synthetic table, minus the same in"
    f" the training table, of the worst group column. Interval: {_INTERVAL}",
    "Zhao et al. 2017, doi:10.18653/v1/D17-1323",
    floor=-1.0,
    unit="difference",
)
CARDS = (REPRESENTATION, PAIR_REPRESENTATION, PARITY, ODDS, AMPLIFICATION)

Flags = npt.NDArray[np.bool_]
SIDES: tuple[Part, ...] = ("synthetic", "train")
"""Whose rows train the models of the gaps: the value's and the reference's."""


def _measure(context: Context) -> Observed:
    if context.table.quality.groups:
        complete(context)
    found, left = groupings(context)
    told = "; ".join(left)
    pairs = [g for g in paired(found) if len(g.names) > 1]
    measures = [_representation(context, REPRESENTATION, found, told)]
    if pairs:
        measures.append(_representation(context, PAIR_REPRESENTATION, pairs, told))
    else:
        why = "there are fewer than two group columns to cross"
        measures.append(PAIR_REPRESENTATION.unsupported("; ".join([why, *left])))
    for card, measure in ((PARITY, _parity), (ODDS, _odds), (AMPLIFICATION, _amplification)):
        try:
            measures.append(measure(context, found, left))
        except UnsupportedError as error:
            measures.append(card.unsupported(str(error)))
        except InconclusiveError as error:
            measures.append(card.inconclusive(str(error)))
    return Observed(tuple(measures))


def _representation(context: Context, card: MeasureCard, found: Sequence[Grouping], told: str) -> Measure:
    estimates, shares = {}, {}
    compared: tuple[Part, ...] = ("synthetic", "holdout")
    for part in compared:
        rng = context.rng("fairness", card.name, part)
        sides = [(g.counts("train"), g.counts(part)) for g in found]
        rows = context.encoded.rows[part]
        if not rows:
            raise InconclusiveError(f"the {part} table has no rows")
        estimates[part] = estimate([total_variation(*s, rng) for s in sides], rows)
        shares[part] = [
            [share_difference(int(a), int(real.sum()), int(b), rows) for a, b in zip(real, made, strict=True)]
            for real, made in sides
        ]
    parts = []
    for i, grouping in enumerate(found):
        for place in range(len(grouping.names)):
            label = grouping.label(place)
            if label is not None:
                value = shares["synthetic"][i][place]
                parts.append(_share(label, value, shares["holdout"][i][place][0], estimates["synthetic"].n))
    return card.ok(estimates["synthetic"], estimates["holdout"], told, parts=parts)


def _share(label: str, value: tuple[float, float, float], reference: float | None, n: int) -> Share:
    middle, low, high = (round(v, 10) for v in value)
    about = None if reference is None else round(reference, 10)
    return Share(part=label, value=middle, low=low, high=high, reference=about, n=n)


@dataclass
class _Tested:
    """The groups of one column that have rows enough, and those that have not."""

    grouping: Grouping
    places: list[int]

    @classmethod
    def of(cls, grouping: Grouping, asked: dict[Part, Flags], least: dict[Part, int], left: list[str]) -> _Tested:
        """asked: the rows that count.  least: of each group, how many of them it must have."""
        counts = {p: np.bincount(grouping.codes[p][rows], minlength=len(grouping.names)) for p, rows in asked.items()}
        few = np.any([counts[p] < n for p, n in least.items()], axis=0)
        names = [grouping.label(int(i)) or f"{grouping.name}: a group too small to name" for i in np.flatnonzero(few)]
        if names:
            more = f" and {len(names) - MAX_TOLD} more" if len(names) > MAX_TOLD else ""
            left.append(f"left out for fewer than {MIN_ROWS} rows: {', '.join(names[:MAX_TOLD])}{more}")
        return cls(grouping, [int(i) for i in np.flatnonzero(~few)])

    def rates(self, part: Part, rows: Flags, favoured: Flags) -> Rates:
        """Favoured of the rows, by group."""
        own, size = self.grouping.codes[part], len(self.grouping.names)
        hits, every = (np.bincount(own[r], minlength=size)[self.places] for r in (rows & favoured, rows))
        return Rates(hits.astype(np.float64), every.astype(np.float64))


def _enough(found: Sequence[Grouping], asked: dict[Part, Flags], left: list[str]) -> tuple[list[_Tested], str]:
    """The columns with two groups or more to compare, and what is left out. Raises InconclusiveError without any."""
    told = list(left)
    tested = [_Tested.of(g, asked, dict.fromkeys(asked, MIN_ROWS), told) for g in found]
    tested = [t for t in tested if len(t.places) > 1]
    detail = "; ".join(told)
    if not tested:
        raise InconclusiveError(f"fewer than two groups have {MIN_ROWS} rows to compare; {detail}")
    return tested, detail


def _predictions(context: Context, outcome: Outcome) -> dict[Part, Flags]:
    """Favourable predictions for the holdout by the models trained on synthetic and on real rows.

    Raises InconclusiveError where the synthetic rows teach nothing: a model that gives everybody the same treats all
    groups as alike.
    """
    task = outcome.task
    if not len(task.usable("synthetic")):
        raise InconclusiveError("no synthetic row knows the target")
    lost = len(task.classes) - len(task.known("synthetic")) if task.classify else 0
    if lost:
        raise InconclusiveError(f"the synthetic table lacks {lost} of {len(task.classes)} classes of the target")
    pair = trained(context, BOOSTED)
    found = {part: outcome.predicted(pair.holdout[part]) for part in SIDES}
    if found["synthetic"].all() or not found["synthetic"].any():
        raise InconclusiveError("the model trained on the synthetic table predicts the same for every holdout row")
    return found


def _parity(context: Context, found: Sequence[Grouping], left: list[str]) -> Measure:
    outcome = outcome_of(context)
    rows = np.ones(context.encoded.rows["holdout"], bool)
    tested, detail = _enough(found, {"holdout": rows}, left)
    return _gap(context, PARITY, outcome, tested, [rows], detail)


def _odds(context: Context, found: Sequence[Grouping], left: list[str]) -> Measure:
    outcome = outcome_of(context)
    truth = outcome.truth("holdout")
    tested, detail = _enough(found, {"holdout": truth >= 0}, left)
    return _gap(context, ODDS, outcome, tested, [truth == 0, truth == 1], detail)


def _gap(
    context: Context, card: MeasureCard, outcome: Outcome, tested: list[_Tested], sides: list[Flags], detail: str
) -> Measure:
    """The gaps of the two models. sides: the rows of each true outcome, or all."""
    predicted = _predictions(context, outcome)
    n = int(np.any(sides, axis=0).sum())
    kept = [each for each in tested if _sided(each, sides, predicted["synthetic"])]
    if not kept:
        raise InconclusiveError(f"no outcome has two groups with {MIN_CELL} rows each; {detail}".rstrip("; "))
    again = retrained(context)
    tables = {p: [_sided(each, sides, predicted[p]) for each in kept] for p in SIDES}
    models = {p: [outcome.predicted(made) for made in again[p].predictions] for p in SIDES}
    others = {p: [[_sided(each, sides, flags) for each in kept] for flags in models[p]] for p in SIDES}
    wholes: dict[Part, Estimate] = {}
    single: dict[Part, list[Estimate]] = {}
    for p in SIDES:
        drawn: list[Drawn] = [
            gap(rates, context.rng("fairness", card.name, each.grouping.name, p))
            for each, rates in zip(kept, tables[p], strict=True)
        ]
        # Signed, of the groups that make each gap: a gap is folded at 0, which would hide a part of the variance.
        ends = [furthest(rates) for rates in tables[p]]
        gaps = [
            np.array([m[side].rates[top] - m[side].rates[low] for m, (side, top, low) in zip(model, ends, strict=True)])
            for model in others[p]
        ]
        noise = again[p].noise(gaps)
        wholes[p] = estimate(drawn, n, float(noise[np.argmax([d.value for d in drawn])]), FREEDOM)
        single[p] = [estimate([d], n, float(noise[i]), FREEDOM) for i, d in enumerate(drawn)]
    parts = []
    for i, each in enumerate(kept):
        whole = single["synthetic"][i].within(card.floor, card.ceiling)
        parts.append(_share(each.grouping.name, whole, single["train"][i].value, n))
        if len(sides) == 1:
            trained_again = [model[i][0].rates for model in others["synthetic"]]
            parts += _by_group(
                each, tables["synthetic"][i][0], tables["train"][i][0], again["synthetic"], trained_again
            )
    said = "; ".join(filter(None, [outcome.said, detail]))
    return card.ok(wholes["synthetic"], wholes["train"], said, parts=parts)


def _sided(each: _Tested, sides: list[Flags], favoured: Flags) -> list[Rates]:
    """The groups' rates for each true outcome that two groups or more have rows enough of."""
    made = []
    for rows in sides:
        rates = each.rates("holdout", rows, favoured)
        enough = rates.rows >= MIN_CELL
        if enough.sum() > 1:
            made.append(Rates(rates.hits[enough], rates.rows[enough]))
    return made


def _by_group(each: _Tested, own: Rates, reference: Rates, again: Retrained, rates: list[Floats]) -> list[Share]:
    """How far each group's rate lies below the best group's. rates: of the models trained again."""
    best = int(np.argmax(own.rates))
    noise = again.noise([r[best] - r for r in rates])
    rows, hits = own.rows.astype(int), own.hits.astype(int)
    parts = []
    for i, place in enumerate(each.places):
        label = each.grouping.label(place)
        if label is not None:
            counts = (int(hits[best]), int(rows[best]), int(hits[i]), int(rows[i]))
            value = share_difference(*counts, noise=float(noise[i]), freedom=FREEDOM)
            other = reference.rates
            parts.append(_share(label, value, float(other.max() - other[i]), int(rows[i])))
    return parts


def _amplification(context: Context, found: Sequence[Grouping], left: list[str]) -> Measure:
    outcome = outcome_of(context)
    truth = {p: outcome.truth(p) for p in PARTS}
    tested, detail = _enough(found, {p: t >= 0 for p, t in truth.items()}, left)
    wholes: dict[Part, list[Estimate]] = {"synthetic": [], "holdout": []}
    parts = []
    for each in tested:
        rates = {p: each.rates(p, t >= 0, t == 1) for p, t in truth.items()}
        name = each.grouping.name
        values, references = (
            amplified(rates["train"], rates[p], context.rng("fairness", "amplification", name, p)) for p in wholes
        )
        for part, (whole, _) in zip(wholes, (values, references), strict=True):
            wholes[part].append(whole)
        labels = [name, *(each.grouping.label(i) for i in each.places)]
        for label, value, reference in zip(
            labels, [values[0], *values[1]], [references[0], *references[1]], strict=True
        ):
            if label is not None:
                within = value.within(AMPLIFICATION.floor, AMPLIFICATION.ceiling)
                parts.append(_share(label, within, reference.value, value.n))
    worst = {p: max(w, key=lambda e: e.value) for p, w in wholes.items()}
    said = "; ".join(filter(None, [outcome.said, detail]))
    return AMPLIFICATION.ok(worst["synthetic"], worst["holdout"], said, parts=parts)


FAMILY = Family("fairness", CARDS, _measure)
