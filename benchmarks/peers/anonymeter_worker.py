"""Anonymeter's three attacks, with the columns, numbers of attacks and tables the harness names."""

from __future__ import annotations

from protocol import Clock, answer, request

clock = Clock()


def main() -> None:
    """Write each attack's rates and risk, with the ends of their intervals, and the seconds it took."""
    asked = request()
    from importlib.metadata import version

    import numpy as np
    import pandas as pd
    from anonymeter.evaluators import InferenceEvaluator, LinkabilityEvaluator, SinglingOutEvaluator

    np.random.seed(asked["seed"])  # noqa: NPY002 - pandas, which draws the targets, takes no other
    train, control, synthetic = (pd.read_parquet(asked[p]) for p in ("train", "control", "synthetic"))
    tables = {"ori": train, "syn": synthetic, "control": control, "n_attacks": asked["attacks"]}
    # Compiled on first use: not part of the time.
    LinkabilityEvaluator(**(tables | {"n_attacks": 2}), aux_cols=asked["halves"]).evaluate(n_jobs=1)
    figures: dict[str, float] = {}

    def keep(name: str, results: object) -> None:
        for label, found in (("attack", results.attack_rate), ("control", results.control_rate)):
            figures[f"{name}_{label}"] = float(found.value)
            figures[f"{name}_{label}_error"] = float(found.error)
        risk = results.risk()
        figures[name] = float(risk.value)
        figures[f"{name}_low"], figures[f"{name}_high"] = (float(v) for v in risk.ci)

    single = SinglingOutEvaluator(**tables, n_cols=asked["width"], seed=asked["seed"], max_attempts=asked["attempts"])
    keep("singling_out", clock("singling_out", lambda: single.evaluate(mode="multivariate")).results())
    link = LinkabilityEvaluator(**tables, aux_cols=asked["halves"], n_neighbors=asked["neighbours"])
    keep("linkability", clock("linkability", lambda: link.evaluate(n_jobs=asked["jobs"])).results())

    def infer() -> list[object]:
        made = []
        for secret, regression in asked["secrets"].items():
            known = [c for c in train.columns if c != secret]
            one = InferenceEvaluator(**tables, aux_cols=known, secret=secret, regression=regression)
            made.append(one.evaluate(n_jobs=asked["jobs"]).results())
        return made

    found = clock("inference", infer)
    for name, results in zip(asked["secrets"], found, strict=True):
        keep(f"inference.{name}", results)
    for label in ("attack", "control"):
        figures[f"inference_{label}"] = float(np.mean([getattr(r, f"{label}_rate").value for r in found]))
    answer(asked, {**figures, **clock.figures, "version": version("anonymeter")})


if __name__ == "__main__":
    main()
