"""TVAE, by SDV: an adapter. See sdv_twin.py for what SDV is shown, sdv_training.py for how its training is followed."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from generators.sdv_neural import Dims, NeuralOptions, SdvNeural
from proofset.evidence import ModelCard
from proofset.spec import Frozen


class SdvTvaeOptions(NeuralOptions):
    """Options of the generator `sdv_tvae`; the defaults are SDV's. It trains with Adam's default learning rate.

    batch_size: rows of a step.  embedding_dim: numbers a row is made from.  compress_dims, decompress_dims: widths of
    the encoder's and the decoder's layers.  l2scale: weight decay.  loss_factor: weight of the reconstruction.
    """

    batch_size: int = Field(500, ge=1)
    embedding_dim: int = Field(128, ge=1)
    compress_dims: Dims = (128, 128)
    decompress_dims: Dims = (128, 128)
    l2scale: float = Field(1e-5, ge=0)
    loss_factor: float = Field(2, gt=0)


class SdvTvae(SdvNeural):
    """SDV's TVAE; see the module."""

    card: ClassVar[ModelCard] = ModelCard(
        generator="sdv_tvae",
        version="1",
        title="SDV TVAE",
        method="A variational autoencoder for tables, with CTGAN's coding of numbers and categories; trained by SDV.",
        paper="Xu, Skoularidou, Cuesta-Infante, Veeramachaneni (2019), arXiv:1907.00503",
        licence="BUSL-1.1",
        use_when="A neural peer is wanted that trains faster than CTGAN, and there are thousands of rows.",
        avoid_when="Rare categories matter (it drops them), speed matters, or the licence does not allow the use.",
        privacy="Networks trained on a table whose rare categories are pooled; the decoder is trained to reconstruct "
        "rows. No formal guarantee. The saved model is a pickle, opened only after its seal matches.",
    )
    Options: ClassVar[type[Frozen]] = SdvTvaeOptions
    network: ClassVar[str] = "TVAE"

    def synthesizer(self, single_table: Any, metadata: Any) -> Any:
        """SDV's TVAESynthesizer."""
        return single_table.TVAESynthesizer(metadata, **self.network_options)
