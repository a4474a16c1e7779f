"""Reading YAML into a model, with errors that name file, line, field, what was found and what is allowed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from proofset.errors import SpecError, did_you_mean

Model = TypeVar("Model", bound=BaseModel)
Loc = tuple[int | str, ...]


class _Loader(yaml.SafeLoader):
    """SafeLoader that keeps dates as text, as JSON would."""


_Loader.yaml_implicit_resolvers = {
    key: [(tag, pattern) for tag, pattern in rows if tag != "tag:yaml.org,2002:timestamp"]
    for key, rows in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


_TWO_WAYS = re.compile(r"[-+]?(0[0-7_]+|[1-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?)")
"""Numbers that YAML 1.1 takes for octal or for minutes and seconds, and YAML 1.2 does not."""
_PASSWORD = re.compile(r"(://[^:/@\s]*:)[^@\s]*@")
"""In a URL; an error that quotes one ends up in logs."""
_SURROGATE = re.compile("[\ud800-\udfff]")
"""Half a character, which no UTF-8 text can hold."""


def read_model(path: Path, model: type[Model]) -> Model:
    """Read the YAML file at `path` as `model`.

    Raises SpecError that lists every problem with its file, line and field.
    """
    return parse_model(_text(path), model, str(path))


def parse_model(text: str, model: type[Model], name: str) -> Model:
    """Read YAML text as `model`; `name` stands for the file in errors."""
    try:
        loader = _Loader(text)  # read once: a roster of many people takes a while
        root = loader.get_single_node()
        lines: dict[Loc, int] = {}
        if root is not None:
            _walk(root, (), lines, name)
        data = None if root is None else loader.construct_document(root)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{name}:{mark.line + 1}" if mark else name
        raise SpecError(
            f"{where}: not valid YAML.",
            why=str(getattr(error, "problem", "") or "It could not be parsed."),
            fix="Check indentation, colons and quotes on that line.",
        ) from None
    if not isinstance(data, dict):
        raise SpecError(
            f"{name}: expected fields, found {'nothing' if data is None else type(data).__name__}.",
            fix=f"Write at least: {', '.join(_required(model))}.",
        )
    try:
        return model.model_validate(data)
    except ValidationError as error:
        problems = [_problem(dict(e), model, lines, name) for e in error.errors() if not _follows(dict(e))]
        raise SpecError(
            "\n".join(problems),
            fix="Correct the lines above. `proofset schema` prints the JSON Schema for editors.",
        ) from None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        near = did_you_mean(path.name, [p.name for p in path.parent.glob("*.y*ml")] if path.parent.is_dir() else [])
        raise SpecError(
            f"{path}: no such file.{near}", fix="Check the name, or make it with `proofset init`."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(
            f"{path}: cannot be read.", why=f"{type(error).__name__}.", fix="It must be a readable UTF-8 text file."
        ) from None


def _walk(node: yaml.Node, loc: Loc, lines: dict[Loc, int], name: str) -> None:
    """Note the line of every field, and refuse a key written twice (YAML would silently keep the last)."""
    lines.setdefault(loc, node.start_mark.line + 1)
    if isinstance(node, yaml.ScalarNode):
        _readable(node, f"{name}:{node.start_mark.line + 1}")
    elif isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise SpecError(f"{name}:{key.start_mark.line + 1}: a field's name must be a word.", fix="Correct it.")
            if key.value in seen:
                raise SpecError(
                    f"{name}:{key.start_mark.line + 1}: the field '{key.value}' is written twice.",
                    fix="Keep one of the two.",
                )
            seen.add(key.value)
            _readable(key, f"{name}:{key.start_mark.line + 1}")
            lines[(*loc, key.value)] = key.start_mark.line + 1
            _walk(value, (*loc, key.value), lines, name)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _walk(item, (*loc, index), lines, name)


def _readable(node: yaml.ScalarNode, where: str) -> None:
    """Refuse what readers of YAML take for different numbers, and text that cannot be written down again."""
    if node.tag.endswith((":int", ":float")) and _TWO_WAYS.fullmatch(node.value):
        raise SpecError(
            f"{where}: '{node.value}' is another number in YAML 1.1 than in YAML 1.2.",
            fix="Write a number without leading zeros or colons, and anything else in quotes.",
        )
    if _SURROGATE.search(node.value):
        raise SpecError(f"{where}: half a character, written as \\ud800 to \\udfff.", fix="Write the whole character.")


def _follows(error: dict[str, Any]) -> bool:
    """Whether a list counts as too short only because its entries, which are told of, are wrong."""
    found = error.get("input")
    return error["type"] == "too_short" and isinstance(found, list) and len(found) >= error["ctx"]["min_length"]


def _line(loc: Loc, lines: dict[Loc, int]) -> int:
    """The line of the field, or of the nearest field around it that the file has."""
    for end in range(len(loc), -1, -1):
        if loc[:end] in lines:
            return lines[loc[:end]]
    return 1


def _problem(error: dict[str, Any], model: type[BaseModel], lines: dict[Loc, int], name: str) -> str:
    loc: Loc = error["loc"]
    # A discriminated union puts its tag into the location; the file has no such field.
    shown: Loc = ()
    for i, step in enumerate(loc):
        if (*shown, step) in lines or (i == len(loc) - 1 and error["type"] == "missing"):
            shown = (*shown, step)
    field = ".".join(str(p) for p in shown) or "(whole file)"
    where = f"{name}:{_line(shown, lines)}: {field}:"
    kind, found = error["type"], error.get("input")
    if isinstance(found, str):
        found = _PASSWORD.sub(r"\1…@", found)
    if kind == "extra_forbidden":
        known = _fields(model, loc[:-1])
        return f"{where} unknown field.{did_you_mean(str(loc[-1]), known)} Allowed here: {', '.join(known) or 'none'}."
    if kind == "missing":
        return f"{where} missing; it is required."
    message = str(error["msg"]).removeprefix("Value error, ")
    if kind in ("enum", "literal_error"):
        expected = str(error["ctx"]["expected"]).replace("'", "").replace(" or ", ", ").split(", ")
        return f"{where} found {found!r}; allowed: {', '.join(expected)}.{did_you_mean(str(found), expected)}"
    if kind == "union_tag_invalid":
        expected = [w.strip(" '") for w in error["ctx"]["expected_tags"].split(",")]
        tag = error["ctx"]["tag"]
        return f"{where} found kind '{tag}'; allowed: {', '.join(expected)}.{did_you_mean(tag, expected)}"
    if isinstance(found, str | int | float | bool):
        return f"{where} found {found!r}; {message}."
    return f"{where} {message}."


def _required(model: type[BaseModel]) -> list[str]:
    return [n for n, f in model.model_fields.items() if f.is_required()]


def _fields(model: type[BaseModel], loc: Loc) -> list[str]:
    """Names of the fields allowed at `loc`, found through the model's JSON Schema."""
    schema = model.model_json_schema()
    node: dict[str, Any] = schema

    def resolve(part: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in part:
            part = schema["$defs"][part["$ref"].rsplit("/", 1)[1]]
        return part

    def choices(part: dict[str, Any]) -> list[dict[str, Any]]:
        part = resolve(part)
        inner = part.get("anyOf", []) + part.get("oneOf", [])
        return [c for p in inner for c in choices(p)] or [part]

    for step in loc:
        following: dict[str, Any] | None = None
        for choice in choices(node):
            properties = choice.get("properties", {})
            if step in properties:
                following = properties[step]
            elif "patternProperties" in choice:  # a mapping whose keys are names
                following = next(iter(choice["patternProperties"].values()))
            elif isinstance(choice.get("additionalProperties"), dict):
                following = choice["additionalProperties"]
            elif isinstance(step, int) and "items" in choice:
                following = choice["items"]
            elif properties.get("kind", {}).get("const") == step or choice.get("title") == step:
                following = choice
        node = following or node  # what leads nowhere is the tag of a union's member
    return sorted({name for c in choices(node) for name in c.get("properties", {})})
