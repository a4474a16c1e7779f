"""Tampering by somebody who holds no key: a copy of a release is edited, and whoever verifies it must notice.

Each case says which check fails and which file or fact it names. The other table is in `tampering_forgeries.py`.
"""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass

from lineage.passport import INCLUSION, PASSPORT
from lineage.signing import Signature
from proofset.digest import canonical
from tests.lineage.tampering_world import CANDIDATE, TABLE, World

Tamper = Callable[[World], object]
BEN, CHO = "approvals/ben.dsse.json", "approvals/cho.dsse.json"
SCORES, VERDICT = "evidence/scorecard.json", "evidence/verdict.json"
CYRILLIC_A = "\u0430"


@dataclass(frozen=True)
class Case:
    """tamper: what is done.  check, file, says: the check that must fail, the file it names, words of its detail.

    also: whether the independent verifier, which does not recompute the verdict, claims to notice it, too.
    """

    name: str
    tamper: Tamper
    check: str
    file: str | None
    says: str = ""
    also: bool = True


def unlisted(name: str, tamper: Tamper, file: str, says: str = "") -> Case:
    """A file that is not as the passport lists it."""
    return Case(name, tamper, "files", file, says)


def unsealed(name: str, tamper: Tamper, says: str = "") -> Case:
    """A passport that is not one, or not signed as it must be."""
    return Case(name, tamper, "passport", PASSPORT, says)


def unproven(name: str, tamper: Tamper, says: str = "") -> Case:
    """A proof that does not hold, or proves something else."""
    return Case(name, tamper, "ledger", INCLUSION, says)


def uncounted(name: str, tamper: Tamper, says: str, file: str = PASSPORT) -> Case:
    """Approvals that do not count, or not for this."""
    return Case(name, tamper, "approvals", file, says)


def unstated(name: str, tamper: Tamper, says: str, also: bool = True) -> Case:
    """A passport that states what does not follow from the folder."""
    return Case(name, tamper, "statement", PASSPORT, says, also)


def flip(name: str, at: float = 0.5) -> Tamper:
    """One bit, at this share of the file."""
    return lambda w: w.change(name, lambda d: d[: (n := int(len(d) * at))] + bytes([d[n] ^ 1]) + d[n + 1 :])


def cut(name: str) -> Tamper:
    return lambda w: w.change(name, lambda d: d[:-1])


def longer(name: str, more: bytes) -> Tamper:
    return lambda w: w.change(name, lambda d: d + more)


def emptied(name: str) -> Tamper:
    return lambda w: w.change(name, lambda _: b"")


def gone(name: str) -> Tamper:
    return lambda w: w.path(name).unlink()


def renamed(name: str, to: str) -> Tamper:
    return lambda w: w.path(name).rename(w.path(to))


def added(name: str) -> Tamper:
    def add(world: World) -> None:
        world.path(name).parent.mkdir(parents=True, exist_ok=True)
        world.path(name).write_bytes(b"x")

    return add


def linked(name: str) -> Tamper:
    """The same bytes, but somewhere else, where they can be changed after the check."""

    def link(world: World) -> None:
        away = world.outside / "away"
        shutil.move(world.path(name), away)
        world.path(name).symlink_to(away)

    return link


def taken(*names: str) -> Tamper:
    return lambda w: w.take(*names)


def text(name: str, before: bytes, after: bytes) -> Tamper:
    return lambda w: w.change(name, lambda d: d.replace(before, after, 1))


def twice(name: str, key: bytes) -> Tamper:
    """A field written twice: some readers keep the first, some the last."""
    return lambda w: w.change(name, lambda d: b"{" + key + b":" + b'"x",' + d[1:])


def spaced(name: str) -> Tamper:
    """The same JSON, spelled otherwise."""
    return lambda w: w.change(name, lambda d: json.dumps(json.loads(d), indent=1).encode())


def reordered(name: str) -> Tamper:
    return lambda w: w.change(
        name, lambda d: json.dumps(dict(reversed(json.loads(d).items())), separators=(",", ":")).encode()
    )


def unsigned(name: str) -> Tamper:
    return lambda w: w.edit_json(name, lambda e: e.update(signatures=[]))


def bad_signature_beside(world: World) -> None:
    made = world.envelope
    other = Signature(keyid=world.place.signers["ben"].key_id, sig=made.signatures[0].sig)
    both = made.model_copy(update={"signatures": (*made.signatures, other)})
    world.path(PASSPORT).write_bytes(both.to_bytes())


