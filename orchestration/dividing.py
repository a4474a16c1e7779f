"""Dividing rows at random into a train part, which a generator sees, and a holdout, which it never does."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from proofset.seeds import stream


def divide(table: pa.Table, holdout: float, seed: int) -> tuple[pa.Table, pa.Table]:
    """Return train and holdout; both keep the order of the table's rows and hold at least one.

    holdout: its share of the rows, between 0 and 1.
    """
    order = stream(seed, "split").permutation(table.num_rows)
    held = min(max(round(table.num_rows * holdout), 1), table.num_rows - 1)
    return table.take(np.sort(order[held:])), table.take(np.sort(order[:held]))
