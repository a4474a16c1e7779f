"""Alembic's environment: the connection is given by `lineage.ledger_schema.upgrade`, and so is the transaction."""

from __future__ import annotations

from alembic import context

from lineage.ledger_schema import METADATA, VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"], target_metadata=METADATA, version_table=VERSION_TABLE
)
context.run_migrations()
