"""The standards and frameworks of the audit report; see `lineage.audit_sections`."""

from __future__ import annotations

from lineage.audit_table import Frame, Requirement

_ISO_27559 = Frame(
    key="iso-27559",
    name="ISO/IEC 27559:2022",
    title="Privacy enhancing data de-identification framework",
    url="https://www.iso.org/standard/71677.html",
    scope="A framework of principles, against which nobody is certified. Its clauses 6 to 9 are followed here.",
    requirements=(
        Requirement(
            "Clause 6", "Context",
            "Who receives the data for which use, with which safeguards, and who might attack.",
            ("use.purpose", "use.recipients", "use.terms", "use.conditions", "risks.attacks"),
            "How well recipients protect what they receive, and their motives.",
        ),
        Requirement(
            "Clause 7", "The data",
            "Whom the data are about, which attributes they have, and which attacks follow from that.",
            ("identity.columns", "identity.schema_digest", "source.data_categories", "preparation.masked",
             "source.attribution", "source.rows"),
            "Which attributes an attacker may know from elsewhere.",
        ),
        Requirement(
            "Clause 8", "Identifiability",
            "How identifiable people are, by numbers and by attacks; what was done; measured again after.",
            ("risks.measures", "risks.canaries", "preparation.dropped", "preparation.minimised", "judgement.findings",
             "making.options"),
            "Whether the limits the policy sets are low enough.",
        ),
        Requirement(
            "Clause 9", "Governance",
            "Roles, rules and records before data are handed out, and watching after.",
            ("approvals.approvers", "approvals.roles", "approvals.separation", "history.drift", "history.incidents",
             "history.revocations", "history.withdrawn", "use.downloads"),
            "Training of the people, and how incidents are answered.",
        ),
    ),
)  # fmt: skip

_ISO_42001 = Frame(
    key="iso-42001",
    name="ISO/IEC 42001:2023",
    title="AI management system: controls on data and documentation (Annex A)",
    url="https://www.iso.org/standard/81230.html",
    scope="A management system can be certified, a data release cannot. This section lends evidence to an organisation "
    "that runs such a system.",
    requirements=(
        Requirement(
            "A.4.3", "Data resources", "Data used are documented as a resource.",
            ("identity.release", "identity.rows", "identity.files", "identity.evidence_digest", "identity.candidate",
             "source.licence"),
            "Listing the release among the resources of the system that uses it.",
        ),
        Requirement(
            "A.6.2.7–8", "Documentation and event logs", "The system is documented, and events are recorded.",
            ("making.title", "making.version", "making.paper", "log.entries", "history.denials"),
            "The same for the systems that use the release.",
        ),
        Requirement(
            "A.7.2–A.7.3", "Managing and acquiring data", "How data are managed, obtained and chosen is set down.",
            ("source.owner", "source.licence", "source.permitted_purposes", "source.collected_from",
             "source.collected_until", "source.url"),
            "The organisation's own process for choosing sources.",
        ),
        Requirement(
            "A.7.4", "Quality of data", "Demands on the data's quality are set, and the data meet them.",
            ("judgement.findings", "judgement.policy", "judgement.version", "judgement.outcome", "closeness.fidelity",
             "closeness.validity", "closeness.suite"),
            "Whether the demands suit the system.",
        ),
        Requirement(
            "A.7.5", "Provenance", "Where data come from is recorded through their whole life.",
            ("source.snapshot_digest", "source.generations", "source.real_share", "source.parents",
             "making.model_digest", "making.spec_digest", "making.profile_digest", "making.seed", "making.versions",
             "making.run", "history.reproductions"),
            "What becomes of the data after they were handed out.",
        ),
        Requirement(
            "A.7.6", "Preparation", "Criteria and methods of preparing data are documented.",
            ("preparation.dropped", "preparation.masked", "preparation.minimised", "preparation.kept",
             "preparation.constraints"),
            "Preparation after the release.",
        ),
    ),
)  # fmt: skip

_NIST = Frame(
    key="nist-ai-rmf",
    name="NIST AI RMF 1.0",
    title="AI Risk Management Framework, NIST AI 100-1 (2023)",
    url="https://doi.org/10.6028/NIST.AI.100-1",
    scope="Voluntary, and not something anybody is certified against. Its four functions are followed here.",
    requirements=(
        Requirement(
            "Govern", "Who answers for what", "Policies, roles and lines of responsibility are in place and known.",
            ("judgement.policy", "judgement.digest", "judgement.description", "judgement.authors", "approvals.required",
             "approvals.roles", "approvals.separation", "approvals.separated"),
            "Whether the people named were free to say no.",
        ),
        Requirement(
            "Map", "The context", "Purpose, origin, limits and those affected are known before use.",
            ("use.purpose", "use.keywords", "source.data_categories", "closeness.limits", "closeness.prohibited_uses",
             "making.requested_by"),
            "Who is affected by the systems that use the release.",
        ),
        Requirement(
            "Measure", "Numbers with their uncertainty",
            "Risks and qualities are measured by documented methods: privacy (2.10), fairness (2.11), validity (2.5).",
            ("risks.measures", "closeness.fairness", "closeness.fidelity", "closeness.utility", "making.measured_at",
             "judgement.scorecard_digest"),
            "Risks that nobody knows how to measure.",
        ),
        Requirement(
            "Manage", "Acting on risks", "Risks are weighed, treated, watched, and the release can be withdrawn.",
            ("judgement.outcome", "judgement.waivers", "history.drift", "history.reapprovals", "history.revocations",
             "history.incidents", "history.withdrawn", "identity.expires_at"),
            "Telling everybody who holds a copy.",
        ),
    ),
)  # fmt: skip

