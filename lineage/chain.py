"""The chain of evidence: which digests must agree so that all evidence is about the same bytes. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from proofset.digest import sha256_json
from proofset.evidence import Profile, Provenance, Scorecard, SuiteResult, Verdict
from proofset.policy import Policy
from proofset.spec import DatasetSpec


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
    ]
    if suite is not None:
        links.append(("the validation suite ran on another synthetic table", suite.synthetic_digest, synthetic))
    return list(_broken(links))


def _broken(links: list[tuple[str, object, object]]) -> Iterator[str]:
    for what, found, expected in links:
        if found != expected:
            yield what
