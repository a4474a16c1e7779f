"""Tampering by somebody who holds keys: an approver's, an old one, a ledger of their own, or the platform's itself.

Where a case signs a passport anew, everything that follows from what it changed is made to fit: file digests, manifest,
seal, verdict, passport, and the proof by a ledger of the attacker's own. What is left to notice is what the case is about.
"""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable
from typing import Any

from lineage.checkpoint import Checkpoint, VerifierKey, cosign, sign_checkpoint
from lineage.inclusion import Inclusion
from lineage.kinds import APPROVAL
from lineage.passport import INCLUSION, PASSPORT, PASSPORT_TYPE
from lineage.signing import Signer, make_statement, sign_statement
from lineage.times import utc_text
from proofset.digest import canonical
from proofset.files import parquet_bytes
from tests.lineage.shop import DAY, HOUR, NOW, another_ledger, make_table, named_ledger
from tests.lineage.tampering_cases import BEN, CHO, VERDICT, Case, Tamper
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


# The ledger's proof.


def checkpoint(**fields: Any) -> Tamper:
    """The proof with a checkpoint that says something else, signed by a key of the attacker's own."""

    def forge(world: World) -> None:
        log = VerifierKey.parse(world.statement()["predicate"]["ledger_key"])
        proof = world.proof
        size, root = proof.checkpoint.split("\n")[1:3]
        real = {"origin": log.name, "size": int(size), "root": base64.b64decode(root).hex()}
        world.reprove(checkpoint=sign_checkpoint(Checkpoint.model_validate(real | fields), Signer.generate()))

    return forge


def noted(before: str, after: str) -> Tamper:
    """The note edited under its old signature."""
    return lambda w: w.reprove(checkpoint=w.proof.checkpoint.replace(before, after, 1))


def bumped(world: World) -> None:
    proof = world.proof
    note = proof.checkpoint.replace(f"\n{proof.size}\n", f"\n{proof.size + 1}\n")
    world.reprove(checkpoint=note, size=proof.size + 1)


def signature_gone(world: World) -> None:
    text, _, _ = world.proof.checkpoint.rpartition("\n\n")
    world.reprove(checkpoint=f"{text}\n\n")


def signed_twice(world: World) -> None:
    world.reprove(checkpoint=world.proof.checkpoint + world.proof.checkpoint.rpartition("\n\n")[2])


def witness_only(world: World) -> None:
    """The log's line replaced by a witness's."""
    note = cosign(world.proof.checkpoint, "witness.example", Signer.generate(), NOW)
    text, _, lines = note.rpartition("\n\n")
    world.reprove(checkpoint=f"{text}\n\n" + lines.split("\n")[1] + "\n")


def path(edit: Callable[[tuple[str, ...]], tuple[str, ...]]) -> Tamper:
    return lambda w: w.reprove(path=edit(w.proof.path))


def entry(hashed: bool = True, **fields: Any) -> Tamper:
    """The entry edited; hashed: its own hash made to fit."""

    def edit(world: World) -> None:
        made = world.proof.entry.model_copy(update=fields)
        if "body" in fields:
            made = made.model_copy(update={"body": world.proof.entry.body | fields["body"]})
        world.reprove(entry=made.model_copy(update={"hash": made.computed_hash()}) if hashed else made)

    return edit


def another_entry(world: World) -> None:
    """A true proof, of an approval of this release."""
    seq = world.place.ledger.entries(APPROVAL, world.candidate().digest)[0].seq
    world.change(INCLUSION, lambda _: world.place.ledger.inclusion(seq).to_bytes())


def another_log(world: World) -> None:
    """The attacker's ledger records the passport as it is; the passport names the platform's."""
    ledger = another_ledger()
    body = world.proof.entry.body
    made = ledger.append("release", world.candidate().digest, body)
    world.change(INCLUSION, lambda _: ledger.inclusion(made.seq).to_bytes())


def unpinned(world: World) -> None:
    """Passport and proof by the attacker's ledger, while the roster pins the platform's."""
    world.roster = world.roster.model_copy(update={"ledgers": (world.place.ledger.vkey,)})
    world.seal_again()


def own_key_inside(world: World) -> None:
    """The platform's ledger by name, with a key of the attacker's own in the passport."""
    key = VerifierKey(VerifierKey.parse(world.place.ledger.vkey).name, Signer.generate().public)
    world.seal_again(ledger_key=str(key))


def recorded_before(world: World) -> None:
    """An entry that is older than the state of the ledger that the passport names."""
    head = named_ledger()["ledger"]
    world.seal_again(ledger=head.model_copy(update={"size": head.size + 10**6}))


