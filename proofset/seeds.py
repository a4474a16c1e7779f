"""Named random streams. Randomness is an argument; a stream's name, not its order of creation, decides its numbers."""

from __future__ import annotations

import hashlib

import numpy as np


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """Return the generator for `names` under `seed`.

    The same seed and names give the same numbers on every machine and with any number of workers;
    different names give independent streams (SeedSequence with a SHA-256 spawn key).

    Parameters
    ----------
    seed: the dataset's seed, >= 0.
    names: a path such as ("fit", "trees", 3).
    """
    path = "/".join(f"{type(n).__name__}:{n}" for n in names)
    words = np.frombuffer(hashlib.sha256(path.encode()).digest(), dtype="<u4")
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=tuple(int(w) for w in words)))
