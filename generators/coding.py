"""Coding: a table becomes small integers, and integers become a table again.

A column's codec is learned once: categories and frequent numbers ("atoms") get codes of their own, other numbers are
packed into bins, and missing is the last code. What a codec keeps rests on at least MIN_COUNT rows each: rarer
categories are pooled, and a bin is decoded between averages, never from a row's own number.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from proofset.errors import GeneratorError
from proofset.evidence import MIN_COUNT
from proofset.spec import ColumnSpec, SemanticType

WORDS = frozenset({SemanticType.CATEGORY, SemanticType.BOOLEAN})
"""Semantic types that make a column of numbers a column of categories."""


def narrow(codes: np.ndarray, count: int) -> np.ndarray:
    """Return codes below `count` in the smallest unsigned type."""
    return codes.astype(np.min_scalar_type(max(count - 1, 0)))


class Codec(ABC):
    """How one column is coded: codes 0 .. `codes` - 1, missing last where there are nulls.

    kind: the name in a saved model.  ordered: whether neighbouring codes are alike.
    weights: training rows by code (for a saved codec, too: sizes of groups of at least MIN_COUNT rows, the pool and
    missing apart).
    """

    kind: ClassVar[str]
    ordered: ClassVar[bool]
    weights: np.ndarray
    has_missing: bool

    @property
    def codes(self) -> int:
        """Number of codes."""
        return len(self.weights)

    def decode(self, codes: np.ndarray, kind: pa.DataType, rng: np.random.Generator) -> pa.Array:
        """Return values of the Arrow type `kind` for `codes`; `rng` chooses within bins and the pool."""
        return self.at(codes, rng.random(len(codes)), kind)

    @abstractmethod
    def at(self, codes: np.ndarray, share: np.ndarray, kind: pa.DataType) -> pa.Array:
        """Return values of the Arrow type `kind` for `codes`; `share`, in [0, 1), is the place in a bin or the pool.

        Within a bin values never fall as the share grows; within the pool they come in the order of `values`.
        """

    @abstractmethod
    def plain(self) -> dict[str, Any]:
        """Return the codec as JSON-ready data, without its arrays."""

    @abstractmethod
    def arrays(self) -> dict[str, np.ndarray]:
        """Return the codec's arrays."""

    @classmethod
    @abstractmethod
    def rebuild(cls, plain: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Codec:
        """Return the codec that `plain` and `arrays` describe."""


class CategoryCodec(Codec):
    """Categories: `values`, then the pool of rare ones where there are any, then missing."""

    kind = "categories"
    ordered = False

    def __init__(self, values: list[str], weights: np.ndarray, *, has_pool: bool, has_missing: bool) -> None:
        self.values = values
        self.weights = weights
        self.has_pool = has_pool
        self.has_missing = has_missing

    def at(self, codes: np.ndarray, share: np.ndarray, kind: pa.DataType) -> pa.Array:
        """Return the categories; a pooled code becomes one of the kept ones, drawn as often as they occur."""
        inner = kind.value_type if pa.types.is_dictionary(kind) else kind
        if pa.types.is_null(inner):  # a type that holds nothing else, and that nothing can be cast to
            return pa.nulls(len(codes), kind)
        kept = len(self.values)
        drawn = codes.astype(np.int64)
        if self.has_pool:
            pooled = np.flatnonzero(codes == kept)
            mass = np.cumsum(self.weights[:kept])
            drawn[pooled] = np.searchsorted(mass, share[pooled] * mass[-1], side="right").clip(0, kept - 1)
        missing = drawn >= kept
        indices = pa.array(np.where(missing, 0, drawn), mask=missing)
        words = pa.array(self.values, pa.large_string())
        if not pa.types.is_dictionary(kind):
            return words.take(indices).cast(inner)
        return pa.DictionaryArray.from_arrays(indices.cast(kind.index_type), words.cast(inner), ordered=kind.ordered)

    def plain(self) -> dict[str, Any]:
        """Return values and flags."""
        return {"kind": self.kind, "values": self.values, "has_pool": self.has_pool, "has_missing": self.has_missing}

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the weights."""
        return {"weights": self.weights}

    @classmethod
    def rebuild(cls, plain: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> CategoryCodec:
        """Return the codec."""
        return cls(
            list(plain["values"]),
            arrays["weights"],
            has_pool=bool(plain["has_pool"]),
            has_missing=bool(plain["has_missing"]),
        )


def is_numeric(kind: pa.DataType, semantic: SemanticType) -> bool:
    """Whether a column is coded as numbers: numbers and times, unless they stand for categories.

    A dictionary with a small index has no room for the new numbers that bins give, so it counts as categories.
    """
    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    if pa.types.is_dictionary(kind) and kind.index_type.bit_width < 32:
        return False
    counts = pa.types.is_integer(inner) or pa.types.is_floating(inner) or pa.types.is_decimal(inner)
    return bool((counts and semantic not in WORDS) or pa.types.is_temporal(inner))


def learn_categories(name: str, column: pa.ChunkedArray, spec: ColumnSpec) -> tuple[CategoryCodec, np.ndarray]:
    """Learn a column of categories; return the codec and each row's code.

    Kept are categories of at least MIN_COUNT rows, those listed in `spec.values`, and both truth values of a boolean.
    Raises GeneratorError where nothing is left to keep, or for a type that has no text form.
    """
    inner = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if not (_is_text(inner) or pa.types.is_primitive(inner) or pa.types.is_decimal(inner) or pa.types.is_null(inner)):
        raise GeneratorError(
            f"Column '{name}' has the type {column.type}, which cannot be modelled.",
            fix=f"Set tables.*.columns.{name}.treatment to fake or drop.",
        )
    listed = set(spec.values or ())
    if pa.types.is_boolean(inner):
        listed |= {"true", "false"}
    words = column.cast(inner).cast(pa.large_string()).combine_chunks()
    words = words.combine_chunks() if isinstance(words, pa.ChunkedArray) else words
    encoded = pc.dictionary_encode(words)
    indices = np.asarray(pc.fill_null(encoded.indices, -1))
    found = encoded.dictionary.to_pylist()
    missing = indices < 0
    counts = np.bincount(indices[~missing], minlength=len(found))
    kept = sorted(word for word, count in zip(found, counts, strict=True) if count >= MIN_COUNT or word in listed)
    if found and not kept:
        raise GeneratorError(
            f"Column '{name}' has no category that {MIN_COUNT} rows share, so none of its {len(found)} may be kept.",
            why="A rarer value could point to a person.",
            fix=f"Set tables.*.columns.{name}.treatment to fake or drop, or list its public categories in `values`.",
        )
    place = {word: i for i, word in enumerate(kept)}
    lookup = narrow(np.array([place.get(word, len(kept)) for word in found] + [0], np.int64), len(kept) + 2)
    codes = lookup[indices]
    has_pool = bool((codes[~missing] == len(kept)).any())
    last = len(kept) + has_pool
    codes[missing] = last
    weights = np.bincount(codes, minlength=last + bool(missing.any()))
    return CategoryCodec(kept, weights, has_pool=has_pool, has_missing=bool(missing.any())), codes


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))
