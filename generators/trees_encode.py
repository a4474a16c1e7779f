"""Encoding: the code a value would have had, for values that were not there when the codec was learned."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from generators.tables import TableCodec
from generators.trees_cells import END
from generators.trees_conditions import Column
from proofset.rows import Rows


class Encoder:
    """Codes of values of one column, for use as features."""

    def __init__(self, column: Column) -> None:
        codec = column.codec
        codes = np.arange(codec.codes)
        lowest, missing = column.values(codes, np.zeros(len(codes)))
        highest, _ = column.values(codes, np.full(len(codes), END))
        wide = (lowest != highest) & ~missing
        alone = ~wide & ~missing
        self.is_number = column.is_number
        self.atoms, self.atom_codes = _sorted(lowest[alone], codes[alone])
        self.lowest, self.bin_codes = _sorted(lowest[wide], codes[wide])
        self.highest = _sorted(lowest[wide], highest[wide])[1]
        likely = int(np.argmax(codec.weights)) if len(codes) else 0
        self.missing = int(codes[missing][0]) if missing.any() else likely
        self.unknown = int(self.bin_codes[0]) if len(self.bin_codes) else self.missing

    def encode(self, values: np.ndarray, missing: np.ndarray) -> np.ndarray:
        """Return the code of every value: its own; for a number without one that of the bin around it or, failing
        that, the nearest; for a word without one that of the pool."""
        codes = np.full(len(values), self.missing, np.int64)
        present = np.flatnonzero(~missing)
        values = values[present]
        if len(self.atoms):
            after = np.searchsorted(self.atoms, values).clip(0, len(self.atoms) - 1)
            before = (after - 1).clip(0)
            far = _distance(values, self.atoms[before]) <= _distance(values, self.atoms[after])
            atom = np.where(far, before, after)
            gap = _distance(values, self.atoms[atom])
            found = self.atom_codes[atom]
        else:
            gap, found = np.full(len(values), np.inf), np.full(len(values), self.unknown)
        if not self.is_number:
            found = np.where(gap == 0, found, self.unknown)
        elif len(self.lowest):
            inside = (np.searchsorted(self.lowest, values, side="right") - 1).clip(0)
            for bin_ in (inside, (inside + 1).clip(max=len(self.lowest) - 1)):
                nearest = np.clip(values, self.lowest[bin_], self.highest[bin_])
                apart = _distance(values, nearest)
                better = (apart < gap) | ((apart == 0) & (gap > 0))
                gap, found = np.where(better, apart, gap), np.where(better, self.bin_codes[bin_], found)
        codes[present] = found
        return codes


def encode(codec: TableCodec, rows: Rows) -> list[np.ndarray]:
    """Return the codes of a table's rows by column."""
    codes = []
    for field, own in zip(codec.schema, codec.codecs, strict=True):
        column, values = Column(field.name, own, field.type), rows.column(field.name).combine_chunks()
        whole = pa.concat_arrays(values.chunks) if isinstance(values, pa.ChunkedArray) else values
        codes.append(Encoder(column).encode(*column.read(whole)))
    return codes


def _sorted(keys: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(keys, kind="stable")
    return keys[order], values[order]


def _distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """How far apart, in floats, but 0 only for equals."""
    apart = np.abs(a.astype(float) - b.astype(float))
    return np.where((apart == 0) & (a != b), 0.5, apart)
