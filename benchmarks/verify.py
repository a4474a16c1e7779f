"""How long `proofset verify` takes beside `sha256sum` over the same bytes: one small release and one large one.

    python -m benchmarks.verify --data FOLDER --json FILE [--rows N]

Both run as commands of their own, in turn, medians of five; the files are in the system's cache.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from lineage.folders import survey
from proofset.digest import canonical
from proofset.files import write_bytes
from tests.lineage.shop import HOUR, NOW, Place, make_place

REPEATS = 5
SMALL = 300


def released(folder: Path, rows: int) -> tuple[Place, Path]:
    """A workspace with one release of so many rows; kept from an earlier run."""
    root = folder / f"verify-{rows}"
    place = make_place(root)
    rng = np.random.default_rng(0)
    table = pa.table(
        {
            "spend": rng.gamma(2, 20, rows),
            "visits": rng.integers(0, 2**60, rows),
            "town": pa.array(rng.choice(["north", "south"], rows).tolist()),
        }
    )
    candidate, _ = place.record(replace(place.evidence, table=table))
    place.sign(candidate, "ben", "cho")
    return place, place.release(now=NOW + 2 * HOUR).folder


def seconds(command: list[str]) -> float:
    """The median time of a command that must succeed."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    """Measure, print, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=60_000_000)
    asked = parser.parse_args()
    figures: dict[str, float] = {}
    proofset = str(Path(sys.executable).parent / "proofset")
    for name, rows in (("small", SMALL), ("large", asked.rows)):
        place, folder = released(asked.data, rows)
        files = [str(folder / f) for f in survey(folder)[0]]
        megabytes = sum(Path(f).stat().st_size for f in files) / 1e6
        mine = seconds([proofset, "verify", str(folder), "--roster", str(place.workspace.roster_path)])
        plain = seconds(["sha256sum", *files])
        figures |= {f"{name}.mb": megabytes, f"{name}.verify_s": mine, f"{name}.sha256sum_s": plain}
        print(f"{name}: {megabytes:.1f} MB, verify {mine:.2f} s, sha256sum {plain:.2f} s", flush=True)
    more = figures["large.mb"] - figures["small.mb"]
    speed = more / (figures["large.verify_s"] - figures["small.verify_s"])
    peer = more / (figures["large.sha256sum_s"] - figures["small.sha256sum_s"])
    figures |= {"verify_mb_per_s": speed, "sha256sum_mb_per_s": peer, "share_of_sha256sum": speed / peer}
    print(f"hashing: {speed:.0f} MB/s, {speed / peer:.2f} of sha256sum's {peer:.0f} MB/s")
    write_bytes(asked.json, canonical(figures))
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
