"""Parsers of what a stranger can write: whatever it is, they refuse it in their own words, and accept nothing else."""

from __future__ import annotations

import base64
import contextlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.candidate import parse_evidence, read_manifest
from lineage.checkpoint import VerifierKey, read_checkpoint
from lineage.decisions import read_approval
from lineage.folders import entry_of
from lineage.inclusion import Inclusion
from lineage.passport import INCLUSION, PASSPORT, read_passport
from lineage.record import RECORD, read_record
from lineage.revocation_list import read_list, sign_list
from lineage.revoking import current_list
from lineage.seal import read_seal
from lineage.signing import Envelope
from lineage.verify import verify_release
from proofset.digest import canonical
from proofset.errors import DeniedError, ProofsetError
from proofset.files import parquet_bytes
from tests.lineage.mutations import bent, mutated, rewritten
from tests.lineage.shop import LATER, NOW, Place, make_table
from tests.lineage.tampering_cases import BEN
from tests.lineage.tampering_world import CANDIDATE, MODELS, World, copy_of, independent, two_releases

PAYLOAD = "application/vnd.in-toto+json"
many = settings(deadline=None, max_examples=300)
some = settings(deadline=None, max_examples=60)


@dataclass(frozen=True)
class Valid:
    """One good example of everything, and a folder that examples may write in."""

    world: World
    listed: bytes
    spare: Path

    @property
    def place(self) -> Place:
        return self.world.place

    def bytes_of(self, name: str) -> bytes:
        return self.world.path(name).read_bytes()


@pytest.fixture(scope="module")
def valid(tmp_path_factory: pytest.TempPathFactory) -> Valid:
    home = tmp_path_factory.mktemp("fuzz")
    place, first, second = two_releases(home / "shop")
    world = copy_of(place, first, second, home)
    listed = sign_list(current_list(place.workspace, place.ledger, NOW), place.signers["platform"]).to_bytes()
    spare = home / "spare"
    shutil.copytree(world.folder, spare)
    return Valid(world, listed, spare)


def refused(read: Callable[[], object]) -> bool:
    """Whether it is refused; any other error than the platform's own goes through and fails the test."""
    try:
        read()
    except ProofsetError as error:
        return bool(error.what)
    return False


# What is signed as a whole: nothing but the very bytes is accepted.


def whole(valid: Valid) -> dict[str, tuple[bytes, Callable[[bytes], object]]]:
    """Name -> valid bytes, and what reads and verifies them."""
    roster, vkey = valid.world.roster, valid.place.ledger.vkey

    def passport(data: bytes) -> object:
        (valid.spare / PASSPORT).write_bytes(data)
        return read_passport(valid.spare, roster)

    return {
        "approval": (valid.bytes_of(BEN), lambda d: read_approval(Envelope.from_bytes(d, "x"), roster)),
        "passport": (valid.bytes_of(PASSPORT), passport),
        "list": (valid.listed, lambda d: read_list(d, "x", roster, NOW)),
        "proof": (valid.bytes_of(INCLUSION), lambda d: Inclusion.from_bytes(d, "x").check(vkey)),
    }


@pytest.mark.parametrize("name", ["approval", "passport", "list", "proof"])
def test_the_controls_are_accepted(name: str, valid: Valid) -> None:
    data, read = whole(valid)[name]
    assert not refused(lambda: read(data))


@pytest.mark.parametrize("name", ["approval", "passport", "list", "proof"])
def test_nothing_but_the_very_bytes_is_accepted(name: str, valid: Valid) -> None:
    data, read = whole(valid)[name]

    @many
    @given(mutated(data))
    def check(changed: bytes) -> None:
        assert refused(lambda: read(changed))

    check()


# What is signed, by somebody whose key counts: accepted only in its one spelling.


def signed_payloads(valid: Valid) -> dict[str, tuple[bytes, str, Callable[[Envelope], dict[str, Any]]]]:
    """Name -> valid payload, who signs, and what reads the envelope and returns the statement it understood."""
    roster = valid.world.roster

    def passport(envelope: Envelope) -> dict[str, Any]:
        (valid.spare / PASSPORT).write_bytes(envelope.to_bytes())
        return read_passport(valid.spare, roster).statement()

    def approval(envelope: Envelope) -> dict[str, Any]:
        said = read_approval(envelope, roster)
        assert said.person == "ben"
        return {}

    return {
        "passport": (valid.world.envelope.payload_bytes, "platform", passport),
        "approval": (Envelope.from_bytes(valid.bytes_of(BEN), BEN).payload_bytes, "ben", approval),
        "list": (
            Envelope.from_bytes(valid.listed, "x").payload_bytes,
            "platform",
            lambda e: read_list(e.to_bytes(), "x", roster, NOW).statement(),
        ),
    }


def sealed(valid: Valid, payload: bytes, person: str) -> Envelope:
    """A good signature over whatever bytes."""
    signer = valid.place.signers[person]
    signature = {"keyid": signer.key_id, "sig": base64.b64encode(signer.sign(payload)).decode()}
    return Envelope.model_validate(
        {"payload": base64.b64encode(payload).decode(), "payloadType": PAYLOAD, "signatures": [signature]}
    )


