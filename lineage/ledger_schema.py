"""The ledger's tables, and bringing a database to them by Alembic, run from here: no alembic.ini, no command line."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from proofset.errors import LedgerError

REVISION = "r0001"
"""The newest revision in lineage/migrations/versions."""
VERSION_TABLE = "ledger_version"
"""Where Alembic notes the revision; not its own default, which MLflow uses in a database that both may share."""

_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")
METADATA = sa.MetaData()

ENTRIES = sa.Table(
    "entries",
    METADATA,
    sa.Column("seq", _BIG, primary_key=True, autoincrement=False),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("evidence", sa.Text, nullable=False),
    sa.Column("policy", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
    sa.Index("entries_kind", "kind"),
    sa.Index("entries_subject", "subject"),
)
"""One row per entry. body: canonical JSON. hash: 64 hex digits, the leaf's hash."""

NODES = sa.Table(
    "nodes",
    METADATA,
    sa.Column("level", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("index", _BIG, primary_key=True, autoincrement=False),
    sa.Column("hash", sa.LargeBinary(32), nullable=False),
    sqlite_with_rowid=False,
)
"""The complete subtrees of two leaves and more, see `lineage.merkle`; level 0 is `entries.hash`. hash: 32 bytes."""

CHECKPOINTS = sa.Table(
    "checkpoints",
    METADATA,
    sa.Column("size", _BIG, primary_key=True, autoincrement=False),
    sa.Column("note", sa.Text, nullable=False),
)
"""One signed note per append."""

TABLES = (ENTRIES, NODES, CHECKPOINTS)


def revision_of(connection: sa.Connection) -> str | None:
    """The revision a database is at; None where it holds no ledger.

    Raises LedgerError for a ledger of the old, chained form and for one of a newer version.
    """
    inspector = sa.inspect(connection)
    if not inspector.has_table(VERSION_TABLE):
        if inspector.has_table("entries") and "previous" in {c["name"] for c in inspector.get_columns("entries")}:
            raise LedgerError(
                "The ledger was written by an earlier version of proofset.",
                why="Its entries are chained by hashes; today's ledger is a Merkle tree with signed checkpoints.",
                fix="Move ledger.db and private/ledger.head out of the state folder and keep them: the version that "
                "wrote them still reads them. Then run the datasets again and have them approved. Releases published "
                "before stay as they are.",
            )
        return None
    found = connection.execute(sa.text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608 - a constant
    if found is not None and found != REVISION:
        raise LedgerError(
            f"The ledger's tables are of revision {str(found)[:20]}, which this version does not know.",
            why=f"It knows {REVISION}.",
            fix="Use the version of proofset that wrote it, or a newer one.",
        )
    missing = [table.name for table in TABLES if not inspector.has_table(table.name)]
    if found and missing:
        raise LedgerError(
            "The ledger does not add up.",
            why=f"Entry 1 is missing: the table {missing[0]} is gone, though there was one.",
            fix="Keep the database as evidence, and restore it together with the head file from one backup.",
        )
    return REVISION if found else None


def upgrade(connection: sa.Connection) -> None:
    """Make or renew the tables within the connection's transaction. The caller holds the ledger's lock."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
