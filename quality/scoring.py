"""Scoring: every registered measure of one synthetic table, in a fixed order, bound to the digests it is about."""

from __future__ import annotations

from importlib.metadata import version

import pyarrow as pa

from proofset import __version__
from proofset.evidence import Measure, Profile, Scorecard
from proofset.progress import Progress, silent
from quality import REGISTRY
from quality.base import Context

_LIBRARIES = ("numpy", "pyarrow", "scikit-learn", "sdmetrics")


def score(
    train: pa.Table,
    holdout: pa.Table,
    synthetic: pa.Table,
    *,
    profile: Profile,
    target: str | None,
    seed: int,
    digests: tuple[str, str, str],
    progress: Progress = silent,
) -> Scorecard:
    """Measure `synthetic` against the table it was made from and against rows nobody has seen.

    Parameters
    ----------
    profile: of the source; says which columns are modelled. The others are left out of every measure but structure.
    target: the column whose prediction measures utility, or None.
    digests: of train, holdout and synthetic, as they stand in the scorecard.

    A family that fails yields measures with status "error"; scoring itself does not fail. The same arguments give
    the same scorecard.
    """
    context = Context(train, holdout, synthetic, profile, target, seed)
    measures: list[Measure] = []
    details: dict[str, dict[str, float]] = {}
    for done, name in enumerate(REGISTRY):
        progress(f"measuring {name}", done / len(REGISTRY))
        observed = REGISTRY[name].observe(context)
        measures.extend(observed.measures)
        details.update(observed.details)
    progress("measured", 1.0)
    return Scorecard(
        train_digest=digests[0],
        holdout_digest=digests[1],
        synthetic_digest=digests[2],
        measures=tuple(sorted(measures, key=lambda m: m.name)),
        details=details,
        versions={"proofset": __version__, **{name: version(name) for name in _LIBRARIES}},
    )
