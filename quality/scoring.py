"""Scoring: every registered measure of one synthetic table, in a fixed order, bound to the digests it is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version

import pyarrow as pa

from proofset import __version__
from proofset.errors import ProofsetError
from proofset.evidence import Measure, Profile, Scorecard
from proofset.progress import Progress, part, silent
from proofset.spec import TableSpec
from quality import ON_REQUEST, REGISTRY
from quality.base import Beside, Context, Family
from quality.canary_rows import Canaries
from quality.union import FAMILY as UNION

_LIBRARIES = ("numpy", "pyarrow", "scikit-learn", "sdmetrics")


def score(
    train: pa.Table,
    holdout: pa.Table,
    synthetic: pa.Table,
    *,
    profile: Profile,
    table: TableSpec,
    seed: int,
    digests: tuple[str, str, str],
    progress: Progress = silent,
    canaries: Canaries | None = None,
    reports: bool | None = None,
    workers: int = 2,
    others: Sequence[Beside] = (),
) -> Scorecard:
    """Measure `synthetic` against the table it was made from and against rows nobody has seen.

    Parameters
    ----------
    profile: of the source; says which columns are modelled. The others are left out of every measure but structure.
    table: what the spec declares: target, constraints, groups, secrets.
    digests: of train, holdout and synthetic, as they stand in the scorecard.
    reports: also run SDMetrics' own reports; None for what the spec says (quality.sdmetrics).
    workers: threads a family may use; no value depends on their number.
    canaries: invented rows and the table of a model trained with them, or None.
    others: the other live releases of the source; the attacks run again on all of them together.

    A family that fails yields measures with status "error"; scoring itself does not fail. The same arguments give
    the same scorecard. Raises ProofsetError where two families name a measure alike, before anything is measured.
    """
    wanted = table.quality.sdmetrics if reports is None else reports
    asked = [name for name in REGISTRY if wanted or name not in ON_REQUEST]
    families = {name: REGISTRY[name] for name in asked} | ({"union": UNION} if others else {})
    _require_distinct(families)
    measures: list[Measure] = []
    inside: list[Progress] = [silent]

    def told(message: str, share: float) -> None:
        inside[0](message, share)

    ordered = tuple(sorted(others, key=lambda o: o.digest))
    context = Context(train, holdout, synthetic, profile, table, seed, workers, canaries, told, ordered)
    for done, (name, family) in enumerate(families.items()):
        progress(f"measuring {name}", done / len(families))
        inside[0] = part(progress, done / len(families), (done + 1) / len(families))
        measures.extend(family.observe(context).measures)
    progress("measured", 1.0)
    return Scorecard(
        train_digest=digests[0],
        holdout_digest=digests[1],
        synthetic_digest=digests[2],
        measures=tuple(sorted(measures, key=lambda m: m.name)),
        union=tuple(o.digest for o in ordered) or None,
        versions={"proofset": __version__, **{name: version(name) for name in _LIBRARIES}},
    )


def _require_distinct(families: Mapping[str, Family]) -> None:
    """Names of measures stand once, in one family: a policy that asks for one must not mean two."""
    owners: dict[str, str] = {}
    for family, made in families.items():
        for card in made.cards:
            if card.name in owners:
                more = "twice" if owners[card.name] == family else f"and of '{family}'"
                raise ProofsetError(
                    f"The measure '{card.name}' is one of '{owners[card.name]}' {more}.",
                    why="A policy that asks for it could not say which.",
                    fix="Give one of the two another name.",
                )
            owners[card.name] = family