_SOC_2 = Frame(
    key="soc-2",
    name="SOC 2",
    title="AICPA Trust Services Criteria, common criteria CC6 to CC8",
    url="https://www.aicpa-cima.com/resources/download/2017-trust-services-criteria-with-revised-points-of-focus-2022",
    scope="A SOC 2 report is an independent auditor's opinion on an organisation. This is none; it may serve as "
    "evidence in one.",
    requirements=(
        Requirement(
            "CC6", "Access", "Only authorised people act, by credentials that are managed and can be withdrawn.",
            ("approvals.approvers", "approvals.separation", "use.recipients", "use.downloads", "log.vkey"),
            "Who can reach the machines, the roster and the keys.",
        ),
        Requirement(
            "CC7", "Operation", "Deviations and incidents are noticed, judged and answered.",
            ("history.drift", "history.incidents", "history.revocations", "history.withdrawn", "log.proof", "log.root",
             "readers.audits"),
            "Watching the systems on which all this runs.",
        ),
        Requirement(
            "CC8", "Change", "Changes are asked for, tested, approved and recorded before they take effect.",
            ("making.requested_by", "judgement.findings", "approvals.valid_days", "approvals.enough",
             "identity.released_by", "identity.released_at", "identity.software", "making.run"),
            "Changes to the platform itself.",
        ),
    ),
)  # fmt: skip

_HIPAA = Frame(
    key="hipaa",
    name="HIPAA",
    title="Expert determination, 45 CFR 164.514(b)(1)",
    url="https://www.ecfr.gov/current/title-45/section-164.514",
    scope="A determination is made by a person with the knowledge and experience the rule asks for. No such person is "
    "replaced by this report, and none is implied.",
    requirements=(
        Requirement(
            "(b)(1)(i)", "A very small risk",
            "An expert determines, by accepted principles and methods, that the risk of identifying a person is very "
            "small, for the recipient expected and with what else can be had.",
            ("risks.measures", "risks.attacks", "risks.canaries", "making.epsilon", "making.guarantee",
             "use.recipients", "budget.statement"),
            "The determination, and what “very small” means here.",
        ),
        Requirement(
            "(b)(1)(ii)", "Methods and results on record", "The expert documents methods and results of the analysis.",
            ("risks.holdout", "judgement.findings", "identity.evidence_digest", "making.method", "making.paper",
             "log.retention"),
            "The expert's own document, signed and kept.",
        ),
    ),
)  # fmt: skip

_FCA = Frame(
    key="fca",
    name="FCA",
    title="Synthetic Data Expert Group: Using Synthetic Data in Financial Services (2024); Generating and Using "
    "Synthetic Data for Models in Financial Services: Governance Considerations (2025)",
    url="https://www.fca.org.uk/firms/innovation/synthetic-data-expert-group",
    scope="Reports of an expert group, neither rules nor guidance of the FCA. Their themes are followed, in our words.",
    requirements=(
        Requirement(
            "Accountability", "Named people over the whole life",
            "Who answers for making, approving and using synthetic data is clear, outside suppliers included.",
            ("identity.owner", "making.requested_by", "approvals.approvers", "identity.released_by", "use.contact"),
            "Who answers for the models trained with it.",
        ),
        Requirement(
            "Transparency and audit trail", "A chain of evidence",
            "Assumptions, choices and trade-offs can be followed from the source to the model.",
            ("log.entries", "making.options", "making.licence", "judgement.waivers", "readers.audits",
             "identity.evidence_digest"),
            "The reasons behind choices that nobody wrote down.",
        ),
        Requirement(
            "Privacy", "Risks that remain",
            "Synthetic data may still tell about people, and this is tested rather than supposed.",
            ("risks.measures", "risks.canaries", "budget.releases", "budget.statement"),
            "How much risk the firm accepts.",
        ),
        Requirement(
            "Fairness", "Bias kept, added or lessened", "Bias is looked for in the source and in what was made of it.",
            ("closeness.fairness", "closeness.groups"),
            "Effects on the customers of the models in use.",
        ),
        Requirement(
            "Quality and suitability", "Good enough for this use",
            "Closeness alone does not show that a model will work: use is tried, too, and against real data.",
            ("closeness.fidelity", "closeness.utility", "closeness.prohibited_uses", "use.purpose"),
            "Validation of the model on real outcomes.",
        ),
        Requirement(
            "Monitoring", "Watched after release", "Sources, data and models are watched, and old data are retired.",
            ("history.drift", "history.reapprovals", "identity.expires_at", "history.reproductions"),
            "Watching the model.",
        ),
    ),
)  # fmt: skip

STANDARDS: tuple[Frame, ...] = (_ISO_27559, _ISO_42001, _NIST, _SOC_2, _HIPAA, _FCA)
