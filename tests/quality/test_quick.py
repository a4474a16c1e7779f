"""The quick scorecard: the same measures on samples, blind to nothing that the whole one sees."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from proofset.evidence import Profile, Scorecard
from proofset.spec import TableSpec
from quality import REGISTRY, quick
from quality.profile import profile_table
from quality.quick import UNBOUND, quick_score

Parts = tuple[pa.Table, pa.Table]


def scored(parts: Parts, synthetic: pa.Table, profile: Profile, **more: Any) -> dict[str, Any]:
    card = quick_score(*parts, synthetic, profile=profile, **({"target": "churned", "seed": 3} | more))
    return {m.name: m for m in card.measures}


def test_small_tables_are_measured_whole_with_the_same_figures(
    parts: Parts, fresh: pa.Table, profile: Profile, card: Scorecard
) -> None:
    told: list[float] = []
    quickly = scored(parts, fresh, profile, progress=lambda message, share: told.append(share))
    whole = {m.name: m for m in card.measures}
    families = ("fidelity", "detection", "coverage", "utility", "membership", "copies")
    assert set(quickly) == {card.name for name in families for card in REGISTRY[name].cards}
    assert all(quickly[name] == whole[name] for name in quickly)
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_it_can_support_no_verdict(parts: Parts, fresh: pa.Table, profile: Profile) -> None:
    card = quick_score(*parts, fresh, profile=profile, target=None, seed=1)
    assert {card.synthetic_digest, card.train_digest, card.holdout_digest} == {UNBOUND}


def test_controls_that_must_look_bad(parts: Parts, profile: Profile, make: SimpleNamespace) -> None:
    copied = scored(parts, parts[0], profile)
    assert copied["privacy.exact_copy_rate"].value == 1.0
    assert copied["privacy.membership_auc"].value > 0.8
    unrelated = scored(parts, make.shuffled(parts[0]), profile)
    assert unrelated["fidelity.c2st_auc"].value > 0.8
    assert unrelated["fidelity.pair_error"].value > 3 * unrelated["fidelity.pair_error"].reference


def test_large_tables_are_sampled_and_the_rows_are_told(
    monkeypatch: pytest.MonkeyPatch, parts: Parts, fresh: pa.Table, profile: Profile
) -> None:
    monkeypatch.setattr(quick, "_LEAST", 100)
    monkeypatch.setattr(quick, "_PAIRED", 300 * 9**2)
    monkeypatch.setattr(quick, "_CELLS", 400 * 9)
    monkeypatch.setattr(quick, "_LEARNED", {"train": 500, "holdout": 200, "synthetic": 450})
    columns = len([c for c in profile.columns if c.treatment.value == "model"])
    found = scored(parts, fresh, profile)
    assert found["fidelity.shape_error"].n == 300 * 81 // columns**2
    assert found["privacy.exact_copy_rate"].n == 400 * 9 // columns
    assert found["fidelity.c2st_auc"].n == 2 * 200
    assert found["privacy.membership_auc"].n == 200
    assert found == scored(parts, fresh, profile)
    assert found != scored(parts, fresh, profile, seed=4)


def test_of_a_wide_table_some_columns_are_measured_among_them_the_target() -> None:
    rng = np.random.default_rng(0)

    def rows(count: int) -> pa.Table:
        return pa.table({f"c{i:03}": rng.integers(0, 3, count).astype(str) for i in range(200)})

    train, holdout, made = rows(300), rows(150), rows(300)
    profile = profile_table(train, "t", TableSpec(), "x")
    for target in ("c117", None, "absent"):
        card = quick_score(train, holdout, made, profile=profile, target=target, seed=0)
        shapes = card.measure("fidelity.shape_error")
        assert shapes
        seen = {p.part: p.value for p in shapes.parts}
        assert len(seen) == quick.MAX_COLUMNS
        assert [p.value for p in shapes.parts] == sorted(seen.values(), reverse=True)
        assert target != "c117" or "c117" in seen
