"""Assets: one dataset's chain as Dagster assets, with owners, kinds, versions, schemas, lineage and checks."""

# Dagster reads the annotations of an asset at run time, so they may not be postponed in this file.

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import dagster as dg

import proofset
from orchestration.chain import STEPS, Chain, ledger
from orchestration.resources import Watch, WorkspaceResource
from orchestration.states import find, objections
from orchestration.store import Note
from proofset.errors import DeniedError
from proofset.evidence import Finding, Outcome, Scorecard, SuiteResult, Verdict
from proofset.policy import Policy
from proofset.policy_demands import groups
from proofset.policy_judge import ORDER
from proofset.policy_union import together, union_checks
from proofset.spec import DatasetSpec, Treatment

DEPENDS: dict[str, tuple[str, ...]] = {
    "source": (),
    "profile": ("source",),
    "split": ("source",),
    "model": ("split", "profile"),
    "synthetic": ("model", "split"),
    "scorecard": ("synthetic", "split", "profile"),
    "validation": ("synthetic", "profile"),
    "verdict": ("scorecard", "validation", "model"),
    "record": ("verdict",),
    "candidate": ("record",),
    "release": ("candidate",),
}
KINDS: dict[str, set[str]] = {
    "source": {"parquet"},
    "profile": {"python", "pandas"},
    "split": {"parquet"},
    "model": {"python"},
    "synthetic": {"parquet"},
    "scorecard": {"python"},
    "validation": {"greatexpectations"},
    "verdict": {"python"},
    "record": {"mlflow"},
    "candidate": {"sqlite"},
    "release": {"parquet"},
}
_REFUSED = {
    "generator_licence": "The generator's licence is",
    "generator": "The generator is",
    "purpose": "The purpose is",
    "residency": "The source's residency is",
    "generations": "Generations away from real data",
    "real_share": "Share of the source's rows that are real data",
}
ABOUT: dict[str, str] = {
    "source": "A private copy of the real table as it is now, under the digest of its content.",
    "profile": "What the source looks like: types, meaning, missing values, protected ranges, PII risk. Holds no row.",
    "split": "Train and holdout. The generator sees only train; every metric gets its floor from the holdout.",
    "model": "The generator fitted to the train part. Private: it never leaves the workspace.",
    "synthetic": "The synthetic table.",
    "scorecard": "Fidelity, utility and privacy, each with an interval and the holdout's own figure.",
    "validation": "A Great Expectations suite, built from profile and spec, run on the synthetic table.",
    "verdict": "The policy's thresholds held against the cautious end of every interval. A check each.",
    "record": "The candidate's folder with all its evidence, and an MLflow run.",
    "candidate": "The ledger's entry: a synthetic table with its evidence, waiting for people to sign.",
    "release": "The published folder with its passport. Denied unless evidence, verdict and approvals are complete.",
}


def key(dataset: str, step: str) -> dg.AssetKey:
    """The asset key of a dataset's step."""
    return dg.AssetKey([dataset, step])


def build_assets(spec: DatasetSpec, policy: Policy) -> list[dg.AssetsDefinition]:
    """The dataset's assets, in the order of the chain."""
    return [_step_asset(spec, policy, step) for step in STEPS] + [_release_asset(spec)]


def check_names(policy: Policy) -> dict[str, str]:
    """Name and description of the check that each of a policy's demands becomes on the verdict."""
    names = {t.key: f"{t.measure} {t.text()}. {t.why}".strip() for t in policy.requirements}
    names |= {name: f"{group.text().capitalize()}. {group.why}".strip() for name, group in groups(policy.require)}
    if policy.suite:
        names["validation_suite"] = "The validation suite ran on these bytes and every expectation holds."
    return names | {check: f"{_REFUSED[check]} {limit}." for check, limit in policy.forbid.checks.items()}


def _common(spec: DatasetSpec, step: str) -> dict[str, Any]:
    return {
        "key": key(spec.dataset, step),
        "deps": [key(spec.dataset, d) for d in DEPENDS[step]],
        "group_name": spec.dataset,
        "owners": [spec.owner],
        "kinds": KINDS[step],
        "description": ABOUT[step],
        "code_version": proofset.__version__,
        "tags": {"purpose": spec.purpose.value},
    }


