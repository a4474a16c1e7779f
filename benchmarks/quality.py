"""Measuring quality, timed: python -m benchmarks.quality --data FOLDER --json FILE [--only trends,suite,...]

Our shapes and trends beside SDMetrics' QualityReport, the whole suite on Adult and census income, the attacks beside
anonymeter's, and ten million rows read by row group. See docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.checks import Check, judge, printed
from benchmarks.quality_attacks import attacks
from benchmarks.running import ROOT
from benchmarks.scale import enlarged
from benchmarks.session import show
from benchmarks.tables import split
from proofset.errors import ProofsetError, unknown_name
from proofset.files import make_dir, write_bytes

STREAMED = 10_000_000
CHECKS = (
    Check("trends.census.times_faster", lowest=10),
    Check("suite.adult.s", 30),
    Check("suite.census.s", 180),
    Check("suite.census.peak_mb", 4_000),
    Check("attacks.times_faster", lowest=5),
    Check("stream.peak_mb", 4_000),
)


@dataclass
class Session:
    """Arguments of a run, and its figures: flat `figure: value` pairs, written whenever a part of a section ends."""

    data: Path
    target: Path
    repeats: int = 5
    workers: int = 2
    guesses: int = 2_000
    tables: tuple[str, ...] = ("adult", "census")
    figures: dict[str, float] = field(default_factory=dict)

    def add(self, prefix: str, figures: dict[str, float]) -> None:
        """Take figures under a prefix and write all to disk."""
        self.figures |= {f"{prefix}.{name}": value for name, value in figures.items()}
        write_bytes(self.target, json.dumps(self.figures, indent=1, sort_keys=True).encode() + b"\n")

    def run(
        self, prefix: str, asked: dict[str, Any], shown: Sequence[str] = ("s", "cpu_s", "peak_mb")
    ) -> dict[str, float]:
        """Run a task in a process of its own and take its figures."""
        request = {"data": str(self.data), "workers": self.workers, "repeats": self.repeats} | asked
        call = [sys.executable, "-m", "benchmarks.quality_worker", json.dumps(request)]
        out = subprocess.run(call, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
        found: dict[str, float] = json.loads(out.splitlines()[-1])
        self.add(prefix, found)
        show(prefix, found, shown)
        return found


def trends(session: Session) -> None:
    """Shapes and trends on the full data, beside SDMetrics with its own sampling and, once, without."""
    shown = ("s", "cpu_s", "peak_mb", "shape_error", "pair_error")
    for table in session.tables:
        mine = session.run(f"trends.{table}.ours", {"task": "ours", "table": table}, shown)
        theirs = session.run(f"trends.{table}.sdmetrics", {"task": "sdmetrics", "table": table, "full": False}, shown)
        session.run(
            f"trends.{table}.sdmetrics_full", {"task": "sdmetrics", "table": table, "full": True, "repeats": 1}, shown
        )
        faster = {"times_faster": theirs["s"] / mine["s"], "times_less_cpu": theirs["cpu_s"] / mine["cpu_s"]}
        session.add(f"trends.{table}", faster)
        show(f"trends {table}", faster, tuple(faster))


def suite(session: Session) -> None:
    """Every family on each table."""
    for table in session.tables:
        session.run(f"suite.{table}", {"task": "suite", "table": table}, ("s", "cpu_s", "peak_mb", "not_ok"))


def streaming(session: Session) -> None:
    """Ten million rows × 15 columns, made from Adult, against as many others."""
    source = split(session.data, "adult").train
    work = session.data / "work"
    make_dir(work)
    paths = {
        part: enlarged(source, rows, work / f"quality-{part}-{rows}.parquet")
        for part, rows in (("train", STREAMED), ("synthetic", STREAMED + 1))
    }
    asked = {"task": "stream", "table": "adult"} | {p: str(path) for p, path in paths.items()}
    session.run("stream", asked, ("rows", "columns", "s", "cpu_s", "peak_mb", "shape_error"))


SECTIONS = {"trends": trends, "suite": suite, "attacks": attacks, "stream": streaming}


def section(name: str) -> Callable[[Session], None]:
    """The function of a section. Raises UnknownNameError."""
    if name not in SECTIONS:
        raise unknown_name("section", name, SECTIONS, "--only")
    return SECTIONS[name]


def parser() -> argparse.ArgumentParser:
    """The command line."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = arguments.add_argument
    add("--data", type=Path, required=True, help="folder that benchmarks.data filled")
    add("--json", type=Path, required=True, help="flat figures; those of other sections in it are kept")
    add("--only", default=",".join(SECTIONS), help="sections, parted by commas")
    add("--tables", default="adult,census", help="tables of trends and suite")
    add("--repeats", type=int, default=5, help="runs whose median counts")
    add("--guesses", type=int, default=2_000, help="guesses of each attack, of either side")
    add("--workers", type=int, default=2, help="threads of either side")
    return arguments


def main() -> None:
    """Run the sections that were asked for and print which bounds are met."""
    given = parser().parse_args()
    try:
        todo = [section(name) for name in given.only.split(",")]
        kept = json.loads(given.json.read_text(encoding="utf-8")) if given.json.exists() else {}
        tables = tuple(given.tables.split(","))
        data = given.data.resolve()
        session = Session(data, given.json, given.repeats, given.workers, given.guesses, tables, kept)
        session.add("machine", {"cores": float(len(os.sched_getaffinity(0)))})
        for run in todo:
            run(session)
    except ProofsetError as error:
        raise SystemExit(str(error)) from None
    print(printed([judge(check, session.figures) for check in CHECKS]))


if __name__ == "__main__":
    main()
