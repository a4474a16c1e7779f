"""What the record answers to each question of the datasheet: (question, sentences, points, table)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from lineage.exports.common import figure, origin, words
from lineage.record import Record
from lineage.record_sections import Held, Section
from proofset.evidence import Measure

PAPER = "https://doi.org/10.1145/3458723"

Cells = tuple[tuple[str, ...], tuple[tuple[str, ...], ...], tuple[int, ...]]
"""Column titles, rows, and which columns hold numbers."""
Found = tuple[str, Sequence[str], Sequence[str]] | tuple[str, Sequence[str], Sequence[str], Cells]


def _spoken(value: str) -> str:
    return value.replace("_", " ")


def _day(at: str | None) -> str:
    return at[:10] if at else "–"


def facts(record: Record) -> list[tuple[str, str]]:
    """What stands at the top of the page."""
    one, judged = record.identity, record.judgement
    counted = [a.name or a.person for a in record.approvals.approvers if a.counted]
    return [
        ("Release", one.release),
        ("Version", one.version or "not named"),
        ("Rows", f"{one.rows:,}, all synthetic"),
        ("Made for", _spoken(record.use.purpose.value)),
        ("Verdict", f"{judged.outcome}, by the policy {judged.policy}"),
        ("Approved by", ", ".join(counted) or "nobody yet"),
        ("Released", _day(one.released_at)),
        ("Good until", _day(one.expires_at) if one.expires_at else "no end set" if one.released_at else "–"),
    ]


def motivation(record: Record) -> Iterator[Found]:
    """Why it was made, and by whom."""
    use, made = record.use, record.making
    yield "Why was the dataset made?", [words(record), f"It was made for: {_spoken(use.purpose.value)}."], []
    yield (
        "Who made it, for whom, and who answers for it?",
        [
            f"{record.identity.owner} owns it and asked for it."
            if made.requested_by == record.identity.owner
            else f"{made.requested_by} asked for it; {record.identity.owner} owns it.",
            f"The source's controller is {record.source.controller}." if record.source.controller else "",
        ],
        [],
    )


def composition(record: Record) -> Iterator[Found]:
    """What it consists of."""
    one, source = record.identity, record.source
    rows = tuple(
        (c.name, c.description or "–", _spoken(c.semantic.value), c.storage, c.treatment.value, _count(c.nulls))
        for c in one.columns
    )
    head = ("column", "meaning", "kind", "type", "treatment", "nulls")
    yield (
        "What are its rows, and how many are there?",
        [f"{one.rows:,} synthetic rows of {len(one.columns)} columns. No row is a person's. {origin(record)}"],
        [],
        (head, rows, (5,)),
    )
    yield "Which values are missing, and why?", [_missing(record)], []
    kinds = ", ".join(source.data_categories or ())
    special = [_spoken(c.value) for c in source.special_categories or ()]
    yield (
        "Does it speak of people, and of what is sensitive about them?",
        [
            f"The source's kinds of data: {kinds}." if kinds else "",
            "The source was said to hold no special categories of personal data."
            if source.special_categories == ()
            else "",
            "The source holds these special categories of personal data (GDPR, Articles 9 and 10):" if special else "",
            *([] if special or source.special_categories == () else _missing_words(source, "special categories")),
        ],
        special,
    )
    yield (
        "Could a person be found in it, alone or together with other data?",
        [
            record.making.guarantee,
            "What attacks found, each with its 95 % interval and the same on held-out real rows:",
        ],
        [f"{a.family}: {a.model}" for a in record.risks.attacks],
        _measures(record.risks.measures),
    )
    yield (
        "Is anything known to be wrong, noisy or redundant in it?",
        [record.closeness.suite + "."],
        [
            *record.closeness.suite_failed,
            *record.preparation.notes,
        ],
    )


def _count(nulls: int | None) -> str:
    return "–" if nulls is None else f"{nulls:,}"


def _missing(record: Record) -> str:
    holes = [c.name for c in record.identity.columns if c.nulls]
    if not holes:
        return "No value is missing."
    return f"Missing values stand for missing values of the source, in the columns {', '.join(holes)}."


def _missing_words(section: Section, word: str) -> list[str]:
    return [sentence for sentence in section.unknown if word in sentence]


def _measures(measures: Sequence[Measure]) -> Cells:
    rows = tuple(
        (
            m.title,
            figure(m.value) if m.value is not None else m.status,
            "–" if m.low is None else f"{figure(m.low)} to {figure(m.high)}",
            figure(m.reference),
            m.direction.value,
        )
        for m in measures
    )
    return ("measure", "value", "95 % interval", "holdout", "better"), rows, (1, 2, 3)


def collection(record: Record) -> Iterator[Found]:
    """Where the source comes from."""
    source = record.source
    window = f"{source.collected_from or '?'} to {source.collected_until or '?'}"
    dated = source.collected_from or source.collected_until
    yield (
        "How was the data behind it acquired?",
        [
            f"The source was there before; it has {source.rows:,} rows. {source.attribution}",
            f"It is named by the SHA-256 of its content: {source.snapshot_digest}.",
        ],
        [f"{p.dataset}/{p.candidate[:12]}: {100 * p.share:.1f} % of the source's rows" for p in source.parents],
    )
    yield "Over which time was it collected?", [window + "." if dated else "That is not said."], []
    yield (
        "On what lawful basis, and under whose terms?",
        [
            f"Lawful basis: {_spoken(source.lawful_basis)}. Licence: {source.licence}. "
            f"Permitted purposes: {', '.join(_spoken(p.value) for p in source.permitted_purposes)}.",
            f"The source lives in: {source.residency}." if source.residency else "",
        ],
        [],
    )
    yield (
        "What is not known about the source?",
        [] if source.unknown else ["Nothing that was asked for."],
        source.unknown,
    )


def preprocessing(record: Record) -> Iterator[Found]:
    """What was done to it."""
    made, how = record.preparation, record.making
    points = [
        *(f"{c.name}: dropped, {c.why}" for c in made.dropped),
        *(f"{c.name}: masked; {c.why}" for c in made.masked),
        *(f"{c.name}: minimised; {c.why}" for c in made.minimised),
    ]
    yield (
        "What was done to the columns before anything was learned?",
        [f"{len(made.kept)} columns were learned as they are." if made.kept else ""],
        points,
    )
    options = ", ".join(f"{name} = {value}" for name, value in sorted(how.options.items()))
    yield (
        "How were the rows made, and can that be repeated?",
        [
            f"{how.title} ({how.generator} {how.version}, {how.licence}). {how.method} {how.paper}",
            f"Options: {options or 'the defaults'}. Seed: {how.seed}. Model: SHA-256 {how.model_digest}.",
            how.privacy,
        ],
        [],
    )
    run = how.run
    where = [
        f"Code: commit {run.commit}{', with changes' if run.modified else ''}." if run and run.commit else "",
        f"{run.python} on {run.machine.system}, {run.machine.architecture}; {len(run.packages)} packages, "
        f"SHA-256 of their names and versions {run.packages_digest}." if run else "",
    ]  # fmt: skip
    yield "With which software and on what machine?", where, how.unknown
    yield "Is the raw data kept?", [record.log.retention], []


def uses(record: Record) -> Iterator[Found]:
    """What it is good for, and what not."""
    close, use = record.closeness, record.use
    permitted = ", ".join(_spoken(p.value) for p in use.permitted_purposes)
    yield "What may it be used for?", [f"Made for {_spoken(use.purpose.value)}; the source permits: {permitted}."], []
    yield (
        "How close is it to the source, and how useful?",
        ["Each measure with its 95 % interval and the same on held-out real rows:"],
        [],
        _measures((*close.fidelity, *close.utility)),
    )
    yield (
        "Does it treat groups of people alike?",
        [f"Groups: {', '.join(close.groups)}." if close.groups else "No groups were named, so that was not measured."],
        [],
        _measures(close.fairness),
    )
    yield "What is it known not to show, or not to show well?", [], close.limits
    prohibited = close.prohibited_uses
    yield "What must it not be used for?", ["Nothing is named."] if not prohibited else [], prohibited or ()


def distribution(record: Record) -> Iterator[Found]:
    """Who gets it, and how."""
    one, use = record.identity, record.use
    yield "Who may receive it?", [] if use.recipients else ["That is not said."], use.recipients or ()
    yield "On what terms?", [use.terms or "No terms are named."], use.conditions or ()
    files = tuple((f.path, f"{f.size:,}", f.sha256) for f in one.data_files)
    yield (
        "What is handed out?",
        [f"A folder with a signed passport. Candidate {one.candidate}; the Parquet files carry the seal {one.seal}."],
        [],
        (("file", "bytes", "SHA-256"), files, (1,)),
    )
    held = tuple(
        (h.check, h.threshold, _found(h), f"{h.outcome}, waived" if h.waived else h.outcome)
        for h in record.judgement.findings
    )
    yield (
        "By which policy was that decided?",
        [f"{record.judgement.policy}, version {record.judgement.version}: {record.judgement.outcome}."],
        [
            *(f"{h.check}: {h.outcome}, {h.reason}" for h in record.judgement.findings if h.outcome != "pass"),
            *(f"waived: {w.about} until {w.until} by {w.by}, {w.why}" for w in record.judgement.waivers),
        ],
        (("demand", "limit", "found", "outcome"), held, ()),
    )
    people = tuple(
        (a.name or a.person, ", ".join(a.roles), a.decision, _day(a.signed_at), a.reason or "–")
        for a in record.approvals.approvers
    )
    apart = "Duties were kept apart." if record.approvals.separated else "Duties were not kept apart."
    if not any(a.counted for a in record.approvals.approvers):
        apart = "Nobody's approval counts yet."
    yield (
        "Who agreed to it?",
        [f"{record.approvals.required} approvals are needed. {apart}"],
        [s.detail for s in record.approvals.separation if s.required and not s.held],
        (("person", "roles", "decision", "signed", "reason"), people, ()),
    )


def _found(held: Held) -> str:
    """What a demand was held against: the value with its interval, or in words."""
    if held.value is None:
        return held.reason
    where = f"{held.part}: " if held.part else ""
    span = "" if held.low is None else f" ({figure(held.low)} to {figure(held.high)})"
    return f"{where}{figure(held.value)}{span}"


def maintenance(record: Record) -> Iterator[Found]:
    """What happens after."""
    one, past = record.identity, record.history
    contact = record.use.contact or one.owner
    yield "Whom to ask?", [contact], []
    life = f"It is good until {_day(one.expires_at)}." if one.expires_at else "The policy sets no end."
    yield "How long is it good for?", [life, *(f"It must not be used any more: {why}." for why in past.withdrawn)], []
    events = [*past.drift, *past.reapprovals, *past.revocations, *past.incidents, *past.reproductions]
    yield (
        "What happened since?",
        [] if events else [f"Nothing that the ledger knew of on {_day(record.as_of)}."],
        [f"{_day(e.at)}: {e.kind} {e.detail}".strip() for e in sorted(events, key=lambda e: e.index)],
    )
    yield "What else was released from the same source?", [record.budget.statement], record.budget.releases


CHAPTERS: dict[str, Callable[[Record], Iterator[Found]]] = {
    "Motivation": motivation,
    "Composition": composition,
    "Collection process": collection,
    "Preprocessing, cleaning, labelling": preprocessing,
    "Uses": uses,
    "Distribution": distribution,
    "Maintenance": maintenance,
}
"""The seven sections of the paper."""
