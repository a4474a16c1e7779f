"""Gaussian copula, by SDV: an adapter. See sdv_twin.py for what SDV is shown, sdv_saving.py for how it is kept."""

from __future__ import annotations

from typing import Any, ClassVar

from generators.sdv_common import SdvGenerator, Shape
from proofset.evidence import ModelCard
from proofset.spec import Frozen


class SdvGaussianCopulaOptions(Frozen):
    """Options of the generator `sdv_gaussian_copula`.

    default_distribution: SDV's name of the shape fitted to numbers. "beta" is SDV's default; "gaussian_kde" follows
    any shape and is many times slower.
    """

    default_distribution: Shape = "beta"


class SdvGaussianCopula(SdvGenerator):
    """SDV's Gaussian copula; see the module."""

    card: ClassVar[ModelCard] = ModelCard(
        generator="sdv_gaussian_copula",
        version="2",
        title="SDV Gaussian copula",
        method="A parametric shape for each column and one correlation matrix over their normal scores, fitted by SDV.",
        paper="Patki, Wedge, Veeramachaneni (2016), doi:10.1109/DSAA.2016.49",
        licence="BUSL-1.1",
        use_when="A peer to compare with, or a simple parametric model is wanted on purpose.",
        avoid_when="Relations are not monotone, categories matter, or the licence does not allow the use.",
        privacy="Keeps shapes and correlations, learned from a table whose rare categories are pooled. "
        "No formal guarantee. The saved model is a pickle, opened only after its seal matches.",
    )
    Options: ClassVar[type[Frozen]] = SdvGaussianCopulaOptions

    def synthesizer(self, single_table: Any, metadata: Any) -> Any:
        """SDV's GaussianCopulaSynthesizer."""
        assert isinstance(self.options, SdvGaussianCopulaOptions)  # noqa: S101 - told by the Options class
        return single_table.GaussianCopulaSynthesizer(metadata, default_distribution=self.options.default_distribution)
