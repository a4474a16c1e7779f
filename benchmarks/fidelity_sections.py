"""Adult and Census income side by side with the peers: speed, fidelity, utility, membership, copies."""

from __future__ import annotations

from benchmarks.session import LEVELS, Session, seconds


def adult(session: Session) -> None:
    """All splits and seeds of `trees` on Adult, and each peer once."""
    _beside(session, "adult", session.splits)


def census(session: Session) -> None:
    """The published split of Census income; memory counts too."""
    _beside(session, "census", 1)


def _beside(session: Session, table: str, splits: int) -> None:
    for level in LEVELS:
        session.add(f"{table}.trees.{level}", session.over(table, level, splits))
    for name in session.peers:
        found = session.peer(table, name)
        session.add(f"{table}.{name}", found)
        if "fit_s" in found:
            for level in LEVELS:
                ours = session.over(table, level, splits)
                session.add(f"{table}.times_faster.{level}", {name: seconds(found) / seconds(ours)})


def peers(session: Session) -> None:
    """Only run the peers, to fill the folder of --reuse."""
    for table in session.tables:
        for name in session.peers:
            run = session.runner.peer(name, session.split(table), 1)
            session.add(f"{table}.{name}", run.figures | {"reused": float(run.reused)})
            print(f"{table} {name}{' (reused)' if run.reused else ''}", run.figures, flush=True)
