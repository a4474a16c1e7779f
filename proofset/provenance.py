"""Provenance: where a candidate comes from, and the files it consists of."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from proofset.spec import Frozen, Purpose


class ModelCard(Frozen):
    """What a generator is: its method, licence, and when to use it.

    control: True for one that is made to fail, so that gates can be tested; what it makes is never released.
    """

    generator: str
    version: str
    title: str
    method: str
    paper: str = ""
    licence: str
    use_when: str
    avoid_when: str
    privacy: str
    control: bool = False


class Parent(Frozen):
    """A synthetic table of ours that is, whole or in part, in a candidate's source.

    candidate, dataset: which; synthetic_digest: its table, which several candidates may share.
    share: of the source's rows that come from it, as far as no other parent explains them; three decimals.
    generations: how far from real data the parent itself is.
    """

    candidate: str
    dataset: str
    synthetic_digest: str
    share: float = Field(gt=0, le=1)
    generations: int = Field(ge=0)


class Provenance(Frozen):
    """Where a candidate comes from: every input by digest, every step by version."""

    dataset: str
    purpose: Purpose
    owner: str
    requested_by: str
    spec_digest: str
    source_digest: str
    source_rows: int
    profile_digest: str
    train_digest: str
    train_rows: int
    holdout_digest: str
    holdout_rows: int
    generator: ModelCard
    options: dict[str, Any]
    fitted_digest: str
    synthetic_digest: str
    synthetic_rows: int
    table: str
    seed: int
    generations: int = 1
    """How far away from real data: 1 for data made from a real source, 0 for data made from rules alone, and one more
    than the deepest parent's where the source holds synthetic rows."""
    parents: tuple[Parent, ...] = ()
    """The synthetic tables recognised in the source, the largest share first."""
    real_share: float | None = Field(default=None, ge=0, le=1)
    """Share of the source's rows that came out of no generator of ours; None where that was not looked for."""
    versions: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _deeper_than_parents(self) -> Self:
        if self.parents and self.generations <= max(p.generations for p in self.parents):
            raise ValueError("generations must be more than every parent's")
        if self.parents and (self.real_share is None or self.real_share >= 1):
            raise ValueError("a source with synthetic rows in it is not all real")
        return self

    def plain(self) -> dict[str, Any]:
        """JSON-ready; without parents where there are none, so that older evidence keeps its digest."""
        made = super().plain()
        if not self.parents:
            del made["parents"]
        return made


class FileEntry(Frozen):
    """A file of a candidate or a release: path relative to its folder, size and SHA-256."""

    path: str
    size: int
    sha256: str


def _distinct(files: tuple[FileEntry, ...]) -> tuple[FileEntry, ...]:
    if len({entry.path for entry in files}) != len(files):
        raise ValueError("a path is listed twice")
    return files


Files = Annotated[tuple[FileEntry, ...], AfterValidator(_distinct)]
"""A list of files that names each path once."""
