"""Codes in given formats: the text of a subject's number, different for every number, with right check digits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from generators.faking_numbers import MOST, Numbers, Subjects, mixed, salt, shuffled
from proofset.checksums import Bytes, luhn_column, mod97_column
from proofset.evidence import Format
from proofset.masks import places, space
from proofset.seeds import stream

SLOTS = 1 << 10
"""A round of so many subjects has the formats in their shares; a format has at least one slot."""


class Codes:
    """Formats between which subjects are divided in the formats' shares.

    whole: for whole numbers, which begin with no zero.
    """

    def __init__(self, formats: Sequence[Format], with_key: int, *, whole: bool = False) -> None:
        self.key = with_key
        formats = _apart(formats)
        self.forms = [_Form(f, with_key ^ salt(f"form {i}"), whole=whole) for i, f in enumerate(formats)]
        shares = np.array([f.share for f in formats])
        ends = np.rint(np.cumsum(shares) / shares.sum() * (SLOTS - len(shares))).astype(np.int64)
        slots = np.diff(ends, prepend=0) + 1
        self._owner = stream(with_key, "slots").permutation(np.repeat(np.arange(len(formats)), slots))
        self._rank = np.empty(SLOTS, dtype=np.uint64)
        for number, own in enumerate(slots):
            self._rank[self._owner == number] = np.arange(own)
        self._slots = slots.astype(np.uint64)

    @property
    def longest(self) -> int:
        """Characters of the longest code that is not numbered on."""
        return max(form.length for form in self.forms)

    def write(self, subjects: Subjects) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.bool_]]:
        """Return a code for each subject, and which of them are beyond what their format holds. Codes of subjects
        that are counted differ but for those beyond, which repeat."""
        slot = subjects.numbers if subjects.counted else subjects.draw(self.key, "form")
        place = (slot % np.uint64(SLOTS)).astype(np.int64)
        owner = self._owner[place]
        index = subjects.draw(self.key, "code")
        if subjects.counted:
            index = subjects.numbers // np.uint64(SLOTS) * self._slots[owner] + self._rank[place]
        texts = np.empty(len(index), dtype=object)
        beyond = np.zeros(len(index), dtype=bool)
        for number, form in enumerate(self.forms):
            own = np.flatnonzero(owner == number)
            if len(own):
                texts[own] = form.write(index[own])
                beyond[own] = index[own] >= form.size
        return texts, beyond if subjects.counted else np.zeros_like(beyond)


class _Form:
    """One format: its alphabets, and which places a number is spelled in."""

    def __init__(self, form: Format, with_key: int, *, whole: bool) -> None:
        alphabets = list(places(form.mask))
        if whole and len(alphabets) > 1:
            alphabets[0] = alphabets[0].replace("0", "") or "1"
        self.key = with_key
        self.length = len(alphabets)
        self.check = form.check
        digits = [i for i, a in enumerate(alphabets) if a[0].isdigit() and a[-1].isdigit()]
        computed = {"luhn": digits[-1:], "iban": [2, 3], None: []}[form.check]
        free = [i for i, a in enumerate(alphabets) if len(a) > 1 and i not in computed]
        self.alphabets = [np.frombuffer(a.encode("ascii"), np.uint8) for a in alphabets]
        self.digits, self.computed = digits, computed
        self.spelled: list[int] = []
        for place in reversed(free):  # from the right, as many as a 62-bit number fills
            if space([alphabets[p] for p in [*self.spelled, place]]) > MOST:
                break
            self.spelled.append(place)
        self.size = space([alphabets[p] for p in self.spelled])
        self.filled = [p for p in free if p not in self.spelled]

    def write(self, index: Numbers) -> npt.NDArray[np.object_]:
        """Return the codes of the numbers; those at or above `size` begin again."""
        matrix = np.empty((len(index), self.length), dtype=np.uint8)
        for place, alphabet in enumerate(self.alphabets):
            matrix[:, place] = alphabet[0]
        rest = shuffled(index % np.uint64(self.size), self.size, self.key)
        for place in self.filled:
            drawn = mixed(rest, self.key ^ salt(f"place {place}"))
            matrix[:, place] = self._spelled(place, drawn % np.uint64(len(self.alphabets[place])))
        for place in self.spelled:
            base = np.uint64(len(self.alphabets[place]))
            matrix[:, place] = self._spelled(place, rest % base)
            rest = rest // base
        if self.check == "luhn":
            matrix[:, self.computed[0]] = ord("0") + luhn_column(matrix[:, self.digits])
        elif self.check == "iban":
            matrix[:, 2:4] = ord("0")
            left = 98 - mod97_column(np.hstack([matrix[:, 4:], matrix[:, :4]]))
            matrix[:, 2], matrix[:, 3] = ord("0") + left // 10, ord("0") + left % 10
        texts = matrix.view(f"S{self.length}").ravel().astype(f"U{self.length}")
        return np.asarray(texts.astype(object))

    def _spelled(self, place: int, which: Numbers) -> Bytes:
        return np.asarray(self.alphabets[place][which.astype(np.int64)])


def _apart(formats: Sequence[Format]) -> list[Format]:
    """The formats without those that could give a text of an earlier one."""
    kept: list[tuple[Format, list[set[str]]]] = []
    for form in formats:
        own = [set(a) for a in places(form.mask)]
        if not any(len(own) == len(o) and all(a & b for a, b in zip(own, o, strict=True)) for _, o in kept):
            kept.append((form, own))
    return [form for form, _ in kept]
