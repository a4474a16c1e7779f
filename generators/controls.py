"""Controls that must fail: generators with one known defect each, so that gates can be seen to close.

None is for any use but testing. Their cards say `control`, no advice names them, and no release is made of what they
draw. They keep real rows as they are, so all but the independent columns also fail privacy. See docs/controls.md.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from pydantic import Field

from generators.base import Generator, Learned
from generators.controls_rows import LearnedRows, settled
from proofset.errors import GeneratorError
from proofset.evidence import ModelCard, Profile
from proofset.progress import Progress
from proofset.seeds import stream
from proofset.spec import Frozen, SemanticType, TableSpec

MOST_GROUPS = 50
"""A column with more values than this has no groups."""
LEAST_ROWS = 30
"""Rows of the smallest group that is dropped: of fewer, a measure could not tell that they are missing."""
_WORDS = {SemanticType.CATEGORY, SemanticType.BOOLEAN, SemanticType.ORDINAL}


def _card(name: str, title: str, method: str, paper: str, fails: str, privacy: str) -> ModelCard:
    return ModelCard(
        generator=f"control_{name}",
        version="1",
        title=title,
        method=method,
        paper=paper,
        licence="Apache-2.0",
        use_when=f"Testing that measures and policies see {fails}.",
        avoid_when="Always otherwise: it is made to fail.",
        privacy=privacy,
        control=True,
    )


class _Control(Generator):
    """A generator that learns some rows of the train part by heart."""

    Options: ClassVar[type[Frozen]] = Frozen
    Model: ClassVar[type[Learned]] = LearnedRows

    def learn(self, train: Any, table: TableSpec, profile: Profile, seed: int, progress: Progress) -> LearnedRows:
        """Keep the rows that `keep` chooses."""
        return self.keep(train, table, profile, stream(seed, "fit", self.card.generator))

    @abstractmethod
    def keep(self, train: pa.Table, table: TableSpec, profile: Profile, rng: np.random.Generator) -> LearnedRows:
        """The rows to be dealt, and how."""


class CopierOptions(Frozen):
    """Options of `control_copier`. noise: share of the cells taken from another row, drawn at random."""

    noise: float = Field(default=0.0, ge=0.0, le=1.0)


class Copier(_Control):
    """The train part itself."""

    card: ClassVar[ModelCard] = _card(
        "copier",
        "Copier (control)",
        "The rows it was given, in another order; with the option `noise`, some cells come from another row.",
        "Carlini et al. (2023), arXiv:2301.13188",
        "rows that were learned by heart",
        "None: it repeats real rows.",
    )
    Options: ClassVar[type[Frozen]] = CopierOptions

    def keep(self, train: pa.Table, table: TableSpec, profile: Profile, rng: np.random.Generator) -> LearnedRows:
        """All rows."""
        assert isinstance(self.options, CopierOptions)  # noqa: S101 - told by the Options class
        return LearnedRows(settled(train, np.arange(train.num_rows)), self.options.noise)


class Marginals(_Control):
    """Every column for itself."""

    card: ClassVar[ModelCard] = _card(
        "marginals",
        "Independent columns (control)",
        "Each column's own values, in an order of its own: every column is right, and nothing hangs together.",
        "Ping, Stoyanovich, Howe (2017), doi:10.1145/3085504.3091117",
        "relations between columns that were lost",
        "Repeats real values, rare ones too, but no rows.",
    )

    def keep(self, train: pa.Table, table: TableSpec, profile: Profile, rng: np.random.Generator) -> LearnedRows:
        """All rows, taken apart."""
        return LearnedRows(settled(train, np.arange(train.num_rows)), together=False)


class CollapserOptions(Frozen):
    """Options of `control_collapser`. modes: different rows that it makes."""

    modes: int = Field(default=5, ge=1, le=1_000)


class Collapser(_Control):
    """A few rows, over and over."""

    card: ClassVar[ModelCard] = _card(
        "collapser",
        "Mode collapser (control)",
        "A few real rows, drawn at random when it is fitted, over and over.",
        "Srivastava et al. (2017), arXiv:1705.07761",
        "a generator that has collapsed to a few modes",
        "None: it repeats a few real rows.",
    )
    Options: ClassVar[type[Frozen]] = CollapserOptions

    def keep(self, train: pa.Table, table: TableSpec, profile: Profile, rng: np.random.Generator) -> LearnedRows:
        """`modes` rows."""
        assert isinstance(self.options, CollapserOptions)  # noqa: S101 - told by the Options class
        modes = min(self.options.modes, train.num_rows)
        return LearnedRows(settled(train, np.sort(rng.choice(train.num_rows, modes, replace=False))))


class LabelShuffler(_Control):
    """The train part with the target torn off and put back anywhere."""

    card: ClassVar[ModelCard] = _card(
        "label_shuffler",
        "Label shuffler (control)",
        "The rows it was given, with the target's values (or the last column's, without a target) in their own order.",
        "Zhang, Bengio, Hardt, Recht, Vinyals (2017), arXiv:1611.03530",
        "a target that nothing predicts any more",
        "None: it repeats real rows but for one column.",
    )

    def keep(self, train: pa.Table, table: TableSpec, profile: Profile, rng: np.random.Generator) -> LearnedRows:
        """All rows, with one column shuffled."""
        names = train.column_names
        target = table.target if table.target in names else names[-1]
        shuffled = train[target].take(pa.array(rng.permutation(train.num_rows)))
        train = train.set_column(names.index(target), train.schema.field(target), shuffled)
        return LearnedRows(settled(train, np.arange(train.num_rows)))


class DropperOptions(Frozen):
    """Options of `control_subgroup_dropper`. keep: share of the group's rows that stay."""

    keep: float = Field(default=0.0, ge=0.0, lt=1.0)


