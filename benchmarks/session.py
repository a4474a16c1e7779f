"""One benchmark run: where things lie, what was asked for, and the figures so far."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from benchmarks.running import ROOT, Run, Runner
from benchmarks.scoring import means, score
from benchmarks.tables import Split, split
from proofset.digest import table_digest
from proofset.files import write_bytes

LEVELS = ("low", "medium", "high")
OWN = tuple(f"trees.{level}" for level in LEVELS)


@dataclass
class Session:
    """Arguments of a run, and its figures.

    seeds, splits: how many of each our own generators run on; a peer runs once, on the first split and seed.
    figures: flat `figure: value` pairs, written to `target` whenever a section ends.
    """

    data: Path
    runner: Runner
    target: Path
    seeds: int = 3
    splits: int = 3
    tables: tuple[str, ...] = ("adult", "census", "compas", "flights")
    peers: tuple[str, ...] = ("TabularARGN", "TVAE", "CTGAN", "GaussianCopula")
    figures: dict[str, float] = field(default_factory=dict)
    _splits: dict[tuple[str, int], Split] = field(default_factory=dict, repr=False)
    _scored: dict[tuple[str, str, int, int], dict[str, float]] = field(default_factory=dict, repr=False)

    def split(self, name: str, number: int = 0) -> Split:
        """A split, read once."""
        if (name, number) not in self._splits:
            self._splits[name, number] = split(self.data, name, number)
        return self._splits[name, number]

    def add(self, prefix: str, figures: dict[str, float]) -> None:
        """Take figures under a prefix and write all to disk."""
        self.figures |= {f"{prefix}.{name}": value for name, value in figures.items() if _number(value)}
        write_bytes(self.target, json.dumps(self.figures, indent=1, sort_keys=True).encode() + b"\n")

    def own(self, table: str, level: str, number: int, seed: int) -> dict[str, float]:
        """Times and scores of `trees` at one privacy level on one split."""
        key = (table, f"trees.{level}", number, seed)
        if key not in self._scored:
            here = self.split(table, number)
            run = self.runner.ours(f"trees-{level}", here, seed, generator="trees", options={"privacy": level})
            self._scored[key] = run.figures | self._score(here, run.table, seed)
            show(f"{table} trees.{level} split {number} seed {seed}", self._scored[key])
        return self._scored[key]

    def peer(self, table: str, name: str, number: int = 0, seed: int = 1) -> dict[str, float]:
        """Times and scores of a peer on one split."""
        key = (table, name, number, seed)
        if key not in self._scored:
            here = self.split(table, number)
            run = self.runner.peer(name, here, seed)
            figures = dict(run.figures) | {"reused": float(run.reused)}
            self._scored[key] = figures | self._peer_scores(here, run, seed)
            show(f"{table} {name}{' (reused)' if run.reused else ''}", self._scored[key])
        return self._scored[key]

    def over(self, table: str, level: str, splits: int | None = None) -> dict[str, float]:
        """Means of `trees` over splits and seeds."""
        numbers = range(self.splits if splits is None else splits)
        return means([self.own(table, level, n, s) for n in numbers for s in range(1, self.seeds + 1)])

    def _score(self, here: Split, made: pa.Table | None, seed: int) -> dict[str, float]:
        return {} if made is None else score(here, made, seed)

    def _peer_scores(self, here: Split, run: Run, seed: int) -> dict[str, float]:
        """Scores of a kept table are kept beside it, for as long as neither the table nor a measure changes."""
        if run.table is None or self.runner.reuse is None:
            return self._score(here, run.table, seed)
        about = hashlib.sha256((table_digest(run.table) + _code()).encode()).hexdigest()[:16]
        path = self.runner.reuse / "scores" / f"{here.table.name}-{here.number}-{run.name}-{seed}-{about}.json"
        if not path.exists():
            write_bytes(path, json.dumps(self._score(here, run.table, seed)).encode())
        kept: dict[str, float] = json.loads(path.read_text(encoding="utf-8"))
        return kept


def seconds(row: Mapping[str, float]) -> float:
    """Fit and sample together. Of a run that was kept, CPU seconds: the machine may have been busy with other work."""
    kind = "cpu_s" if row.get("reused") else "s"
    return row[f"fit_{kind}"] + row[f"sample_{kind}"]


def _code() -> str:
    """Digest of the code that scores."""
    files = [
        ROOT / "benchmarks" / "scoring.py",
        ROOT / "benchmarks" / "tables.py",
        *sorted((ROOT / "quality").glob("*.py")),
    ]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def _number(value: object) -> bool:
    return isinstance(value, (int, float))


SHOWN = (
    "fit_s",
    "fit_cpu_s",
    "sample_s",
    "peak_mb",
    "shape_error",
    "pair_error",
    "c2st",
    "tstr",
    "mia",
    "mia_tpr",
    "copies",
)


def show(title: str, figures: dict[str, float], names: Sequence[str] = SHOWN) -> None:
    """One line on the terminal."""
    print(f"{title}: " + ", ".join(f"{n} {figures[n]:.4g}" for n in names if n in figures), flush=True)
