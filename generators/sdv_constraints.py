"""Constraints of the spec that SDV can learn under: it then models a difference, or a combination, in their place.

What SDV draws is held to all constraints afterwards, whatever it learned; so a constraint that does not fit (a column
of another kind, missing values, too few rows) is left to that. SDV learns only from rows that keep a constraint, and
the twin's noise breaks some, so the twin is mended first: the higher of two numbers is raised, rows of combinations
that are rare or forbidden go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from generators.coding import CategoryCodec
from generators.coding_numbers import NumberCodec
from generators.sdv_twin import Twin, column_name
from proofset.constraints import (
    Constraint,
    FixedCombinationsConstraint,
    InequalityConstraint,
    OneHotConstraint,
    RangeConstraint,
    learned,
)
from proofset.errors import GeneratorError
from proofset.evidence import MIN_COUNT

LEAST_SHARE = 0.5
"""A constraint for which more rows would have to go is left to the enforcement after drawing."""


@dataclass(frozen=True)
class Order:
    """Columns of the twin that ascend from left to right."""

    places: tuple[int, ...]


@dataclass(frozen=True)
class Together:
    """Columns of categories of which only the twin's combinations occur."""

    places: tuple[int, ...]


@dataclass(frozen=True)
class OneOf:
    """Columns of numbers of which exactly one is 1 and the others 0."""

    places: tuple[int, ...]


Rule = Order | Together | OneOf


def translated(constraints: Sequence[Constraint], twin: Twin, train: pa.Table) -> tuple[Twin, list[Any]]:
    """The twin, mended, and SDV's constraints on it. A column stands in one of SDV's constraints at most."""
    taken: set[int] = set()
    rules = []
    for constraint in constraints:
        rule = _rule(constraint, twin)
        if rule is None or taken & set(rule.places):
            continue
        mended = _mended(rule, constraint, twin, train)
        if mended is not None:
            # The train part stays aligned with the twin's rows.
            twin, train = mended
            taken |= set(rule.places)
            rules.append(rule)
    return twin, [_of_sdv(rule) for rule in rules]


def _rule(constraint: Constraint, twin: Twin) -> Rule | None:
    """What a constraint says about the twin's columns, where SDV knows its like."""
    names = twin.codec.schema.names
    if any(name not in names or names.index(name) not in twin.shown for name in constraint.uses):
        return None
    places = tuple(names.index(name) for name in constraint.uses)
    codecs = [twin.codec.codecs[place] for place in places]
    if isinstance(constraint, InequalityConstraint):
        return Order(places) if all(isinstance(c, NumberCodec) for c in codecs) else None
    if isinstance(constraint, RangeConstraint):
        order = [b for b in (constraint.min, constraint.column, constraint.max) if b in constraint.uses]
        if len(order) < 2 or not all(isinstance(c, NumberCodec) for c in codecs):
            return None
        return Order(tuple(names.index(str(name)) for name in order))
    if isinstance(constraint, FixedCombinationsConstraint | OneHotConstraint):
        if all(isinstance(c, CategoryCodec) for c in codecs):
            return Together(places)
        if isinstance(constraint, OneHotConstraint) and all(isinstance(c, NumberCodec) for c in codecs):
            return None if any(c.has_missing for c in codecs) else OneOf(places)
    return None


def _mended(rule: Rule, constraint: Constraint, twin: Twin, train: pa.Table) -> tuple[Twin, pa.Table] | None:
    """The twin such that every row keeps the rule, and the train rows it was made from; None where that costs much."""
    frame, columns = twin.frame.copy(), [column_name(place) for place in rule.places]
    if isinstance(rule, Order):
        for low, high in pairwise(columns):
            frame[high] = np.where(frame[low] > frame[high], frame[low], frame[high])  # a missing one changes nothing
        return replace(twin, frame=frame), train
    if isinstance(rule, OneOf):
        keep = frame[columns].isin((0, 1)).all(axis=1).to_numpy() & (frame[columns].sum(axis=1) == 1).to_numpy()
    else:
        try:
            keep = ~learned(constraint, train, MIN_COUNT).violations(train)
        except GeneratorError:  # no combination is common enough
            return None
        for place, column in zip(rule.places, columns, strict=True):
            codec = twin.codec.codecs[place]
            if isinstance(codec, CategoryCodec) and codec.has_pool:
                keep &= (frame[column] != str(len(codec.values))).to_numpy()
        together = frame[columns].agg("\0".join, axis=1)
        keep &= (together.groupby(together).transform("size") >= MIN_COUNT).to_numpy()
    if keep.mean() < LEAST_SHARE:
        return None
    return replace(twin, frame=frame[keep].reset_index(drop=True)), train.filter(pa.array(keep))


def _of_sdv(rule: Rule) -> Any:
    from sdv.cag import FixedCombinations, Inequality, OneHotEncoding, Range

    columns = [column_name(place) for place in rule.places]
    if isinstance(rule, Together):
        return FixedCombinations(column_names=columns)
    if isinstance(rule, OneOf):
        return OneHotEncoding(column_names=columns)
    if len(columns) == 2:
        return Inequality(low_column_name=columns[0], high_column_name=columns[1])
    return Range(*columns, strict_boundaries=False)
