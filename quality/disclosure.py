"""Disclosure: small groups of like people in the synthetic table, and rare values of the source that occur in it.

Both depend on how many rows a table has, so that value and reference are taken at the same number of rows: of the
larger table a random part is considered, not by drawing it but by counting every part with its probability.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from proofset.codes import PARTS, Column, Encoded, Part
from proofset.evidence import MIN_COUNT, Direction, Measure, Share
from quality.base import Context, Family, InconclusiveError, MeasureCard, Observed, UnsupportedError
from quality.copies import row_numbers
from quality.stats import Estimate, Floats, wilson

Counts = npt.NDArray[np.int64]

SMALL = 5
"""Classes with fewer rows are small: the usual k of statistical offices."""
MAX_PAIRS = 1_000
"""Pairs of columns whose combinations are looked at; of more, those of the columns with fewest values."""
MAX_CELLS = 5_000_000

ANONYMITY = MeasureCard(
    "privacy.k_anonymity",
    f"Rows alike with fewer than {SMALL - 1} others",
    Direction.LOWER,
    f"Share of synthetic rows in classes of fewer than {SMALL} rows that agree on all quasi-identifiers; Wilson"
    " interval at the effective number of classes; reference: real rows, as many",
    "Sweeney 2002, doi:10.1142/S0218488502001648",
)
RARE = MeasureCard(
    "privacy.rare_value_disclosure",
    "Rare values of the source that occur",
    Direction.LOWER,
    f"Share of category values that fewer than {MIN_COUNT} training rows have and that occur in as many synthetic rows"
    " as there are holdout rows; Wilson interval; reference: share that occurs in the holdout",
    "Hundepool et al. 2012, doi:10.1002/9781118348239",
)


def small_classes(classes: Counts) -> Estimate:
    """Share of rows whose class, numbered in `classes`, has fewer than SMALL rows.

    Rows of one class are small together, so that the interval counts classes rather than rows.
    """
    size = np.unique(classes, return_counts=True)[1]
    small = size[size < SMALL]
    together = float((small**2).sum() / small.sum()) if len(small) else 1.0
    count = len(classes) / together
    found = wilson(small.sum() / together, count)
    return Estimate(found.value, found.low, found.high, len(classes))


def occurs(count: Counts, rows: int, drawn: int) -> Floats:
    """Probability that a value of `count` of `rows` rows occurs among `drawn` of them."""
    if drawn >= rows:
        return (count > 0).astype(np.float64)
    absent = np.ones(len(count))
    for i in range(int(min(count.max(initial=0), 200))):  # from here on absence is out of the question
        absent *= np.where(count > i, max(rows - drawn - i, 0) / (rows - i), 1.0)
    return 1 - absent


def _anonymity(context: Context) -> Measure:
    declared = context.table.quality.quasi_identifiers
    columns = tuple(c for c in context.encoded.columns if c.name in declared)
    if not columns:
        return ANONYMITY.unsupported("no modelled column is declared in quality.quasi_identifiers")
    rows = row_numbers(Encoded(columns, context.encoded.rows))
    own = rows["synthetic"]
    if not len(own):
        return ANONYMITY.unsupported("the synthetic table has no rows")
    real = np.concatenate([rows["holdout"], rows["train"]])
    chosen = context.rng("disclosure").permutation(len(real))[: len(own)]
    reference = small_classes(real[chosen]) if len(real) >= len(own) else None
    smallest = int(np.unique(own, return_counts=True)[1].min())
    said = f"the smallest class has {smallest} rows (k = {smallest}) over {len(columns)} quasi-identifiers"
    return ANONYMITY.ok(small_classes(own), reference, said)


def _rare(context: Context) -> Measure:
    columns = [c for c in context.encoded.columns if c.discrete]
    if not columns:
        return RARE.unsupported("no column has categories")
    if context.encoded.rows["holdout"] < MIN_HELD:
        return RARE.inconclusive(f"fewer than {MIN_HELD} holdout rows to hold it against")
    coded = {c.name: c.codes(PARTS) for c in columns}
    made = {c.name: _occurring(coded[c.name], context.encoded.rows) for c in columns}
    items, whole = sum(len(m[0]) for m in made.values()), sum(int(m[2].sum()) for m in made.values())
    parts = [_part(name, m) for name, m in made.items() if len(m[0])]
    pairs = _pairs(columns, coded, context.encoded.rows)
    if len(pairs[0]):
        parts.append(_part("pairs of values", pairs))
    if not items:
        rows = context.encoded.rows["synthetic"]
        nothing = Estimate(0.0, 0.0, 0.0, rows)
        return RARE.ok(nothing, nothing, f"no value is shared by fewer than {MIN_COUNT} training rows", parts=parts)
    own, other = (np.concatenate([m[i] for m in made.values()]) for i in (0, 1))
    said = f"{whole:,} of {items:,} rare values occur somewhere in the synthetic table"
    return RARE.ok(_mean(own), _mean(other), said, parts=parts)


MIN_HELD = 200
"""With fewer holdout rows hardly any rare value would occur among as many synthetic ones."""


def _occurring(codes: list[Counts], rows: dict[Part, int]) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
    """For each rare value of one column: the probability that it occurs in a part of the synthetic table and of the
    holdout, equally large, and whether it occurs in the whole synthetic table."""
    size = max(int(c.max(initial=0)) for c in codes) + 1
    train, holdout, synthetic = (np.bincount(c, minlength=size) for c in codes)
    train[0] = 0  # a null is no value
    rare = np.flatnonzero((train > 0) & (train < MIN_COUNT))
    drawn = min(rows["synthetic"], rows["holdout"])
    return (
        occurs(synthetic[rare], rows["synthetic"], drawn),
        occurs(holdout[rare], rows["holdout"], drawn),
        synthetic[rare] > 0,
    )


def _pairs(
    columns: list[Column], coded: dict[str, list[Counts]], rows: dict[Part, int]
) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
    """The same for all combinations of two values that are not rare alone."""
    common = {c.name: [_common(own, coded[c.name][0]) for own in coded[c.name]] for c in columns}
    sizes = {n: max(int(c.max(initial=0)) for c in own) + 1 for n, own in common.items()}
    names = sorted(sizes, key=lambda n: sizes[n])
    chosen = [
        (a, b) for i, b in enumerate(names) for a in names[:i] if sizes[a] * sizes[b] <= MAX_CELLS
    ][:MAX_PAIRS]  # fmt: skip
    found = []
    for a, b in chosen:
        fused = [np.where((x > 0) & (y > 0), x * sizes[b] + y, 0) for x, y in zip(common[a], common[b], strict=True)]
        found.append(_occurring(fused, rows))
    if not found:
        return np.zeros(0), np.zeros(0), np.zeros(0, bool)
    own, other, whole = zip(*found, strict=True)
    return np.concatenate(own), np.concatenate(other), np.concatenate(whole)


def _common(codes: Counts, train: Counts) -> Counts:
    """Codes with 0 for what fewer than MIN_COUNT training rows have."""
    size = int(max(codes.max(initial=0), train.max(initial=0))) + 1
    count = np.bincount(train, minlength=size)
    return np.where(count[codes] >= MIN_COUNT, codes, 0)


def _mean(chance: Floats) -> Estimate:
    return wilson(float(chance.sum()), len(chance))


def _part(name: str, made: tuple[Floats, Floats, npt.NDArray[np.bool_]]) -> Share:
    own = _mean(made[0])
    return Share(
        part=name, value=own.value, low=own.low, high=own.high, reference=float(made[1].mean()), n=len(made[0])
    )


def _measure(context: Context) -> Observed:
    if not context.encoded.columns:
        raise UnsupportedError("no column is modelled")
    if not context.encoded.rows["synthetic"]:
        raise InconclusiveError("the synthetic table has no rows")
    return Observed((_anonymity(context), _rare(context)))


FAMILY = Family("disclosure", (ANONYMITY, RARE), _measure)
