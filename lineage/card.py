"""The dataset card: README.md of a candidate and of its release. Deterministic, without dates."""

from __future__ import annotations

from proofset.evidence import Finding, Measure, Profile, Provenance, Scorecard, Verdict
from proofset.policy import Policy
from proofset.spec import DatasetSpec, Purpose

_MARKS = str.maketrans({"<": "&lt;", ">": "&gt;", "|": "&#124;", "`": "&#96;"})


def dataset_card(
    spec: DatasetSpec,
    provenance: Provenance,
    profile: Profile,
    scorecard: Scorecard,
    verdict: Verdict,
    policy: Policy,
) -> str:
    """Return the card as Markdown: what the data is, what for, how close, whose, and how to check it."""
    title = _plain(spec.title or spec.dataset)
    parts = [
        f"# {title}",
        _plain(spec.description),
        _what(spec, provenance),
        _columns(spec, profile),
        _closeness(scorecard, verdict, policy),
        _origin(spec, provenance),
        _checking(),
    ]
    return "\n\n".join(p.strip() for p in parts if p.strip()) + "\n"


def _what(spec: DatasetSpec, provenance: Provenance) -> str:
    card = provenance.generator
    others = [p.value for p in spec.source.permitted_purposes if p != spec.purpose]
    made = (
        f"learned from {provenance.train_rows} of the source's {provenance.source_rows} rows; the other "
        f"{provenance.holdout_rows} were held out to measure it"
        if provenance.generations
        else "written from rules; no real data went into it"
    )
    lines = [
        "## What this is",
        "",
        f"{provenance.synthetic_rows} synthetic rows in `data/{_plain(provenance.table)}.parquet`, {made}. Rows are "
        "drawn anew; how often one repeats or comes near a real row is among the measures below.",
        "",
        f"- Made for: {_word(spec.purpose)}.",
        f"- The source's terms also permit: {', '.join(_word(Purpose(o)) for o in others) or 'nothing else'}.",
        f"- Owner: {_plain(spec.owner)}",
        f"- Generator: {_plain(card.title)} (`{_plain(card.generator)}` {_plain(card.version)}, "
        f"{_plain(card.licence)}). {_plain(card.method)}",
        f"- Privacy of the method: {_plain(card.privacy)}",
        f"- Generations away from real data: {provenance.generations}{_synthetic_part(provenance)}",
    ]
    return "\n".join(lines)


def _synthetic_part(provenance: Provenance) -> str:
    """What of the source was synthetic itself, where anything was."""
    if not provenance.parents:
        return ""
    names = ", ".join(sorted({_plain(p.dataset) for p in provenance.parents}))
    return f"; {100 * (provenance.real_share or 0):.1f} % of its source's rows are real, others come from {names}"


def _word(purpose: Purpose) -> str:
    return purpose.value.replace("_", " ")


def _columns(spec: DatasetSpec, profile: Profile) -> str:
    lines = ["## Columns", "", "| column | meaning | kind | treatment |", "|---|---|---|---|"]
    for column in profile.columns:
        declared = spec.table.columns.get(column.name)
        meaning = declared.description if declared else ""
        row = (column.name, meaning, column.semantic.value, column.treatment.value)
        lines.append("| " + " | ".join(_plain(c) for c in row) + " |")
    return "\n".join(lines)


def _closeness(scorecard: Scorecard, verdict: Verdict, policy: Policy) -> str:
    lines = [
        "## How close, and how safe",
        "",
        f"Policy `{_plain(policy.policy)}` says **{verdict.outcome.value}**. Each limit is held against the cautious "
        "end of the 95 % interval.",
        "",
        "| demand | limit | outcome | found |",
        "|---|---|---|---|",
    ]
    lines += ["| " + " | ".join(_plain(c) for c in _found(f)) + " |" for f in verdict.findings]
    lines += [
        "",
        "All measures, each with the same metric on real held-out rows in the synthetic table's place:",
        "",
        "| measure | value | 95 % interval | holdout | better |",
        "|---|---|---|---|---|",
    ]
    lines += ["| " + " | ".join(_plain(c) for c in _measure(m)) + " |" for m in scorecard.measures]
    lines += ["", "`report.html` shows them drawn; `evidence/` holds them as JSON."]
    return "\n".join(lines)


def _found(finding: Finding) -> tuple[str, ...]:
    aside = f" ({finding.waived})" if finding.waived else " (a warning)" if finding.severity == "warn" else ""
    return (finding.measure or finding.check, finding.threshold, finding.outcome.value + aside, finding.reason)


def _measure(measure: Measure) -> tuple[str, ...]:
    if measure.value is None:
        return (measure.name, measure.status, "", "", measure.direction.value)
    reference = "" if measure.reference is None else f"{measure.reference:.4g}"
    interval = f"{measure.low:.4g} to {measure.high:.4g}"
    return (measure.name, f"{measure.value:.4g}", interval, reference, measure.direction.value)


def _origin(spec: DatasetSpec, provenance: Provenance) -> str:
    source = spec.source
    lines = [
        "## Source and licence",
        "",
        f"- Licence of the source: {_plain(source.licence)}",
        f"- Attribution: {_plain(source.attribution) or 'none asked for'}",
    ]
    if source.url:
        lines.append(f"- Source: {_plain(source.url)}")
    lines += [
        f"- Lawful basis: {source.lawful_basis.replace('_', ' ')}",
        f"- Digest of the source: `{_plain(provenance.source_digest)}`",
        f"- Digest of the synthetic table: `{_plain(provenance.synthetic_digest)}`",
    ]
    return "\n".join(lines)


def _checking() -> str:
    return "\n".join(
        [
            "## How to check it",
            "",
            "A released folder holds `passport.dsse.json`, a signed statement that lists every file with its SHA-256.",
            "Take the roster of signing keys from its owner, not from this folder, and run:",
            "",
            "```",
            "proofset verify FOLDER --roster roster.yaml",
            "```",
            "",
            "Without the platform: the SHA-256 of `candidate.json` is what approvers signed, and that file lists the",
            "SHA-256 of every other file of the candidate.",
        ]
    )


def _plain(text: str) -> str:
    """The text on one line, without anything that Markdown would pass on as HTML or read as a table or code."""
    return " ".join(text.split()).translate(_MARKS)
