"""Making sections 1 to 4 of the provenance record from a candidate's evidence. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from lineage.candidate import SHORT, CandidateFolder
from lineage.environment import RunFacts
from lineage.record_sections import Column, Identity, Making, Preparation, Prepared, Source
from lineage.shape import Shape
from proofset.digest import sha256_json
from proofset.evidence import MIN_COUNT, ColumnProfile, FileEntry
from proofset.spec import Frozen, SemanticType, Treatment


class Published(Frozen):
    """When, by whom and with which software a candidate was released; expires_at: None for without end."""

    released_at: str
    released_by: str
    expires_at: str | None = None
    software: str


def identity(parts: CandidateFolder, shape: Shape, files: Sequence[FileEntry], published: Published | None) -> Identity:
    """Section 1. files: of the release, without its record, its exports and its passport."""
    spec, candidate = parts.spec, parts.candidate
    terms = spec.release
    version = terms.version_text if terms else None
    unknown = [] if version else ["The spec names no version; releases are told apart by their digests."]
    if published is None:
        unknown.append("It is not released.")
    return Identity(
        release=f"{candidate.dataset}/{candidate.digest[:SHORT]}",
        candidate=candidate.digest,
        version=version,
        dataset=candidate.dataset,
        title=spec.title or spec.dataset,
        description=spec.description,
        owner=spec.owner,
        table=parts.provenance.table,
        rows=shape.rows,
        columns=tuple(_columns(parts, shape)),
        data_digest=candidate.synthetic_digest,
        schema_digest=sha256_json([{"name": c.name, "type": c.type} for c in shape.columns]),
        evidence_digest=candidate.evidence_digest,
        seal=candidate.seal,
        files=tuple(sorted(files, key=lambda f: f.path)),
        released_at=published.released_at if published else None,
        released_by=published.released_by if published else None,
        expires_at=published.expires_at if published else None,
        software=published.software if published else None,
        unknown=tuple(unknown),
    )


def _columns(parts: CandidateFolder, shape: Shape) -> Iterator[Column]:
    known = {c.name: c for c in parts.profile.columns}
    for found in shape.columns:
        seen, declared = known.get(found.name), parts.spec.table.columns.get(found.name)
        yield Column(
            name=found.name,
            storage=found.type,
            semantic=seen.semantic if seen else SemanticType.TEXT,
            treatment=seen.treatment if seen else Treatment.MODEL,
            nullable=seen.nullable if seen else True,
            unique=bool(declared and declared.unique),
            nulls=found.nulls,
            description=declared.description if declared else "",
            source_column=seen is not None,
        )


def source(parts: CandidateFolder) -> Source:
    """Section 2."""
    said, made = parts.spec.source, parts.provenance
    missing = {
        "who its controller is": said.controller,
        "what kinds of data it holds": said.data_categories,
        "whether it holds special categories of personal data": said.special_categories,
        "when it was collected": said.collected_from or said.collected_until,
        "how long it may be kept": said.kept_until,
        "where it lives": said.residency or None,
        "how much of it is real data": made.real_share,
    }
    return Source(
        owner=made.owner,
        controller=said.controller,
        licence=said.licence,
        attribution=said.attribution,
        url=said.url,
        lawful_basis=said.lawful_basis,
        permitted_purposes=said.permitted_purposes,
        snapshot_digest=made.source_digest,
        rows=made.source_rows,
        data_categories=said.data_categories,
        special_categories=said.special_categories,
        collected_from=said.collected_from.isoformat() if said.collected_from else None,
        collected_until=said.collected_until.isoformat() if said.collected_until else None,
        kept_until=said.kept_until.isoformat() if said.kept_until else None,
        residency=said.residency or None,
        generations=made.generations,
        real_share=made.real_share,
        parents=made.parents,
        unknown=tuple(f"It is not said {what}." for what, value in missing.items() if value is None),
    )


def preparation(parts: CandidateFolder) -> Preparation:
    """Section 3."""
    columns = parts.profile.columns
    minimised = [c for c in columns if c.treatment is Treatment.MODEL and c.rare_share > 0]
    declared = [n for n, c in parts.spec.table.columns.items() if c.treatment is Treatment.DROP]
    return Preparation(
        dropped=tuple(Prepared(name=n, why="the spec leaves it out") for n in declared),
        masked=tuple(_prepared(c, _masked(c)) for c in columns if c.treatment is Treatment.FAKE),
        minimised=tuple(
            _prepared(c, f"{100 * c.rare_share:.2g} % of the rows have a value that fewer than {MIN_COUNT} rows share")
            for c in minimised
        ),
        kept=tuple(c.name for c in columns if c.treatment is Treatment.MODEL and c not in minimised),
        least=MIN_COUNT,
        constraints=len(parts.spec.table.constraints),
        notes=parts.profile.notes,
    )


def _prepared(column: ColumnProfile, why: str) -> Prepared:
    return Prepared(name=column.name, semantic=column.semantic.value, pii_risk=column.pii_risk, why=why)


def _masked(column: ColumnProfile) -> str:
    return (
        f"it holds {column.semantic.value.replace('_', ' ')} values; generated ones that never saw the source stand in"
    )


def making(parts: CandidateFolder, run: RunFacts | None, measured_at: str | None) -> Making:
    """Section 4. run, measured_at: as the ledger recorded them; None where it did not."""
    made, card = parts.provenance, parts.provenance.generator
    spent = privacy_of(made.options)
    unknown = []
    if run is None:
        unknown.append("It was not recorded on which machine, from which commit and with which packages it was made.")
    elif run.commit is None:
        unknown.append("The workspace is in no git repository, so there is no commit.")
    if measured_at is None:
        unknown.append("It was not recorded when it was measured.")
    if spent.epsilon is not None:
        guarantee = f"The generator states ε = {spent.epsilon:g}."
    else:
        guarantee = "The generator states no ε, so there is no formal guarantee."
    return Making(
        generator=card.generator,
        version=card.version,
        title=card.title,
        method=card.method,
        paper=card.paper,
        licence=card.licence,
        privacy=card.privacy,
        options=made.options,
        seed=made.seed,
        epsilon=spent.epsilon,
        delta=spent.delta,
        accountant=spent.accountant,
        guarantee=guarantee,
        model_digest=made.fitted_digest,
        spec_digest=made.spec_digest,
        profile_digest=made.profile_digest,
        requested_by=made.requested_by,
        versions=made.versions,
        measured_at=measured_at,
        run=run,
        unknown=tuple(unknown),
    )


class Spent(Frozen):
    """Differential privacy as a generator's options state it."""

    epsilon: float | None = None
    delta: float | None = None
    accountant: str | None = None


def privacy_of(options: dict[str, Any]) -> Spent:
    """Read a generator's options: `epsilon` and `delta`, numbers above and from 0 on, and `accountant`, a text."""
    epsilon, delta, accountant = (
        _number(options.get("epsilon")),
        _number(options.get("delta")),
        options.get("accountant"),
    )
    if epsilon is None or epsilon <= 0:
        return Spent()
    return Spent(
        epsilon=epsilon,
        delta=delta if delta is not None and delta >= 0 else None,
        accountant=accountant if isinstance(accountant, str) else None,
    )


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
