"""Sampling on a condition that one row in a thousand meets: rows a second, and whether every row meets it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.environments import SDV, WORKERS, python_of
from benchmarks.running import kinds
from benchmarks.session import Session, show

WHERE: dict[str, dict[str, Any]] = {
    "adult": {"sex": "Male", "race": "Asian-Pac-Islander", "workclass": "Federal-gov"},
    "census": {"sex": "Female", "class_of_worker": "Federal government", "income": "50000+."},
}
ROWS = {"adult": 1_000_000, "census": 250_000}
BATCH, TRIES, LIMIT = 100, 100, 60
"""Rows per call of the peer, its tries per batch (its default), and the seconds after which no further call is made."""


def conditional(session: Session) -> None:
    """Ours, then SDV's Gaussian copula."""
    for table, where in WHERE.items():
        here = session.split(table)
        prefix = "conditional" if table == "adult" else f"conditional.{table}"
        session.add(prefix, {"share": float(meets(here.train, where).mean())})
        run = session.runner.ours(
            "trees-where", here, 1, generator="trees", options={"privacy": "medium"}, rows=ROWS[table], repeats=1,
            steer={"where": where},
        )  # fmt: skip
        if run.table is not None:
            found = run.figures | {
                "rows_per_s": ROWS[table] / run.figures["sample_s"],
                "wrong": float((~meets(run.table, where)).sum()),
            }
            session.add(f"{prefix}.trees", found)
            show(f"{table} conditional trees", found, ("fit_s", "rows_per_s", "wrong"))
        if "GaussianCopula" in session.peers:
            call = [str(python_of(SDV, session.runner.environments)), str(WORKERS / "sdv_worker.py")]
            asked = {"model": "GaussianCopula", "rows": 10, "seed": 1, "kinds": kinds(here), "budget": None}
            asked |= {"repeats": 1, "where": where, "batch": BATCH, "tries": TRIES, "limit": LIMIT}
            figures = session.runner.call("GaussianCopula-where", call, {"train": here.train}, asked).figures
            if "conditional_rows" in figures:
                found = {
                    "rows_per_s": figures["conditional_rows"] / figures["conditional_s"],
                    "rows": figures["conditional_rows"],
                    "seconds": figures["conditional_s"],
                    "wrong": figures["conditional_wrong"],
                }
                session.add(f"{prefix}.GaussianCopula", found)
                show(f"{table} conditional GaussianCopula", found, tuple(found))


def meets(table: pa.Table, where: dict[str, Any]) -> np.ndarray:
    """True for the rows that have every value."""
    every = np.ones(table.num_rows, bool)
    for name, value in where.items():
        every &= np.asarray(pc.fill_null(pc.equal(table[name], value), False))
    return every
