"""What the attacks that single out, link and infer share: who is attacked, how a risk is told from a success rate,
and when an attack proves nothing.

After Giomi, Boenisch, Wehmeyer, Tasnádi 2023, doi:10.56553/popets-2023-0055. Each attack runs

    on training rows, with the synthetic table     its success rate
    on holdout rows, with the synthetic table      the control: what anybody's data would have told the attacker
    without a search, by guessing                  the naive baseline

and the risk is what is left of the success after the control: (attack - control) / (1 - control).

Each runs twice more: with a table into which training rows were planted (the positive control: an attack that does
not find them had no power here, and its silence proves nothing), and with holdout rows that are not attacked in the
synthetic table's place (the reference, 0 in expectation).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import sqrt

import numpy as np

from proofset.codes import Column
from proofset.evidence import Measure, Share
from quality.base import Context, InconclusiveError, MeasureCard, UnsupportedError
from quality.neighbours import Places, Rows, Space, space
from quality.stats import Estimate, Floats, Z, wilson

PAPER = "Giomi, Boenisch, Wehmeyer, Tasnádi 2023, doi:10.56553/popets-2023-0055"
MIN_ATTACKED = 100
"""Fewer holdout rows give no control."""
PLANTED = 0.2
"""Share of the attacked training rows that the positive control plants."""
POWERLESS = "the attack does not find rows planted for it, so that it proves nothing"
FOUND = 0.1
"""An attack that finds a smaller share of what was planted has no power."""
CLEAR = 3.3
"""Standard errors beyond which a risk is no chance: 1 in 2,000 tables without one."""
_CERTAIN = 0.99
_LEAST = 1e-9


@dataclass(frozen=True)
class Trial:
    """One run of an attack. attack, control: successes on training and on holdout rows, one number in [0, 1] each
    (more than 1 where a success stands for several).  naive: the success rate of guessing."""

    attack: Floats
    control: Floats
    naive: float

    @property
    def risk(self) -> Estimate:
        """What is left after the control."""
        return excess(rate(self.attack), rate(self.control))


@dataclass(frozen=True)
class Variant:
    """One way to attack. published, planted, reference: its run with each of the three tables."""

    name: str
    published: Trial
    planted: Trial
    reference: Trial

    @property
    def gain(self) -> float:
        """By how much planting raises the risk; PLANTED at most where it was 0."""
        return self.planted.risk.value - self.published.risk.value

    @property
    def added(self) -> float:
        """By how much planting raises the risk, in half widths of its interval: above 1 the leak would show."""
        planted = self.planted.risk
        return self.gain / max(planted.value - planted.low, _LEAST)

    @property
    def clear(self) -> float:
        """The published table's risk in standard errors."""
        risk = self.published.risk
        return Z * risk.value / max(risk.value - risk.low, _LEAST)


@dataclass(frozen=True)
class Targets:
    """Whose rows are attacked, and with which tables, in one space.

    train, control: the rows attacked.  among: the synthetic rows, shuffled.  planted: the rows of `train` that the
    positive control adds to them, and the turn of either at which ties are broken.  others: holdout rows that stand
    in the synthetic table's place, where only `unseen` of the control rows are attacked.
    shuffled, stand_in: which rows `among` and `others` are.
    """

    where: Space
    train: Places
    control: Places
    unseen: Places
    shuffled: Places
    stand_in: Places
    planted: Places
    turns: tuple[Places, Places]

    @cached_property
    def among(self) -> Rows:
        """The synthetic rows, shuffled."""
        return self.where.rows["synthetic"].taken(self.shuffled)


def targets(context: Context) -> Targets:
    """Draw the rows that are attacked; once for all attacks. Raises UnsupportedError, InconclusiveError."""
    return context.once("attacks.targets", lambda: _targets(context))


