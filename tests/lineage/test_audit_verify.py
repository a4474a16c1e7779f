"""A stranger's check: the pack's verifiers alone, in an environment without the platform, and on hostile packs."""

from __future__ import annotations

import ast
import base64
import json
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lineage.audit_manifest import MANIFEST
from lineage.exports import EXPORTERS
from lineage.passport import read_passport
from lineage.revocation_list import read_list, sign_list
from lineage.revoking import current_list, revoke
from lineage.roster import Roster, end_keys, revoke_key
from lineage.signing import Envelope, Signer, sign_statement
from lineage.times import utc_text
from lineage.verify import verify_release
from proofset.digest import canonical, sha256_bytes
from proofset.errors import DeniedError
from tests.lineage.audit_world import NEXT, export, flip, ran, unpacked, verified
from tests.lineage.shop import DAY, HOUR, LATER, NOW, Place, another_ledger, endorse, make_place, named_ledger

SCRIPTS = Path(__file__).resolve().parents[2] / "lineage" / "audit_pack"
Pristine = tuple[Place, Path]


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Pristine:
    """A place, and a pack about its release, unpacked; tests copy it."""
    home = tmp_path_factory.mktemp("audit")
    place = make_place(home / "shop")
    candidate, _ = place.record()
    place.sign(candidate, "ben", "cho")
    place.release()
    return place, unpacked(export(place, home / "pack.zip"), home / "pack")


@pytest.fixture
def pack(pristine: Pristine, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pristine[1], tmp_path / "pack"))


@pytest.mark.parametrize("name", ["verify.py", "verify_ledger.py"])
def test_a_verifier_is_short_and_needs_only_cryptography(name: str) -> None:
    text = (SCRIPTS / name).read_text()
    assert len(text.splitlines()) <= 150
    tree = ast.walk(ast.parse(text))
    modules = {a.name for n in tree if isinstance(n, ast.Import) for a in n.names}
    modules |= {n.module or "" for n in ast.walk(ast.parse(text)) if isinstance(n, ast.ImportFrom)}
    roots = {m.split(".")[0] for m in modules}
    assert roots - set(sys.stdlib_module_names) == {"cryptography"}


def test_it_verifies_where_nothing_but_cryptography_is_installed(pack: Path, tmp_path: Path) -> None:
    """A Python without site-packages, and a folder with only `cryptography` and what it needs."""
    library = tmp_path / "library"
    library.mkdir()
    installed = Path(sysconfig.get_paths()["platlib"])
    wanted = [
        p for p in installed.iterdir() if p.name in ("cryptography", "cffi") or p.name.startswith("_cffi_backend")
    ]
    assert any(p.name == "cryptography" for p in wanted)
    for part in wanted:
        (library / part.name).symlink_to(part)

    def stranger(code: str) -> subprocess.CompletedProcess[str]:
        start = f"import sys; sys.path.insert(0, {str(library)!r}); "
        return subprocess.run(
            [sys.executable, "-I", "-S", "-c", start + code], capture_output=True, text=True, cwd=pack
        )

    def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return stranger(
            f"sys.argv = {[script, *arguments]!r}; import runpy; runpy.run_path({script!r}, run_name='__main__')"
        )

    for missing in ("proofset", "pydantic", "pyarrow", "yaml"):
        assert stranger(f"import {missing}").returncode == 1
    asked = (".", "--roster", "roster.json", "--without-data")
    good = run("verify.py", *asked)
    assert (good.returncode, good.stderr) == (0, ""), good.stdout
    assert "NOT HERE: data/visits.parquet" in good.stdout
    assert run("verify_ledger.py", ".").returncode == 0
    flip(pack / "release" / "evidence" / "verdict.json")
    bad = run("verify.py", *asked)
    assert bad.returncode == 1
    assert "release/evidence/verdict.json" in bad.stdout
    assert "Traceback" not in bad.stderr


