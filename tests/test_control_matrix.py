"""Controls that must fail: every family of measures on every control and on an honest table, against one table."""

from __future__ import annotations

import pytest

from proofset.evidence import Outcome
from quality import REGISTRY
from tests.control_matrix import MATRIX, MUST, PAGE, TABLES, UNBROKEN, drifts, letter, measured, written
from tests.control_worlds import judged


def test_every_family_and_each_of_its_measures_is_in_the_table() -> None:
    assert set(MATRIX) == {*REGISTRY, "drift"}
    for family in REGISTRY:
        assert set(MATRIX[family]) == {card.name for card in REGISTRY[family].cards}, family
    for rows in MATRIX.values():
        for one in rows.values():
            assert len(one.outcomes.split()) == len(TABLES)
            assert set(one.outcomes.split()) <= {"P", "F", "-"}


@pytest.mark.slow
@pytest.mark.parametrize("table", TABLES)
def test_measures_say_of_it_what_the_table_says(table: str) -> None:
    context = judged(table)
    found, outcomes = {"drift.verdict": drifts(context)}, {}
    limits = {measure: one.limit for rows in MATRIX.values() for measure, one in rows.items()}
    for name, measure in measured(context).items():
        found[name], outcomes[name] = letter(measure, limits[name])
    assert found == {measure: one.of(table) for rows in MATRIX.values() for measure, one in rows.items()}
    assert {name for name in MUST.get(table, ()) if outcomes[name] is not Outcome.FAIL} == set(), "not outright"


def test_an_honest_table_passes_whatever_has_a_meaning() -> None:
    assert {one.of("honest") for rows in MATRIX.values() for one in rows.values()} == {"P", "-"}
    # What is for a target that is a number, and the target is a category.
    nothing = {measure for rows in MATRIX.values() for measure, one in rows.items() if one.of("honest") == "-"}
    assert nothing == {"utility.tstr_r2", "utility.trts_r2"}


def test_each_control_fails_what_it_is_made_for_and_passes_what_it_keeps() -> None:
    rows = {measure: one for family in MATRIX.values() for measure, one in family.items()}
    assert set(MUST) == set(TABLES) - {"honest"}
    for table, measures in MUST.items():
        assert {rows[m].of(table) for m in measures} == {"F"}, table
    keeps = {
        "copier": ("fidelity.", "utility.", "fairness.", "validity."),
        "marginals": ("privacy.exact", "privacy.near", "privacy.membership", "fidelity.shape", "fairness."),
        "label shuffler": ("fidelity.shape", "fairness.", "validity."),
        "subgroup dropper": ("utility.tstr_auc", "validity."),
    }
    for table, begins in keeps.items():
        kept = {measure: one.of(table) for measure, one in rows.items() if measure.startswith(begins)}
        assert len(kept) >= len(begins)
        assert set(kept.values()) <= {"P", "-"}, (table, kept)


def test_what_no_control_breaks_is_said() -> None:
    unbroken = {m for rows in MATRIX.values() for m, one in rows.items() if "F" not in one.outcomes}
    assert unbroken == set(UNBROKEN)


def test_the_page_shows_what_is_asserted() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert written(text) == text, "run: python -m tests.control_matrix"
    assert all(f"`{measure}`" in text.split("No control here breaks")[1] for measure in UNBROKEN)
