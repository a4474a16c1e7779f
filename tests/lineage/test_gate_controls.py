"""The gate and controls: what a control generator drew is never released, whatever was measured and signed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from generators import REGISTRY
from lineage.candidate import read_candidate
from lineage.decisions import make_approval, read_approval
from lineage.gate import Circumstances, Decision, decide
from proofset.errors import ProofsetError
from proofset.evidence import ModelCard, Outcome
from tests.lineage.shop import DATASET, HOUR, NOW, Evidence, Place


@dataclass
class MadeBy(Evidence):
    """The shop's evidence, of another generator. Everything hangs together, and everything passes."""

    card: ModelCard | None = None

    def parts(self) -> dict[str, Any]:
        whole = super().parts()
        return whole | {"provenance": whole["provenance"].model_copy(update={"generator": self.card})}


def made_by(place: Place, card: ModelCard) -> MadeBy:
    place.write("datasets/shop.yaml", f"{DATASET}generator: {{name: {card.generator}}}\n")
    return MadeBy(**(vars(place.evidence) | {"card": card}))


def decided(place: Place, card: ModelCard) -> Decision:
    candidate, folder = place.build(made_by(place, card))
    assert candidate.outcome is Outcome.PASS, "the control would pass but for what it is"
    signed = [
        read_approval(make_approval(candidate, place.signers[p], place.roster, "approve", "", NOW), place.roster)
        for p in ("ben", "cho")
    ]
    workspace = place.workspace
    return decide(
        read_candidate(folder), workspace.policy("sharing"), workspace.dataset("shop"), signed, place.roster,
        NOW + HOUR, Circumstances(recorded_at=NOW),
    )  # fmt: skip


CONTROLS = [name for name in REGISTRY if name.startswith("control_")]


@pytest.mark.parametrize("name", CONTROLS)
def test_a_control_that_passes_everything_and_is_signed_by_all_is_denied(name: str, place: Place) -> None:
    decision = decided(place, REGISTRY[name].card)
    assert not decision.allowed
    told = f"a control generator can never be released, and '{name}' is one: it is made to fail"
    assert decision.reasons == (told,)


def test_the_same_without_the_flag_is_allowed(place: Place) -> None:
    assert decided(place, REGISTRY["control_copier"].card.model_copy(update={"control": False})).allowed


def test_nor_does_a_release_of_it_come_about(place: Place) -> None:
    card = REGISTRY["control_marginals"].card
    candidate, _ = place.record(made_by(place, card))
    place.sign(candidate, "ben", "cho")
    with pytest.raises(ProofsetError) as caught:
        place.release()
    assert "control generator" in str(caught.value)


def test_a_card_from_before_the_flag_is_no_control() -> None:
    plain = REGISTRY["trees"].card.plain()
    del plain["control"]
    assert not ModelCard.model_validate(plain).control
