"""Training of SDV's neural models: followed by epochs, stopped, killed, and gone on with as if nothing had been."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from generators import Fitted, create
from generators import sdv_training as training_module
from generators.sdv_checkpoint import FILE, Checkpoint, Checkpoints
from generators.sdv_training import Training, _span
from proofset.errors import GeneratorError
from proofset.evidence import Profile
from proofset.progress import Progress, silent
from proofset.spec import GeneratorSpec, TableSpec

EPOCHS = 4
SMALL: dict[str, Any] = {"epochs": EPOCHS, "batch_size": 50, "embedding_dim": 8}
GAN = {**SMALL, "generator_dim": [16, 16], "discriminator_dim": [16], "discriminator_steps": 2}
OPTIONS: dict[str, dict[str, Any]] = {
    "sdv_ctgan": GAN,
    "sdv_copula_gan": GAN | {"default_distribution": "norm"},
    "sdv_tvae": {**SMALL, "compress_dims": [16], "decompress_dims": [16]},
}
NAMES = sorted(OPTIONS)


@pytest.fixture(scope="module")
def shop() -> pa.Table:
    rng = np.random.default_rng(3)
    kind = rng.choice(["tea", "coffee", "milk"], 230)
    return pa.table(
        {"kind": kind, "price": rng.gamma(2.0, 3.0, 230) + (kind == "milk"), "member": rng.random(230) > 0.4}
    )


@pytest.fixture(scope="module")
def whole(shop: pa.Table, make_profile: Callable[..., Profile]) -> dict[str, Fitted]:
    """Uninterrupted fits."""
    return {name: fit(name, shop, make_profile(shop)) for name in NAMES}


def fit(
    name: str, table: pa.Table, profile: Profile, folder: Path | None = None, progress: Progress = silent, **other: Any
) -> Fitted:
    seed = other.pop("seed", 5)
    generator = create(GeneratorSpec(name=name, options=OPTIONS[name] | other), checkpoints=folder)
    return generator.fit(table, TableSpec(), profile, seed=seed, progress=progress)


def stop_after(epoch: int) -> Progress:
    def progress(message: str, _: float) -> None:
        if message.startswith(f"epoch {epoch} "):
            raise KeyboardInterrupt

    return progress


@pytest.mark.parametrize("name", NAMES)
def test_losses_and_progress_are_told_for_every_epoch(
    name: str, whole: dict[str, Fitted], shop: pa.Table, make_profile: Callable[..., Profile]
) -> None:
    told: list[tuple[str, float]] = []
    again = fit(name, shop, make_profile(shop), progress=lambda message, share: told.append((message, share)))
    history = whole[name].history
    assert [entry["epoch"] for entry in history] == list(range(1, EPOCHS + 1))
    losses = {"loss"} if name == "sdv_tvae" else {"generator_loss", "discriminator_loss"}
    assert all(set(entry) == {"epoch"} | losses for entry in history)
    assert again.history == history, "following a training changes it"
    epochs = [m for m, _ in told if m.startswith("epoch ")]
    assert [m.split(",")[0] for m in epochs] == [f"epoch {e} of {EPOCHS}" for e in range(1, EPOCHS + 1)]
    assert all(m.endswith(" left") for m in epochs)
    assert [share for _, share in told] == sorted(share for _, share in told)
    assert all(0 <= share <= 1 for _, share in told)


def test_a_training_that_is_followed_equals_one_that_is_not(shop: pa.Table) -> None:
    import ctgan

    from generators.sdv_seeding import seeded

    frame, losses = shop.to_pandas(), {}
    for kind, options in ((ctgan.CTGAN, {"pac": 10}), (ctgan.TVAE, {})):
        plain, followed = [], []
        for model, into in (
            (kind(epochs=2, batch_size=50, **options), plain),
            (
                training_module.followed(kind, Training(2, Checkpoints(None, ""), silent))(2, batch_size=50, **options),
                followed,
            ),
        ):
            with seeded(3):
                model.fit(frame, ["kind", "member"])
                into.append(model.sample(20))
            assert type(model) is kind
            losses[kind] = model.loss_values
        assert plain[0].equals(followed[0])
        assert losses[kind] is None


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("epoch", [1, EPOCHS - 1, EPOCHS])
def test_a_stopped_training_goes_on_and_ends_with_the_same_bytes(
    name: str,
    epoch: int,
    whole: dict[str, Fitted],
    shop: pa.Table,
    make_profile: Callable[..., Profile],
    tmp_path: Path,
) -> None:
    folder = tmp_path / "private"
    with pytest.raises(KeyboardInterrupt):
        fit(name, shop, make_profile(shop), folder, stop_after(epoch))
    (kept,) = folder.iterdir()
    assert kept.stat().st_mode & 0o077 == 0
    told: list[str] = []
    resumed = fit(name, shop, make_profile(shop), folder, lambda message, _: told.append(message))
    assert f"going on after epoch {epoch} of {EPOCHS}" in told
    assert sum(m.startswith("epoch ") for m in told) == EPOCHS - epoch
    assert resumed.history == whole[name].history
    assert resumed.sample(300, seed=2).digest == whole[name].sample(300, seed=2).digest
    assert resumed.digest == whole[name].digest


@pytest.mark.slow
def test_a_killed_process_leaves_a_checkpoint_to_go_on_from(
    whole: dict[str, Fitted], shop: pa.Table, make_profile: Callable[..., Profile], tmp_path: Path
) -> None:
    code = """
