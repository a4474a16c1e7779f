"""The ledger, on SQLite and on PostgreSQL: appends and reads; and every edit by hand is noticed and named."""

from __future__ import annotations

import json
import multiprocessing
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from lineage.entry import entry_hash
from lineage.ledger import Draft, Ledger
from lineage.merkle import Frontier, consistent
from lineage.times import parse_utc, utc_text
from proofset.digest import canonical, sha256_bytes
from proofset.errors import DeniedError, LedgerError
from tests.lineage.ledgers import Home

AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def ledger(home: Home) -> Ledger:
    """A ledger with five entries."""
    return filled(home)


def filled(home: Home) -> Ledger:
    ledger = home.open()
    for number in range(5):
        body = {"n": number, "text": "ä\n", "none": None, "half": 0.5}
        kind = "even" if number % 2 == 0 else "odd"
        ledger.append(kind, f"s{number // 2}", body, AT, actor="ada", evidence="e" * 64, policy="p")
    return ledger


def test_entries_come_back_in_order_and_by_kind_and_subject(ledger: Ledger, home: Home) -> None:
    assert [e.seq for e in ledger.entries()] == [1, 2, 3, 4, 5]
    assert [e.body["n"] for e in ledger.entries("even")] == [0, 2, 4]
    assert [e.body["n"] for e in ledger.entries("odd", "s1")] == [3]
    assert [e.seq for e in ledger.entries(last=2)] == [4, 5]
    assert [e.seq for e in ledger.entries("even", last=1)] == [5]
    assert ledger.entries(subject="s9") == ledger.entries("none") == []
    assert {(e.actor, e.evidence, e.policy, e.body["none"]) for e in ledger.entries()} == {("ada", "e" * 64, "p", None)}
    again = home.open()
    assert again.entries() == ledger.entries()
    assert again.verify() == 5
    assert again.head == ledger.head
    assert again.checkpoint() == ledger.checkpoint()


def test_entries_since_a_time(home: Home) -> None:
    ledger = home.open()
    for day in range(4):
        ledger.append("k", "s", {}, AT + timedelta(days=day))
    assert [e.seq for e in ledger.entries(since=utc_text(AT + timedelta(days=2)))] == [3, 4]


def test_each_entry_is_a_leaf_of_the_tree_whose_root_is_signed(ledger: Ledger) -> None:
    frontier = Frontier()
    for entry in ledger.entries():
        content = {name: value for name, value in dict(entry).items() if name != "hash"}
        assert sha256_bytes(b"\x00" + canonical(content)) == entry.hash == entry.computed_hash()
        frontier.add(bytes.fromhex(entry.hash))
    assert frontier.root().hex() == ledger.head.root
    assert ledger.head.size == 5


TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(
    st.integers(1, 2**53 - 1),
    TEXT,
    TEXT,
    st.dictionaries(TEXT, st.integers(-9, 9) | TEXT | st.none() | st.floats(-1, 1) | st.lists(st.booleans())),
)
def test_the_hash_is_that_of_the_canonical_whole(seq: int, kind: str, subject: str, body: dict[str, object]) -> None:
    rest = {"actor": kind, "evidence": subject, "policy": "é\u2028\x7f\x01"}
    whole = {"seq": seq, "at": "t", "kind": kind, "subject": subject, "body": body} | rest
    made = entry_hash(seq, "t", kind, kind, subject, subject, rest["policy"], canonical(body).decode())
    assert made.hex() == sha256_bytes(b"\x00" + canonical(whole))


def test_every_entry_has_a_proof_and_every_size_is_continued(ledger: Ledger, home: Home) -> None:
    for seq in range(1, 6):
        proof = home.open().inclusion(seq)
        assert proof.check(ledger.vkey).size == 5
        assert proof.entry == ledger.entries()[seq - 1]
    root, frontier = bytes.fromhex(ledger.head.root), Frontier()
    for size in range(1, 6):
        frontier.add(bytes.fromhex(ledger.entries()[size - 1].hash))
        path = [bytes.fromhex(step) for step in home.open().consistency(size)]
        assert consistent(size, 5, frontier.root(), root, path)
    for wrong in (0, 6, -1):
        with pytest.raises(LedgerError, match="no entry"):
            ledger.inclusion(wrong)
    with pytest.raises(LedgerError, match="no 6 entries"):
        ledger.consistency(6)


