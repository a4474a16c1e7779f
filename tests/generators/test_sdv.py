"""The adapter for SDV: seeded, sealed, and shown nothing of a single row."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from generators import create, load_fitted
from generators.sdv_gaussian_copula import seeded
from proofset.errors import GeneratorError, MissingExtraError
from proofset.evidence import Profile
from proofset.spec import GeneratorSpec, TableSpec

SPEC = GeneratorSpec(name="sdv_gaussian_copula", options={"default_distribution": "norm"})


@pytest.fixture(scope="module")
def canaries() -> pa.Table:
    rng = np.random.default_rng(0)
    rows = 1_000
    x = np.round(rng.normal(50, 10, rows), 2)
    x[:5] = [1e9 + 0.123, -1e9, 7777.777, 8888.888, 9999.999]
    word = np.where(x > 50, "above", "below").astype(object)
    word[:20] = [f"canary {i}" for i in range(20)]
    return pa.table({"x": x, "word": word, "n": rng.integers(0, 4, rows)})


def test_no_canary_comes_out_and_correlations_stay(
    canaries: pa.Table, make_profile: Callable[..., Profile], tmp_path: Path
) -> None:
    fitted = create(SPEC).fit(canaries, TableSpec(), make_profile(canaries), seed=1)
    made = fitted.sample(5_000, seed=1).table
    assert set(made["word"].to_pylist()) == {"above", "below"}
    assert set(made["n"].to_pylist()) <= {0, 1, 2, 3}
    assert not set(made["x"].to_pylist()) & set(canaries["x"].to_pylist()[:5])
    fitted.save(tmp_path)
    assert not any(b"canary" in path.read_bytes() for path in tmp_path.iterdir())


def test_the_pickle_is_not_opened_before_its_seal_matches(
    canaries: pa.Table, make_profile: Callable[..., Profile], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted = create(SPEC).fit(canaries, TableSpec(), make_profile(canaries), seed=1)
    fitted.save(tmp_path)
    pickle = tmp_path / "model-synthesizer.pkl"
    pickle.write_bytes(b"cos\nsystem\n(S'touch " + str(tmp_path / "owned").encode() + b"'\ntR.")
    with pytest.raises(GeneratorError, match=r"synthesizer\.pkl"):
        load_fitted(tmp_path)
    assert not (tmp_path / "owned").exists()


def test_global_generators_are_put_back_also_after_a_failure() -> None:
    import torch

    before, torch_before = str(np.random.get_state()), torch.random.get_rng_state()  # noqa: NPY002
    with pytest.raises(ZeroDivisionError), seeded(5):
        first = (np.random.random(), torch.rand(1).item())  # noqa: NPY002
        raise ZeroDivisionError
    with seeded(5):
        assert first == (np.random.random(), torch.rand(1).item())  # noqa: NPY002
    assert str(np.random.get_state()) == before  # noqa: NPY002
    assert (torch.random.get_rng_state() == torch_before).all()


def test_without_sdv_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("sdv"):
            raise ImportError(name)
        return honest(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"pip install 'proofset\[sdv\]'"):
        create(SPEC)


def test_the_card_names_the_licence() -> None:
    assert create(SPEC).card.licence == "BUSL-1.1"
