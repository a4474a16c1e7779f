"""W3C PROV as PROV-JSON: what was derived from what, by which activity, and who answers for it.

Formats: https://www.w3.org/TR/prov-dm/ and https://www.w3.org/submissions/prov-json/. Everything that has a digest is
an entity named by it (`sha256:…`), so that graphs of several releases join where they share a source or a model.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from lineage.exports.common import SITE
from lineage.record import Record
from lineage.record_people import Approver
from lineage.times import parse_utc
from proofset.digest import canonical, sha256_bytes


def export(record: Record) -> bytes:
    """The record as a PROV-JSON document; it ends with a line break."""
    text = document(record).serialize(format="json")
    return canonical(json.loads(text)) + b"\n"


def document(record: Record) -> Any:
    """The record as a `prov.model.ProvDocument`."""
    from prov.model import ProvDocument

    doc = ProvDocument()
    for prefix, uri in {
        "sha256": "urn:sha256:",
        "run": f"{record.identity.urn}:",
        "agent": f"{SITE}/agent/",
        "proofset": f"{SITE}/prov#",
        "dcterms": "http://purl.org/dc/terms/",
    }.items():
        doc.add_namespace(prefix, uri)
    _entities(doc, record)
    _agents(doc, record)
    _activities(doc, record)
    return doc


def _ids(record: Record) -> dict[str, str]:
    """The name of every entity."""
    digests = {
        "source": record.source.snapshot_digest,
        "train": record.risks.train_digest,
        "holdout": record.risks.holdout_digest,
        "model": record.making.model_digest,
        "synthetic": record.identity.data_digest,
        "spec": record.making.spec_digest,
        "policy": record.judgement.digest,
        "scorecard": record.judgement.scorecard_digest,
        "evidence": record.identity.evidence_digest,
        "release": record.identity.candidate,
    }
    return {name: f"sha256:{digest}" for name, digest in digests.items()}


def _entities(doc: Any, record: Record) -> None:
    ids, one = _ids(record), record.identity
    rows = "proofset:rows"
    told: dict[str, dict[str, Any]] = {
        "source": {"prov:label": "the source", rows: record.source.rows, "dcterms:license": record.source.licence},
        "train": {"prov:label": "the training part", rows: record.risks.train_rows},
        "holdout": {"prov:label": "the holdout part", rows: record.risks.holdout_rows},
        "model": {"prov:label": f"{record.making.generator} {record.making.version}, fitted"},
        "synthetic": {"prov:label": "the synthetic table", rows: one.rows},
        "scorecard": {"prov:label": "the measures"},
        "evidence": {"prov:label": "the evidence"},
        "spec": {"prov:label": "the dataset's spec"},
        "policy": {"prov:label": f"the policy {record.judgement.policy}"},
        "release": {
            "prov:label": one.release,
            "dcterms:title": one.title,
            "proofset:seal": one.seal,
            **{f"proofset:file{n}": f"{f.path} {f.sha256}" for n, f in enumerate(one.data_files, 1)},
        },
    }
    for name, attributes in told.items():
        doc.entity(ids[name], {"prov:type": f"proofset:{name}"} | attributes)
    for file in one.data_files:
        doc.entity(f"sha256:{file.sha256}", {"prov:label": file.path, "proofset:bytes": file.size})
        doc.specialization(f"sha256:{file.sha256}", ids["synthetic"])
        doc.membership(ids["release"], f"sha256:{file.sha256}")
    derived = [("synthetic", "model"), ("release", "synthetic"), ("release", "evidence"), ("scorecard", "synthetic")]
    if record.source.generations:
        derived += [("train", "source"), ("holdout", "source"), ("model", "train"), ("synthetic", "source")]
    for made, origin in derived:
        doc.wasDerivedFrom(ids[made], ids[origin])
    for parent in record.source.parents:
        doc.entity(f"sha256:{parent.candidate}", {"prov:label": f"{parent.dataset}/{parent.candidate[:12]}"})
        doc.wasDerivedFrom(ids["source"], f"sha256:{parent.candidate}")


def _agent(name: str, known: dict[str, str]) -> str:
    """An agent's name: a roster's id as it is; anything else, such as an e-mail address, by its digest."""
    return f"agent:{known.get(name) or sha256_bytes(name.encode())[:16]}"


def _known(record: Record) -> dict[str, str]:
    return {a.person: a.person for a in record.approvals.approvers}


def _agents(doc: Any, record: Record) -> None:
    known = _known(record)
    software = record.identity.software or "proofset"
    doc.agent("agent:proofset", {"prov:type": "prov:SoftwareAgent", "prov:label": software})
    names = {record.identity.owner: "owner", record.making.requested_by: "requester"}
    if record.source.controller:
        names[record.source.controller] = "controller"
    if record.identity.released_by:
        names[record.identity.released_by] = "releaser"
    for name, role in names.items():
        if name not in known:
            doc.agent(_agent(name, known), {"prov:label": name, "proofset:role": role})
    for one in _people(record):
        doc.agent(
            f"agent:{one.person}",
            {"prov:type": "prov:Person", "prov:label": one.name or one.person, "proofset:role": ", ".join(one.roles)},
        )
    doc.actedOnBehalfOf("agent:proofset", _agent(record.making.requested_by, known))
    doc.wasAttributedTo(_ids(record)["source"], _agent(record.source.controller or record.identity.owner, known))
    for one in _people(record):
        if one.counted:
            doc.wasAttributedTo(_ids(record)["release"], f"agent:{one.person}")
    if record.identity.owner != record.making.requested_by:
        doc.actedOnBehalfOf(_agent(record.making.requested_by, known), _agent(record.identity.owner, known))


def _people(record: Record) -> list[Approver]:
    """Every approver once."""
    return list({a.person: a for a in record.approvals.approvers}.values())


def _activities(doc: Any, record: Record) -> None:
    ids, known = _ids(record), _known(record)
    measured = parse_utc(record.making.measured_at) if record.making.measured_at else None

    def activity(name: str, used: list[str], made: list[str], ended: datetime | None, **told: Any) -> None:
        doc.activity(f"run:{name}", None, ended, {"prov:label": name, **told})
        for one in used:
            doc.used(f"run:{name}", ids[one])
        for one in made:
            doc.wasGeneratedBy(ids[one], f"run:{name}", ended if name in ("measure", "release") else None)
        doc.wasAssociatedWith(f"run:{name}", "agent:proofset")

    if record.source.generations:
        activity("split", ["source", "spec"], ["train", "holdout"], None)
    activity(
        "fit",
        ["train", "spec"] if record.source.generations else ["spec"],
        ["model"],
        None,
        **{"proofset:seed": record.making.seed},
    )
    activity("sample", ["model", "spec"], ["synthetic"], None, **{"proofset:seed": record.making.seed})
    activity("measure", ["synthetic", "train", "holdout"], ["scorecard"], measured)
    activity("judge", ["scorecard", "policy"], ["evidence"], None, **{"proofset:verdict": record.judgement.outcome})
    if record.identity.released_at:
        activity("release", ["synthetic", "evidence"], ["release"], parse_utc(record.identity.released_at))
        releaser = _agent(record.identity.released_by or record.identity.owner, known)
        doc.wasAssociatedWith("run:release", releaser)
    doc.wasAssociatedWith("run:fit", _agent(record.making.requested_by, known))
    for number, one in enumerate(record.approvals.approvers, 1):
        name = f"run:{one.decision}{number}"
        doc.activity(name, None, parse_utc(one.signed_at), {"prov:label": f"{one.decision} by {one.person}"})
        doc.used(name, ids["evidence"])
        doc.wasAssociatedWith(name, f"agent:{one.person}", ids["policy"])