def one_signature_twice(world: World) -> None:
    made = world.envelope
    world.path(PASSPORT).write_bytes(made.model_copy(update={"signatures": made.signatures * 2}).to_bytes())


def signature_of_another(world: World) -> None:
    other = json.loads((world.other / PASSPORT).read_bytes())
    world.edit_json(PASSPORT, lambda e: e.update(signatures=other["signatures"]))


def payload_edited(world: World) -> None:
    """What a word processor would do: a nicer title under the old signature."""
    said = world.statement()
    said["predicate"]["title"] = "Better"
    world.edit_json(PASSPORT, lambda e: e.update(payload=base64.b64encode(canonical(said)).decode()))


def payload_reencoded(world: World) -> None:
    """base64 without its padding or with a line break decodes to the same bytes in many readers."""
    world.edit_json(PASSPORT, lambda e: e.update(payload=e["payload"][:76] + "\n" + e["payload"][76:]))


def payload_type(world: World) -> None:
    world.edit_json(PASSPORT, lambda e: e.update(payloadType="application/json"))


def approval_as_passport(world: World) -> None:
    shutil.copy(world.path(BEN), world.path(PASSPORT))


def passport_as_approval(world: World) -> None:
    shutil.copy(world.path(PASSPORT), world.path(BEN))


def passport_of_nesting(world: World) -> None:
    world.path(PASSPORT).write_bytes(b'{"payload":' + b"[" * 200_000)


def folder_gone(world: World) -> None:
    shutil.rmtree(world.path("evidence"))


def folder_linked(world: World) -> None:
    shutil.move(world.path("evidence"), world.outside / "evidence")
    world.path("evidence").symlink_to(world.outside / "evidence")


def empty_folder(world: World) -> None:
    world.path("data/later").mkdir()


def waiver(world: World) -> None:
    one = {"measure": "fidelity.shape_error", "why": "in a hurry", "by": "eve", "until": "2036-01-01"}
    world.edit_json("evidence/policy.json", lambda p: p.update(waivers=[one]))


def better(world: World) -> None:
    world.edit_json(SCORES, lambda s: s["measures"][0].update(value=0.001, low=0.0, high=0.002))


