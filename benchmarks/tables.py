"""The public tables the benchmarks run on: what is known about each, and how it is split."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from proofset.errors import SourceError, unknown_name
from proofset.seeds import stream
from proofset.spec import ColumnSpec, SemanticType, TableSpec


@dataclass(frozen=True)
class BenchTable:
    """One public table.

    train, test: rows of each side.  published: whether the first `train` rows are the publisher's own training part.
    target: the column a model predicts.  positive: the value of it that counts as 1.
    categories, ordinals: whole-number columns that are names or ranks. The same is told to every generator that can
    be told.  unique: near-unique columns, left out where copies are counted a second time.
    """

    name: str
    train: int
    test: int
    target: str
    positive: str | int
    published: bool = True
    categories: tuple[str, ...] = ()
    ordinals: tuple[str, ...] = ()
    unique: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()

    @property
    def spec(self) -> TableSpec:
        """What a dataset spec would declare."""
        kinds = dict.fromkeys(self.categories, SemanticType.CATEGORY)
        kinds |= dict.fromkeys(self.ordinals, SemanticType.ORDINAL) | dict.fromkeys(self.numbers, SemanticType.NUMBER)
        return TableSpec(target=self.target, columns={n: ColumnSpec(type=k) for n, k in kinds.items()})


TABLES = {
    table.name: table
    for table in (
        BenchTable(
            "adult", 32_561, 16_281, "income", ">50K",
            ordinals=("education_num",), numbers=("age", "fnlwgt"), unique=("fnlwgt",),
        ),
        BenchTable(
            "census", 199_523, 99_762, "income", "50000+.",
            categories=(
                "industry_code", "occupation_code", "own_business", "veterans_benefits", "year",
            ),
            numbers=("age", "instance_weight"), unique=("instance_weight",),
        ),
        BenchTable("compas", 4_809, 2_405, "two_year_recid", 1, published=False,
                   categories=("is_recid", "is_violent_recid", "two_year_recid"), numbers=("age",)),
        BenchTable("german", 667, 333, "credit", 2, published=False, categories=("credit",),
                   numbers=("age", "credit_amount"), unique=("credit_amount",)),
        BenchTable(
            "flights", 224_518, 112_258, "origin", "JFK", published=False,
            categories=("carrier", "tailnum", "origin", "dest"),
            numbers=("dep_time", "sched_dep_time", "dep_delay", "arr_time", "sched_arr_time", "arr_delay",
                     "flight", "air_time", "distance", "hour", "minute"),
            unique=("flight", "tailnum"),
        ),
        BenchTable(
            "late", 218_230, 109_116, "late", 1, published=False,
            categories=("late", "carrier", "origin", "dest"), numbers=("sched_dep_time", "sched_arr_time", "distance"),
        ),
    )
}  # fmt: skip
"""By name. `late` is made from flights, schedule and weather: what is known before departure, and whether the flight
arrived more than four hours late."""


@dataclass(frozen=True)
class Split:
    """Train and test rows of one table; number 0 is the published split where there is one."""

    table: BenchTable
    number: int
    train: pa.Table = field(repr=False)
    test: pa.Table = field(repr=False)


def find_table(name: str) -> BenchTable:
    """The table of this name. Raises UnknownNameError."""
    if name not in TABLES:
        raise unknown_name("table", name, TABLES, "--tables")
    return TABLES[name]


def split(data: Path, name: str, number: int = 0, at_most: int | None = None) -> Split:
    """Read one table from the folder `python -m benchmarks.data` filled.

    number: 0 for the published split (a random one where none is published), 1, 2, ... for random splits of all rows
    with the same sizes.  at_most: keep so many training rows, at random.
    """
    table = find_table(name)
    path = data / f"{name}.parquet"
    if not path.exists():
        raise SourceError(
            f"The table '{name}' is not in the data folder.",
            fix=f"Fetch it: python -m benchmarks.data --data FOLDER --only {name}",
        )
    rows = pq.read_table(path)
    if number or not table.published:
        order = stream(number, "benchmark", "split", name).permutation(rows.num_rows)
        rows = rows.take(order)
    train, test = rows.slice(0, table.train), rows.slice(table.train, table.test)
    if at_most is not None and at_most < train.num_rows:
        kept = stream(number, "benchmark", "fewer", name).choice(train.num_rows, at_most, replace=False)
        train = train.take(np.sort(kept))
    return Split(table, number, train.combine_chunks(), test.combine_chunks())