def test_an_unwritten_ledger_is_empty_and_makes_no_file(home: Home) -> None:
    ledger = home.open()
    assert ledger.entries() == []
    assert ledger.verify() == ledger.head.size == 0
    for asked in (ledger.checkpoint, lambda: ledger.inclusion(1), lambda: ledger.vkey):
        with pytest.raises(LedgerError, match="no ledger yet|no entry yet"):
            asked()
    assert list(home.folder.iterdir()) == []


def test_many_at_once_stand_under_one_checkpoint(home: Home) -> None:
    ledger = home.open()
    entries = ledger.append_many([Draft(kind="k", subject=str(n), body={"n": n}) for n in range(37)])
    assert [e.body["n"] for e in entries] == list(range(37))
    assert ledger.append_many([]) == []
    assert home.open().verify() == 37
    assert [tuple(r) for r in home.rows("SELECT count(*) FROM checkpoints")] == [(1,)]
    assert entries == home.open().entries()
    assert ledger.inclusion(20).check(ledger.vkey).size == 37


@pytest.mark.parametrize("table", ["entries", "nodes", "checkpoints"])
def test_update_and_delete_are_refused_by_the_database(table: str, home: Home) -> None:
    filled(home)
    column = "note" if table == "checkpoints" else "hash"
    statements = [f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}"]
    for statement in [*statements, f"TRUNCATE {table}"][: 2 if home.kind == "sqlite" else 3]:
        with pytest.raises(sa.exc.SQLAlchemyError, match="append-only"):
            home.sql(statement, triggers=True)
    assert home.open().verify() == 5


