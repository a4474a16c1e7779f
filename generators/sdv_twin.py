"""The protected twin: the table SDV is shown instead of the train table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from generators.blocks import Block
from generators.coding import CategoryCodec, Codec
from generators.coding_numbers import NumberCodec, from_arrow
from generators.tables import TableCodec
from proofset.digest import table_digest

NAME = "table"
ORIGIN_DAYS = 18_262.0
"""Moments are shown to SDV as days since 2020-01-01, whatever their unit: numbers near zero, and comparable."""
DAY = {"s": 86_400.0, "ms": 86_400e3, "us": 86_400e6, "ns": 86_400e9}


@dataclass(frozen=True)
class Twin:
    """The protected twin of a train table.

    frame: numbers as decoded from codes, categories as the words for their codes, columns `c0`, `c1`, ...
    shown: places of the columns in it; a column that is always the same, or always null, is left out.
    """

    frame: pd.DataFrame
    shown: tuple[int, ...]
    codec: TableCodec

    @classmethod
    def of(cls, codec: TableCodec, codes: Sequence[np.ndarray], seed: int) -> Twin:
        """Make the twin for a table's codes."""
        decoded = codec.decode(codes, Block(number=0, first=0, rows=len(codes[0]), seed=seed))
        shown = tuple(place for place, own in enumerate(codec.codecs) if not _constant(own))
        frame = {}
        for place in shown:
            if isinstance(codec.codecs[place], CategoryCodec):
                frame[column_name(place)] = codes[place].astype(str).astype(object)
            else:
                values, missing = from_arrow(decoded.column(place))
                frame[column_name(place)] = np.where(missing, np.nan, to_twin(values, codec.schema.types[place]))
        return cls(pd.DataFrame(frame), shown, codec)

    @property
    def metadata(self) -> dict[str, Any]:
        """What SDV is told about the columns."""
        kinds = {True: "categorical", False: "numerical"}
        columns = {
            column_name(place): {"sdtype": kinds[isinstance(self.codec.codecs[place], CategoryCodec)]}
            for place in self.shown
        }
        return {"METADATA_SPEC_VERSION": "V1", "tables": {NAME: {"columns": columns}}, "relationships": []}

    @property
    def digest(self) -> str:
        """SHA-256 of the twin's content."""
        return table_digest(pa.Table.from_pandas(self.frame, preserve_index=False))


def column_name(place: int) -> str:
    """A column's name in the twin; SDV is not told the real one."""
    return f"c{place}"


def _constant(codec: Codec) -> bool:
    """Whether one code stands for every row, and that code for one value."""
    inside = isinstance(codec, NumberCodec) and bool((codec.stop > codec.start).any())
    return codec.codes <= 1 and not inside


def to_twin(values: np.ndarray, kind: pa.DataType) -> np.ndarray:
    """Numbers of a column as SDV is shown them."""
    shift, scale = _affine(kind)
    return (values.astype(float) - shift) / scale


def to_source(values: np.ndarray, kind: pa.DataType) -> np.ndarray:
    """The inverse of `to_twin`."""
    shift, scale = _affine(kind)
    return values * scale + shift


def _affine(kind: pa.DataType) -> tuple[float, float]:
    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    if not pa.types.is_temporal(inner):
        return 0.0, 1.0
    if pa.types.is_date32(inner):
        return ORIGIN_DAYS, 1.0
    scale = DAY["ms" if pa.types.is_date64(inner) else inner.unit]
    return (ORIGIN_DAYS * scale if pa.types.is_timestamp(inner) or pa.types.is_date64(inner) else 0.0), scale
