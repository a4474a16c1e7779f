"""The adapters for SDV: seeded, sealed, quiet, and shown nothing of a single row."""

from __future__ import annotations

import builtins
import datetime
import random
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from generators import blocks, create, load_fitted
from generators.coding_numbers import NumberCodec
from generators.sdv_common import LearnedSdv, _decoded
from generators.sdv_saving import _parts
from generators.sdv_seeding import seeded
from generators.sdv_twin import Twin, to_source, to_twin
from generators.tables import TableCodec
from proofset.errors import GeneratorError, MissingExtraError
from proofset.evidence import Profile
from proofset.spec import GeneratorSpec, SemanticType, TableSpec

SMALL: dict[str, Any] = {"epochs": 1, "batch_size": 100, "embedding_dim": 8}
GAN = {**SMALL, "generator_dim": [16], "discriminator_dim": [16]}
OPTIONS: dict[str, dict[str, Any]] = {
    "sdv_gaussian_copula": {"default_distribution": "norm"},
    "sdv_ctgan": GAN,
    "sdv_copula_gan": GAN | {"default_distribution": "norm"},
    "sdv_tvae": {**SMALL, "compress_dims": [16], "decompress_dims": [16]},
}
NAMES = sorted(OPTIONS)


def spec(name: str, **options: Any) -> GeneratorSpec:
    return GeneratorSpec(name=name, options=OPTIONS[name] | options)


@pytest.fixture(scope="module")
def canaries() -> pa.Table:
    rng = np.random.default_rng(0)
    rows = 1_000
    x = np.round(rng.normal(50, 10, rows), 2)
    x[:5] = [1e9 + 0.123, -1e9, 7777.777, 8888.888, 9999.999]
    word = np.where(x > 50, "above", "below").astype(object)
    word[:20] = [f"canary {i}" for i in range(20)]
    return pa.table({"x": x, "word": word, "n": rng.integers(0, 4, rows)})


@pytest.mark.parametrize("name", NAMES)
def test_no_canary_comes_out_or_lies_in_the_saved_model(
    name: str, canaries: pa.Table, make_profile: Callable[..., Profile], tmp_path: Path
) -> None:
    fitted = create(spec(name)).fit(canaries, TableSpec(), make_profile(canaries), seed=1)
    made = fitted.sample(2_000, seed=1).table
    assert set(made["word"].to_pylist()) <= {"above", "below"}
    assert not set(made["x"].to_pylist()) & set(canaries["x"].to_pylist()[:5])
    fitted.save(tmp_path)
    assert not any(b"canary" in path.read_bytes() for path in tmp_path.iterdir())


@pytest.mark.parametrize("name", ["sdv_ctgan", "sdv_tvae"])
def test_the_saved_model_does_not_grow_with_the_rows(
    name: str, canaries: pa.Table, make_profile: Callable[..., Profile]
) -> None:
    sizes = []
    for table in (canaries, pa.concat_tables([canaries] * 4)):
        learned = create(spec(name)).fit(table, TableSpec(), make_profile(table), seed=1)._learned
        assert isinstance(learned, LearnedSdv)
        sizes.append(len(learned.model[0]))
        held = [v for piece in _parts(learned._pristine, set()) for v in vars(piece).values()]
        assert max(len(v) for v in held if isinstance(v, (list, tuple, dict, pd.DataFrame))) < 700
        assert all(v.shape[0] < 700 for v in held if isinstance(v, np.ndarray) and v.ndim)
    assert abs(sizes[1] - sizes[0]) < 4_000  # with a row's number for each row and category it would be 40,000 more


def test_every_draw_starts_from_the_same_model_and_every_block_has_its_own_numbers(
    canaries: pa.Table, make_profile: Callable[..., Profile], monkeypatch: pytest.MonkeyPatch
) -> None:
    with_nulls = canaries.set_column(0, "x", pa.array(canaries["x"].to_pylist(), mask=np.arange(1_000) % 3 == 0))
    for name in NAMES:
        fitted = create(spec(name)).fit(with_nulls, TableSpec(), make_profile(with_nulls), seed=1)
        monkeypatch.setattr(blocks, "BLOCK", 300)
        learned = fitted._learned
        assert learned is not None
        one, two = (learned.draw(b) for b in blocks.blocks(600, seed=4))
        assert learned.draw(next(blocks.blocks(600, seed=4))).equals(one)
        for column in ("x", "word", "n"):
            assert not one[column].equals(two[column]), name
        assert not one["x"].is_null().equals(two["x"].is_null()), "the same rows are missing in each block"