def test_one_changed_byte_in_any_file_fails_and_names_it(pristine: Pristine, pack: Path) -> None:
    trusted = pristine[1] / "roster.json"
    files = sorted(p for p in pack.rglob("*") if p.is_file())
    assert len(files) > 35
    for path in files:
        name = path.relative_to(pack).as_posix()
        good = path.read_bytes()
        for at in {0, len(good) // 2, len(good) - 1}:
            flip(path, at)
            code, said = verified(pack, roster=trusted, script=SCRIPTS / "verify.py")
            assert (code, name in said) == (1, True), (name, at, said)
            path.write_bytes(good)
    assert verified(pack)[0] == 0


def test_every_missing_and_every_added_file_is_named(pack: Path) -> None:
    for path in sorted(p for p in pack.rglob("*") if p.is_file() and p.name not in (MANIFEST, "roster.json")):
        good = path.read_bytes()
        path.unlink()
        code, said = verified(pack, script=SCRIPTS / "verify.py")
        assert (code, path.name in said) == (1, True)
        path.write_bytes(good)
    for name in ("more.txt", "release/data/other.parquet", "ledger/entries/000099.json"):
        (pack / name).parent.mkdir(exist_ok=True)
        (pack / name).write_text("x")
        code, said = verified(pack)
        assert (code, name in said) == (1, True)
        (pack / name).unlink()


def test_data_that_is_not_there_is_told_loudly_and_only_where_asked(pristine: Pristine, pack: Path) -> None:
    code, said = verified(pack, data=True)
    assert (code, "data/visits.parquet" in said) == (1, True)
    code, said = verified(pack)
    assert (code, "NOT HERE: data/visits.parquet, hold yours against SHA-256" in said) == (0, True)
    table = next(p for p in pristine[0].workspace.releases.rglob("visits.parquet"))
    assert sha256_bytes(table.read_bytes()) in said


def test_leaving_data_out_hides_no_changed_table(pristine: Pristine, pack: Path, tmp_path: Path) -> None:
    """Neither one put into a pack that holds none, nor one changed in or taken from a pack that holds it."""
    place, _ = pristine
    table = next(p for p in place.workspace.releases.rglob("visits.parquet"))
    (pack / "release" / "data").mkdir()
    shutil.copy(table, pack / "release" / "data" / "visits.parquet")
    flip(pack / "release" / "data" / "visits.parquet")
    assert verified(pack)[0] == 1
    full = unpacked(export(place, tmp_path / "full.zip", with_data=True), tmp_path / "full")
    assert verified(full)[0] == 0
    inside = full / "release" / "data" / "visits.parquet"
    flip(inside)
    code, said = verified(full)
    assert (code, "data/visits.parquet" in said) == (1, True)
    inside.unlink()
    inside.parent.rmdir()
    code, said = verified(full)
    assert (code, "data/visits.parquet" in said) == (1, True)


def resign(pack: Path, signer: Signer, change: Callable[[dict], None]) -> None:  # type: ignore[type-arg]
    """Sign the manifest anew, after a change of its predicate, with the files as they are now."""
    payload = json.loads(Envelope.from_bytes((pack / MANIFEST).read_bytes(), MANIFEST).payload_bytes)
    files = sorted(p for p in pack.rglob("*") if p.is_file() and p.name != MANIFEST)
    payload["predicate"]["files"] = [
        {"path": p.relative_to(pack).as_posix(), "size": p.stat().st_size, "sha256": sha256_bytes(p.read_bytes())}
        for p in files
    ]
    change(payload["predicate"])
    (pack / MANIFEST).write_bytes(sign_statement(payload, [signer]).to_bytes())


def nothing(_: dict) -> None:  # type: ignore[type-arg]
    """No change."""


def test_a_manifest_counts_by_a_releasers_key_alone(pristine: Pristine, pack: Path) -> None:
    place, _ = pristine
    resign(pack, place.signers["platform"], nothing)
    assert verified(pack)[0] == 0
    for signer in (place.signers["ben"], Signer.generate()):
        resign(pack, signer, nothing)
        code, said = verified(pack)
        assert (code, "its key is not accepted" in said) == (1, True)


def test_whoever_signs_the_manifest_cannot_withhold_evidence(pristine: Pristine, pack: Path) -> None:
    """Only data files may be absent, whatever a signed manifest says."""
    (pack / "release" / "evidence" / "scorecard.json").unlink()

    def withhold(predicate: dict) -> None:  # type: ignore[type-arg]
        predicate["releases"][0]["withheld"].append("evidence/scorecard.json")

    resign(pack, pristine[0].signers["platform"], withhold)
    code, said = verified(pack)
    assert (code, "evidence/scorecard.json" in said) == (1, True)


def test_a_pack_from_the_future_is_refused(pristine: Pristine, pack: Path) -> None:
    def later(predicate: dict) -> None:  # type: ignore[type-arg]
        predicate["made_at"] = "2999-01-01T00:00:00.000000Z"

    resign(pack, pristine[0].signers["platform"], later)
    assert verified(pack)[0] == 1


@pytest.mark.parametrize("wrong", [b"", b"{}", b"[]", b"null", b"[" * 100_000, b'{"payload":1}', b"\xff\xfe", b'"a"'])
@pytest.mark.parametrize("name", [MANIFEST, "release/passport.dsse.json", "release/inclusion.json",
                                  "revocations.dsse.json", "release/candidate.json", "roster.json"])  # fmt: skip
def test_no_file_makes_it_stumble(name: str, wrong: bytes, pack: Path) -> None:
    (pack / name).write_bytes(wrong)
    code, said = verified(pack)
    assert code == 1
    assert "FAIL" in said
    assert said.isascii()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.data())
