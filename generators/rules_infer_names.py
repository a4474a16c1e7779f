"""Guesses from names and formats: an `email` is an e-mail address, a `price` a positive number with a long tail."""

from __future__ import annotations

import re
from typing import Any

Rule = dict[str, Any]

FORMATS: dict[str, Rule] = {
    "email": {"kind": "faker", "provider": "email"},
    "idn-email": {"kind": "faker", "provider": "email"},
    "uri": {"kind": "faker", "provider": "url"},
    "url": {"kind": "faker", "provider": "url"},
    "hostname": {"kind": "faker", "provider": "hostname"},
    "ipv4": {"kind": "faker", "provider": "ipv4_private"},
    "ipv6": {"kind": "faker", "provider": "ipv6"},
    "uuid": {"kind": "uuid"},
}
TEXTS: tuple[tuple[str, Rule], ...] = (
    (r"e_?mail", {"kind": "faker", "provider": "email"}),
    (r"first_?name|given_?name|forename", {"kind": "faker", "provider": "first_name"}),
    (r"last_?name|surname|family_?name", {"kind": "faker", "provider": "last_name"}),
    (r"user_?name|login", {"kind": "faker", "provider": "user_name"}),
    (r"company|employer|organi[sz]ation", {"kind": "faker", "provider": "company"}),
    (r"(full_?)?name|customer_name|contact", {"kind": "faker", "provider": "name"}),
    (r"phone|telephone|mobile|fax", {"kind": "faker", "provider": "phone_number"}),
    (r"street|address(_line)?(_?\d)?", {"kind": "faker", "provider": "street_address"}),
    (r"city|town", {"kind": "faker", "provider": "city"}),
    (r"country", {"kind": "faker", "provider": "country"}),
    (r"country_code", {"kind": "faker", "provider": "country_code"}),
    (r"zip(_?code)?|post_?(al_?)?code", {"kind": "regex", "pattern": "\\d{5}"}),
    (r"url|website|homepage", {"kind": "faker", "provider": "url"}),
    (r"ip(_?address)?", {"kind": "faker", "provider": "ipv4_private"}),
    (r"iban", {"kind": "faker", "provider": "iban"}),
    (r"job(_?title)?|occupation|profession", {"kind": "faker", "provider": "job"}),
    (r"currency(_code)?", {"kind": "choice", "values": ["EUR", "USD", "GBP"]}),
    (r"uuid|guid", {"kind": "uuid"}),
    (r"description|comment|notes?|remarks?|message|text|body|subject|title", {"kind": "faker", "provider": "sentence"}),
)
NUMBERS: tuple[tuple[str, Rule], ...] = (
    (r"age", {"kind": "normal", "mean": 42, "sd": 16, "low": 18, "high": 95, "bounds": "truncate"}),
    (r"price|amount|total|cost|revenue|balance|fee|value|sum", {"kind": "lognormal", "mean": 3.5, "sd": 0.9}),
    (r"salary|income|wage", {"kind": "lognormal", "mean": 10.5, "sd": 0.5}),
    (r"lat(itude)?", {"kind": "uniform", "low": -90, "high": 90}),
    (r"lon(gitude)?|lng", {"kind": "uniform", "low": -180, "high": 180}),
    (r"share|rate|ratio|probability|score|percent(age)?", {"kind": "beta", "a": 2, "b": 5}),
    (r"weight|height|length|width|duration|distance", {"kind": "gamma", "shape": 4, "scale": 5}),
)
COUNTS = re.compile(r"(^|_)(count|quantity|qty|number|num|visits|orders|items)(_|$)")


def by_format(name: str) -> Rule | None:
    """A rule for a text format of JSON Schema; None where there is none."""
    return FORMATS.get(name)


def by_name(name: str, kind: str) -> Rule | None:
    """A rule for a column of this name; None where the name tells nothing. kind: "text", "integer" or "number"."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    if kind != "text" and COUNTS.search(words):
        return {"kind": "gamma", "shape": 2.0, "scale": 2.0}
    for pattern, rule in TEXTS if kind == "text" else NUMBERS:
        if re.search(rf"(^|_)({pattern})$", words):
            return rule
    return None
