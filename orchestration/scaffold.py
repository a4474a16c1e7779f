"""Scaffold: a new workspace, and a first dataset spec from what its table looks like."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import yaml

from proofset.errors import SpecError, WorkspaceError
from proofset.evidence import ColumnProfile, Profile
from proofset.files import write_bytes
from proofset.reading import parse_model
from proofset.spec import ColumnSpec, DatasetSpec, Purpose, SemanticType, TableSpec, Treatment
from proofset.workspace import CONFIG

IGNORED = b""".proofset/
keys/*.pem
"""


def safe_name(text: str) -> str:
    """A name the vocabulary allows, from a file's or folder's name."""
    name = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:60]
    return name if name[:1].isalpha() else f"table_{name}".rstrip("_")


def make_workspace(root: Path) -> None:
    """Write proofset.yaml and the folders. Raises WorkspaceError where a workspace is already."""
    if (root / CONFIG).exists():
        raise WorkspaceError(
            f"{root} is a workspace already.", fix="Add a dataset to it: proofset init --table FILE does."
        )
    write_bytes(root / CONFIG, f"workspace: {safe_name(root.resolve().name)}\n".encode())
    write_bytes(root / ".gitignore", IGNORED)


def draft_spec(
    root: Path,
    table: Path,
    *,
    owner: str,
    lawful_basis: str,
    licence: str,
    target: str | None,
    purpose: Purpose = Purpose.SHARING,
) -> tuple[Path, str]:
    """Profile a table and draft a dataset spec for it, with what was guessed about every column; writes nothing.

    The spec names the policy pack of its purpose.

    Raises SourceError for a table that cannot be governed, SpecError where the spec exists or would not be valid.
    """
    from proofset.digest import table_digest
    from proofset.source import check_source, mixes_types, open_table
    from quality.profile import profile_table

    name = safe_name(table.stem)
    path = root / "datasets" / f"{name}.yaml"
    if path.exists():
        raise SpecError(f"{path} exists already.", fix="Edit it, or rename the table's file.")
    raw = open_table(table)
    settled: dict[str, ColumnSpec] = {}
    for column_name, column in zip(raw.column_names, raw.columns, strict=True):
        if raw.num_rows and column.null_count == raw.num_rows:
            settled[column_name] = ColumnSpec(treatment=Treatment.DROP)
        elif mixes_types(column):
            settled[column_name] = ColumnSpec(type=SemanticType.CATEGORY)
    spec = TableSpec(target=target, columns=settled)
    data = check_source(raw, str(table), spec)
    profile = profile_table(data, name, spec, table_digest(data))
    absolute, base = table.resolve(), root.resolve()
    inside = absolute.relative_to(base) if absolute.is_relative_to(base) else absolute
    dropped = [n for n, c in settled.items() if c.treatment is Treatment.DROP]
    text = _spec_text(profile, dropped, name, str(inside), owner, lawful_basis, licence, target, purpose)
    parse_model(text, DatasetSpec, str(path))
    return path, text


def _spec_text(
    profile: Profile,
    dropped: list[str],
    name: str,
    path: str,
    owner: str,
    lawful_basis: str,
    licence: str,
    target: str | None,
    purpose: Purpose,
) -> str:
    permitted = ["test_data", "sharing", "analytics", "ml_training"]
    head = {
        "dataset": name,
        "title": name.replace("_", " ").capitalize() + ", synthetic",
        "owner": owner,
        "purpose": purpose.value,
        "source": {
            "licence": licence,
            "lawful_basis": lawful_basis,
            "permitted_purposes": permitted if purpose in permitted else [*permitted, purpose.value],
        },
    }
    table: dict[str, str] = {"path": path} | ({"target": target} if target else {})
    tail = {"generator": {"name": "trees"}, "policy": purpose.value, "seed": 1}
    lines = [
        _dump(head),
        "tables:",
        f"  {name}:",
        _indent(_dump(table), 4),
        "    # Guessed from the data; correct what is wrong. `fake` columns are never learned from.",
        "    columns:",
        *(f"      {_dump_key(c.name)}: {_column(c)}" for c in profile.columns),
        *(f"      {_dump_key(c)}: {{treatment: drop}}  # null in every row" for c in dropped),
        _dump(tail),
    ]
    return "\n".join(line.rstrip("\n") for line in lines) + "\n"


def _column(column: ColumnProfile) -> str:
    said = f"{{type: {column.semantic.value}"
    return said + (f", treatment: {column.treatment.value}}}" if column.treatment is not Treatment.MODEL else "}")


def _dump(value: Mapping[str, object]) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True)


def _dump_key(name: str) -> str:
    return yaml.safe_dump(name, allow_unicode=True, default_style='"').strip()


def _indent(text: str, by: int) -> str:
    return "\n".join(" " * by + line for line in text.splitlines())