import os, signal, sys
from pathlib import Path
import pyarrow as pa
sys.path.insert(0, {here!r})
from conftest import profile_of
from generators import create, sdv_training
from proofset.spec import GeneratorSpec, TableSpec
sdv_training.SECONDS = 0.0
def progress(message, share):
    if message.startswith("epoch 3 "):
        os.kill(os.getpid(), signal.SIGKILL)
table = pa.table({table!r})
create(GeneratorSpec(name="sdv_ctgan", options={options!r}), checkpoints=Path({folder!r})).fit(
    table, TableSpec(), profile_of(table), seed=5, progress=progress)
"""
    script = code.format(
        here=str(Path(__file__).parent), table=shop.to_pydict(), options=OPTIONS["sdv_ctgan"], folder=str(tmp_path)
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=False, cwd=Path.cwd())
    assert done.returncode == -9
    assert [p.name for p in tmp_path.iterdir()] == [FILE]
    told: list[str] = []
    resumed = fit("sdv_ctgan", shop, make_profile(shop), tmp_path, lambda message, _: told.append(message))
    assert f"going on after epoch 3 of {EPOCHS}" in told
    assert resumed.sample(300, seed=2).digest == whole["sdv_ctgan"].sample(300, seed=2).digest


@pytest.mark.parametrize("change", ["seed", "options", "table", "damage", "short"])
def test_a_checkpoint_of_another_training_or_a_damaged_one_is_not_used(
    change: str, whole: dict[str, Fitted], shop: pa.Table, make_profile: Callable[..., Profile], tmp_path: Path
) -> None:
    profile = make_profile(shop)
    with pytest.raises(KeyboardInterrupt):
        fit("sdv_tvae", shop, profile, tmp_path, stop_after(2))
    file, table, other = tmp_path / FILE, shop, {}
    if change == "damage":
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 1
        file.write_bytes(bytes(data))
    elif change == "short":
        file.write_bytes(file.read_bytes()[:1000])
    elif change == "table":
        table = shop.slice(1)
    else:
        other = {"seed": 6} if change == "seed" else {"l2scale": 1e-4}
    told: list[str] = []
    fitted = fit("sdv_tvae", table, profile, tmp_path, lambda message, _: told.append(message), **other)
    assert not any(m.startswith("going on") for m in told)
    assert sum(m.startswith("epoch ") for m in told) == EPOCHS
    same = fitted.digest == whole["sdv_tvae"].digest
    assert same == (change in ("damage", "short"))


def test_checkpoints_are_written_when_it_is_time(
    shop: pa.Table, make_profile: Callable[..., Profile], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []
    honest = Checkpoints.save

    def counted(self: Checkpoints, make: Callable[[], Checkpoint]) -> None:
        def noted() -> Checkpoint:
            checkpoint = make()
            written.append(len(checkpoint.history))
            return checkpoint

        honest(self, noted)

    monkeypatch.setattr(Checkpoints, "save", counted)
    fit("sdv_tvae", shop, make_profile(shop), tmp_path)
    assert written == []
    monkeypatch.setattr(training_module, "SECONDS", 0.0)
    fit("sdv_tvae", shop, make_profile(shop), tmp_path)
    assert written == list(range(1, EPOCHS + 1))
    fit("sdv_tvae", shop, make_profile(shop), None, seed=9)
    assert written == list(range(1, EPOCHS + 1)), "without a folder nothing is gathered"


def test_a_training_that_diverges_is_refused(shop: pa.Table, make_profile: Callable[..., Profile]) -> None:
    with pytest.raises(GeneratorError, match="diverged in epoch"):
        fit("sdv_tvae", shop, make_profile(shop), loss_factor=1e38)


@pytest.mark.parametrize("name", NAMES)
def test_the_callers_threads_do_not_decide_but_the_seed_does(
    name: str, whole: dict[str, Fitted], shop: pa.Table, make_profile: Callable[..., Profile]
) -> None:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(before % 2 + 1)
    try:
        again = fit(name, shop, make_profile(shop))
        assert again.digest == whole[name].digest
        assert again.sample(200, seed=1).digest == whole[name].sample(200, seed=1).digest
        assert torch.get_num_threads() == before % 2 + 1
    finally:
        torch.set_num_threads(before)
    assert fit(name, shop, make_profile(shop), seed=6, epochs=1).digest != whole[name].digest


@pytest.mark.slow
def test_a_training_runs_on_as_many_threads_as_asked(
    shop: pa.Table, make_profile: Callable[..., Profile], monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    seen: list[int] = []
    honest = Training.epoch_ended
    monkeypatch.setattr(
        Training, "epoch_ended", lambda self, losses: (seen.append(torch.get_num_threads()), honest(self, losses))
    )
    fit("sdv_tvae", shop, make_profile(shop), threads=2, epochs=1)
    fit("sdv_tvae", shop, make_profile(shop), epochs=1)
    assert seen == [2, 1]


def test_spans_are_told_in_fitting_units() -> None:
    assert [_span(s) for s in (0.2, 89, 91, 5399, 7200)] == ["1 s", "89 s", "2 min", "90 min", "2.0 h"]
