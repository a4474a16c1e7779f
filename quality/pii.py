"""Personal identifiers in texts: e-mail addresses, telephone numbers, accounts, cards, the numbers states give people.

A kind has a pattern, and where such numbers carry check digits, a test that most others of the same look fail. What is
found is told by kind and share of rows, never by value. A pattern that many rows match by chance, such as nine digits
of which one in eleven passes, counts as found only where clearly more pass than chance lets.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from proofset import checksums
from proofset.evidence import Share
from proofset.seeds import stream
from quality.stats import wilson

MOST_WORDS = 5_000
"""Distinct values looked at for a profile."""
MOST_LETTERS = 20_000
"""Characters of a value that are looked at."""
WHOLE = 0.9
"""Share of a column's values that must be numbers of a kind before the column is taken for one of them."""
_CHANCE = 2.0
"""How many times as many as by chance must pass a check, at the low end of the interval."""


@dataclass(frozen=True)
class Kind:
    """A kind of identifier.

    pattern: where one may stand in a text.  test: on its characters without separators; None where the pattern says it.
    chance: share of texts of that look that pass by chance.  needs: a character without which there is none.
    personal: whether one names a person or what is theirs, and so may not come back in a synthetic table.
    """

    name: str
    pattern: re.Pattern[str]
    test: Callable[[str], bool] | None = None
    chance: float = 0.0
    needs: str = ""
    personal: bool = True


def _kind(name: str, pattern: str, test: Callable[[str], bool] | None = None, chance: float = 0.0, needs: str = "",
          flags: int = 0, *, personal: bool = True) -> Kind:  # fmt: skip
    return Kind(name, re.compile(rf"(?<![\w@]){pattern}(?!\w)", flags | re.ASCII), test, chance, needs, personal)


def _address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _day(text: str) -> bool:
    """Whether six digits, YYMMDD, are a day of some year."""
    return 1 <= int(text[2:4]) <= 12 and 1 <= int(text[4:6]) <= 31


def _card(digits: str) -> bool:
    return digits[0] in "3456" and len(set(digits)) > 1 and checksums.luhn(digits) == 0


def _phone(digits: str) -> bool:
    """7 to 15 digits (ITU-T E.164) that are not all the same."""
    return 7 <= len(digits) <= 15 and len(set(digits)) > 1


KINDS: tuple[Kind, ...] = (
    _kind("email", r"[A-Za-z0-9_.+'-]+@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,24}", needs="@"),
    _kind("url", r"(?:https?://|www\.)[^\s<>\"']{3,}", needs="w/", personal=False),
    _kind("iban", r"[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?", checksums.iban, 1 / 97, "0"),
    _kind("card", r"\d(?:[ -]?\d){12,18}", _card, 0.1 * 0.4, "0"),
    _kind("mac_address", r"(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}", needs=":-"),
    _kind("ipv4", r"(?<!\.)(?:\d{1,3}\.){3}\d{1,3}(?!\.\d)", _address, needs="."),
    _kind("ipv6", r"(?=[0-9A-Fa-f:]*:[0-9A-Fa-f:]*:)[0-9A-Fa-f:]{3,39}", _address, needs=":"),
    _kind("us_ssn", r"\d{3}-\d{2}-\d{4}", checksums.us_ssn, needs="-"),
    _kind("uk_nino", r"[A-Z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-D]", checksums.uk_nino, needs="0"),
    _kind("uk_nhs", r"\d{3}[ -]\d{3}[ -]\d{4}", checksums.uk_nhs, 1 / 11, needs="0"),
    _kind("german_tax_id", r"[1-9]\d(?: ?\d{3}){3}", checksums.german_tax_id, 0.02, "0"),
    _kind("french_nir", r"[12] ?\d{2} ?\d{2} ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3} ?\d{2}", checksums.french_nir, 1 / 97, "0"),
    _kind("spanish_dni", r"(?:\d{8}|[XYZ]\d{7})[ -]?[A-HJ-NP-TV-Z]", checksums.spanish_dni, 1 / 23, "0"),
    _kind("dutch_bsn", r"\d{9}", checksums.dutch_bsn, 1 / 11, "0"),
    _kind("italian_codice_fiscale", r"[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z]", checksums.italian_codice, 1 / 26,
          "0"),
    _kind("polish_pesel", r"\d{11}", checksums.polish_pesel, 0.02, "0"),
    _kind("belgian_national_number", r"\d{2}\.?\d{2}\.?\d{2}-?\d{3}\.?\d{2}",
          lambda t: _day(t) and checksums.belgian_number(t), 0.003, "0"),
    _kind("swedish_personal_number", r"\d{6}[-+]\d{4}", checksums.swedish_number, 0.01, "-+"),
    _kind("brazilian_cpf", r"\d{3}\.\d{3}\.\d{3}-\d{2}", checksums.brazilian_cpf, 0.01, "-"),
    _kind("phone", r"(?<!\d )(?:\+\d{1,3}[ .-]?(?:\(0?\d{1,4}\)[ .-]?)?\d(?:[ .-]?\d){5,12}"
          r"|\(\d{2,4}\) ?\d{3,4}[ .-]?\d{3,5}|\d{3}[.-]\d{3}[.-]\d{4}|0\d{2,4}[ /-]\d{3,4}[ -]?\d{3,5})", _phone,
          needs="0"),
)  # fmt: skip
"""Kinds in the order in which they are looked for; what one has found is not looked at again."""

