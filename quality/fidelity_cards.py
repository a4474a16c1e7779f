"""What each measure of fidelity is: its name, direction, range, method and source."""

from __future__ import annotations

from proofset.evidence import MIN_COUNT, Direction
from quality.base import MeasureCard
from quality.fidelity_columns import MOST

_HALF = "half-sample interval"
DEVIATIONS = "standard deviations"

SHAPE = MeasureCard(
    "fidelity.shape_error",
    "Column shapes: mean distance",
    Direction.LOWER,
    "Mean over columns of the Kolmogorov–Smirnov (numbers) or total variation (categories) distance to the training"
    f" table; 1 − SDMetrics Column Shapes; {_HALF}",
    "Dankar, Ibrahim 2021, doi:10.3390/app11052158",
)
PAIR = MeasureCard(
    "fidelity.pair_error",
    "Column pairs: mean distance",
    Direction.LOWER,
    "Mean over related pairs of columns of the distance between correlations or contingency tables;"
    f" 1 − SDMetrics Column Pair Trends; {_HALF}",
    "Zhang et al. 2024 (TabSyn), doi:10.48550/arXiv.2310.09656",
)
EVERY_PAIR = MeasureCard(
    "fidelity.every_pair_error",
    "Every column pair: mean distance",
    Direction.LOWER,
    f"As pair_error over every pair, so that a relation the source does not have counts too; {_HALF}",
    "Zhang et al. 2024 (TabSyn), doi:10.48550/arXiv.2310.09656",
)
TRIPLE = MeasureCard(
    "fidelity.triple_error",
    "Column triples: mean distance",
    Direction.LOWER,
    "Mean over triples of columns of the total variation between three-way tables (numbers in 8 bins of equal weight,"
    f" the 15 most frequent categories); {_HALF}",
    "McKenna, Miklau, Sheldon 2021, doi:10.29012/jpc.778",
)
WASSERSTEIN = MeasureCard(
    "fidelity.wasserstein",
    "Numbers: mean Wasserstein distance",
    Direction.LOWER,
    "Mean over numbers and times of the Wasserstein-1 distance to the training column, in its standard deviations, at"
    f" most {MOST:g}; {_HALF}",
    "Ramdas, Trillos, Cuturi 2017, doi:10.3390/e19020047",
    ceiling=MOST,
    unit=DEVIATIONS,
)
MEAN = MeasureCard(
    "fidelity.mean_error",
    "Numbers: difference of means",
    Direction.LOWER,
    "Mean over numbers and times of the absolute difference of means, in the training column's standard deviations, at"
    f" most {MOST:g}; {_HALF}",
    "Snoke et al. 2018, doi:10.1111/rssa.12358",
    ceiling=MOST,
    unit=DEVIATIONS,
)
SPREAD = MeasureCard(
    "fidelity.spread_error",
    "Numbers: difference of spreads",
    Direction.LOWER,
    "Mean over numbers and times of the absolute logarithm of the ratio of standard deviations (0.1 is 10 % wider or"
    f" narrower), at most {MOST:g}; {_HALF}",
    "Snoke et al. 2018, doi:10.1111/rssa.12358",
    ceiling=MOST,
    unit="logarithm",
)
CORRELATION = MeasureCard(
    "fidelity.correlation_error",
    "Numbers: difference of correlations",
    Direction.LOWER,
    f"Mean over pairs of numbers and times of the absolute difference of Pearson's correlations; {_HALF}",
    "Zhang et al. 2024 (TabSyn), doi:10.48550/arXiv.2310.09656",
    ceiling=2.0,
    unit="correlation",
)
RANGE = MeasureCard(
    "fidelity.range_coverage",
    "Numbers: range covered",
    Direction.HIGHER,
    f"Mean over numbers and times of the share of the training column's range that is covered; an end is the mean of"
    f" the {MIN_COUNT} outermost values; {_HALF}",
    "Patki, Wedge, Veeramachaneni 2016, doi:10.1109/DSAA.2016.49",
)
CATEGORY = MeasureCard(
    "fidelity.category_coverage",
    "Categories covered",
    Direction.HIGHER,
    "Mean over categorical columns of the share of the training table's categories that occur; Poisson interval",
    "Goncalves et al. 2020, doi:10.1186/s12874-020-00977-1",
)
CARDS = (SHAPE, PAIR, EVERY_PAIR, TRIPLE, WASSERSTEIN, MEAN, SPREAD, CORRELATION, RANGE, CATEGORY)
