"""Scoring refuses families that name a measure alike, before anything is measured."""

from __future__ import annotations

from types import SimpleNamespace

import pyarrow as pa
import pytest

import quality.scoring
from proofset.errors import ProofsetError
from proofset.evidence import Direction, Profile
from proofset.spec import TableSpec
from quality.base import Context, Family, MeasureCard, Observed
from quality.stats import Estimate


def _family(name: str, *cards: str) -> Family:
    made = tuple(MeasureCard(card, card, Direction.LOWER, "", "") for card in cards)

    def measure(context: Context) -> Observed:
        return Observed(tuple(card.ok(Estimate(0, 0, 0, 1), None) for card in made))

    return Family(name, made, measure)


def test_two_families_may_not_name_a_measure_alike(
    profile: Profile, fresh: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    def scored(**families: Family) -> list[str]:
        monkeypatch.setattr(quality.scoring, "REGISTRY", families)
        told = SimpleNamespace(profile=profile, table=TableSpec(), seed=1, digests=("1", "2", "3"))
        return [m.name for m in quality.scoring.score(fresh, fresh, fresh, **vars(told)).measures]

    assert scored(one=_family("one", "a.x", "a.y"), two=_family("two", "a.z")) == ["a.x", "a.y", "a.z"]
    with pytest.raises(ProofsetError, match=r"'a.x' is one of 'one' and of 'two'"):
        scored(one=_family("one", "a.x", "a.y"), two=_family("two", "a.x"))
    with pytest.raises(ProofsetError, match=r"'a.x' is one of 'one' twice"):
        scored(one=_family("one", "a.x", "a.x"))
