"""The short benchmark (`make bench`): Adult and a conditional sample, against SDV's Gaussian copula alone.

`python -m benchmarks [--data FOLDER] [--json FILE]`; the whole comparison is `python -m benchmarks.generators`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from benchmarks.running import ROOT

FOLDER = Path("build") / "benchmarks"


def main() -> None:
    """Fetch Adult, then run two sections on one split and one seed."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--data", type=Path, default=FOLDER, help="folder for tables and environments")
    arguments.add_argument("--json", type=Path, default=FOLDER / "short.json", help="flat figures")
    given = arguments.parse_args()
    data, figures = given.data.resolve(), given.json.resolve()
    python = [sys.executable, "-m"]
    chosen = ["--only", "adult,conditional", "--peers", "GaussianCopula", "--seeds", "1", "--splits", "1"]
    fetch = [*python, "benchmarks.data", "--data", str(data), "--only", "adult,census"]
    run = [*python, "benchmarks.generators", "--data", str(data), "--json", str(figures), *chosen]
    for call in (fetch, run):
        done = subprocess.run(call, cwd=ROOT).returncode
        if done:
            raise SystemExit(done)


if __name__ == "__main__":
    main()
