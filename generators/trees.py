"""Sequential trees: each column is learned by a few pruned, smoothed trees on the columns before it.

After Reiter (2005), "Using CART to generate partially synthetic public use microdata", J. Official Statistics 21,
and Nowok, Raab, Dibben (2016), doi:10.18637/jss.v074.i11. What differs is made for privacy: columns are coded
(see coding.py), a leaf gives smoothed probabilities instead of its rows' own values, and a split stays only where
it earns its price in leave-one-out likelihood. Small boosted trees then correct what the pruned ones leave over. The
price of a split and the number of corrections are the privacy lever.
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
from generators.blocks import Block
from generators.calendar import Calendar
from generators.storage import npz_bytes, read_npz, read_schema, schema_bytes
from generators.tables import TableCodec
from generators.trees_corrections import Level, corrected
from generators.trees_dependencies import find_parents, look_up, reorder
from generators.trees_encode import encode
from generators.trees_forest import Forest, Target, grow_tree, plant
from generators.trees_impute import impute
from generators.trees_layout import choose_inputs, feature_groups, most_telling, targets_of
from generators.trees_plan import Plan
from generators.trees_repeats import Fingerprints, Repeats, worth_it
from generators.trees_requests import Requests, prepare
from generators.trees_steering import Sampler, make_plan
from proofset.digest import canonical
from proofset.errors import GeneratorError
from proofset.evidence import ModelCard, Profile
from proofset.progress import Progress, part
from proofset.rows import Rows, whole_table
from proofset.seeds import stream
from proofset.spec import Frozen, TableSpec
from proofset.steering import Steering

LEVELS = {
    "low": Level(1.0, 20, 96, 2e-5),
    "medium": Level(5.0, 20, 48, 1e-4),
    "high": Level(20.0, 50, 12, 5e-4),
}
"""By privacy; docs/trees.md has the measured risk of each."""
MAX_THREADS = 4
FEW_CODES = 20
"""A declared target with so few codes is drawn first and is an input of every column, which keeps what predicts it."""
LEAST_CHANCE = 1e-12
TREES, MANY_ROWS = 4, 400_000
"""Trees of a column, and above how many rows divided by them there are fewer."""


class TreesOptions(Frozen):
    """Options of the generator `trees`.

    privacy: "high" makes coarser trees that tell less about single rows; "low" follows the source more closely.
    trees_per_column: a column's chances are the mean of so many trees; more are smoother and slower. By default 4, and
    fewer above 100,000 rows, where a tree alone is smooth.
    """

    privacy: Literal["low", "medium", "high"] = "medium"
    trees_per_column: int | None = Field(default=None, ge=1, le=16)


class LearnedTrees(Learned):
    """Codecs and, for each column, a forest.

    codec: of the table with its times unfolded by `calendar`.  order: positions of the columns in the order they are
    drawn.  forests: by position.  repeats: of rows, if any.  plan: steering, if any.
    """

    def __init__(
        self,
        codec: TableCodec,
        order: Sequence[int],
        forests: Mapping[int, Forest],
        calendar: Calendar,
        repeats: Repeats | None = None,
        plan: Plan | None = None,
    ) -> None:
        self.codec = codec
        self.order = tuple(order)
        self.forests = dict(forests)
        self.calendar = calendar
        self.repeats = repeats
        self.plan = plan
        self._sampler = None if plan is None else Sampler(self, plan)
        self._groups = [feature_groups(codec) for codec in codec.codecs]

    @property
    def leaves(self) -> int:
        """Number of leaves in all trees: what the privacy option moves."""
        return sum(forest.leaves for forest in self.forests.values())

    def draw(self, block: Block) -> pa.Table:
        """Draw the columns one after another."""
        if self._sampler is not None:
            return self.calendar.fold(self._sampler.draw(block))
        features = np.zeros((len(self._groups), block.rows), np.uint8)
        codes = [np.empty(0, np.int64)] * len(self._groups)
        for position in self.order:
            rng = block.stream("trees", self.codec.schema.names[position])
            codes[position] = self.forests[position].draw(features, rng.random((block.rows, 3), dtype=np.float32))
            features[position] = self._groups[position][codes[position]]
        table = self.calendar.fold(self.codec.decode(codes, block))
        return table if self.repeats is None else table.take(pa.array(self.repeats.indices(features, block)))

    def log_likelihood(self, table: pa.Table) -> np.ndarray:
        """Return the log-probability of each row's codes, in nats; values within a bin count alike.

        For diagnostics by the model's owner only: it tells more about who was in the training table than samples do,
        so it is private like the model itself. `table` needs the learned columns with their Arrow types.
        """
        codes = encode(self.codec, self.calendar.unfold(table.select(self.calendar.schema.names)))
        features = np.stack([group[own] for group, own in zip(self._groups, codes, strict=True)])
        result = np.zeros(table.num_rows)
        for position in self.order:
            result += np.log(np.maximum(self.forests[position].likelihood(features, codes[position]), LEAST_CHANCE))
        return result

    def steered(self, steering: Steering) -> LearnedTrees:
        """The same trees, sampled as `steering` asks; see trees_steering.py. Raises GeneratorError."""
        parts = sorted(self.calendar.parts & set(steering.columns))
        if parts:
            raise GeneratorError(
                f"generator.steer: {', '.join(parts)} cannot be steered in a model that was fitted without it.",
                why="The model draws the day and the time of day apart.",
                fix="Declare it in the spec and fit again: the time is then drawn as one.",
            )
        return self.planned(prepare(steering, self.codec.schema, self.codec.codecs, {}))

    def planned(self, requests: Requests) -> LearnedTrees:
        """The same trees, sampled as the checked `requests` ask. Raises GeneratorError."""
        plan = make_plan(requests, self) if requests.steering.columns else None
        return LearnedTrees(self.codec, self.order, self.forests, self.calendar, self.repeats, plan)

    def impute(self, table: pa.Table, seed: int) -> pa.Table:
        """Return `table` with its missing cells drawn; see trees_impute.py. Raises GeneratorError."""
        if not self.calendar.clocks or not set(self.calendar.schema.names) <= set(table.column_names):
            return impute(self, table, seed)
        rows = self.calendar.unfold(table.select(self.calendar.schema.names))
        filled = self.calendar.fold(impute(self, whole_table(rows), seed))
        for name in filled.column_names:
            table = table.set_column(table.column_names.index(name), table.schema.field(name), filled.column(name))
        return table

    @property
    def steering_report(self) -> dict[str, float]:
        """What the steering changed; see docs/steering.md. Empty without steering."""
        return {} if self.plan is None else dict(self.plan.report)

    def files(self) -> dict[str, bytes]:
        """Return schema, model and arrays."""
        arrays = self.codec.arrays() | ({} if self.plan is None else self.plan.arrays())
        arrays |= {} if self.repeats is None else self.repeats.arrays()
        for position, forest in self.forests.items():
            arrays |= {f"forest.{position}.{name}": array for name, array in forest.arrays().items()}
        model = {"order": list(self.order), "codecs": self.codec.plain(), "calendar": self.calendar.plain()}
        model |= {} if self.plan is None else {"plan": self.plan.plain()}
        return {
            "schema.arrow": schema_bytes(self.calendar.schema),
            "trees.json": canonical(model),
            "trees.npz": npz_bytes(arrays),
        }

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> LearnedTrees:
        """Rebuild what `files` returned."""
        model = json.loads(files["trees.json"])
        arrays = read_npz(files["trees.npz"])
        calendar = Calendar.rebuild(read_schema(files["schema.arrow"]), model["calendar"])
        codec = TableCodec.rebuild(calendar.unfolded, model["codecs"], arrays)
        forests = {}
        for position in model["order"]:
            prefix = f"forest.{position}."
            own = {n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)}
            forests[position] = Forest.rebuild(own)
        plan = Plan.rebuild(model["plan"], arrays) if "plan" in model else None
        return cls(codec, model["order"], forests, calendar, Repeats.rebuild(arrays), plan)


class Trees(Generator):
    """Sequential trees; see the module."""

    card: ClassVar[ModelCard] = ModelCard(
        generator="trees",
        version="2",
        title="Sequential trees",
        method=(
            "Columns are coded into categories, frequent values and bins; each is learned by a few decision trees on "
            "the columns before it, pruned by leave-one-out likelihood, smoothed towards their parents, and corrected "
            "by small boosted trees. What follows exactly from another column is looked up."
        ),
        paper=(
            "Reiter (2005), J. Official Statistics 21(3); Nowok, Raab, Dibben (2016), doi:10.18637/jss.v074.i11; "
            "Friedman (2001), doi:10.1214/aos/1013203451"
        ),
        licence="Apache-2.0",
        use_when="One table of categories, numbers, dates and times, from a hundred rows to millions.",
        avoid_when="Rows depend on each other (time series, several tables), or differential privacy is required.",
        privacy=(
            "Keeps no rows. Values that fewer than 10 rows share are pooled or averaged; the option `privacy` sets "
            "how much evidence splits and corrections need. Measured on Adult: membership AUC 0.510 at low, 0.508 at "
            "medium, 0.504 at high; found at 1 % false alarms 1.1 % at each; no more copies than chance makes. "
            "No formal guarantee: the fitted model is private state."
        ),
    )
    Options: ClassVar[type[Frozen]] = TreesOptions
    Model: ClassVar[type[Learned]] = LearnedTrees
    out_of_core: ClassVar[bool] = True
    steerable: ClassVar[bool] = True

    def learn(self, train: Rows, table: TableSpec, profile: Profile, seed: int, progress: Progress) -> LearnedTrees:
        """Code the table, order its columns by their number of codes, and grow each on those before it."""
        assert isinstance(self.options, TreesOptions)  # noqa: S101 - told by the Options class
        level = LEVELS[self.options.privacy]
        many = self.options.trees_per_column or max(1, min(TREES, MANY_ROWS // max(train.num_rows, 1)))
        progress("coding columns", 0.0)
        calendar = Calendar.learn(train, self.steer.columns if self.steer else ())
        rows = calendar.unfold(train)
        prints = Fingerprints(train.num_rows, stream(seed, "fit", "repeats"))
        codec, codes = TableCodec.learn(rows, table, profile, prints.add)
        requests = prepare(self.steer, codec.schema, codec.codecs, table.columns)
        target = rows.column_names.index(table.target) if table.target in rows.column_names else -1
        first = [i for i in (target,) if i >= 0 and codec.codecs[i].codes <= FEW_CODES]
        usual = sorted(range(len(codes)), key=lambda i: (i not in first, codec.codecs[i].codes, i))
        order, parents = reorder(usual, find_parents(codec.codecs, codes))
        order = requests.first(order)
        features = np.stack([feature_groups(c)[coded] for c, coded in zip(codec.codecs, codes, strict=True)])
        targets = targets_of(codec.codecs, codes, features)
        categorical = np.array([not c.ordered for c in codec.codecs])
        inputs = choose_inputs(order, features, targets, first)

        def grown(target: Target, chosen: np.ndarray, shown: np.ndarray, name: str) -> Forest:
            streams = [stream(seed, "fit", "trees", name, n) for n in range(many if len(chosen) else 1)]
            own, kinds = shown[chosen], categorical[chosen]
            trees = [grow_tree(own, kinds, target, rng, level.least, level.price_at(train.num_rows)) for rng in streams]
            rng = stream(seed, "fit", "corrections", name)
            return corrected(plant(trees, chosen, target), target, shown, categorical, chosen, rng, level)

        def forest(position: int) -> Forest:
            parent = parents.get(position)
            if parent is not None and order.index(parent) < order.index(position):
                return look_up(codec.codecs[position].codes, parent, codes[parent], codes[position])
            return grown(targets[position], inputs[position], features, rows.column_names[position])

        forests = {}
        report = part(progress, 0.1, 1.0)
        # Each forest has its own random streams, so that the number of threads changes nothing.
        with ThreadPoolExecutor(min(MAX_THREADS, os.cpu_count() or 1)) as pool:
            # The longest work first.
            pending = {position: pool.submit(forest, position) for position in reversed(order)}
            for done, position in enumerate(reversed(order), 1):
                forests[position] = pending.pop(position).result()
                report("growing trees", done / len(order))
        repeats = None
        twin, ratio = prints.twins()
        if worth_it(codec.codecs, twin, ratio):
            flag = Target(twin.astype(np.uint8), np.arange(2))
            shown = np.ascontiguousarray(features[:, prints.some])
            chosen = most_telling(np.arange(len(codes)), shown, flag)
            repeats = Repeats(grown(flag, chosen, shown, "repeats"), ratio, len(twin))
        return LearnedTrees(codec, order, forests, calendar, repeats).planned(requests)
