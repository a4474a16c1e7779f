"""The chain: one dataset on its way through the steps of `orchestration/steps.py`.

A step does its work only when its inputs changed, and never goes on from what is stale. Dagster's assets run these
steps; nothing here knows Dagster.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import proofset
from orchestration.store import Note, Store
from proofset.errors import DeniedError, ProofsetError, scrubbed, unknown_name
from proofset.policy import Policy
from proofset.progress import Progress, silent
from proofset.spec import DatasetSpec
from proofset.workspace import Workspace

STEPS = (
    "source", "profile", "split", "model", "synthetic", "scorecard", "validation", "verdict", "record", "candidate",
)  # fmt: skip
MEASURED = STEPS[: STEPS.index("verdict")]
"""The steps whose results are kept and reused; the rest is cheap and done every time."""


@dataclass
class Chain:
    """One dataset on its way: its spec, its policy and its store."""

    workspace: Workspace
    spec: DatasetSpec
    policy: Policy
    force: bool = False
    requested_by: str = ""
    progress: Progress = silent
    run_id: str | None = None
    made: set[str] = field(default_factory=set)
    """Steps that did their work in this run, rather than reuse it."""

    @classmethod
    def open(cls, workspace: Workspace, dataset: str, **options: Any) -> Chain:
        """Read the dataset's spec and policy. Raises SpecError."""
        spec = workspace.dataset(dataset)
        return cls(workspace, spec, workspace.policy_for(spec), **options)

    @property
    def store(self) -> Store:
        """The dataset's store."""
        return Store(self.workspace, self.spec.dataset)

    @property
    def requester(self) -> str:
        """Who asks for the candidate, and so may not approve it."""
        return _requester(self.requested_by, self.workspace, self.spec.owner)

    def run(self, step: str) -> Note:
        """Run one step. A third party's error leaves without its message, which may quote data."""
        try:
            with self.workspace.lock(f"dataset-{self.spec.dataset}"):
                return steps()[step](self)
        except ProofsetError:
            raise
        except Exception as error:  # noqa: BLE001 - the edge of the room
            raise scrubbed(error, f"Step '{step}' of dataset '{self.spec.dataset}'") from None

    def once(
        self, step: str, inputs: dict[str, Any], make: Callable[[], Note], intact: Callable[[Note], bool] | None = None
    ) -> Note:
        """Reuse what the step made from these inputs, or make it and write it down."""
        inputs = {**inputs, "versions": versions()}
        if not self.force:
            note = self.store.reusable(step, inputs, intact or (lambda _: True))
            if note is not None:
                return note
        note = make()
        self.made.add(step)
        return self.store.write(Note(step=step, digest=note.digest, inputs=inputs, facts=note.facts))

    def require_fresh(self) -> None:
        """Refuse to go on with what earlier steps left when the spec, the source or a step has changed since.

        Raises DeniedError that names the first step to run again.
        """
        step = _first_to_make(_DryChain(self.workspace, self.spec, self.policy))
        if step is not None:
            raise DeniedError(
                f"What the step '{step}' of dataset '{self.spec.dataset}' made is stale.",
                why="The spec, the source or an earlier step has changed since it ran.",
                fix=f"Run the whole chain: `proofset run {self.spec.dataset}`.",
            )


class WouldMakeError(Exception):
    """A step of a dry chain found nothing to reuse."""


class _DryChain(Chain):
    """A chain whose steps stop where they would begin to work."""

    def once(
        self, step: str, inputs: dict[str, Any], make: Callable[[], Note], intact: Callable[[Note], bool] | None = None
    ) -> Note:
        """Return what the step would reuse, or stop."""

        def refuse() -> Note:
            raise WouldMakeError

        return super().once(step, inputs, refuse, intact)


def _first_to_make(dry: _DryChain) -> str | None:
    """The first step that finds nothing to reuse; everything behind it is made anew, too."""
    for step in MEASURED:
        try:
            steps()[step](dry)
        except WouldMakeError:
            return step
    return None


def dry_run(chain: Chain) -> dict[str, str]:
    """What a run would do with each step: "reuse" or "make". Does nothing."""
    first = _first_to_make(_DryChain(chain.workspace, chain.spec, chain.policy, force=chain.force))
    reused = MEASURED[: MEASURED.index(first)] if first else MEASURED
    return {step: "reuse" if step in reused else "make" for step in STEPS}


def steps() -> dict[str, Callable[[Chain], Note]]:
    """The steps by name; imported here, since they are written in terms of the chain."""
    from orchestration.steps import FUNCTIONS

    return FUNCTIONS


def ledger(workspace: Workspace) -> Any:
    """Open the workspace's ledger."""
    from lineage.ledger import open_ledger

    return open_ledger(workspace)


def _requester(named: str, workspace: Workspace, owner: str) -> str:
    """Who asks: the owner, or a person the roster or an e-mail address names, so that self-approval is noticed."""
    from lineage.roster import read_roster

    asked = named.strip()
    if not asked or re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+|team:[\w.-]+", asked):
        return asked or owner
    people = read_roster(workspace.roster_path).people
    for person in people:
        if asked.casefold() == person.id.casefold():
            return person.id
    raise unknown_name("person", asked, [p.id for p in people], "--requested-by")


PACKAGES = (
    "numpy", "numba", "pandas", "pyarrow", "scikit-learn", "faker", "mimesis", "sdmetrics", "great-expectations",
    "sdv", "ctgan", "torch",
)  # fmt: skip


@cache
def versions() -> dict[str, str]:
    """Versions of what decides a step's result: a step made by other ones is made again."""
    found = {"proofset": proofset.__version__}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found
