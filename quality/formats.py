"""Formats: the forms that codes in an identifying column have, so that generated ones can have them, too.

A form is told only where at least MIN_COUNT different values have it. A letter or digit is told as itself only where
all of a form's values have it at that place, or where a few characters share the place and each is held by as many
values; it is then a part that a group shares, such as the prefix of an order number, and never a whole value: every
form keeps places that are free.
"""

from __future__ import annotations

import re
import string
from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from proofset import checksums
from proofset.evidence import MIN_COUNT, Format
from proofset.masks import CLASSES, mask, space
from proofset.seeds import stream

MAX_FORMATS = 24
MAX_LENGTH = 64
_SAMPLE = 50_000
"""Distinct values looked at."""
_COVERED = 0.5
_COVERED_TEXT = 0.9
"""Shares of rows that the forms must have between them, in a column of codes and in one of texts."""
_FEW = 4
"""Most characters of a place that are told one by one."""
_ROOM = 10
"""Texts of a form per value seen, below which fewer single characters are told."""
_MANY = 100
"""Values from which the lack of a leading zero is no accident (0.9 ** 100 is one in 38,000)."""
_CHECKED = 0.99
"""Share of values that must carry a right check digit, which lets a wrong one pass unnoticed."""
_PREFIXES, _PREFIX_LENGTH = 20, 8

_LETTERS = string.ascii_uppercase + string.ascii_lowercase
_EXACT = str.maketrans(string.digits + _LETTERS, "9" * 10 + "A" * 26 + "a" * 26)
_LOOSE = str.maketrans(string.digits + _LETTERS, "\x00" * 62)
"""To a character that no value has, which is printable: any other, such as *, might also stand for itself."""
_NARROW_TO_WIDE = "9XxAaNn*"
_IBAN = re.compile(r"[A-Z]{2}\d\d[A-Z0-9]{11,30}")

Alphabets = list[str]


def formats(words: Sequence[str], counts: npt.NDArray[np.int64], *, texts: bool = False) -> tuple[Format, ...] | None:
    """Return the forms of a column's distinct values, the most frequent first; None where too few rows have one.

    Parameters
    ----------
    words: the distinct values.  counts: rows by value.
    texts: whether they may be sentences; a form then counts only where it is exact, has digits and few letters.
    """
    chosen = stream(0, "formats").permutation(len(words))[:_SAMPLE]
    rows = {words[i]: int(counts[i]) for i in np.sort(chosen)}
    groups = _grouped((w for w in rows if w.isascii() and w.isprintable() and len(w) <= MAX_LENGTH), _EXACT)
    parts = [part for group in groups if len(group) >= MIN_COUNT for part in _by_prefix(group)]
    found = [(_exact(part), part) for part in parts]
    if texts:
        found = [f for f in found if any("0" in a for a in f[0]) and sum(a.isalpha() for a in f[0]) <= _PREFIX_LENGTH]
    else:
        loose = _grouped((w for group in groups if len(group) < MIN_COUNT for w in group), _LOOSE)
        found += [(_loose(group), group) for group in loose if len(group) >= MIN_COUNT]
    total = max(1, sum(rows.values()))
    shares = [round(sum(rows[w] for w in part) / total, 10) for _, part in found]
    told = [
        _format(alphabets, part, share) for (alphabets, part), share in zip(found, shares, strict=True) if share > 0
    ]
    told = sorted(told, key=lambda f: (-f.share, f.mask))[:MAX_FORMATS]
    return tuple(told) if told and sum(f.share for f in told) >= (_COVERED_TEXT if texts else _COVERED) else None


def _grouped(words: Iterator[str], classes: dict[int, int]) -> list[list[str]]:
    groups: dict[str, list[str]] = defaultdict(list)
    for word in words:
        groups[word.translate(classes)].append(word)
    return list(groups.values())


def _by_prefix(group: list[str]) -> list[list[str]]:
    """Divide values of one form by the letters they begin with, where few beginnings are common."""
    first = re.match(r"[A-Za-z]*", group[0])
    length = first.end() if first else 0
    if not 0 < length <= min(_PREFIX_LENGTH, len(group[0]) - 1):
        return [group]
    by_prefix: dict[str, list[str]] = defaultdict(list)
    for word in group:
        by_prefix[word[:length]].append(word)
    common = [part for part in by_prefix.values() if len(part) >= MIN_COUNT]
    if not 0 < len(common) <= _PREFIXES:
        return [group]
    rest = [word for part in by_prefix.values() if len(part) < MIN_COUNT for word in part]
    return [*common, rest] if len(rest) >= MIN_COUNT else common


