"""Revocation: what it reaches, against a brute-force walk; entering it, marking it, and the list for offline checks."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage import standing
from lineage.lookup import lookup
from lineage.revocation import Made, Revocation, reached
from lineage.revocation_list import read_list, sign_list
from lineage.revoking import current_list, listed, revoke
from lineage.roster import read_roster
from lineage.signing import Envelope
from lineage.states import State
from lineage.verify import verify_release
from proofset.errors import DeniedError, LedgerError, ProofsetError, RosterError, UnknownNameError
from tests.lineage.shop import DAY, HOUR, LATER, NOW, Place


def one(name: str, source: str = "real", parents: tuple[str, ...] = (), **more: object) -> Made:
    told = {"dataset": "shop", "generator": "trees", "generator_version": "1", "tables": (f"table-{name}",)} | more
    return Made.model_validate({"candidate": name, "sources": (source,), "parents": parents} | told)


def gone(kind: str, target: str) -> Revocation:
    return Revocation.model_validate({"kind": kind, "target": target, "reason": "why", "who": "ada", "at": NOW})


def test_a_revoked_source_reaches_its_last_descendant() -> None:
    family = [one("a"), one("b", "table-a", ("a",)), one("c", "table-b", ("b",)), one("d", "elsewhere")]
    found = reached([gone("source", "real")], family)
    assert set(found) == {"a", "b", "c"}
    assert found["c"][0].startswith("it derives from shop b: the source real was revoked on 2026-03-01: why")


def test_a_source_that_is_a_table_of_ours_is_descent_even_where_no_parent_is_named() -> None:
    assert set(reached([gone("release", "a")], [one("a"), one("b", "table-a")])) == {"a", "b"}


def test_a_version_of_a_generator_is_revoked_without_the_others() -> None:
    made = [one("a"), one("b", generator_version="2"), one("c", generator="rules")]
    assert set(reached([gone("generator", "trees 1")], made)) == {"a"}
    assert set(reached([gone("generator", "trees")], made)) == {"a", "b"}


def test_a_key_reaches_what_it_signed_from_then_on() -> None:
    made = [one("a", signatures=(("key", NOW - HOUR),)), one("b", signatures=(("key", NOW + HOUR),))]
    assert set(reached([gone("key", "key")], made)) == {"b"}
    early = gone("key", "key").model_copy(update={"since": NOW - DAY})
    assert set(reached([early], made)) == {"a", "b"}


def test_a_circle_of_descent_comes_to_an_end() -> None:
    assert set(reached([gone("release", "a")], [one("a", parents=("b",)), one("b", parents=("a",))])) == {"a", "b"}


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 12), st.data())
def test_what_is_reached_is_what_a_walk_along_every_line_of_descent_finds(size: int, data: st.DataObject) -> None:
    names = [f"n{i}" for i in range(size)]
    parents = {n: data.draw(st.lists(st.sampled_from(names), max_size=3, unique=True)) for n in names}
    hit = data.draw(st.lists(st.sampled_from(names), max_size=3, unique=True))
    found = reached([gone("release", n) for n in hit], [one(n, f"s{n}", tuple(parents[n])) for n in names])

    def descends(name: str, seen: frozenset[str] = frozenset()) -> bool:
        return name in hit or any(descends(p, seen | {name}) for p in parents[name] if p not in seen | {name})

    assert set(found) == {n for n in names if descends(n)}
    assert all(found.values())


def digest(place: Place) -> str:
    return place.ledger.entries("candidate")[-1].subject


def test_a_revoked_release_is_refused_everywhere(released: Place) -> None:
    folder = released.workspace.releases / "shop" / digest(released)[:12]
    found = revoke(released.workspace, released.ledger, "release", "shop", "a mistake", "ada", LATER)
    assert [(f.candidate, f.released) for f in found] == [(digest(released), True)]
    with pytest.raises(DeniedError, match="was withdrawn: .*a mistake"):
        released.release(now=LATER)
    hit = lookup(released.workspace, released.ledger, "shop", LATER)[0]
    assert (hit.state, hit.released) == ("revoked", False)
    assert standing.released_states(released.ledger, LATER)[digest(released)].state is State.REVOKED
    reasons = standing.withdrawn(released.ledger)[digest(released)]
    online = verify_release(folder, released.roster, LATER, withdrawn=reasons)
    assert [c.name for c in online if not c.ok] == ["revocation"]
    assert "a mistake" in (folder.parent / f"{folder.name}.REVOKED.txt").read_text()
    assert all(c.ok for c in verify_release(folder, released.roster, LATER))  # its bytes are what was signed


def test_a_signed_list_says_so_offline(released: Place) -> None:
    folder = released.workspace.releases / "shop" / digest(released)[:12]
    empty = current_list(released.workspace, released.ledger, LATER)
    revoke(released.workspace, released.ledger, "source", "shop", "consent withdrawn", "ada", LATER)
    made = current_list(released.workspace, released.ledger, LATER)
    data = sign_list(made, released.signers["platform"]).to_bytes()
    read = read_list(data, "list", released.roster, LATER)
    assert read == made
    checks = verify_release(folder, released.roster, LATER, revocations=read)
    assert [c.detail for c in checks if not c.ok] == ["the source shop was revoked on 2026-03-02: consent withdrawn"]
    clean = verify_release(folder, released.roster, LATER, revocations=empty)
    assert all(c.ok for c in clean)


@pytest.mark.parametrize("fault", ["forged", "approver", "stale", "future", "cut"])
def test_a_list_that_cannot_be_relied_on_clears_nothing(released: Place, fault: str) -> None:
    made = current_list(released.workspace, released.ledger, LATER)
    signer = released.signers["ben" if fault == "approver" else "platform"]
    envelope = sign_list(made, signer)
    if fault == "forged":
        other = sign_list(made.model_copy(update={"workspace": "bank"}), signer)
        envelope = Envelope(payload=other.payload, payloadType=other.payloadType, signatures=envelope.signatures)
    data = envelope.to_bytes()[: -5 if fault == "cut" else None]
    now = {"stale": LATER + 31 * DAY, "future": LATER - DAY}.get(fault, LATER)
    with pytest.raises(DeniedError):
        read_list(data, "list", released.roster, now)


def test_a_source_that_is_revoked_stops_candidates_made_later(released: Place) -> None:
    revoke(released.workspace, released.ledger, "source", "shop", "consent withdrawn", "ada", LATER)
    evidence = released.evidence
    evidence.table = evidence.table.slice(1)
    candidate, _ = released.record(evidence, LATER + HOUR)
    with pytest.raises(DeniedError, match="cannot be approved: .*consent withdrawn"):
        released.sign(candidate, "ben", at=LATER + 2 * HOUR)
    with pytest.raises(DeniedError, match="it is withdrawn"):
        released.release(now=LATER + 3 * HOUR)


def test_revoking_twice_adds_nothing_and_an_earlier_moment_counts(released: Place) -> None:
    key = released.signers["ben"].key_id
    assert revoke(released.workspace, released.ledger, "key", key[:12], "lost", "ada", LATER) == []
    size = released.ledger.head.size
    revoke(released.workspace, released.ledger, "key", key[:12], "lost", "ada", LATER)
    assert released.ledger.head.size == size
    found = revoke(released.workspace, released.ledger, "key", key[:12], "stolen", "ada", LATER, since=NOW)
    assert [f.candidate for f in found] == [digest(released)]
    listed_key = next(k for p in released.roster.people for k in p.keys if k.id == key)
    assert listed_key.revoked_at is not None
    assert listed_key.revoked_at.startswith("2026-03-01T12")


def test_a_key_revoked_after_a_release_leaves_it_good_and_one_revoked_before_does_not(released: Place) -> None:
    folder = released.workspace.releases / "shop" / digest(released)[:12]
    for person in ("ben", "platform"):
        revoke(
            released.workspace, released.ledger, "key", released.signers[person].key_id[:12], "rotated", "ada", LATER
        )
    assert all(c.ok for c in verify_release(folder, released.roster, LATER + HOUR))
    revoke(released.workspace, released.ledger, "key", released.signers["ben"].key_id[:12], "stolen", "ada", LATER, NOW)
    bad = [c for c in verify_release(folder, released.roster, LATER + HOUR) if not c.ok]
    assert any("was revoked on 2026-03-01" in c.detail for c in bad)


def test_a_decision_dated_back_behind_a_revocation_does_not_count(place: Place) -> None:
    candidate, _ = place.record()
    stolen = place.signers["ben"]
    revoke(place.workspace, place.ledger, "key", stolen.key_id[:12], "stolen", "ada", NOW + 2 * HOUR)
    place.sign(candidate, "cho", at=NOW + 3 * HOUR)
    from lineage.decisions import make_approval
    from lineage.records import append

    envelope = make_approval(candidate, stolen, place.roster, "approve", "", NOW + HOUR)  # its clock was set back
    body = {"envelope": envelope.plain(), "person": "ben"}
    append(place.ledger, "approval", candidate, body, NOW + 3 * HOUR, "ben")
    with pytest.raises(DeniedError, match="its key .* was revoked"):
        place.release(now=NOW + 4 * HOUR)


@pytest.mark.parametrize(
    ("kind", "target", "error"),
    [
        ("source", "nothing", UnknownNameError),
        ("generator", "tree", UnknownNameError),
        ("release", "abcdef", UnknownNameError),
        ("key", "abcdef", UnknownNameError),
        ("person", "ada", UnknownNameError),
    ],
)
def test_what_is_not_known_is_not_revoked(released: Place, kind: str, target: str, error: type[ProofsetError]) -> None:
    size = released.ledger.head.size
    with pytest.raises(error):
        revoke(released.workspace, released.ledger, kind, target, "why", "ada", LATER)  # type: ignore[arg-type]
    assert released.ledger.head.size == size


def test_a_revocation_needs_a_reason(released: Place) -> None:
    with pytest.raises(DeniedError, match="a reason and a name"):
        revoke(released.workspace, released.ledger, "release", "shop", "  ", "ada", LATER)


def test_a_revocation_that_cannot_be_read_stops_everything(released: Place) -> None:
    released.ledger.append("revocation", "x", {"kind": "planet"}, LATER)
    with pytest.raises(LedgerError, match="does not describe a revocation"):
        listed(released.ledger)
    with pytest.raises(LedgerError):
        released.release(now=LATER + HOUR)


def test_the_roster_keeps_what_it_says_when_a_key_is_revoked(released: Place, tmp_path: Path) -> None:
    before = released.roster
    with pytest.raises(RosterError, match="more than one|no"):
        from lineage.roster import revoke_key

        revoke_key(released.workspace.roster_path, "", LATER, "why")
    revoke(released.workspace, released.ledger, "key", released.signers["dia"].key_id[:12], "left", "ada", LATER)
    after = read_roster(released.workspace.roster_path)
    assert [p.model_copy(update={"keys": ()}) for p in after.people] == [
        p.model_copy(update={"keys": ()}) for p in before.people
    ]
