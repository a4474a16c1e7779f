"""Sketch: the fingerprints of a table's rows, by which rows are recognised later without the table.

Kept are the distinct fingerprints up to a threshold: all of a table with at most MAX_PRINTS rows, and of a larger one
the bottom part of the hash's range that holds about as many. Whether a fingerprint lies there depends on the row and
the key alone, so that what lies there of another table is a random sample of it, and the share of it that is in the
sketch estimates the share of its rows that are in the table (Broder 1997, https://doi.org/10.1109/SEQUEN.1997.666900;
FracMinHash: Irber et al. 2022, https://doi.org/10.1101/2022.01.11.475838).

Real rows may occur in a table by coincidence. How often, the *chance level*, is counted on rows that are known not to
come from it, and kept with the sketch.

A sketch with its key answers whether a row is in the table. Both lie in the private state and are as sensitive as
the table itself; without the key a sketch is random numbers.

The file: MAGIC, the length of the head (8 bytes), the head (canonical JSON), the fingerprints (8 bytes each, rising),
and 32 bytes of keyed BLAKE2b over all before. Numbers are little-endian.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from hashlib import blake2b
from hmac import compare_digest
from math import inf, log, sqrt
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydantic import Field

from lineage.fingerprint import Columns, Prints, key_name
from lineage.spelling import Kind
from proofset.digest import canonical
from proofset.errors import WorkspaceError
from proofset.files import write_bytes
from proofset.frozen import Frozen

MAGIC = b"proofset-sketch-1\n"
MAX_PRINTS = 1_000_000
"""A table of at most so many rows is sketched whole."""
ALL = 2**64 - 1
"""The threshold of a sketch that holds every fingerprint."""
_SEAL = b"proofset-sk-v1"
_SEAL_BYTES = 32
_Z = 1.959963984540054


class Chance(Frozen):
    """Of `rows` rows known not to come from a table, `hits` occur in it all the same."""

    hits: int = Field(ge=0)
    rows: int = Field(ge=0)

    @property
    def value(self) -> float:
        """The share; 1 where nothing was counted, since then nothing is known."""
        return self.hits / self.rows if self.rows else 1.0

    @property
    def bounds(self) -> tuple[float, float]:
        """Its 95 % interval."""
        return wilson(self.hits, self.rows) if self.rows else (0.0, 1.0)


class _Head(Frozen):
    key: str
    table: str
    columns: tuple[tuple[str, Kind], ...] = Field(min_length=1)
    rows: int = Field(ge=0)
    threshold: str = Field(pattern=r"^[0-9a-f]{16}$")
    chance: Chance
    generations: int = Field(ge=0)


@dataclass(frozen=True)
class Sketch:
    """Fingerprints of a table.

    table: its digest.  columns: what a fingerprint is of.  rows: of the table.  threshold: up to which fingerprints are
    kept.  prints: distinct and rising.  generations: how far the table's deepest rows are from real data; 0 for real.
    """

    table: str
    columns: Columns
    rows: int
    threshold: int
    prints: Prints
    chance: Chance
    generations: int

    def holds(self, prints: Prints) -> npt.NDArray[np.bool_]:
        """Which fingerprints, all up to the threshold, are in the sketch."""
        return among(prints, self.prints)

    def to_bytes(self, key: bytes) -> bytes:
        """The file's content."""
        head = canonical(
            _Head(
                key=key_name(key),
                table=self.table,
                columns=self.columns,
                rows=self.rows,
                threshold=f"{self.threshold:016x}",
                chance=self.chance,
                generations=self.generations,
            ).plain()
        )
        body = MAGIC + struct.pack("<Q", len(head)) + head + self.prints.astype("<u8").tobytes()
        return body + _seal(body, key)

    @classmethod
    def from_bytes(cls, data: bytes, key: bytes, name: str) -> Sketch:
        """Read a sketch; `name` stands for the file in errors.

        Raises WorkspaceError unless it is, byte for byte, what `to_bytes` writes with this key.
        """
        try:
            return _read(data, key)
        except (ValueError, struct.error) as error:
            raise WorkspaceError(
                f"The sketch {name} cannot be used.",
                why=str(error) if type(error) is ValueError else "Its content is damaged.",
                fix="Remove it; it is made again from the stored table.",
            ) from None

    def save(self, path: Path, key: bytes) -> None:
        """Write the file, whole or not at all, readable by its owner alone."""
        write_bytes(path, self.to_bytes(key), private=True)