def test_what_a_releaser_signs_makes_it_stumble_neither(
    pristine: Pristine, tmp_path: Path, data: st.DataObject
) -> None:
    """Statements with a field replaced by anything, signed by the platform's own key: refused, or still good."""
    place, intact = pristine
    folder = tmp_path / "hostile"
    if not folder.exists():
        shutil.copytree(intact, folder)
    name = data.draw(st.sampled_from([MANIFEST, "release/passport.dsse.json", "revocations.dsse.json"]))
    payload = json.loads(Envelope.from_bytes((intact / name).read_bytes(), name).payload_bytes)
    anything = st.recursive(
        st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=5,
    )
    payload["predicate"][data.draw(st.sampled_from(sorted(payload["predicate"])))] = data.draw(anything)
    written = sign_statement(payload, [place.signers["platform"]]).to_bytes()
    (folder / name).write_bytes(written)
    code, said = verified(folder)
    (folder / name).write_bytes((intact / name).read_bytes())
    assert code in (0, 1)
    assert (code == 1) == ("FAIL" in said)
    if name != MANIFEST and written != (intact / name).read_bytes():
        assert code == 1  # its digest is another one than the manifest's


def test_revocations_fail_a_release_by_the_packs_list_and_by_a_newer_one(
    tmp_path: Path, pristine: Pristine, pack: Path
) -> None:
    place = make_place(tmp_path / "other")
    candidate, _ = place.record()
    place.sign(candidate, "ben", "cho")
    released = place.release()
    before = unpacked(export(place, tmp_path / "before.zip"), tmp_path / "before")
    assert verified(before)[0] == 0
    revoke(place.workspace, place.ledger, "release", "shop", "wrong", "ben", NEXT + HOUR)
    listed = tmp_path / "newer.dsse.json"
    made = current_list(place.workspace, place.ledger, NEXT + 2 * HOUR)
    listed.write_bytes(sign_list(made, place.signers["platform"]).to_bytes())
    code, said = verified(before, "--revocations", str(listed))
    assert (code, "withdrawn" in said) == (1, True)
    roster = before / "roster.json"
    code, said = ran(SCRIPTS / "verify.py", str(released.folder), "--roster", str(roster), "--revocations", str(listed))
    assert (code, "stale" in said) == (1, True)  # good for thirty days, and today is later


def released_folder(place: Place, target: Path) -> Path:
    """A copy of the place's release as it was published, with its table."""
    return Path(shutil.copytree(next(place.workspace.releases.rglob("passport.dsse.json")).parent, target))


def both_say(folder: Path, roster: Roster, listed: bytes | None = None) -> tuple[bool, str]:
    """Whether the short verifier finds a release good, and its words; the platform's must find the same."""
    beside, name = folder.parent, "given.dsse.json"
    (beside / "trusted.json").write_bytes(canonical(roster.plain()))
    if listed is not None:
        (beside / name).write_bytes(listed)
    more = () if listed is None else ("--revocations", str(beside / name))
    code, said = ran(SCRIPTS / "verify.py", str(folder), "--roster", str(beside / "trusted.json"), *more)
    try:
        known = None if listed is None else read_list(listed, name, roster, datetime.now(UTC))
        good = all(c.ok for c in verify_release(folder, roster, revocations=known))
    except DeniedError:
        good = False
    assert good == (code == 0), said
    return good, said


def revoked(place: Place, tmp_path: Path, at: datetime) -> Roster:
    """The place's roster with the platform's key revoked from a moment on; the place's own is not touched."""
    copy = Path(shutil.copy(place.workspace.roster_path, tmp_path / "roster.yaml"))
    return revoke_key(copy, place.signers["platform"].key_id, at, "stolen")[0]


