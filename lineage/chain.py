"""The chain of evidence: which digests must agree so that all evidence is about the same bytes. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from proofset.digest import sha256_json
from proofset.evidence import Profile, Provenance, Scorecard, SuiteResult, Verdict
from proofset.policy import Policy
from proofset.spec import DatasetSpec, Treatment


def spec_digest(spec: DatasetSpec) -> str:
    """SHA-256 of the spec's canonical JSON: what `Provenance.spec_digest` must be."""
    return sha256_json(spec.plain())


def broken_links(
    *,
    table: str,
    provenance: Provenance,
    profile: Profile,
    scorecard: Scorecard,
    suite: SuiteResult | None,
    verdict: Verdict,
    policy: Policy,
    spec: DatasetSpec,
) -> list[str]:
    """Return one sentence per link that does not hold; none where the evidence hangs together.

    Parameters
    ----------
    table: digest of the synthetic table itself.
    """
    synthetic = provenance.synthetic_digest
    links: list[tuple[str, object, object]] = [
        ("the scorecard is about another synthetic table", scorecard.synthetic_digest, synthetic),
        ("the scorecard was measured against another train part", scorecard.train_digest, provenance.train_digest),
        ("the scorecard was measured against another holdout", scorecard.holdout_digest, provenance.holdout_digest),
        ("the verdict is about another synthetic table", verdict.synthetic_digest, synthetic),
        ("the verdict is about another scorecard", verdict.scorecard_digest, scorecard.digest),
        ("the verdict was made by another policy", verdict.policy_digest, policy.digest),
        ("the profile is not the one in the provenance", profile.digest, provenance.profile_digest),
        ("the profile is about another source", profile.source_digest, provenance.source_digest),
        ("the spec is not the one in the provenance", spec_digest(spec), provenance.spec_digest),
        ("the provenance is about another dataset", provenance.dataset, spec.dataset),
        ("the provenance names another purpose than the spec", provenance.purpose, spec.purpose),
        ("the provenance names another owner than the spec", provenance.owner, spec.owner),
        ("the provenance is about another table", provenance.table, spec.table_name),
        ("the spec names another policy", spec.policy, policy.policy),
        ("the provenance is about another synthetic table", synthetic, table),
        ("the profile is about another table than the spec", profile.table, spec.table_name),
        *_made_as_specified(spec, provenance),
    ]
    if suite is not None:
        links.append(("the validation suite ran on another synthetic table", suite.synthetic_digest, synthetic))
    return [*_broken(links), *_treated_otherwise(spec, profile)]


def _made_as_specified(spec: DatasetSpec, provenance: Provenance) -> Iterator[tuple[str, object, object]]:
    """What the spec asks of the generator. Options that it leaves open are the generator's to choose."""
    asked, used = spec.generator, provenance.options
    yield "the provenance names another generator than the spec", provenance.generator.generator, asked.name
    yield "the provenance names another seed than the spec", provenance.seed, spec.seed
    if asked.rows is not None:
        yield "the provenance counts other rows than the spec asks for", provenance.synthetic_rows, asked.rows
    options: dict[str, Any] = spec.plain()["generator"]["options"]
    for name, value in options.items():
        yield f"the generator's option '{name}' is not the one in the spec", used.get(name), value


def _treated_otherwise(spec: DatasetSpec, profile: Profile) -> Iterator[str]:
    """Columns that the profile treats otherwise than the spec declares."""
    found = {column.name: column.treatment for column in profile.columns}
    for name, column in spec.table.columns.items():
        if column.treatment is Treatment.DROP and name in found:
            yield f"the column '{name}' is dropped by the spec, but profiled"
        elif column.treatment not in (None, Treatment.DROP, found.get(name)):
            yield f"the column '{name}' is not treated as the spec declares"


def _broken(links: list[tuple[str, object, object]]) -> Iterator[str]:
    for what, found, expected in links:
        if found != expected:
            yield what
