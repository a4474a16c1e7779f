"""Canary exposure: does a model trained with invented rows come nearer to these than to invented rows it never saw?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa

from proofset.codes import encode
from proofset.evidence import Direction
from quality.attacks import POWERLESS
from quality.base import Context, Family, InconclusiveError, MeasureCard, Observed, UnsupportedError
from quality.neighbours import Boxes, how_near, space
from quality.stats import Estimate, Floats, auc

LEAST = 20
"""Canaries of each kind; fewer tell nothing."""

EXPOSURE = MeasureCard(
    "privacy.canary_exposure",
    "Invented rows remembered by the generator",
    Direction.LOWER,
    "AUC of telling canaries the same generator was trained with from canaries withheld, by the distance to the nearest"
    " row of its table; 0.5 is perfect; DeLong interval",
    "Carlini et al. 2019, doi:10.48550/arXiv.1802.08232",
)


def _measure(context: Context) -> Observed:
    canaries = context.canaries
    if canaries is None:
        raise UnsupportedError("no canaries were planted: set quality.canaries to a number of them, such as 100")
    count = canaries.planted.num_rows
    if min(count, canaries.withheld.num_rows) < LEAST:
        raise InconclusiveError(f"fewer than {LEAST} canaries were planted")
    both = pa.concat_tables([canaries.planted, canaries.withheld])
    published, holdout = (
        _near(replace(context, holdout=both, synthetic=t, _memo={})) for t in (canaries.synthetic, context.holdout)
    )
    leaked = published[0].copy()
    leaked[context.rng("canaries").permutation(count)[: max(1, count // 2)]] = 0.0
    power = _told(leaked, published[1])
    proof = f"positive control: AUC {power.value:.3f} [{power.low:.3f}, {power.high:.3f}]"
    if power.low <= 0.5:
        raise InconclusiveError(f"{POWERLESS}; {proof}")
    said = f"{count:,} canaries planted and {len(published[1]):,} withheld; {proof}"
    return Observed((EXPOSURE.ok(_told(*published), _told(*holdout), said),))


def _near(context: Context) -> tuple[Floats, Floats]:
    """Distances of planted and withheld canaries, which stand in the holdout's place, to the nearest synthetic row."""
    encoded = encode(context.train, context.holdout, context.synthetic, context.profile)
    if not encoded.columns:
        raise UnsupportedError("no column is modelled")
    where = space(encoded.columns, "rank").rows
    near = how_near(where["holdout"], Boxes.of(where["synthetic"]), context.workers)
    count = context.canaries.planted.num_rows if context.canaries else 0
    return near[:count], near[count:]


def _told(planted: Floats, withheld: Floats) -> Estimate:
    return auc(-np.minimum(planted, 1e9), -np.minimum(withheld, 1e9))


FAMILY = Family("canaries", (EXPOSURE,), _measure)
