"""Canaries: invented rows hidden among the training rows of a second model, and as many kept back.

A canary is a rare combination of common values: each value is shared by at least MIN_COUNT training rows (or lies
between protected quantiles), so that canaries disclose nothing, and nobody has the combination. Half of them go into
the training rows of a model made with the same generator; where its table lies nearer to these than to the other half,
the generator remembers rows (Carlini et al. 2019, The Secret Sharer, doi:10.48550/arXiv.1802.08232).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from proofset.codes import encode, modelled
from proofset.evidence import MIN_COUNT, ColumnProfile, Profile
from quality.neighbours import Boxes, how_near, space

CANDIDATES = 4
"""Rows invented for each canary; those farthest from every training row are taken."""
MAX_COMPARED = 50_000


@dataclass(frozen=True)
class Canaries:
    """planted: rows the second model was trained on.  withheld: as many it was not.  synthetic: that model's table."""

    planted: pa.Table
    withheld: pa.Table
    synthetic: pa.Table


def invent(train: pa.Table, profile: Profile, count: int, rng: np.random.Generator) -> tuple[pa.Table, pa.Table]:
    """`count` canaries to plant and `count` to withhold, in the columns and types of `train`.

    Columns that are not modelled, which no generator learns, hold values of training rows drawn for each on its own.
    """
    described = {c.name: c for c in modelled(profile, train)}
    wanted = 2 * count * CANDIDATES
    made = pa.table(
        {name: _drawn(train[name], described.get(name), wanted, rng) for name in train.column_names},
        schema=train.schema,
    )
    some = train.take(rng.permutation(train.num_rows)[:MAX_COMPARED])
    encoded = encode(some, made, made, profile)
    apart = np.zeros(wanted)
    if encoded.columns:
        where = space(encoded.columns, "rank").rows
        apart = how_near(where["holdout"], Boxes.of(where["train"]))
    farthest = rng.permutation(np.argsort(-apart, kind="stable")[: 2 * count])
    return made.take(farthest[:count]), made.take(farthest[count:])


def _drawn(column: pa.ChunkedArray, known: ColumnProfile | None, count: int, rng: np.random.Generator) -> pa.Array:
    """Values for one column of the candidates."""
    if known is None:
        return column.take(rng.integers(0, len(column), count)).combine_chunks()
    plain = column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
    counted = pc.value_counts(plain.drop_null())
    common = counted.field("values").filter(pc.greater_equal(counted.field("counts"), MIN_COUNT))
    if len(common) > 1 or known.quantiles == {}:
        found = common.take(pa.array(rng.integers(0, len(common), count))) if len(common) else pa.nulls(count)
        return found.cast(column.type)
    low, high = known.quantiles[min(known.quantiles, key=float)], known.quantiles[max(known.quantiles, key=float)]
    numbers = rng.uniform(low, high, count)
    if pa.types.is_temporal(plain.type):  # quantiles are in seconds
        return pa.array(np.round(numbers * 1e6).astype(np.int64), pa.timestamp("us")).cast(column.type, safe=False)
    if known.integral:
        return pa.array(np.round(numbers)).cast(column.type)
    return pa.array(numbers).cast(column.type, safe=False)
