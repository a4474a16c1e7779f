"""Advising: gathers the facts that `orchestration.advice` weighs, from a dataset of a workspace or from a file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from orchestration.advice import Advice, Facts, advise, facts_of
from orchestration.costs import calibrate, measured
from orchestration.guessing import guess_table
from proofset.evidence import ModelCard, Profile
from proofset.source import read_source
from proofset.spec import DatasetSpec, Purpose, SplitSpec
from proofset.workspace import Workspace

_EXTRAS = {"sdv_": ("sdv", "pip install 'proofset[sdv]'")}
"""Packages that generators need, by how their names begin, and how to install them."""


@dataclass(frozen=True)
class Advised:
    """What was advised about what. slower: than the machine the costs were measured on.  current: the spec's choice."""

    about: str
    facts: Facts
    ranked: tuple[Advice, ...]
    slower: float
    machine: str
    current: str | None = None

    def plain(self) -> dict[str, Any]:
        """JSON-ready."""
        facts = self.facts
        return {
            "about": self.about,
            "purpose": facts.purpose.value,
            "rows": facts.rows,
            "made": facts.made,
            "columns": dict(facts.kinds),
            "faked": facts.faked,
            "largest_category": max(facts.categories.values(), default=0),
            "current": self.current,
            "advice": [a.plain() for a in self.ranked],
            "costs": {"measured_on": self.machine, "slower_here": round(self.slower, 2)},
        }


def advise_file(file: Path, purpose: Purpose = Purpose.SHARING, rows: int | None = None, encoding: str = "utf-8"
                ) -> Advised:  # fmt: skip
    """Advise about a table that nobody governs yet. Raises SourceError."""
    from quality.profile import profile_table

    guessed = guess_table(file, encoding)
    profile = profile_table(guessed.table, "table", guessed.spec, "")
    facts = facts_of(profile, purpose, holdout=SplitSpec().holdout, made=rows)
    return _advised(file.name, facts, {})


def advise_dataset(
    workspace: Workspace, dataset: str, purpose: Purpose | None = None, rows: int | None = None
) -> Advised:
    """Advise about a dataset of a workspace, for its own purpose or another. Runs nothing and writes nothing."""
    from quality.profile import profile_table

    spec = workspace.dataset(dataset)
    policy = workspace.policy_for(spec)
    more = {"forbidden": policy.forbid.licences}
    made = rows or spec.generator.rows
    meant = purpose or spec.purpose
    if spec.table.path is None:
        facts = replace(
            facts_of(_unseen(spec), meant, holdout=0.5, made=made or 1_000, has_source=False, **more), rows=0
        )
    else:
        table = read_source(workspace.root / spec.table.path, spec.table)
        profile = profile_table(table, spec.table_name, spec.table, "")
        facts = facts_of(profile, meant, holdout=spec.split.holdout, made=made, **more)
    epochs = spec.generator.options.get("epochs")
    named = {spec.generator.name: epochs} if isinstance(epochs, int) else {}
    return replace(_advised(dataset, facts, named), current=spec.generator.name)


def _advised(about: str, facts: Facts, epochs: Mapping[str, int]) -> Advised:
    import generators

    kinds = {name: generators.REGISTRY[name] for name in generators.REGISTRY}
    cards: dict[str, ModelCard] = {name: kind.card for name, kind in kinds.items()}
    missing = {
        name: f"`{how}`"
        for name in cards
        for begins, (package, how) in _EXTRAS.items()
        if name.startswith(begins) and find_spec(package) is None
    }
    facts = replace(facts, missing=missing, memory=machine_memory())
    defaults = {
        name: kind.Options.model_fields["epochs"].default
        for name, kind in kinds.items()
        if "epochs" in kind.Options.model_fields
    }
    costs = measured()
    slower = max(costs.speed / calibrate(), 0.1)
    sourceless = frozenset(name for name, kind in kinds.items() if not kind.reads_source)
    ranked = advise(facts, cards, costs, sourceless=sourceless, epochs=defaults | dict(epochs), slower=slower)
    return Advised(about, facts, ranked, slower, costs.machine)


def machine_memory() -> float | None:
    """MB of memory this machine has; None where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e6
    except (AttributeError, ValueError, OSError):
        return None


def _unseen(spec: DatasetSpec) -> Profile:
    """What the spec alone says about columns that no source holds yet."""
    from proofset.evidence import ColumnProfile
    from proofset.spec import IDENTIFYING, SemanticType, Treatment

    columns = []
    for name, column in spec.table.columns.items():
        meaning = column.type or SemanticType.CATEGORY
        treatment = column.treatment or (Treatment.FAKE if meaning in IDENTIFYING else Treatment.MODEL)
        columns.append(
            ColumnProfile(
                name=name, storage="string", semantic=meaning, guessed=meaning, nullable=False, null_share=0.0,
                distinct=len(column.values or ()), unique=column.unique, treatment=treatment,
            )
        )  # fmt: skip
    return Profile(
        table=spec.table_name, source_digest="", rows=0, duplicate_rows=0, key_candidates=(), columns=tuple(columns)
    )
