"""What the exporters share: addresses of licences, kinds of columns, and JSON that is safe inside of a web page."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from lineage.record import Record

SITE = "https://proofset.dev"
"""The namespace of the terms this platform defines; nothing is served there."""

_SPDX = frozenset(
    (
        "0BSD", "AGPL-3.0-only", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC-BY-3.0", "CC-BY-4.0", "CC-BY-NC-4.0",
        "CC-BY-NC-ND-4.0", "CC-BY-NC-SA-4.0", "CC-BY-ND-4.0", "CC-BY-SA-3.0", "CC-BY-SA-4.0", "CC0-1.0",
        "CDLA-Permissive-1.0", "CDLA-Permissive-2.0", "CDLA-Sharing-1.0", "DL-DE-BY-2.0", "DL-DE-ZERO-2.0",
        "etalab-2.0", "GPL-2.0-only", "GPL-3.0-only", "ISC", "MIT", "MPL-2.0", "NLOD-2.0", "O-UDA-1.0", "ODbL-1.0",
        "ODC-By-1.0", "OGL-UK-3.0", "PDDL-1.0", "Unlicense",
    )
)  # fmt: skip
"""Licences data is often under, of the SPDX list."""


def licence_url(licence: str) -> str | None:
    """The address of a licence named by a well-known SPDX identifier, or given as an address; else None."""
    if licence in _SPDX:
        return f"https://spdx.org/licenses/{licence}"
    return quote(licence, safe=":/?#[]@!$&'()*+,;=%~._-") if licence.startswith("https://") else None


def address(text: str) -> str | None:
    """An address as an IRI, with what may not stand in one escaped; None for what is no https or http address."""
    return quote(text, safe=":/?#[]@!$&'()*+,;=%~._-") if text.startswith(("https://", "http://")) else None


def mail(owner: str) -> str | None:
    """An owner's or contact's mailto address; None for a team."""
    return f"mailto:{quote(owner, safe='@+._-')}" if "@" in owner and not owner.startswith("https://") else None


def kind(storage: str) -> str:
    """What an Arrow type holds: boolean, integer, number, date, timestamp, time or string."""
    if storage.startswith(("int", "uint")):
        return "integer"
    if storage.startswith(("float", "double", "halffloat", "decimal")):
        return "number"
    for word, name in (("bool", "boolean"), ("date", "date"), ("timestamp", "timestamp"), ("time", "time")):
        if storage.startswith(word):
            return name
    return "string"


def words(record: Record) -> str:
    """The dataset's description; where it has none, what it is."""
    made = record.making
    text = record.identity.description.strip()
    return text or f"Synthetic rows, made by {made.title} ({made.generator} {made.version})."


def relative(path: str) -> str:
    """A file of the release as seen from `exports/`, as an IRI reference."""
    return "../" + quote(path)


def origin(record: Record) -> str:
    """In a sentence, where the rows come from."""
    made, source = record.making, record.source
    if not source.generations:
        return f"The rows were written by rules ({made.generator} {made.version}); no real data went into them."
    return (
        f"The rows were drawn from a model ({made.generator} {made.version}) of {record.risks.train_rows:,} of the "
        f"source's {source.rows:,} rows; the other {record.risks.holdout_rows:,} were held out to measure it."
    )


def linked(value: Any) -> bytes:
    """JSON that can stand in a web page's script element: no text in it can end the element."""
    text = json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text.encode() + b"\n"


def figure(value: float | None) -> str:
    """A number for people: four significant digits."""
    return "–" if value is None else f"{value:.4g}"


def sentences(parts: Iterable[str]) -> str:
    """Statements one after the other, each ended as a sentence."""
    said = (" ".join(part.split()) for part in parts)
    return " ".join(part if part.endswith((".", "!", "?")) else f"{part}." for part in said if part)
