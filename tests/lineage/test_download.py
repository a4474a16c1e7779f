"""Downloads: what is handed out is what was verified, as recorded, and not withdrawn meanwhile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import lineage.download as download_module
from lineage.kinds import DOWNLOAD
from lineage.revoking import revoke
from lineage.verify import verify_release
from proofset.errors import DeniedError, ProofsetError
from proofset.files import whole_folder
from proofset.spec import Purpose
from tests.lineage.released import folder_of, take
from tests.lineage.shop import LATER, Place


def test_a_download_is_the_release_and_is_remembered(released: Place, tmp_path: Path) -> None:
    entry = take(released, tmp_path / "out")
    assert all(c.ok for c in verify_release(tmp_path / "out", released.roster, LATER, table=True))
    assert (entry.kind, entry.actor, entry.body["recipient"]) == (DOWNLOAD, "ada", "A University")


@pytest.mark.parametrize(
    "changes", [{"recipient": " "}, {"who": ""}, {"purpose": Purpose.ANALYTICS}, {"ref": "nothing"}]
)
def test_a_download_to_nobody_or_for_something_else_is_refused(
    released: Place, tmp_path: Path, changes: dict[str, Any]
) -> None:
    with pytest.raises(ProofsetError, match="recipient|not for|nothing"):
        take(released, tmp_path / "out", **changes)
    assert not (tmp_path / "out").exists()
    assert released.ledger.entries(DOWNLOAD) == []


def test_what_changes_between_the_check_and_the_copy_is_not_handed_out(
    released: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = folder_of(released) / "README.md"
    survey = download_module.survey

    def swapped(folder: Path) -> Any:
        victim.write_text("# something else")
        return survey(folder)

    monkeypatch.setattr(download_module, "survey", swapped)
    with pytest.raises(DeniedError, match="does not verify"):
        take(released, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert released.ledger.entries(DOWNLOAD) == []


def test_a_release_revoked_while_it_is_copied_is_not_handed_out(
    released: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    survey = download_module.survey

    def revoked(folder: Path) -> Any:
        revoke(released.workspace, released.ledger, "release", "shop", "leaks", "cho", LATER)
        return survey(folder)

    monkeypatch.setattr(download_module, "survey", revoked)
    with pytest.raises(DeniedError, match="leaks"):
        take(released, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert released.ledger.entries(DOWNLOAD) == []


def test_copies_to_folders_of_like_names_leave_each_other_alone(tmp_path: Path) -> None:
    with whole_folder(tmp_path / "a-b") as first:
        (first / "x").write_text("x")
        with whole_folder(tmp_path / "a") as second:
            (second / "y").write_text("y")
        with whole_folder(tmp_path / "*") as third:
            (third / "z").write_text("z")
        assert (first / "x").exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["*", "a", "a-b"]
