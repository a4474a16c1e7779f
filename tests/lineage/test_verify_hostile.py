"""Verification of folders made to mislead: paths listed twice, names that fake lines, endless nesting."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lineage.verify_contents as contents_module
from lineage.folders import Flaw, compare, entry_of, printable, survey
from lineage.passport import INCLUSION, PASSPORT, Passport, read_passport
from lineage.release import Released
from lineage.signing import Signer, sign_statement
from proofset.digest import canonical, sha256_file
from proofset.errors import DeniedError
from proofset.evidence import Candidate
from tests.lineage.shop import Place, enter, failing, named_ledger

BESIDE = (PASSPORT, INCLUSION)
Pristine = tuple[Place, Released]
Copied = Callable[[], Path]


def forged(folder: Path, place: Place, change: Callable[[dict[str, Any]], None]) -> None:
    """Sign a passport that the platform's own code would not make."""
    passport = read_passport(folder, place.roster)
    statement = passport.model_copy(update=named_ledger()).statement()
    change(statement["predicate"])
    statement["subject"] = [{"name": passport.dataset, "digest": {"sha256": statement["predicate"]["candidate"]}}]
    statement["subject"] += [
        {"name": f["path"], "digest": {"sha256": f["sha256"]}}
        for f in statement["predicate"]["files"]
        if f["path"].startswith("data/")
    ]
    (folder / PASSPORT).write_bytes(sign_statement(statement, [place.signers["platform"]]).to_bytes())
    enter(folder, statement["predicate"]["candidate"])


@pytest.mark.parametrize("path", ["README.md", "report.html"])
@pytest.mark.parametrize("last", [True, False])
def test_a_passport_that_lists_a_path_twice_is_refused(
    path: str, last: bool, pristine: Pristine, copied: Copied
) -> None:
    place, _ = pristine
    folder = copied()
    (folder / path).write_text("nicer")
    altered = entry_of(folder, path).plain()

    def twice(passport: dict[str, Any]) -> None:
        listed = passport["files"]
        listed.insert(len(listed) if last else 0, altered)

    forged(folder, place, twice)
    assert next(c.name for c in failing(folder, place)) == "passport"
    with pytest.raises(ValueError, match="listed twice"):
        Passport.model_validate(
            read_passport(copied(), place.roster).plain() | {"files": [altered, altered]},
        )


@pytest.mark.parametrize("path", ["README.md", "report.html"])
def test_a_file_of_the_candidate_altered_under_a_new_passport_is_named(
    path: str, pristine: Pristine, copied: Copied
) -> None:
    place, _ = pristine
    folder = copied()
    (folder / path).write_text("nicer")

    def altered(passport: dict[str, Any]) -> None:
        passport["files"] = [e | entry_of(folder, e["path"]).plain() for e in passport["files"]]

    forged(folder, place, altered)
    assert path in {c.file for c in failing(folder, place)}


@pytest.mark.parametrize("name", ["more.txt", "evidence/more.json"])
def test_a_file_beyond_the_candidate_fails_even_when_signed(name: str, pristine: Pristine, copied: Copied) -> None:
    place, _ = pristine
    folder = copied()
    (folder / name).write_text("x")
    forged(folder, place, lambda p: p["files"].append(entry_of(folder, name).plain()))
    bad = failing(folder, place)
    assert [(c.name, c.file) for c in bad] == [("candidate", name)]


def test_a_candidate_that_lists_a_path_twice_is_refused(pristine: Pristine, copied: Copied) -> None:
    place, _ = pristine
    folder = copied()
    manifest = json.loads((folder / "candidate.json").read_bytes())
    manifest["files"].append(manifest["files"][0] | {"size": 1})
    (folder / "candidate.json").write_bytes(canonical(manifest))

    def follow(passport: dict[str, Any]) -> None:
        passport["candidate"] = sha256_file(folder / "candidate.json")
        passport["files"] = [entry_of(folder, n).plain() for n in survey(folder)[0] if n not in BESIDE]

    forged(folder, place, follow)
    assert "candidate.json" in {c.file for c in failing(folder, place)}
    with pytest.raises(ValueError, match="listed twice"):
        Candidate.model_validate(manifest)