H = "1" * 64
EDITS: dict[str, tuple[list[str], str]] = {
    "body": (["UPDATE entries SET body = '{\"n\":9}' WHERE seq = 2"], "Entry 2 was changed"),
    "spelling of the body": (["UPDATE entries SET body = body || ' ' WHERE seq = 2"], "Entry 2 was changed"),
    "kind": (["UPDATE entries SET kind = 'odd' WHERE seq = 5"], "Entry 5 was changed"),
    "time": (["UPDATE entries SET at = '2020' WHERE seq = 1"], "Entry 1 was changed"),
    "actor": (["UPDATE entries SET actor = 'ben' WHERE seq = 4"], "Entry 4 was changed"),
    "subject": (["UPDATE entries SET subject = 's9' WHERE seq = 4"], "Entry 4 was changed"),
    "evidence": (["UPDATE entries SET evidence = 'f' WHERE seq = 4"], "Entry 4 was changed"),
    "policy": (["UPDATE entries SET policy = 'q' WHERE seq = 4"], "Entry 4 was changed"),
    "hash": ([f"UPDATE entries SET hash = '{H}' WHERE seq = 3"], "Entry 3 was changed"),
    "two swapped": (
        [
            "UPDATE entries SET seq = 99 WHERE seq = 2",
            "UPDATE entries SET seq = 2 WHERE seq = 3",
            "UPDATE entries SET seq = 3 WHERE seq = 99",
        ],
        "Entry 2 was changed",
    ),
    "deleted in the middle": (["DELETE FROM entries WHERE seq = 3"], "Entry 3 is missing"),
    "deleted and renumbered": (
        ["DELETE FROM entries WHERE seq = 3", "UPDATE entries SET seq = seq - 1 WHERE seq > 3"],
        "Entry 5 is missing",
    ),
    "first deleted": (["DELETE FROM entries WHERE seq = 1"], "Entry 1 is missing"),
    "tail cut off": (["DELETE FROM entries WHERE seq > 3"], "Entry 4 is missing"),
    "tail cut off with its checkpoints": (
        ["DELETE FROM entries WHERE seq > 3", "DELETE FROM checkpoints WHERE size > 3"],
        "Entry 4 is missing: the head file",
    ),
    "emptied": (["DELETE FROM entries"], "Entry 1 is missing"),
    "everything emptied": (
        ["DELETE FROM entries", "DELETE FROM nodes", "DELETE FROM checkpoints"],
        "Entry 1 is missing",
    ),
    "dropped": (["DROP TABLE entries"], "Entry 1 is missing"),
    "all dropped": ([f"DROP TABLE {t}" for t in ("entries", "nodes", "checkpoints", "ledger_version")], "Entry 1 is"),
    "inserted": (
        [f"INSERT INTO entries VALUES (6, 't', 'release', 'x', 's', '', '', '{{}}', '{H}')"],
        "Entry 6 was added by hand",
    ),
    "inserted far away": (
        [f"INSERT INTO entries VALUES (60, 't', 'release', 'x', 's', '', '', '{{}}', '{H}')"],
        "Entry 6 was added by hand",
    ),
    "inserted before the first": (
        [f"INSERT INTO entries VALUES (0, 't', 'release', 'x', 's', '', '', '{{}}', '{H}')"],
        "",
    ),
    "newest checkpoint removed": (["DELETE FROM checkpoints WHERE size = 5"], "Entry 5 was added by hand"),
    "checkpoints removed": (["DELETE FROM checkpoints"], "Entry 1 was added by hand"),
    "checkpoint renumbered": (["UPDATE checkpoints SET size = 6 WHERE size = 5"], "moved"),
    "checkpoint of junk": (["UPDATE checkpoints SET note = 'junk' WHERE size = 5"], "changed or forged"),
    "checkpoint replaced": (
        ["UPDATE checkpoints SET note = (SELECT note FROM checkpoints WHERE size = 4) WHERE size = 5"],
        "moved",
    ),
    "checkpoint of more entries": (["UPDATE checkpoints SET note = replace(note, '5', '7') WHERE size = 5"], "forged"),
}
ONLY_CHECK = {"inserted before the first"}


@pytest.mark.parametrize("case", [case for case in EDITS if case not in ONLY_CHECK])
def test_an_edit_by_hand_is_noticed_and_named(case: str, ledger: Ledger, home: Home) -> None:
    statements, expected = EDITS[case]
    home.sql(*statements)
    for read in (home.open().entries, home.open().verify, ledger.verify):
        with pytest.raises(LedgerError, match=expected) as caught:
            read()
        assert caught.value.exit_code == 2
        assert "restore" in caught.value.fix.lower()
    with pytest.raises(LedgerError):  # nor is a broken ledger written on
        home.open().append("k", "s", {})


STORED: dict[str, tuple[str, str]] = {
    "inner hash changed": (
        "UPDATE nodes SET hash = (SELECT hash FROM nodes WHERE level = 2) WHERE level = 1",
        "1 to 2",
    ),
    "inner hash removed": ("DELETE FROM nodes WHERE level = 1", "the entries 1 to 2"),
    "inner hash added": ('INSERT INTO nodes SELECT 7, "index", hash FROM nodes WHERE level = 2', "added by hand"),
    "old checkpoint changed": ("UPDATE checkpoints SET note = replace(note, '=', '') WHERE size = 2", "at entry 2"),
    "old checkpoint moved": ("UPDATE checkpoints SET size = -3 WHERE size = 3", "at entry -3"),
}


@pytest.mark.parametrize("case", STORED)
def test_what_no_entry_depends_on_is_checked_by_the_full_check(case: str, ledger: Ledger, home: Home) -> None:
    statement, expected = STORED[case]
    home.sql(statement)
    assert len(home.open().entries()) == 5
    with pytest.raises(LedgerError, match=expected):
        home.open().verify()


