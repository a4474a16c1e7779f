"""Edits of a ledger by hand, on SQLite and on PostgreSQL: each is noticed and named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from lineage.entry import entry_hash
from lineage.ledger import Ledger
from proofset.digest import canonical
from proofset.errors import LedgerError
from tests.lineage.ledgers import AT, Home, filled


@pytest.fixture
def ledger(home: Home) -> Ledger:
    """A ledger with five entries."""
    return filled(home)


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
