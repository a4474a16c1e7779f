"""Verification against the platform itself: what whoever holds the releaser's key still cannot get past it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lineage.candidate import read_candidate, read_manifest, read_parquet
from lineage.checks import Check
from lineage.decisions import make_approval, read_approval
from lineage.folders import entry_of, survey
from lineage.passport import INCLUSION, PASSPORT, Passport, describe, read_passport
from lineage.release import Released
from lineage.roster import RELEASER, add_key
from lineage.seal import Seal
from lineage.signing import Signer, make_statement, sign_statement
from lineage.times import utc_text
from lineage.verify import verify_release
from proofset.digest import canonical, sha256_file
from proofset.evidence import Profile, Provenance, Scorecard, SuiteResult, Verdict, evidence_digest
from proofset.files import parquet_bytes
from tests.lineage.shop import LATER, NOW, Place, endorse, failing, make_table, named

Pristine = tuple[Place, Released]
Copied = Callable[[], Path]


def resigned(folder: Path, place: Place, signer: str = "platform", **fields: Any) -> None:
    """Sign a new passport over whatever is in the folder: what a stolen or careless releaser's key could do."""
    passport = json.loads(json.dumps(read_fields(folder, place)))
    for name in (PASSPORT, INCLUSION):
        (folder / name).unlink()
    passport["files"] = [entry_of(folder, name).plain() for name in survey(folder)[0]]
    passport["candidate"] = sha256_file(folder / "candidate.json")
    made = Passport.model_validate(passport | fields)
    endorse(folder, made, place.signers[signer])


def read_fields(folder: Path, place: Place) -> dict[str, Any]:
    return read_passport(folder, place.roster).plain()


def rewrite_manifest(folder: Path, **fields: Any) -> None:
    """Make the manifest fit the folder again, and the seal in the table's file fit the manifest."""
    manifest = json.loads((folder / "candidate.json").read_bytes())
    if fields:
        table = folder / "data" / "visits.parquet"
        names = ("dataset", "synthetic_digest", "evidence_digest", "policy_digest", "requested_by")
        seal = Seal.make(**{name: (manifest | fields)[name] for name in names})
        table.write_bytes(parquet_bytes(read_parquet(table.read_bytes()), seal.metadata))
    manifest["files"] = [
        entry_of(folder, e["path"]).plain() for e in manifest["files"] if (folder / e["path"]).exists()
    ]
    (folder / "candidate.json").write_bytes(canonical(manifest | fields))


def test_signing_the_same_folder_again_is_fine(pristine: Pristine, copied: Copied) -> None:
    folder = copied()
    resigned(folder, pristine[0])
    assert failing(folder, pristine[0]) == []


@pytest.mark.parametrize("person", ["ben", "ada"])
def test_a_passport_signed_by_anybody_else_fails(person: str, pristine: Pristine, copied: Copied) -> None:
    folder = copied()
    resigned(folder, pristine[0], signer=person)
    assert failing(folder, pristine[0])[0].file == PASSPORT


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"purpose": "public_release"}, "purpose"),
        ({"title": "Better"}, "title"),
        ({"owner": "team:eve"}, "owner"),
        ({"source_licence": "CC0-1.0", "source_attribution": ""}, "source_attribution, source_licence"),
        ({"generator": "magic"}, "generator"),
        ({"outcome": "fail"}, "outcome"),
        ({"policy_digest": "0" * 64}, "policy_digest"),
        ({"approvals": [{"person": "eve", "roles": ["king"], "key": "0", "signed_at": utc_text(NOW)}]}, "approvals"),
    ],
)
def test_a_releaser_cannot_state_what_the_folder_does_not_show(
    fields: dict[str, Any], expected: str, pristine: Pristine, copied: Copied
) -> None:
    folder = copied()
    resigned(folder, pristine[0], **fields)
    bad = failing(folder, pristine[0])
    assert [c.name for c in bad] == ["statement"]
    assert expected in bad[0].detail
    assert bad[0].file == PASSPORT


