"""The ledger: appends, also from several processes; and every edit by hand is noticed and named."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import filelock
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.ledger import GENESIS, Ledger, entry_hash
from lineage.times import parse_utc, utc_text
from proofset.digest import canonical, sha256_json
from proofset.errors import LedgerError

AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """A ledger with five entries."""
    ledger = Ledger(tmp_path / "state" / "ledger.db")
    for number in range(5):
        ledger.append("even" if number % 2 == 0 else "odd", f"s{number // 2}", {"n": number, "text": "ä\n"}, AT)
    return ledger


def edit(ledger: Ledger, *statements: str) -> None:
    """Edit by hand, as somebody with write access to the file could."""
    with closing(sqlite3.connect(ledger.path)) as connection:
        for trigger in ("no_update", "no_delete"):
            connection.execute(f"DROP TRIGGER IF EXISTS {trigger}")
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def test_entries_come_back_in_order_and_by_kind_and_subject(ledger: Ledger) -> None:
    assert [e.seq for e in ledger.entries()] == [1, 2, 3, 4, 5]
    assert [e.body["n"] for e in ledger.entries("even")] == [0, 2, 4]
    assert [e.body["n"] for e in ledger.entries("odd", "s1")] == [3]
    assert ledger.entries(subject="s9") == []
    again = Ledger(ledger.path)
    assert again.entries() == ledger.entries()
    assert again.verify() == 5
    assert again.head.hash == ledger.entries()[-1].hash


def test_each_entry_carries_the_hash_of_its_content_and_of_the_one_before(ledger: Ledger) -> None:
    previous = GENESIS
    for entry in ledger.entries():
        content = entry.plain()
        stated = content.pop("hash")
        assert entry.previous == previous
        assert sha256_json(content) == stated
        previous = stated


@given(
    st.integers(1, 2**53 - 1),
    st.text(),
    st.text(),
    st.dictionaries(st.text(), st.integers(-9, 9) | st.text() | st.none() | st.lists(st.booleans())),
)
def test_the_hash_is_that_of_the_canonical_whole(seq: int, kind: str, subject: str, body: dict[str, object]) -> None:
    whole = {"seq": seq, "at": "t", "kind": kind, "subject": subject, "body": body, "previous": GENESIS}
    assert entry_hash(seq, "t", kind, subject, canonical(body), GENESIS) == sha256_json(whole)


def test_an_unwritten_ledger_is_empty_and_makes_no_file(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.db")
    assert ledger.entries() == []
    assert ledger.verify() == 0
    assert ledger.head.seq == 0
    assert list(tmp_path.iterdir()) == []


def test_update_and_delete_are_refused_by_the_database(ledger: Ledger) -> None:
    with closing(sqlite3.connect(ledger.path)) as connection:
        for statement in ("UPDATE entries SET kind = 'x'", "DELETE FROM entries"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                connection.execute(statement)


EDITS: dict[str, tuple[list[str], str]] = {
    "body": (["UPDATE entries SET body = '{\"n\":9}' WHERE seq = 2"], "Entry 2 was changed"),
    "spelling of the body": (["UPDATE entries SET body = body || ' ' WHERE seq = 2"], "Entry 2 was changed"),
    "kind": (["UPDATE entries SET kind = 'odd' WHERE seq = 5"], "Entry 5 was changed"),
    "time": (["UPDATE entries SET at = '2020' WHERE seq = 1"], "Entry 1 was changed"),
    "hash": ([f"UPDATE entries SET hash = '{'1' * 64}' WHERE seq = 3"], "Entry 3 was changed"),
    "previous": ([f"UPDATE entries SET previous = '{'1' * 64}' WHERE seq = 3"], "Entry 3 does not continue entry 2"),
    "type of the body": (["UPDATE entries SET body = 7 WHERE seq = 4"], "Entry 4"),
    "body of bytes": (["UPDATE entries SET body = x'ff' WHERE seq = 4"], "Entry 4"),
    "deleted in the middle": (["DELETE FROM entries WHERE seq = 3"], "Entry 3 is missing"),
    "deleted and renumbered": (
        ["DELETE FROM entries WHERE seq = 3", "UPDATE entries SET seq = seq - 1 WHERE seq > 3"],
        "Entry 3 does not continue entry 2",
    ),
    "tail cut off": (["DELETE FROM entries WHERE seq > 3"], "Entry 4 is missing"),
    "emptied": (["DELETE FROM entries"], "Entry 1 is missing"),
    "dropped": (["DROP TABLE entries"], "Entry 1 is missing"),
    "inserted": (
        [
            "INSERT INTO entries (seq, at, kind, subject, body, previous, hash) "
            f"VALUES (6, 't', 'release', 's', '{{}}', '{GENESIS}', 'h')"
        ],
        "Entry 6 does not continue entry 5",
    ),
}


@pytest.mark.parametrize("case", EDITS)
def test_an_edit_by_hand_is_noticed_and_named(case: str, ledger: Ledger) -> None:
    statements, expected = EDITS[case]
    edit(ledger, *statements)
    for read in (Ledger(ledger.path).entries, Ledger(ledger.path).verify, ledger.verify):
        with pytest.raises(LedgerError, match=expected) as caught:
            read()
        assert caught.value.exit_code == 2
        assert "restore" in caught.value.fix
    with pytest.raises(LedgerError):  # nor is a broken ledger written on
        Ledger(ledger.path).append("k", "s", {})


def rewrite(ledger: Ledger, keep: int, forge: int = 0) -> None:
    """Keep the first entries and chain forged ones to them, with hashes that fit."""
    edit(ledger, f"DELETE FROM entries WHERE seq > {keep}")
    with closing(sqlite3.connect(ledger.path)) as connection:
        previous = connection.execute("SELECT hash FROM entries ORDER BY seq DESC LIMIT 1").fetchone()[0]
        for seq in range(keep + 1, keep + 1 + forge):
            digest = entry_hash(seq, "t", "release", "forged", b"{}", previous)
            row = (seq, "t", "release", "forged", "{}", previous, digest)
            connection.execute("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?)", row)
            previous = digest
        connection.commit()


def test_a_rewritten_end_contradicts_the_head(ledger: Ledger) -> None:
    rewrite(ledger, keep=3, forge=3)
    with pytest.raises(LedgerError, match="Entry 5 is not the one that the head file names"):
        Ledger(ledger.path).verify()


SPOILED_HEADS: dict[str, Callable[[Path], object]] = {
    "missing": lambda p: p.unlink(),
    "junk": lambda p: p.write_bytes(b"\xff"),
    "spelled otherwise": lambda p: p.write_bytes(p.read_bytes() + b"\n"),
    "other fields": lambda p: p.write_bytes(b'{"seq":5}'),
}


@pytest.mark.parametrize("case", SPOILED_HEADS)
def test_a_spoiled_head_is_refused(case: str, ledger: Ledger) -> None:
    SPOILED_HEADS[case](ledger.head_path)
    with pytest.raises(LedgerError, match="head file"):
        Ledger(ledger.path).entries()


def test_a_crash_before_the_first_entry_leaves_an_empty_ledger(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.db")
    (tmp_path / "ledger.db").touch()
    assert ledger.entries() == []
    ledger.append("k", "s", {})
    assert Ledger(ledger.path).verify() == 1


def test_a_vanished_database_is_noticed(ledger: Ledger) -> None:
    ledger.path.unlink()
    with pytest.raises(LedgerError, match="gone"):
        Ledger(ledger.path).entries()
    with pytest.raises(LedgerError, match="Entry 1 is missing"):
        Ledger(ledger.path).append("k", "s", {})


def test_a_file_that_is_no_database_is_a_ledger_error(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(LedgerError, match="DatabaseError"):
        Ledger(tmp_path / "ledger.db").entries()


def test_what_another_process_appended_is_seen(ledger: Ledger) -> None:
    other = Ledger(ledger.path)
    assert len(other.entries()) == 5
    ledger.append("new", "s", {})
    assert [e.seq for e in other.entries("new")] == [6]
    assert other.append("new", "s", {}).seq == 7


def test_a_body_that_json_cannot_hold_changes_nothing(ledger: Ledger) -> None:
    with pytest.raises((TypeError, ValueError)):
        ledger.append("k", "s", {"x": float("nan")})
    with pytest.raises(ValueError, match="time zone"):
        ledger.append("k", "s", {}, datetime(2026, 1, 1))
    assert Ledger(ledger.path).verify() == 5


def test_an_appender_that_waits_too_long_says_so(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lineage.ledger._WAIT_SECONDS", 0.05)
    with (
        filelock.FileLock(ledger.path.with_suffix(".lock"), is_singleton=False),
        pytest.raises(LedgerError, match="another process"),
    ):
        ledger.append("k", "s", {})
    assert ledger.append("k", "s", {}).seq == 6


def test_two_processes_append_at_once(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    code = (
        "import sys; from pathlib import Path; from lineage.ledger import Ledger\n"
        "ledger = Ledger(Path(sys.argv[1]))\n"
        "for n in range(15): ledger.append('k', sys.argv[2], {'n': n})\n"
    )
    started = [subprocess.Popen([sys.executable, "-c", code, str(path), name]) for name in ("a", "b")]
    assert [p.wait(timeout=60) for p in started] == [0, 0]
    ledger = Ledger(path)
    assert ledger.verify() == 30
    for name in ("a", "b"):
        assert [e.body["n"] for e in ledger.entries(subject=name)] == list(range(15))
    assert json.loads(ledger.head_path.read_bytes())["seq"] == 30


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
