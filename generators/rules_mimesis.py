"""Texts of the Mimesis library. The only file that imports it, and only when a rule asks for it."""

from __future__ import annotations

from typing import Any

import numpy as np

from proofset.errors import GeneratorError, MissingExtraError, ProofsetError, did_you_mean


def mimesis_values(provider: str, locale: str, count: int, rng: np.random.Generator) -> list[str]:
    """Return `count` texts of a Mimesis provider on one line each, from an instance seeded by `rng`."""
    call = _call(provider, locale, int(rng.integers(2**32)), "")
    return [" ".join(str(call()).split()) for _ in range(count)]


def check_mimesis(provider: str, column: str, locale: str) -> None:
    """Raise GeneratorError where Mimesis has no such locale or provider, or none that works without settings."""
    try:
        first, again = (_call(provider, locale, 1, column) for _ in range(2))
        repeats = [str(first()) for _ in range(8)] == [str(again()) for _ in range(8)]
    except ProofsetError:
        raise
    except Exception:  # noqa: BLE001 - whatever a provider raises, it cannot be used
        raise GeneratorError(
            f"Column '{column}': the Mimesis provider '{provider}' does not work without settings.",
            fix="Use a provider that needs none, such as person.full_name or address.city.",
        ) from None
    if not repeats:
        raise GeneratorError(
            f"Column '{column}': the Mimesis provider '{provider}' does not follow a seed.",
            fix="Use another provider, or the rule uuid or regex.",
        )


def _call(provider: str, locale: str, seed: int, column: str) -> Any:
    try:
        from mimesis import Generic
        from mimesis.locales import Locale
    except ImportError:
        raise MissingExtraError(
            "The package mimesis is not installed.", fix="Install it: `pip install mimesis`."
        ) from None
    locales = {entry.value: entry for entry in Locale}
    if locale not in locales:
        raise GeneratorError(
            f"Column '{column}': Mimesis has no locale '{locale}'.{did_you_mean(locale, locales)}",
            fix="Use a locale such as en, de or pt-br.",
        )
    generic = Generic(locale=locales[locale], seed=seed)
    known = {
        f"{group}.{name}": getattr(part, name)
        for group in dir(generic)
        if not group.startswith("_")
        for part in [getattr(generic, group)]
        for name in dir(part)
        if not name.startswith("_") and name not in _own() and callable(getattr(part, name))
    }
    if provider not in known:
        raise GeneratorError(
            f"Column '{column}': Mimesis has no provider '{provider}'.{did_you_mean(provider, known)}",
            fix="Name group and method, such as person.full_name or address.city.",
        )
    return known[provider]


def _own() -> set[str]:
    """What every provider has and what makes no value."""
    from mimesis.providers.base import BaseDataProvider

    return {*dir(BaseDataProvider), "random", "seed"}
