"""Drifting: what a source is today against an older snapshot of it, another file, or a release made from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from orchestration.chain import ledger
from orchestration.store import Store
from proofset.digest import table_digest
from proofset.errors import DeniedError, SourceError, SpecError, UnknownNameError, WorkspaceError, did_you_mean
from proofset.evidence import Profile
from proofset.progress import Progress, part, silent
from proofset.source import check_source, open_table, storable
from proofset.spec import DatasetSpec, TableSpec

if TYPE_CHECKING:
    from proofset.drift import DriftReport
    from proofset.workspace import Workspace

SHORT = 12
MIN_PREFIX = 6


@dataclass(frozen=True)
class Snapshot:
    """A copy of a source that the workspace still holds. seen: when a candidate was last made from it, or ""."""

    digest: str
    seen: str


@dataclass(frozen=True)
class Drift:
    """A report, and what its two tables are, in words."""

    report: DriftReport
    before: str
    after: str

    def plain(self) -> dict[str, Any]:
        """JSON-ready."""
        return self.report.plain() | {"before_is": self.before, "after_is": self.after}


def snapshots(workspace: Workspace, dataset: str) -> list[Snapshot]:
    """The snapshots of a source that the workspace holds: the one taken last, then those of older candidates."""
    store = Store(workspace, dataset)
    note = store.note("source")
    found = {note.digest: ""} if note else {}
    for entry in reversed(ledger(workspace).entries("candidate")):
        if entry.body["candidate"]["dataset"] == dataset:
            digest = entry.body["provenance"]["source_digest"]
            found[digest] = found.get(digest) or entry.at
    return [Snapshot(d, seen) for d, seen in found.items() if store.table_path(d, private=True).exists()]


def drift(
    workspace: Workspace,
    dataset: str,
    *,
    against: str | None = None,
    release: str | None = None,
    progress: Progress = silent,
) -> Drift:
    """Compare a dataset's source as it is now with what it was.

    Parameters
    ----------
    against: a file, or the first digits of a snapshot's digest; None for the snapshot that was taken last.
    release: instead, a dataset or the first digits of a candidate's digest: the release's table is the earlier one.

    Raises SpecError, WorkspaceError, UnknownNameError, SourceError or DeniedError where one of the two is not there.
    """
    from quality.drift import compare
    from quality.profile import profile_table

    spec = workspace.dataset(dataset)
    if against is not None and release is not None:
        raise SpecError("--against and --release cannot be used together.", fix="Choose one of the two.")
    if spec.table.path is None:
        raise SpecError(
            f"datasets/{dataset}.yaml: tables.{spec.table_name}.path: missing; it is required.",
            why="Drift is what changes between a source and its older self; data made from rules has no source.",
            fix="Name the Parquet or CSV file the dataset comes from.",
        )
    profile: Profile | None = None
    if release is not None:
        before, profile, said = _released(workspace, spec, release)
    elif against is not None and _is_file(against):
        before, said = _older(Path(against), spec.table), f"the file {Path(against).name}"
    else:
        taken = _snapshot(workspace, dataset, against)
        before = Store(workspace, dataset).get_table(taken.digest, private=True)
        said = f"the snapshot {taken.digest[:SHORT]}" + (f" of {taken.seen[:10]}" if taken.seen else ", taken last")
    progress("reading the source", 0.0)
    after = _read(workspace.root / spec.table.path, spec.table)
    digests = (table_digest(before), table_digest(after))
    if profile is None:
        profile = profile_table(before, spec.table_name, _declared(spec.table, before), digests[0])
    report = compare(before, after, profile, spec.seed, digests=digests, progress=part(progress, 0.1, 1.0))
    if release is None:
        _remember(workspace, dataset, digests[0], digests[1], report)
    elif report.verdict.value == "drifted":  # a synthetic table that is like the source does not end a source's drift
        _remember(workspace, dataset, profile.source_digest, digests[1], report)
    return Drift(report, said, "the source as it is now")


def since(workspace: Workspace, spec: DatasetSpec, older: str, newer: str) -> tuple[bool, dict[str, Any]]:
    """Whether the snapshot `newer` is like `older`, both by digest, and what there is to say: for a check that warns.

    A snapshot that is gone is said, not raised: nothing must wait for it.
    """
    from quality.drift import compare
    from quality.profile import profile_table

    if older == newer:
        return True, {"verdict": "stable", "reasons": "the source's bytes have not changed"}
    store = Store(workspace, spec.dataset)
    try:
        before, after = (store.get_table(d, private=True) for d in (older, newer))
        profile = profile_table(before, spec.table_name, _declared(spec.table, before), older)
        report = compare(before, after, profile, spec.seed, digests=(older, newer))
        _remember(workspace, spec.dataset, older, newer, report)
    except (WorkspaceError, SourceError) as error:
        return False, {"verdict": "inconclusive", "reasons": error.what}
    return report.verdict.value == "stable", {
        "verdict": report.verdict.value,
        "reasons": "; ".join(report.reasons[:10]) or "none",
        "against": older[:SHORT],
    }


def _remember(workspace: Workspace, dataset: str, before: str, after: str, report: DriftReport) -> None:
    """Enter what was found in the ledger, unless it says so already: approvals lapse when a source drifts."""
    from lineage.kinds import DRIFT

    found = {"dataset": dataset, "before": before, "after": after, "verdict": report.verdict.value}
    book = ledger(workspace)
    known = [e.body for e in book.entries(DRIFT, dataset) if e.body.get("before") == before]
    if not known or known[-1] != found:
        book.append(DRIFT, dataset, found, actor="proofset")


def _is_file(against: str) -> bool:
    path = Path(against)
    return path.is_file() or bool(path.suffix) or len(path.parts) > 1


def _snapshot(workspace: Workspace, dataset: str, prefix: str | None) -> Snapshot:
    """The snapshot whose digest begins so, or the one taken last."""
    known = snapshots(workspace, dataset)
    if prefix is None:
        if known:
            return known[0]
        raise WorkspaceError(
            f"The workspace holds no snapshot of the source of '{dataset}'.",
            why="A run takes one; there was none, or its tables were removed.",
            fix=f"Run `proofset run {dataset}`, or name an older file: `--against FILE`.",
        )
    fitting = [s for s in known if len(prefix) >= MIN_PREFIX and s.digest.startswith(prefix)]
    if len(fitting) == 1:
        return fitting[0]
    raise UnknownNameError(
        f"'{prefix}' is not the digest of one snapshot of '{dataset}'.",
        why=f"The workspace holds: {', '.join(s.digest[:SHORT] for s in known) or 'none'}.",
        fix=f"Give at least {MIN_PREFIX} digits of one of these, or a file.",
    )


def _read(path: Path, spec: TableSpec) -> pa.Table:
    """A table as a source is read; one that lacks a declared column is still one: that is what drift may find."""
    table = open_table(path, spec.encoding)
    return storable(check_source(table, str(path), _declared(spec, table)).replace_schema_metadata(None))


def _older(path: Path, spec: TableSpec) -> pa.Table:
    """The file that was named as the older one."""
    if path.is_file():
        return _read(path, spec)
    near = did_you_mean(path.name, [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else [])
    raise SourceError(
        f"--against {path}: no such file.{near}",
        fix="Name an older file of this dataset, or the first digits of one of its snapshots.",
    )


def _declared(spec: TableSpec, table: pa.Table) -> TableSpec:
    """What is declared of the columns that are there."""
    columns = {n: c for n, c in spec.columns.items() if n in table.column_names}
    target = spec.target if spec.target in table.column_names else None
    return spec.model_copy(update={"columns": columns, "target": target})


def _released(workspace: Workspace, spec: DatasetSpec, ref: str) -> tuple[pa.Table, Profile, str]:
    """The table of a release, and the profile that it carries."""
    from lineage.candidate import read_candidate, read_parquet
    from orchestration.states import find, is_released

    candidate, folder = find(workspace, ref)
    if candidate.dataset != spec.dataset:
        raise DeniedError(
            f"The candidate {candidate.digest[:SHORT]} is not one of dataset '{spec.dataset}'.",
            fix=f"Compare it with its own source: `proofset drift {candidate.dataset} --release {ref}`.",
        )
    if not is_released(workspace, candidate):
        raise DeniedError(
            f"The candidate {candidate.digest[:SHORT]} was not released.",
            why="Drift is measured between what people use and what its source is today.",
            fix=f"Release it first, or look at its scorecard: `proofset show {ref}`.",
        )
    held = read_candidate(folder, candidate)
    table = read_parquet((folder / "data" / f"{held.provenance.table}.parquet").read_bytes())
    return table, held.profile, f"the release {candidate.digest[:SHORT]}"
