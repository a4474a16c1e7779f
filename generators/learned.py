"""What a generator has learned: the part that every generator writes for itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Literal, Self

import pyarrow as pa

from generators.blocks import Block
from proofset.errors import GeneratorError
from proofset.steering import Steering


class Learned(ABC):
    """What a generator has learned about the columns it was shown."""

    parallel: ClassVar[bool] = True
    """Whether blocks may be drawn on several threads at once."""

    @property
    def redraw(self) -> Literal["any", "same_place", "never"]:
        """Which row may take the place of one that breaks a constraint: any other, since rows are independent; the one
        drawn for the same place in another attempt, since values depend on the place; none, since rows hang together.
        """
        return "any"

    @property
    def history(self) -> tuple[dict[str, float], ...]:
        """What was observed while learning, one entry per epoch or round: numbers by name, e.g. losses."""
        return ()

    @property
    def steering_report(self) -> dict[str, float]:
        """What steering changed, by name; empty without steering."""
        return {}

    def steered(self, steering: Steering) -> Learned:
        """The same, sampled as `steering` asks. Raises GeneratorError where it cannot be."""
        raise GeneratorError(
            "This generator cannot be steered.", fix="Use the generator 'trees', or leave the steering out."
        )

    def impute(self, table: pa.Table, seed: int) -> pa.Table:
        """Return `table` with its missing cells drawn given the others. Raises GeneratorError where it cannot be."""
        raise GeneratorError("This generator cannot fill missing cells.", fix="Fit the generator 'trees' instead.")

    def check(self, rows: int) -> None:  # noqa: B027 - most have nothing to refuse
        """Raise GeneratorError where so many rows cannot be made; asked before the first block is drawn."""

    @abstractmethod
    def draw(self, block: Block) -> pa.Table:
        """Return the block's rows of the columns that were learned, with the same names and Arrow types.

        All randomness comes from `block.stream(...)`: the same block gives the same table, on any thread.
        """

    @abstractmethod
    def files(self) -> dict[str, bytes]:
        """Return everything `from_files` needs, by file name. JSON and npz for generators of this package."""

    @classmethod
    @abstractmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Self:
        """Rebuild what `files` returned; only called after the seal was verified."""
