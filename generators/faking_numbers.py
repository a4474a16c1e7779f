"""Numbers without memory: keyed hashes and bijections, so that a fake value is a function of its subject alone.

Whatever a block needs follows from the seed and the number or the value it stands for; nothing is carried from one
block to the next, and so neither the order of blocks nor their size plays a part.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from proofset.seeds import stream

Numbers = npt.NDArray[np.uint64]

MOST = 1 << 62
"""The largest size of a `shuffled` range."""
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_ROUNDS = 4


def key(seed: int, *names: str) -> int:
    """Return the key for `names` under `seed`: 63 bits."""
    return int(stream(seed, "fake", *names).integers(2**63))


def salt(name: str) -> int:
    """Return a fixed number for a name: what a hash is drawn for."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")


def mixed(numbers: Numbers, with_key: int) -> Numbers:
    """Hash numbers to 64 bits with the finalizer of SplitMix64 (Steele, Lea, Flood 2014,
    doi:10.1145/2660193.2660195); a bijection for every key."""
    z = numbers * _GOLDEN + np.uint64(with_key)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(z ^ (z >> np.uint64(31)))


def shuffled(numbers: Numbers, size: int, with_key: int) -> Numbers:
    """Map numbers below `size` to numbers below `size`, each to another one, in an order that the key decides.

    A Feistel network over the next power of four, walked until it is back in range (Black, Rogaway 2002,
    doi:10.1007/3-540-45760-7_9).  size: 1 to MOST.
    """
    half = max(1, ((size - 1).bit_length() + 1) // 2)
    low = np.uint64((1 << half) - 1)

    def permuted(values: Numbers) -> Numbers:
        left, right = values >> np.uint64(half), values & low
        for turn in range(_ROUNDS):
            left, right = right, left ^ (mixed(right, with_key ^ salt(f"round {turn}")) & low)
        return (left << np.uint64(half)) | right

    result = permuted(numbers)
    outside = np.flatnonzero(result >= size)
    while len(outside):
        result[outside] = permuted(result[outside])
        outside = outside[result[outside] >= size]
    return result


def hashed(column: pa.Array | pa.ChunkedArray, with_key: int) -> Numbers:
    """Hash a column's values, as text, to 64 bits; equal values get equal hashes, and so do all nulls."""
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    column = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    secret = with_key.to_bytes(8, "little")
    words = column.dictionary.cast(pa.large_string()).to_pylist()
    digests = [hashlib.blake2b(str(w).encode(), digest_size=8, key=secret).digest() for w in [*words, None]]
    of_word = np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)
    places = column.indices.cast(pa.int64()).fill_null(len(words)).to_numpy(zero_copy_only=False)
    return np.asarray(of_word[places])


@dataclass(frozen=True)
class Subjects:
    """Whom a block's values stand for: equal subjects get equal values.

    numbers: of each row.  counted: whether they count subjects (0, 1, ... in the whole table); else they are hashes,
    of which two may meet by chance.
    """

    numbers: Numbers
    counted: bool

    def draw(self, with_key: int, what: str) -> Numbers:
        """64 random bits for each row, the same for equal subjects."""
        return mixed(self.numbers, with_key ^ salt(what))

    def uniform(self, with_key: int, what: str) -> npt.NDArray[np.float64]:
        """A number in [0, 1) for each row."""
        return np.asarray((self.draw(with_key, what) >> np.uint64(11)) * 2.0**-53)

    def below(self, limit: int, with_key: int, what: str) -> npt.NDArray[np.int64]:
        """A whole number in [0, limit) for each row; the bias of the remainder is below limit / 2**64."""
        return np.asarray((self.draw(with_key, what) % np.uint64(limit)).astype(np.int64))

    def dealt(self, size: int, with_key: int) -> tuple[Numbers, Numbers]:
        """Deal `size` places out: each subject's place, in [0, size), and its lap. Subjects that are counted share
        neither both; hashes have no laps."""
        if not self.counted:
            return self.draw(with_key, "place") % np.uint64(size), np.zeros_like(self.numbers)
        return shuffled(self.numbers % np.uint64(size), size, with_key), self.numbers // np.uint64(size)
