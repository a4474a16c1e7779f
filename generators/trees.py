"""Sequential trees: each column is learned by a few pruned, smoothed trees on the columns before it.

After Reiter (2005), "Using CART to generate partially synthetic public use microdata", J. Official Statistics 21,
and Nowok, Raab, Dibben (2016), doi:10.18637/jss.v074.i11. What differs is made for privacy: columns are coded
(see coding.py), a leaf gives smoothed probabilities instead of its rows' own values, and a split stays only where
it earns its price in leave-one-out likelihood. That price is the privacy lever.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field

from generators.base import Generator, Learned
from generators.storage import npz_bytes, read_npz, read_schema, schema_bytes
from generators.tables import TableCodec
from generators.trees_forest import Forest, Target, Tree, grow_tree, plant
from generators.trees_layout import choose_inputs, feature_groups, target_groups
from proofset.digest import canonical
from proofset.evidence import ModelCard, Profile
from proofset.progress import Progress, part
from proofset.seeds import stream
from proofset.spec import Frozen, TableSpec

LEVELS = {"low": (2.0, 20), "medium": (5.0, 20), "high": (12.0, 50)}
"""By privacy: the price of a split in nats of leave-one-out likelihood, and the smallest leaf in rows."""
BLOCK = 1 << 17
"""Rows drawn at a time, which bounds memory."""
MAX_THREADS = 4


class TreesOptions(Frozen):
    """Options of the generator `trees`.

    privacy: "high" makes coarser trees that tell less about single rows; "low" follows the source more closely.
    trees_per_column: a row draws each column from one of so many trees; more are smoother and slower.
    """

    privacy: Literal["low", "medium", "high"] = "medium"
    trees_per_column: int = Field(default=4, ge=1, le=16)


class LearnedTrees(Learned):
    """Codecs and, for each column, a forest.

    order: positions of the columns in the order they are drawn.  forests: by position.
    """

    def __init__(self, codec: TableCodec, order: Sequence[int], forests: Mapping[int, Forest]) -> None:
        self.codec = codec
        self.order = tuple(order)
        self.forests = dict(forests)

    @property
    def leaves(self) -> int:
        """Number of leaves in all trees: what the privacy option moves."""
        return sum(forest.leaves for forest in self.forests.values())

    def draw(self, rows: int, seed: int, progress: Progress) -> pa.Table:
        """Draw the columns one after another, in blocks of rows."""
        groups = [feature_groups(codec) for codec in self.codec.codecs]
        blocks = []
        for number, first in enumerate(range(0, rows, BLOCK)):
            count = min(BLOCK, rows - first)
            features = np.zeros((len(groups), count), np.uint8)
            codes = [np.empty(0, np.int64)] * len(groups)
            for position in self.order:
                rng = stream(seed, "sample", "trees", self.codec.schema.names[position], number)
                chance = rng.random((count, 3), dtype=np.float32)
                codes[position] = self.forests[position].draw(features, chance)
                features[position] = groups[position][codes[position]]
            blocks.append(self.codec.decode(codes, seed, number))
            progress("drawing rows", (first + count) / rows)
        return pa.concat_tables(blocks).unify_dictionaries().combine_chunks()

    def files(self) -> dict[str, bytes]:
        """Return schema, model and arrays."""
        arrays = self.codec.arrays()
        for position, forest in self.forests.items():
            arrays |= {f"forest.{position}.{name}": array for name, array in forest.arrays().items()}
        return {
            "schema.arrow": schema_bytes(self.codec.schema),
            "trees.json": canonical({"order": list(self.order), "codecs": self.codec.plain()}),
            "trees.npz": npz_bytes(arrays),
        }

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> LearnedTrees:
        """Rebuild what `files` returned."""
        model = json.loads(files["trees.json"])
        arrays = read_npz(files["trees.npz"])
        codec = TableCodec.rebuild(read_schema(files["schema.arrow"]), model["codecs"], arrays)
        forests = {}
        for position in model["order"]:
            prefix = f"forest.{position}."
            own = {n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)}
            forests[position] = Forest.rebuild(own)
        return cls(codec, model["order"], forests)


class Trees(Generator):
    """Sequential trees; see the module."""

    card: ClassVar[ModelCard] = ModelCard(
        generator="trees",
        version="1",
        title="Sequential trees",
        method=(
            "Columns are coded into categories, frequent values and bins; each is learned by a few decision trees on "
            "the columns before it, pruned by leave-one-out likelihood and smoothed towards their parents."
        ),
        paper="Reiter (2005), J. Official Statistics 21(3); Nowok, Raab, Dibben (2016), doi:10.18637/jss.v074.i11",
        licence="Apache-2.0",
        use_when="One table of categories, numbers, dates and times, from a hundred rows to millions.",
        avoid_when="Rows depend on each other (time series, several tables), or differential privacy is required.",
        privacy=(
            "Keeps no rows. Values that fewer than 10 rows share are pooled or averaged; the option `privacy` sets "
            "how much evidence a split needs. No formal guarantee: the fitted model is private state."
        ),
    )
    Options: ClassVar[type[Frozen]] = TreesOptions
    Model: ClassVar[type[Learned]] = LearnedTrees

    def learn(self, train: pa.Table, table: TableSpec, profile: Profile, seed: int, progress: Progress) -> LearnedTrees:
        """Code the table, order its columns by their number of codes, and grow each on those before it."""
        assert isinstance(self.options, TreesOptions)  # noqa: S101 - told by the Options class
        price, least = LEVELS[self.options.privacy]
        progress("coding columns", 0.0)
        codec, codes = TableCodec.learn(train, table, profile)
        order = sorted(range(len(codes)), key=lambda i: (codec.codecs[i].codes, i))
        features = np.stack([feature_groups(c)[coded] for c, coded in zip(codec.codecs, codes, strict=True)])
        targets = []
        for c, coded in zip(codec.codecs, codes, strict=True):
            group = target_groups(c)
            targets.append(Target(group[coded], coded, group))
        categorical = np.array([not c.ordered for c in codec.codecs])
        inputs = choose_inputs(order, features, [t.classes for t in targets])

        def tree(position: int, number: int) -> Tree:
            chosen = inputs[position]
            rng = stream(seed, "fit", "trees", train.column_names[position], number)
            return grow_tree(features[chosen], categorical[chosen], targets[position], rng, least, price)

        forests = {}
        report = part(progress, 0.1, 1.0)
        # Each tree has its own random stream, so that the number of threads changes nothing.
        with ThreadPoolExecutor(min(MAX_THREADS, os.cpu_count() or 1)) as pool:
            pending = {}
            for position in reversed(order):  # the longest work first
                many = self.options.trees_per_column if len(inputs[position]) else 1
                pending[position] = [pool.submit(tree, position, number) for number in range(many)]
            for done, position in enumerate(reversed(order), 1):
                trees = [future.result() for future in pending.pop(position)]
                forests[position] = plant(trees, inputs[position], targets[position])
                report("growing trees", done / len(order))
        return LearnedTrees(codec, order, forests)