def test_a_releaser_cannot_backdate_before_the_approvals(pristine: Pristine, copied: Copied) -> None:
    folder = copied()
    resigned(folder, pristine[0], released_at=utc_text(NOW))
    assert "dated in the future" in failing(folder, pristine[0])[0].detail


def test_a_releaser_cannot_leave_out_or_swap_an_approval(pristine: Pristine, copied: Copied) -> None:
    place, _ = pristine
    folder = copied()
    (folder / "approvals" / "cho.dsse.json").unlink()
    resigned(folder, place)
    assert "1 of 2 approvals" in failing(folder, place)[0].detail
    folder = copied()
    shutil.copy(folder / "approvals" / "ben.dsse.json", folder / "approvals" / "cho.dsse.json")
    resigned(folder, place)
    assert "approvals/cho.dsse.json" in named(failing(folder, place))


def test_a_releaser_cannot_swap_the_table(pristine: Pristine, copied: Copied) -> None:
    """Even with manifest and passport made anew: the measured table was another, and so was the approved candidate."""
    place, _ = pristine
    folder = copied()
    (folder / "data" / "visits.parquet").write_bytes(parquet_bytes(make_table(seed=9)))
    rewrite_manifest(folder)
    resigned(folder, place)
    bad = failing(folder, place)
    assert {"table", "approvals"} <= {c.name for c in bad}
    assert "data/visits.parquet" in named(bad)


@pytest.mark.parametrize("data", [b"PAR1 no table", parquet_bytes(make_table().slice(1))])
def test_a_table_that_cannot_be_the_one_fails(data: bytes, pristine: Pristine, copied: Copied) -> None:
    place, _ = pristine
    folder = copied()
    (folder / "data" / "visits.parquet").write_bytes(data)
    rewrite_manifest(folder)
    resigned(folder, place)
    assert "data/visits.parquet" in named(failing(folder, place))


def test_a_second_table_fails_even_when_signed(pristine: Pristine, copied: Copied) -> None:
    place, _ = pristine
    folder = copied()
    (folder / "data" / "more.parquet").write_bytes(b"x")
    manifest = json.loads((folder / "candidate.json").read_bytes())
    manifest["files"].append(entry_of(folder, "data/more.parquet").plain())
    (folder / "candidate.json").write_bytes(canonical(manifest))
    resigned(folder, place)
    assert "exactly the table" in next(c.detail for c in failing(folder, place) if c.name == "table")


def test_evidence_changed_under_a_good_passport_fails(pristine: Pristine, copied: Copied) -> None:
    place, _ = pristine
    folder = copied()
    path = folder / "evidence" / "scorecard.json"
    scorecard = json.loads(path.read_bytes())
    scorecard["measures"][0] |= {"value": 0.2, "low": 0.1, "high": 0.3}
    path.write_bytes(canonical(scorecard))
    rewrite_manifest(folder)
    resigned(folder, place)
    assert "evidence_digest does not follow" in failing(folder, place)[0].detail
    models = {"provenance": Provenance, "profile": Profile, "scorecard": Scorecard, "suite": SuiteResult}
    parts = [m.model_validate_json((folder / f"evidence/{n}.json").read_bytes()) for n, m in models.items()]
    verdict = Verdict.model_validate_json((folder / "evidence/verdict.json").read_bytes())
    digest = evidence_digest(*parts, verdict)
    rewrite_manifest(folder, evidence_digest=digest)
    resigned(folder, place, evidence_digest=digest)
    assert read_manifest(folder).evidence_digest == digest
    bad = failing(folder, place)
    assert {"evidence", "verdict", "approvals"} <= {c.name for c in bad}
    assert "evidence/verdict.json" in named(bad)