@pytest.mark.slow
def test_a_fit_gives_the_same_model_and_rows_in_another_process(
    canaries: pa.Table, make_profile: Callable[..., Profile]
) -> None:
    small = canaries.slice(0, 200)
    code = """
import sys, numpy as np, pyarrow as pa
sys.path.insert(0, {here!r})
from conftest import profile_of
from generators import create
from proofset.spec import GeneratorSpec, TableSpec
table = pa.table({table!r})
for name, options in {wanted!r}.items():
    fitted = create(GeneratorSpec(name=name, options=options)).fit(table, TableSpec(), profile_of(table), seed=1)
    print(fitted.digest, fitted.sample(100, seed=2).digest)
"""
    script = code.format(here=str(Path(__file__).parent), table=small.to_pydict(), wanted=OPTIONS)
    here = [create(spec(n)).fit(small, TableSpec(), make_profile(small), seed=1) for n in OPTIONS]
    expected = [digest for fitted in here for digest in (fitted.digest, fitted.sample(100, seed=2).digest)]
    # Another order of sets, and another number of threads.
    environment = {"PYTHONHASHSEED": "3", "PATH": "", "OMP_NUM_THREADS": "2", "PYTHONPATH": str(Path.cwd())}
    command = [sys.executable, "-W", "ignore", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.split() == expected


def test_the_pickle_is_not_opened_before_its_seal_matches(
    canaries: pa.Table, make_profile: Callable[..., Profile], tmp_path: Path
) -> None:
    fitted = create(spec("sdv_gaussian_copula")).fit(canaries, TableSpec(), make_profile(canaries), seed=1)
    fitted.save(tmp_path)
    pickle = tmp_path / "model-synthesizer.pkl"
    pickle.write_bytes(b"cos\nsystem\n(S'touch " + str(tmp_path / "owned").encode() + b"'\ntR.")
    with pytest.raises(GeneratorError, match=r"synthesizer\.pkl"):
        load_fitted(tmp_path)
    assert not (tmp_path / "owned").exists()


def test_global_states_and_threads_are_put_back_also_after_a_failure() -> None:
    import torch

    def states() -> tuple[str, str, list[int], int]:
        numbers = torch.random.get_rng_state().tolist()
        return str(random.getstate()), str(np.random.get_state()), numbers, torch.get_num_threads()  # noqa: NPY002

    def three() -> tuple[float, ...]:
        return random.random(), np.random.random(), torch.rand(1).item()  # noqa: NPY002

    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    before = states()
    try:
        with pytest.raises(ZeroDivisionError), seeded(5):
            assert torch.get_num_threads() == 1
            first = three()
            raise ZeroDivisionError
        with seeded(5):
            assert three() == first
        with seeded(6):
            assert three() != first
        assert states() == before
    finally:
        torch.set_num_threads(threads)


def test_without_sdv_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("sdv"):
            raise ImportError(name)
        return honest(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    for name in NAMES:
        with pytest.raises(MissingExtraError, match=rf"'{name}' needs SDV(?s:.*)pip install 'proofset\[sdv\]'"):
            create(spec(name))


@pytest.mark.parametrize("name", NAMES)
def test_the_card_names_licence_and_pickle(name: str) -> None:
    card = create(spec(name)).card
    assert card.generator == name
    assert card.licence == "BUSL-1.1"
    assert "pickle" in card.privacy


def test_what_cannot_be_set_is_refused() -> None:
    for wrong in ({"batch_size": 55}, {"epochs": 0}, {"generator_lr": 0}, {"device": "gpu"}, {"threads": 0}):
        with pytest.raises(GeneratorError, match=next(iter(wrong))):
            create(GeneratorSpec(name="sdv_ctgan", options=wrong))


def test_cuda_is_refused_where_there_is_none(canaries: pa.Table, make_profile: Callable[..., Profile]) -> None:
    import torch

    assert not torch.cuda.is_available(), "this test is for machines without CUDA"
    with pytest.raises(GeneratorError, match="no CUDA device"):
        create(spec("sdv_tvae", device="cuda")).fit(canaries, TableSpec(), make_profile(canaries), seed=1)


def odd(rows: int) -> pa.Table:
    """Columns that are always the same, always null, of a dictionary, a decimal, a day, a time and a duration."""
    rng = np.random.default_rng(1)
    days = [datetime.date(2024, 1, 1) + datetime.timedelta(days=int(d)) for d in rng.integers(0, 900, rows)]
    return pa.table(
        {
            "same": pa.array([7] * rows, pa.int8()),
            "word": pa.array(["only"] * rows).dictionary_encode(),
            "nothing": pa.nulls(rows, pa.float32()),
            "null": pa.nulls(rows),
            "price": pa.array([Decimal(int(c)) / 100 for c in rng.integers(0, 9_999, rows)], pa.decimal128(9, 2)),
            "code": pa.array(rng.integers(0, 300, rows)).dictionary_encode(),
            "day": pa.array(days, pa.date32()),
            "last": pa.array(
                [datetime.datetime(9999, 12, 1) + datetime.timedelta(int(d)) for d in rng.integers(0, 30, rows)]
            ),
            "at": pa.array(rng.integers(0, 86_400, rows), pa.int32()).cast(pa.time32("s")),
            "took": pa.array(rng.integers(0, 10**6, rows)).cast(pa.duration("ms")),
            "big": pa.array(rng.integers(2**61, 2**62, rows)),
        }
    )


@pytest.mark.parametrize("name", NAMES)
def test_odd_columns_keep_their_types_and_ranges(name: str, make_profile: Callable[..., Profile]) -> None:
    table = odd(400)
    made = create(spec(name)).fit(table, TableSpec(), make_profile(table), seed=1).sample(300, seed=1).table
    assert made.schema == table.schema
    assert set(made["same"].to_pylist()) == {7}
    assert set(made["word"].to_pylist()) == {"only"}
    assert made["nothing"].null_count == made["null"].null_count == 300
    for column in ("price", "day", "last", "at", "took", "big"):
        low, high = min(table[column].to_pylist()), max(table[column].to_pylist())
        assert all(low <= v <= high for v in made[column].to_pylist()), column


@pytest.mark.parametrize("name", NAMES)
def test_one_column_and_few_rows_are_enough(name: str, make_profile: Callable[..., Profile]) -> None:
    for table in (pa.table({"x": np.arange(30.0)}), pa.table({"w": ["a", "b"] * 15})):
        made = create(spec(name)).fit(table, TableSpec(), make_profile(table), seed=1).sample(40, seed=1).table
        assert made.num_rows == 40
        assert made.column(0).null_count == 0


@pytest.mark.parametrize("name", NAMES)
def test_a_table_without_anything_to_learn_needs_no_model(
    name: str, make_profile: Callable[..., Profile], tmp_path: Path
) -> None:
    table = odd(50).select(["same", "word", "nothing", "null"])
    create(spec(name)).fit(table, TableSpec(), make_profile(table), seed=1).save(tmp_path)
    assert load_fitted(tmp_path).sample(9, seed=1).table.equals(table.slice(0, 9))


def test_moments_are_shown_as_days_whatever_their_unit() -> None:
    day = datetime.datetime(2020, 1, 3, 12)
    for kind in (pa.timestamp("s"), pa.timestamp("ms", tz="UTC"), pa.timestamp("us"), pa.timestamp("ns"), pa.date64()):
        number = np.array([pa.scalar(day, pa.timestamp("us")).cast(kind, safe=False).value])
        shown = to_twin(number, kind)
        assert shown[0] in (2.5, 2.0)  # a date64 has no half days
        assert to_source(shown, kind)[0] == number[0]
    assert to_twin(np.array([18_263]), pa.date32())[0] == 1.0
    assert to_twin(np.array([43_200]), pa.time32("s"))[0] == 0.5
    assert to_twin(np.array([86_400_000]), pa.duration("ms"))[0] == 1.0
    assert to_twin(np.array([7]), pa.int8())[0] == 7.0


def test_a_number_that_was_not_drawn_comes_from_the_columns_own_bins(make_profile: Callable[..., Profile]) -> None:
    table = pa.table({"x": np.arange(100, 200)})
    codec, _ = TableCodec.learn(table, TableSpec(), make_profile(table))
    assert isinstance(codec.codecs[0], NumberCodec)
    values = np.array([120.0, np.nan, np.inf, -np.inf] * 50)
    made = _decoded(codec.codecs[0], pa.int64(), values, np.random.default_rng(0))
    assert made.null_count == 0
    assert made.to_pylist()[::4] == [120] * 50
    assert all(100 <= v < 200 for v in made.to_pylist())


def test_the_twin_has_neither_names_nor_rare_values(canaries: pa.Table, make_profile: Callable[..., Profile]) -> None:
    codec, codes = TableCodec.learn(canaries, TableSpec(), make_profile(canaries, n=SemanticType.CATEGORY))
    twin = Twin.of(codec, codes, seed=1)
    assert list(twin.frame.columns) == ["c0", "c1", "c2"]
    assert set(twin.frame["c1"]) == {"0", "1", "2"}
    assert not set(twin.frame["c0"]) & set(canaries["x"].to_pylist()[:5])
    assert [c["sdtype"] for c in twin.metadata["tables"]["table"]["columns"].values()] == [
        "numerical", "categorical", "categorical",
    ]  # fmt: skip
    assert twin.digest == Twin.of(codec, codes, seed=1).digest != Twin.of(codec, codes, seed=2).digest


def test_nothing_is_printed(
    canaries: pa.Table, make_profile: Callable[..., Profile], capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(0)
    wide = pa.table({f"w{i}": rng.choice([f"k{k}" for k in range(60)], 1_500) for i in range(18)})
    create(spec("sdv_ctgan")).fit(wide, TableSpec(), make_profile(wide), seed=1).sample(5, seed=1)
    assert capsys.readouterr() == ("", "")
