"""Commands that look before anything is governed: try, advise, compare."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.cli.common import Json, console, opened, print_json
from proofset.errors import EXIT_DONE, WorkspaceError
from proofset.progress import part
from proofset.spec import Purpose

if TYPE_CHECKING:
    from orchestration.comparing import Comparison
    from orchestration.first_look import FirstLook

File = Annotated[Path, typer.Argument(help="CSV or Parquet file.", show_default=False)]
About = Annotated[str, typer.Argument(help="Dataset, or a CSV or Parquet file.", show_default=False)]
Target = Annotated[str | None, typer.Option("--target", help="Column a model would predict. Default: a guess.")]
Encoding = Annotated[str, typer.Option("--encoding", help="Encoding of a CSV file.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(name="try")(try_file)
    app.command()(advise)
    app.command()(compare)


def try_file(
    file: File,
    generator: Annotated[str, typer.Option("--generator", help="Which generator.")] = "trees",
    privacy: Annotated[
        str | None, typer.Option("--privacy", help="low, medium or high. Default: the generator's.", show_default=False)
    ] = None,
    rows: Annotated[int | None, typer.Option("--rows", min=1, help="Rows to make. Default: as in the file.")] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed gives the same table.")] = 0,
    out: Annotated[
        Path | None, typer.Option("--out", help="Parquet file to write. Default: STEM.synthetic.parquet, here.")
    ] = None,
    target: Target = None,
    encoding: Encoding = "utf-8",
    force: Annotated[bool, typer.Option("--force", help="Replace the file that is there.")] = False,
    as_json: Json = False,
) -> int:
    """A first look: any table in, a synthetic one and a short scorecard out. No workspace needed."""
    from orchestration.cli.progress import StepBars
    from orchestration.first_look import first_look

    with StepBars(["try"], show=not as_json, lines=False) as bars:
        bars.started("try")
        found: FirstLook = first_look(
            file,
            generator=generator,
            privacy=privacy,
            rows=rows,
            seed=seed,
            out=out,
            target=target,
            encoding=encoding,
            force=force,
            progress=bars.progress,
        )
    if as_json:
        print_json(found.plain())
        return EXIT_DONE
    from orchestration.cli.look_screens import print_first_look

    print_first_look(console, found)
    return EXIT_DONE


def advise(
    ctx: typer.Context,
    about: About,
    purpose: Annotated[
        Purpose | None, typer.Option("--purpose", help="What for. Default: the dataset's own; sharing for a file.")
    ] = None,
    rows: Annotated[int | None, typer.Option("--rows", min=1, help="Rows to make.")] = None,
    encoding: Encoding = "utf-8",
    as_json: Json = False,
) -> int:
    """Say which generator suits, with reasons and the time and memory it will take. Runs nothing."""
    from orchestration.advising import advise_dataset, advise_file

    file = file_named(about)
    if file is not None:
        advised = advise_file(file, purpose or Purpose.SHARING, rows, encoding)
    else:
        advised = advise_dataset(opened(ctx), about, purpose, rows)
    if as_json:
        print_json(advised.plain())
        return EXIT_DONE
    from orchestration.cli.advice_screens import print_advice

    print_advice(console, advised, file)
    return EXIT_DONE


def compare(
    ctx: typer.Context,
    about: About,
    generators: Annotated[
        str, typer.Option("--generators", help="Names, parted by commas; options follow colons: trees:privacy=high.")
    ] = "trees:privacy=low,trees:privacy=medium,trees:privacy=high",
    seeds: Annotated[int, typer.Option("--seeds", min=1, max=20, help="Seeds for each generator.")] = 1,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for page and picture. Default: private state, or none.")
    ] = None,
    target: Target = None,
    encoding: Encoding = "utf-8",
    force: Annotated[bool, typer.Option("--force", help="Replace what is in the folder.")] = False,
    as_json: Json = False,
) -> int:
    """Run several generators through one scorecard on one split: the frontier fidelity × privacy × time."""
    from orchestration import comparing, comparison_files
    from orchestration.cli.progress import StepBars

    asked = comparing.parse_generators(generators)
    if out is not None and out.exists() and not (force and out.is_dir()):
        raise WorkspaceError(f"{out} exists already.", fix="Name another folder, or add --force.")
    file = file_named(about)
    workspace = None if file is not None else opened(ctx)
    with StepBars(["compare"], show=not as_json, lines=False) as bars:
        bars.started("compare")
        if workspace is not None:
            ground = comparing.ground_of_dataset(workspace, about, part(bars.progress, 0.0, 0.05))
        else:
            ground = comparing.ground_of_file(Path(about), target=target, encoding=encoding)
        found: Comparison = comparing.compare(ground, asked, seeds, part(bars.progress, 0.05, 1.0))
    files = comparison_files.files_of(found)
    kept = comparison_files.keep_private(workspace, found, files) if workspace is not None else None
    if out is not None:
        kept = comparison_files.write_folder(out, files, force=force)
    if as_json:
        print_json(found.plain() | {"folder": str(kept) if kept else None})
        return EXIT_DONE
    from orchestration.cli.advice_screens import print_comparison

    print_comparison(console, found, kept)
    return EXIT_DONE


def file_named(about: str) -> Path | None:
    """The file a word names; None where it names a dataset. A word with a known ending or a folder is a file."""
    path = Path(about)
    return path if path.suffix or len(path.parts) > 1 or path.is_file() else None
