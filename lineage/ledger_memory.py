"""Memory: what a process has verified of a ledger. Leaf hashes, and enough to tell which entries a query must return.

44 bytes an entry; bodies are not kept. Whatever is read later is held against it, so that an entry changed, removed or
moved out of a query after it was checked is noticed when it is read.
"""

from __future__ import annotations

import hashlib
from array import array

import numpy as np
from numpy.typing import NDArray

from lineage.merkle import HASH_BYTES, Frontier

_RECENT = 512
"""Roots of so many last sizes are kept: those that other processes' heads may still be at."""


class Memory:
    """The verified entries, from the first on."""

    def __init__(self) -> None:
        self.frontier = Frontier()
        self.last_at = ""
        """Time of the last entry; "" where there is none."""
        self._leaves = bytearray()
        self._kinds = array("I")
        self._subjects = array("Q")
        self._numbers: dict[str, int] = {}
        self._roots: dict[int, bytes] = {}

    @property
    def size(self) -> int:
        """Number of entries."""
        return self.frontier.size

    def add(self, leaf: bytes, kind: str, subject: str, at: str) -> list[tuple[int, int, bytes]]:
        """Take one entry; return the complete subtrees it finished."""
        made = self.frontier.add(leaf)
        self._leaves += leaf
        self._kinds.append(self._numbers.setdefault(kind, len(self._numbers)))
        self._subjects.append(_key(subject))
        self.last_at = at
        return made

    def leaf(self, seq: int) -> bytes:
        """The leaf hash of an entry. 1 <= seq <= size."""
        return bytes(self._leaves[(seq - 1) * HASH_BYTES : seq * HASH_BYTES])

    def root(self) -> bytes:
        """The root over all."""
        return self.frontier.root()

    def mark(self) -> None:
        """Remember the root at this size, the last few hundred of them."""
        self._roots[self.size] = self.root()
        if len(self._roots) > _RECENT:
            del self._roots[next(iter(self._roots))]

    def root_at(self, size: int) -> bytes:
        """The root over the first `size` entries: at once for the newest and remembered ones, else in O(size)."""
        if size == self.size:
            return self.root()
        if size not in self._roots:
            grown = Frontier()
            for seq in range(1, size + 1):
                grown.add(self.leaf(seq))
            self._roots[size] = grown.root()
        return self._roots[size]

    def find(self, kind: str | None, subject: str | None, since: int = 1) -> NDArray[np.int64]:
        """Numbers of the entries of this kind and subject, from `since` on, in order."""
        chosen = np.ones(self.size, dtype=bool)
        if kind is not None:
            chosen &= np.array(self._kinds, dtype=np.uint32) == self._numbers.get(kind, -1)
        if subject is not None:
            chosen &= np.array(self._subjects, dtype=np.uint64) == np.uint64(_key(subject))
        found = np.flatnonzero(chosen).astype(np.int64) + 1
        return found[found >= since]


def _key(subject: str) -> int:
    """64 bits of a digest: two subjects with the same ones would be taken for tampering, once in 2**64."""
    return int.from_bytes(hashlib.blake2b(subject.encode(), digest_size=8).digest(), "big")