STRANGERS = (
    unlisted("a bit flipped in the table", flip(TABLE), TABLE, "was changed"),
    unlisted("a bit flipped in the scorecard", flip(SCORES), SCORES, "was changed"),
    unlisted("a bit flipped in the manifest", flip(CANDIDATE), CANDIDATE),
    unlisted("a bit flipped in an approval", flip(BEN), BEN),
    unlisted("a bit flipped in the record", flip("record.json"), "record.json"),
    unlisted("a bit flipped in the report", flip("report.html"), "report.html"),
    unsealed("a bit flipped in the passport's payload", flip(PASSPORT, 0.3)),
    unsealed("a bit flipped in the passport's signature", flip(PASSPORT, 0.97)),
    unproven("a bit flipped in the ledger's proof", flip(INCLUSION)),
    unlisted("the table cut short", cut(TABLE), TABLE),
    unsealed("the passport cut short", cut(PASSPORT), "not an intact envelope"),
    unproven("the proof cut short", cut(INCLUSION), "not an intact inclusion proof"),
    unlisted("a byte behind the table", longer(TABLE, b"\x00"), TABLE),
    unsealed("a line break behind the passport", longer(PASSPORT, b"\n")),
    unproven("a space behind the proof", longer(INCLUSION, b" ")),
    unsealed("a second document behind the passport", longer(PASSPORT, b"{}")),
    unlisted("a mark of byte order before an approval", lambda w: w.change(BEN, lambda d: b"\xef\xbb\xbf" + d), BEN),
    unlisted("the table emptied", emptied(TABLE), TABLE),
    unlisted("the manifest emptied", emptied(CANDIDATE), CANDIDATE),
    unproven("the proof emptied", emptied(INCLUSION)),
    unsealed("the passport gone", gone(PASSPORT), "missing"),
    unproven("the proof gone", gone(INCLUSION)),
    unlisted("an approval gone", gone(CHO), CHO, "is missing"),
    unlisted("the card gone", gone("README.md"), "README.md", "is missing"),
    unlisted("the evidence gone", folder_gone, SCORES, "is missing"),
    unlisted("the table renamed", renamed(TABLE, "data/visit.parquet"), TABLE, "is missing"),
    unlisted("a name in other case", renamed("README.md", "Readme.md"), "Readme.md", "not in the manifest"),
    unlisted("a name with a look-alike letter", renamed("README.md", f"RE{CYRILLIC_A}DME.md"), "README.md"),
    unlisted("a look-alike beside it", added(f"d{CYRILLIC_A}ta/visits.parquet"), f"d{CYRILLIC_A}ta/visits.parquet"),
    unlisted("a name with a space behind it", added("README.md "), "README.md ", "not in the manifest"),
    unlisted("a name with an accent in two code points", added("résumé.md"), "résumé.md"),
    unlisted("a hidden file", added(".DS_Store"), ".DS_Store", "not in the manifest"),
    unlisted("a hidden file far below", added("data/.cache/a/b/x"), "data/.cache/a/b/x"),
    unlisted("a file in a new folder", added("evidence/more/x.json"), "evidence/more/x.json"),
    unlisted("a second table", added("data/more.parquet"), "data/more.parquet", "not in the manifest"),
    unlisted("one more export", added("exports/more.json"), "exports/more.json"),
    unlisted("one more approval", added("approvals/eve.dsse.json"), "approvals/eve.dsse.json"),
    unlisted("an empty folder", empty_folder, "data/later"),
    unlisted("the table behind a link", linked(TABLE), TABLE, "symbolic link"),
    unsealed("the passport behind a link", linked(PASSPORT)),
    unproven("the proof behind a link", linked(INCLUSION)),
    unlisted("the evidence behind a link", folder_linked, "evidence", "symbolic link"),
    unlisted("the passports of two releases swapped", taken(PASSPORT), TABLE, "was changed"),
    unproven("their proofs swapped", taken(INCLUSION), "not about this release"),
    unlisted("their passports and proofs swapped", taken(PASSPORT, INCLUSION), TABLE),
    unlisted("their tables swapped", taken(TABLE), TABLE),
    unlisted("their manifests swapped", taken(CANDIDATE), CANDIDATE),
    unlisted("their verdicts swapped", taken(VERDICT), VERDICT),
    unlisted("an approval of the other release", taken(BEN), BEN),
    unlisted("their records swapped", taken("record.json"), "record.json"),
    unlisted("an export swapped", taken("exports/croissant.json"), "exports/croissant.json"),
    unsealed("the signature taken off the passport", unsigned(PASSPORT), "not an intact envelope"),
    unlisted("the signature taken off an approval", unsigned(CHO), CHO),
    unsealed("the signature of another passport", signature_of_another, "does not match"),
    unsealed("a bad signature beside the good one", bad_signature_beside, "not accepted"),
    unsealed("one signature twice", one_signature_twice, "signed twice"),
    unsealed("a nicer title under the old signature", payload_edited, "does not match"),
    unsealed("the payload spelled otherwise", payload_reencoded, "not an intact envelope"),
    unsealed("another payload type", payload_type, "payload type"),
    unsealed("an approval in the passport's place", approval_as_passport, "not accepted"),
    unlisted("the passport in an approval's place", passport_as_approval, BEN),
    unsealed("a field written twice in the passport", twice(PASSPORT, b'"payload"')),
    unproven("a field written twice in the proof", twice(INCLUSION, b'"checkpoint"')),
    unlisted("a field written twice in the manifest", twice(CANDIDATE, b'"dataset"'), CANDIDATE),
    unsealed("a field too many in the passport", lambda w: w.edit_json(PASSPORT, lambda e: e.update(x=1))),
    unproven("a field too many in the proof", lambda w: w.edit_json(INCLUSION, lambda e: e.update(x=1))),
    unsealed("the passport with spaces", spaced(PASSPORT), "canonical"),
    unproven("the proof with its fields in another order", reordered(INCLUSION)),
    unsealed("a passport of endless nesting", passport_of_nesting),
    unlisted("a better score", better, SCORES),
    unlisted("a waiver written into the policy", waiver, "evidence/policy.json"),
    unlisted(
        "a policy with a lower bar", text("evidence/policy.json", b'"max":0.05', b'"max":0.50'), "evidence/policy.json"
    ),
    unlisted("another outcome", text(VERDICT, b'"outcome":"pass"', b'"outcome":"review"'), VERDICT),
    unlisted("another requester in the manifest", text(CANDIDATE, b"ada@example.org", b"eve@example.org"), CANDIDATE),
)
