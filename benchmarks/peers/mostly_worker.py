"""MOSTLY AI engine: TabularARGN with default settings. Fit on a Parquet table, sample another."""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path
from typing import Any

from protocol import Clock, answer, request

clock = Clock()


def load() -> Any:
    import mostlyai.engine

    return mostlyai.engine


def epochs(workspace: Path) -> float:
    """The last epoch in the training's progress file, 0 where there is none."""
    found = 0.0
    for path in workspace.rglob("progress-messages.csv"):
        with path.open(encoding="utf-8") as handle:
            found = max([found, *(float(row["epoch"]) for row in csv.DictReader(handle) if row.get("epoch"))])
    return found


def main() -> None:
    """Do what the request says."""
    asked = request()
    engine = clock("import", load)
    from importlib.metadata import version

    import pandas as pd
    import torch

    torch.set_num_threads(asked["threads"])
    frame = pd.read_parquet(asked["train"])
    with tempfile.TemporaryDirectory(prefix="argn-") as folder:
        limit = {"max_training_time": asked["budget"] / 60} if asked["budget"] else {}
        model = engine.TabularARGN(workspace_dir=folder, random_state=asked["seed"], device="cpu", verbose=1, **limit)
        clock("fit", lambda: model.fit(frame))
        made = clock("sample", lambda: model.sample(n_samples=asked["rows"]))
        trained = epochs(Path(folder))
        model.close() if hasattr(model, "close") else None
    made.to_parquet(asked["out"], index=False)
    answer(asked, clock.figures | {"epochs": trained, "version": version("mostlyai-engine")})


if __name__ == "__main__":
    main()