_PLACES = frozenset({"url", "presidio_url", "presidio_date_time", "presidio_location", "presidio_nrp"})
"""Kinds that name no person by themselves."""
_DIGITS = re.compile(r"\d")


def personal(kind: str) -> bool:
    """Whether what is of a kind, ours or Presidio's, names a person or is theirs."""
    return kind not in _PLACES


@dataclass(frozen=True)
class Hit:
    """An identifier in a text. plain: without separators, so that the same one has the same form everywhere."""

    kind: Kind
    plain: str


def look(text: str, among: Collection[str] | None = None) -> Iterator[tuple[Kind, str, bool]]:
    """Every place of a text that looks like an identifier: kind, what stands there without separators, and whether it
    passes the kind's test. among: the kinds looked for; None for all."""
    text = text[:MOST_LETTERS]
    digits = len(_DIGITS.findall(text))
    for kind in KINDS:
        if among is not None and kind.name not in among:
            continue
        if digits < 5 if kind.needs == "0" else bool(kind.needs) and not any(c in text for c in kind.needs):
            continue
        for found in kind.pattern.finditer(text):
            plain = _plain(kind, found.group())
            passed = kind.test is None or kind.test(plain)
            yield kind, plain, passed
            if passed:
                text = text[: found.start()] + " " * len(found.group()) + text[found.end() :]


def _plain(kind: Kind, text: str) -> str:
    if kind.name in ("email", "url"):
        return text.lower().rstrip(".,;)")
    if kind.name in ("ipv4", "ipv6", "mac_address"):
        return text.lower().replace("-", ":") if kind.name == "mac_address" else text.lower()
    return "".join(c for c in text if c.isalnum())


def identifiers(text: str, among: Collection[str] | None = None) -> Iterator[Hit]:
    """The identifiers of a text that pass their test and are somebody's own. among: as in `look`."""
    for kind, plain, passed in look(text, among):
        if passed and kind.personal and not (kind.name in ("ipv4", "ipv6") and _reserved(plain)):
            yield Hit(kind, plain)


def _reserved(text: str) -> bool:
    """Whether an address belongs to no single network: private, loopback, kept for documentation."""
    found = ipaddress.ip_address(text)
    return found.is_private or found.is_loopback or found.is_reserved or found.is_link_local or found.is_unspecified


def detect(words: Sequence[str], counts: npt.NDArray[np.int64]) -> tuple[Share, ...]:
    """The kinds of identifiers in a column, the most frequent first: share of the rows that hold one, with Wilson's
    interval. Never a value.

    Parameters
    ----------
    words: the distinct values; of more than MOST_WORDS, some are looked at, chosen at random.  counts: rows by value.
    """
    chosen = np.sort(stream(0, "pii").permutation(len(words))[:MOST_WORDS])
    rows = int(counts[chosen].sum())
    holds: dict[str, int] = {}
    looks: dict[str, int] = {}
    passes: dict[str, int] = {}
    for i in chosen:
        seen: set[str] = set()
        for kind, _, passed in look(words[i]):
            looks[kind.name] = looks.get(kind.name, 0) + 1
            if passed:
                passes[kind.name] = passes.get(kind.name, 0) + 1
                seen.add(kind.name)
        for name in seen:
            holds[name] = holds.get(name, 0) + int(counts[i])
    found = []
    for kind in KINDS:
        if kind.name in holds and _more_than_chance(passes[kind.name], looks[kind.name], kind.chance):
            share = wilson(holds[kind.name], rows)
            value, low, high = share.within(0, 1)
            found.append(Share(part=kind.name, value=value, low=low, high=high, n=rows))
    return tuple(sorted(found, key=lambda s: (-s.value, s.part)))


def _more_than_chance(passed: int, looked: int, chance: float) -> bool:
    return not chance or wilson(passed, looked).low > _CHANCE * chance


def texts(column: pa.ChunkedArray) -> bool:
    """Whether a column holds texts."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def flat(column: pa.ChunkedArray) -> pa.Array:
    """A column of texts in one piece, without dictionary coding."""
    plain = column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
    return plain.combine_chunks()


def counted(column: pa.ChunkedArray) -> tuple[list[str], npt.NDArray[np.int64]]:
    """The distinct texts of a column and the rows that hold each; nulls left out."""
    found = pc.value_counts(flat(column).drop_null())
    return found.field("values").to_pylist(), np.asarray(found.field("counts"), dtype=np.int64)


def whole(words: Sequence[str]) -> Kind | None:
    """The kind of number, with check digits, that at least WHOLE of the texts are from end to end; None for none."""
    for kind in KINDS:
        if kind.chance and words:
            plain = [kind.pattern.fullmatch(w.strip()) and _plain(kind, w.strip()) for w in words]
            right = sum(bool(text) and kind.test is not None and kind.test(text) for text in plain if text)
            if right >= WHOLE * len(words):
                return kind
    return None
