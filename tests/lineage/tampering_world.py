"""Two real releases under one ledger and roster, and what an attacker with some of the keys can do to a copy of one."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import runpy
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lineage
from lineage.candidate import read_parquet
from lineage.folders import entry_of, survey
from lineage.inclusion import Inclusion
from lineage.passport import INCLUSION, PASSPORT, Passport
from lineage.records import record_candidate
from lineage.roster import Roster
from lineage.seal import Seal
from lineage.signing import APPROVAL_TYPE, Envelope, Signer, make_statement, sign_statement
from lineage.times import utc_text
from proofset.digest import canonical, sha256_bytes, sha256_file
from proofset.evidence import Candidate, Direction, Measure, Profile, Provenance, Scorecard, SuiteResult, Verdict
from proofset.evidence import evidence_digest as digest_of
from proofset.files import parquet_bytes
from proofset.policy import Policy
from proofset.policy_judge import Facts, judge
from proofset.policy_union import UNITED
from proofset.spec import DatasetSpec
from tests.lineage.shop import (
    HOUR,
    NOW,
    POLICY,
    Evidence,
    Place,
    enter,
    make_measures,
    make_place,
    make_table,
    named_ledger,
)

CANDIDATE, TABLE = "candidate.json", "data/visits.parquet"
INDEPENDENT = Path(lineage.__file__).parent / "audit_pack" / "verify.py"
MODELS: dict[str, Any] = {
    "provenance": Provenance,
    "profile": Profile,
    "scorecard": Scorecard,
    "suite": SuiteResult,
    "verdict": Verdict,
    "policy": Policy,
    "spec": DatasetSpec,
}


def two_releases(root: Path) -> tuple[Place, Path, Path]:
    """A place with two releases of one source, good for ten years, the second attacked together with the first."""
    place = make_place(root)
    place.write("policies/sharing.yaml", POLICY + "expires_after_days: 3650\n")
    candidate, _ = place.record()
    place.sign(candidate, "ben", "cho")
    first = place.release().folder
    united = Measure(
        name=UNITED["privacy.exact_copy_rate"], title="Together", value=0.0, low=0.0, high=0.0, reference=0.002, n=300,
        direction=Direction.LOWER, floor=0, ceiling=1,
    )  # fmt: skip
    evidence = Evidence(place.evidence.spec, place.evidence.policy, make_table(1), (*make_measures(), united))
    parts = evidence.parts()
    card = parts["scorecard"].model_copy(update={"union": (candidate.synthetic_digest,)})
    facts = Facts.of(parts["provenance"], evidence.spec.source)
    verdict = judge(evidence.policy, card, parts["suite"], facts, evidence.today)
    later = NOW + 3 * HOUR
    second, folder = place.build(evidence, scorecard=card, verdict=verdict)
    record_candidate(place.workspace, place.ledger, second, folder, later)
    place.sign(second, "ben", "cho", at=later)
    return place, first, place.release(second.digest, now=later + HOUR).folder


@dataclass
class World:
    """A copy of one release. roster: whose signatures count; other: an intact release of the same source."""

    place: Place
    folder: Path
    other: Path
    roster: Roster
    outside: Path

    def path(self, name: str) -> Path:
        return self.folder / name

    def change(self, name: str, edit: Callable[[bytes], bytes]) -> None:
        data = self.path(name).read_bytes()
        changed = edit(data)
        assert changed != data
        self.path(name).write_bytes(changed)

    def edit_json(self, name: str, edit: Callable[[Any], object]) -> None:
        """Edit a JSON file and write it canonically."""
        value = json.loads(self.path(name).read_bytes())
        edit(value)
        self.change(name, lambda _: canonical(value))

    def take(self, *names: str) -> None:
        """Put the other release's files in place of one's own."""
        for name in names:
            self.change(name, lambda _, name=name: (self.other / name).read_bytes())  # type: ignore[misc]

    # With an approver's key.

    def candidate(self) -> Candidate:
        return Candidate.model_validate_json(self.path(CANDIDATE).read_bytes())

    def predicate(self, person: str, **fields: Any) -> dict[str, Any]:
        candidate = self.candidate()
        return {
            "person": person,
            "decision": "approve",
            "comment": "looked",
            "evidence_digest": candidate.evidence_digest,
            "policy_digest": candidate.policy_digest,
            "signed_at": utc_text(NOW + HOUR),
        } | fields

    def approval(self, person: str, *signers: Signer, subject: str = "", **fields: Any) -> Envelope:
        """An approval made by hand, past everything that the platform would refuse to sign."""
        about = subject or self.candidate().digest
        statement = make_statement([("shop", about)], APPROVAL_TYPE, self.predicate(person, **fields))
        return sign_statement(statement, signers or [self.place.signers[person]])

    def put(self, person: str, envelope: Envelope) -> None:
        self.path(f"approvals/{person}.dsse.json").write_bytes(envelope.to_bytes())

    # With the releaser's key.

    @property
    def envelope(self) -> Envelope:
        return Envelope.from_bytes(self.path(PASSPORT).read_bytes(), PASSPORT)

    def statement(self) -> dict[str, Any]:
        made: dict[str, Any] = json.loads(self.envelope.payload_bytes)
        return made

    def seal_again(self, signer: Signer | None = None, **fields: Any) -> None:
        """Sign a new passport over whatever is in the folder, and have a ledger of one's own record it."""
        said = self.statement()["predicate"]
        said["files"] = [
            entry_of(self.folder, n).plain() for n in survey(self.folder)[0] if n not in (PASSPORT, INCLUSION)
        ]
        said["candidate"] = sha256_file(self.path(CANDIDATE))
        plain = {n: v.plain() if hasattr(v, "plain") else v for n, v in (named_ledger() | fields).items()}
        passport = Passport.model_validate(said | plain)
        self.sign(sign_statement(passport.statement(), [signer or self.place.signers["platform"]]), passport.candidate)

    def sign(self, envelope: Envelope, candidate: str = "") -> None:
        """Put a passport in place, with a proof that a ledger recorded it."""
        self.path(PASSPORT).write_bytes(envelope.to_bytes())
        enter(self.folder, candidate or self.candidate().digest)

    def sign_payload(self, payload: bytes, payload_type: str) -> Envelope:
        """An envelope over these very bytes, by the releaser."""
        signer = self.place.signers["platform"]
        signature = {"keyid": signer.key_id, "sig": base64.b64encode(signer.sign(payload, payload_type)).decode()}
        fields = {"payload": base64.b64encode(payload).decode(), "payloadType": payload_type, "signatures": [signature]}
        return Envelope.model_validate(fields)

    def rejudge(self, **evidence: Callable[[Any], None]) -> None:
        """Edit files in evidence/ and make everything that follows from them fit: verdict, digests, seal, manifest."""
        plain = {n: json.loads(self.path(f"evidence/{n}.json").read_bytes()) for n in MODELS}
        for name, edit in evidence.items():
            edit(plain[name])
        parts = {n: MODELS[n].model_validate(v) for n, v in plain.items()}
        facts = Facts.of(parts["provenance"], parts["spec"].source)
        if "verdict" not in evidence:
            parts["verdict"] = judge(parts["policy"], parts["scorecard"], parts["suite"], facts, NOW.date())
        for name, part in parts.items():
            self.path(f"evidence/{name}.json").write_bytes(canonical(part.plain()))
        about = digest_of(*(parts[n] for n in ("provenance", "profile", "scorecard", "suite", "verdict")))
        fields = {
            "evidence_digest": about,
            "policy_digest": parts["policy"].digest,
            "outcome": parts["verdict"].outcome.value,
        }
        self.refit(**fields)
        self.seal_again(**fields, seal=self.candidate().seal)

    def refit(self, **fields: Any) -> None:
        """Make seal and manifest fit what is in the folder."""
        manifest = json.loads(self.path(CANDIDATE).read_bytes()) | fields
        names = ("dataset", "synthetic_digest", "evidence_digest", "policy_digest", "requested_by")
        seal = Seal.make(**{n: manifest[n] for n in names})
        table = read_parquet(self.path(TABLE).read_bytes())
        self.path(TABLE).write_bytes(parquet_bytes(table, seal.metadata))
        manifest["files"] = [entry_of(self.folder, e["path"]).plain() for e in manifest["files"]]
        self.path(CANDIDATE).write_bytes(canonical(manifest))

    def reprove(self, **fields: Any) -> None:
        """Edit the proof of inclusion and write it canonically."""
        proof = Inclusion.from_bytes(self.path(INCLUSION).read_bytes(), INCLUSION)
        self.change(INCLUSION, lambda _: proof.model_copy(update=fields).to_bytes())

    @property
    def proof(self) -> Inclusion:
        return Inclusion.from_bytes(self.path(INCLUSION).read_bytes(), INCLUSION)

    def keys(self, person: str, **fields: Any) -> None:
        """Change what the roster says of a person's keys."""
        people = tuple(
            p.model_copy(update={"keys": tuple(k.model_copy(update=fields) for k in p.keys)}) if p.id == person else p
            for p in self.roster.people
        )
        self.roster = Roster.model_validate(self.roster.model_copy(update={"people": people}).plain())


