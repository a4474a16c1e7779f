"""Named randomness, registries, and errors that help."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint

import numpy as np
import pytest

import proofset.registry
from proofset.errors import (
    DeniedError,
    InternalError,
    ProofsetError,
    UnknownNameError,
    did_you_mean,
    scrubbed,
    unknown_name,
)
from proofset.progress import part, silent
from proofset.registry import Registry
from proofset.seeds import stream


def test_a_stream_depends_on_its_name_and_seed_alone() -> None:
    first = stream(7, "fit", 3).random(4)
    stream(7, "other").random(100)
    np.testing.assert_array_equal(first, stream(7, "fit", 3).random(4))
    others = [stream(8, "fit", 3), stream(7, "fit", 4), stream(7, "fit", "3"), stream(7, "fit/3"), stream(7, "fit")]
    for other in others:
        assert not np.array_equal(first, other.random(4))


def test_a_stream_is_the_same_everywhere() -> None:
    assert stream(1994, "split").integers(0, 10**9, 3).tolist() == stream(1994, "split").integers(0, 10**9, 3).tolist()
    code = "from proofset.seeds import stream; print(stream(5, 'a', 1).integers(0, 10**9, 3).tolist())"
    runs = {subprocess.check_output([sys.executable, "-c", code], text=True) for _ in range(2)}
    assert runs == {str(stream(5, "a", 1).integers(0, 10**9, 3).tolist()) + "\n"}


def test_a_registry_loads_on_use_and_knows_its_names() -> None:
    registry = Registry("codec", {"json": "json:dumps", "b": "base64:b64encode"}, "proofset.none")
    assert list(registry) == ["b", "json"]
    assert len(registry) == 2
    assert "json" in registry
    assert "jsn" not in registry
    assert registry["json"]([1]) == "[1]"
    with pytest.raises(UnknownNameError, match="'jsn' is not a known codec.*\n.*Did you mean 'json'"):
        registry["jsn"]


def test_outsiders_register_and_a_name_taken_twice_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [EntryPoint("theirs", "json:loads", "proofset.x")]
    monkeypatch.setattr(proofset.registry, "entry_points", lambda group: points if group == "proofset.x" else [])
    assert Registry("codec", {"json": "json:dumps"}, "proofset.x")["theirs"]("[1]") == [1]
    with pytest.raises(ProofsetError, match="'theirs' is registered twice"):
        Registry("codec", {"theirs": "json:dumps"}, "proofset.x")


def test_errors_say_what_why_and_fix() -> None:
    error = unknown_name("policy", "sharng", ["sharing"], "datasets/a.yaml")
    assert str(error).splitlines() == [
        "'sharng' is not a known policy (datasets/a.yaml).",
        "Known: sharing. Did you mean 'sharing'?",
        "Use one of the known names, or register the policy.",
    ]
    assert error.exit_code == 2
    assert DeniedError("no").exit_code == 1
    assert did_you_mean("zzz", ["sharing"]) == ""


def test_a_scrubbed_error_keeps_the_place_and_loses_the_message() -> None:
    try:
        int("SECRET-VALUE")
    except ValueError as error:
        told = scrubbed(error, "Reading")
    assert isinstance(told, InternalError)
    assert told.exit_code == 3
    assert "SECRET" not in str(told)
    assert "Reading failed with ValueError at" in told.what
    assert scrubbed(ValueError("SECRET"), "x").what.endswith("unknown place.")


def test_progress_of_a_part_takes_its_span() -> None:
    seen: list[tuple[str, float]] = []
    part(lambda m, s: seen.append((m, s)), 0.5, 0.75)("half", 0.5)
    silent("nobody", 1.0)
    assert seen == [("half", 0.625)]
