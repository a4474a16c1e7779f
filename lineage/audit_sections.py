"""Sections of the audit report: what laws and standards ask, and which fields of the record answer it.

One table, FRAMES. The sentences are ours and no law's; a requirement names its source so that its text can be read
there. A field is named as SECTION.FIELD of `lineage.record.Record`. Nothing here says that a requirement is met: what
remains for people to judge stands beside every one.
"""

from __future__ import annotations

from dataclasses import dataclass

from lineage.audit_standards import STANDARDS
from lineage.audit_table import Frame, Requirement

__all__ = ["FRAMES", "NOT_CERTIFIED", "Frame", "Requirement", "served"]

_AI_ACT = Frame(
    key="ai-act",
    name="EU AI Act",
    title="Regulation (EU) 2024/1689, Articles 10, 12, 13 and 50",
    url="https://eur-lex.europa.eu/eli/reg/2024/1689/oj",
    scope="Articles 10, 12 and 13 bind those who provide high-risk AI systems, Article 50 those who provide or use "
    "certain AI systems. Whether a system that uses this release is one of them is for its provider to find out.",
    requirements=(
        Requirement(
            "Art. 10(2)(a)–(b)", "Design choices, and where data come from",
            "Why the data are as they are, how and for what they were collected, and from where they come.",
            ("use.purpose", "identity.description", "source.owner", "source.url", "source.snapshot_digest",
             "source.rows", "source.collected_from", "source.collected_until", "source.generations",
             "source.real_share", "source.parents", "making.generator", "making.method"),
            "Whether this origin suits the intended purpose of the system that is trained or tested with it.",
        ),
        Requirement(
            "Art. 10(2)(c)", "Preparation",
            "What was done to the data before use: cleaning, labelling, enriching, aggregating, leaving out.",
            ("preparation.dropped", "preparation.masked", "preparation.minimised", "preparation.kept",
             "preparation.least", "preparation.constraints", "preparation.notes"),
            "Whether what was left out is needed for the purpose.",
        ),
        Requirement(
            "Art. 10(2)(d)–(e)", "Assumptions and quantity",
            "What the data are taken to measure, and whether there are enough of them and they suit.",
            ("identity.rows", "identity.columns", "identity.table", "closeness.fidelity", "closeness.utility"),
            "Whether this many rows, as close as measured, are enough for the purpose.",
        ),
        Requirement(
            "Art. 10(2)(f)–(h)", "Biases, gaps and shortcomings",
            "Which biases might harm people, what was done about them, and which gaps are known.",
            ("closeness.fairness", "closeness.groups", "closeness.limits", "closeness.validity", "closeness.suite",
             "closeness.suite_failed", "closeness.others"),
            "Which groups matter, and whether the differences seen are acceptable.",
        ),
        Requirement(
            "Art. 10(5)", "Special categories",
            "Whether special categories of personal data were used, and under which safeguards; synthetic data are "
            "named there as what is to be tried first.",
            ("source.data_categories", "source.special_categories", "preparation.masked", "making.privacy",
             "making.guarantee"),
            "Whether their use in making this release was strictly necessary.",
        ),
        Requirement(
            "Art. 12", "Record-keeping",
            "Events are recorded over the life of the system, so that risks and changes can be traced.",
            ("log.entry", "log.entries", "log.size", "log.root", "log.vkey", "log.proof", "history.drift",
             "history.incidents", "history.denials", "readers.audits"),
            "The log of the system itself; this one is of the data alone.",
        ),
        Requirement(
            "Art. 13", "Information for those who use it",
            "What the data are good for, how well, under which limits and risks.",
            ("identity.title", "identity.dataset", "identity.version", "identity.release", "closeness.limits",
             "closeness.prohibited_uses", "use.conditions", "use.contact", "use.keywords", "risks.attacks"),
            "Passing this on in the system's own instructions for use.",
        ),
        Requirement(
            "Art. 50(2)", "Marking what is synthetic",
            "What an AI system generates is marked as such, so that a machine can read it. The duty is about sound, "
            "images, video and text; a table is marked here all the same.",
            ("identity.seal", "identity.data_digest", "identity.files", "making.generator"),
            "Keeping the mark: CSV has no place for it, and whoever converts the file loses it.",
        ),
    ),
)  # fmt: skip

