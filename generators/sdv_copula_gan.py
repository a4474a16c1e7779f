"""CopulaGAN, by SDV: an adapter. CTGAN on numbers that a parametric shape made normal first."""

from __future__ import annotations

from typing import Any, ClassVar

from generators.sdv_common import Shape
from generators.sdv_neural import GanOptions, SdvNeural
from proofset.evidence import ModelCard
from proofset.spec import Frozen


class SdvCopulaGanOptions(GanOptions):
    """Options of the generator `sdv_copula_gan`: CTGAN's, and the shape fitted to numbers ("beta" is SDV's default)."""

    default_distribution: Shape = "beta"


class SdvCopulaGan(SdvNeural):
    """SDV's CopulaGAN; see the module."""

    card: ClassVar[ModelCard] = ModelCard(
        generator="sdv_copula_gan",
        version="1",
        title="SDV CopulaGAN",
        method="Numbers made normal by a parametric shape each, then CTGAN; trained by SDV.",
        paper="SDV documentation, CopulaGANSynthesizer; CTGAN: Xu et al. (2019), arXiv:1907.00503",
        licence="BUSL-1.1",
        use_when="A peer to compare with, where numbers have long tails that a named shape describes.",
        avoid_when="Fidelity, speed or small tables matter, categories are many, or the licence does not allow it.",
        privacy="Networks trained on a table whose rare categories are pooled; they can still remember rows the longer "
        "they train. No formal guarantee. The saved model is a pickle, opened only after its seal matches.",
    )
    Options: ClassVar[type[Frozen]] = SdvCopulaGanOptions

    def synthesizer(self, single_table: Any, metadata: Any) -> Any:
        """SDV's CopulaGANSynthesizer."""
        return single_table.CopulaGANSynthesizer(metadata, **self.network_options)
