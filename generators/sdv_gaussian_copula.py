"""An adapter for SDV's Gaussian copula. SDV is optional and licensed BUSL-1.1, not an open-source licence.

SDV is shown a protected twin of the train table: rare categories pooled and numbers drawn between averages (see
coding.py), every column as a category or a number. So its model, too, holds no value of a single row, and SDV never
guesses what a column means. The fitted model is SDV's own save, a pickle: it is unpickled only after its seal matches.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
import pyarrow as pa

from generators.base import Generator, Learned
from generators.coding import CategoryCodec
from generators.coding_numbers import NumberCodec, from_arrow, to_arrow
from generators.storage import npz_bytes, read_npz, read_schema, schema_bytes
from generators.tables import TableCodec
from proofset.digest import canonical
from proofset.errors import MissingExtraError
from proofset.evidence import ModelCard, Profile
from proofset.progress import Progress
from proofset.seeds import stream
from proofset.spec import Frozen, TableSpec

NAME = "table"
MISSING = "missing"


class SdvGaussianCopulaOptions(Frozen):
    """Options of the generator `sdv_gaussian_copula`.

    default_distribution: SDV's name of the shape fitted to numbers. "beta" is SDV's default; "gaussian_kde" follows
    any shape and is many times slower.
    """

    default_distribution: Literal["norm", "beta", "truncnorm", "uniform", "gamma", "gaussian_kde"] = "beta"


class LearnedSdv(Learned):
    """Codecs of the columns, and SDV's saved synthesizer."""

    def __init__(self, codec: TableCodec, model: bytes) -> None:
        self.codec = codec
        self.model = model

    def draw(self, rows: int, seed: int, progress: Progress) -> pa.Table:
        """Unpickle afresh, so that an earlier draw changes nothing, seed everything, and sample."""
        rng = stream(seed, "sample", "sdv_gaussian_copula")
        with seeded(int(rng.integers(2**31))):
            synthesizer = _unpickle(self.model)
            # SDV starts every sampling from one fixed seed and offers no public way to another.
            synthesizer._set_random_state(int(rng.integers(2**31)))
            progress("drawing rows", 0.1)
            frame = synthesizer.sample(num_rows=rows)[NAME]
        arrays = []
        for place, (codec, field) in enumerate(zip(self.codec.codecs, self.codec.schema, strict=True)):
            values = frame[f"c{place}"]
            if isinstance(codec, NumberCodec):
                numbers = values.to_numpy(dtype=float)
                missing = ~np.isfinite(numbers)
                arrays.append(to_arrow(codec.rounded(np.where(missing, 0.0, numbers)), missing, field.type))
            else:
                codes = np.array([codec.codes - 1 if v == MISSING else int(v) for v in values], dtype=np.int64)
                arrays.append(codec.decode(codes, field.type, rng))
        return pa.table(arrays, schema=self.codec.schema)

    def files(self) -> dict[str, bytes]:
        """Return schema, codecs and SDV's pickle."""
        return {
            "schema.arrow": schema_bytes(self.codec.schema),
            "codecs.json": canonical(self.codec.plain()),
            "codecs.npz": npz_bytes(self.codec.arrays()),
            "synthesizer.pkl": self.model,
        }

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> LearnedSdv:
        """Rebuild what `files` returned."""
        _sdv()
        schema, arrays = read_schema(files["schema.arrow"]), read_npz(files["codecs.npz"])
        return cls(TableCodec.rebuild(schema, json.loads(files["codecs.json"]), arrays), files["synthesizer.pkl"])


class SdvGaussianCopula(Generator):
    """SDV's Gaussian copula; see the module.

    Raises MissingExtraError when it is made while SDV is not installed.
    """

    card: ClassVar[ModelCard] = ModelCard(
        generator="sdv_gaussian_copula",
        version="1",
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
    Model: ClassVar[type[Learned]] = LearnedSdv

    def __init__(self, options: Frozen | None = None) -> None:
        super().__init__(options)
        _sdv()

    def learn(self, train: pa.Table, table: TableSpec, profile: Profile, seed: int, progress: Progress) -> LearnedSdv:
        """Make the protected twin and fit SDV on it."""
        assert isinstance(self.options, SdvGaussianCopulaOptions)  # noqa: S101 - told by the Options class
        codec, codes = TableCodec.learn(train, table, profile)
        frame, metadata = _twin(codec, codes, seed)
        rng = stream(seed, "fit", "sdv_gaussian_copula")
        progress("fitting SDV's copula", 0.1)
        with seeded(int(rng.integers(2**31))):
            single_table, kinds = _sdv()
            synthesizer = single_table.GaussianCopulaSynthesizer(
                kinds.load_from_dict(metadata), default_distribution=self.options.default_distribution
            )
            synthesizer.fit({NAME: frame})
        with tempfile.TemporaryDirectory(prefix="proofset-") as folder:  # mode 0700
            path = Path(folder) / "synthesizer.pkl"
            synthesizer.save(str(path))
            return LearnedSdv(codec, path.read_bytes())


def _twin(codec: TableCodec, codes: list[np.ndarray], seed: int) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The table SDV is shown: numbers as decoded from codes, categories as the names of their codes."""
    decoded = codec.decode(codes, seed)
    frame, columns = {}, {}
    for place, own in enumerate(codec.codecs):
        name = f"c{place}"
        if isinstance(own, CategoryCodec):
            words = codes[place].astype(str).astype(object)
            words[codes[place] == (own.codes - 1 if own.has_missing else -1)] = MISSING
            frame[name] = words
            columns[name] = {"sdtype": "categorical"}
        else:
            values, missing = from_arrow(decoded.column(place))
            frame[name] = np.where(missing, np.nan, values.astype(float))
            columns[name] = {"sdtype": "numerical"}
    metadata = {"METADATA_SPEC_VERSION": "V1", "tables": {NAME: {"columns": columns}}, "relationships": []}
    return pd.DataFrame(frame), metadata


def _sdv() -> tuple[Any, Any]:
    """SDV's single-table module and its Metadata. Raises MissingExtraError."""
    try:
        import sdv.metadata
        import sdv.single_table
    except ImportError:
        raise MissingExtraError(
            "The generator 'sdv_gaussian_copula' needs SDV, which is not installed.",
            why="SDV is optional: its licence, BUSL-1.1, is not an open-source licence.",
            fix="Install it: `pip install 'proofset[sdv]'`.",
        ) from None
    return sdv.single_table, sdv.metadata.Metadata


def _unpickle(model: bytes) -> Any:
    from sdv.utils import load_synthesizer

    with tempfile.TemporaryDirectory(prefix="proofset-") as folder:  # mode 0700
        path = Path(folder) / "synthesizer.pkl"
        path.write_bytes(model)
        return load_synthesizer(str(path))


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed numpy's and torch's global generators, which SDV draws from, and put them back as they were."""
    import torch

    before, torch_before = np.random.get_state(), torch.random.get_rng_state()  # noqa: NPY002 - SDV's own choice
    np.random.seed(seed)  # noqa: NPY002
    torch.manual_seed(seed)
    try:
        yield
    finally:
        np.random.set_state(before)  # noqa: NPY002
        torch.random.set_rng_state(torch_before)
