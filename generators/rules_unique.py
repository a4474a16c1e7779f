"""Uniqueness without memory: the global row number goes through a seeded permutation of all that can be written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from generators.faking_numbers import shuffled
from generators.rules_times import DAY, moment
from proofset.errors import GeneratorError
from proofset.rules import CategoryRule, ChoiceRule, DateRule
from proofset.rules_numbers import BernoulliRule, UniformRule, ZipfRule
from proofset.values import filled

MOST = 2**60
"""The largest space that is permuted."""


@dataclass(frozen=True)
class Space:
    """All values a rule can write. size: how many.  at: the value at each place from 0 to size - 1."""

    size: int
    at: Callable[[np.ndarray], np.ndarray]


def permuted(numbers: np.ndarray, size: int, key: np.random.Generator) -> np.ndarray:
    """Return each number's image under a permutation of 0 .. size - 1 that `key` decides alone.

    numbers: int64, each in [0, size).  size: 1 to MOST.
    """
    return shuffled(numbers.astype(np.uint64), size, int(key.integers(2**63))).astype(np.int64)


def space_of(name: str, rule: Any) -> Space | None:
    """All values of a rule that has finitely many which can be counted; None for other rules."""
    match rule:
        case CategoryRule():
            return _listed(filled(sorted(w for w, weight in rule.weights.items() if weight > 0)))
        case ChoiceRule():
            weights = rule.weights or (1.0,) * len(rule.values)
            kept = [v for v, weight in zip(rule.values, weights, strict=True) if weight > 0]
            return _listed(filled(kept) if isinstance(kept[0], str) else np.array(kept))
        case BernoulliRule() if 0 < rule.p < 1:
            return _listed(np.array([False, True]))
        case ZipfRule():
            return Space(rule.size, lambda i: i + 1)
        case UniformRule() if rule.decimals is not None:
            return _grid(rule)
        case DateRule() if rule.weekdays is None:
            first = int(moment(name, rule.start).astype(np.int64)) // DAY
            last = int(moment(name, rule.end).astype(np.int64)) // DAY
            return Space(last - first + 1, lambda i: (first + i).astype("datetime64[D]").astype("datetime64[us]"))
    return None


def _listed(values: np.ndarray) -> Space:
    return Space(len(values), lambda i: values[i])


def _grid(rule: UniformRule) -> Space | None:
    scale = 10 ** (rule.decimals or 0)
    first, last = int(np.ceil(rule.low * scale - 1e-9)), int(np.floor(rule.high * scale + 1e-9))
    if not 0 <= last - first < MOST or max(abs(first), abs(last)) > 2**53:
        return None
    if rule.decimals == 0:
        return Space(last - first + 1, lambda i: first + i)
    return Space(last - first + 1, lambda i: np.round((first + i) / scale, rule.decimals or 0))


def too_small(columns: tuple[str, ...], size: int, rows: int) -> GeneratorError:
    """The error for more rows than there are different values."""
    named = f"Column '{columns[0]}'" if len(columns) == 1 else f"The set of columns {', '.join(columns)}"
    return GeneratorError(
        f"{named} cannot be unique in {rows} rows.",
        why=f"Its rule{'s' if len(columns) > 1 else ''} can write {size} different values.",
        fix="Ask for fewer rows, or widen the rule, such as a longer pattern.",
    )