def _exact(group: list[str]) -> Alphabets:
    """The alphabets of values that agree in every place's class."""
    classes = [CLASSES.get(kind, kind) for kind in group[0].translate(_EXACT)]
    return _told(group, [a if w.isalnum() else w for a, w in zip(classes, group[0], strict=True)])


def _loose(group: list[str]) -> Alphabets:
    """The alphabets of values that agree in punctuation alone: a run of digits and letters has one class, the
    narrowest that holds what at least MIN_COUNT values have in it, where they do not all have the same."""
    alphabets = list(group[0])
    matrix = np.array(group).view("U1").reshape(len(group), -1)
    differ = (matrix != matrix[0]).any(axis=0)
    for run in re.finditer(r"[0-9A-Za-z]+", group[0]):
        span = np.arange(run.start(), run.end())
        held: dict[str, int] = defaultdict(int)
        for row in matrix[:, span[differ[span]]]:
            for character in set(row.tolist()):
                held[character] += 1
        common = {c for c, n in held.items() if n >= MIN_COUNT}
        kind = next((k for k in _NARROW_TO_WIDE if common <= set(CLASSES[k])), _NARROW_TO_WIDE[-1])
        alphabets[run.start() : run.end()] = [CLASSES[kind]] * len(span)
    return _told(group, alphabets)


def _told(group: list[str], classes: Alphabets) -> Alphabets:
    """Narrow classes to the characters that may be told, as far as enough texts stay possible."""
    matrix = np.array(group).view("U1").reshape(len(group), -1)
    seen = [np.unique(matrix[:, place], return_counts=True) for place in range(matrix.shape[1])]

    def narrowed(*, sets: bool, digits: bool) -> Alphabets:
        result: Alphabets = []
        padding = False
        for place, (wide, (characters, held)) in enumerate(zip(classes, seen, strict=True)):
            told = "".join(characters)
            leads = place == 0 or not classes[place - 1][-1].isdigit()
            padding = (leads or padding) and told == "0"  # of a running number: tomorrow there is another digit
            free = told.isalpha() or (digits and not padding)
            few = sets and 1 < len(told) <= _FEW and told.isalnum() and held.min() >= MIN_COUNT
            if len(wide) == 1:
                result.append(wide)
            elif (len(told) == 1 and free) or few:
                result.append(told)
            elif leads and wide == CLASSES["9"] and "0" not in told and len(group) >= _MANY:
                result.append(wide[1:])
            else:
                result.append(wide)
        return result

    choices = (narrowed(sets=s, digits=d) for s, d in ((True, True), (False, True), (False, False)))
    return next((a for a in choices if space(a) >= _ROOM * len(group)), narrowed(sets=False, digits=False))


def _format(alphabets: Alphabets, group: list[str], share: float) -> Format:
    for check, test, computed in (("luhn", luhn, _luhn_place), ("iban", iban, _iban_places)):
        if np.mean([test(word) for word in group]) >= _CHECKED:
            for place in computed(next(word for word in group if test(word))):
                alphabets[place] = CLASSES["9"]
            return Format.model_validate({"mask": mask(alphabets), "share": share, "check": check})
    return Format(mask=mask(alphabets), share=share)


def luhn(word: str) -> bool:
    """Whether a number of 8 digits or more ends in the check digit of ISO/IEC 7812-1 (Luhn 1960, US 2,950,048)."""
    digits = "".join(c for c in word if c in string.digits)
    return len(digits) >= 8 and not any(c in _LETTERS for c in word) and checksums.luhn(digits) == 0


def iban(word: str) -> bool:
    """Whether an account number carries the check digits of ISO 13616: rearranged, it is 1 modulo 97."""
    plain = word.replace(" ", "")
    return bool(_IBAN.fullmatch(plain)) and checksums.mod97(plain[4:] + plain[:4]) == 1


def _luhn_place(word: str) -> list[int]:
    return [max(i for i, c in enumerate(word) if c in string.digits)]


def _iban_places(word: str) -> list[int]:
    return [2, 3]