def test_comparing_flags_a_path_that_is_listed_twice(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    entry = entry_of(tmp_path, "a")
    for manifest in ([entry, entry], [entry.model_copy(update={"size": 9}), entry]):
        assert [str(f) for f in compare(tmp_path, manifest)] == ["a is listed more than once in the manifest"]


def test_folders_in_folders_without_end_fail_and_do_not_raise(pristine: Pristine, copied: Copied) -> None:
    folder = copied()
    deep = os.open(folder, os.O_RDONLY)
    for _ in range(1200):
        os.mkdir("d", dir_fd=deep)
        inner = os.open("d", os.O_RDONLY, dir_fd=deep)
        os.close(deep)
        deep = inner
    os.close(deep)
    bad = failing(folder, pristine[0])
    assert {c.name for c in bad} == {"files"}
    for _ in range(1200 - 1):  # pytest's own cleaning up recurses
        (folder / "d" / "d").rename(folder / "e")
        (folder / "d").rmdir()
        (folder / "e").rename(folder / "d")


NAMES = [
    b"\xff\xfe.txt",
    b"a\nok   approvals  2 counted",
    b"\x1b[2K\x1b[1Aok",
    b"tab\tand\rreturn",
    "right\u202eto left".encode(),
    "\u2028".encode(),
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("with_passport", [True, False])
def test_a_name_cannot_fake_a_line_or_stop_the_printing(
    name: bytes, with_passport: bool, pristine: Pristine, copied: Copied
) -> None:
    folder = copied()
    if not with_passport:
        (folder / PASSPORT).unlink()
    (folder / os.fsdecode(name)).write_text("x")
    bad = failing(folder, pristine[0])
    assert any("is not in the manifest" in c.detail for c in bad)
    for text in (t for c in bad for t in (c.detail, c.file or "", repr(c), c.model_dump_json())):
        assert text.isprintable()
        assert text.encode()


def test_a_name_within_a_signed_statement_cannot_either(pristine: Pristine, copied: Copied) -> None:
    folder = copied()
    extra = {"path": "x\n\x1b[2Kok", "size": 1, "sha256": "0" * 64}
    forged(folder, pristine[0], lambda p: p["files"].append(extra))
    assert [c.detail for c in failing(folder, pristine[0])] == ["x\\x0a\\x1b[2Kok is missing"]


def test_escaping_leaves_what_can_be_read() -> None:
    assert printable("Grüße, 數據 ≤ 0.5") == "Grüße, 數據 ≤ 0.5"
    assert printable("\udc80\x7f\u202e\U000e0001") == "\\udc80\\x7f\\u202e\\U000e0001"
    assert str(Flaw("a\nb", "is missing")) == "a\\x0ab is missing"


def test_numbers_that_json_cannot_spell_fail_and_do_not_raise(pristine: Pristine, copied: Copied) -> None:
    """A releaser's key over evidence with an integer beyond 2**53, which has no canonical form."""
    place, _ = pristine
    folder = copied()
    path = folder / "evidence" / "provenance.json"
    path.write_bytes(path.read_bytes().replace(b'"source_rows":600', b'"source_rows":9007199254740993600'))
    manifest = json.loads((folder / "candidate.json").read_bytes())
    manifest["files"] = [entry_of(folder, e["path"]).plain() for e in manifest["files"]]
    (folder / "candidate.json").write_bytes(canonical(manifest))

    def follow(passport: dict[str, Any]) -> None:
        passport["candidate"] = sha256_file(folder / "candidate.json")
        passport["files"] = [entry_of(folder, n).plain() for n in survey(folder)[0] if n not in BESIDE]

    forged(folder, place, follow)
    assert "evidence/provenance.json" in {c.file for c in failing(folder, place)}


def test_whatever_else_a_folder_provokes_is_its_own_failure(
    pristine: Pristine, copied: Copied, monkeypatch: pytest.MonkeyPatch
) -> None:
    def provoked(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(contents_module, "parse_evidence", provoked)
    bad = failing(copied(), pristine[0])
    assert [(c.name, c.detail) for c in bad] == [("folder", "cannot be checked (MemoryError)")]


def test_the_control_a_passport_signed_again_is_good(pristine: Pristine, copied: Copied) -> None:
    folder = copied()
    forged(folder, pristine[0], lambda _: None)
    assert failing(folder, pristine[0]) == []
    with pytest.raises(DeniedError):
        other = sign_statement(read_passport(folder, pristine[0].roster).statement(), [Signer.generate()])
        (folder / PASSPORT).write_bytes(other.to_bytes())
        read_passport(folder, pristine[0].roster)
