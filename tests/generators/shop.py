"""A made-up shop, its constraints, and generators that ignore them, for the tests of enforcement."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal, Self

import numpy as np
import pyarrow as pa

from generators.base import Generator, Learned
from generators.blocks import Block
from proofset.evidence import ModelCard, Profile
from proofset.progress import Progress
from proofset.spec import Frozen, TableSpec


def shop(rows: int = 3_000, seed: int = 1) -> pa.Table:
    """Orders: every relation that the constraints below name holds."""
    rng = np.random.default_rng(seed)
    ordered = np.datetime64("2023-01-01T00:00:00") + rng.integers(0, 365 * 86_400, rows).astype("timedelta64[s]")
    shipped = ordered + (rng.exponential(2 * 86_400, rows) + 600).astype("timedelta64[s]")
    city = rng.choice(["Köln", "Berlin", "Paris", "Lyon", "Roma"], rows, p=[0.3, 0.2, 0.2, 0.2, 0.1])
    country = {"Köln": "DE", "Berlin": "DE", "Paris": "FR", "Lyon": "FR", "Roma": "IT"}
    net = np.round(rng.lognormal(3, 1, rows), 2)
    tax = np.round(net * 0.19, 2)
    fee = rng.choice([0.0, 4.9, 9.9], rows)
    how = rng.integers(0, 3, rows)
    status = rng.choice(["open", "paid"], rows, p=[0.3, 0.7])
    return pa.table({
        "order_id": np.arange(rows),
        "ordered": ordered,
        "shipped": pa.array(shipped, mask=rng.random(rows) < 0.1),
        "city": pa.array(city).dictionary_encode(),
        "country": [country[c] for c in city],
        "net": net,
        "tax": tax,
        "fee": fee,
        "total": np.round(net + tax + fee, 2),
        "by_post": how == 0,
        "by_van": how == 1,
        "by_bike": how == 2,
        "status": status,
        "paid_at": pa.array(shipped + np.timedelta64(86_400, "s"), mask=status == "open"),
        "age": rng.integers(18, 95, rows).astype(np.int16),
    })  # fmt: skip


CONSTRAINTS: list[dict[str, Any]] = [
    {"kind": "inequality", "low": "ordered", "high": "shipped", "strict": True},
    {"kind": "fixed_combinations", "columns": ["city", "country"]},
    {"kind": "sum", "columns": ["net", "tax", "fee"], "total": "total"},
    {"kind": "one_hot", "columns": ["by_post", "by_van", "by_bike"]},
    {"kind": "not_null", "columns": ["paid_at"], "when": "status == 'paid'"},
    {"kind": "null_when", "columns": ["paid_at"], "when": "status == 'open'"},
    {"kind": "if_then", "when": "status == 'paid'", "then": "paid_at > ordered"},
    {"kind": "range", "column": "age", "min": 21, "max": 80},
    {"kind": "check", "expression": "tax <= net * 0.2", "name": "tax is at most a fifth"},
    {"kind": "unique", "columns": ["ordered", "net"]},
]


class LearnedColumns(Learned):
    """Every column drawn by itself from the train part: no relation between columns survives."""

    spoil: ClassVar[Callable[[pa.Table, Block], pa.Table]] = staticmethod(lambda table, _: table)
    places: ClassVar[Literal["any", "same_place", "never"]] = "any"

    def __init__(self, rows: pa.Table) -> None:
        self.rows = rows

    @property
    def redraw(self) -> Literal["any", "same_place", "never"]:
        """As the test says."""
        return type(self).places

    def draw(self, block: Block) -> pa.Table:
        """Each column permuted by itself."""
        rng = block.stream("columns")
        columns = [c.take(pa.array(rng.integers(self.rows.num_rows, size=block.rows))) for c in self.rows.columns]
        return type(self).spoil(pa.table(columns, schema=self.rows.schema), block)

    def files(self) -> dict[str, bytes]:
        """The rows."""
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, self.rows.schema) as out:
            out.write_table(self.rows)
        return {"rows.arrow": sink.getvalue().to_pybytes()}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Self:
        """The rows."""
        return cls(pa.ipc.open_stream(files["rows.arrow"]).read_all())


class Columns(Generator):
    """A third party's generator that knows nothing of constraints."""

    card: ClassVar[ModelCard] = ModelCard(
        generator="columns", version="1", title="Columns", method="Each by itself.", licence="Apache-2.0",
        use_when="Never.", avoid_when="Always.", privacy="None.",
    )  # fmt: skip
    Options: ClassVar[type[Frozen]] = Frozen
    Model: ClassVar[type[Learned]] = LearnedColumns
    own_constraints: ClassVar[bool] = True  # its columns are left as they are: all is left to resampling and repair
    seen: ClassVar[list[tuple[list[str], TableSpec, Profile]]] = []

    def learn(self, train: pa.Table, table: TableSpec, profile: Profile, seed: int, progress: Progress) -> Learned:
        """Keep the rows, and remember what was shown."""
        self.seen.append((train.column_names, table, profile))
        return self.Model(train)  # type: ignore[call-arg]


class Transformed(Columns):
    """The same, shown columns changed by transforms."""

    own_constraints: ClassVar[bool] = False