@pytest.mark.parametrize("name", ["passport", "approval", "list"])
def test_a_signed_statement_has_one_spelling(name: str, valid: Valid) -> None:
    payload, person, read = signed_payloads(valid)[name]

    @many
    @given(mutated(payload))
    def check(changed: bytes) -> None:
        understood: list[dict[str, Any]] = []
        if not refused(lambda: understood.append(read(sealed(valid, changed, person)))) and understood[0]:
            assert canonical(understood[0]) == changed

    check()


@some
@given(st.data())
def test_a_passport_of_any_words_is_a_failed_check_and_no_accident(valid: Valid, data: st.DataObject) -> None:
    """Signed by the platform's key, and so read to the end; by both verifiers."""
    payload = valid.world.envelope.payload_bytes
    envelope = sealed(valid, data.draw(rewritten(payload).filter(lambda d: d != payload)), "platform")
    (valid.spare / PASSPORT).write_bytes(envelope.to_bytes())
    bad = [c for c in verify_release(valid.spare, valid.world.roster, LATER, table=True) if not c.ok]
    assert bad
    assert all(c.name != "folder" for c in bad), bad
    assert independent(valid.spare, valid.world.roster, valid.world.outside)[0] == 1


# Checkpoints and keys, which are text.


@many
@given(st.data())
def test_no_other_checkpoint_is_accepted(valid: Valid, data: st.DataObject) -> None:
    log, note = VerifierKey.parse(valid.place.ledger.vkey), valid.place.ledger.checkpoint()
    lines = note.split("\n")
    shuffled = st.lists(st.sampled_from(lines), max_size=8).map(lambda some: "\n".join(some).encode())
    changed = data.draw(bent(note.encode()) | shuffled | st.binary(max_size=99)).decode(errors="surrogateescape")
    if changed != note:
        assert refused(lambda: read_checkpoint(changed, log))


@many
@given(st.data())
def test_a_verifier_key_has_one_spelling(valid: Valid, data: st.DataObject) -> None:
    text = data.draw(bent(valid.place.ledger.vkey.encode()) | st.binary(max_size=99)).decode(errors="surrogateescape")
    with contextlib.suppress(DeniedError):
        assert str(VerifierKey.parse(text)) == text


# Evidence, manifest, record: what the passport lists by digest.


@many
@given(st.data())
def test_a_record_has_one_spelling(valid: Valid, data: st.DataObject) -> None:
    changed = data.draw(mutated(valid.bytes_of(RECORD)))
    with contextlib.suppress(DeniedError):
        assert read_record(changed).to_bytes() == changed


@many
@given(st.data())
def test_a_manifest_has_one_spelling(valid: Valid, data: st.DataObject) -> None:
    changed = data.draw(mutated(valid.bytes_of(CANDIDATE)))
    (valid.spare / CANDIDATE).write_bytes(changed)
    try:
        with contextlib.suppress(DeniedError):
            assert canonical(read_manifest(valid.spare).plain()) == changed
    finally:
        (valid.spare / CANDIDATE).write_bytes(valid.bytes_of(CANDIDATE))


@pytest.mark.parametrize("name", MODELS)
def test_evidence_of_any_words_is_refused_or_judged(name: str, valid: Valid) -> None:
    """Under a manifest that lists it: what is read goes on to the judge and the gate, which do not stumble either."""
    path = f"evidence/{name}.json"
    good, manifest = valid.bytes_of(path), valid.world.candidate()

    @settings(deadline=None, max_examples=100)
    @given(mutated(good))
    def check(changed: bytes) -> None:
        (valid.spare / path).write_bytes(changed)
        files = tuple(entry_of(valid.spare, path) if f.path == path else f for f in manifest.files)
        with contextlib.suppress(DeniedError):
            parts = parse_evidence(valid.spare, manifest.model_copy(update={"files": files}))
            assert parts.policy.digest == manifest.policy_digest
            parts.broken_links()
            parts.judged(parts.policy, datetime.now(UTC).date())

    check()
    (valid.spare / path).write_bytes(good)


# Data files.


def with_seal(seal: bytes) -> bytes:
    return parquet_bytes(make_table(rows=5), {b"proofset": seal})


@many
@given(st.data())
def test_a_seal_has_one_spelling(valid: Valid, data: st.DataObject) -> None:
    good = canonical({"synthetic": True, "dataset": "shop", "seal": "a" * 64, "evidence": "b" * 64})
    assert read_seal(pa.BufferReader(with_seal(good))) is not None
    changed = data.draw(mutated(good))
    seal = read_seal(pa.BufferReader(with_seal(changed)))
    assert seal is None or canonical(seal.plain()) == changed


@some
@given(st.data())
def test_a_folder_with_any_file_changed_is_refused_by_both(valid: Valid, data: st.DataObject) -> None:
    files = [p.relative_to(valid.world.folder).as_posix() for p in valid.world.folder.rglob("*") if p.is_file()]
    name = data.draw(st.sampled_from(sorted(files)))
    (valid.spare / PASSPORT).write_bytes(valid.bytes_of(PASSPORT))
    good = valid.bytes_of(name)
    changed = data.draw(bent(good).filter(lambda d: d != good))
    (valid.spare / name).write_bytes(changed)
    try:
        bad = [c for c in verify_release(valid.spare, valid.world.roster, LATER) if not c.ok]
        assert name in {c.file for c in bad}
        assert all(c.name != "folder" for c in bad), bad
        assert independent(valid.spare, valid.world.roster, valid.world.outside)[0] == 1
    finally:
        (valid.spare / name).write_bytes(good)
