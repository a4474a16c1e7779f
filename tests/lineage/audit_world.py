"""Making, unpacking and checking audit packs."""

from __future__ import annotations

import contextlib
import io
import runpy
import sys
import zipfile
from pathlib import Path

from lineage.audit import Pack, audit
from lineage.audit_manifest import Question
from tests.lineage.shop import DAY, NOW, Place

NEXT = NOW + DAY


def export(place: Place, target: Path, *, asked: str = "", with_data: bool = False) -> Pack:
    """A pack about the newest release of `shop`, exported by ben a day after the candidate was recorded."""
    question = Question(release="shop", asked=asked)
    signer = place.signers["platform"]
    return audit(
        place.workspace, place.ledger, question, target, place.roster, signer, "ben", NEXT, with_data=with_data
    )


def names_in(pack: Path) -> set[str]:
    with zipfile.ZipFile(pack) as opened:
        return set(opened.namelist())


def unpacked(pack: Pack, target: Path) -> Path:
    with zipfile.ZipFile(pack.path) as opened:
        opened.extractall(target)
    return target


def verified(
    folder: Path, *more: str, roster: Path | None = None, script: Path | None = None, data: bool = False
) -> tuple[int, str]:
    """Exit code and words of the pack's own verifier. data: whether the data must be there."""
    given = () if data else ("--without-data",)
    return ran(
        script or folder / "verify.py", str(folder), "--roster", str(roster or folder / "roster.json"), *given, *more
    )


def ran(script: Path, *arguments: str) -> tuple[int, str]:
    """Run a script as its own program, in this process. Anything but an exit code is an error of the script."""
    said, before = io.StringIO(), sys.argv
    sys.argv = [str(script), *arguments]
    try:
        with contextlib.redirect_stdout(said):
            runpy.run_path(str(script), run_name="__main__")
    except SystemExit as ended:
        return int(bool(ended.code)), said.getvalue()
    finally:
        sys.argv = before
    raise AssertionError("the script ends with an exit code")


def flip(path: Path, at: int | None = None) -> None:
    """Change one bit of a file, in its middle where nothing is said."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2 if at is None else at] ^= 1
    path.write_bytes(bytes(data))