_GDPR = Frame(
    key="gdpr",
    name="GDPR",
    title="Regulation (EU) 2016/679, Articles 5(2), 30 and 35",
    url="https://eur-lex.europa.eu/eli/reg/2016/679/oj",
    scope="Making a synthetic table from personal data is itself processing of personal data. Whether the release is "
    "personal data, too, depends on what somebody could find out with means reasonably likely to be used: see the "
    "three risks of WP216.",
    requirements=(
        Requirement(
            "Art. 5(2)", "Accountability",
            "Whoever is responsible can show that the principles were kept: purpose, minimisation, storage, integrity.",
            ("source.lawful_basis", "source.permitted_purposes", "use.purpose", "use.permitted_purposes",
             "preparation.minimised", "source.kept_until", "log.retention", "approvals.approvers", "approvals.enough"),
            "Whether the lawful basis covers the making of synthetic data.",
        ),
        Requirement(
            "Art. 30", "Record of processing",
            "A record of who processes what for which purpose, with categories, recipients, time limits, transfers.",
            ("source.controller", "source.owner", "identity.owner", "source.data_categories",
             "source.special_categories", "source.residency", "source.kept_until", "use.recipients", "use.downloads"),
            "Entering it in the controller's own record; categories of data subjects are not recorded here.",
        ),
        Requirement(
            "Art. 35", "Impact assessment",
            "Where a high risk is likely: a description, a weighing of need and proportion, the risks and what is done "
            "about them.",
            ("risks.attacks", "risks.measures", "risks.canaries", "judgement.findings", "judgement.waivers",
             "making.guarantee", "making.epsilon", "making.delta", "making.accountant", "budget.statement",
             "budget.epsilon", "budget.releases", "budget.without_guarantee", "budget.source"),
            "The assessment itself, and the advice of the data protection officer.",
        ),
    ),
)  # fmt: skip

_WP216 = Frame(
    key="wp216",
    name="WP216",
    title="Opinion 05/2014 of the Article 29 Working Party: the three risks",
    url="https://ec.europa.eu/justice/article-29/documentation/opinion-recommendation/files/2014/wp216_en.pdf",
    scope="Each risk is measured by an attack, and held against the same attack on people the generator never saw. A "
    "low number says that these attacks found little; it does not say that no other would.",
    requirements=(
        Requirement(
            "Singling out", "Can one person be isolated?",
            "Whether records can be found that stand for exactly one person of the source.",
            ("risks.measures@singling out", "risks.holdout", "risks.holdout_rows", "risks.holdout_share",
             "risks.holdout_digest"),
            "Whether the attacker supposed here is the one to be feared.",
        ),
        Requirement(
            "Linkability", "Can records of one person be joined?",
            "Whether two records, in one table or in two, can be told to be about the same person.",
            ("risks.measures@linkability", "risks.train_rows", "risks.train_digest"),
            "Which other tables about the same people are within an attacker's reach.",
        ),
        Requirement(
            "Inference", "Can an attribute be told?",
            "Whether the value of an attribute of a person can be told from the values of others, with good odds.",
            ("risks.measures@inference", "risks.canaries_planted", "risks.canaries"),
            "Which attributes would harm people if they were guessed.",
        ),
    ),
)  # fmt: skip

FRAMES: tuple[Frame, ...] = (_AI_ACT, _GDPR, _WP216, *STANDARDS)
"""All of them, in the order of the report."""

NOT_CERTIFIED = (
    "No authority, auditor or notified body has looked at this release on behalf of this report.",
    "No conformity with the laws and standards named here is declared or certified. The report says which recorded "
    "facts bear on which requirement, and what people still have to judge.",
    "It is not claimed that the release is outside of data protection law, or that nobody can ever be recognised in "
    "it. Stated are the attacks that were made, what they found, and the limits people set.",
    "Measures speak of the table as it is, the source as it was, and the attacks that are known today.",
    "Whether the source was collected lawfully, and whether what people wrote about it is true, is not checked.",
    "Signatures prove which key signed, not who sat before the screen. Times are the platform's and the signers' own.",
)
"""What this report does not say."""


@dataclass(frozen=True)
class Served:
    """A requirement that a field bears on."""

    frame: str
    ref: str


def served(path: str) -> tuple[Served, ...]:
    """The requirements that a field of the record bears on. path: SECTION.FIELD."""
    return tuple(
        Served(frame.name, need.ref)
        for frame in FRAMES
        for need in frame.requirements
        if path in {field.partition("@")[0] for field in need.fields}
    )
