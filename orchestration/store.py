"""Store: what each step of a dataset last made, by digest, and the tables and models behind the digests.

A step's note is written after its artefact, so that a kill in between costs one step and publishes nothing. Notes
lie in the private folder, like tables of real data and fitted models: who can write a note can claim a measurement.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field, ValidationError

from proofset.digest import table_digest
from proofset.errors import WorkspaceError
from proofset.files import parquet_bytes, write_bytes, write_json
from proofset.spec import Frozen
from proofset.workspace import Workspace


class Note(Frozen):
    """What a step last made: its digest, the digests it was made from, and facts worth showing."""

    step: str
    digest: str
    inputs: dict[str, Any]
    facts: dict[str, Any] = Field(default_factory=dict)


class Store:
    """The steps of one dataset in one workspace."""

    def __init__(self, workspace: Workspace, dataset: str) -> None:
        self.workspace = workspace
        self.dataset = dataset

    def _note_path(self, step: str) -> Path:
        return self.workspace.private / "steps" / self.dataset / f"{step}.json"

    def note(self, step: str) -> Note | None:
        """What the step last made, or None. A note that cannot be read counts as none: the step runs again."""
        try:
            return Note.model_validate(json.loads(self._note_path(step).read_bytes()))
        except (OSError, ValueError, ValidationError):
            return None

    def need(self, step: str) -> Note:
        """What the step last made. Raises WorkspaceError when it made nothing yet."""
        note = self.note(step)
        if note is None:
            raise WorkspaceError(
                f"The step '{step}' of dataset '{self.dataset}' has made nothing yet.",
                fix=f"Run the whole chain: `proofset run {self.dataset}`.",
            )
        return note

    def write(self, note: Note) -> Note:
        """Remember what a step made."""
        write_json(self._note_path(note.step), note.plain(), private=True)
        return note

    def reusable(self, step: str, inputs: dict[str, Any], intact: Callable[[Note], bool]) -> Note | None:
        """The step's note where it was made from these very inputs and its artefact is still there."""
        note = self.note(step)
        return note if note is not None and note.inputs == inputs and intact(note) else None

    def table_path(self, digest: str, *, private: bool) -> Path:
        """Where the table with this digest lies."""
        folder = self.workspace.private if private else self.workspace.state
        return folder / "tables" / f"{digest}.parquet"

    def put_table(self, table: pa.Table, *, private: bool) -> str:
        """Keep a table under its digest and return the digest."""
        digest = table_digest(table)
        if not self.holds_table(digest, private=private):
            write_bytes(self.table_path(digest, private=private), parquet_bytes(table), private=private)
        return digest

    def holds_table(self, digest: str, *, private: bool) -> bool:
        """Whether the table with this digest is there and intact."""
        try:
            self.get_table(digest, private=private)
        except WorkspaceError:
            return False
        return True

    def get_table(self, digest: str, *, private: bool) -> pa.Table:
        """Read the table with this digest. Raises WorkspaceError when it is gone or no longer has the digest."""
        path = self.table_path(digest, private=private)
        problem = "is missing"
        if path.exists():
            try:
                table = pq.read_table(path, partitioning=None)
                if table_digest(table) == digest:
                    return table
                problem = "was changed"
            except (pa.ArrowException, OSError):
                problem = "is unreadable"
        raise WorkspaceError(
            f"The stored table {path.name} {problem}.",
            why="Every table is kept under the digest of its content and checked when it is read.",
            fix=f"Run `proofset run {self.dataset} --force` to make it again.",
        )

    def model_path(self, digest: str) -> Path:
        """Where the fitted model with this digest lies."""
        return self.workspace.private / "models" / digest

    @property
    def checkpoints(self) -> Path:
        """Where a long fit leaves its state, to go on from there."""
        return self.workspace.private / "checkpoints" / self.dataset

    def candidate_path(self, synthetic: str, key: str) -> Path:
        """Where a candidate's folder lies: named by what it holds and what was asked of it."""
        return self.workspace.state / "candidates" / self.dataset / f"{synthetic[:12]}-{key[:12]}"
