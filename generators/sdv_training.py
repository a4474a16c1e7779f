"""Training: follows ctgan's own training loop from outside, epoch by epoch, and puts an interrupted one back.

The loop offers no call-backs, so nothing of it is replaced. A subclass notices the end of an epoch, because the loop
then sets the public attribute `loss_values`; torch's public hooks tell which layers are made and which optimizers step.
That is the whole state: layers, optimizers, random states. To resume, the same fit is begun again with the epochs that
are left; its preparation is repeated, which the seed makes the same; just before the first epoch the state is put back.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from generators.sdv_checkpoint import (
    Checkpoint,
    Checkpoints,
    restore_modules,
    restore_optimizer,
    restore_random,
    training_arrays,
)
from proofset.errors import GeneratorError
from proofset.progress import Progress

SECONDS = 20.0
"""A checkpoint is written at the first end of an epoch after so long, and when the training is stopped there."""


class Training:
    """One training from its beginning, or its last checkpoint, to its end.

    epochs: of the whole training.  history: losses of the epochs done, one entry each.
    """

    def __init__(self, epochs: int, checkpoints: Checkpoints, progress: Progress) -> None:
        self.epochs = epochs
        self.checkpoints = checkpoints
        self.progress = progress
        self._kept = checkpoints.load()
        self.history: list[dict[str, float]] = list(self._kept.history) if self._kept else []
        self._resumed_at = self.done
        self._modules: list[Any] = []
        self._optimizers: list[Any] = []
        self._thread = threading.get_ident()
        self._started = self._saved = 0.0

    @property
    def done(self) -> int:
        """Epochs done."""
        return len(self.history)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Hear of the layers made and the optimizers that step in this thread."""
        from torch.nn.modules.module import register_module_parameter_registration_hook
        from torch.optim.optimizer import register_optimizer_step_pre_hook

        with ExitStack() as stack:
            for handle in (
                register_module_parameter_registration_hook(self._layer_made),
                register_optimizer_step_pre_hook(self._stepping),
            ):
                stack.callback(handle.remove)
            yield

    def _layer_made(self, module: Any, *_: Any) -> None:
        if threading.get_ident() == self._thread and not any(module is known for known in self._modules):
            self._modules.append(module)

    def _stepping(self, optimizer: Any, *_: Any) -> None:
        if threading.get_ident() == self._thread and not any(optimizer is known for known in self._optimizers):
            if self._kept is not None:
                restore_optimizer(self._kept.arrays, len(self._optimizers), optimizer)
            self._optimizers.append(optimizer)

    def begin(self) -> None:
        """The networks are made and the first epoch is about to start."""
        self._started = self._saved = time.monotonic()
        if self._kept is not None:
            restore_modules(self._kept.arrays, self._modules)
            restore_random(self._kept.arrays)
            self.progress(f"going on after epoch {self.done} of {self.epochs}", self.done / self.epochs)

    def epoch_ended(self, losses: dict[str, float]) -> None:
        """An epoch is done: note its losses, keep the state where it is time, tell how far it is.

        Raises GeneratorError where a loss is no number.
        """
        epoch = self.done + 1
        if not all(math.isfinite(value) for value in losses.values()):
            raise GeneratorError(
                f"The training diverged in epoch {epoch}: a loss is no longer a number.",
                why="The networks' weights grew without limit, most often from too large a learning rate.",
                fix="Lower the learning rates, or give it a larger batch_size or more rows.",
            )
        self.history.append({"epoch": epoch, **losses})
        now = time.monotonic()
        due = now - self._saved >= SECONDS
        if due:
            self._save(now)
        left = (now - self._started) / (epoch - self._resumed_at) * (self.epochs - epoch)
        try:
            self.progress(f"epoch {epoch} of {self.epochs}, {_span(left)} left", epoch / self.epochs)
        except BaseException:  # the one who watches stops it, e.g. Ctrl-C
            if not due:
                self._save(now)
            raise

    def _save(self, now: float) -> None:
        self._saved = now
        self.checkpoints.save(lambda: Checkpoint(tuple(self.history), training_arrays(self._modules, self._optimizers)))


def followed(kind: Any, training: Training) -> Any:
    """A subclass of ctgan's CTGAN or TVAE whose training is followed; after it, an instance is a plain one again."""

    class Followed(kind):  # type: ignore[misc]
        def __init__(self, epochs: int, **options: Any) -> None:
            self._listener: Training | None = None
            super().__init__(epochs=epochs - training.done, **options)

        def fit(self, *given: Any, **named: Any) -> None:
            with training.listening():
                self._listener = training
                super().fit(*given, **named)
            del self._listener
            self._set_loss_values(None)  # `history` has them
            for name in ("epochs", "_epochs"):
                if name in self.__dict__:
                    setattr(self, name, training.epochs)
            self.__class__ = kind

        def _get_loss_values(self) -> Any:
            return self.__dict__.get("loss_values")

        def _set_loss_values(self, table: Any) -> None:
            self.__dict__["loss_values"] = table
            if self.__dict__.get("_listener") is None:
                return
            if table.empty:
                training.begin()
            else:
                training.epoch_ended(_losses(table))

        loss_values = property(_get_loss_values, _set_loss_values)

    return Followed


def _losses(table: Any) -> dict[str, float]:
    """The last epoch's losses by name, such as "generator_loss"; the mean where there is a row for each batch."""
    last = table[table["Epoch"] == table["Epoch"].iloc[-1]]
    names = [name for name in table.columns if name not in ("Epoch", "Batch")]
    return {name.lower().replace(" ", "_"): float(last[name].mean()) for name in names}


@contextmanager
def exchanged(module: Any, name: str, value: Any) -> Iterator[None]:
    """Set a module's attribute for a while: SDV makes ctgan's model itself and takes no other in its place."""
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)


def _span(seconds: float) -> str:
    if seconds < 90:
        return f"{math.ceil(seconds)} s"
    return f"{math.ceil(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
