"""Moves: a number that is shifted or scaled after it was drawn, and before what depends on it is drawn."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from generators.coding_numbers import INT_LIMIT


@dataclass(frozen=True)
class Move:
    """value * scale + shift, within [low, high], in the unit of the codec's values.

    step: integers are multiples of it; 0 for floats.  decimals: places of floats, None for all.
    """

    scale: float
    shift: float
    low: float
    high: float
    step: int
    decimals: int | None

    def apply(self, values: np.ndarray, chance: np.ndarray) -> np.ndarray:
        """Return the moved values. chance, in [0, 1), rounds an integer up as often as its fraction says, so that the
        mean moves exactly and scaling leaves no gaps."""
        if not self.step:
            moved = values * self.scale + self.shift
            moved = moved if self.decimals is None else np.round(moved, self.decimals)
            return np.asarray(np.clip(moved, self.low, self.high))
        whole = self.scale == 1.0 and self.shift % self.step == 0 and abs(self.shift) < 2.0**53
        if whole:  # exact, also where a float is not
            offset = int(self.shift)
            limits = np.iinfo(np.int64)
            room = np.clip(values, limits.min + max(0, -offset), limits.max - max(0, offset))
            moved = room + offset
        else:
            target = (values * self.scale + self.shift) / self.step
            moved = ((np.floor(target + chance)) * self.step).clip(-(2.0**63), INT_LIMIT).astype(np.int64)
        return np.asarray(np.clip(moved, int(np.ceil(self.low)), int(np.floor(min(self.high, INT_LIMIT)))))

    def plain(self) -> dict[str, Any]:
        """Return the move as JSON-ready data; numbers as text, which may be beyond what JSON holds."""
        return {name: None if value is None else repr(value) for name, value in asdict(self).items()}

    @classmethod
    def rebuild(cls, plain: dict[str, Any]) -> Move:
        """Return the move that `plain` describes."""
        numbers = {n: float(plain[n]) for n in ("scale", "shift", "low", "high")}
        decimals = plain["decimals"]
        return cls(**numbers, step=int(plain["step"]), decimals=None if decimals is None else int(decimals))