class SubgroupDropper(_Control):
    """The train part without one group."""

    card: ClassVar[ModelCard] = _card(
        "subgroup_dropper",
        "Subgroup dropper (control)",
        "The rows it was given without the smallest group of a column: of the first in `table.quality.groups`, or else "
        "of the one that has the smallest group; with the option `keep`, a share of the group stays.",
        "Bhanot et al. (2021), doi:10.3390/e23091165",
        "people who are missing",
        "None: it repeats real rows.",
    )
    Options: ClassVar[type[Frozen]] = DropperOptions

    def keep(self, train: pa.Table, table: TableSpec, profile: Profile, rng: np.random.Generator) -> LearnedRows:
        """All rows but the group's. Raises GeneratorError where no column has groups of LEAST_ROWS rows or more."""
        assert isinstance(self.options, DropperOptions)  # noqa: S101 - told by the Options class
        named = [n for n in table.quality.groups if n in train.column_names]
        words = {c.name for c in profile.columns if c.semantic in _WORDS}
        chosen = named or [n for n in train.column_names if n in words and n != table.target]
        found = sorted((len(rows), order, rows) for order, n in enumerate(chosen) for rows in _smallest(train[n]))
        if named:
            found = [f for f in found if f[1] == min(order for _, order, _ in found)]
        if not found:
            raise GeneratorError(
                "No column has a group that could be dropped.",
                why=f"A group is a value that {LEAST_ROWS} rows or more share, beside at least one other, in a column "
                f"of at most {MOST_GROUPS} values.",
                fix="Name a column with groups in table.quality.groups.",
            )
        group = found[0][2]
        gone = rng.permutation(group)[: len(group) - int(self.options.keep * len(group))]
        return LearnedRows(settled(train, np.setdiff1d(np.arange(train.num_rows), gone)))


def _smallest(column: pa.ChunkedArray) -> Iterator[np.ndarray]:
    """The rows of the column's smallest group of LEAST_ROWS or more; nothing where it has no groups."""
    values = column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
    codes = values.combine_chunks().dictionary_encode().indices.fill_null(-1).to_numpy(zero_copy_only=False)
    groups, counts = np.unique(codes[codes >= 0], return_counts=True)
    if 2 <= len(groups) <= MOST_GROUPS and counts.max() >= LEAST_ROWS:
        large = counts >= LEAST_ROWS
        yield np.flatnonzero(codes == groups[large][np.argmin(counts[large])])
