"""What the adapters for SDV's neural models share: device, key of the training, and the followed fit."""

from __future__ import annotations

from abc import abstractmethod
from importlib.metadata import version
from typing import Any, ClassVar, Literal

from pydantic import Field

from generators.sdv_checkpoint import Checkpoints
from generators.sdv_common import SdvGenerator
from generators.sdv_training import Training, exchanged, followed
from generators.sdv_twin import NAME, Twin
from proofset.digest import sha256_json
from proofset.errors import GeneratorError
from proofset.progress import Progress, part
from proofset.spec import Frozen

Device = Literal["auto", "cpu", "cuda"]
Dims = tuple[int, ...]
DECIDING = ("sdv", "ctgan", "rdt", "torch", "numpy", "scikit-learn")
"""Packages whose version decides a training's result."""


class NeuralOptions(Frozen):
    """Options of every neural model.

    epochs: passes over the rows.  device: "auto" takes CUDA where there is one.  threads: of the processor; another
    number gives other last bits, and so other rows.
    """

    epochs: int = Field(300, ge=1)
    device: Device = "auto"
    threads: int = Field(1, ge=1, le=64)


class GanOptions(NeuralOptions):
    """Options of `sdv_ctgan` and `sdv_copula_gan`; the defaults are SDV's.

    batch_size: rows of a step, a multiple of ten.  embedding_dim: numbers a row is made from.  generator_dim,
    discriminator_dim: widths of the layers.  generator_lr, discriminator_lr: learning rates.
    discriminator_steps: for each step of the generator.
    """

    batch_size: int = Field(500, ge=10, multiple_of=10)
    embedding_dim: int = Field(128, ge=1)
    generator_dim: Dims = (256, 256)
    discriminator_dim: Dims = (256, 256)
    generator_lr: float = Field(2e-4, gt=0)
    discriminator_lr: float = Field(2e-4, gt=0)
    discriminator_steps: int = Field(1, ge=1)


class SdvNeural(SdvGenerator):
    """A model of SDV's that is trained in epochs.

    network: the name of ctgan's class that SDV trains.
    """

    network: ClassVar[str] = "CTGAN"

    @abstractmethod
    def synthesizer(self, single_table: Any, metadata: Any) -> Any:
        """SDV's synthesizer, not fitted yet."""

    @property
    def enable_gpu(self) -> bool:
        """Whether to train on CUDA. Raises GeneratorError where it is asked for and there is none."""
        import torch

        assert isinstance(self.options, NeuralOptions)  # noqa: S101 - told by the Options class
        there = bool(torch.cuda.is_available())
        if self.options.device == "cuda" and not there:
            raise GeneratorError(
                "generator.options.device is 'cuda', but torch finds no CUDA device here.",
                fix="Set it to auto or cpu, or install a torch that was built for CUDA, and its driver.",
            )
        return there and self.options.device != "cpu"

    @property
    def threads(self) -> int:
        """Threads of a fit, as the options say."""
        assert isinstance(self.options, NeuralOptions)  # noqa: S101 - told by the Options class
        return self.options.threads

    @property
    def network_options(self) -> dict[str, Any]:
        """The options that SDV's synthesizer takes, by its own names."""
        own = {name: value for name, value in self.options if name not in ("device", "threads")}
        return {**own, "enable_gpu": self.enable_gpu}

    def key(self, twin: Twin, seed: int) -> str:
        """A digest of all that decides a training's result."""
        versions = {package: version(package) for package in DECIDING}
        return sha256_json(
            {
                "card": self.card.plain(),
                "options": self.options.plain(),
                "cuda": self.enable_gpu,
                "seed": seed,
                "twin": twin.digest,
                "versions": versions,
            }
        )

    def train(self, synthesizer: Any, twin: Twin, seed: int, progress: Progress) -> tuple[dict[str, float], ...]:
        """Fit, followed; go on from a checkpoint of the same training where there is one."""
        import ctgan
        import sdv.single_table.ctgan as maker

        assert isinstance(self.options, NeuralOptions)  # noqa: S101 - told by the Options class
        checkpoints = Checkpoints(self.checkpoints, self.key(twin, seed))
        training = Training(self.options.epochs, checkpoints, part(progress, 0.05, 0.98))
        with exchanged(maker, self.network, followed(getattr(ctgan, self.network), training)):
            synthesizer.fit({NAME: twin.frame})
        return tuple(training.history)
