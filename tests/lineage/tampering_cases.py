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
    Case("a bit flipped in the table", flip(TABLE), "files", TABLE, "was changed"),
    Case("a bit flipped in the scorecard", flip(SCORES), "files", SCORES, "was changed"),
    Case("a bit flipped in the manifest", flip(CANDIDATE), "files", CANDIDATE),
    Case("a bit flipped in an approval", flip(BEN), "files", BEN),
    Case("a bit flipped in the record", flip("record.json"), "files", "record.json"),
    Case("a bit flipped in the report", flip("report.html"), "files", "report.html"),
    Case("a bit flipped in the passport's payload", flip(PASSPORT, 0.3), "passport", PASSPORT),
    Case("a bit flipped in the passport's signature", flip(PASSPORT, 0.97), "passport", PASSPORT),
    Case("a bit flipped in the ledger's proof", flip(INCLUSION), "ledger", INCLUSION),
    Case("the table cut short", cut(TABLE), "files", TABLE),
    Case("the passport cut short", cut(PASSPORT), "passport", PASSPORT, "not an intact envelope"),
    Case("the proof cut short", cut(INCLUSION), "ledger", INCLUSION, "not an intact inclusion proof"),
    Case("a byte behind the table", longer(TABLE, b"\0"), "files", TABLE),
    Case("a line break behind the passport", longer(PASSPORT, b"\n"), "passport", PASSPORT),
    Case("a space behind the proof", longer(INCLUSION, b" "), "ledger", INCLUSION),
    Case("a second document behind the passport", longer(PASSPORT, b"{}"), "passport", PASSPORT),
    Case(
        "a mark of byte order before an approval", lambda w: w.change(BEN, lambda d: b"\xef\xbb\xbf" + d), "files", BEN
    ),
    Case("the table emptied", emptied(TABLE), "files", TABLE),
    Case("the manifest emptied", emptied(CANDIDATE), "files", CANDIDATE),
    Case("the proof emptied", emptied(INCLUSION), "ledger", INCLUSION),
    Case("the passport gone", gone(PASSPORT), "passport", PASSPORT, "missing"),
    Case("the proof gone", gone(INCLUSION), "ledger", INCLUSION),
    Case("an approval gone", gone(CHO), "files", CHO, "is missing"),
    Case("the card gone", gone("README.md"), "files", "README.md", "is missing"),
    Case("the evidence gone", folder_gone, "files", SCORES, "is missing"),
    Case("the table renamed", renamed(TABLE, "data/visit.parquet"), "files", TABLE, "is missing"),
    Case("a name in other case", renamed("README.md", "Readme.md"), "files", "Readme.md", "not in the manifest"),
    Case("a name with a look-alike letter", renamed("README.md", f"RE{CYRILLIC_A}DME.md"), "files", "README.md"),
    Case(
        "a look-alike beside it", added(f"d{CYRILLIC_A}ta/visits.parquet"), "files", f"d{CYRILLIC_A}ta/visits.parquet"
    ),
    Case("a name with a space behind it", added("README.md "), "files", "README.md ", "not in the manifest"),
    Case("a name with an accent in two code points", added("re\u0301sume\u0301.md"), "files", "re\u0301sume\u0301.md"),
    Case("a hidden file", added(".DS_Store"), "files", ".DS_Store", "not in the manifest"),
    Case("a hidden file far below", added("data/.cache/a/b/x"), "files", "data/.cache/a/b/x"),
    Case("a file in a new folder", added("evidence/more/x.json"), "files", "evidence/more/x.json"),
    Case("a second table", added("data/more.parquet"), "files", "data/more.parquet", "not in the manifest"),
    Case("one more export", added("exports/more.json"), "files", "exports/more.json"),
    Case("one more approval", added("approvals/eve.dsse.json"), "files", "approvals/eve.dsse.json"),
    Case("an empty folder", empty_folder, "files", "data/later"),
    Case("the table behind a link", linked(TABLE), "files", TABLE, "symbolic link"),
    Case("the passport behind a link", linked(PASSPORT), "passport", PASSPORT),
    Case("the proof behind a link", linked(INCLUSION), "ledger", INCLUSION),
    Case("the evidence behind a link", folder_linked, "files", "evidence", "symbolic link"),
    Case("the passports of two releases swapped", taken(PASSPORT), "files", TABLE, "was changed"),
    Case("their proofs swapped", taken(INCLUSION), "ledger", INCLUSION, "not about this release"),
    Case("their passports and proofs swapped", taken(PASSPORT, INCLUSION), "files", TABLE),
    Case("their tables swapped", taken(TABLE), "files", TABLE),
    Case("their manifests swapped", taken(CANDIDATE), "files", CANDIDATE),
    Case("their verdicts swapped", taken(VERDICT), "files", VERDICT),
    Case("an approval of the other release", taken(BEN), "files", BEN),
    Case("their records swapped", taken("record.json"), "files", "record.json"),
    Case("an export swapped", taken("exports/croissant.json"), "files", "exports/croissant.json"),
    Case("the signature taken off the passport", unsigned(PASSPORT), "passport", PASSPORT, "not an intact envelope"),
    Case("the signature taken off an approval", unsigned(CHO), "files", CHO),
    Case("the signature of another passport", signature_of_another, "passport", PASSPORT, "does not match"),
    Case("a bad signature beside the good one", bad_signature_beside, "passport", PASSPORT, "not accepted"),
    Case("one signature twice", one_signature_twice, "passport", PASSPORT, "signed twice"),
    Case("a nicer title under the old signature", payload_edited, "passport", PASSPORT, "does not match"),
    Case("the payload spelled otherwise", payload_reencoded, "passport", PASSPORT, "not an intact envelope"),
    Case("another payload type", payload_type, "passport", PASSPORT, "payload type"),
    Case("an approval in the passport's place", approval_as_passport, "passport", PASSPORT, "not accepted"),
    Case("the passport in an approval's place", passport_as_approval, "files", BEN),
    Case("a field written twice in the passport", twice(PASSPORT, b'"payload"'), "passport", PASSPORT),
    Case("a field written twice in the proof", twice(INCLUSION, b'"checkpoint"'), "ledger", INCLUSION),
    Case("a field written twice in the manifest", twice(CANDIDATE, b'"dataset"'), "files", CANDIDATE),
    Case(
        "a field too many in the passport",
        lambda w: w.edit_json(PASSPORT, lambda e: e.update(x=1)),
        "passport",
        PASSPORT,
    ),
    Case(
        "a field too many in the proof", lambda w: w.edit_json(INCLUSION, lambda e: e.update(x=1)), "ledger", INCLUSION
    ),
    Case("the passport with spaces", spaced(PASSPORT), "passport", PASSPORT, "canonical"),
    Case("the proof with its fields in another order", reordered(INCLUSION), "ledger", INCLUSION),
    Case("a passport of endless nesting", passport_of_nesting, "passport", PASSPORT),
    Case("a better score", better, "files", SCORES),
    Case("a waiver written into the policy", waiver, "files", "evidence/policy.json"),
    Case(
        "a policy with a lower bar",
        text("evidence/policy.json", b'"max":0.05', b'"max":0.50'),
        "files",
        "evidence/policy.json",
    ),
    Case("another outcome", text(VERDICT, b'"outcome":"pass"', b'"outcome":"review"'), "files", VERDICT),
    Case(
        "another requester in the manifest", text(CANDIDATE, b"ada@example.org", b"eve@example.org"), "files", CANDIDATE
    ),
)
