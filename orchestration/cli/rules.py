"""Commands of rules: infer a rule file from a schema, and make mock data from one, without a workspace."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.markup import escape

from orchestration.cli.common import Json, console, print_json
from proofset.errors import EXIT_DONE, GeneratorError, SpecError, WorkspaceError, unknown_name

if TYPE_CHECKING:
    from generators import Fitted
    from generators.rules_infer import Draft

Kind = Literal["ddl", "json-schema", "dbt", "profile"]
KINDS: tuple[Kind, ...] = ("ddl", "json-schema", "dbt", "profile")

TableName = Annotated[str | None, typer.Option("--table", help="Which table, where the file describes several.")]
Force = Annotated[bool, typer.Option("--force", help="Replace the file where it exists.")]

rules = typer.Typer(help="Mock data from rules, without any source.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(rules, name="rules")


@rules.command("infer")
def infer(
    file: Annotated[Path, typer.Argument(help="SQL script, JSON Schema, dbt schema.yml or profile.json.")],
    kind: Annotated[str | None, typer.Option("--kind", help=f"{', '.join(KINDS)}. Default: by the file.")] = None,
    table: TableName = None,
    dialect: Annotated[str | None, typer.Option("--dialect", help="Of the SQL, such as postgres.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="File to write. Default: standard output.")] = None,
    force: Force = False,
    as_json: Json = False,
) -> int:
    """Draft a dataset spec with rules from what a schema says; notes tell what it does not say."""
    from generators.rules_file import draft_text
    from proofset.files import write_bytes

    if kind is not None and kind not in KINDS:
        raise unknown_name("kind", kind, KINDS, "--kind")
    if out is not None:
        _free(out, force=force)
    draft = read_draft(file, kind, table, dialect)
    text = draft_text(draft)
    if out is not None:
        write_bytes(out, text.encode())
    if as_json:
        print_json({"table": draft.name, "columns": len(draft.table.columns), "notes": list(draft.notes),
                    "out": str(out) if out else None})  # fmt: skip
    elif out is None:
        typer.echo(text, nl=False)
    else:
        console.print(f"[green]✓[/green] {len(draft.table.columns)} columns of '{draft.name}' in {escape(str(out))}",
                      soft_wrap=True)  # fmt: skip
        for note in draft.notes:
            console.print(f"  {note}", markup=False, style="dim", soft_wrap=True)
        console.print(f"Next: proofset rules sample {out} --rows 1000 --out {draft.name}.parquet", soft_wrap=True)
    return EXIT_DONE


@rules.command("sample")
def sample(
    file: Annotated[Path, typer.Argument(help="Dataset spec, or a YAML file with `tables:`.")],
    rows: Annotated[int, typer.Option("--rows", min=1, help="Rows to make.")],
    out: Annotated[Path, typer.Option("--out", help="File to write: .parquet or .csv.")],
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Default: the file's seed.")] = None,
    table: TableName = None,
    force: Force = False,
    as_json: Json = False,
) -> int:
    """Make mock data from a rule file. A Parquet file is marked ungoverned in its metadata."""
    from generators.rules_file import read_rules

    if out.suffix.lower() not in (".parquet", ".pq", ".csv"):
        raise WorkspaceError(f"{out.name} ends neither in .parquet nor in .csv.", fix="Name such a file with --out.")
    _free(out, force=force)
    name, spec, own_seed = read_rules(_text(file), str(file), table)
    fitted = fit_rules(spec)
    written = _write(out, fitted, rows, own_seed if seed is None else seed, force=force)
    if as_json:
        print_json({"table": name, "rows": written, "columns": len(fitted.schema), "out": str(out)})
    else:
        console.print(f"[green]✓[/green] {written:,} rows of '{name}' in {escape(str(out))}", soft_wrap=True)
    return EXIT_DONE


def fit_rules(spec: Any) -> Fitted:
    """Fit the generator `rules` on a table spec alone. Raises GeneratorError for a rule that cannot work."""
    import pyarrow as pa

    from generators import create
    from proofset.evidence import Profile
    from proofset.spec import GeneratorSpec

    profile = Profile(table="rules", source_digest="0" * 64, rows=0, duplicate_rows=0, key_candidates=(), columns=())
    return create(GeneratorSpec(name="rules")).fit(pa.table({}), spec, profile, seed=0)


def read_draft(file: Path, kind: str | None, table: str | None, dialect: str | None) -> Draft:
    """Read a file as what it is, or as `kind`, and infer its rules. Raises SpecError, GeneratorError."""
    text = _text(file)
    if kind is None and file.suffix.lower() in (".sql", ".ddl"):
        kind = "ddl"
    if kind == "ddl":
        from generators.rules_infer_ddl import infer_ddl

        return infer_ddl(text, table, dialect)
    data = _data(text, file)
    guessed = kind or ("profile" if "source_digest" in data else "dbt" if {"models", "sources"} & set(data) else None)
    if guessed == "dbt":
        from generators.rules_infer_dbt import infer_dbt

        return infer_dbt(data, table)
    if guessed == "profile":
        from generators.rules_infer_profile import infer_profile
        from proofset.evidence import Profile
        from proofset.reading import parse_model

        return infer_profile(parse_model(text, Profile, str(file)))
    if guessed is None and not {"properties", "$schema", "$defs", "definitions", "items", "$ref"} & set(data):
        raise GeneratorError(
            f"{file.name}: it is not clear what it is.", fix=f"Say so with --kind: {', '.join(KINDS)}."
        )
    from generators.rules_infer_json_schema import infer_json_schema

    return infer_json_schema(data, table)


def _write(out: Path, fitted: Fitted, rows: int, seed: int, *, force: bool) -> int:
    from proofset.marks import write_ungoverned

    batches = fitted.stream(rows, seed)
    if out.suffix.lower() != ".csv":
        return write_ungoverned(out, fitted.schema, batches, "rules", force=force)
    import pyarrow.csv as pacsv

    from proofset.files import PART

    part = out.with_name(f"{PART}{out.name}")
    try:
        with pacsv.CSVWriter(part, fitted.schema) as writer:
            for batch in batches:
                writer.write_batch(batch)
        part.replace(out)
    except OSError as error:
        raise WorkspaceError(
            f"{out.name} cannot be written.",
            why=f"The system said: {error.strerror or type(error).__name__}.",
            fix="Name a file with --out in a folder you may write in and that has room.",
        ) from None
    finally:
        part.unlink(missing_ok=True)
    return rows


def _free(out: Path, *, force: bool) -> None:
    if not out.parent.is_dir():
        raise WorkspaceError(f"The folder {out.parent} is not there.", fix="Make it, or name another one.")
    if out.is_dir() or (out.exists() and not force):
        raise WorkspaceError(f"{out.name} exists already.", fix="Name another file with --out, or add --force.")


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SpecError(f"{file}: no such file.", fix="Check the name.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(
            f"{file}: cannot be read.", why=f"{type(error).__name__}.", fix="It must be a readable UTF-8 text file."
        ) from None


def _data(text: str, file: Path) -> dict[str, Any]:
    """JSON or YAML with fields."""
    import yaml

    try:
        data = json.loads(text) if file.suffix.lower() == ".json" else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError, RecursionError):
        raise SpecError(f"{file}: neither JSON nor YAML.", fix="Check it, or name its kind with --kind.") from None
    if not isinstance(data, dict):
        raise SpecError(f"{file}: expected fields at its top.", fix="Check it, or name its kind with --kind.")
    return data
