"""Three types: a `Generator` learns and becomes a `Fitted`, which samples a `Synthetic`.

A generator cannot be sampled before it is fitted, because only `Fitted` has `sample`. Columns treated as `fake` are
taken away before a generator sees the table and are written after sampling, from values that never saw the source.

To add a generator, subclass `Generator` (override `learn`) and `Learned` (override `draw`, `files`, `from_files`),
and register the first one in the entry-point group "proofset.generators".
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

import pyarrow as pa

from generators.faking import FakeColumn, plan_fakes, write_fakes
from generators.storage import read_schema, schema_bytes, sealed_digest, write_sealed
from proofset.digest import canonical, table_digest
from proofset.errors import GeneratorError, ProofsetError, scrubbed
from proofset.evidence import ModelCard, Profile
from proofset.progress import Progress, part, silent
from proofset.spec import Frozen, TableSpec, Treatment

FORMAT = 1
HEADER = "fitted.json"
SCHEMA = "schema.arrow"
MODEL = "model-"
"""Prefix of the files that belong to the generator itself."""


@dataclass(frozen=True)
class Synthetic:
    """A synthetic table and the digest of its content.

    table: the train table's column names, order and Arrow types; exactly the rows asked for.
    digest: `proofset.digest.table_digest` of it.
    """

    table: pa.Table
    digest: str


class Learned(ABC):
    """What a generator has learned about the columns it was shown."""

    @abstractmethod
    def draw(self, rows: int, seed: int, progress: Progress) -> pa.Table:
        """Return `rows` new rows of the columns that were learned, with the same names and Arrow types.

        The same rows and seed must give the same table, on any number of threads.
        """

    @abstractmethod
    def files(self) -> dict[str, bytes]:
        """Return everything `from_files` needs, by file name. JSON and npz for generators of this package."""

    @classmethod
    @abstractmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Self:
        """Rebuild what `files` returned; only called after the seal was verified."""


class Generator(ABC):
    """A way of making synthetic rows, not fitted yet.

    card: what it is, its licence, and when to use it.
    Options: the model its options are checked against; every field has a default.
    Model: the type of what `learn` returns, named so that a saved one can be loaded.
    reads_source: False for a generator that needs no real values; it may then be fitted on a table without rows.
    """

    card: ClassVar[ModelCard]
    Options: ClassVar[type[Frozen]]
    Model: ClassVar[type[Learned]]
    reads_source: ClassVar[bool] = True

    def __init__(self, options: Frozen | None = None) -> None:
        self.options = self.Options() if options is None else options

    @abstractmethod
    def learn(self, train: pa.Table, table: TableSpec, profile: Profile, seed: int, progress: Progress) -> Learned:
        """Learn from the columns that are modelled; `train` holds no column that is faked or dropped."""

    def schema(self, train: pa.Table, table: TableSpec) -> pa.Schema:
        """The schema of the synthetic table."""
        return pa.schema([train.schema.field(i) for i in range(len(train.schema.names))])

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
        self, train: pa.Table, table: TableSpec, profile: Profile, seed: int, progress: Progress = silent
    ) -> Fitted:
        """Learn from the train part. `train` is left as it is.

        Raises GeneratorError where the table cannot be learned from, with the reason; InternalError, without the
        original message, where a library below fails.
        """
        if self.reads_source and train.num_rows == 0:
            raise GeneratorError(
                f"The generator '{self.card.generator}' was given no rows.",
                fix="Give it a table with rows, or use the generator 'rules', which needs none.",
            )
        name = self.card.generator
        try:
            schema = self.schema(train, table)
            faked = self.fakes(schema, table, profile)
            fakes = plan_fakes(schema, faked, table, profile)
            shown = [n for n in schema.names if n not in faked]
            learned = None
            if shown:
                visible = train.select([n for n in shown if n in train.schema.names])
                learned = self.learn(visible, table, profile, seed, progress)
        except ProofsetError:
            raise
        except Exception as error:  # noqa: BLE001 - the room's edge: a library's message may quote a value
            raise scrubbed(error, f"Fitting the generator '{name}'") from None
        progress("fitted", 1.0)
        return Fitted(self.card, self.options.plain(), schema, fakes, learned)


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
    ) -> None:
        self.card = card
        self.options = options
        self.schema = schema
        self._fakes = fakes
        self._learned = learned

    @cached_property
    def _files(self) -> dict[str, bytes]:
        header = {
            "format": FORMAT,
            "card": self.card.plain(),
            "options": self.options,
            "fakes": [fake.plain() for fake in self._fakes],
            "learned": self._learned is not None,
        }
        own = {} if self._learned is None else self._learned.files()
        return {HEADER: canonical(header), SCHEMA: schema_bytes(self.schema)} | {MODEL + k: v for k, v in own.items()}

    @property
    def digest(self) -> str:
        """SHA-256 over the names and digests of all files that `save` writes."""
        return sealed_digest(self._files)

    def sample(self, rows: int, seed: int, progress: Progress = silent) -> Synthetic:
        """Return `rows` synthetic rows; the same rows and seed give the same bytes. Raises GeneratorError."""
        if rows < 1:
            raise GeneratorError(f"{rows} rows were asked for.", fix="Ask for at least one row.")
        name = self.card.generator
        try:
            drawn = {}
            if self._learned is not None:
                table = self._learned.draw(rows, seed, part(progress, 0.0, 0.9))
                drawn = dict(zip(table.column_names, table.columns, strict=True))
            drawn |= write_fakes(self._fakes, self.schema, rows, seed)
            result = self._assemble(drawn, rows)
            digest = table_digest(result)
        except ProofsetError:
            raise
        except Exception as error:  # noqa: BLE001 - the room's edge: a library's message may quote a value
            raise scrubbed(error, f"Sampling the generator '{name}'") from None
        progress("sampled", 1.0)
        return Synthetic(result, digest)

    def _assemble(self, drawn: dict[str, Any], rows: int) -> pa.Table:
        """Put the columns into the schema's order, and hold a generator to its contract."""
        wrong = [
            f.name
            for f in self.schema
            if f.name not in drawn or drawn[f.name].type != f.type or len(drawn[f.name]) != rows
        ]
        extra = sorted(set(drawn) - set(self.schema.names))
        if wrong or extra:
            raise GeneratorError(
                f"The generator '{self.card.generator}' broke its contract in: {', '.join([*wrong, *extra])}.",
                why="A column is missing, unexpected, of another Arrow type, or has another number of rows.",
                fix="Correct the generator's `draw`: it must return the columns and types it was shown.",
            )
        return pa.table([drawn[n] for n in self.schema.names], schema=self.schema)

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
    except ProofsetError:
        raise
    except Exception as error:  # noqa: BLE001 - the room's edge: a library's message may quote a value
        raise scrubbed(error, "Loading a fitted generator") from None
    return Fitted(card, header["options"], schema, fakes, learned)
