"""Times: one way to write a moment, UTC with microseconds, so that equal moments are equal bytes."""

from __future__ import annotations

from datetime import UTC, datetime

_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"
"""For reading alone: written by it, a year before 1000 has fewer than four digits, and could not be read again."""


def utc_text(at: datetime) -> str:
    """Return `at` as e.g. 2026-01-31T09:30:00.000000Z. Raises ValueError where it has no time zone."""
    if at.tzinfo is None:
        raise ValueError("a time needs a time zone")
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def parse_utc(text: str) -> datetime:
    """Read what `utc_text` wrote. Raises ValueError for any other spelling."""
    at = datetime.strptime(text, _FORMAT).replace(tzinfo=UTC)
    if utc_text(at) != text:
        raise ValueError("not a time as this platform writes it")
    return at