def _read(data: bytes, key: bytes) -> Sketch:
    """Raises ValueError, with a message without values, and struct.error."""
    body, seal = data[:-_SEAL_BYTES], data[-_SEAL_BYTES:]
    if not body.startswith(MAGIC):
        raise ValueError("It is no sketch.")
    if not compare_digest(_seal(body, key), seal):
        raise ValueError("It was changed, or made with another key.")
    start = len(MAGIC) + 8
    (length,) = struct.unpack("<Q", body[len(MAGIC) : start])
    text, rest = body[start : start + length], body[start + length :]
    head = _Head.model_validate_json(text)
    if canonical(head.plain()) != text or head.key != key_name(key) or len(rest) % 8:
        raise ValueError("Its content is damaged.")
    prints = np.frombuffer(rest, "<u8").astype(np.uint64)
    threshold = int(head.threshold, 16)
    rising = bool((prints[1:] > prints[:-1]).all())
    if not rising or len(prints) > head.rows or (len(prints) and int(prints[-1]) > threshold):
        raise ValueError("Its fingerprints are not in order.")
    if list(head.columns) != sorted(set(head.columns)):
        raise ValueError("Its columns are not in order.")
    return Sketch(head.table, head.columns, head.rows, threshold, prints, head.chance, head.generations)


def _seal(body: bytes, key: bytes) -> bytes:
    return blake2b(body, key=key, person=_SEAL, digest_size=_SEAL_BYTES).digest()


def make_sketch(
    table: str, columns: Columns, prints: Prints, chance: Chance, generations: int, most: int = MAX_PRINTS
) -> Sketch:
    """The sketch of a table from the fingerprints of all its rows, of which about `most` are kept."""
    rows = len(prints)
    threshold = ALL if rows <= most else (ALL * most) // rows
    kept = np.unique(prints[prints <= np.uint64(threshold)])
    return Sketch(table, columns, rows, threshold, kept, chance, generations)


def chance_of(others: Prints, prints: Prints) -> Chance:
    """How many of the rows `others`, which do not come from a table, occur among its `prints`."""
    return Chance(hits=int(among(others, np.unique(prints)).sum()), rows=len(others))


def chance_within(prints: Prints) -> Chance:
    """The chance level of a real table: of a random third of its rows, how many occur in the rest."""
    order = np.random.default_rng(0).permutation(len(prints))  # any third would do; the same one gives the same count
    third = len(prints) // 3
    return chance_of(prints[order[:third]], prints[order[third:]])


def among(prints: Prints, rising: Prints) -> npt.NDArray[np.bool_]:
    """Which fingerprints are among `rising`, which are distinct and in order."""
    if not len(rising):
        return np.zeros(len(prints), np.bool_)
    places = np.searchsorted(rising, prints)
    found: npt.NDArray[np.bool_] = rising[np.minimum(places, len(rising) - 1)] == prints
    return found


def wilson(hits: int, rows: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927, J. Am. Stat. Assoc. 22)."""
    share, z = hits / rows, _Z
    middle, width = share + z * z / (2 * rows), z * sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows))
    bottom = 1 + z * z / rows
    low, high = (middle - width) / bottom, (middle + width) / bottom
    return (0.0 if hits == 0 else low), (1.0 if hits == rows else high)


class Part(Frozen):
    """A share of some rows that come from a table, with its 95 % interval, coincidences taken off."""

    share: float
    low: float
    high: float


def part(hits: int, rows: int, chance: Chance) -> Part:
    """What share of `rows` comes from a table in which `hits` of them occur: a row that does not come from it occurs
    all the same with the chance level c, so hits / rows = share + (1 - share) c."""
    if not rows:
        return Part(share=0.0, low=0.0, high=1.0)
    low, high = wilson(hits, rows)
    least, most = chance.bounds

    def without(found: float, by_chance: float) -> float:
        return min(max((found - by_chance) / (1 - by_chance), 0.0), 1.0) if by_chance < 1 else 0.0

    return Part(share=without(hits / rows, chance.value), low=without(low, most), high=without(high, least))


def surprise(hits: int, rows: int, chance: Chance) -> float:
    """How unlikely so many coincidences are: minus the logarithm of Chernoff's bound on their probability."""
    most = chance.bounds[1]
    if not rows or hits / rows <= most:
        return 0.0
    share = hits / rows
    if most <= 0:
        return inf
    rest = (1 - share) * log((1 - share) / (1 - most)) if share < 1 else 0.0
    return rows * (share * log(share / most) + rest)