def plain_text(world: World) -> None:
    """Not a proof, but valid JSON and canonical."""
    world.path(INCLUSION).write_bytes(canonical({"entry": None, "path": [], "size": 0, "checkpoint": ""}))


def proof_of_other_size(world: World) -> None:
    proof: Inclusion = world.proof
    world.reprove(size=proof.size - 1)


GONE = {"revoked_at": utc_text(NOW), "revoked_why": "stolen"}
FORGERIES = (
    Case("approvals replayed on other data", replayed, "approvals", PASSPORT, "about other bytes"),
    Case(
        "an approval of other evidence",
        approved("ben", evidence_digest="0" * 64),
        "approvals",
        PASSPORT,
        "about other evidence",
    ),
    Case(
        "an approval under another policy",
        approved("ben", policy_digest="0" * 64),
        "approvals",
        PASSPORT,
        "under another policy",
    ),
    Case(
        "an approval of another candidate",
        approved("ben", subject="0" * 64),
        "approvals",
        PASSPORT,
        "about other bytes",
    ),
    Case(
        "an approval under another person's name", moved, "approvals", "approvals/dia.dsse.json", "is signed by 'cho'"
    ),
    Case("one approval twice", one_twice, "approvals", CHO, "is signed by 'ben'"),
    Case("two keys of one person", two_keys, "approvals", CHO, "is signed by 'ben'"),
    Case("a second key that claims another's name", two_keys_one_name, "approvals", CHO, "does not hold the key"),
    Case("an approval signed by two", together, "approvals", BEN, "exactly one signature"),
    Case("an approval by an unknown key", nobodys, "approvals", CHO, "not accepted"),
    Case("an approval without a signature", unsigned, "approvals", CHO, "not an intact envelope"),
    Case(
        "a rejection among the approvals", approved("cho", decision="reject"), "approvals", PASSPORT, "cho rejected it"
    ),
    Case("the requester's own approval", own_request, "approvals", PASSPORT, "nobody approves their own request"),
    Case("an analyst in the officer's place", without_officer, "approvals", PASSPORT, "privacy_officer"),
    Case("one approval of two", alone, "approvals", PASSPORT, "1 of 2 approvals"),
    Case(
        "an approval made after the release",
        approved("ben", signed_at=utc_text(NOW + DAY)),
        "approvals",
        PASSPORT,
        "dated in the future",
    ),
    Case(
        "an approval made too long before",
        approved("ben", signed_at=utc_text(NOW - 30 * DAY)),
        "approvals",
        PASSPORT,
        "older than 20 days",
    ),
    Case("a release dated after its approvals' end", outlived, "approvals", PASSPORT, "older than 20 days"),
    Case(
        "a release dated before its approvals",
        stated(released_at=utc_text(NOW)),
        "approvals",
        PASSPORT,
        "dated in the future",
    ),
    Case(
        "a release dated in the future",
        stated(released_at="2099-01-01T00:00:00.000000Z"),
        "date",
        PASSPORT,
        "in the future",
    ),
    Case("an approver's key revoked before", keys("ben", **GONE), "approvals", PASSPORT, "was revoked on"),
    Case(
        "an approver's key not good yet",
        keys("ben", valid_from="2026-03-02"),
        "approvals",
        PASSPORT,
        "was not good before",
    ),
    Case("an approver's key run out", keys("ben", valid_until="2026-02-28"), "approvals", PASSPORT, "was good until"),
    Case("the releaser's key revoked before", keys("platform", **GONE), "passport", PASSPORT, "was revoked on"),
    Case("an approver struck from the roster", struck("cho"), "approvals", CHO, "not accepted"),
    Case("the releaser struck from the roster", struck("platform"), "passport", PASSPORT, "not accepted"),
    Case("a passport by an approver", passport_by("ben"), "passport", PASSPORT, "not accepted"),
    Case("a passport by an unknown key", passport_by_nobody, "passport", PASSPORT, "not accepted"),
    Case(
        "a passport that somebody without the role countersigned", countersigned, "passport", PASSPORT, "not accepted"
    ),
    Case("a policy with a lower bar", rejudged(policy=lower_bar), "approvals", PASSPORT, "about other bytes"),
    Case("a policy that asks for one signature", one_officer, "approvals", PASSPORT, "under another policy"),
    Case("a waiver added", rejudged(policy=waiver), "approvals", PASSPORT, "about other bytes"),
    Case("a better score", rejudged(scorecard=better), "approvals", PASSPORT, "about other bytes"),
    Case(
        "a verdict without its bad findings",
        rejudged(verdict=prettier),
        "verdict",
        VERDICT,
        "stored verdict is not what",
    ),
    Case("another seed in the provenance", rejudged(provenance=other_seed), "approvals", PASSPORT, "about other bytes"),
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
    Case("another purpose", stated(purpose="public_release"), "statement", PASSPORT, "another purpose", also=False),
    Case("another owner", stated(owner="team:eve"), "statement", PASSPORT, "another owner", also=False),
    Case("another outcome in the passport", stated(outcome="review"), "statement", PASSPORT, "another outcome"),
    Case(
        "an end pushed out",
        stated(expires_at="2099-01-01T00:00:00.000000Z"),
        "statement",
        PASSPORT,
        "another expires_at",
        also=False,
    ),
    Case("an end taken away", stated(expires_at=None), "statement", PASSPORT, "another expires_at", also=False),
    Case("an end that has come", stated(expires_at=utc_text(NOW + 2 * HOUR)), "expiry", PASSPORT, "expired"),
    Case("signed bytes with spaces", spelled, "passport", PASSPORT, "not a passport as this platform writes it"),
    Case("a signed field written twice", doubled, "passport", PASSPORT, "not a passport as this platform writes it"),
    Case("a signature over another payload type", other_payload, "passport", PASSPORT, "payload type"),
    Case(
        "another type of statement", other_predicate, "passport", PASSPORT, "not a passport as this platform writes it"
    ),
    Case(
        "a statement about something else",
        other_subject,
        "passport",
        PASSPORT,
        "not a passport as this platform writes it",
    ),
    Case("a checkpoint by another key", checkpoint(), "ledger", INCLUSION, "not signed by"),
    Case("a forged root", checkpoint(root="0" * 64), "ledger", INCLUSION, "not signed by"),
    Case("a forged size", checkpoint(size=99), "ledger", INCLUSION, "not signed by"),
    Case(
        "a checkpoint of another log", checkpoint(origin="proofset.dev/ledger/eve"), "ledger", INCLUSION, "another log"
    ),
    Case("a bumped size", bumped, "ledger", INCLUSION, "does not match"),
    Case(
        "a checkpoint with lines after the root",
        noted("\n\n", "\nmore\n\n"),
        "ledger",
        INCLUSION,
        "lines after the root",
    ),
    Case("a checkpoint without its signature", signature_gone, "ledger", INCLUSION, "no signatures"),
    Case("a checkpoint signed twice", signed_twice, "ledger", INCLUSION, "signed twice"),
    Case("a witness's line alone", witness_only, "ledger", INCLUSION, "not signed by"),
    Case("an inclusion path cut", path(lambda p: p[:-1]), "ledger", INCLUSION, "does not lead"),
    Case("an inclusion path made longer", path(lambda p: (*p, "0" * 64)), "ledger", INCLUSION, "does not lead"),
    Case("an inclusion path in another order", path(lambda p: p[::-1]), "ledger", INCLUSION, "does not lead"),
    Case(
        "an inclusion path in capitals", path(lambda p: tuple(s.upper() for s in p)), "ledger", INCLUSION, "not spelled"
    ),
    Case("no inclusion path", path(lambda _: ()), "ledger", INCLUSION, "does not lead"),
    Case("a proof for another size", proof_of_other_size, "ledger", INCLUSION, "its checkpoint for"),
    Case("an entry moved", entry(seq=1), "ledger", INCLUSION, "does not lead"),
    Case("an entry with a changed body", entry(body={"released_by": "eve"}), "ledger", INCLUSION, "does not lead"),
    Case(
        "an entry with a hash of another",
        entry(hashed=False, actor="eve"),
        "ledger",
        INCLUSION,
        "does not have the hash",
    ),
    Case("an entry by another hand", entry(actor="eve"), "ledger", INCLUSION, "does not lead"),
    Case("an entry before the beginning", entry(seq=0), "ledger", INCLUSION),
    Case("an entry with a negative number", entry(seq=-5), "ledger", INCLUSION),
    Case("the proof of another entry", another_entry, "ledger", INCLUSION, "not about this release"),
    Case("the proof of another ledger", another_log, "ledger", INCLUSION, "another log"),
    Case("a ledger that the roster does not pin", unpinned, "ledger", INCLUSION, "roster does not list the ledger"),
    Case("a ledger's name with another key", own_key_inside, "ledger", INCLUSION),
    Case("an entry older than the passport", recorded_before, "ledger", INCLUSION, "older than the passport"),
    Case("something else in the proof's place", plain_text, "ledger", INCLUSION, "not an intact inclusion proof"),
)
