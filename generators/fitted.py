"""A fitted generator: sampled as a whole or as a stream, saved under a seal, loaded again."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa

from generators.blocks import BLOCK, Block, blocks, in_order, regroup
from generators.constraints import Held, Passage
from generators.constraints_rows import Tally
from generators.faking import FakeColumn, write_fakes
from generators.learned import Learned
from generators.storage import read_schema, schema_bytes, sealed_digest, write_sealed
from proofset.constraints import RepairReport
from proofset.digest import canonical, table_digest
from proofset.errors import GeneratorError, ProofsetError, scrubbed
from proofset.evidence import ModelCard
from proofset.progress import Progress, part, silent
from proofset.steering import Steering

FORMAT = 1
HEADER = "fitted.json"
SCHEMA = "schema.arrow"
MODEL = "model-"
"""Prefix of the files that belong to the generator itself."""
MAX_WORKERS = 4
Made = TypeVar("Made")


@dataclass(frozen=True)
class Synthetic:
    """A synthetic table and the digest of its content.

    table: the train table's column names, order and Arrow types; exactly the rows asked for.
    digest: `proofset.digest.table_digest` of it.
    repairs: what it took to hold its rows to the constraints.
    """

    table: pa.Table
    digest: str
    repairs: RepairReport = field(default_factory=RepairReport)


class Stream(Iterator[pa.RecordBatch]):
    """Batches of synthetic rows, and, once they are all taken, what it took to hold them to the constraints."""

    def __init__(self, batches: Iterator[pa.RecordBatch], passage: Passage) -> None:
        self._batches, self._passage = batches, passage

    def __next__(self) -> pa.RecordBatch:
        """The next batch."""
        return next(self._batches)

    @property
    def report(self) -> RepairReport:
        """Shares of the rows made so far that were drawn again and repaired; complete after the last batch."""
        return self._passage.report


class Fitted:
    """A fitted generator: private state, saved with mode 0600 and never published.

    card: the generator's card.  options: its options as plain data.
    """

    def __init__(
        self,
        card: ModelCard,
        options: dict[str, Any],
        schema: pa.Schema,
        fakes: tuple[FakeColumn, ...],
        learned: Learned | None,
        held: Held | None = None,
    ) -> None:
        self.card = card
        self.options = options
        self.schema = schema
        self._fakes = fakes
        self._learned = learned
        self._held = held or Held()

    @cached_property
    def _files(self) -> dict[str, bytes]:
        header = {
            "format": FORMAT,
            "card": self.card.plain(),
            "options": self.options,
            "fakes": [fake.plain() for fake in self._fakes],
            "learned": self._learned is not None,
            "constraints": self._held.plain(),
        }
        own = {} if self._learned is None else self._learned.files()
        return {HEADER: canonical(header), SCHEMA: schema_bytes(self.schema)} | {MODEL + k: v for k, v in own.items()}

    @property
    def digest(self) -> str:
        """SHA-256 over the names and digests of all files that `save` writes."""
        return sealed_digest(self._files)

    @property
    def history(self) -> tuple[dict[str, float], ...]:
        """What was observed while learning (see `Learned.history`); empty where nothing was."""
        return () if self._learned is None else self._learned.history

    @property
    def broken_in_train(self) -> dict[str, int]:
        """Train rows that break each constraint, by its title; those about faked columns are not looked at."""
        return dict(self._held.counts)

    @property
    def steering_report(self) -> dict[str, float]:
        """What steering changed in the model, by name (docs/steering.md); empty without steering."""
        return {} if self._learned is None else self._learned.steering_report

    def steered(self, steering: Steering) -> Fitted:
        """The same fitted generator, sampled as `steering` asks instead of as before.

        Raises GeneratorError where the generator cannot, where the columns lie too late in its order, or where the
        generator never saw them, because a constraint is kept by showing it others.
        """
        hidden = self._held.replaces(sorted(steering.columns))
        if hidden:
            raise GeneratorError(
                f"The fitted generator cannot be steered by '{hidden[0]}'.",
                why="It learned another column in its place, so that a constraint cannot be broken.",
                fix="Write the steering into generator.steer and fit again: then the column is learned as it is.",
            )
        other = copy.copy(self)
        other.__dict__.pop("_files", None)
        other._learned = self._tried("Steering", lambda learned: learned.steered(steering))
        if self._held.constraints:
            other._held = replace(self._held, fixed=frozenset(steering.where))
        return other

    def impute(self, table: pa.Table, seed: int) -> pa.Table:
        """Return `table`, real rows, with the missing cells of learned columns drawn given the row's other cells.

        What comes back is as private as `table`. Raises GeneratorError where the generator or the table cannot.
        """
        return self._tried("Filling missing cells", lambda learned: self._held.imputed(table, learned, seed))

    def _tried(self, doing: str, what: Callable[[Learned], Made]) -> Made:
        if self._learned is None:
            raise GeneratorError(f"{doing} needs a column that was learned.", fix="Model at least one column.")
        try:
            return what(self._learned)
        except ProofsetError:
            raise
        except Exception as error:  # noqa: BLE001 - the room's edge: a library's message may quote a value
            raise scrubbed(error, f"{doing} with the generator '{self.card.generator}'") from None

    def sample(self, rows: int, seed: int, progress: Progress = silent, *, workers: int | None = None) -> Synthetic:
        """Return `rows` synthetic rows in memory; the same rows and seed give the same bytes. Raises GeneratorError."""
        stream = self.stream(rows, seed, part(progress, 0.0, 0.95), workers=workers)
        table = pa.Table.from_batches(list(stream), self.schema).unify_dictionaries().combine_chunks()
        digest = table_digest(table)
        progress("sampled", 1.0)
        return Synthetic(table, digest, stream.report)

    def stream(
        self,
        rows: int,
        seed: int,
        progress: Progress = silent,
        *,
        workers: int | None = None,
        batch_rows: int = BLOCK,
    ) -> Stream:
        """Return `rows` synthetic rows, a batch at a time, so that memory does not grow with them.

        workers: threads; None for as many as the machine has processors, at most MAX_WORKERS.  batch_rows: rows of a
        batch, the last one shorter. Neither changes a value.

        Raises GeneratorError, at the first batch, where fewer than one row or worker is asked for; later, where rows
        cannot be made to keep the constraints.
        """
        redraw = "any" if self._learned is None else self._learned.redraw
        passage = Passage(self._held, seed, self._draw, self._finish, redraw)
        return Stream(self._batches(passage, rows, seed, progress, workers, batch_rows), passage)

    def _batches(
        self, passage: Passage, rows: int, seed: int, progress: Progress, workers: int | None, batch_rows: int
    ) -> Iterator[pa.RecordBatch]:
        if min(rows, batch_rows, 1 if workers is None else workers) < 1:
            raise GeneratorError(
                f"{rows} rows in batches of {batch_rows} were asked for, on {workers or 'some'} threads.",
                fix="Ask for at least one of each.",
            )
        if self._learned is not None:
            self._learned.check(rows)
        self._held.check(rows)
        threads = workers or min(MAX_WORKERS, os.cpu_count() or 1)
        threads = threads if self._learned is None or self._learned.parallel else 1

        def make(block: Block) -> tuple[pa.Table, Tally]:
            return self._scrubbed(lambda: passage.made(block))

        def tables() -> Iterator[pa.Table]:
            passed = passage.passed(in_order(make, blocks(rows, seed), threads))
            while (item := self._scrubbed(lambda: next(passed, None))) is not None:
                block, table = item
                done = block.first + block.rows
                progress(f"drawing {done:,} of {rows:,} rows", done / rows)
                yield table

        yield from regroup(tables(), batch_rows)

    def _scrubbed(self, what: Callable[[], Made]) -> Made:
        try:
            return what()
        except ProofsetError:
            raise
        except Exception as error:  # noqa: BLE001 - the room's edge: a library's message may quote a value
            raise scrubbed(error, f"Sampling the generator '{self.card.generator}'") from None

    @cached_property
    def _modelled(self) -> pa.Schema:
        """The schema without faked columns."""
        faked = {fake.name for fake in self._fakes}
        return pa.schema([f for f in self.schema if f.name not in faked])

    def _draw(self, block: Block) -> pa.Table:
        """A block's learned columns, before constraints."""
        if self._learned is None:
            return pa.table({"": pa.nulls(block.rows)}).select([])
        table = self._learned.draw(block)
        shown = self._held.shown(self._modelled)
        table = self._assemble(dict(zip(table.column_names, table.columns, strict=True)), block.rows, shown)
        return self._held.back(table, self._modelled)

    def _finish(self, block: Block, table: pa.Table) -> pa.Table:
        """The block with its faked columns."""
        drawn = dict(zip(table.column_names, table.columns, strict=True))
        return self._assemble(drawn | write_fakes(self._fakes, self.schema, block, drawn), block.rows, self.schema)

    def _assemble(self, drawn: dict[str, Any], rows: int, schema: pa.Schema) -> pa.Table:
        """Put the columns into the schema's order, and hold a generator to its contract."""
        wrong = [
            f.name for f in schema if f.name not in drawn or drawn[f.name].type != f.type or len(drawn[f.name]) != rows
        ]
        extra = sorted(set(drawn) - set(schema.names))
        if wrong or extra:
            raise GeneratorError(
                f"The generator '{self.card.generator}' broke its contract in: {', '.join([*wrong, *extra])}.",
                why="A column is missing, unexpected, of another Arrow type, or has another number of rows.",
                fix="Correct the generator's `draw`: it must return the columns and types it was shown.",
            )
        return pa.table([drawn[n] for n in schema.names], schema=schema)

    def save(self, folder: Path) -> None:
        """Write the fitted generator, sealed, into `folder` (made when missing): private files, mode 0600.

        Raises WorkspaceError where the folder cannot be written.
        """
        write_sealed(folder, self._files)


