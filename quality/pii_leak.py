"""Leaked identifiers: does a synthetic table hold an e-mail address, account or number that a training row holds?

An exact match on what is left without separators and capitals, of the kinds that the training texts were found to hold.
An identifier that MIN_COUNT training rows share, such as a hotline, is nobody's own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from proofset.evidence import MIN_COUNT, Direction, Share
from quality import pii
from quality.base import Context, Family, InconclusiveError, MeasureCard, Observed, UnsupportedError, column_of
from quality.stats import wilson

CARD = MeasureCard(
    "privacy.pii_leak",
    "Rows with a real person's identifier",
    Direction.LOWER,
    "Share of synthetic rows in which a text holds an e-mail address, account, card, telephone or national number that"
    " a training row holds; Wilson interval",
    "McCallister, Grance, Scarfone 2010, doi:10.6028/NIST.SP.800-122",
)


def real_identifiers(table: pa.Table) -> tuple[frozenset[str], frozenset[str]]:
    """The identifiers in a table's texts that fewer than MIN_COUNT rows share, and the kinds they are of."""
    rows: Counter[str] = Counter()
    kinds: set[str] = set()
    for name in table.column_names:
        if not pii.texts(column_of(table, name)):
            continue
        words, counts = pii.counted(column_of(table, name))
        found = {s.part for s in pii.detect(words, counts)}
        kinds |= found
        for word, count in zip(words, counts.tolist(), strict=True):
            for plain in {h.plain for h in pii.identifiers(word, found)}:
                rows[plain] += count
    return frozenset(p for p, n in rows.items() if n < MIN_COUNT), frozenset(kinds)


def holding(
    table: pa.Table, real: frozenset[str], kinds: Iterable[str]
) -> tuple[npt.NDArray[np.bool_], dict[str, float]]:
    """Which rows hold one of the identifiers in a text, and the share of rows by column."""
    wanted = frozenset(kinds)
    rows = np.zeros(table.num_rows, bool)
    shares: dict[str, float] = {}
    for name in table.column_names:
        if not pii.texts(column_of(table, name)):
            continue
        coded = pii.flat(column_of(table, name)).dictionary_encode()
        words = coded.dictionary.to_pylist()
        has = np.fromiter((any(h.plain in real for h in pii.identifiers(w, wanted)) for w in words), bool, len(words))
        own = np.append(has, False)[np.asarray(pc.fill_null(coded.indices, len(words)))]
        shares[name] = float(own.mean())
        rows |= own
    return rows, shares


def _measure(context: Context) -> Observed:
    if not any(pii.texts(column) for column in context.train.columns):
        raise UnsupportedError("no column holds texts")
    real, kinds = real_identifiers(context.train)
    if not real:
        raise UnsupportedError("the training texts hold no identifier of a person")
    if not min(context.synthetic.num_rows, context.holdout.num_rows):
        raise InconclusiveError("a table has no rows")
    (made, by_column), (held, by_held) = (holding(t, real, kinds) for t in (context.synthetic, context.holdout))
    parts = [
        Share(part=n, value=round(v, 10), reference=None if n not in by_held else round(by_held[n], 10), n=len(made))
        for n, v in by_column.items()
    ]
    value, reference = (wilson(float(rows.sum()), len(rows)) for rows in (made, held))
    return Observed((CARD.ok(value, reference, f"kinds: {', '.join(sorted(kinds))}", parts=parts),))


FAMILY = Family("pii", (CARD,), _measure)