def _targets(context: Context) -> Targets:
    columns, rows = context.encoded.columns, context.encoded.rows
    if len(columns) < 2:
        raise UnsupportedError("fewer than two columns are modelled")
    if rows["synthetic"] == 0:
        raise InconclusiveError("the synthetic table has no rows")
    if min(rows["holdout"] // 2, rows["train"]) < MIN_ATTACKED:
        raise InconclusiveError(f"fewer than {2 * MIN_ATTACKED} holdout rows: no control to hold the attack against")
    rng, guesses = context.rng("attacks"), context.table.quality.guesses
    train = rng.permutation(rows["train"])[:guesses]
    mixed, half = rng.permutation(rows["holdout"]), rows["holdout"] // 2
    shuffled = rng.permutation(rows["synthetic"])
    planted = rng.permutation(len(train))[: max(1, round(PLANTED * len(train)))]
    # Two places a row, so that a planted row has a turn between two synthetic ones.
    turns = np.arange(rows["synthetic"]) * 2, rng.integers(0, rows["synthetic"], len(planted)) * 2 + 1
    return Targets(
        space(columns, "range"), train, mixed[:guesses], mixed[: min(guesses, half)], shuffled, mixed[half:], planted,
        turns,
    )  # fmt: skip


def known(context: Context) -> tuple[str, ...]:
    """The columns an attacker may know of a person: the quasi-identifiers; where none are declared, all that are no
    secrets. Columns that are not modelled are left out."""
    asked, names = context.table.quality, [c.name for c in context.encoded.columns]
    if asked.quasi_identifiers:
        return tuple(n for n in names if n in asked.quasi_identifiers)
    return tuple(n for n in names if n not in asked.secrets)


def secrets(context: Context) -> tuple[Column, ...]:
    """The columns an attacker would like to know: the declared ones, or every modelled one in turn."""
    asked = context.table.quality.secrets
    return tuple(c for c in context.encoded.columns if not asked or c.name in asked)


def rate(successes: Floats) -> Estimate:
    """Mean success with Wilson's interval, at the number of independent yes-or-no answers that vary as much.

    (Korn, Graubard 1998, Survey Methodology 24(2): effective sample size; for plain yes or no it is the number itself.)
    """
    count = len(successes)
    share = float(np.clip(successes.mean(), 0.0, 1.0)) if count else 0.0
    plain = set(np.unique(successes)) <= {0.0, 1.0}
    spread = 0.0 if plain or count < 2 else float(successes.var(ddof=1))
    effective = count * share * (1 - share) / spread if spread > 0 and 0 < share < 1 else float(count)
    found = wilson(share * effective, effective)
    return Estimate(share, found.low, found.high, count)


def excess(attack: Estimate, control: Estimate) -> Estimate:
    """(attack - control) / (1 - control) and its interval, not yet clipped at 0.

    It is 1 - p / q of the two rates of failure, and the interval of a ratio follows from those of its terms
    (MOVER: Donner, Zou 2012, doi:10.1177/0962280210383082).
    """
    p, p_low, p_high = 1 - attack.value, 1 - attack.high, 1 - attack.low
    q, q_low, q_high = 1 - control.value, 1 - control.high, 1 - control.low
    product = p * q
    low = high = 0.0
    above, below = q_high * (2 * q - q_high), q_low * (2 * q - q_low)
    if above > 0:
        high = 1 - (product - sqrt(max(product**2 - p_low * q_high * (2 * p - p_low) * (2 * q - q_high), 0))) / above
    else:
        high = 1.0
    if below > 0:
        low = 1 - (product + sqrt(max(product**2 - p_high * q_low * (2 * p - p_high) * (2 * q - q_low), 0))) / below
    else:
        low = -1.0
    value = 1 - p / q if q > 0 else 0.0
    return Estimate(value, min(low, value), max(high, value), attack.n)


def concluded(card: MeasureCard, variants: list[Variant], parts: list[Share], sampled: str, note: str = "") -> Measure:
    """The measure: of several ways to attack the one that would notice a leak best, or why it proves nothing.

    Neither the choice nor the power may rest on the published table's success: chance that makes one way look
    successful would choose it, and bias the risk. So both look at what the planted rows add to it. Only a risk too
    clear to be chance (CLEAR standard errors) is told whatever they add: where most rows are copies, planting more
    adds nothing.
    """
    best = max(variants, key=lambda v: v.added)
    clearest = max(variants, key=lambda v: v.clear)
    if clearest.clear > CLEAR:
        best = clearest
    power, own = best.planted.risk, best.published
    attack, control = rate(own.attack), rate(own.control)
    proof = f"positive control: risk {power.value:.3f} [{max(power.low, 0):.3f}, {power.high:.3f}]"
    if (best.added <= 1 or best.gain < FOUND * PLANTED) and best.clear <= CLEAR:
        return card.inconclusive(f"{POWERLESS}; {proof}", attack.n)
    if control.value >= _CERTAIN:
        return card.inconclusive("the control succeeds on nearly every holdout row: rows are too alike to tell")
    if attack.high < own.naive:
        return card.inconclusive(f"the attack does worse than guessing ({attack.value:.3f} against {own.naive:.3f})")
    way = f"by {best.name}; " if len(variants) > 1 else ""
    said = f"{way}success {attack.value:.3f}, on the control {control.value:.3f}, by guessing {own.naive:.3f}; {proof}"
    if len(variants) > 1:
        parts = parts + [share(v.name, v.published, v.reference) for v in variants]
    return card.ok(own.risk, best.reference.risk, said + note, parts=parts, sampled=sampled)


def share(part: str, own: Trial, reference: Trial) -> Share:
    """One part's risk, clipped to [0, 1], with its interval and its reference."""
    value, low, high = own.risk.within(0.0, 1.0)
    about = reference.risk.within(0.0, 1.0)[0]
    return Share(part=part, value=value, low=low, high=high, reference=about, n=len(own.attack))


def drawn(context: Context, made: Targets) -> str:
    """What the sample was, in words."""
    rows = context.encoded.rows
    return (
        f"{len(made.train):,} of {rows['train']:,} training rows and {len(made.control):,} of {rows['holdout']:,}"
        " holdout rows, seed quality/attacks"
    )