def _step_asset(spec: DatasetSpec, policy: Policy, step: str) -> dg.AssetsDefinition:
    specs: list[dg.AssetCheckSpec] = []
    if step == "verdict":
        specs = [
            dg.AssetCheckSpec(name, asset=key(spec.dataset, step), description=text)
            for name, text in check_names(policy).items()
        ]
    elif step == "validation":
        specs = [dg.AssetCheckSpec("gx_suite", asset=key(spec.dataset, step), description="Every expectation holds.")]
    elif step == "source":
        text = "The source is still what it was when it was taken last. Warns, and blocks nothing."
        specs = [dg.AssetCheckSpec("drift", asset=key(spec.dataset, step), description=text)]

    def run(context: dg.AssetExecutionContext, workspace: WorkspaceResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
        def work() -> dg.MaterializeResult[Any]:
            chain = workspace.chain(spec.dataset, context.run_id)
            older = chain.store.note(step)
            note = chain.run(step)
            Watch.reused = step not in chain.made
            return dg.MaterializeResult(
                data_version=dg.DataVersion(note.digest),
                metadata=_metadata(chain, step, note),
                check_results=_drift(chain, older, note) if step == "source" else _checks(chain, step, note),
            )

        return workspace.told(step, work)

    made: dg.AssetsDefinition = dg.asset(**_common(spec, step), check_specs=specs)(run)
    return made


def _release_asset(spec: DatasetSpec) -> dg.AssetsDefinition:
    def release(context: dg.AssetExecutionContext, workspace: WorkspaceResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
        def work() -> dg.MaterializeResult[Any]:
            from lineage.release import release as publish

            opened = workspace.open()
            # The gate lies in `lineage.release`: it recomputes everything from stored evidence and signatures, and
            # believes neither this graph nor its checks.
            meant, _ = find(opened, workspace.release_ref or spec.dataset)
            if meant.dataset != spec.dataset:
                raise DeniedError(
                    f"The candidate {meant.digest[:12]} is not one of dataset '{spec.dataset}'.",
                    fix=f"Release it through its own dataset: {meant.dataset}.",
                )
            signer, now = workspace.release_signer(opened), datetime.now(UTC)
            against = objections(opened, meant.digest)  # by digest: another candidate may be recorded meanwhile
            done = publish(opened, ledger(opened), meant.digest, signer, workspace.actor, now, against)
            return dg.MaterializeResult(
                data_version=dg.DataVersion(done.passport_digest),
                metadata={
                    "candidate": done.candidate,
                    "passport": done.passport_digest,
                    "folder": opened.relative(done.folder),
                },
            )

        return workspace.told("release", work)

    made: dg.AssetsDefinition = dg.asset(**_common(spec, "release"))(release)
    return made


def _metadata(chain: Chain, step: str, note: Note) -> dict[str, Any]:
    shown: dict[str, Any] = {"digest": note.digest, "reused": step not in chain.made}
    columns: Sequence[dict[str, str]] = note.facts.get("columns", ())
    if columns:
        shown["dagster/column_schema"] = dg.TableSchema(
            [
                dg.TableColumn(c["name"], c["type"], chain.spec.table.columns[c["name"]].description or None)
                if c["name"] in chain.spec.table.columns
                else dg.TableColumn(c["name"], c["type"])
                for c in columns
            ]
        )
    if "rows" in note.facts:
        shown["dagster/row_count"] = note.facts["rows"]
    extra = _EXTRA.get(step)
    return shown | (extra(chain, note) if extra else {})


def _synthetic_lineage(chain: Chain, note: Note) -> dict[str, Any]:
    """Each modelled column comes from its source column; a generated one comes from no column."""
    described = chain.store.need("profile").facts["profile"]["columns"]
    modelled = {c["name"] for c in described if c["treatment"] == Treatment.MODEL.value}
    origin = key(chain.spec.dataset, "source")
    return {
        "dagster/column_lineage": dg.TableColumnLineage(
            {
                c["name"]: [dg.TableColumnDep(origin, c["name"])] if c["name"] in modelled else []
                for c in note.facts["columns"]
            }
        )
    }


def _scores(chain: Chain, note: Note) -> dict[str, Any]:
    card = Scorecard.model_validate(note.facts["scorecard"])
    rows = ["| measure | value | interval | holdout reference |", "|---|---|---|---|"]
    for m in card.measures:
        if m.value is None:
            rows.append(f"| {m.name} | {m.status} | {m.detail} | |")
        else:
            reference = "" if m.reference is None else f"{m.reference:.4f}"
            rows.append(f"| {m.name} | {m.value:.4f} | {m.low:.4f} – {m.high:.4f} | {reference} |")
    return {"scorecard": dg.MetadataValue.md("\n".join(rows))} | {
        m.name: m.value for m in card.measures if m.value is not None
    }


_EXTRA: dict[str, Callable[[Chain, Note], dict[str, Any]]] = {
    "profile": lambda chain, note: {
        "duplicate_rows": note.facts["profile"]["duplicate_rows"],
        "notes": dg.MetadataValue.md("\n".join(f"- {n}" for n in note.facts["profile"].get("notes", [])) or "none"),
    },
    "split": lambda chain, note: {"train_rows": note.facts["train_rows"], "holdout_rows": note.facts["holdout_rows"]},
    "model": lambda chain, note: {
        "generator": note.facts["card"]["generator"],
        "licence": note.facts["card"]["licence"],
    },
    "synthetic": _synthetic_lineage,
    "scorecard": _scores,
    "verdict": lambda chain, note: {"outcome": note.facts["verdict"]["outcome"]},
    "record": lambda chain, note: {"mlflow_run": note.facts["mlflow_run"], "folder": note.facts["folder"]},
    "candidate": lambda chain, note: {"ledger_entry": note.facts["entry"]},
}


def _drift(chain: Chain, older: Note | None, note: Note) -> list[dg.AssetCheckResult]:
    """The source against the snapshot before it; the first one has none."""
    from orchestration.drifting import since

    like, said = (True, {"verdict": "first snapshot"}) if older is None else since(
        chain.workspace, chain.spec, older.digest, note.digest
    )  # fmt: skip
    return [
        dg.AssetCheckResult(
            passed=like,
            asset_key=key(chain.spec.dataset, "source"),
            check_name="drift",
            severity=dg.AssetCheckSeverity.WARN,
            metadata=said,
        )
    ]


def _checks(chain: Chain, step: str, note: Note) -> list[dg.AssetCheckResult]:
    asset = key(chain.spec.dataset, step)
    if step == "validation":
        suite = SuiteResult.model_validate(note.facts["suite"])
        failed = [f"{e.expectation}({e.column or ''})" for e in suite.expectations if not e.success]
        return [
            dg.AssetCheckResult(
                passed=suite.success,
                asset_key=asset,
                check_name="gx_suite",
                metadata={"expectations": len(suite.expectations), "failed": ", ".join(failed) or "none"},
            )
        ]
    if step != "verdict":
        return []
    said = Verdict.model_validate(note.facts["verdict"])
    goes_with = union_checks(chain.policy)  # what is asked of all live releases together is a part of its check
    parts: dict[str, list[Finding]] = {}
    for finding in said.findings:
        parts.setdefault(goes_with.get(finding.check, finding.check), []).append(finding)
    return [
        dg.AssetCheckResult(
            passed=f.holds,
            asset_key=asset,
            check_name=check,
            severity=dg.AssetCheckSeverity.ERROR
            if f.blocks and f.outcome is Outcome.FAIL
            else dg.AssetCheckSeverity.WARN,
            metadata={
                "outcome": f.outcome.value,
                "threshold": f.threshold,
                "measure": f.measure,
                "reason": f.reason,
                "waived": f.waived,
            },
        )
        for check, f in ((check, together(found, ORDER)) for check, found in parts.items())
    ]
