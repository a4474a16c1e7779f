"""docs/steering.md is true: its specs are read, and its lines of Python run."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import yaml

from generators import create
from proofset.evidence import Profile
from proofset.spec import GeneratorSpec, TableSpec
from proofset.steering import Parity, Scenario, Steering

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "steering.md").read_text(encoding="utf-8")
SPECS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("text", SPECS)
def test_a_spec_of_the_page_is_read(text: str) -> None:
    spec = GeneratorSpec.model_validate(yaml.safe_load(text)["generator"])
    assert spec.steer is not None
    assert spec.steer.columns
    assert Steering.model_validate(spec.steer.plain()) == spec.steer


def test_the_scenarios_of_the_table_are_read() -> None:
    rows = re.findall(r"^\| `(\{column:.*?\})` \|", PAGE, re.MULTILINE)
    assert len(rows) >= 5
    for row in rows:
        Scenario.model_validate(yaml.safe_load(row))


def test_every_field_is_on_the_page() -> None:
    for model in (Steering, Parity, Scenario):
        for field in model.model_fields:
            assert re.search(rf"\b{field}\b", PAGE), field


def test_the_lines_of_python_run(make_profile: Callable[..., Profile], capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    sex = rng.choice(["Female", "Male"], 2_000)
    table = pa.table({"sex": sex, "age": pa.array(rng.integers(17, 90, 2_000), mask=rng.random(2_000) < 0.1)})
    fitted = create(GeneratorSpec()).fit(table, TableSpec(), make_profile(table), 1)
    scope = {"fitted": fitted, "table": table}
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        scope["table"] = table
        exec(block, scope)  # the page's own lines
    assert "where.share" in capsys.readouterr().out
    assert isinstance(filled := scope["filled"], pa.Table)
    assert filled["age"].null_count == 0
    figures = set(fitted.steered(Steering(parity=Parity(outcome="age", group="sex"))).steering_report)
    assert all(f"`{figure}`" in PAGE for figure in figures)
