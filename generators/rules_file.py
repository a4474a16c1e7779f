"""Rule files: the YAML of a draft, and reading tables back from a dataset spec or a bare `tables:` mapping."""

from __future__ import annotations

import re
from typing import Any

import yaml
from pydantic import Field

from generators.rules_infer import Draft, pick
from proofset.frozen import Frozen
from proofset.reading import parse_model
from proofset.spec import ColumnSpec, DatasetSpec, Name, TableSpec

HEAD = "# Drafted from a schema. Read it: what follows is a guess where a note says so.\n"


class RuleFile(Frozen):
    """Tables of columns with rules, without what a governed dataset needs. seed: used where none is given."""

    tables: dict[Name, TableSpec] = Field(min_length=1)
    seed: int = Field(default=0, ge=0, le=2**53 - 1)


def draft_text(draft: Draft) -> str:
    """Return the draft as YAML of a dataset spec, its notes as comments.

    The owner and the policy are placeholders that a person fills in before the dataset is governed.
    """
    notes = "".join(f"# - {_one_line(note)}\n" for note in draft.notes)
    table: dict[str, Any] = {} if not draft.table.description else {"description": draft.table.description}
    table["columns"] = {n: column_plain(c) for n, c in draft.table.columns.items()}
    if draft.table.rules is not None:
        table["rules"] = draft.table.rules.model_dump(mode="json", exclude_defaults=True)
    spec = {
        "dataset": _dataset(draft.name),
        "owner": "team:change-me",
        "purpose": "test_data",
        "source": {"licence": "none", "lawful_basis": "no_source", "permitted_purposes": ["test_data", "simulation"]},
        "tables": {draft.name: table},
        "generator": {"name": "rules", "rows": 1_000},
        "policy": "test_data",
        "seed": 1,
    }
    text = HEAD + notes + yaml.dump(spec, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=118)
    parse_model(text, DatasetSpec, "the draft")
    return text


def column_plain(column: ColumnSpec) -> dict[str, Any]:
    """A column's declaration without what is the default anyway."""
    plain: dict[str, Any] = _kind_first(column.model_dump(mode="json", exclude_defaults=True))
    return plain


def read_rules(text: str, name: str, table: str | None = None) -> tuple[str, TableSpec, int]:
    """Return a table's name, its spec and the seed of a rule file: a dataset spec, or a mapping with `tables`.

    name: of the file, for errors.  table: which one, where there are several.

    Raises SpecError for a file that is neither; GeneratorError where there is no such table.
    """
    governed = re.search(r"^dataset\s*:", text, re.MULTILINE) is not None
    read = parse_model(text, DatasetSpec, name) if governed else parse_model(text, RuleFile, name)
    chosen = pick(list(read.tables), table)
    return chosen, read.tables[chosen], read.seed


class _Dumper(yaml.SafeDumper):
    """SafeDumper that writes a rule on one line where it is short."""


def _mapping(dumper: yaml.SafeDumper, value: dict[str, Any]) -> yaml.Node:
    short = "kind" in value and not any(isinstance(v, dict) for v in value.values())
    return dumper.represent_mapping("tag:yaml.org,2002:map", value.items(), flow_style=short)


_Dumper.add_representer(dict, _mapping)
_Dumper.ignore_aliases = lambda *_: True  # type: ignore[method-assign]


def _kind_first(value: Any) -> Any:
    if isinstance(value, list):
        return [_kind_first(v) for v in value]
    if not isinstance(value, dict):
        return value
    return {k: _kind_first(value[k]) for k in sorted(value, key=lambda k: k != "kind")}


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _dataset(name: str) -> str:
    return f"{name}_table" if len(name) >= 6 and set(name) <= set("0123456789abcdef") else name
