"""What evidence says of the values of a column: common ones, forms of codes, and histograms."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from pydantic import Field, field_validator, model_validator

from proofset.frozen import Frozen
from proofset.masks import places


class TopValue(Frozen):
    """A value that at least MIN_COUNT rows share, with its share of the rows."""

    value: str
    share: float


class Format(Frozen):
    """A form that at least MIN_COUNT different values of a column have.

    mask: see `proofset.masks`; a letter or digit that stands for itself is shared by all of them.
    share: of the rows.  check: the check digits that they carry.
    """

    mask: str
    share: float = Field(gt=0, le=1)
    check: Literal["luhn", "iban"] | None = None

    @field_validator("mask")
    @classmethod
    def _readable(cls, mask: str) -> str:
        places(mask)
        return mask


class Histogram(Frozen):
    """Shares of a table's rows in bins of at least MIN_COUNT rows each, from counts rounded to a few rows.

    edges: of the bins, one more than there are shares. The outer bins also hold what lies beyond them.
    """

    edges: tuple[float, ...] = Field(min_length=2)
    shares: tuple[float, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _fits(self) -> Histogram:
        if len(self.edges) != len(self.shares) + 1 or any(b <= a for a, b in pairwise(self.edges)):
            raise ValueError("a histogram has rising edges, one more than shares")
        return self


__all__ = ["Format", "Histogram", "TopValue"]