def second_key(world: World, person: str) -> Signer:
    """Give a person one key more."""
    signer = Signer.generate()
    key = {"id": sha256_bytes(signer.public), "public": base64.b64encode(signer.public).decode(), "added": "2026-02-01"}
    plain = world.roster.plain()
    next(p for p in plain["people"] if p["id"] == person)["keys"].append(key)
    world.roster = Roster.model_validate(plain)
    return signer


def copy_of(place: Place, release: Path, other: Path, home: Path) -> World:
    folder = Path(shutil.copytree(release, home / "release"))
    return World(place, folder, other, place.roster, home)


def independent(folder: Path, roster: Roster, home: Path, *more: str) -> tuple[int, str]:
    """Exit code and words of the verifier of the audit pack, which shares no code with the platform."""
    listed = home / "roster.json"
    listed.write_bytes(canonical(roster.plain()))
    said, given = io.StringIO(), sys.argv
    sys.argv = [str(INDEPENDENT), str(folder), "--roster", str(listed), *more]
    try:
        with contextlib.redirect_stdout(said):
            runpy.run_path(str(INDEPENDENT), run_name="__main__")
    except SystemExit as ended:
        return int(bool(ended.code)), said.getvalue()
    finally:
        sys.argv = given
    raise AssertionError("it ends with an exit code")
