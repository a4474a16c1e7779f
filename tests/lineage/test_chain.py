"""The chain of evidence: a spec that the evidence was not made by is refused, and what differs is named."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lineage.candidate import read_candidate
from proofset.errors import DeniedError
from proofset.evidence import Outcome
from proofset.spec import ColumnSpec, GeneratorSpec, TableSpec
from tests.lineage.shop import Evidence, Place


def generator_of(**fields: Any) -> GeneratorSpec:
    return GeneratorSpec.model_validate({"options": {"privacy": "medium"}} | fields)


def visits(name: str, **fields: Any) -> dict[str, TableSpec]:
    return {"visits": TableSpec(columns={name: ColumnSpec(**fields)})}


OTHERWISE: dict[str, tuple[dict[str, Any], str]] = {
    "generator": ({"generator": generator_of(name="rules")}, "another generator than the spec"),
    "seed": ({"seed": 8}, "another seed than the spec"),
    "rows": ({"generator": generator_of(rows=299)}, "other rows than the spec asks for"),
    "option": ({"generator": generator_of(options={"privacy": "high"})}, "option 'privacy' is not the one"),
    "option never used": ({"generator": generator_of(options={"width": 1})}, "option 'width' is not the one"),
    "table": ({"tables": {"sales": TableSpec()}}, "profile is about another table"),
    "column to fake": ({"tables": visits("town", treatment="fake")}, "'town' is not treated as the spec declares"),
    "column to drop": ({"tables": visits("town", treatment="drop")}, "'town' is dropped by the spec, but profiled"),
    "column not there": ({"tables": visits("gone", treatment="model")}, "'gone' is not treated"),
}


def under(place: Place, **fields: Any) -> Evidence:
    """Evidence whose provenance vouches for a spec it was not made by."""
    return replace(place.evidence, spec=place.evidence.spec.model_copy(update=fields))


@pytest.mark.parametrize("case", OTHERWISE)
def test_a_spec_that_the_evidence_was_not_made_by_is_refused_and_named(case: str, place: Place) -> None:
    fields, expected = OTHERWISE[case]
    with pytest.raises(DeniedError, match=expected):
        place.build(under(place, **fields))


def test_a_spec_that_says_what_was_done_is_fine(place: Place) -> None:
    said = under(
        place,
        generator=generator_of(rows=300, options={"privacy": "medium", "depth": 3}),
        tables=visits("town", treatment="model"),
    )
    assert read_candidate(place.build(said)[1]).broken_links() == []
    assert place.build(under(place, tables=visits("secret", treatment="drop")))[0].outcome is Outcome.PASS