@pytest.mark.parametrize("case", ["inner hash changed", "inner hash removed"])
def test_no_proof_is_made_of_a_changed_hash(case: str, ledger: Ledger, home: Home) -> None:
    home.sql(STORED[case][0])
    with pytest.raises(LedgerError, match=r"was changed|is missing"):
        home.open().inclusion(4)
    with pytest.raises(LedgerError, match=r"was changed|is missing"):
        home.open().consistency(3)


def test_an_entry_rewritten_with_its_hash_is_named_by_the_first_root_that_lacks_it(ledger: Ledger, home: Home) -> None:
    old = ledger.entries()[2]
    body = canonical(old.body | {"n": 99}).decode()
    made = entry_hash(old.seq, old.at, old.kind, old.actor, old.subject, old.evidence, old.policy, body).hex()
    home.sql(f"UPDATE entries SET body = '{body}', hash = '{made}' WHERE seq = 3")
    for read in (home.open().entries, home.open().verify):
        with pytest.raises(LedgerError, match="Entry 3 was changed with its hash"):
            read()
    with pytest.raises(LedgerError, match="Entry 3 or a hash above it"):
        home.open().inclusion(3)


def test_what_was_checked_is_noticed_when_it_is_edited_after(ledger: Ledger, home: Home) -> None:
    reader = home.open()
    assert len(reader.entries("odd")) == 2
    home.sql("UPDATE entries SET kind = 'even' WHERE seq = 2")
    for kind in ("odd", "even"):
        with pytest.raises(LedgerError, match=r"Entry \d was changed"):
            reader.entries(kind)
    home.sql("DELETE FROM entries WHERE seq = 2")
    with pytest.raises(LedgerError, match="Entry 2 was changed or removed"):
        reader.entries("odd")


def test_a_rollback_to_an_earlier_state_contradicts_the_head(ledger: Ledger, home: Home) -> None:
    """Entries, hashes and checkpoints cut off together: what is left is intact, and signed, and too short."""
    home.sql(
        "DELETE FROM entries WHERE seq > 2",
        'DELETE FROM nodes WHERE ("index" + 1) * (CASE level WHEN 1 THEN 2 ELSE 4 END) > 2',
        "DELETE FROM checkpoints WHERE size > 2",
    )
    for read in (home.open().entries, home.open().verify, lambda: home.open().inclusion(1), ledger.entries):
        with pytest.raises(LedgerError, match="Entry 3 is missing"):
            read()


SPOILED: dict[str, tuple[Callable[[Path], object], str]] = {
    "head missing": (lambda p: (p / "ledger.head").unlink(), "head file is missing"),
    "head of junk": (lambda p: (p / "ledger.head").write_bytes(b"\xff"), "ledger.head is not readable"),
    "head spelled otherwise": (
        lambda p: (p / "ledger.head").write_text((p / "ledger.head").read_text() + "\n"),
        "head",
    ),
    "head of more entries": (
        lambda p: (p / "ledger.head").write_text((p / "ledger.head").read_text().replace("\n5\n", "\n6\n")),
        "head file",
    ),
    "head of the old form": (lambda p: (p / "ledger.head").write_bytes(b'{"hash":"0","seq":5}'), "head file"),
    "key missing": (lambda p: (p / "ledger.vkey").unlink(), "verifier key"),
    "key of junk": (lambda p: (p / "ledger.vkey").write_text("a+b+c"), "verifier key"),
}


@pytest.mark.parametrize("case", SPOILED)
def test_a_spoiled_head_or_key_is_refused(case: str, ledger: Ledger, home: Home) -> None:
    spoil, expected = SPOILED[case]
    spoil(home.folder / "private")
    for use in (lambda: home.open().entries(), lambda: home.open().append("k", "s", {})):
        with pytest.raises(LedgerError, match=expected):
            use()


