"""What the adapters for SDV share: what is learned, and how it is drawn from.

SDV is licensed BUSL-1.1: it is called, never copied, and optional. It is shown a protected twin of the train table (see
sdv_twin.py), so that its model, too, holds no value of a single row, and SDV never guesses what a column means.
"""

from __future__ import annotations

import copy
import json
from abc import abstractmethod
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from generators.base import Generator, Learned
from generators.blocks import Block
from generators.coding import CategoryCodec, Codec
from generators.coding_numbers import NumberCodec, to_arrow
from generators.sdv_constraints import translated
from generators.sdv_saving import loaded, quiet, saved
from generators.sdv_seeding import seeded
from generators.sdv_twin import NAME, Twin, column_name, to_source
from generators.storage import npz_bytes, read_npz, read_schema, schema_bytes
from generators.tables import TableCodec
from proofset.digest import canonical
from proofset.errors import MissingExtraError
from proofset.evidence import Profile
from proofset.progress import Progress
from proofset.seeds import stream
from proofset.spec import TableSpec
from proofset.steering import Steering

Shape = Literal["norm", "beta", "truncnorm", "uniform", "gamma", "gaussian_kde"]
"""SDV's names of the shapes fitted to numbers."""


class LearnedSdv(Learned):
    """Codecs of the columns, which of them SDV was shown, its saved synthesizer, and what was seen in training."""

    parallel: ClassVar[bool] = False  # SDV draws from global random states

    def __init__(
        self,
        codec: TableCodec,
        shown: tuple[int, ...],
        model: tuple[bytes, bytes],
        history: tuple[dict[str, float], ...] = (),
    ) -> None:
        self.codec = codec
        self.shown = shown
        self.model = model
        self._history = history

    @property
    def history(self) -> tuple[dict[str, float], ...]:
        """Losses by epoch; empty for the Gaussian copula."""
        return self._history

    @cached_property
    def _pristine(self) -> Any:
        """The synthesizer as it was saved: unpickled once, and only ever copied."""
        return loaded(*self.model)

    def draw(self, block: Block) -> pa.Table:
        """Sample from a copy, so that an earlier draw changes nothing, after seeding everything SDV draws from."""
        rng = block.stream("sdv")
        frame = self._sample(block.rows, rng) if self.shown else None
        arrays = []
        for place, (codec, field) in enumerate(zip(self.codec.codecs, self.codec.schema, strict=True)):
            if frame is None or place not in self.shown:
                arrays.append(codec.decode(np.zeros(block.rows, np.int64), field.type, rng))
            else:
                arrays.append(_decoded(codec, field.type, frame[column_name(place)].to_numpy(), rng))
        return pa.table(arrays, schema=self.codec.schema)

    def _sample(self, rows: int, rng: np.random.Generator) -> Any:
        synthesizer = copy.deepcopy(self._pristine)
        with seeded(int(rng.integers(2**31))), quiet():
            # SDV starts every sampling from one fixed seed and offers no public way to another.
            synthesizer._set_random_state(int(rng.integers(2**31)))
            return synthesizer.sample(num_rows=rows)[NAME]

    def files(self) -> dict[str, bytes]:
        """Return schema, codecs, history, SDV's pickle and the network's weights."""
        return {
            "schema.arrow": schema_bytes(self.codec.schema),
            "codecs.json": canonical(self.codec.plain()),
            "codecs.npz": npz_bytes(self.codec.arrays()),
            "sdv.json": canonical({"shown": list(self.shown), "history": list(self.history)}),
            "synthesizer.pkl": self.model[0],
            "weights.npz": self.model[1],
        }

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> LearnedSdv:
        """Rebuild what `files` returned."""
        sdv_modules("sdv_*")
        schema, arrays = read_schema(files["schema.arrow"]), read_npz(files["codecs.npz"])
        codec = TableCodec.rebuild(schema, json.loads(files["codecs.json"]), arrays)
        kept = json.loads(files["sdv.json"])
        model = (files["synthesizer.pkl"], files["weights.npz"])
        return cls(codec, tuple(kept["shown"]), model, tuple(kept["history"]))


class SdvGenerator(Generator):
    """A model of SDV's, fitted on the protected twin.

    Raises MissingExtraError when it is made while SDV is not installed.
    """

    Model: ClassVar[type[Learned]] = LearnedSdv
    own_constraints: ClassVar[bool] = True

    def __init__(self, options: Any = None, steer: Steering | None = None, checkpoints: Path | None = None) -> None:
        super().__init__(options, steer, checkpoints)
        sdv_modules(self.card.generator)

    @property
    def threads(self) -> int:
        """Threads of a fit."""
        return 1

    @abstractmethod
    def synthesizer(self, single_table: Any, metadata: Any) -> Any:
        """SDV's synthesizer, not fitted yet.  single_table: the module `sdv.single_table`.  metadata: SDV's."""

    def train(self, synthesizer: Any, twin: Twin, seed: int, progress: Progress) -> tuple[dict[str, float], ...]:
        """Fit the synthesizer to the twin, under seeded global random states; return the history."""
        progress("fitting SDV's model", 0.1)
        synthesizer.fit({NAME: twin.frame})
        return ()

    def learn(self, train: pa.Table, table: TableSpec, profile: Profile, seed: int, progress: Progress) -> LearnedSdv:
        """Make the protected twin and fit SDV on it, under the constraints that SDV knows."""
        codec, codes = TableCodec.learn(train, table, profile)
        twin, rules = translated(table.constraints, Twin.of(codec, codes, seed), train)
        if not twin.shown:
            return LearnedSdv(codec, (), (b"", npz_bytes({})))
        rng = stream(seed, "fit", self.card.generator)
        single_table, metadata = sdv_modules(self.card.generator)
        with seeded(int(rng.integers(2**31)), self.threads), quiet():
            synthesizer = self.synthesizer(single_table, metadata.load_from_dict(twin.metadata))
            if rules:
                synthesizer.add_constraints(rules)
                # SDV forgets which columns its networks take as they are when it is told of constraints.
                synthesizer._update_default_transformers()
            history = self.train(synthesizer, twin, seed, progress)
        return LearnedSdv(codec, twin.shown, saved(synthesizer), history)


def _decoded(codec: Codec, kind: pa.DataType, values: np.ndarray, rng: np.random.Generator) -> pa.Array:
    """The source's values for what SDV drew. A number SDV failed to draw is drawn from the column's own bins."""
    if isinstance(codec, CategoryCodec):
        return codec.decode(values.astype(np.int64), kind, rng)
    assert isinstance(codec, NumberCodec)  # noqa: S101 - there are two kinds
    numbers = to_source(values.astype(float), kind)
    missing = ~np.isfinite(numbers)
    drawn = to_arrow(codec.rounded(np.where(missing, 0.0, numbers)), missing, kind)
    if codec.has_missing or not missing.any():
        return drawn
    share = codec.weights / codec.weights.sum()
    return pc.coalesce(drawn, codec.decode(rng.choice(codec.codes, len(numbers), p=share), kind, rng))


def sdv_modules(generator: str) -> tuple[Any, Any]:
    """SDV's single-table module and its Metadata. Raises MissingExtraError."""
    try:
        import sdv.metadata
        import sdv.single_table
    except ImportError:
        raise MissingExtraError(
            f"The generator '{generator}' needs SDV, which is not installed.",
            why="SDV is optional: its licence, BUSL-1.1, is not an open-source licence.",
            fix="Install it: `pip install 'proofset[sdv]'`.",
        ) from None
    return sdv.single_table, sdv.metadata.Metadata