def read_header(files: Mapping[str, bytes]) -> dict[str, Any]:
    """Return the header of a saved generator; GeneratorError where this version cannot read it."""
    header: dict[str, Any] = json.loads(files.get(HEADER, b"{}"))
    if header.get("format") != FORMAT:
        raise GeneratorError(
            "The saved generator has a format that this version cannot read.",
            why=f"Found {header.get('format')}, expected {FORMAT}.",
            fix="Fit it again, or load it with the version that saved it.",
        )
    return header


def rebuild(files: Mapping[str, bytes], learned_type: type[Learned]) -> Fitted:
    """Rebuild a fitted generator from verified files."""
    header = read_header(files)
    own = {name.removeprefix(MODEL): data for name, data in files.items() if name.startswith(MODEL)}
    try:
        learned = learned_type.from_files(own) if header["learned"] else None
        fakes = tuple(FakeColumn.model_validate(fake) for fake in header["fakes"])
        card = ModelCard.model_validate(header["card"])
        schema = read_schema(files[SCHEMA])
        held = Held.rebuild(header["constraints"], schema)
    except ProofsetError:
        raise
    except Exception as error:  # noqa: BLE001 - the room's edge: a library's message may quote a value
        raise scrubbed(error, "Loading a fitted generator") from None
    return Fitted(card, header["options"], schema, fakes, learned, held)
