"""Pools of invented words, names and addresses, from the Faker library.

Faker takes about 30 µs a value, so a column draws from a pool. A pool follows from its provider, locale and key alone.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from proofset.errors import GeneratorError, MissingExtraError, did_you_mean

POOL = 2_000
"""Values of a pool."""
DEFAULT_LOCALE = "en_US"
DOMAINS = ("example.com", "example.net", "example.org")
"""Domains that belong to nobody (RFC 2606)."""

_MAIL = re.compile(r"(?<=@)[\w.-]+")
_HOST = re.compile(r"(?<=://)[^/\s:]+|(?<![\w@./-])www\.[\w.-]+")
_NUMBER = re.compile(r"\d+(?=$|@)")
_AS_LETTERS = str.maketrans("0123456789ABCDEFGHIJKLMNOP", "abcdefghijklmnopqrstuvwxyz")
_FAMILY_FIRST = {"hu": "{last} {first}", "ja": "{last} {first}", "ko": "{last}{first}", "zh": "{last}{first}"}


class People(NamedTuple):
    """Invented people: every first name with every last name, each with how it stands in an e-mail address."""

    first: tuple[tuple[str, str], ...]
    last: tuple[tuple[str, str], ...]
    order: str

    def __len__(self) -> int:
        return len(self.first) * len(self.last)

    def name(self, number: int, part: str) -> str:
        """The "first", "last", "full" or "login" name of one of them."""
        last, first = divmod(number, len(self.first))
        names = {"first": self.first[first], "last": self.last[last]}
        if part == "full":
            return self.order.format(first=names["first"][0], last=names["last"][0])
        return f"{names['first'][1]}.{names['last'][1]}" if part == "login" else names[part][0]


@lru_cache(maxsize=64)
def people(locale: str, count: int, key: int) -> People:
    """Return people of a locale, of whom no two have the same e-mail name; `count` first and last names are drawn."""
    fake = _faker(locale, key)

    order = _FAMILY_FIRST.get(locale[:2], "{first} {last}")

    def parts(draw: Any, longest: int | None = None) -> tuple[tuple[str, str], ...]:
        names = dict.fromkeys(_line(draw()) for _ in range(count))
        # No two pairs may read the same: one word each, and one sign where nothing stands between them.
        kept = [n for n in names if " " not in n and len(n) <= (longest or len(n))] or list(names)[:1]
        mails = [mail_name(n).replace(".", "-") or f"p-{_letters(i)}" for i, n in enumerate(kept)]
        return tuple({mail: (name, mail) for name, mail in zip(kept, mails, strict=True)}.values())

    return People(parts(fake.first_name), parts(fake.last_name, None if " " in order else 1), order)


@lru_cache(maxsize=64)
def pool(provider: str, locale: str, count: int, key: int) -> tuple[str, ...]:
    """Return `count` values of a Faker provider, domains replaced by reserved ones."""
    return tuple(reserved(v) for v in _values(provider, locale, count, key))


@lru_cache(maxsize=64)
def distinct_pool(provider: str, locale: str, count: int, key: int) -> tuple[str, ...]:
    """Return the values of a pool once each, without those that could be another one numbered on."""
    found = dict.fromkeys(pool(provider, locale, count, key))

    def another_numbered_on(value: str) -> bool:
        digits = _NUMBER.search(value)
        return digits is not None and any(
            (base := value[:at].rstrip(" /") + value[digits.end() :]) in found
            and numbered_on(base, int(value[at : digits.end()])) == value
            for at in range(*digits.span())
        )

    return tuple(v for v in found if not another_numbered_on(v))


def mail_name(name: str) -> str:
    """Return a name as it stands before the @: "Zoë O'Neil" becomes "zoe.oneil"; "" where no Latin letter is in it."""
    plain = unicodedata.normalize("NFKD", name.replace("ß", "ss")).encode("ascii", "ignore").decode().lower()
    return ".".join(re.findall(r"[a-z0-9]+", re.sub(r"['’]", "", plain)))


def _letters(number: int) -> str:
    return str(np.base_repr(number, 26)).translate(_AS_LETTERS)


def numbered_on(value: str, lap: int) -> str:
    """Return the value for the `lap`-th time, as a new one: "a b 2", "a2@x.org", "https://x.org/a/2"."""
    if lap < 2:
        return value
    head, at, tail = value.rpartition("@")
    if at:
        return f"{head}{lap}@{tail}"
    return f"{value.rstrip('/')}/{lap}" if "://" in value else f"{value} {lap}"


def reserved(text: str) -> str:
    """Put a reserved domain in place of each domain of an e-mail address or URL that is not one."""

    def kept(match: re.Match[str]) -> str:
        host = match.group()
        return host if host.endswith(DOMAINS) else DOMAINS[-1]

    return _HOST.sub(kept, _MAIL.sub(kept, text))


def check_provider(provider: str, column: str, locale: str = DEFAULT_LOCALE) -> None:
    """Raise GeneratorError where Faker has no such locale, or no such provider that works without settings."""
    fake = _faker(locale, 0, column)
    own = {*dir(type(fake)), *dir(type(fake.factories[0]))}
    known = [n for n in dir(fake) if not n.startswith("_") and n not in own]
    if provider not in known:
        raise GeneratorError(
            f"Column '{column}': Faker has no provider '{provider}'.{did_you_mean(provider, known)}",
            fix="Use the name of one of Faker's providers, such as name, email or street_address.",
        )
    try:
        getattr(fake, provider)()
    except (TypeError, ValueError, AttributeError):
        raise GeneratorError(
            f"Column '{column}': Faker's provider '{provider}' does not work without settings.",
            fix="Use a provider that needs none, such as name, email or street_address.",
        ) from None


def faker_values(provider: str, locale: str, count: int, rng: np.random.Generator) -> list[str]:
    """Return `count` texts of a Faker provider on one line each, from an instance seeded by `rng`."""
    return _values(provider, locale, count, int(rng.integers(2**32)))


def numbered(values: Sequence[str] | np.ndarray) -> np.ndarray:
    """Make texts unique by numbering each repetition: "a b" becomes "a b 2", "a@x.org" becomes "a2@x.org"."""
    taken: set[str] = set()
    times: dict[str, int] = {}
    result = []
    for value in values:
        text = value
        while text in taken:
            times[value] = times.get(value, 1) + 1
            text = numbered_on(value, times[value])
        taken.add(text)
        result.append(text)
    return np.array(result, dtype=object)


def _values(provider: str, locale: str, count: int, seed: int) -> list[str]:
    call = getattr(_faker(locale, seed), provider)
    return [_line(call()) for _ in range(count)]


def _line(value: object) -> str:
    return " ".join(str(value).split())


def _faker(locale: str, seed: int, column: str = "") -> Any:
    try:
        import faker
    except ImportError:
        raise MissingExtraError("The package faker is not installed.", fix="Install it: `pip install faker`.") from None
    try:
        fake = faker.Faker(locale, use_weighting=False)
    except AttributeError:
        raise GeneratorError(
            f"Column '{column}': Faker has no locale '{locale}'.", fix="Use a locale such as en_US or de_DE."
        ) from None
    fake.seed_instance(seed)
    return fake
