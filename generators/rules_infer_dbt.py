"""Rules from a dbt properties file (`schema.yml`): what its columns' data tests promise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from generators.rules_infer import Draft, Fact, Facts, Kind, draft, pick

TYPES: tuple[tuple[tuple[str, ...], Kind], ...] = (
    (("bool",), "boolean"),
    (("timestamp", "datetime"), "datetime"),
    (("date",), "date"),
    (("int", "serial"), "integer"),
    (("numeric", "decimal", "float", "double", "real", "number", "money"), "number"),
    (("char", "text", "string", "uuid"), "text"),
)
ENDINGS: tuple[tuple[tuple[str, ...], Kind], ...] = (
    (("_at", "_time", "_timestamp", "_ts"), "datetime"),
    (("_date", "_on", "_day"), "date"),
    (("_count", "_qty", "quantity", "_number", "age"), "integer"),
    (("amount", "price", "total", "_rate", "_share", "cost", "revenue"), "number"),
)


def infer_dbt(properties: Mapping[str, Any], table: str | None = None) -> Draft:
    """Return the rules of one model, seed, snapshot or source table of a properties file.

    Raises GeneratorError where there is no such table, or several and none is named.
    """
    tables: dict[str, Mapping[str, Any]] = {}
    for group in ("models", "seeds", "snapshots"):
        tables |= {str(m.get("name")): m for m in _list(properties.get(group))}
    for source in _list(properties.get("sources")):
        tables |= {str(t.get("name")): t for t in _list(source.get("tables"))}
    name = pick(list(tables), table)
    notes: list[str] = []
    sets: list[tuple[str, ...]] = []
    facts = {str(c.get("name")): _fact(c, notes) for c in _list(tables[name].get("columns"))}
    for test, arguments in _tests(tables[name]):
        combined = tuple(str(c) for c in arguments.get("combination_of_columns") or ())
        if test.endswith("unique_combination_of_columns") and set(combined) <= set(facts):
            sets.append(combined)
        else:
            notes.append(f"The test {test} of the table is left out.")
    described = str(tables[name].get("description") or "")
    return draft(Facts(name, tuple(facts.values()), tuple(sets), described, tuple(notes)))


def _list(value: Any) -> list[Mapping[str, Any]]:
    return [v for v in value if isinstance(v, Mapping)] if isinstance(value, list) else []


def _tests(owner: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Tests with their arguments, in dbt's old and new way of writing them."""
    found: list[tuple[str, Mapping[str, Any]]] = []
    for test in [*(owner.get("data_tests") or []), *(owner.get("tests") or [])]:
        if isinstance(test, str):
            found.append((test, {}))
        elif isinstance(test, Mapping):
            for name, given in test.items():
                arguments = given if isinstance(given, Mapping) else {}
                inner = arguments.get("arguments")
                found.append((str(name), inner if isinstance(inner, Mapping) else arguments))
    return found


def _fact(column: Mapping[str, Any], notes: list[str]) -> Fact:
    name = str(column.get("name"))
    fact = Fact(name, _kind(name, str(column.get("data_type") or "").lower()))
    fact = replace(fact, description=str(column.get("description") or ""))
    if not column.get("data_type"):
        notes.append(f"{name}: its type is not given; {fact.kind} is guessed from its name.")
    for constraint in _list(column.get("constraints")):
        fact = _promised(fact, str(constraint.get("type") or ""), {}, notes)
    for test, arguments in _tests(column):
        fact = _promised(fact, test, arguments, notes)
    return fact


def _promised(fact: Fact, test: str, arguments: Mapping[str, Any], notes: list[str]) -> Fact:
    match test.rpartition(".")[2]:
        case "not_null":
            return replace(fact, nullable=False)
        case "unique":
            return replace(fact, unique=True)
        case "primary_key":
            return replace(fact, unique=True, nullable=False)
        case "accepted_values":
            values = tuple(v for v in arguments.get("values") or () if isinstance(v, bool | int | float | str))
            return replace(fact, values=values if len({type(v) for v in values}) < 2 else tuple(map(str, values)))
        case "accepted_range":
            low, high = arguments.get("min_value"), arguments.get("max_value")
            kind: Kind = fact.kind if fact.kind in ("integer", "number") else "number"
            return replace(fact, kind=kind, low=_bound(low), high=_bound(high))
        case "relationships":
            notes.append(f"{fact.name}: refers to {arguments.get('to')}; its values are not tied to that table.")
            return fact
    notes.append(f"{fact.name}: the test {test} is left out.")
    return fact


def _bound(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _kind(name: str, data_type: str) -> Kind:
    for words, kind in TYPES:
        if any(w in data_type for w in words):
            return kind
    if name.lower().startswith(("is_", "has_")):
        return "boolean"
    for endings, kind in ENDINGS:
        if name.lower().endswith(endings):
            return kind
    return "integer" if name.lower() == "id" or name.lower().endswith("_id") else "text"
