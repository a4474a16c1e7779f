"""What the benchmark must show, as bounds on its figures. Pure: figures in, verdicts out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

Figures = Mapping[str, float]


@dataclass(frozen=True)
class Check:
    """A bound on a figure.  highest, lowest: a number, or a function of the figures, such as a floor's own value."""

    figure: str
    highest: float | Callable[[Figures], float] | None = None
    lowest: float | Callable[[Figures], float] | None = None


@dataclass(frozen=True)
class Verdict:
    """A check and its outcome; `met` is None where the figure was not measured."""

    figure: str
    value: float | None
    bound: str
    met: bool | None


def of(figure: str, factor: float = 1.0) -> Callable[[Figures], float]:
    """Another figure times a factor."""
    return lambda figures: figures[figure] * factor


def _side_by_side(table: str, level: str) -> list[Check]:
    p = f"{table}.trees.{level}"
    return [
        Check(f"{p}.c2st", 0.535),
        Check(f"{p}.shape_error", of(f"{p}.shape_error_floor")),
        Check(f"{p}.pair_error", of(f"{p}.pair_error_floor", 1.0 if table == "adult" else 1.1)),
        Check(f"{p}.mia", 0.510),
        Check(f"{p}.mia_tpr", 0.013),
        Check(f"{p}.copies", of(f"{p}.copies_floor")),
    ]


def checks(level: str = "medium") -> list[Check]:
    """Every bound, for one privacy level."""
    adult, census = f"adult.trees.{level}", f"census.trees.{level}"
    return [
        *_side_by_side("adult", level),
        Check(f"{adult}.tstr", lowest=0.92),
        Check(f"adult.times_faster.{level}.TabularARGN", lowest=40),
        Check(f"adult.times_faster.{level}.GaussianCopula", lowest=2),
        *_side_by_side("census", level),
        Check(f"{census}.fit_s", 12),
        Check(f"{census}.sample_s", 3),
        Check(f"{census}.peak_mb", 2_000),
        Check(f"{census}.tstr", lowest=of(f"{census}.trtr", 0.995)),
        Check(f"{census}.duplicates", of(f"{census}.duplicates_floor", 2), of(f"{census}.duplicates_floor", 0.5)),
        Check("conditional.trees.rows_per_s", lowest=100_000),
        Check("conditional.trees.wrong", 0),
    ]


def verdicts(figures: Figures, level: str = "medium") -> list[Verdict]:
    """Judge what was measured."""
    return [judge(check, figures) for check in checks(level)]


def judge(check: Check, figures: Figures) -> Verdict:
    """Hold one figure against its bound."""
    value = figures.get(check.figure)
    try:
        top, bottom = (b(figures) if callable(b) else b for b in (check.highest, check.lowest))
    except KeyError:
        return Verdict(check.figure, value, "not measured", None)
    bound = " and ".join(f"{sign} {limit:.4g}" for sign, limit in (("≤", top), ("≥", bottom)) if limit is not None)
    if value is None:
        return Verdict(check.figure, None, bound, None)
    return Verdict(check.figure, value, bound, (top is None or value <= top) and (bottom is None or value >= bottom))


def printed(found: list[Verdict]) -> str:
    """A line per verdict that was measured."""
    words = {True: "met", False: "MISSED"}
    return "\n".join(
        f"{words[v.met]:6}  {v.figure} = {v.value:.4g} ({v.bound})"
        for v in found
        if v.met is not None and v.value is not None
    )
