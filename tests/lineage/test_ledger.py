"""The ledger, on SQLite and on PostgreSQL: appends and reads; and every edit by hand is noticed and named."""

from __future__ import annotations

import json
import multiprocessing
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.entry import entry_hash
from lineage.ledger import Draft, Ledger
from lineage.merkle import Frontier, consistent
from lineage.times import parse_utc, utc_text
from proofset.digest import canonical, sha256_bytes
from proofset.errors import DeniedError, LedgerError
from tests.lineage.ledgers import AT, Home, filled


@pytest.fixture
def ledger(home: Home) -> Ledger:
    """A ledger with five entries."""
    return filled(home)


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
