"""Do synthetic minority rows help to find rare events? Real rows alone, class weights, SMOTE and `trees`, five seeds.

Every seed is another split of the rows. Nulls are filled before anything else (numbers with the training median,
words with "missing"), alike for all, because SMOTE cannot take them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.environments import IMBALANCED, WORKERS, python_of
from benchmarks.running import kinds
from benchmarks.session import Session
from benchmarks.tables import Split
from proofset.seeds import stream
from quality.learners import few_threads

SEEDS = 5
TIMES = 10
"""How many times as many minority rows there are with the synthetic ones."""
RARE = 0.005
"""Share of positives that Census income is thinned to; `late` has 0.47 % as it is."""
STUDENT = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776}
"""97.5 % quantile of Student's t by number of seeds."""


def uplift(session: Session) -> None:
    """Average precision of each method, its interval over seeds, and its paired difference to real rows alone."""
    seeds = min(SEEDS, max(session.seeds, 2)) if session.seeds < 3 else SEEDS
    for table in ("late", "census"):
        runs = [one_seed(session, table, seed) for seed in range(1, seeds + 1)]
        found: dict[str, float] = {k: float(np.mean([r[k] for r in runs])) for k in ("positives", "share")}
        for method in [k for k in runs[0] if k not in found and all(k in run for run in runs)]:
            values = np.array([run[method] for run in runs])
            model = method.rsplit(".", 1)[1]
            gains = values - np.array([run[f"real.{model}"] for run in runs])
            found |= {f"{method}.ap": float(values.mean()), f"{method}.ap_half": half_width(values)}
            if not method.startswith("real."):
                found |= {f"{method}.gain": float(gains.mean()), f"{method}.gain_half": half_width(gains)}
            print(f"uplift {table} {method}: {values.mean():.4f} ± {half_width(values):.4f}", flush=True)
        session.add(f"uplift.{table}", found)


def half_width(values: np.ndarray) -> float:
    """Half of the 95 % interval of a mean (Student's t)."""
    return float(STUDENT[len(values)] * values.std(ddof=1) / np.sqrt(len(values)))


def one_seed(session: Session, table: str, seed: int) -> dict[str, float]:
    """Average precision on real test rows by method and model."""
    here = session.split(table, seed)
    if table == "census":
        here = Split(
            here.table, here.number, thinned(here.train, here, seed, "train"), thinned(here.test, here, seed, "test")
        )
    here = Split(here.table, here.number, *filled(here.train, here.test, here.table.target))
    label = positives(here.train, here)
    minority = here.train.filter(pa.array(label))
    wanted = (TIMES - 1) * minority.num_rows
    extra: dict[str, pa.Table | None] = {
        "real": None,
        "weights": None,
        "smote": _smote(session, here, wanted, seed),
        "trees_minority": session.runner.ours(
            "trees-minority", Split(here.table, here.number, minority, here.test), seed,
            generator="trees", rows=wanted, repeats=0,
        ).table,
        "trees_where": session.runner.ours(
            "trees-where", here, seed, generator="trees", rows=wanted, repeats=0,
            steer={"where": {here.table.target: here.table.positive}},
        ).table,
    }  # fmt: skip
    found = {"positives": float(label.sum()), "share": float(label.mean())}
    truth = positives(here.test, here)
    for method, rows in extra.items():
        if rows is None and method not in ("real", "weights"):
            continue
        train = here.train if rows is None else pa.concat_tables([here.train, rows])
        for name, model in MODELS.items():
            with few_threads():
                scores = model(train, here, method == "weights", seed)
            found[f"{method}.{name}"] = average_precision(truth, scores)
    return found


def positives(table: pa.Table, here: Split) -> np.ndarray:
    """True where the target has its positive value."""
    return np.asarray(pc.equal(table[here.table.target], here.table.positive))


def thinned(table: pa.Table, here: Split, seed: int, part: str) -> pa.Table:
    """The table with positives left out at random until their share is RARE."""
    label = positives(table, here)
    keep = ~label
    wanted = round(RARE / (1 - RARE) * int(keep.sum()))
    chosen = stream(seed, "benchmark", "thinned", part).choice(np.flatnonzero(label), wanted, replace=False)
    keep[chosen] = True
    return table.filter(pa.array(keep))


