"""The cards of drift's measures. None can gate: they compare tables of one kind, not a candidate with its source."""

from __future__ import annotations

from proofset.evidence import Direction
from quality.base import MeasureCard

LARGEST = 1e6
"""The end of a range that has none; two snapshots that share nothing stay below it."""

_COUNTED = "noise of counting taken off; score interval"
_WORST = "of the worst column"


def _card(name: str, title: str, method: str, paper: str, unit: str = "share", ceiling: float = LARGEST) -> MeasureCard:
    return MeasureCard(f"drift.{name}", title, Direction.LOWER, method, paper, 0.0, ceiling, unit, gates=False)


PSI = _card(
    "psi", "Population stability index", f"PSI {_WORST} over its cells; {_COUNTED}",
    "Yurdakul, Naranjo 2020, doi:10.21314/JRMV.2020.227", "nats",
)  # fmt: skip
JS = _card(
    "js", "Jensen–Shannon divergence", f"Divergence {_WORST} over its cells; {_COUNTED}",
    "Lin 1991, doi:10.1109/18.61115", "bits", 1.0,
)  # fmt: skip
KL = _card(
    "kl", "Kullback–Leibler divergence", f"Divergence of after from before {_WORST} over its cells; {_COUNTED}",
    "Kullback, Leibler 1951, doi:10.1214/aoms/1177729694", "nats",
)  # fmt: skip
WASSERSTEIN = _card(
    "wasserstein", "Wasserstein distance", f"Wasserstein-1 {_WORST} of numbers or times, in standard deviations;"
    " interval from disjoint groups, or the delta method", "Vallender 1974, doi:10.1137/1118101", "standard deviations",
)  # fmt: skip
C2ST = _card(
    "c2st_auc", "Later rows told from earlier (C2ST)", "Cross-validated AUC of gradient-boosted trees telling later"
    " from earlier rows; 0.5 is perfect; DeLong interval", "Lopez-Paz, Oquab 2017, doi:10.48550/arXiv.1610.06545",
    "AUC", 1.0,
)  # fmt: skip
NEW = _card(
    "new_categories", "New categories", f"Share of the later known cells {_WORST} whose category the earlier lacks;"
    " Wilson interval", "Wilson 1927, doi:10.1080/01621459.1927.10502953", ceiling=1.0,
)  # fmt: skip
VANISHED = _card(
    "vanished_categories", "Vanished categories", f"Share of the earlier known cells {_WORST} whose category the later"
    " lacks; Wilson interval", "Wilson 1927, doi:10.1080/01621459.1927.10502953", ceiling=1.0,
)  # fmt: skip
CARDS = (PSI, JS, KL, WASSERSTEIN, C2ST, NEW, VANISHED)
