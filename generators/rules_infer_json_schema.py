"""Rules from a JSON Schema (draft 2020-12 and its forerunners) of one row: an object, or an array of objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from generators.rules_infer import Draft, Fact, Facts, Kind, draft, pick
from proofset.errors import GeneratorError

KINDS: dict[str, Kind] = {"integer": "integer", "number": "number", "boolean": "boolean", "string": "text"}
MOMENTS: dict[str, Kind] = {"date-time": "datetime", "date": "date"}
MOST_REFERENCES = 50


def infer_json_schema(schema: Mapping[str, Any], table: str | None = None) -> Draft:
    """Return the rules of the rows a schema describes.

    table: the definition under "$defs" or "definitions" that describes them, where the schema has several.

    Raises GeneratorError where the schema describes no object with properties.
    """
    definitions = {**_mapping(schema.get("definitions")), **_mapping(schema.get("$defs"))}
    row, name = schema, str(schema.get("title") or "table")
    if table is not None or not _properties(schema, schema):
        tables = [n for n, d in definitions.items() if _properties(_mapping(d), schema)]
        name = pick(tables, table)
        row = definitions[name]
    row = _resolved(row, schema)
    if row.get("type") == "array":
        row = _resolved(_mapping(row.get("items")), schema)
    required = set(row.get("required") or ())
    notes: list[str] = []
    facts = []
    for column, given in _mapping(row.get("properties")).items():
        fact = _fact(str(column), _resolved(_mapping(given), schema), column in required, notes)
        if fact is not None:
            facts.append(fact)
    notes += [f"The keyword {k} is left out." for k in ("allOf", "if", "dependentRequired", "dependencies") if k in row]
    return draft(Facts(name, tuple(facts), description=str(row.get("description") or ""), notes=tuple(notes)))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _properties(schema: Mapping[str, Any], root: Mapping[str, Any]) -> bool:
    row = _resolved(schema, root)
    if row.get("type") == "array":
        row = _resolved(_mapping(row.get("items")), root)
    return bool(_mapping(row.get("properties")))


def _resolved(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow references within the file, and take the one real alternative of those with null."""
    for _ in range(MOST_REFERENCES):
        reference = schema.get("$ref")
        others = [o for o in schema.get("anyOf") or schema.get("oneOf") or () if _mapping(o).get("type") != "null"]
        if isinstance(reference, str):
            found: Any = root
            if not reference.startswith("#"):
                raise GeneratorError(
                    "The schema refers to another file.", fix="Write the definition into this one, under $defs."
                )
            for part in reference.lstrip("#").strip("/").split("/"):
                found = _mapping(found).get(part.replace("~1", "/").replace("~0", "~")) if part else found
            if not isinstance(found, Mapping):
                raise GeneratorError("The schema refers to a definition that is not there.", fix="Correct its $ref.")
            schema = {**found, **{k: v for k, v in schema.items() if k != "$ref"}}
        elif len(others) == 1:
            rest = {k: v for k, v in schema.items() if k not in ("anyOf", "oneOf")}
            nullable = len(schema.get("anyOf") or schema.get("oneOf") or ()) > 1
            schema = {**_mapping(others[0]), **rest} | ({"nullable": True} if nullable else {})
        else:
            return schema
    raise GeneratorError("The schema's references go round in a circle.", fix="Correct its $ref.")


def _fact(name: str, given: Mapping[str, Any], required: bool, notes: list[str]) -> Fact | None:
    types = given.get("type")
    types = [types] if isinstance(types, str) else list(types or ())
    nullable = not required or "null" in types or bool(given.get("nullable"))
    values = tuple(given.get("enum") or ((given["const"],) if "const" in given else ()))
    nullable |= None in values
    values = tuple(v for v in values if v is not None)
    real = [t for t in types if t != "null"]
    if values and not all(isinstance(v, bool | int | float | str) for v in values):
        notes.append(f"{name}: its values are objects or arrays; it is left out.")
        return None
    if not values and (len(real) != 1 or real[0] not in KINDS):
        notes.append(f"{name}: its type is {' or '.join(real) or 'not given'}; it is left out.")
        return None
    kind = KINDS.get(real[0] if real else "string", "text")
    text_format = str(given.get("format") or "") or None
    if kind == "text" and text_format in MOMENTS:
        kind = MOMENTS[text_format]
    low, high = _bounds(given, kind)
    step = given.get("multipleOf")
    decimals = len(str(step).partition(".")[2]) if isinstance(step, int | float) and kind == "number" else None
    return Fact(
        name=name,
        kind=kind,
        nullable=nullable,
        values=values,
        low=low,
        high=high,
        decimals=None if decimals is None else min(decimals, 12),
        length=(int(given.get("minLength") or 0), given.get("maxLength")),
        pattern=given.get("pattern"),
        format=text_format,
        description=str(given.get("description") or ""),
    )


def _bounds(given: Mapping[str, Any], kind: Kind) -> tuple[float | None, float | None]:
    """Both bounds; an exclusive one is moved inwards by one for integers, by a millionth else. Draft 4 is read, too."""
    step = 1.0 if kind == "integer" else 1e-6
    low, high = given.get("minimum"), given.get("maximum")
    over, under = given.get("exclusiveMinimum"), given.get("exclusiveMaximum")
    if over is True and low is not None:
        low = low + step
    elif isinstance(over, int | float) and over is not False:
        low = max(low, over + step) if low is not None else over + step
    if under is True and high is not None:
        high = high - step
    elif isinstance(under, int | float) and under is not False:
        high = min(high, under - step) if high is not None else under - step
    return low, high