def test_reading_needs_no_private_key_and_appending_does(ledger: Ledger, home: Home) -> None:
    key = home.folder / "private" / "ledger.key"
    kept = key.read_bytes()
    key.unlink()
    reader = home.open()
    assert reader.verify() == 5
    assert reader.inclusion(2).check(reader.vkey)
    with pytest.raises(LedgerError, match="cannot be written to without its key"):
        reader.append("k", "s", {})
    key.write_bytes(kept)
    assert reader.append("k", "s", {}).seq == 6
    assert key.stat().st_mode & 0o777 == 0o600 or kept == key.read_bytes()


def test_another_key_is_refused(ledger: Ledger, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LedgerError, match="without its key"):
        home.open(key="env:NOTHING_HERE").append("k", "s", {})
    from lineage.signing import Signer

    Signer.generate().save(home.folder / "other.pem", None)
    with pytest.raises(LedgerError, match="not the one it began with"):
        home.open(key=f"file:{home.folder / 'other.pem'}").append("k", "s", {})
    monkeypatch.setenv("LEDGER_PEM", (home.folder / "private" / "ledger.key").read_text())
    assert home.open(key="env:LEDGER_PEM").append("k", "s", {}).seq == 6


def test_a_key_by_environment_leaves_none_on_the_disk(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    from lineage.signing import Signer

    Signer.generate().save(home.folder / "k.pem", None)
    monkeypatch.setenv("LEDGER_PEM", (home.folder / "k.pem").read_text())
    home.open(key="env:LEDGER_PEM").append("k", "s", {})
    assert not (home.folder / "private" / "ledger.key").exists()
    assert home.open().verify() == 1


def test_two_ledgers_never_share_a_name(home: Home, tmp_path: Path) -> None:
    one = home.open()
    one.append("k", "s", {})
    other = Ledger(f"sqlite:///{tmp_path}/other.db", tmp_path / "other", "test")
    other.append("k", "s", {})
    assert one.vkey.split("+")[0] != other.vkey.split("+")[0]
    with pytest.raises(DeniedError, match="another log"):
        one.holds(other.checkpoint())
    with pytest.raises(DeniedError, match="another log"):
        one.inclusion(1).check(other.vkey)


def test_a_checkpoint_kept_elsewhere_catches_a_rewritten_history(ledger: Ledger, home: Home) -> None:
    """Somebody with the ledger's key, its database and its head writes another history, which is whole in itself."""
    kept = ledger.checkpoint()
    assert ledger.holds(kept).size == 5
    old = ledger.entries()
    home.sql("DELETE FROM entries", "DELETE FROM nodes", "DELETE FROM checkpoints")
    (home.folder / "private" / "ledger.head").unlink()
    forger = home.open()
    for entry in old:
        forger.append(entry.kind, entry.subject, entry.body | {"n": 0}, AT)
    forger.append("more", "s", {}, AT)
    assert home.open().verify() == 6
    with pytest.raises(LedgerError, match="was rewritten since the checkpoint"):
        home.open().holds(kept)


def test_a_checkpoint_kept_elsewhere_catches_a_rollback_of_everything(sqlite_home: Home) -> None:
    ledger = filled(sqlite_home)
    head = (sqlite_home.folder / "private" / "ledger.head").read_bytes()
    ledger.database.close()
    copy = sqlite_home.file.read_bytes()
    ledger.append("k", "s", {}, AT)
    kept = ledger.checkpoint()
    ledger.database.close()
    sqlite_home.file.write_bytes(copy)
    (sqlite_home.folder / "private" / "ledger.head").write_bytes(head)
    assert sqlite_home.open().verify() == 5  # an old pair of database and head: here nobody can tell
    with pytest.raises(LedgerError, match="rewritten since"):
        sqlite_home.open().holds(kept)


def test_what_another_process_appended_is_seen(ledger: Ledger, home: Home) -> None:
    other = home.open()
    assert len(other.entries()) == 5
    ledger.append("new", "s", {})
    assert [e.seq for e in other.entries("new")] == [6]
    assert other.append("new", "s", {}).seq == 7
    assert ledger.verify() == 7


def test_a_body_that_json_cannot_hold_changes_nothing(ledger: Ledger, home: Home) -> None:
    for bad in ({"x": float("nan")}, {"x": 2**60}, {"x": "\ud800"}, {"x": b"1"}):
        with pytest.raises((TypeError, ValueError)):
            ledger.append("k", "s", bad)
    with pytest.raises(ValueError, match="time zone"):
        ledger.append("k", "s", {}, datetime(2026, 1, 1))
    for field in ("kind", "subject"):
        for text in ("a\nb", "\x00", "x" * 1001):
            with pytest.raises(LedgerError, match=f"entry's {field} cannot be recorded"):
                ledger.append(**({"kind": "k", "subject": "s", "body": {}} | {field: text}))
    with pytest.raises(LedgerError, match="bytes long"):
        ledger.append("k", "s", {"x": "y" * (17 * 1024 * 1024)})
    assert home.open().verify() == 5


def test_any_text_comes_back(home: Home) -> None:
    ledger = home.open()
    body = {"tab\t": "\x00\x01\x7f\u2028é漢🎉\\\"'", "": [1, 1.5, -0.0, None, True, {"b": {}, "a": []}]}
    ledger.append("k", "Ada <ada@example.org> é漢🎉 'x'; --", body)
    [entry] = home.open().entries()
    assert entry.body == json.loads(canonical(body))
    assert entry.subject.startswith("Ada")
    assert home.open().inclusion(1).check(ledger.vkey).size == 1


def _append(home: Home, name: str, count: int) -> None:
    ledger = home.open()
    for number in range(count):
        ledger.append("k", name, {"n": number})


def test_processes_that_begin_a_ledger_at_once_begin_one(home: Home) -> None:
    context = multiprocessing.get_context("fork")
    started = [context.Process(target=_append, args=(home, name, 4)) for name in "abc"]
    for process in started:
        process.start()
    for process in started:
        process.join(timeout=60)
    assert [p.exitcode for p in started] == [0, 0, 0]
    ledger = home.open()
    assert ledger.verify() == 12
    for name in "abc":
        assert [e.body["n"] for e in ledger.entries(subject=name)] == list(range(4))


def test_a_ledger_of_the_old_form_says_what_to_do(sqlite_home: Home) -> None:
    sqlite_home.file.parent.mkdir()
    with closing(sqlite3.connect(sqlite_home.file)) as connection:
        connection.execute("CREATE TABLE entries (seq INTEGER PRIMARY KEY, at TEXT, previous TEXT, hash TEXT)")
        connection.commit()
    (sqlite_home.folder / "private").mkdir()
    (sqlite_home.folder / "private" / "ledger.head").write_bytes(b'{"hash":"0","seq":5}')
    for use in (sqlite_home.open().entries, sqlite_home.open().verify, lambda: sqlite_home.open().append("k", "s", {})):
        with pytest.raises(LedgerError, match="earlier version of proofset") as caught:
            use()
        assert "Move ledger.db" in caught.value.fix


def test_a_ledger_of_a_newer_version_is_refused(ledger: Ledger, home: Home) -> None:
    home.sql("UPDATE ledger_version SET version_num = 'r9999'")
    with pytest.raises(LedgerError, match="r9999"):
        home.open().entries()


def test_urls_that_name_no_database_are_refused(tmp_path: Path) -> None:
    for url in ("nonsense", "mysql://x/y", "sqlite://", "postgresql://localhost/x"):
        with pytest.raises(LedgerError, match="URL|cannot be kept"):
            Ledger(url, tmp_path)


@given(st.datetimes(min_value=datetime(1000, 1, 1), timezones=st.timezones()))
def test_a_time_has_one_spelling(at: datetime) -> None:
    try:
        text = utc_text(at)
    except OverflowError:
        return
    assert parse_utc(text) == at.astimezone(UTC)
    assert utc_text(parse_utc(text)) == text


@pytest.mark.parametrize("text", ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.0Z", "2026-1-1T00:00:00.000000Z", ""])
def test_other_spellings_of_a_time_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="time"):
        parse_utc(text)
