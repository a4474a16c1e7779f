"""SDV: GaussianCopula, CTGAN, TVAE. Fit on a Parquet table, sample another; or sample rows on a condition."""

from __future__ import annotations

import time
from typing import Any

from protocol import Clock, Until, answer, request

clock = Clock()


def load() -> Any:
    import sdv.single_table

    return sdv.single_table


def main() -> None:
    """Do what the request says."""
    asked = request()
    models = clock("import", load)
    import ctgan.synthesizers.ctgan
    import ctgan.synthesizers.tvae
    import numpy as np
    import pandas as pd
    import sdv
    import torch
    from sdv.metadata import Metadata

    torch.set_num_threads(asked["threads"])
    torch.manual_seed(asked["seed"])
    np.random.seed(asked["seed"])  # noqa: NPY002 - what SDV draws from
    frame = pd.read_parquet(asked["train"])
    columns = {name: {"sdtype": kind} for name, kind in asked["kinds"].items()}
    tables = {"t": {"columns": columns}}
    described = Metadata.load_from_dict({"METADATA_SPEC_VERSION": "V1", "tables": tables, "relationships": []})
    settings: dict[str, Any] = {} if asked["model"] == "GaussianCopula" else {"enable_gpu": False}
    if settings and asked["budget"]:
        # CPU seconds of so many threads: on an idle machine the same as the clock on the wall, on a busy one fairer.
        def spent() -> float:
            return time.process_time() / asked["threads"]

        end = spent() + asked["budget"]
        for module in (ctgan.synthesizers.ctgan, ctgan.synthesizers.tvae):
            module.tqdm = lambda epochs, **_: Until(epochs, end, spent)
    kind = getattr(models, f"{asked['model']}Synthesizer")
    fits, samples = [], []
    for _ in range(asked["repeats"]):
        synthesizer = kind(described, **settings)
        clock("fit", lambda made=synthesizer: made.fit({"t": frame}))
        synthesizer._set_random_state(asked["seed"])
        made = clock("sample", lambda made=synthesizer: made.sample(asked["rows"]))["t"]
        fits.append(clock.figures["fit_s"])
        samples.append(clock.figures["sample_s"])
    figures = clock.figures | {"fit_s": sorted(fits)[len(fits) // 2], "sample_s": sorted(samples)[len(samples) // 2]}
    if settings:
        figures["epochs"] = Until.done if asked["budget"] else synthesizer.epochs
    if asked.get("where"):
        figures |= conditioned(synthesizer, asked)
    else:
        made.to_parquet(asked["out"], index=False)
    answer(asked, figures | {"version": sdv.__version__})


def conditioned(synthesizer: Any, asked: dict[str, Any]) -> dict[str, float]:
    """Rows a second with every value of `where` given, as far as the time limit goes."""
    import pandas as pd

    start, rows, wrong = time.perf_counter(), 0, 0
    while time.perf_counter() - start < asked["limit"]:
        known = pd.DataFrame([asked["where"]] * asked["batch"])
        try:
            made = synthesizer.sample_remaining_columns(known, max_tries_per_batch=asked["tries"])
        except ValueError:  # SDV found no row that fits
            break
        made = made["t"] if isinstance(made, dict) else made
        rows += len(made)
        wrong += int((made[list(asked["where"])] != pd.Series(asked["where"])).any(axis=1).sum())
    spent = time.perf_counter() - start
    return {"conditional_rows": rows, "conditional_s": spent, "conditional_wrong": wrong}


if __name__ == "__main__":
    main()
