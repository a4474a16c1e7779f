"""Tampering by somebody who holds keys: an approver's, an old one, a ledger of their own, or the platform's itself.

Where a case signs a passport anew, everything that follows from what it changed is made to fit: file digests, manifest,
seal, verdict, passport, and a proof by a ledger of the attacker's own. What the case is about is left to be noticed.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from typing import Any

from lineage.passport import PASSPORT, PASSPORT_TYPE
from lineage.signing import Signer, make_statement, sign_statement
from lineage.times import utc_text
from proofset.digest import canonical
from proofset.files import parquet_bytes
from tests.lineage.shop import DAY, HOUR, NOW, make_table
from tests.lineage.tampering_cases import (
    BEN,
    CHO,
    VERDICT,
    Case,
    Tamper,
    uncounted,
    unsealed,
    unstated,
)
from tests.lineage.tampering_world import CANDIDATE, TABLE, World, second_key

PASSPORT_PAYLOAD = "application/vnd.in-toto+json"


# Approvals, under a passport that the platform signed anew.


def resigned(change: Tamper) -> Tamper:
    """What holding the platform's key adds: the passport fits again."""

    def tamper(world: World) -> None:
        change(world)
        world.seal_again()

    return tamper


def approved(person: str, **fields: Any) -> Tamper:
    """An approval signed by hand, with other words than the platform would put."""
    return resigned(lambda w: w.put(person, w.approval(person, **fields)))


def replayed(world: World) -> None:
    """Both approvals of the other release: real signatures about other data."""
    world.take(BEN, CHO)
    world.seal_again()


def moved(world: World) -> None:
    shutil.move(world.path(CHO), world.path("approvals/dia.dsse.json"))
    world.seal_again()


def one_twice(world: World) -> None:
    shutil.copy(world.path(BEN), world.path(CHO))
    world.seal_again()


def two_keys(world: World) -> None:
    """Ben signs for Cho with a second key of his own."""
    world.put("cho", world.approval("ben", second_key(world, "ben")))
    world.seal_again()


def two_keys_one_name(world: World) -> None:
    """Ben's second key, and an approval that says it is Cho's."""
    world.put("cho", world.approval("cho", second_key(world, "ben")))
    world.seal_again()


def together(world: World) -> None:
    signers = world.place.signers
    world.put("ben", world.approval("ben", signers["ben"], signers["cho"]))
    world.seal_again()


def nobodys(world: World) -> None:
    world.put("cho", world.approval("cho", Signer.generate()))
    world.seal_again()


def unsigned(world: World) -> None:
    world.edit_json(CHO, lambda e: e.update(signatures=[]))
    world.seal_again()


def own_request(world: World) -> None:
    world.path(BEN).unlink()
    world.put("ada", world.approval("ada"))
    world.seal_again()


def without_officer(world: World) -> None:
    world.path(CHO).unlink()
    world.put("dia", world.approval("dia"))
    world.seal_again()


def alone(world: World) -> None:
    world.path(CHO).unlink()
    world.seal_again()


def outlived(world: World) -> None:
    world.seal_again(released_at=utc_text(NOW + 40 * DAY), expires_at=utc_text(NOW + 3690 * DAY))


# The roster's word on keys.


def keys(person: str, **fields: Any) -> Tamper:
    """What was signed with a key that the roster says was not good then."""
    return lambda w: w.keys(person, **fields)


def struck(person: str) -> Tamper:
    """A roster that does not list the person."""

    def strike(world: World) -> None:
        left = tuple(p for p in world.roster.people if p.id != person)
        world.roster = world.roster.model_copy(update={"people": left})

    return strike


# Evidence and policy, made to fit again.


def rejudged(**evidence: Callable[[Any], object]) -> Tamper:
    return lambda w: w.rejudge(**evidence)  # type: ignore[arg-type]


def lower_bar(policy: Any) -> None:
    policy["require"][0]["max"] = 0.5


def nobody_needed(policy: Any) -> None:
    policy["approvals"] = {"required": 1, "roles": [], "valid_days": 36500}


def one_officer(world: World) -> None:
    """A policy that asks for one signature, and an approval by the one approver whose key was stolen."""
    world.rejudge(policy=nobody_needed)
    world.path(BEN).unlink()
    world.path(CHO).unlink()
    world.put("ben", world.approval("ben", policy_digest=world.statement()["predicate"]["policy_digest"][::-1]))
    world.seal_again()


