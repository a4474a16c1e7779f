"""Reproductions: signed statements whose outcome follows from what they compare, read strictly."""

from __future__ import annotations

import base64
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from lineage.reproduction import MADE, REPRODUCTION_TYPE, Reproduction, Version, make_reproduction, read_reproduction
from lineage.roster import Roster, add_key, revoke_key
from lineage.signing import Envelope, Signer, make_statement, sign_statement
from proofset.errors import DeniedError
from proofset.evidence import Candidate

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DIGESTS = {name: f"{place}" * 64 for place, name in enumerate(MADE)}


def candidate() -> Candidate:
    made = {"dataset": "shop", "synthetic_digest": "a", "evidence_digest": "e" * 64, "policy_digest": "p"}
    return Candidate.model_validate(made | {"requested_by": "x@example.org", "outcome": "pass", "files": []})


@pytest.fixture
def people(tmp_path: Path) -> tuple[Roster, Signer, Signer]:
    ada, ben = Signer.generate(), Signer.generate()
    path = tmp_path / "roster.yaml"
    add_key(path, "ada", "Ada", "ada@example.org", ["data_steward"], ada.public, added=date(2026, 1, 1))
    roster = add_key(path, "ben", "Ben", "ben@example.org", ["analyst"], ben.public, added=date(2026, 1, 1))
    return roster, ada, ben


def reproduction(**found: str) -> Reproduction:
    version = Version(package="numpy", expected="2.0", found="2.1")
    return Reproduction.of(DIGESTS, DIGESTS | found, [version], 3, "proofset 0.1.0")


def test_the_first_step_that_differs_is_named() -> None:
    assert (reproduction().outcome, reproduction().differs_at) == ("reproduced", None)
    for name in MADE:
        made = reproduction(**{name: "f" * 64})
        assert (made.outcome, made.differs_at) == ("differs", name)
        assert [s.same for s in made.steps] == [n != name for n in MADE]
    stopped = Reproduction.of(DIGESTS, {"split": DIGESTS["split"]}, [], None, "proofset 0.1.0")
    assert (stopped.outcome, stopped.differs_at) == ("differs", "fitted")


@pytest.mark.parametrize(
    "change",
    [
        {"outcome": "differs"},
        {"differs_at": "split"},
        {"outcome": "differs", "differs_at": "split"},
        {"steps": []},
        {"workers": 0},
    ],
)
def test_an_outcome_that_does_not_follow_cannot_be_stated(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Reproduction.model_validate(reproduction().plain() | change)
    bad = reproduction(fitted="f" * 64).plain() | {"outcome": "reproduced"}
    with pytest.raises(ValidationError):
        Reproduction.model_validate(bad)


def test_it_is_read_as_it_was_signed(people: tuple[Roster, Signer, Signer]) -> None:
    roster, ada, _ = people
    for made in (reproduction(), reproduction(synthetic="f" * 64)):
        envelope = make_reproduction(candidate(), made, ada, roster, NOW)
        back = read_reproduction(Envelope.from_bytes(envelope.to_bytes(), "r"), roster)
        assert (back.person, back.candidate, back.dataset) == ("ada", candidate().digest, "shop")
        assert (back.evidence_digest, back.signed_at, back.reproduction) == ("e" * 64, NOW, made)


def test_a_stranger_and_a_key_that_is_not_good_sign_nothing(
    people: tuple[Roster, Signer, Signer], tmp_path: Path
) -> None:
    roster, ada, _ = people
    with pytest.raises(DeniedError, match="cannot be signed"):
        make_reproduction(candidate(), reproduction(), Signer.generate(), roster, NOW)
    envelope = make_reproduction(candidate(), reproduction(), ada, roster, NOW)
    with pytest.raises(DeniedError):
        read_reproduction(envelope, Roster.model_validate({"people": [p.plain() for p in roster.people[1:]]}))
    late = make_reproduction(candidate(), reproduction(), ada, roster, NOW + timedelta(days=2))
    revoked, _ = revoke_key(tmp_path / "roster.yaml", ada.key_id[:12], NOW + timedelta(days=1), "lost")
    assert read_reproduction(envelope, revoked).person == "ada"  # what was signed before stays good
    with pytest.raises(DeniedError, match="does not count"):
        read_reproduction(late, revoked)
    with pytest.raises(DeniedError, match="cannot be signed"):
        make_reproduction(candidate(), reproduction(), ada, revoked, NOW + timedelta(days=2))


def _statement(envelope: Envelope) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(base64.b64decode(envelope.payload))
    return loaded


def test_every_other_statement_is_refused(people: tuple[Roster, Signer, Signer]) -> None:
    """Signed by a key of the roster, and still not a reproduction as this platform writes it."""
    roster, ada, ben = people
    good = _statement(make_reproduction(candidate(), reproduction(fitted="f" * 64), ada, roster, NOW))
    said = good["predicate"]
    lie = said["reproduction"] | {"outcome": "reproduced", "differs_at": None}
    changes: list[dict[str, Any]] = [
        good | {"predicateType": "https://proofset.dev/approval/v1"},
        good | {"_type": "https://in-toto.io/Statement/v0.1"},
        good | {"subject": []},
        good | {"subject": good["subject"] * 2},
        good | {"more": 1},
        good | {"predicate": said | {"more": 1}},
        good | {"predicate": said | {"signed_at": "2026-03-01"}},
        good | {"predicate": said | {"evidence_digest": "E" * 64}},
        good | {"predicate": said | {"reproduction": lie}},
        good | {"predicate": said | {"reproduction": said["reproduction"] | {"workers": "3"}}},
    ]
    for statement in changes:
        with pytest.raises(DeniedError, match="not a reproduction"):
            read_reproduction(sign_statement(statement, [ada]), roster)
    with pytest.raises(DeniedError, match="does not hold the key"):
        read_reproduction(sign_statement(good, [ben]), roster)
    with pytest.raises(DeniedError, match="exactly one signature"):
        read_reproduction(sign_statement(good, [ada, ben]), roster)
    with pytest.raises(DeniedError):
        read_reproduction(sign_statement(good, [Signer.generate()]), roster)
    other = make_statement([("shop", "0" * 64)], REPRODUCTION_TYPE, {})
    with pytest.raises(DeniedError, match="not a reproduction"):
        read_reproduction(sign_statement(other, [ada]), roster)


def test_every_changed_byte_of_the_payload_is_noticed(people: tuple[Roster, Signer, Signer]) -> None:
    roster, ada, _ = people
    envelope = make_reproduction(candidate(), reproduction(), ada, roster, NOW)
    payload = base64.b64decode(envelope.payload)
    for place in range(0, len(payload), 7):
        changed = payload[:place] + bytes([payload[place] ^ 1]) + payload[place + 1 :]
        with pytest.raises(DeniedError, match="does not match"):
            read_reproduction(envelope.model_copy(update={"payload": base64.b64encode(changed).decode()}), roster)
