"""Schema drift: a table as it looks after somebody upstream changed it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from proofset.errors import GeneratorError, did_you_mean
from proofset.rules_table import Drift
from proofset.spec import ColumnSpec
from proofset.values import Values, filled, texts


def added(drifts: Sequence[Drift], columns: Mapping[str, ColumnSpec]) -> dict[str, ColumnSpec]:
    """The extra columns. Raises GeneratorError for one that is there already."""
    extra: dict[str, ColumnSpec] = {}
    for drift in drifts:
        if drift.kind == "extra":
            if drift.column in columns or drift.column in extra:
                raise _refused(drift, f"column '{drift.column}' is there already")
            extra[drift.column] = ColumnSpec(rule=drift.rule)
    return extra


def drifted(drifts: Sequence[Drift], columns: Mapping[str, Values]) -> dict[str, Values]:
    """Return the columns as they are after the drift. Raises GeneratorError for one that is not there, or is twice."""
    made = dict(columns)
    for drift in drifts:
        name = drift.column
        if name not in made:
            raise _refused(drift, f"'{name}' is not a column with a rule.{did_you_mean(name, made)}".rstrip("."))
        match drift.kind:
            case "renamed":
                if drift.to in made:
                    raise _refused(drift, f"column '{drift.to}' is there already")
                made = {drift.to if n == name else n: v for n, v in made.items() if n is not None}  # type: ignore[misc]
            case "missing":
                made = {n: v for n, v in made.items() if n != name}
            case "moved":
                made = {n: v for n, v in made.items() if n != name} | {name: made[name]}
            case "retyped":
                made[name] = _retyped(drift, made[name])
    if not made:
        raise GeneratorError("rules.drift leaves no column.", fix="Let at least one column stay.")
    return made


def names_before(drifts: Sequence[Drift], names: Sequence[str]) -> dict[str, str]:
    """What each of the columns was called before the drift."""
    before = {n: n for n in names}
    for drift in reversed(drifts):
        if drift.kind == "renamed" and drift.to is not None:
            before = {n: drift.column if b == drift.to else b for n, b in before.items()}
    return before


def _retyped(drift: Drift, values: Values) -> Values:
    if drift.type == "text":
        return values if values.kind == "text" else Values(filled(texts(values)), values.missing)
    if values.kind not in ("number", "truth"):
        raise _refused(drift, f"column '{drift.column}' is a {values.kind} and cannot become a number")
    numbers = np.where(values.missing, 0, values.data)
    numbers = np.rint(numbers).astype(np.int64) if drift.type == "integer" else numbers.astype(float)
    return Values(numbers, values.missing)


def _refused(drift: Drift, why: str) -> GeneratorError:
    return GeneratorError(
        f"rules.drift: {drift.kind} cannot be done: {why}.", fix="Correct it under tables.*.rules.drift."
    )