def waiver(policy: Any) -> None:
    policy["waivers"] = [
        {"measure": "fidelity.shape_error", "why": "in a hurry", "by": "eve@example.org", "until": "2036-01-01"}
    ]


def better(card: Any) -> None:
    card["measures"][0] |= {"value": 0.001, "low": 0.0, "high": 0.002}


def prettier(verdict: Any) -> None:
    verdict["findings"] = verdict["findings"][:1]


def other_seed(origin: Any) -> None:
    origin["seed"] = 8


def outcome(world: World) -> None:
    world.edit_json(CANDIDATE, lambda c: c.update(outcome="review"))
    world.seal_again(outcome="review")


def other_manifest(world: World) -> None:
    world.take(CANDIDATE)
    world.seal_again()


def other_table(world: World) -> None:
    world.path(TABLE).write_bytes(parquet_bytes(make_table(9)))
    world.refit()
    world.seal_again()


def evidence_twice(world: World) -> None:
    """A field written twice in the evidence: readers may differ in which they keep."""
    world.change(VERDICT, lambda d: b'{"outcome":"fail",' + d[1:])
    world.refit()
    world.seal_again()


# The passport's own words.


def stated(**fields: Any) -> Tamper:
    return lambda w: w.seal_again(**fields)


def passport_by(person: str) -> Tamper:
    return lambda w: w.seal_again(w.place.signers[person])


def passport_by_nobody(world: World) -> None:
    world.seal_again(Signer.generate())


def countersigned(world: World) -> None:
    """A releaser's good signature and, beside it, a good one by somebody who is none."""
    world.seal_again()
    signers = [world.place.signers["platform"], world.place.signers["dia"]]
    world.sign(sign_statement(world.statement(), signers))


def no_time(world: World) -> None:
    """An approval that the ledger recorded at no time."""
    world.seal_again()
    made = world.statement()
    made["predicate"]["approvals"][0]["recorded_at"] = "soon"
    world.sign(sign_statement(made, [world.place.signers["platform"]]))


def spelled(world: World) -> None:
    """Signed bytes that say the same with spaces in between."""
    payload = json.dumps(world.statement(), indent=1).encode()
    world.seal_again()
    world.sign(world.sign_payload(payload, PASSPORT_PAYLOAD))


def doubled(world: World) -> None:
    world.seal_again()
    payload = canonical(world.statement())
    payload = payload.replace(b'"predicate":{', b'"predicate":{"title":"Better",', 1)
    world.sign(world.sign_payload(payload, PASSPORT_PAYLOAD))


def other_payload(world: World) -> None:
    world.seal_again()
    world.sign(world.sign_payload(canonical(world.statement()), "application/json"))


def other_predicate(world: World) -> None:
    world.seal_again()
    world.sign(
        sign_statement(world.statement() | {"predicateType": f"{PASSPORT_TYPE}x"}, [world.place.signers["platform"]])
    )


def other_subject(world: World) -> None:
    """Signed about nothing, while its words are about the release."""
    world.seal_again()
    made = make_statement([("shop", "0" * 64)], PASSPORT_TYPE, world.statement()["predicate"])
    world.sign(sign_statement(made, [world.place.signers["platform"]]))


