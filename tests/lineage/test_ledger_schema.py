"""The ledger's tables: the migrations make what the code reads and writes, on both databases."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from lineage.ledger_schema import METADATA, REVISION, TABLES, VERSION_TABLE, revision_of, upgrade
from tests.lineage.ledgers import Home

VERSIONS = Path(__file__).parents[2] / "lineage" / "migrations" / "versions"


def shape(connection: sa.Connection) -> dict[str, object]:
    """Tables with their columns, keys and indexes, as the database tells them."""
    inspector = sa.inspect(connection)
    return {
        name: (
            [(c["name"], str(c["type"]), c["nullable"]) for c in inspector.get_columns(name)],
            inspector.get_pk_constraint(name)["constrained_columns"],
            sorted((i["name"], tuple(i["column_names"])) for i in inspector.get_indexes(name)),
        )
        for name in inspector.get_table_names()
        if name != VERSION_TABLE
    }


def test_the_migrations_make_the_tables_of_the_code(home: Home, tmp_path: Path) -> None:
    home.open().append("k", "s", {})
    engine = sa.create_engine(home.url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        migrated = shape(connection)
        assert revision_of(connection) == REVISION
    assert set(migrated) == {table.name for table in TABLES}
    if home.kind == "sqlite":
        direct = sa.create_engine(f"sqlite:///{tmp_path}/direct.db")
        METADATA.create_all(direct)
        with direct.connect() as connection:
            assert shape(connection) == migrated


def test_an_upgrade_of_what_is_up_to_date_changes_nothing(home: Home) -> None:
    home.open().append("k", "s", {})
    engine = sa.create_engine(home.url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        before = shape(connection)
        upgrade(connection)
        assert shape(connection) == before
    assert home.open().verify() == 1


def test_the_newest_revision_is_the_one_the_code_knows() -> None:
    files = {path.stem.split("_")[0] for path in VERSIONS.glob("r*.py")}
    assert max(files) == REVISION


def test_nothing_but_the_ledgers_own_tables_is_touched(home: Home) -> None:
    """MLflow, with Alembic's own table of versions, may live in the same database."""
    home.file.parent.mkdir(exist_ok=True) if home.kind == "sqlite" else None
    engine = sa.create_engine(home.url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES ('somebody else')")
    home.open().append("k", "s", {})
    assert home.rows("SELECT version_num FROM alembic_version") == [("somebody else",)]
    assert home.open().verify() == 1
