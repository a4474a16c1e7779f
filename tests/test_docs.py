"""The documentation is true: its commands exist, its links lead somewhere, and it names what there is."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

import generators
from orchestration.cli.app import run
from proofset.policy import Policy
from proofset.reading import read_model
from proofset.spec import ColumnSpec, DatasetSpec, SemanticType

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "adr").glob("*.md")])
TEXT = {page.name: page.read_text(encoding="utf-8") for page in PAGES}


def console_lines() -> list[tuple[str, str]]:
    found = []
    for page in PAGES:
        for block in re.findall(r"```console\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
            found += [(page.name, line[2:].split("  #")[0]) for line in block.splitlines() if line.startswith("$ ")]
    return found


@pytest.mark.parametrize(("page", "line"), console_lines(), ids=lambda v: str(v)[:50])
def test_a_command_in_the_documentation_exists(page: str, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = shlex.split(line)
    if words[0] == "make":
        assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    elif words[0] == "proofset":
        verb = words[1:3] if words[1] in ("keys", "ledger", "policy", "rules") else words[1:2]
        assert run([*verb, "--help"]) == 0
        # Spaces and colours come and go with the terminal; options do not.
        printed = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
        for option in [w for w in words[2:] if w.startswith("--")]:
            assert option in printed, f"{page}: {option}"
    else:
        assert words[0] in ("cd", "pip", "python", "PROOFSET_WORKSPACE=examples/census", "dagster"), page


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_every_verb_field_generator_and_measure_is_documented(capsys: pytest.CaptureFixture[str]) -> None:
    run(["--help"])
    for verb in re.findall(r"│ (\w+) {2,}", capsys.readouterr().out):
        assert f"`proofset {verb}" in TEXT["cli.md"], verb
    for model in (DatasetSpec, ColumnSpec, Policy):
        for field in model.model_fields:
            if field not in ("policy", "description", "modality"):
                assert f"`{field}" in TEXT["spec.md"] or f".{field}" in TEXT["spec.md"], field
    for kind in SemanticType:
        if kind is not SemanticType.EMPTY:
            assert f"`{kind.value}`" in TEXT["spec.md"], kind
    for generator in generators.REGISTRY:
        assert f"`{generator}`" in TEXT["generators.md"], generator


def test_every_measure_a_policy_asks_for_is_documented() -> None:
    for path in [*ROOT.glob("examples/*/policies/*.yaml"), *ROOT.glob("orchestration/templates/policies/*.yaml")]:
        for requirement in read_model(path, Policy).requirements:
            assert f"`{requirement.measure}`" in TEXT["quality.md"], requirement.measure


def test_architecture_names_files_that_exist() -> None:
    for name in re.findall(
        r"`((?:proofset|generators|quality|lineage|orchestration|docs|tests)/[\w./]*)`", TEXT["architecture.md"]
    ):
        assert (ROOT / name).exists(), name


def test_the_project_names_no_machine() -> None:
    for page in PAGES:
        assert not re.search(r"/(?:work|home|root|tmp)/", page.read_text(encoding="utf-8")), page
