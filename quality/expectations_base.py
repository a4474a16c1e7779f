"""What an expectation is, before any library runs it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Expectation:
    """One expectation. kind: Great Expectations' name of it.  rule: in words, without a source value.

    column: None where it is about the table or several columns, which are then among the arguments.
    arguments: as Great Expectations takes them; limits of times are seconds since 1970.
    """

    kind: str
    rule: str
    column: str | None = None
    arguments: dict[str, Any] = field(default_factory=dict)
