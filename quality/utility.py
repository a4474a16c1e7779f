"""Utility: does a model trained on the synthetic table work on real rows (TSTR), and the other way round (TRTS)?

Esteban, Hyland, Rätsch 2017 (arXiv:1706.02633). The reference is the same model trained on the real training rows
(TRTR). A category, an ordinal or a boolean is classified (AUC; the mean one-against-rest AUC where there are several
classes), a number is regressed (R²). Gradient boosting gives the headline; the other model families are parts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from proofset.codes import PARTS, Part
from proofset.evidence import Measure, Share
from quality import augmentation
from quality.augmentation import gained, half_width, named, widened
from quality.base import Context, Family, InconclusiveError, MeasureCard, Observed
from quality.fairness_groups import value_names
from quality.importance import MAX_CELLS, MAX_ROWS, MIN_INPUTS, agreement, losses
from quality.learners import few_threads, together
from quality.stats import Estimate, Floats, Z
from quality.utility_cards import AUC, CARDS, GAP, IMPORTANCE, R2, TRTS_AUC, TRTS_R2, UPLIFT
from quality.utility_noise import MAX_TEST, dealt, noise, tested
from quality.utility_noise import PARTS as DEALT
from quality.utility_scores import Figures, bootstrap, draws_of, scored
from quality.utility_task import LEARNERS, Bench, Codes, Learner, Model, bench_of

BOOSTED = LEARNERS[0]
SOURCES: tuple[Part, ...] = ("train", "synthetic")


@dataclass(frozen=True)
class Pair:
    """Models of one family trained on the real and on the synthetic rows, and their predictions of the holdout.

    rows: what each was trained on.
    """

    models: dict[Part, Model]
    rows: dict[Part, Codes]
    holdout: dict[Part, Floats]


def trained(context: Context, learner: Learner) -> Pair:
    """The two models of one family, made once for every measure that asks. Raises as `task_of` does."""

    def make() -> Pair:
        bench = bench_of(context)
        rows = {p: bench.drawn(learner, p, context.rng("utility", "rows", learner, p)) for p in SOURCES}
        for part in PARTS:
            bench.matrix(learner, part)

        def job(part: Part) -> tuple[Model, Floats]:
            model = bench.fit(learner, (part, rows[part]))
            return model, model.predict("holdout")

        with few_threads():
            found = together([partial(job, p) for p in SOURCES], context.workers)
        both = dict(zip(SOURCES, found, strict=True))
        return Pair({p: m for p, (m, _) in both.items()}, rows, {p: h for p, (_, h) in both.items()})

    return context.once(f"utility {learner}", make)


def _measure(context: Context) -> Observed:
    bench = bench_of(context)
    with few_threads():
        pairs = {learner: trained(context, learner) for learner in LEARNERS}
        study = _Study(context, bench, pairs)
        study.prepare()
        found = study.measures()
    why = "the target is a category" if bench.task.classify else "the target is a number"
    other = (R2, TRTS_R2) if bench.task.classify else (AUC, TRTS_AUC)
    return Observed((*found, *(card.unsupported(why) for card in other)))


class _Study:
    """All that is trained, predicted and drawn for one table's utility."""

    def __init__(self, context: Context, bench: Bench, pairs: dict[Learner, Pair]) -> None:
        self.context, self.bench, self.task, self.pairs = context, bench, bench.task, pairs
        self.asked = self.task.usable("holdout")
        mixed = context.rng("utility", "halves").permutation(self.asked)
        if self.task.classify:  # each half has its share of each class
            mixed = mixed[np.argsort(self.task.truth["holdout"][mixed], kind="stable")]
        self.first, self.second = np.sort(mixed[::2]), np.sort(mixed[1::2])

    def prepare(self) -> None:
        """Train what is still missing, several models at a time."""
        jobs: dict[Any, Callable[[], Any]] = {}
        boosted = self.pairs[BOOSTED]
        sides: tuple[Part, ...] = ("train", "synthetic", "holdout")
        own = {**boosted.rows, "holdout": self.first}
        self.added = {p: self._some(p, own[p]) for p in sides}
        if len(self.added["train"]) < len(own["train"]):
            jobs["alone"] = self._learnt("train")
        jobs["more"], jobs["more real"] = self._learnt("train", "synthetic"), self._learnt("train", "holdout")
        rng = self.context.rng("utility", "importance")
        most = min(MAX_ROWS, MAX_CELLS // len(self.task.inputs))
        shown = np.sort(rng.choice(self.second, min(most, len(self.second)), replace=False))
        orders = np.argsort(rng.random((len(self.task.inputs), len(shown))), axis=1)
        jobs["losses", "holdout"] = lambda: losses(self.bench.fit(BOOSTED, ("holdout", self.first)), shown, orders)
        for part in SOURCES:
            jobs["losses", part] = partial(losses, boosted.models[part], shown, orders)
        few = self.asked
        if len(few) > MAX_TEST:
            few = np.sort(self.context.rng("utility", "few").choice(few, MAX_TEST, replace=False))
        self.noisy: dict[tuple[Learner, Part], list[Any]] = {}
        sizes: dict[tuple[Learner, Part], int] = {}
        for learner, pair in self.pairs.items():
            for part in SOURCES:
                stream = self.context.rng("utility", "parts", learner, part)
                parts = dealt(self.task.truth[part], pair.rows[part], self.task.classify, stream)
                sizes[learner, part] = len(parts[-1])
                for i, rows in enumerate(parts):
                    jobs[learner, part, i] = tested(self.bench, learner, part, rows, few)
        done = dict(zip(jobs, together(list(jobs.values()), self.context.workers), strict=True))
        self.alone: Floats = done.get("alone", boosted.holdout["train"][self.asked])
        self.more: Floats = done["more"]
        self.more_real: Floats = done["more real"]
        self.losses = {part: done["losses", part] for part in ("train", "synthetic", "holdout")}
        self.noise = {
            (learner, part): noise(
                [done[learner, part, i] for i in range(DEALT)], size, len(self.pairs[learner].rows[part])
            )
            for (learner, part), size in sizes.items()
        }

    def _some(self, part: Part, rows: Codes) -> Codes:
        """The rows of one side of the uplift."""
        most = augmentation.MAX_CELLS // len(self.task.inputs)
        if len(rows) <= most:
            return rows
        return np.sort(self.context.rng("utility", "rows", "uplift", part).choice(rows, most, replace=False))

    def _learnt(self, *parts: Part) -> Callable[[], Floats]:
        """A job: the holdout as predicted by what the rows of these sides teach together."""
        return lambda: self.bench.fit(BOOSTED, *((p, self.added[p]) for p in parts)).predict("holdout", self.asked)

    def measures(self) -> list[Measure]:
        """Every measure of this kind of target."""
        classify = self.task.classify
        found = [self._against("holdout", AUC if classify else R2)]
        try:
            found.append(self._against("synthetic", TRTS_AUC if classify else TRTS_R2))
        except InconclusiveError as error:
            found.append((TRTS_AUC if classify else TRTS_R2).inconclusive(str(error)))
        return [*found, *self._differences(), self._importance()]

    def _against(self, part: Part, card: MeasureCard) -> Measure:
        """TSTR where the holdout is the test, TRTS where the synthetic table is; the reference is TRTR in both."""
        values, references = [], []
        taught: Part = "synthetic" if part == "holdout" else "train"
        for learner, pair in self.pairs.items():
            rng = partial(self.context.rng, "utility", "groups")
            real = scored(self.task, "holdout", pair.holdout["train"], rng())
            references.append(widened(real, float(self.noise[learner, "train"][0])))
            predicted = pair.holdout["synthetic"] if part == "holdout" else pair.models["train"].predict(part)
            value = scored(self.task, part, predicted, rng())
            values.append(widened(value, float(self.noise[learner, taught][0])))
        parts = _parts(card, values, references)
        return card.ok(values[0], references[0], self._taught(), parts=parts, sampled=self._sampled())

    def _taught(self) -> str:
        """What was wrong with the synthetic table as a teacher."""
        if not self.task.classify:
            return "" if len(self.task.usable("synthetic")) else "no synthetic row knows the target"
        lost = len(self.task.classes) - len(self.task.known("synthetic"))
        return f"the synthetic table lacks {lost} of {len(self.task.classes)} classes" if lost else ""

    def _differences(self) -> list[Measure]:
        """The gap of each family and the uplift, on the same draws of the holdout."""
        truth = self.task.truth["holdout"][self.asked]
        of = partial(Figures, self.task, "holdout")
        sets = [of(self.asked, self.more), of(self.asked, self.alone)]
        for learner in LEARNERS:
            sets += [of(self.asked, self.pairs[learner].holdout[p][self.asked], headline=True) for p in SOURCES]
        # The reference of the uplift learns from the holdout's first half, and is tested on the second.
        place = np.searchsorted(self.asked, self.second)
        halves = [of(self.second, self.more_real[place]), of(self.second, self.alone[place])]
        strata = truth if self.task.classify else np.zeros(len(truth))
        draws = draws_of(len(truth), len(self.task.classes))
        rng = partial(self.context.rng, "utility", "bootstrap")
        drawn = bootstrap(sets, strata, draws, rng(), self.context.workers)
        again = bootstrap(halves, strata[place], draws, rng("half"), self.context.workers)
        freedom = DEALT - 1
        gaps, floors = [], []
        for i, learner in enumerate(LEARNERS):
            real, made = 2 + 2 * i, 3 + 2 * i
            value = float(sets[real].values()[0] - sets[made].values()[0])
            chance = float(np.var(drawn[real][0] - drawn[made][0], ddof=1))
            spread = [float(self.noise[learner, p][0]) for p in SOURCES]
            half = half_width(chance, sum(spread), 2 * freedom)
            gaps.append(Estimate(value, value - half, value + half, len(truth)))
            # Two real tables of this size differ by nothing but chance.
            half = half_width(chance, 2 * spread[0], freedom)
            floors.append(Estimate(0.0, -half, half, len(truth)))
        learnt = self.noise[BOOSTED, "train"] * len(self.pairs[BOOSTED].rows["train"]) / len(self.added["train"])
        gains, references = (
            gained((s[0].values(), s[1].values()), (d[0], d[1]), learnt, freedom, n)
            for s, d, n in ((sets, drawn, len(self.asked)), (halves, again, len(self.second)))
        )
        first = 1 + self.task.rarer if self.task.classify else 0
        names = ["AUC"] + [f"average precision: {n}" for n in self._class_names()] if self.task.classify else ["R²"]
        shares = named(gains, references, names)
        return [
            GAP.ok(gaps[0], floors[0], self._taught(), parts=_parts(GAP, gaps, floors), sampled=self._sampled()),
            UPLIFT.ok(gains[first], references[first], self._taught(), parts=shares, sampled=self._added()),
        ]

    def _added(self) -> str:
        """Of which side of the uplift only some rows were taken."""
        said = []
        for part in SOURCES:
            few, every = len(self.added[part]), len(self.task.usable(part))
            said += [f"{few:,} of {every:,} {part} rows"] if few < every else []
        return f"{'; '.join(said)}; seed quality/utility/rows/uplift" if said else ""

    def _class_names(self) -> list[str]:
        known = value_names(self.context, self.task.target)
        names = [known.get(float(c)) for c in self.task.classes]
        rare = [i for i, n in enumerate(names) if n is None]
        return [n if n is not None else f"rare class {rare.index(i) + 1}" for i, n in enumerate(names)]

    def _importance(self) -> Measure:
        inputs = len(self.task.inputs)
        if inputs < MIN_INPUTS:
            return IMPORTANCE.unsupported(f"fewer than {MIN_INPUTS} columns to rank")
        rows = len(self.losses["train"])
        estimates = []
        for part in ("synthetic", "holdout"):
            rng = self.context.rng("utility", "importance", "bootstrap")
            found = agreement(self.losses["train"], self.losses[part], rng)
            if found is None:
                return IMPORTANCE.inconclusive("the model trained on real rows rests on no column measurably", rows)
            estimates.append(Estimate(found[0], found[0] - Z * found[1], found[0] + Z * found[1], rows))
        drawn = f"{rows:,} of {len(self.second):,} holdout rows, seed quality/utility/importance"
        return IMPORTANCE.ok(
            estimates[0],
            estimates[1],
            "the reference learns from half of the holdout; all are asked on the other half",
            sampled=drawn if rows < len(self.second) else "",
        )

    def _sampled(self) -> str:
        """Which families learnt from some of the rows alone, and from how many."""
        said = []
        for learner in LEARNERS:
            for part in SOURCES:
                few, every = len(self.pairs[learner].rows[part]), len(self.task.usable(part))
                if few < every:
                    said.append(f"{learner}: {few:,} of {every:,} {part} rows")
        return f"{'; '.join(said)}; seed quality/utility/rows" if said else ""


def _parts(card: MeasureCard, values: list[Estimate], references: list[Estimate]) -> list[Share]:
    made = []
    for learner, value, reference in zip(LEARNERS, values, references, strict=True):
        middle, low, high = value.within(card.floor, card.ceiling)
        about = reference.within(card.floor, card.ceiling)[0]
        made.append(Share(part=learner, value=middle, low=low, high=high, reference=about, n=value.n))
    return made


FAMILY = Family("utility", CARDS, _measure)