def published_by_hand(place: Place, folder: Path) -> list[Check]:
    """Approve and sign whatever is in a candidate's folder, with real keys but past the gate; return what fails."""
    parts = read_candidate(folder)
    signed = []
    for person in ("ben", "cho"):
        envelope = make_approval(parts.candidate, place.signers[person], place.roster, "approve", "", NOW)
        (folder / "approvals").mkdir(exist_ok=True)
        (folder / "approvals" / f"{person}.dsse.json").write_bytes(envelope.to_bytes())
        signed.append(read_approval(envelope, place.roster))
    passport = describe(
        parts,
        [entry_of(folder, name) for name in survey(folder)[0]],
        signed,
        place.roster,
        released_by="eve",
        released_at=utc_text(NOW),
        ledger=place.ledger.head,
        ledger_key="",
        software="x",
    )
    endorse(folder, passport, place.signers["platform"])
    return failing(folder, place)


def test_a_release_signed_past_the_gate_fails_by_its_verdict(place: Place) -> None:
    good = place.evidence
    assert published_by_hand(place, place.build(good)[1]) == []
    other_purpose = good.policy.model_copy(update={"purposes": ("analytics",)})
    for evidence, expected in [
        (replace(good, suite_succeeds=False), "the policy says fail: validation_suite"),
        (replace(good, with_suite=False), "the policy says inconclusive: validation_suite"),
        (replace(good, measures=good.measures[1:]), "the policy says inconclusive: fidelity.shape_error"),
        (replace(good, policy=other_purpose), "does not cover the purpose"),
    ]:
        bad = published_by_hand(place, place.build(evidence)[1])
        assert [c.name for c in bad] == ["verdict"]
        assert expected in bad[0].detail
        assert bad[0].file == "evidence/verdict.json"


def test_a_prettier_verdict_or_count_fails_even_when_approved(place: Place) -> None:
    parts = place.evidence.parts()
    for name, fields, expected in [
        ("verdict", {"findings": parts["verdict"].findings[:1]}, "stored verdict is not what"),
        ("provenance", {"synthetic_rows": 30_000}, "other rows than the provenance counts"),
    ]:
        _, folder = place.build()
        changed = parts | {name: parts[name].model_copy(update=fields)}
        (folder / f"evidence/{name}.json").write_bytes(canonical(changed[name].plain()))
        evidence = (changed[n] for n in ("provenance", "profile", "scorecard", "suite", "verdict"))
        rewrite_manifest(folder, evidence_digest=evidence_digest(*evidence))
        bad = published_by_hand(place, folder)
        assert len(bad) == 1
        assert expected in bad[0].detail


def test_a_passport_of_another_candidate_or_form_fails(pristine: Pristine, copied: Copied) -> None:
    place, _ = pristine
    folder = copied()
    resigned(folder, place, candidate="0" * 64)
    assert "given to another candidate" in failing(folder, place)[0].detail
    statement = make_statement([("shop", "0" * 64)], "https://example.org/other", {"x": 1})
    (folder / PASSPORT).write_bytes(sign_statement(statement, [place.signers["platform"]]).to_bytes())
    assert "not a passport" in failing(folder, place)[0].detail


def test_a_manifest_that_lists_other_files_than_the_passport_fails(pristine: Pristine, copied: Copied) -> None:
    place, _ = pristine
    folder = copied()
    manifest = json.loads((folder / "candidate.json").read_bytes())
    manifest["files"][0]["sha256"] = "0" * 64
    (folder / "candidate.json").write_bytes(canonical(manifest))
    resigned(folder, place)
    bad = failing(folder, place)
    assert "lists other files than the folder holds" in bad[0].detail
    assert bad[0].file == manifest["files"][0]["path"]


def test_any_releaser_of_the_roster_may_have_signed(pristine: Pristine, copied: Copied, tmp_path: Path) -> None:
    place, _ = pristine
    second = Signer.generate()
    roster_path = tmp_path / "roster.yaml"
    shutil.copy(place.workspace.roster_path, roster_path)
    roster = add_key(roster_path, "backup", "Backup", "backup@example.org", [RELEASER], second.public)
    folder = copied()
    passport = read_passport(folder, place.roster)
    endorse(folder, passport, second)
    assert all(c.ok for c in verify_release(folder, roster, LATER))
    assert PASSPORT in named(failing(folder, place))