def filled(train: pa.Table, test: pa.Table, target: str) -> tuple[pa.Table, pa.Table]:
    """Both tables without nulls; what is filled in comes from the training rows."""
    columns: dict[str, tuple[Any, ...]] = {}
    for name in train.column_names:
        sides = (train[name], test[name])
        if name != target:
            kind = train.schema.field(name).type
            fill: str | float = "missing"
            if not pa.types.is_string(kind):
                middle = float(np.nanmedian(np.asarray(train[name].cast(pa.float64()))))
                fill = round(middle) if pa.types.is_integer(kind) else middle
            sides = tuple(pc.fill_null(c, pa.scalar(fill, kind)) for c in sides)
        columns[name] = sides
    first, second = (pa.table({n: c[i] for n, c in columns.items()}) for i in (0, 1))
    return first, second


def average_precision(truth: np.ndarray, scores: np.ndarray) -> float:
    """Area under the precision-recall curve as a step function; the share of positives for random scores, 1 at best."""
    order = np.argsort(-scores, kind="stable")
    hits = truth[order].astype(float)
    ends = np.append(np.diff(scores[order]) != 0, True)  # rows with equal scores count together
    found, seen = np.cumsum(hits)[ends], np.arange(1, len(hits) + 1)[ends]
    gained = np.diff(np.append(0, found))
    return float((found / seen * gained).sum() / hits.sum())


def _smote(session: Session, here: Split, rows: int, seed: int) -> pa.Table | None:
    call = [str(python_of(IMBALANCED, session.runner.environments)), str(WORKERS / "smote_worker.py")]
    asked = {"rows": rows, "seed": seed, "kinds": kinds(here)}
    asked |= {"target": here.table.target, "positive": here.table.positive}
    return session.runner.call("smote", call, {"train": here.train}, asked).table


def _coded(train: pa.Table, here: Split) -> tuple[list[np.ndarray], list[np.ndarray], list[bool]]:
    """Columns of train and test as numbers; words as codes by frequency, unknown ones -1."""
    first, second, named = [], [], []
    for name, kind in kinds(here).items():
        if name == here.table.target:
            continue
        sides = [t[name].to_pandas() for t in (train, here.test)]
        named.append(kind == "categorical")
        if kind == "categorical":
            place = {word: i for i, word in enumerate(sides[0].value_counts().index)}
            sides = [s.map(place).fillna(-1) for s in sides]
        first.append(sides[0].to_numpy(float))
        second.append(sides[1].to_numpy(float))
    return first, second, named


def boosted(train: pa.Table, here: Split, weighted: bool, seed: int) -> np.ndarray:
    """Scores of the test rows by histogram gradient boosting."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    first, second, named = _coded(train, here)
    x, z = np.column_stack(first), np.column_stack(second)
    top = 254
    for place in np.flatnonzero(named):
        x[:, place], z[:, place] = np.minimum(x[:, place], top), np.minimum(z[:, place], top)
    z[z < 0] = np.where((z < 0) & np.array(named), np.nan, z)[z < 0]
    model = HistGradientBoostingClassifier(
        categorical_features=named, early_stopping=False, random_state=seed,
        class_weight="balanced" if weighted else None,
    )  # fmt: skip
    return np.asarray(model.fit(x, positives(train, here)).predict_proba(z)[:, 1])


def linear(train: pa.Table, here: Split, weighted: bool, seed: int) -> np.ndarray:
    """Scores of the test rows by logistic regression on standardised numbers and one-hot codes."""
    from scipy import sparse
    from sklearn.linear_model import LogisticRegression

    first, second, named = _coded(train, here)
    blocks: tuple[list[Any], list[Any]] = ([], [])
    for own, asked, words in zip(first, second, named, strict=True):
        if words:
            size = int(own.max()) + 1
            for block, codes in zip(blocks, (own, asked), strict=True):
                rows = np.flatnonzero((codes >= 0) & (codes < size))
                cells = (np.ones(len(rows)), (rows, codes[rows].astype(int)))
                block.append(sparse.csr_matrix(cells, shape=(len(codes), size)))
        else:
            middle, spread = own.mean(), own.std() or 1.0
            for block, values in zip(blocks, (own, asked), strict=True):
                block.append(sparse.csr_matrix(((values - middle) / spread)[:, None]))
    x, z = (sparse.hstack(block, format="csr") for block in blocks)
    model = LogisticRegression(max_iter=200, class_weight="balanced" if weighted else None, random_state=seed)
    return np.asarray(model.fit(x, positives(train, here)).predict_proba(z)[:, 1])


Model = Callable[[pa.Table, Split, bool, int], np.ndarray]
MODELS: Mapping[str, Model] = {"boosted": boosted, "linear": linear}
METHODS: Sequence[str] = ("real", "weights", "smote", "trees_minority", "trees_where")
