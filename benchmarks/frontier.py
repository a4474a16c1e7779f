"""The frontier: fidelity, membership risk and time of the privacy levels of `trees`, beside the peers, by table."""

from __future__ import annotations

from benchmarks.session import LEVELS, Session, seconds


def frontier(session: Session) -> None:
    """Run what is missing; `benchmarks.page` draws it."""
    for table in session.tables:
        rows = {f"trees.{level}": session.over(table, level, 1) for level in LEVELS}
        rows |= {name: session.peer(table, name) for name in session.peers}
        for name, row in rows.items():
            if "c2st" in row:
                session.add(f"frontier.{table}.{name}", row | {"seconds": seconds(row)})
