"""Resamples rows. A control that must fail privacy, not a generator for real use."""

from collections.abc import Mapping
from typing import ClassVar

import pyarrow as pa

from generators.base import Generator, Learned
from generators.blocks import Block
from proofset.evidence import ModelCard, Profile
from proofset.progress import Progress
from proofset.spec import Frozen, TableSpec


class BootstrapOptions(Frozen):
    """No options."""


class LearnedBootstrap(Learned):
    """The rows themselves."""

    def __init__(self, rows: pa.Table) -> None:
        self.rows = rows

    def draw(self, block: Block) -> pa.Table:
        """Rows drawn with replacement."""
        return self.rows.take(block.stream("bootstrap").integers(self.rows.num_rows, size=block.rows))

    def files(self) -> dict[str, bytes]:
        """The rows as an Arrow stream."""
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, self.rows.schema) as out:
            out.write_table(self.rows)
        return {"rows.arrow": sink.getvalue().to_pybytes()}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> "LearnedBootstrap":
        """The rows that `files` returned."""
        return cls(pa.ipc.open_stream(files["rows.arrow"]).read_all())


class Bootstrap(Generator):
    """See the module."""

    card = ModelCard(
        generator="bootstrap",
        version="1",
        title="Bootstrap",
        method="Rows drawn with replacement.",
        paper="Efron (1979), doi:10.1214/aos/1176344552",
        licence="Apache-2.0",
        use_when="Testing that a privacy measure works.",
        avoid_when="Always otherwise.",
        privacy="None: it repeats real rows.",
    )
    Options: ClassVar[type[Frozen]] = BootstrapOptions
    Model: ClassVar[type[Learned]] = LearnedBootstrap

    def learn(
        self, train: pa.Table, table: TableSpec, profile: Profile, seed: int, progress: Progress
    ) -> LearnedBootstrap:
        """Keep the rows; columns that are faked are not among them."""
        return LearnedBootstrap(train)