def test_the_releasers_key_must_be_good_when_the_ledger_recorded_the_passport(
    pristine: Pristine, tmp_path: Path
) -> None:
    """Whoever stole the key dates a passport back; when the ledger recorded it they cannot choose."""
    place, _ = pristine
    folder = released_folder(place, tmp_path / "release")
    since = revoked(place, tmp_path, LATER)
    assert both_say(folder, since)[0]  # made and recorded before the key was revoked
    endorse(folder, read_passport(folder, place.roster), place.signers["platform"])  # recorded today, by its own ledger
    assert both_say(folder, place.roster)[0]
    good, said = both_say(folder, since)
    failed = [line for line in said.splitlines() if line.startswith("FAIL")]
    assert (good, failed) == (False, ["FAIL  ledger: inclusion.json: its key was not good"])


def list_of_now(place: Place, signer: Signer | None = None, age: timedelta = HOUR, **changes: Any) -> bytes:
    """A list that the platform issued `age` ago, and what is changed of it; good for thirty days."""
    made = current_list(place.workspace, place.ledger, datetime.now(UTC) - age).model_copy(update=changes)
    return sign_list(made, signer or place.signers["platform"]).to_bytes()


def test_a_list_counts_only_for_releases_that_it_can_know_of(pristine: Pristine, tmp_path: Path) -> None:
    place, _ = pristine
    folder = released_folder(place, tmp_path / "release")
    head = read_passport(folder, place.roster).ledger
    assert both_say(folder, place.roster, list_of_now(place))[0]
    assert both_say(folder, place.roster, list_of_now(place, ledger=head.model_copy(update={"size": head.size + 1})))[0]
    for changes, why in [
        (named_ledger(), "the list of revocations is of another ledger"),
        ({"ledger_key": another_ledger().vkey}, "the list of revocations is of another ledger"),
        ({"ledger_key": ""}, "the list of revocations is of another ledger"),
        ({"ledger": head}, "the list of revocations is older than it"),
        ({"ledger": head.model_copy(update={"size": 0})}, "the list of revocations is older than it"),
    ]:
        good, said = both_say(folder, place.roster, list_of_now(place, **changes))
        assert (good, f"FAIL  passport: passport.dsse.json: {why}" in said) == (False, True), said


def test_a_list_is_good_for_thirty_days_whatever_it_says(pristine: Pristine, tmp_path: Path) -> None:
    place, _ = pristine
    folder = released_folder(place, tmp_path / "release")
    assert both_say(folder, place.roster, list_of_now(place, age=30 * DAY - HOUR))[0]
    issued = datetime.now(UTC)
    for listed in (
        list_of_now(place, age=30 * DAY + HOUR),
        list_of_now(place, issued_at=utc_text(issued), good_until=utc_text(issued + 30 * DAY + timedelta(seconds=1))),
        list_of_now(place, good_until="9999-12-31T00:00:00.000000Z"),
        list_of_now(place, age=-HOUR),
    ):
        good, said = both_say(folder, place.roster, listed)
        assert (good, "stale, or good for more than 30 days" in said) == (False, True), said


def test_a_list_falls_with_its_key_and_not_where_the_key_merely_ended(pristine: Pristine, tmp_path: Path) -> None:
    place, _ = pristine
    folder = released_folder(place, tmp_path / "release")
    now, days_old = datetime.now(UTC), list_of_now(place, age=3 * DAY)
    for since, counts in [(now - HOUR, False), (now - 9 * DAY, False), (now + DAY, True)]:
        good, said = both_say(folder, revoked(place, tmp_path, since), days_old)
        assert (good, "its key was not good" in said) == (counts, not counts), said
    copy = Path(shutil.copy(place.workspace.roster_path, tmp_path / "ended.yaml"))
    ended = end_keys(copy, [place.signers["platform"].key_id], (now - 2 * DAY).date())
    assert both_say(folder, ended, days_old)[0]
    assert not both_say(folder, ended, list_of_now(place))[0]  # signed after its end
    for signer in (place.signers["ben"], Signer.generate()):
        good, said = both_say(folder, place.roster, list_of_now(place, signer))
        assert (good, "its key is not accepted" in said) == (False, True)


def test_a_pack_falls_with_the_key_of_its_list(pristine: Pristine, pack: Path, tmp_path: Path) -> None:
    trusted = tmp_path / "trusted.json"
    for since, counts in [(datetime.now(UTC) - HOUR, False), (datetime.now(UTC) + DAY, True)]:
        trusted.write_bytes(canonical(revoked(pristine[0], tmp_path, since).plain()))
        code, said = verified(pack, roster=trusted)
        failed = [line for line in said.splitlines() if line.startswith("FAIL")]
        assert (code == 0, len(failed)) == (counts, 0 if counts else 1)
        assert all(line.startswith("FAIL  revocations: ") and "its key was not good" in line for line in failed)


