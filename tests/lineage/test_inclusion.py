"""Inclusion proofs: checked with the log's key alone; nothing in them can be changed; junk crashes nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.inclusion import Inclusion
from lineage.ledger import Ledger
from proofset.digest import canonical
from proofset.errors import DeniedError


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[Inclusion]]:
    """A log's key, and a proof of each of its entries."""
    folder = tmp_path_factory.mktemp("log")
    ledger = Ledger(f"sqlite:///{folder}/ledger.db", folder)
    for number in range(11):
        ledger.append("release", f"s{number}", {"n": number, "none": None, "text": "é"}, actor="ada")
    return ledger.vkey, [ledger.inclusion(seq) for seq in range(1, 12)]


def test_a_proof_comes_back_and_holds(log: tuple[str, list[Inclusion]]) -> None:
    key, proofs = log
    for proof in proofs:
        again = Inclusion.from_bytes(proof.to_bytes(), "inclusion.json")
        assert again == proof
        assert again.check(key).size == 11
        assert again.entry.body["none"] is None


def changed(proof: Inclusion, case: str, other: Inclusion) -> Inclusion:
    entry = proof.entry
    made = {
        "the body": {"entry": entry.model_copy(update={"body": {"n": 99}})},
        "the body and its hash": {"entry": _rehashed(entry.model_copy(update={"body": {"n": 99}}))},
        "the actor": {"entry": entry.model_copy(update={"actor": "ben"})},
        "the number": {"entry": _rehashed(entry.model_copy(update={"seq": entry.seq + 1}))},
        "another entry": {"entry": other.entry},
        "the path of another": {"path": other.path},
        "a step left out": {"path": proof.path[1:]},
        "a step too many": {"path": (*proof.path, proof.path[0])},
        "no path": {"path": ()},
        "a step in capitals": {"path": (proof.path[0].upper(), *proof.path[1:])},
        "a short step": {"path": (proof.path[0][:-2], *proof.path[1:])},
        "a step that is no hash": {"path": ("zz" * 32, *proof.path[1:])},
        "the size": {"size": proof.size + 1},
        "the size in the checkpoint": {
            "size": proof.size + 1,
            "checkpoint": proof.checkpoint.replace(f"\n{proof.size}\n", f"\n{proof.size + 1}\n"),
        },
        "no checkpoint": {"checkpoint": ""},
    }
    return proof.model_copy(update=made[case])


CASES = (
    "the body", "the body and its hash", "the actor", "the number", "another entry", "the path of another",
    "a step left out", "a step too many", "no path", "a step in capitals", "a short step", "a step that is no hash",
    "the size", "the size in the checkpoint", "no checkpoint",
)  # fmt: skip


def _rehashed(entry: object) -> object:
    return entry.model_copy(update={"hash": entry.computed_hash()})  # type: ignore[attr-defined]


@pytest.mark.parametrize("case", CASES)
def test_a_changed_proof_is_refused(case: str, log: tuple[str, list[Inclusion]]) -> None:
    key, proofs = log
    with pytest.raises(DeniedError, match="does not hold|not a checkpoint|does not match"):
        changed(proofs[3], case, proofs[4]).check(key)


def test_a_proof_by_another_log_is_refused(log: tuple[str, list[Inclusion]], tmp_path: Path) -> None:
    other = Ledger(f"sqlite:///{tmp_path}/ledger.db", tmp_path)
    other.append("k", "s", {})
    with pytest.raises(DeniedError, match="another log"):
        log[1][0].check(other.vkey)
    with pytest.raises(DeniedError, match="not a verifier key"):
        log[1][0].check(other.vkey[:-4])


@settings(max_examples=300)
@given(st.data())
def test_no_changed_byte_is_accepted(log: tuple[str, list[Inclusion]], data: st.DataObject) -> None:
    key, proofs = log
    raw = bytearray(proofs[5].to_bytes())
    place = data.draw(st.integers(0, len(raw) - 1))
    action = data.draw(st.sampled_from(["flip", "drop", "cut", "insert"]))
    if action == "flip":
        raw[place] ^= 1 << data.draw(st.integers(0, 7))
    elif action == "drop":
        del raw[place]
    elif action == "cut":
        raw = raw[:place]
    else:
        raw[place:place] = bytes([data.draw(st.integers(0, 255))])
    with pytest.raises(DeniedError):
        Inclusion.from_bytes(bytes(raw), "x").check(key)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["entry", "size", "path", "seq"]) | st.text(), inner)
    ),
)


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_junk_is_refused_and_crashes_nothing(data: bytes) -> None:
    with pytest.raises(DeniedError):
        Inclusion.from_bytes(data, "x")


def test_deeply_nested_junk_is_refused() -> None:
    for data in (b"[" * 100_000, b'{"entry":' * 100_000, canonical({"entry": "x"})):
        with pytest.raises(DeniedError):
            Inclusion.from_bytes(data, "x")


def test_checking_a_proof_loads_no_database() -> None:
    code = "import lineage.inclusion, sys; print(*{m.split('.')[0] for m in sys.modules})"
    loaded = set(subprocess.check_output([sys.executable, "-c", code], text=True).split())
    assert not loaded & {"sqlalchemy", "alembic", "dagster", "mlflow", "sdv"}
