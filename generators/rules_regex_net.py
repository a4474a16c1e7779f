"""A pattern's automaton: written out from the standard library's parse, one node after another."""

from __future__ import annotations

import importlib
import re
from typing import Any

MORE = 8
"""Repetition without an end stops after so many more than the fewest."""
MAX_NODES = 20_000
MAX_LENGTH = 1_000
MAX_CLASS = 25_000
PRINTABLE = frozenset(range(0x20, 0x7F))
CLASSES = {
    "CATEGORY_DIGIT": frozenset(map(ord, "0123456789")),
    "CATEGORY_WORD": frozenset(map(ord, "0123456789_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")),
    "CATEGORY_SPACE": frozenset({0x20}),
}


class Unusable(Exception):
    """A pattern cannot be used; the message is the reason."""


class Net:
    """A nondeterministic automaton that a parsed pattern is written into."""

    def __init__(self) -> None:
        self.silent: list[list[int]] = []
        self.moves: list[tuple[frozenset[int], int] | None] = []

    def node(self) -> int:
        if len(self.silent) >= MAX_NODES:
            raise Unusable("it is too long when its repetitions are written out")
        self.silent.append([])
        self.moves.append(None)
        return len(self.silent) - 1

    def add(self, items: Any, start: int) -> int:
        """Add a sequence of parsed items behind the node `start`; return the node behind it."""
        for op, value in items:
            start = self._item(str(op), value, start)
        return start

    def _item(self, op: str, value: Any, start: int) -> int:
        match op:
            case "LITERAL":
                return self._letters(frozenset({value}), start)
            case "NOT_LITERAL":
                return self._letters(PRINTABLE - {value}, start)
            case "ANY":
                return self._letters(PRINTABLE, start)
            case "IN":
                return self._letters(_class(value), start)
            case "SUBPATTERN" if not value[1] and not value[2]:
                return self.add(value[3], start)
            case "BRANCH":
                end = self.node()
                for branch in value[1]:
                    first = self.node()
                    self.silent[start].append(first)
                    self.silent[self.add(branch, first)].append(end)
                return end
            case "MAX_REPEAT" | "MIN_REPEAT":
                return self._repeated(value, start)
        raise Unusable(f"it uses {op.lower().replace('_', ' ')}, which is not supported")

    def _letters(self, letters: frozenset[int], start: int) -> int:
        if not letters:
            raise Unusable("a class of characters in it is empty")
        if 0 in letters or any(0xD800 <= letter <= 0xDFFF for letter in letters):
            raise Unusable("a character in it cannot stand in a text")
        end = self.node()
        self.moves[start] = (letters, end)
        # A node has one move; what follows starts at a node of its own.
        behind = self.node()
        self.silent[end].append(behind)
        return behind

    def _repeated(self, value: Any, start: int) -> int:
        fewest, most, items = int(value[0]), value[1], value[2]
        most = fewest + MORE if str(most) == "MAXREPEAT" else int(most)
        if most > MAX_LENGTH:
            raise Unusable(f"it repeats something more than {MAX_LENGTH} times")
        end = self.node()
        for times in range(most):
            if times >= fewest:
                self.silent[start].append(end)
            first = self.node()
            self.silent[start].append(first)
            start = self.add(items, first)
        self.silent[start].append(end)
        return end

    def closure(self, nodes: Any) -> frozenset[int]:
        seen = set(nodes)
        waiting = list(seen)
        while waiting:
            for other in self.silent[waiting.pop()]:
                if other not in seen:
                    seen.add(other)
                    waiting.append(other)
        return frozenset(seen)


def _class(items: Any) -> frozenset[int]:
    letters: set[int] = set()
    negated = False
    for op, value in items:
        match str(op):
            case "NEGATE":
                negated = True
            case "LITERAL":
                letters.add(value)
            case "RANGE":
                if value[1] - value[0] > MAX_CLASS:
                    raise Unusable(f"a class of characters in it holds more than {MAX_CLASS}")
                letters.update(range(value[0], value[1] + 1))
            case _:
                word = str(value)
                inside = CLASSES[word.replace("_NOT_", "_")]
                letters |= PRINTABLE - inside if "_NOT_" in word else inside
    return PRINTABLE - letters if negated else frozenset(letters)


def parsed_pattern(text: str) -> Any:
    """The standard library's parse of a pattern, without the anchors around it."""
    parser = importlib.import_module("re._parser")
    try:
        parsed = parser.parse(text)
    except (ValueError, OverflowError, RecursionError, re.error):
        raise Unusable("it cannot be parsed") from None
    if parsed.state.flags & ~re.UNICODE:
        raise Unusable("it sets a flag, which is not supported")
    items = list(parsed)
    if items and str(items[0][0]) == "AT" and str(items[0][1]).startswith("AT_BEGINNING"):
        items = items[1:]
    if items and str(items[-1][0]) == "AT" and str(items[-1][1]).startswith("AT_END"):
        items = items[:-1]
    return items
