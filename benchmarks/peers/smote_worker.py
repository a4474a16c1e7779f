"""imbalanced-learn's SMOTENC (SMOTE for tables with categories): new rows of the minority class."""

from __future__ import annotations

from protocol import Clock, answer, request

clock = Clock()


def main() -> None:
    """Write as many minority rows as asked for."""
    asked = request()
    from importlib.metadata import version

    import pandas as pd
    from imblearn.over_sampling import SMOTE, SMOTENC

    frame = pd.read_parquet(asked["train"])
    target, positive = asked["target"], asked["positive"]
    label = (frame[target] == positive).astype(int)
    inputs = frame.drop(columns=[target])
    named = [name for name, kind in asked["kinds"].items() if kind == "categorical" and name != target]
    wanted = {0: int((label == 0).sum()), 1: int(label.sum()) + asked["rows"]}
    settings = {"sampling_strategy": wanted, "random_state": asked["seed"]}
    sampler = SMOTENC(categorical_features=named, **settings) if named else SMOTE(**settings)
    made, _ = clock("sample", lambda: sampler.fit_resample(inputs, label))
    added = made.iloc[len(frame) :].copy()
    added[target] = positive
    added[list(frame.columns)].to_parquet(asked["out"], index=False)
    answer(asked, clock.figures | {"version": version("imbalanced-learn")})


if __name__ == "__main__":
    main()
