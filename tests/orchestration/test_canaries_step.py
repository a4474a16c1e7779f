"""Canaries in the chain: asked for in the spec, planted into a second model, measured, and stored nowhere."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from home import SPEC, make_workspace, people

from orchestration.canaries import canaries
from orchestration.chain import Chain
from proofset.evidence import MIN_COUNT, Profile, Scorecard

STEPS = ("source", "profile", "split", "model", "synthetic")
ASKING = SPEC.replace("    target: churned\n", "    target: churned\n    quality: {canaries: 40, guesses: 100}\n")


def opened(root: Path, spec: str) -> tuple[Chain, pa.Table, Profile]:
    chain = Chain.open(make_workspace(root, people(900), spec), "people")
    for step in STEPS:
        chain.run(step)
    train = chain.store.get_table(chain.store.need("split").facts["train"], private=True)
    return chain, train, Profile.model_validate(chain.store.need("profile").facts["profile"])


def test_canaries_are_planted_where_the_spec_asks_for_them(tmp_path: Path) -> None:
    chain, train, profile = opened(tmp_path / "asking", ASKING)
    made = canaries(chain, train, profile)
    again = canaries(chain, train, profile)
    assert made is not None
    assert again is not None
    assert (made.planted.num_rows, made.withheld.num_rows) == (40, 40)
    assert made.planted.schema == train.schema
    assert made.synthetic.num_rows == train.num_rows
    assert made.planted.equals(again.planted)
    assert made.synthetic.equals(again.synthetic)
    frequent = {v["values"] for v in pc.value_counts(train["city"]).to_pylist() if v["counts"] >= MIN_COUNT}
    assert set(made.planted["city"].to_pylist()) <= frequent

    card = Scorecard.model_validate(chain.run("scorecard").facts["scorecard"])
    measure = card.measure("privacy.canary_exposure")
    assert measure is not None
    assert measure.status == "ok", measure.detail
    assert measure.low <= 0.5 + 0.15
    assert measure.reference is not None


def test_no_canaries_without_asking(tmp_path: Path) -> None:
    chain, train, profile = opened(tmp_path / "plain", SPEC)
    assert canaries(chain, train, profile) is None
