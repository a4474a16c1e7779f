"""What the utility family measures."""

from __future__ import annotations

from proofset.evidence import Direction
from quality.base import MeasureCard

_TSTR = "Esteban, Hyland, Rätsch 2017, doi:10.48550/arXiv.1706.02633"

AUC = MeasureCard(
    "utility.tstr_auc",
    "Trained on synthetic, tested on real (AUC)",
    Direction.HIGHER,
    "AUC on the holdout of gradient-boosted trees trained on the synthetic table; DeLong interval (two classes) or"
    " jackknife (mean one-against-rest AUC), widened by the variance of training",
    _TSTR,
    unit="AUC",
)
R2 = MeasureCard(
    "utility.tstr_r2",
    "Trained on synthetic, tested on real (R²)",
    Direction.HIGHER,
    "R² on the holdout of gradient-boosted trees trained on the synthetic table; jackknife interval,"
    " widened by the variance of training",
    _TSTR,
    floor=-1.0,
    unit="R²",
)
GAP = MeasureCard(
    "utility.tstr_gap",
    "Lost by training on synthetic rows",
    Direction.LOWER,
    "AUC (or R²) on the holdout of a model trained on real rows minus that of one trained on synthetic rows; interval:"
    " paired bootstrap of the test rows, with the variance of training from disjoint parts of both tables",
    "Esteban, Hyland, Rätsch 2017, doi:10.48550/arXiv.1706.02633; Efron, Tibshirani 1993, doi:10.1201/9780429246593",
    floor=-2.0,
    ceiling=2.0,
    unit="difference",
)
TRTS_AUC = MeasureCard(
    "utility.trts_auc",
    "Trained on real, tested on synthetic (AUC)",
    Direction.HIGHER,
    "AUC on the synthetic table of gradient-boosted trees trained on the training table; DeLong interval (two classes)"
    " or jackknife, widened by the variance of training",
    _TSTR,
    unit="AUC",
)
TRTS_R2 = MeasureCard(
    "utility.trts_r2",
    "Trained on real, tested on synthetic (R²)",
    Direction.HIGHER,
    "R² on the synthetic table of gradient-boosted trees trained on the training table; jackknife interval,"
    " widened by the variance of training",
    _TSTR,
    floor=-1.0,
    unit="R²",
)
IMPORTANCE = MeasureCard(
    "utility.importance_agreement",
    "The same columns matter",
    Direction.HIGHER,
    "Kendall's τ-b of permutation importance on holdout rows between the models trained on real and on synthetic rows;"
    " bootstrap interval over those rows",
    "Fisher, Rudin, Dominici 2019, doi:10.48550/arXiv.1801.01489; Kendall 1945, doi:10.1093/biomet/33.3.239",
    floor=-1.0,
    unit="rank correlation",
)
UPLIFT = MeasureCard(
    "utility.uplift",
    "Gained by adding synthetic rows",
    Direction.HIGHER,
    "Average precision of the rarest class (or R²) on the holdout of a model trained on real and synthetic rows minus"
    " that of one trained on the real rows alone; interval as for the gap",
    "Bowles et al. 2018, doi:10.48550/arXiv.1810.10863",
    floor=-2.0,
    ceiling=2.0,
    unit="difference",
)
CARDS = (AUC, R2, GAP, TRTS_AUC, TRTS_R2, IMPORTANCE, UPLIFT)
