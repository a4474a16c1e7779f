"""Checkpoints: the state of a training at the end of an epoch, in one private file that is replaced whole.

The file is its SHA-256, a line feed, and an npz without pickles. A file that does not match its digest, or belongs to
another training, counts as none: the training then starts from the beginning.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from generators.storage import npz_bytes, read_npz
from proofset.digest import canonical, sha256_bytes
from proofset.files import write_bytes

FILE = "training.state"
ABOUT = "about"


@dataclass(frozen=True)
class Checkpoint:
    """A training after some epochs.

    history: its losses, one entry per epoch.  arrays: weights, optimizers' moments and random states, by name.
    """

    history: tuple[dict[str, float], ...]
    arrays: dict[str, np.ndarray]


class Checkpoints:
    """The checkpoint of one training.

    folder: where it lies; None keeps nothing.  key: a digest of all that decides the training's result.
    """

    def __init__(self, folder: Path | None, key: str) -> None:
        self.folder = folder
        self.key = key

    def save(self, make: Callable[[], Checkpoint]) -> None:
        """Replace the checkpoint, all or nothing, mode 0600. Raises WorkspaceError where the folder is unwritable."""
        if self.folder is None:
            return
        checkpoint = make()
        about = canonical({"key": self.key, "history": list(checkpoint.history)})
        data = npz_bytes({**checkpoint.arrays, ABOUT: np.frombuffer(about, np.uint8)})
        write_bytes(self.folder / FILE, sha256_bytes(data).encode() + b"\n" + data, private=True)

    def load(self) -> Checkpoint | None:
        """The checkpoint of this very training, or None."""
        path = None if self.folder is None else self.folder / FILE
        if path is None or not path.is_file():
            return None
        seal, _, data = path.read_bytes().partition(b"\n")
        if sha256_bytes(data).encode() != seal:
            return None
        arrays = read_npz(data)
        about = json.loads(arrays.pop(ABOUT).tobytes())
        return Checkpoint(tuple(about["history"]), arrays) if about["key"] == self.key else None


def training_arrays(modules: Sequence[Any], optimizers: Sequence[Any]) -> dict[str, np.ndarray]:
    """Weights, buffers, optimizers' moments and the global random states, as arrays by name."""
    import torch

    arrays = {name: tensor.detach().cpu().numpy().copy() for name, tensor in _tensors(modules)}
    for place, optimizer in enumerate(optimizers):
        for number, moments in optimizer.state_dict()["state"].items():
            for name, value in moments.items():
                arrays[f"optimizer.{place}.{number}.{name}"] = value.detach().cpu().numpy().copy()
    _, keys, position, has_gauss, gauss = np.random.get_state()  # noqa: NPY002 - the state itself is kept
    arrays["random.numpy"] = np.asarray(keys)
    arrays["random.numpy.rest"] = np.array([position, has_gauss, gauss], float)
    arrays["random.torch"] = torch.random.get_rng_state().numpy().copy()
    cuda = torch.cuda.get_rng_state_all()  # of every device; often there is none
    return arrays | {f"random.cuda.{place}": state.cpu().numpy().copy() for place, state in enumerate(cuda)}


def restore_modules(arrays: dict[str, np.ndarray], modules: Sequence[Any]) -> None:
    """Write weights and buffers back into networks of the same form."""
    import torch

    with torch.no_grad():
        for name, tensor in _tensors(modules):
            tensor.copy_(torch.from_numpy(arrays[name]).reshape(tensor.shape))  # npz has no array without dimensions


def restore_optimizer(arrays: dict[str, np.ndarray], place: int, optimizer: Any) -> None:
    """Write the moments of the optimizer that stepped first, second, ... back into it."""
    import torch

    prefix = f"optimizer.{place}."
    state: dict[int, dict[str, Any]] = {}
    for key in (k for k in arrays if k.startswith(prefix)):
        number, name = key.removeprefix(prefix).split(".", 1)
        value = torch.from_numpy(arrays[key].copy())
        state.setdefault(int(number), {})[name] = value.reshape(()) if name == "step" else value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def restore_random(arrays: dict[str, np.ndarray]) -> None:
    """Set the global random states of numpy and torch."""
    import torch

    position, has_gauss, gauss = arrays["random.numpy.rest"].tolist()
    np.random.set_state(("MT19937", arrays["random.numpy"], int(position), int(has_gauss), gauss))  # noqa: NPY002
    torch.random.set_rng_state(torch.from_numpy(arrays["random.torch"].copy()))
    cuda = [f"random.cuda.{place}" for place in range(torch.cuda.device_count())]
    torch.cuda.set_rng_state_all([torch.from_numpy(arrays[name].copy()) for name in cuda if name in arrays])


def _tensors(modules: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    for place, module in enumerate(modules):
        for name, tensor in (*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)):
            yield f"module.{place}.{name}", tensor
