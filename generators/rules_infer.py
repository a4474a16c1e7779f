"""Inferring rules: what a schema says about a column becomes a rule, and what it does not say becomes a note.

Readers of each format (`rules_infer_ddl`, ...) give `Fact`s; here they become a draft that a person corrects.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from generators.rules import Maker
from generators.rules_infer_names import by_format, by_name
from generators.rules_regex import pattern_of
from proofset.errors import GeneratorError, did_you_mean
from proofset.rules import Scalar
from proofset.rules_table import TableRules
from proofset.spec import ColumnSpec, TableSpec

Kind = Literal["integer", "number", "text", "boolean", "datetime", "date", "other"]
MOST_TEXT = 200
NULLS = 0.05
"""Share of nulls where a column may be null and nobody says how often it is."""


SKEWED = ("lognormal", "gamma")
"""Kinds of guessed rules that a lower bound from the schema can be added to."""


@dataclass(frozen=True)
class Fact:
    """What is known about a column.

    low, high: bounds of a number, or of a time as ISO text; open ones count as closed where the type is an integer.
    length: fewest and most characters.  after: the column whose time it follows.
    """

    name: str
    kind: Kind
    nullable: bool = True
    null_share: float | None = None
    unique: bool = False
    numbered: bool = False
    values: tuple[Scalar, ...] = ()
    low: float | None = None
    high: float | None = None
    decimals: int | None = None
    length: tuple[int, int | None] = (0, None)
    pattern: str | None = None
    format: str | None = None
    after: str | None = None
    description: str = ""
    rule: dict[str, Any] | None = None
    """The rule itself, where the reader knows better."""


@dataclass(frozen=True)
class Facts:
    """What is known about a table. sets: columns that are unique together."""

    table: str
    columns: tuple[Fact, ...]
    sets: tuple[tuple[str, ...], ...] = ()
    description: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Draft:
    """A table's rules as far as they could be inferred, and what could not be known, a sentence each."""

    name: str
    table: TableSpec
    notes: tuple[str, ...] = field(default=())


def draft(facts: Facts) -> Draft:
    """Turn facts into rules that work. Raises GeneratorError where there is no column."""
    notes = list(facts.notes)
    if not facts.columns:
        raise GeneratorError(
            f"Table '{facts.table}' has no column that a rule could be written for.", fix="Check the file."
        )
    columns = {fact.name: _column(fact, notes) for fact in facts.columns}
    kept: list[tuple[str, ...]] = []
    for names in facts.sets:
        try:
            Maker(_alone(columns, names), TableRules(unique=(*kept, names)))
            kept.append(names)
        except (GeneratorError, ValueError):
            notes.append(f"{', '.join(names)}: unique together; give one of them a rule that can count its values.")
    rules = TableRules(unique=tuple(kept)) if kept else None
    return Draft(
        safe(facts.table), TableSpec(description=facts.description, columns=columns, rules=rules), tuple(notes)
    )


def _alone(columns: Mapping[str, ColumnSpec], names: Sequence[str]) -> dict[str, ColumnSpec]:
    return {n: columns[n] for n in names}


def _column(fact: Fact, notes: list[str]) -> ColumnSpec:
    rule, note = _rule(fact)
    if note:
        notes.append(f"{fact.name}: {note}")
    nulls = fact.null_share if fact.null_share is not None else NULLS * fact.nullable
    spec = ColumnSpec.model_validate({"rule": rule, "null_share": nulls, "description": fact.description})
    if not fact.unique:
        return spec
    unique = spec.model_copy(update={"unique": True})
    try:
        Maker({fact.name: unique}, TableRules())
    except GeneratorError:
        notes.append(f"{fact.name}: unique, which its rule cannot promise; give it a sequence, uuid or pattern.")
        return spec
    return unique


def _rule(fact: Fact) -> tuple[dict[str, Any], str]:
    """A rule, and what is a guess about it."""
    if fact.rule is not None:
        return fact.rule, ""
    if fact.values:
        return {"kind": "choice", "values": list(fact.values)}, "how frequent its values are is not known."
    if fact.after is not None:
        delay = {"kind": "exponential", "mean": 2.0}
        return {"kind": "after", "column": fact.after, "delay": delay, "unit": "days"}, "its delay is a guess."
    match fact.kind:
        case "boolean":
            return {"kind": "bernoulli", "p": 0.5}, "how often it is true is not known."
        case "datetime" | "date":
            span = {"start": "2020-01-01", "end": "2024-12-31"}
            return {"kind": fact.kind} | span, "its first and last day are guesses."
        case "integer" | "number":
            return _number(fact)
    return _text(fact)


def _number(fact: Fact) -> tuple[dict[str, Any], str]:
    if fact.numbered or (fact.unique and fact.kind == "integer" and fact.low is None and fact.high is None):
        return {"kind": "sequence"}, ""
    decimals = 0 if fact.kind == "integer" else fact.decimals
    places = {} if decimals is None else {"decimals": decimals}
    guess = by_name(fact.name, fact.kind)
    if guess is not None and fact.high is None and (fact.low is None or guess["kind"] in SKEWED):
        above = {} if fact.low is None else {"low": fact.low}
        return guess | above | places, "its distribution is guessed from its name."
    low = fact.low if fact.low is not None else 0.0 if fact.high is None or fact.high > 0 else fact.high - 100.0
    high = fact.high if fact.high is not None else low + 1_000.0
    return {"kind": "uniform", "low": low, "high": high} | places, "its distribution is not known; uniform for now."


def _text(fact: Fact) -> tuple[dict[str, Any], str]:
    if fact.pattern is not None:
        # A schema's pattern may match anywhere in a text; generated texts match it as a whole, which is stricter.
        try:
            pattern_of(fact.name, fact.pattern)
            return {"kind": "regex", "pattern": fact.pattern}, ""
        except (GeneratorError, ValueError):
            _, note = _text(replace(fact, pattern=None))
            return _text(replace(fact, pattern=None))[0], f"its pattern cannot be generated. {note}".strip()
    least, most = fact.length
    guess = (by_format(fact.format) if fact.format else None) or by_name(fact.name, "text")
    if guess is not None and (most is None or most >= MOST_TEXT // 4) and least <= 1:
        return guess, "" if fact.format else "what it holds is guessed from its name."
    top = min(most if most is not None else max(least, 12), MOST_TEXT)
    least = min(max(least, 1 if top else 0), top)
    letters = f"[a-z]{{{top}}}" if least == top else f"[a-z]{{{least},{top}}}"
    return {"kind": "regex", "pattern": letters}, "what it holds is not known; letters for now."


def pick(tables: Sequence[str], wanted: str | None) -> str:
    """Return the table that is wanted, or the only one. Raises GeneratorError that names those there are."""
    if wanted is not None:
        found = [t for t in tables if t == wanted] or [t for t in tables if t.lower() == wanted.lower()]
        if found:
            return found[0]
        raise GeneratorError(
            f"There is no table '{wanted}'.{did_you_mean(wanted, tables)}",
            why=f"The file describes: {', '.join(tables) or 'none'}.",
            fix="Name one of them with --table.",
        )
    if len(tables) == 1:
        return tables[0]
    raise GeneratorError(
        f"The file describes {len(tables)} tables: {', '.join(tables) or 'none'}.",
        fix="Name one of them with --table." if tables else "Check the file and its kind.",
    )


def safe(name: str) -> str:
    """A name the vocabulary allows for a table or a dataset."""
    word = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:60]
    return word if word[:1].isalpha() else f"table_{word}".rstrip("_")
