"""CTGAN, by SDV: an adapter. See sdv_twin.py for what SDV is shown, sdv_training.py for how training is followed."""

from __future__ import annotations

from typing import Any, ClassVar

from generators.sdv_neural import GanOptions, SdvNeural
from proofset.evidence import ModelCard
from proofset.spec import Frozen


class SdvCtgan(SdvNeural):
    """SDV's CTGAN; see the module."""

    card: ClassVar[ModelCard] = ModelCard(
        generator="sdv_ctgan",
        version="1",
        title="SDV CTGAN",
        method="A conditional GAN: numbers by their mode in a mixture, categories trained evenly; trained by SDV.",
        paper="Xu, Skoularidou, Cuesta-Infante, Veeramachaneni (2019), arXiv:1907.00503",
        licence="BUSL-1.1",
        use_when="A GAN is wanted on purpose, as a peer, and there are thousands of rows, time or a CUDA device.",
        avoid_when="Fidelity, speed or small tables matter, categories are many, or the licence does not allow it.",
        privacy="Networks trained on a table whose rare categories are pooled; they can still remember rows the longer "
        "they train. No formal guarantee. The saved model is a pickle, opened only after its seal matches.",
    )
    Options: ClassVar[type[Frozen]] = GanOptions

    def synthesizer(self, single_table: Any, metadata: Any) -> Any:
        """SDV's CTGANSynthesizer."""
        return single_table.CTGANSynthesizer(metadata, **self.network_options)
