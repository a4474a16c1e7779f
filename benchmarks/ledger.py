"""The ledger, timed: python -m benchmarks.ledger --entries 1000000 --data FOLDER --json FILE

At 10,000, 100,000, … entries: single appends, appends in bulk, proofs, the full check in a process of its own, and the
first answer a fresh process gets. Beside them, plain INSERTs of the same rows into SQLite, each committed. See
docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np

from benchmarks.checks import Check, judge, of, printed
from benchmarks.running import ROOT
from lineage.ledger import Draft, Ledger
from proofset.files import make_dir, write_bytes

SINGLE, PROOFS, BATCH = 300, 500, 10_000
CHECKS = (
    Check("n1000000.proof_ms", of("n10000.proof_ms", 2.5)),  # log2 grows by 1.5
    Check("n1000000.check_us_per_entry", of("n10000.check_us_per_entry", 2.0)),  # linear: the same for each entry
    Check("n1000000.check_peak_mb", 1_000),
    Check("n1000000.check_s", 120),
    Check("n1000000.appends_per_s", lowest=of("n10000.appends_per_s", 0.5)),
    Check("n1000000.times_plain_insert", 10),
)


def draft(number: int) -> Draft:
    """An entry of the size of an approval, about 700 bytes."""
    body = {"person": f"p{number % 9}", "decision": "approve", "n": number, "envelope": {"payload": "x" * 600}}
    digest = f"{number:064x}"
    return Draft(kind="approval", subject=digest, body=body, actor=f"p{number % 9}", evidence=digest, policy=digest)


def opened(folder: Path) -> Ledger:
    """The benchmark's ledger, as a process that has just started sees it."""
    return Ledger(f"sqlite:///{folder}/ledger.db", folder / "private", "benchmark")


def timed(work: Callable[[int], object], count: int) -> list[float]:
    """Seconds of each of `count` calls."""
    taken = []
    for number in range(count):
        start = time.perf_counter()
        work(number)
        taken.append(time.perf_counter() - start)
    return taken


def fill(ledger: Ledger, size: int) -> dict[str, float]:
    """Bring the ledger to `size` entries, ten thousand in a transaction; return the rate."""
    start, before = time.perf_counter(), ledger.head.size
    for first in range(before, size, BATCH):
        ledger.append_many([draft(number) for number in range(first, min(first + BATCH, size))])
    rate = (size - before) / (time.perf_counter() - start) if size > before else 0.0
    return {"bulk_appends_per_s": rate}


def appends(folder: Path, ledger: Ledger, size: int) -> dict[str, float]:
    """Single appends, and in turn with them the same rows by plain INSERTs, each committed: WAL, synchronous=FULL.

    In turn, because a disk that others use is slower at one time than at another.
    """
    path = folder / "plain.db"
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE entries (seq INTEGER PRIMARY KEY, kind TEXT, subject TEXT, body TEXT)")

        def insert(number: int) -> None:
            made = draft(number)
            row = (made.kind, made.subject, json.dumps(made.body))
            connection.execute("INSERT INTO entries (kind, subject, body) VALUES (?, ?, ?)", row)

        mine, theirs = [], []
        for number in range(SINGLE):
            theirs += timed(lambda _, number=number: insert(number), 1)
            mine += timed(lambda _, number=number: ledger.append_many([draft(size + number)]), 1)
    return {
        "appends_per_s": 1 / statistics.mean(mine),
        "append_ms": statistics.median(mine) * 1000,
        "plain_inserts_per_s": 1 / statistics.mean(theirs),
        "times_plain_insert": statistics.mean(mine) / statistics.mean(theirs),
    }


def apart(task: str, folder: Path) -> dict[str, float]:
    """Run a task in a process of its own: seconds and peak memory."""
    call = [sys.executable, "-m", "benchmarks.ledger", "--task", task, "--data", str(folder), "--json", os.devnull]
    out = subprocess.run(call, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    found: dict[str, float] = json.loads(out.splitlines()[-1])
    return found


def task(name: str, folder: Path) -> dict[str, float]:
    """One task, in this process. check: everything; read: the first entries asked for; proof: one proof."""
    ledger = opened(folder)
    start = time.perf_counter()
    if name == "check":
        ledger.verify()
    elif name == "read":
        ledger.entries(subject=f"{5:064x}")
    else:
        ledger.inclusion(7).check(ledger.vkey)
    seconds = time.perf_counter() - start
    return {"s": seconds, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def measure(folder: Path, ledger: Ledger, size: int) -> dict[str, float]:
    """All figures at one size."""
    figures = fill(ledger, size)
    rng = np.random.default_rng(size)
    chosen = rng.integers(1, size + 1, PROOFS).tolist()
    proofs = timed(lambda number: ledger.inclusion(chosen[number]), PROOFS)
    steps = [len(ledger.inclusion(seq).path) for seq in chosen[:20]]
    continued = timed(lambda number: ledger.consistency(chosen[number]), PROOFS)
    check, read, proof = (apart(name, folder) for name in ("check", "read", "proof"))
    figures |= {
        "proof_ms": statistics.median(proofs) * 1000,
        "proofs_per_s": 1 / statistics.mean(proofs),
        "proof_hashes": statistics.mean(steps),
        "consistency_ms": statistics.median(continued) * 1000,
        "first_proof_s": proof["s"],
        "check_s": check["s"],
        "check_us_per_entry": check["s"] / size * 1e6,
        "check_peak_mb": check["peak_mb"],
        "first_read_s": read["s"],
        "first_read_peak_mb": read["peak_mb"],
        "file_mb": (folder / "ledger.db").stat().st_size / 1e6,
    }
    return figures | appends(folder, ledger, size)


def run(data: Path, entries: int, target: Path) -> dict[str, float]:
    """Measure at every power of ten up to `entries`; write the figures after each."""
    folder = data / "work" / "ledger"
    shutil.rmtree(folder, ignore_errors=True)
    make_dir(folder)
    figures: dict[str, float] = {"machine.cores": float(len(os.sched_getaffinity(0)))}
    ledger = opened(folder)
    for size in [s for s in (10_000, 100_000, 1_000_000) if s < entries] + [entries]:
        found = measure(folder, ledger, size)
        figures |= {f"n{size}.{name}": value for name, value in found.items()}
        write_bytes(target, json.dumps(figures, indent=1, sort_keys=True).encode() + b"\n")
        print(f"{size:>9} entries  " + "  ".join(f"{name} {value:.4g}" for name, value in found.items()), flush=True)
    shutil.rmtree(folder)
    return figures


def main() -> None:
    """The command line."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = arguments.add_argument
    add("--entries", type=int, default=1_000_000)
    add("--data", type=Path, required=True, help="folder to work in")
    add("--json", type=Path, required=True, help="flat figures")
    add("--task", choices=("check", "read", "proof"), help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.task:
        print(json.dumps(task(given.task, given.data)))
        return
    figures = run(given.data.resolve(), given.entries, given.json)
    print(printed([judge(check, figures) for check in CHECKS]))


if __name__ == "__main__":
    main()
