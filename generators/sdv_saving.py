"""Saving: a fitted synthesizer as SDV's own pickle, the same bytes for the same fit, and its network's weights as npz.

What is not needed to sample is taken out first: the day, identifiers, and CTGAN's list of which training row has which
category. The weights lie beside the pickle because torch's own form of them holds addresses of memory.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from generators.sdv_seeding import seeded
from generators.storage import npz_bytes, read_npz

NOBODY = "1970-01-01"
"""Written over the dates and the identifier."""
NETWORKS = ("_generator", "decoder")
"""Where ctgan's CTGAN and TVAE keep the network that makes rows."""


def saved(synthesizer: Any) -> tuple[bytes, bytes]:
    """A fitted synthesizer as (pickle, weights); the synthesizer is of no use afterwards.

    Its transformers have random states of their own, the same for every sampling; without them they draw from the
    global ones, which a draw seeds.
    """
    for name in ("_creation_date", "_fitted_date", "_synthesizer_id"):
        setattr(synthesizer, name, NOBODY)
    synthesizer._data_processor._transformers_by_sdtype.pop("pii", None)  # Faker, with the process's random state
    for piece in _parts(synthesizer, set()):
        if "random_states" in vars(piece):
            piece.random_states = None
        if "field_transformers" in vars(piece):
            _in_order(piece)
    weights = _take_weights(synthesizer._model)
    with tempfile.TemporaryDirectory(prefix="proofset-") as folder:  # mode 0700
        path = Path(folder) / "synthesizer.pkl"
        synthesizer.save(str(path))
        return path.read_bytes(), npz_bytes(weights)


def loaded(pickle: bytes, weights: bytes) -> Any:
    """The synthesizer that `saved` wrote. Runs what the pickle says: only after its seal was verified."""
    from sdv.utils import load_synthesizer

    with tempfile.TemporaryDirectory(prefix="proofset-") as folder, quiet(), seeded(0):  # mode 0700
        path = Path(folder) / "synthesizer.pkl"
        path.write_bytes(pickle)
        synthesizer = load_synthesizer(str(path))
        _put_weights(synthesizer._model, read_npz(weights))
    return synthesizer


def quiet() -> contextlib.redirect_stdout[io.StringIO]:
    """Keep SDV's remarks, which may name columns and values, off the screen."""
    return contextlib.redirect_stdout(io.StringIO())


def _take_weights(model: Any) -> dict[str, np.ndarray]:
    """The weights of the network that makes rows, which is taken out; none for the Gaussian copula."""
    import torch

    for place in NETWORKS:
        network = vars(model).get(place)
        if network is not None:
            setattr(model, place, torch.nn.Identity())
            if place == "_generator":
                model._data_sampler._rid_by_cat_cols = []
            return {name: tensor.detach().cpu().numpy().copy() for name, tensor in network.state_dict().items()}
    return {}


def _put_weights(model: Any, weights: dict[str, np.ndarray]) -> None:
    """Make the network anew, by ctgan's own classes, and give it its weights; it samples on the processor."""
    import torch

    if not weights:
        return
    if "decoder" in vars(model):
        from ctgan.synthesizers.tvae import Decoder

        network = Decoder(model.embedding_dim, model.decompress_dims, model.transformer.output_dimensions)
        model.decoder = network
    else:
        from ctgan.synthesizers.ctgan import Generator

        width = model._embedding_dim + model._data_sampler.dim_cond_vec()
        network = Generator(width, model._generator_dim, model._transformer.output_dimensions)
        model._generator = network
    like = network.state_dict()
    network.load_state_dict({n: torch.from_numpy(a.copy()).reshape(like[n].shape) for n, a in weights.items()})
    model.set_device("cpu")  # so that the rows do not depend on the machine having CUDA


def _in_order(transformer: Any) -> None:
    """Sort what a table's transformer filled in the order of a set, which differs between processes; forget the sets,
    which it needs in fitting alone."""
    for name, value in list(vars(transformer).items()):
        if isinstance(value, dict):
            setattr(transformer, name, {key: value[key] for key in sorted(value, key=str)})
        elif isinstance(value, set):
            setattr(transformer, name, set())


def _parts(thing: Any, seen: set[int]) -> Iterator[Any]:
    """An object and all objects it holds, through containers; arrays, tables and types are not looked into."""
    if id(thing) in seen or isinstance(thing, (type, np.ndarray, pd.DataFrame, str)):
        return
    seen.add(id(thing))
    held: Iterable[Any] = ()
    if isinstance(thing, dict):
        held = thing.values()
    elif isinstance(thing, (list, tuple)):
        held = thing
    elif hasattr(thing, "__dict__"):
        yield thing
        held = vars(thing).values()
    for inner in list(held):
        yield from _parts(inner, seen)
