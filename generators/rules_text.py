"""Texts: numbers in a format, UUIDs, and values of a library's provider, pooled and numbered on where unique."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable

import numpy as np

from generators.faking_pools import check_provider, faker_values, reserved
from generators.rules_mimesis import check_mimesis, mimesis_values
from generators.rules_unique import permuted
from proofset.errors import GeneratorError
from proofset.rules import FakerRule, MimesisRule, SequenceRule
from proofset.values import Values, filled, texts

HEX = np.frombuffer(b"".join(b"%02x" % byte for byte in range(256)), dtype="S2")
DASHES = (8, 13, 18, 23)


def sequence(name: str, rule: SequenceRule, numbers: np.ndarray) -> np.ndarray:
    """start + step × number, as text where the rule has a format. Raises GeneratorError that names the column."""
    values = rule.start + rule.step * numbers
    if rule.format is None:
        return values
    try:
        return filled([rule.format.format(n) for n in values.tolist()])
    except (ValueError, IndexError, KeyError, AttributeError, TypeError):
        raise GeneratorError(
            f"Column '{name}': its sequence's format cannot be filled with a number.",
            fix='Write one pair of braces, such as "CUST-{:06d}".',
        ) from None


def format_is_unique(rule: SequenceRule) -> bool:
    """Whether a sequence never repeats itself: it moves, and its format writes the number."""
    return rule.step != 0 and (rule.format is None or rule.format.format(1) != rule.format.format(2))


def uuids(rows: int, rng: np.random.Generator) -> np.ndarray:
    """UUIDs of version 4, variant 10 (RFC 9562), from 122 random bits each."""
    octets = rng.integers(0, 256, size=(rows, 16), dtype=np.uint8)
    octets[:, 6] = (octets[:, 6] & 0x0F) | 0x40
    octets[:, 8] = (octets[:, 8] & 0x3F) | 0x80
    letters = HEX[octets].view("S1").reshape(rows, 32)
    out = np.full((rows, 36), b"-", dtype="S1")
    out[:, [i for i in range(36) if i not in DASHES]] = letters
    return filled(out.view("S36").ravel().astype("U36").tolist())


class Pool:
    """The values of a provider that one column draws from: the same in every block of a sampling.

    Raises GeneratorError, naming the column, for a provider or a locale that the library does not have.
    """

    def __init__(self, name: str, rule: FakerRule | MimesisRule) -> None:
        self.rule = rule
        self._lock = threading.Lock()
        self._made: tuple[int, np.ndarray] | None = None
        if isinstance(rule, FakerRule):
            check_provider(rule.provider, name, rule.locale)
        else:
            check_mimesis(rule.provider, name, rule.locale)

    def values(self, seed: int, stream: Callable[[], np.random.Generator]) -> np.ndarray:
        """The pool under `seed`; made from `stream()` when it is first asked for."""
        with self._lock:
            if self._made is None or self._made[0] != seed:
                make = faker_values if isinstance(self.rule, FakerRule) else mimesis_values
                drawn = make(self.rule.provider, self.rule.locale, self.rule.pool, stream())
                made = [reserved(text) for text in drawn]  # no domain that belongs to somebody
                self._made = (seed, filled(_apart(made) if self.rule.unique else made))
            return self._made[1]


def _apart(values: list[str]) -> list[str]:
    """The different values among them, without any that numbering another one could give."""
    form = _form(values)
    kept = [v for v in dict.fromkeys(values) if not form.ends(v)]
    return kept or [values[0]]


class _Form:
    """How a number is put into a text, and which texts look as if one stood there."""

    def __init__(self, before: str, behind: str, pattern: str) -> None:
        self.before, self.behind = before, behind
        self._pattern = re.compile(pattern)

    def put(self, value: str, number: int) -> str:
        """The value with the number in it. Different values or numbers give different texts."""
        if self.behind == "@":
            head, _, tail = value.rpartition("@")
            return f"{head}{self.before}{number}@{tail}"
        return f"{value}{self.before}{number}{self.behind}"

    def ends(self, value: str) -> bool:
        return self._pattern.search(value) is not None


def _form(values: list[str] | np.ndarray) -> _Form:
    if all("@" in v for v in values):
        return _Form(".", "@", r"\.\d+@[^@]*$")
    if all("://" in v for v in values):
        return _Form("?", "", r"\?\d+$")
    if any(v[-1:].isdigit() for v in values):
        return _Form(" (", ")", r" \(\d+\)$")
    return _Form(" ", "", r" \d+$")


def unique_texts(pool: np.ndarray, numbers: np.ndarray, key: np.random.Generator) -> np.ndarray:
    """Return a text per number, different for different numbers: the pool once, then the pool with 2, with 3, ..."""
    form = _form(pool)
    size = len(pool)
    rounds, place = np.divmod(numbers, size)
    chosen = pool[permuted((place + rounds * (1 + size // 3)) % size, size, key)]
    again = np.flatnonzero(rounds)
    counts = (rounds[again] + 1).tolist()
    result: np.ndarray = chosen.copy()
    result[again] = [form.put(value, count) for value, count in zip(chosen[again], counts, strict=True)]
    return result


def by_value(pool: np.ndarray, keys: Values, seed: np.random.Generator) -> np.ndarray:
    """Return a text per row that the value in `keys` decides alone; nulls share one."""
    import pandas as pd

    secret = "".join(chr(65 + int(n)) for n in seed.integers(0, 26, 16))
    words = filled(texts(keys)) if keys.kind != "text" else keys.data
    words = np.where(keys.missing, "", words)
    hashed = np.asarray(pd.util.hash_array(words, hash_key=secret, categorize=True))
    taken: np.ndarray = pool[(hashed % np.uint64(len(pool))).astype(np.int64)]
    return taken