END_OF_TIME = "9999-12-31T23:59:59.999999Z"
GONE = {"revoked_at": utc_text(NOW), "revoked_why": "stolen"}
FORGERIES = (
    uncounted("approvals replayed on other data", replayed, "about other bytes"),
    uncounted("an approval of other evidence", approved("ben", evidence_digest="0" * 64), "about other evidence"),
    uncounted("an approval under another policy", approved("ben", policy_digest="0" * 64), "under another policy"),
    uncounted("an approval of another candidate", approved("ben", subject="0" * 64), "about other bytes"),
    uncounted("an approval under another person's name", moved, "is signed by 'cho'", file="approvals/dia.dsse.json"),
    uncounted("one approval twice", one_twice, "is signed by 'ben'", file=CHO),
    uncounted("two keys of one person", two_keys, "is signed by 'ben'", file=CHO),
    uncounted("a second key that claims another's name", two_keys_one_name, "does not hold the key", file=CHO),
    uncounted("an approval signed by two", together, "exactly one signature", file=BEN),
    uncounted("an approval by an unknown key", nobodys, "not accepted", file=CHO),
    uncounted("an approval without a signature", unsigned, "not an intact envelope", file=CHO),
    uncounted("a rejection among the approvals", approved("cho", decision="reject"), "cho rejected it"),
    uncounted("the requester's own approval", own_request, "nobody approves their own request"),
    uncounted("an analyst in the officer's place", without_officer, "privacy_officer"),
    uncounted("one approval of two", alone, "1 of 2 approvals"),
    uncounted(
        "an approval made after the release", approved("ben", signed_at=utc_text(NOW + DAY)), "dated in the future"
    ),
    uncounted(
        "an approval made too long before", approved("ben", signed_at=utc_text(NOW - 30 * DAY)), "older than 20 days"
    ),
    uncounted("a release dated after its approvals' end", outlived, "older than 20 days"),
    uncounted("a release dated before its approvals", stated(released_at=utc_text(NOW)), "dated in the future"),
    Case(
        "a release dated in the future",
        stated(released_at="2099-01-01T00:00:00.000000Z"),
        "date",
        PASSPORT,
        "in the future",
    ),
    uncounted("an approver's key revoked before", keys("ben", **GONE), "was revoked on"),
    uncounted("an approver's key not good yet", keys("ben", valid_from="2026-03-02"), "was not good before"),
    uncounted("an approver's key run out", keys("ben", valid_until="2026-02-28"), "was good until"),
    unsealed("the releaser's key revoked before", keys("platform", **GONE), "was revoked on"),
    uncounted("an approver struck from the roster", struck("cho"), "not accepted", file=CHO),
    unsealed("the releaser struck from the roster", struck("platform"), "not accepted"),
    unsealed("a passport by an approver", passport_by("ben"), "not accepted"),
    unsealed("a passport by an unknown key", passport_by_nobody, "not accepted"),
    unsealed("a passport that somebody without the role countersigned", countersigned, "not accepted"),
    uncounted("a policy with a lower bar", rejudged(policy=lower_bar), "about other bytes"),
    uncounted("a policy that asks for one signature", one_officer, "under another policy"),
    uncounted("a waiver added", rejudged(policy=waiver), "about other bytes"),
    uncounted("a better score", rejudged(scorecard=better), "about other bytes"),
    Case(
        "a verdict without its bad findings",
        rejudged(verdict=prettier),
        "verdict",
        VERDICT,
        "stored verdict is not what",
    ),
    uncounted("another seed in the provenance", rejudged(provenance=other_seed), "about other bytes"),
    Case("another outcome in manifest and passport", outcome, "candidate", CANDIDATE, "outcome does not follow"),
    Case(
        "the manifest of the other release",
        other_manifest,
        "candidate",
        None,
        "lists other files than the folder holds",
    ),
    Case("another table, sealed and listed", other_table, "table", TABLE, "not the one that was measured"),
    Case("a field written twice in the evidence", evidence_twice, "candidate", VERDICT, "does not hold what it should"),
    unstated("another purpose", stated(purpose="public_release"), "another purpose", also=False),
    unstated("another owner", stated(owner="team:eve"), "another owner", also=False),
    unstated("another outcome in the passport", stated(outcome="review"), "another outcome"),
    unstated("an end pushed out", stated(expires_at="2099-01-01T00:00:00.000000Z"), "another expires_at", also=False),
    unstated("an end taken away", stated(expires_at=None), "another expires_at", also=False),
    Case("a release at the end of all calendars", stated(released_at=END_OF_TIME), "date", PASSPORT, "in the future"),
    unsealed("an approval recorded at no time", no_time, "not a passport as this platform writes it"),
    Case("an end that has come", stated(expires_at=utc_text(NOW + 2 * HOUR)), "expiry", PASSPORT, "expired"),
    unsealed("signed bytes with spaces", spelled, "not a passport as this platform writes it"),
    unsealed("a signed field written twice", doubled, "not a passport as this platform writes it"),
    unsealed("a signature over another payload type", other_payload, "payload type"),
    unsealed("another type of statement", other_predicate, "not a passport as this platform writes it"),
    unsealed("a statement about something else", other_subject, "not a passport as this platform writes it"),
)
