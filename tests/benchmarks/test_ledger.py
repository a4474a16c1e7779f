"""The benchmark of the ledger: its figures are of a real ledger, and its bounds are on figures that it measures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import ledger
from benchmarks.checks import judge


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, float]:
    """A run with 400 entries."""
    folder: Path = tmp_path_factory.mktemp("ledger")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ledger, "SINGLE", 10)
        patch.setattr(ledger, "PROOFS", 25)
        patch.setattr(ledger, "BATCH", 150)
        found = ledger.run(folder, 400, folder / "figures.json")
    assert json.loads((folder / "figures.json").read_text()) == pytest.approx(found)
    assert not (folder / "work" / "ledger").exists()
    return found


def test_every_figure_is_measured(figures: dict[str, float]) -> None:
    assert all(value > 0 for value in figures.values())
    assert 8 < figures["n400.proof_hashes"] <= 9  # log2(400) = 8.6


def test_every_bound_is_on_a_figure_of_a_full_run(figures: dict[str, float]) -> None:
    full = {f"n{size}.{name.split('.')[1]}": 1.0 for size in (10_000, 1_000_000) for name in figures if "n400" in name}
    assert all(judge(check, full).met is not None for check in ledger.CHECKS)


def test_a_fresh_process_sees_what_was_filled(tmp_path: Path) -> None:
    book = ledger.opened(tmp_path)
    assert ledger.fill(book, 120)["bulk_appends_per_s"] > 0
    assert book.verify() == 120
    assert [e.body["n"] for e in book.entries(subject=f"{5:064x}")] == [5]
    for name in ("check", "read", "proof"):
        assert ledger.task(name, tmp_path)["s"] > 0
