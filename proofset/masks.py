"""Masks: the form of a code, place by place, as in `AA-9999` or `[1-9]9999`.

A place is a class of characters or one character that is always there:

    9 digit       A, a upper, lower letter       X, x upper, lower hexadecimal digit
    N, n digit or upper, lower letter            * digit or letter of either case
    [1-7ac] one of these digits and letters      anything else, or a character after a backslash: itself

Digits and letters are those of ASCII.
"""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from math import prod

CLASSES = {
    "9": string.digits,
    "A": string.ascii_uppercase,
    "a": string.ascii_lowercase,
    "X": string.digits + "ABCDEF",
    "x": string.digits + "abcdef",
    "N": string.digits + string.ascii_uppercase,
    "n": string.digits + string.ascii_lowercase,
    "*": string.digits + string.ascii_uppercase + string.ascii_lowercase,
}
_NAMES = {characters: name for name, characters in CLASSES.items()}
_ORDER = string.digits + string.ascii_uppercase + string.ascii_lowercase
_RANGE = re.compile(r"([0-9A-Za-z])(?:-([0-9A-Za-z]))?")
_SET = re.compile(rf"(?:{_RANGE.pattern})+")


def places(mask: str) -> tuple[str, ...]:
    """Return the characters allowed at each place, in ascending order of digits, upper and lower letters.

    Raises ValueError for a mask that ends within an escape or a set, an empty set, or a character out of place.
    """
    found: list[str] = []
    at = 0
    while at < len(mask):
        character = mask[at]
        if character == "\\" and at + 1 < len(mask):
            found.append(mask[at + 1])
            at += 2
        elif character == "[":
            end = mask.find("]", at)
            found.append(_members(mask[at + 1 : end] if end > 0 else ""))
            at = end + 1
        elif character in "\\]" or (character.isalnum() and character not in CLASSES):
            raise ValueError("a mask holds a letter, digit or bracket that is not escaped")
        else:
            found.append(CLASSES.get(character, character))
            at += 1
    return tuple(found)


def _members(text: str) -> str:
    """The characters of a set such as "1-7ac"."""
    if not _SET.fullmatch(text):
        raise ValueError("a mask holds a set without end, without members, or with others than digits and letters")
    chosen: set[str] = set()
    for first, last in _RANGE.findall(text):
        from_, to = _ORDER.index(first), _ORDER.index(last or first)
        if from_ > to:
            raise ValueError("a mask's set holds a range that does not ascend")
        chosen.update(_ORDER[from_ : to + 1])
    return "".join(sorted(chosen, key=_ORDER.index))


def mask(alphabets: Sequence[str]) -> str:
    """Return the mask for the characters allowed at each place; the inverse of `places`."""
    parts = []
    for alphabet in alphabets:
        if alphabet in _NAMES:
            parts.append(_NAMES[alphabet])
        elif len(alphabet) > 1:
            run = len(alphabet) > 2 and any(alphabet in CLASSES[kind] for kind in "9Aa")
            parts.append(f"[{alphabet[0]}-{alphabet[-1]}]" if run else f"[{alphabet}]")
        else:
            parts.append(f"\\{alphabet}" if alphabet.isalnum() or alphabet in "\\[]*" else alphabet)
    return "".join(parts)


def space(alphabets: Sequence[str]) -> int:
    """Return how many different texts there are."""
    return prod(len(alphabet) for alphabet in alphabets)
