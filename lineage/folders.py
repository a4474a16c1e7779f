"""Folders: what lies in one, held against a manifest that names every file. Nothing is ignored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from proofset.digest import sha256_bytes, sha256_file
from proofset.errors import DeniedError
from proofset.evidence import FileEntry


@dataclass(frozen=True)
class Flaw:
    """What is wrong with one path of a folder. path: as it is; as text, what could disturb a reader is escaped."""

    path: str
    what: str

    def __str__(self) -> str:
        return printable(f"{self.path} {self.what}")


def printable(text: str) -> str:
    """Return `text` with everything escaped that a terminal could not show or would obey: surrogates, line breaks,
    escape sequences, marks that change the direction of writing."""
    return "".join(c if c.isprintable() else _escaped(ord(c)) for c in text)


def _escaped(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def entry_of(folder: Path, path: str) -> FileEntry:
    """Size and digest of one file."""
    return FileEntry(path=path, size=(folder / path).stat().st_size, sha256=sha256_file(folder / path))


MAX_LIST = 64 * 1024 * 1024
"""The largest passport, proof or manifest that is read; those of a hundred thousand files are far smaller."""


def read_regular(path: Path, limit: int | None = None) -> bytes | None:
    """The bytes of a regular file; None for anything else, such as a pipe that would block its reader.

    limit: the most bytes that are read; of a longer file None.
    """
    try:
        if not path.is_file() or path.is_symlink() or (limit is not None and path.stat().st_size > limit):
            return None
        return path.read_bytes()
    except OSError:
        return None


def survey(folder: Path) -> tuple[list[str], list[Flaw]]:
    """Return the regular files below `folder`, relative and sorted, and what should not be there:
    symbolic links, devices, and folders that hold nothing."""
    files: list[str] = []
    flaws: list[Flaw] = []
    for path in sorted(_walk(folder)):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            flaws.append(Flaw(name, "is a symbolic link"))
        elif path.is_dir():
            if not any(path.iterdir()):
                flaws.append(Flaw(name, "is an empty folder that the manifest does not name"))
        elif path.is_file():
            files.append(name)
        else:
            flaws.append(Flaw(name, "is not a regular file"))
    return files, flaws


def _walk(folder: Path) -> Iterator[Path]:
    waiting = [folder]  # no recursion: somebody else decides how deep the folders are
    while waiting:
        for path in waiting.pop().iterdir():
            yield path
            if path.is_dir() and not path.is_symlink():
                waiting.append(path)


def compare(folder: Path, manifest: Iterable[FileEntry], beside: Iterable[str] = ()) -> list[Flaw]:
    """Everything that differs between a folder and its manifest.

    Parameters
    ----------
    beside: files that are there without being in the manifest, such as the one that holds the manifest.
    """
    files, flaws = survey(folder)
    entries = list(manifest)
    expected = {entry.path: entry for entry in entries}
    times = Counter(entry.path for entry in entries)
    flaws += [Flaw(name, "is listed more than once in the manifest") for name in sorted(times) if times[name] > 1]
    for name in files:
        entry = expected.get(name)
        if entry is None:
            if name not in set(beside):
                flaws.append(Flaw(name, "is not in the manifest"))
        elif entry_of(folder, name) != entry:
            flaws.append(Flaw(name, "was changed: its bytes do not have the digest in the manifest"))
    flaws += [Flaw(name, "is missing") for name in sorted({*expected, *beside} - set(files) - {f.path for f in flaws})]
    return flaws


def checked_bytes(folder: Path, entry: FileEntry) -> bytes:
    """Read a file once and return its bytes if they have the manifest's digest. Raises DeniedError that names it."""
    data = read_regular(folder / entry.path)
    if data is None:
        raise DeniedError(f"{entry.path} cannot be read.", fix="Fetch the folder again, or make it again.")
    if sha256_bytes(data) != entry.sha256 or len(data) != entry.size:
        raise DeniedError(
            f"{entry.path} was changed: its bytes do not have the digest in the manifest.",
            fix="Fetch the folder again, or make it again.",
        )
    return data
