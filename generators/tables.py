"""A table's codecs: which columns are coded how, and the table of codes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from generators.blocks import Block
from generators.coding import CategoryCodec, Codec, is_numeric, learn_categories
from generators.coding_numbers import NumberCodec, learn_numbers
from proofset.evidence import Profile
from proofset.rows import Rows
from proofset.spec import ColumnSpec, SemanticType, TableSpec

KINDS: dict[str, type[Codec]] = {CategoryCodec.kind: CategoryCodec, NumberCodec.kind: NumberCodec}


class TableCodec:
    """The codecs of a table's columns, in the table's order.

    schema: names and Arrow types.  codecs: one per column.
    """

    def __init__(self, schema: pa.Schema, codecs: Sequence[Codec]) -> None:
        self.schema = schema
        self.codecs = tuple(codecs)

    @classmethod
    def learn(
        cls,
        train: Rows,
        table: TableSpec,
        profile: Profile,
        see: Callable[[pa.ChunkedArray], None] = lambda _: None,
    ) -> tuple[TableCodec, list[np.ndarray]]:
        """Learn every column of `train`; return the codec and the codes by column, unsigned. Raises GeneratorError.

        A column is read, shown to `see` and let go before the next one.
        """
        semantics = {c.name: c.semantic for c in profile.columns}
        codecs: list[Codec] = []
        codes = []
        for name in train.column_names:
            column = train.column(name)
            spec = table.columns.get(name, ColumnSpec())
            codec: Codec
            if is_numeric(column.type, semantics.get(name, SemanticType.NUMBER)):
                codec, coded = learn_numbers(name, column, spec)
            else:
                codec, coded = learn_categories(name, column, spec)
            see(column)
            del column  # the source of one column at a time
            codecs.append(codec)
            codes.append(coded)
        return cls(train.schema.remove_metadata(), codecs), codes

    def decode(self, codes: Sequence[np.ndarray], block: Block) -> pa.Table:
        """Return the table for `codes` by column; the block's streams choose values within bins and pools."""
        arrays = [
            codec.decode(coded, field.type, block.stream("decode", field.name))
            for codec, coded, field in zip(self.codecs, codes, self.schema, strict=True)
        ]
        return pa.table(arrays, schema=self.schema)

    def plain(self) -> list[dict[str, Any]]:
        """Return the codecs as JSON-ready data, without their arrays."""
        return [codec.plain() for codec in self.codecs]

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the codecs' arrays, named by the column's position."""
        return {f"codec.{i}.{n}": a for i, codec in enumerate(self.codecs) for n, a in codec.arrays().items()}

    @classmethod
    def rebuild(
        cls, schema: pa.Schema, plain: Sequence[Mapping[str, Any]], arrays: Mapping[str, np.ndarray]
    ) -> TableCodec:
        """Return the codec that `plain` and `arrays` describe."""
        codecs = []
        for i, column in enumerate(plain):
            prefix = f"codec.{i}."
            own = {n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)}
            codecs.append(KINDS[column["kind"]].rebuild(column, own))
        return cls(schema, codecs)