def test_the_platforms_names_are_the_verifiers(pristine: Pristine) -> None:
    """What is made at the release lies where the verifier expects it: elsewhere, it would count as approved."""
    assert all(path.startswith("exports/") for path in EXPORTERS)


def ledger_said(pack: Path) -> tuple[int, str]:
    return ran(SCRIPTS / "verify_ledger.py", str(pack))


def test_the_ledgers_entries_verify_and_any_changed_byte_fails(pack: Path) -> None:
    code, said = ledger_said(pack)
    assert code == 0, said
    for path in sorted(p for p in (pack / "ledger").rglob("*") if p.is_file()):
        good = path.read_bytes()
        for at in {0, len(good) // 3, len(good) // 2, len(good) - 2}:
            flip(path, at)
            assert ledger_said(pack)[0] == 1, (path.name, at)
            path.write_bytes(good)
    assert ledger_said(pack)[0] == 0


def test_an_entry_with_another_body_or_place_fails(pack: Path) -> None:
    home = pack / "ledger" / "entries"
    first = json.loads((home / "000001.json").read_bytes())
    first["entry"]["body"]["title"] = "Another"
    (home / "000001.json").write_bytes(canonical(first))
    assert "it was changed" in ledger_said(pack)[1]
    shutil.copy(home / "000002.json", home / "000001.json")
    assert "it is another entry" in ledger_said(pack)[1]


def test_a_history_that_was_rewritten_fails(pack: Path) -> None:
    path = next((pack / "ledger" / "consistency").iterdir())
    told = json.loads(path.read_bytes())
    told["first"]["root"] = "00" * 32
    path.write_bytes(canonical(told))
    code, said = ledger_said(pack)
    assert (code, "rewritten" in said) == (1, True)


def test_another_ledgers_checkpoint_fails(pack: Path, tmp_path: Path) -> None:
    other = make_place(tmp_path / "other")
    other.record()
    (pack / "ledger" / "checkpoint.txt").write_text(other.ledger.checkpoint())
    assert ledger_said(pack)[0] == 1


def test_both_trees_are_climbed_as_the_platform_builds_them(pack: Path) -> None:
    """Inclusion and consistency of every size up to 20, against `lineage.merkle`; other lengths are refused."""
    from lineage.merkle import Frontier, consistency_ranges, inclusion_ranges, leaf_hash, path_of

    script = _functions()
    leaves = [leaf_hash(bytes([n])) for n in range(20)]
    nodes: dict[tuple[int, int], bytes] = {}
    roots: list[bytes] = []
    frontier = Frontier()
    for index, leaf in enumerate(leaves):
        nodes[0, index] = leaf
        nodes |= {(level, at): digest for level, at, digest in frontier.add(leaf)}
        roots.append(frontier.root())
    for size in range(1, 21):
        for index in range(size):
            path = path_of(inclusion_ranges(index, size), nodes.__getitem__)
            assert script["climb"](leaves[index], index, size, path) == roots[size - 1]
            for wrong in (path[:-1] if path else None, [*path, leaves[0]]):
                assert wrong is None or _root(script["climb"], leaves[index], index, size, wrong) != roots[size - 1]
        for first in range(1, size + 1):
            path = path_of(consistency_ranges(first, size), nodes.__getitem__)
            old = roots[first - 1]
            assert script["grow"](old, first, size, path) == (old, roots[size - 1])
            assert _root(script["grow"], old, first, size, [*path, old]) != (old, roots[size - 1])


def _root(function: Callable[..., object], *given: object) -> object:
    try:
        return function(*given)
    except (ValueError, IndexError):
        return None


def _functions() -> dict[str, Callable[..., object]]:
    import runpy

    return runpy.run_path(str(SCRIPTS / "verify_ledger.py"))


def test_its_base64_is_read_strictly(pack: Path) -> None:
    path = pack / "release" / "passport.dsse.json"
    envelope = json.loads(path.read_bytes())
    raw = base64.b64decode(envelope["signatures"][0]["sig"])
    assert len(raw) == 64
    text = envelope["signatures"][0]["sig"]
    other = text[:-3] + chr(ord(text[-3]) + 1) + "=="  # the same bytes, by stray bits
    assert base64.b64decode(other) == raw
    envelope["signatures"][0]["sig"] = other
    path.write_bytes(canonical(envelope))
    said = verified(pack)[1]
    assert "release/passport: passport.dsse.json: its base64 is spelled otherwise" in said
    assert NOW + DAY == NEXT
