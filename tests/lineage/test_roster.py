"""The roster refuses everything under which one person could count as two, or a key as another."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml

from lineage.roster import RELEASER, Person, add_key, read_roster
from lineage.signing import Signer
from proofset.errors import RosterError


def listed(signer: Signer) -> dict[str, str]:
    return {"id": signer.key_id, "public": base64.b64encode(signer.public).decode(), "added": "2026-01-02"}


def person(name: str, *signers: Signer, **changes: Any) -> dict[str, Any]:
    base = {"id": name, "name": name.title(), "email": f"{name}@example.org", "roles": ["data_steward"]}
    return base | {"keys": [listed(s) for s in signers]} | changes


def written(path: Path, *people: dict[str, Any]) -> Path:
    path.write_text(yaml.safe_dump({"people": list(people)}))
    return path


def test_a_roster_finds_the_holder_of_a_key_and_the_keys_of_a_role(tmp_path: Path) -> None:
    one, two, three = Signer.generate(), Signer.generate(), Signer.generate()
    roster = read_roster(
        written(tmp_path / "r.yaml", person("ana", one, two), person("bot", three, roles=[RELEASER]), person("cy"))
    )
    holder = roster.person_of(two.key_id)
    assert holder is not None
    assert holder.id == "ana"
    assert roster.person_of("0" * 64) is None
    assert roster.keys_of(RELEASER) == {three.key_id: three.public}
    assert roster.keys_of().keys() == {one.key_id, two.key_id, three.key_id}
    assert len(roster.digest) == 64


def bad_rosters() -> dict[str, tuple[list[dict[str, Any]], str]]:
    one, two = Signer.generate(), Signer.generate()
    other_id = listed(one) | {"id": two.key_id}
    short = listed(one) | {"public": base64.b64encode(b"x" * 31).decode()}
    return {
        "key twice within": ([person("ana", one, one)], f"{one.key_id[:12]} is listed twice, by 'ana' and 'ana'"),
        "key twice across": ([person("ana", one), person("ben", one)], "listed twice, by 'ana' and 'ben'"),
        "person twice": ([person("ana", one), person("ana", two, email="x@y.zz")], "'ana' is listed twice"),
        "same e-mail": ([person("ana", one), person("ben", two, email="ANA@Example.org")], "'ana' and 'ben' have the"),
        "id of another key": ([person("ana", keys=[other_id])], f"{two.key_id[:12]}: id is not the SHA-256"),
        "31 bytes": ([person("ana", keys=[short])], "holds 31 bytes"),
        "no base64": ([person("ana", keys=[listed(one) | {"public": "!!"}])], "must be base64"),
        "no date": ([person("ana", keys=[listed(one) | {"added": "soon"}])], "ISO date"),
        "no role": ([person("ana", one, roles=[])], "roles"),
        "nobody": ([], "people"),
    }


@pytest.mark.parametrize("case", bad_rosters())
def test_a_bad_roster_is_refused_and_the_error_names_the_fault(case: str, tmp_path: Path) -> None:
    people, expected = bad_rosters()[case]
    with pytest.raises(RosterError) as caught:
        read_roster(written(tmp_path / "r.yaml", *people))
    assert expected in str(caught.value)


def test_a_missing_roster_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(RosterError, match="proofset keys new"):
        read_roster(tmp_path / "roster.yaml")


def test_adding_keys_makes_and_extends_a_readable_file(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "roster.yaml"
    first, second, other = Signer.generate(), Signer.generate(), Signer.generate()
    add_key(path, "ana", "Ana", "ana@example.org", ["data_steward"], first.public)
    add_key(path, "ben", "Ben", "ben@example.org", ["privacy_officer"], other.public)
    roster = add_key(path, "ana", "Ana", "ANA@example.org", [], second.public)
    assert roster == read_roster(path)
    assert [(p.id, len(p.keys)) for p in roster.people] == [("ana", 2), ("ben", 1)]
    assert path.read_text().startswith("# People who may")


@pytest.mark.parametrize(
    ("person_id", "email", "roles", "expected"),
    [
        ("ana", "other@example.org", [], "another e-mail"),
        ("ana", "ana@example.org", ["privacy_officer"], "privacy_officer"),
        ("eve", "ana@example.org", ["data_steward"], "same e-mail"),
        ("Eve!", "eve@example.org", ["data_steward"], "id"),
        ("eve", "eve@example.org", [], "roles"),
    ],
)
def test_adding_a_key_grants_nothing_else(
    person_id: str, email: str, roles: list[str], expected: str, tmp_path: Path
) -> None:
    path = tmp_path / "roster.yaml"
    add_key(path, "ana", "Ana", "ana@example.org", ["data_steward"], Signer.generate().public)
    before = path.read_bytes()
    with pytest.raises(RosterError, match=expected):
        add_key(path, person_id, "Eve", email, roles, Signer.generate().public)
    assert path.read_bytes() == before


def test_a_key_is_listed_once(tmp_path: Path) -> None:
    path, signer = tmp_path / "roster.yaml", Signer.generate()
    add_key(path, "ana", "Ana", "ana@example.org", ["data_steward"], signer.public)
    with pytest.raises(RosterError, match="listed twice"):
        add_key(path, "ben", "Ben", "ben@example.org", ["data_steward"], signer.public)


ADA = Person.model_validate(
    {"id": "ada", "name": "Ada  Example", "email": "Ada@Example.org", "roles": ["data_steward"]}
)


@pytest.mark.parametrize(
    "asked",
    [
        *("ada", "ADA", " ada ", "ada\n", "Ada Example", "ada example", "ADA\tEXAMPLE"),
        *("ada@example.org", " ADA@EXAMPLE.ORG", "Ada E. <ada@example.org>", "mailto:ada@example.org"),
    ],
)
def test_a_person_is_recognised_in_every_spelling(asked: str) -> None:
    assert ADA.is_called(asked)


@pytest.mark.parametrize("asked", ["", "adam", "ada@example.com", "bada@example.org", "team:ada", "Example"])
def test_nobody_is_taken_for_somebody_else(asked: str) -> None:
    assert not ADA.is_called(asked)
