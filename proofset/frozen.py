"""The base of the vocabulary's models."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """Base of everything in the vocabulary: immutable, and an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False, allow_inf_nan=False)

    def plain(self) -> dict[str, Any]:
        """Return JSON-ready plain data; what is unset is left out."""
        return self.model_dump(mode="json", exclude_none=True)
