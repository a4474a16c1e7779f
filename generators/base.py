"""Three types: a `Generator` learns and becomes a `Fitted`, which samples a `Synthetic`.

A generator cannot be sampled before it is fitted, because only `Fitted` has `sample`. Columns treated as `fake` are
taken away before a generator sees the table and are written after sampling, from values that never saw the source.

To add a generator, subclass `Generator` (override `learn`) and `Learned` (override `draw`, `files`, `from_files`),
and register the first one in the entry-point group "proofset.generators".
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa

from generators.constraints_plan import for_fakes, plan
from generators.faking import plan_fakes
from generators.fitted import Fitted as Fitted
from generators.fitted import Stream as Stream
from generators.fitted import Synthetic as Synthetic
from generators.fitted import read_header as read_header
from generators.fitted import rebuild as rebuild
from generators.learned import Learned as Learned
from proofset.errors import GeneratorError, ProofsetError, scrubbed
from proofset.evidence import ModelCard, Profile
from proofset.progress import Progress, silent
from proofset.rows import ParquetRows, Rows, whole_table
from proofset.spec import Frozen, TableSpec, Treatment
from proofset.steering import Steering


class Generator(ABC):
    """A way of making synthetic rows, not fitted yet.

    card: what it is, its licence, and when to use it.
    Options: the model its options are checked against; every field has a default.
    Model: the type of what `learn` returns, named so that a saved one can be loaded.
    reads_source: False for a generator that needs no real values; it may then be fitted on a table without rows.
    out_of_core: True where `learn` asks its rows for one column at a time; else it is given a table in memory.
    steerable: whether it can do what `proofset.steering.Steering` asks.
    own_constraints: True where it learns under constraints in its own way, so that its columns are left as they are.
    """

    card: ClassVar[ModelCard]
    Options: ClassVar[type[Frozen]]
    Model: ClassVar[type[Learned]]
    reads_source: ClassVar[bool] = True
    out_of_core: ClassVar[bool] = False
    steerable: ClassVar[bool] = False
    own_constraints: ClassVar[bool] = False

    def __init__(
        self, options: Frozen | None = None, steer: Steering | None = None, checkpoints: Path | None = None
    ) -> None:
        """checkpoints: a private folder in which a long fit may leave its state, to go on from there."""
        self.options = self.Options() if options is None else options
        self.steer = steer or Steering()
        self.checkpoints = checkpoints

    @abstractmethod
    def learn(self, train: Any, table: TableSpec, profile: Profile, seed: int, progress: Progress) -> Learned:
        """Learn from the columns that are modelled; `train` holds no column that is faked or dropped.

        train: a pyarrow Table; `proofset.rows.Rows` where the generator is `out_of_core`.
        """

    def schema(self, train: Rows, table: TableSpec) -> pa.Schema:
        """The schema of the synthetic table: columns that the spec drops are left out."""
        dropped = {n for n, c in table.columns.items() if c.treatment == Treatment.DROP}
        return pa.schema([field for field in train.schema if field.name not in dropped])

    def fakes(self, schema: pa.Schema, table: TableSpec, profile: Profile) -> tuple[str, ...]:
        """Names of the columns that are faked. Raises GeneratorError for a column the profile does not know."""
        known = {c.name: c.treatment for c in profile.columns}
        unknown = [n for n in schema.names if n not in known]
        if unknown:
            raise GeneratorError(
                f"The profile says nothing about: {', '.join(unknown)}.",
                why="Only a profiled column has a treatment, and without one it might be modelled by mistake.",
                fix="Profile this very table, then fit again.",
            )
        return tuple(n for n in schema.names if known[n] == Treatment.FAKE)

    def fit(
        self, train: pa.Table | Path, table: TableSpec, profile: Profile, seed: int, progress: Progress = silent
    ) -> Fitted:
        """Learn from the train part. `train` is left as it is.

        train: a table in memory, or a Parquet file; a generator that is `out_of_core` reads that by column.

        Raises GeneratorError where the table cannot be learned from, with the reason; InternalError, without the
        original message, where a library below fails.
        """
        rows: Rows = ParquetRows(train) if isinstance(train, Path) else train
        if self.reads_source and rows.num_rows == 0:
            raise GeneratorError(
                f"The generator '{self.card.generator}' was given no rows.",
                fix="Give it a table with rows, or use the generator 'rules', which needs none.",
            )
        name = self.card.generator
        try:
            schema = self.schema(rows, table)
            faked = self.fakes(schema, table, profile)
            fakes = plan_fakes(schema, faked, *for_fakes(table, profile, faked))
            shown = [n for n in schema.names if n not in faked]
            visible = rows.select([n for n in shown if n in rows.schema.names])
            planned = plan(
                visible, schema, faked, table, profile, seed,
                real=self.reads_source, change=not self.own_constraints,
                steer=self.steer if self.steerable else None,
            )  # fmt: skip
            learned = None
            if shown:
                train_rows = planned.rows if self.out_of_core else whole_table(planned.rows)
                learned = self.learn(train_rows, planned.table, planned.profile, seed, progress)
        except ProofsetError:
            raise
        except Exception as error:  # noqa: BLE001 - the room's edge: a library's message may quote a value
            raise scrubbed(error, f"Fitting the generator '{name}'") from None
        progress("fitted", 1.0)
        return Fitted(self.card, self.options.plain(), schema, fakes, learned, planned.held)
