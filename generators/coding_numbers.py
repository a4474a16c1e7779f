"""Coding of numbers, decimals, dates and times.

Everything is a float64 or, where that is exact and a float is not, an int64: times in the unit they are stored in,
decimals as integers of their last place. A value that at least MIN_COUNT rows share (more in a large table) is an
atom with a code of its own; the others are sorted and packed into bins. A bin's values are drawn from a quantile
function through knots, each the mean of MIN_COUNT or more sorted values, so that no row's own number is kept, not
even the smallest and the largest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from generators.coding import Codec, narrow
from proofset.errors import GeneratorError
from proofset.evidence import MIN_COUNT
from proofset.spec import ColumnSpec

FEW = 128
"""Up to this many distinct values, every value of MIN_COUNT rows is an atom."""
BINS = 128
MAX_KNOTS = 4096
MAX_DECIMALS = 12
INT_LIMIT = float(np.nextafter(2.0**63, 0))


class NumberCodec(Codec):
    """Numbers: atoms and bins in the order of their values, then missing.

    atoms: the exact value by code (0 for a bin).  start, stop: ranks by code among the values that are not atoms;
    equal for an atom.  ranks, knots: the quantile function.  decimals: places to round to, None for integers;
    step: integers are multiples of it.
    """

    kind = "numbers"
    ordered = True

    def __init__(
        self,
        arrays: Mapping[str, np.ndarray],
        *,
        decimals: int | None,
        step: int,
        has_missing: bool,
    ) -> None:
        self.weights = arrays["weights"]
        self.atoms = arrays["atoms"]
        self.start, self.stop = arrays["start"], arrays["stop"]
        self.ranks, self.knots = arrays["ranks"], arrays["knots"]
        self.decimals = decimals
        self.step = step
        self.has_missing = has_missing

    def at(self, codes: np.ndarray, share: np.ndarray, kind: pa.DataType) -> pa.Array:
        """Return atoms as they are and bins by interpolation, rounded like the source."""
        missing = codes >= len(self.atoms)
        safe = np.where(missing, 0, codes)
        if len(self.atoms) == 0:
            return to_arrow(np.zeros(len(codes), np.int64), missing, kind)
        values = self.atoms[safe]
        width = self.stop[safe] - self.start[safe]
        inside = np.flatnonzero((width > 0) & ~missing)
        if len(inside):
            rank = self.start[safe[inside]] + share[inside] * width[inside]
            drawn = np.interp(rank, self.ranks, self.knots)
            values[inside] = self.rounded(drawn)
        return to_arrow(values, missing, kind)

    def rounded(self, drawn: np.ndarray) -> np.ndarray:
        """Return numbers rounded like the source, in the type of the atoms."""
        if self.atoms.dtype.kind == "i":
            whole = np.rint(drawn / self.step) * self.step
            return np.asarray(whole.clip(-(2.0**63), INT_LIMIT).astype(np.int64))
        return drawn if self.decimals is None else np.round(drawn, self.decimals)

    def plain(self) -> dict[str, Any]:
        """Return rounding and flags."""
        return {
            "kind": self.kind,
            "decimals": self.decimals,
            "step": str(self.step),  # may be beyond what JSON holds exactly
            "has_missing": self.has_missing,
        }

    def arrays(self) -> dict[str, np.ndarray]:
        """Return weights, atoms, ranks and knots."""
        return {
            "weights": self.weights,
            "atoms": self.atoms,
            "start": self.start,
            "stop": self.stop,
            "ranks": self.ranks,
            "knots": self.knots,
        }

    @classmethod
    def rebuild(cls, plain: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> NumberCodec:
        """Return the codec."""
        return cls(arrays, decimals=plain["decimals"], step=int(plain["step"]), has_missing=bool(plain["has_missing"]))


def learn_numbers(name: str, column: pa.ChunkedArray, spec: ColumnSpec | None = None) -> tuple[NumberCodec, np.ndarray]:
    """Learn a column of numbers; return the codec and each row's code.

    Where `spec.extend` is given, the values of the outermost bins may lie beyond those seen (see `beyond`).

    Raises GeneratorError where fewer than MIN_COUNT rows have a number and none has a null to stand in for them.
    """
    values, missing = from_arrow(column)
    present = values[~missing]
    if 0 < len(present) < MIN_COUNT:
        if not missing.any():
            raise GeneratorError(
                f"Column '{name}' has {len(present)} rows; a number needs at least {MIN_COUNT} to be learned.",
                fix=f"Use more rows, or set tables.*.columns.{name}.treatment to fake or drop.",
            )
        missing = np.ones_like(missing)  # so few numbers could point to their rows: as good as missing
        present = values[:0]
    integral = values.dtype.kind == "i"
    arrays, inner = _layout(present)
    has_missing = bool(missing.any())
    codes = np.full(len(values), len(arrays["atoms"]), inner.dtype)
    codes[~missing] = inner
    arrays["weights"] = np.bincount(codes, minlength=len(arrays["atoms"]) + has_missing)
    if spec is not None and spec.extend is not None:
        scaled = pa.types.is_decimal(column.type) and integral
        arrays |= beyond(arrays, spec, 10.0**column.type.scale if scaled else 1.0)
    step = max(1, int(np.gcd.reduce(present))) if integral and len(present) else 1
    decimals = None if integral else _decimals(present)
    return NumberCodec(arrays, decimals=decimals, step=step, has_missing=has_missing), codes


def _layout(present: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Choose atoms, bins and knots for the values, and give each value its code."""
    distinct, place, counts = np.unique(present, return_inverse=True, return_counts=True)
    enough = MIN_COUNT if len(distinct) <= FEW else max(MIN_COUNT, len(present) // 1000)
    heavy = counts >= enough
    light_rows = int(counts[~heavy].sum())
    if light_rows < MIN_COUNT:  # too few for a bin of their own: each joins the nearest atom
        nearest = _nearest(distinct, heavy)
        atoms = distinct[heavy]
        none = np.zeros(0)
        edges = np.zeros(len(atoms))
        layout = {"atoms": atoms, "start": edges, "stop": edges, "ranks": none, "knots": none}
        return layout, narrow(nearest, len(atoms) + 1)[place]
    bins = _pack(counts[~heavy], max(MIN_COUNT, light_rows // BINS))
    size = np.bincount(bins, weights=counts[~heavy])
    stop = np.cumsum(size)
    middle = np.bincount(bins, weights=distinct[~heavy].astype(float) * counts[~heavy]) / size
    centre = np.concatenate([distinct[heavy].astype(float), middle])
    rank_of = np.argsort(np.argsort(centre, kind="stable"), kind="stable")
    atoms = np.zeros(len(centre), dtype=present.dtype)
    starts, stops = np.zeros(len(centre)), np.zeros(len(centre))
    n_heavy = int(heavy.sum())
    atoms[rank_of[:n_heavy]] = distinct[heavy]
    starts[rank_of[n_heavy:]], stops[rank_of[n_heavy:]] = stop - size, stop
    code_of = np.empty(len(distinct), np.int64)
    code_of[heavy] = rank_of[:n_heavy]
    code_of[~heavy] = rank_of[n_heavy:][bins]
    ranks, knots = _knots(np.repeat(distinct[~heavy], counts[~heavy]))
    layout = {"atoms": atoms, "start": starts, "stop": stops, "ranks": ranks, "knots": knots}
    return layout, narrow(code_of, len(atoms) + 1)[place]


def _nearest(distinct: np.ndarray, heavy: np.ndarray) -> np.ndarray:
    """For each distinct value the index of the nearest heavy one among the heavy ones."""
    atoms = distinct[heavy].astype(float)
    if len(atoms) == 0:
        return np.zeros(len(distinct), np.int64)
    values = distinct.astype(float)
    after = np.searchsorted(atoms, values).clip(0, len(atoms) - 1)
    before = (after - 1).clip(0)
    nearest = np.where(np.abs(atoms[after] - values) <= np.abs(values - atoms[before]), after, before)
    nearest[heavy] = np.arange(len(atoms))  # exact, also where a float is not
    return nearest


def _pack(counts: np.ndarray, least: int) -> np.ndarray:
    """Pack neighbours, in order, into bins of at least `least` rows; the last remainder joins the last bin."""
    bins = np.zeros(len(counts), np.int64)
    current, held = 0, 0
    for i, count in enumerate(counts.tolist()):
        if held >= least:
            current, held = current + 1, 0
        bins[i] = current
        held += count
    if held < least and current > 0:
        bins[bins == current] = current - 1
    return bins


def _knots(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means of equal runs of at least MIN_COUNT sorted values, and the rank at the middle of each run."""
    runs = max(1, min(len(values) // MIN_COUNT, MAX_KNOTS))
    edges = np.linspace(0, len(values), runs + 1).astype(np.int64)
    scale = 2.0**-64 if max(abs(float(values[0])), abs(float(values[-1]))) > 1e280 else 1.0  # lest a sum be infinite
    origin = float(values[len(values) // 2]) * scale  # keeps precision where all numbers are large
    shifted = values.astype(float) * scale - origin
    means = np.add.reduceat(shifted, edges[:-1]) / np.diff(edges)
    return (edges[:-1] + edges[1:]) / 2.0, (means + origin) / scale


SURVIVAL = np.array([0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9])
"""Shares of an outermost run at which an extended tail has a knot."""


def beyond(arrays: Mapping[str, np.ndarray], spec: ColumnSpec, unit: float) -> dict[str, np.ndarray]:
    """Return ranks and knots with exponential tails where an outermost code is a bin.

    The means of an exponential tail's last two equal runs lie 2 ln 2 of its scale apart, which gives the scale without
    any row's own number. No value lies beyond `spec.extend` widths of the range of what is kept, nor beyond
    `spec.min` and `spec.max`. unit: numbers of the codec in 1 of the column's.
    """
    ranks, knots = arrays["ranks"], arrays["knots"]
    wide = arrays["stop"] > arrays["start"]
    if spec.extend is None or len(knots) < 2:
        return {"ranks": ranks, "knots": knots}
    kept = np.concatenate([arrays["atoms"][~wide].astype(float), knots])
    room = (kept.max() - kept.min()) * spec.extend
    rows = float(arrays["stop"].max())
    if wide[-1]:
        limit = kept.max() + room if spec.max is None else min(kept.max() + room, spec.max * unit)
        ranks, knots = _tail(ranks, knots, rows, max(limit, knots[-1]))
    if wide[0]:
        limit = kept.min() - room if spec.min is None else max(kept.min() - room, spec.min * unit)
        turned, mirrored = _tail(rows - ranks[::-1], -knots[::-1], rows, max(-limit, -knots[0]))
        ranks, knots = rows - turned[::-1], -mirrored[::-1]
    return {"ranks": ranks, "knots": knots}


def _tail(ranks: np.ndarray, knots: np.ndarray, rows: float, limit: float) -> tuple[np.ndarray, np.ndarray]:
    """Replace the last knot by an upper tail that ends at `limit`."""
    scale = (knots[-1] - knots[-2]) / (2 * np.log(2))
    run = 2 * (rows - ranks[-1])
    drawn = knots[-1] - scale - scale * np.log(SURVIVAL[::-1])
    # Where two runs lie far apart, the tail may start below what comes before it; where `limit` is near, end at it.
    drawn = np.clip(drawn, knots[-2], limit)
    return np.append(ranks[:-1], rows - SURVIVAL[::-1] * run), np.append(knots[:-1], drawn)


def _decimals(values: np.ndarray) -> int | None:
    """The most decimal places in use; None where there are more than MAX_DECIMALS."""
    for places in range(MAX_DECIMALS + 1):
        if np.array_equal(np.round(values, places), values):
            return places
    return None


def from_arrow(column: pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray]:
    """Return a column's numbers, int64 where that is exact and float64 otherwise, and which are missing.

    NaN and infinities count as missing.
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    array = column.combine_chunks()
    array = pa.concat_arrays(array.chunks) if isinstance(array, pa.ChunkedArray) else array
    missing = ~np.asarray(array.is_valid())
    if pa.types.is_decimal(kind):
        try:
            return _unscaled(array.cast(pa.decimal128(18, kind.scale))), missing
        except pa.ArrowInvalid:  # more digits than an int64 holds
            array, kind = array.cast(pa.float64()), pa.float64()
    if pa.types.is_temporal(kind):
        array = array.view(pa.int64() if kind.bit_width == 64 else pa.int32()).cast(pa.int64())
    elif pa.types.is_integer(kind):
        largest = pc.max(array).as_py() or 0
        array = array.cast(pa.int64() if largest < 2**63 else pa.float64(), safe=False)
    else:
        array = array.cast(pa.float64())
    values = np.asarray(pc.fill_null(array, 0)).copy()
    if values.dtype.kind == "f":
        missing = missing | ~np.isfinite(values)
        values[missing] = 0.0
        values += 0.0  # one zero
    return values, missing


def _unscaled(array: pa.Array) -> np.ndarray:
    """The int64 in a decimal128's lower half."""
    plain = pc.fill_null(array, 0)
    words = np.frombuffer(plain.buffers()[1], dtype="<i8")
    return words[2 * plain.offset : 2 * (plain.offset + len(plain)) : 2].copy()


def to_arrow(values: np.ndarray, missing: np.ndarray, kind: pa.DataType) -> pa.Array:
    """Return numbers as an Arrow array of type `kind`, the inverse of `from_arrow`."""
    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    if pa.types.is_decimal(inner) and values.dtype.kind == "i":
        pair = np.stack([values, values >> 63], axis=1).astype("<i8")
        full = pa.Array.from_buffers(pa.decimal128(18, inner.scale), len(values), [None, pa.py_buffer(pair.tobytes())])
        array = pc.if_else(pa.array(missing), pa.scalar(None, full.type), full).cast(inner)
    elif pa.types.is_decimal(inner):
        array = pa.array(values, mask=missing).cast(inner, safe=False)
    elif pa.types.is_temporal(inner):
        array = pa.array(values, mask=missing)
        array = array.cast(pa.int64() if inner.bit_width == 64 else pa.int32()).view(inner)
    elif pa.types.is_integer(inner):
        low, high = _range(inner)
        if values.dtype.kind == "f":
            values = np.clip(np.rint(values), 0.0, np.nextafter(2.0**64, 0)).astype(np.uint64)
        held = np.iinfo(values.dtype)
        array = pa.array(np.clip(values, max(low, held.min), min(high, held.max)), mask=missing).cast(inner)
    else:
        array = pa.array(values.astype(float), mask=missing).cast(inner, safe=False)
    return array.dictionary_encode().cast(kind) if pa.types.is_dictionary(kind) else array


def _range(kind: pa.DataType) -> tuple[int, int]:
    bits = kind.bit_width
    if pa.types.is_unsigned_integer(kind):
        return 0, 2 ** min(bits, 64) - 1
    return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
