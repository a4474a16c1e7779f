"""What identifies a person goes in and comes out nowhere: not in a saved model, not in what is sampled from it.

The profile is measured here, as in a run. The attack is tried first on a model that does hold the values.
"""

from __future__ import annotations

import datetime as dt
import io
import itertools
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from generators import REGISTRY, Fitted, create
from proofset.evidence import MIN_COUNT, Profile
from proofset.registry import Registry
from proofset.spec import GeneratorSpec, TableSpec, Treatment
from quality.profile import profile_table

NEURAL = {"sdv_copula_gan", "sdv_ctgan", "sdv_tvae"}
NAMES = [pytest.param(n, marks=[pytest.mark.slow] if n in NEURAL else []) for n in [*REGISTRY, "bootstrap"]]
KEEP_ROWS = {"bootstrap", *(n for n in REGISTRY if n.startswith("control_"))}
ROWS = 1_200
RNG = np.random.default_rng(99)
FAKED = ("customer_id", "name", "email", "phone", "address", "note", "iban", "homepage", "host", "card_id")


def canary(number: int) -> str:
    """A word that nobody else comes upon: what is generated may have its form, but not by chance its digits."""
    return f"canary{number * 0x9E3779B97F4A7C15 % 2**48:012x}"


def planted() -> tuple[pa.Table, list[str], list[float]]:
    """A table with a secret in each identifying cell, in rare categories and in rare numbers."""
    words = itertools.count(1)
    cells: dict[str, list[Any]] = {name: [canary(next(words)) for _ in range(ROWS)] for name in FAKED}
    cells["name"] = [f"{w.capitalize()} Sur{w}" for w in cells["name"]]
    cells["email"] = [f"{w}@corp.test" for w in cells["email"]]
    cells["homepage"] = [f"https://{w}.test/" for w in cells["homepage"]]
    cells["note"] = [f"{w} said that {w} will call" for w in cells["note"]]
    cells["address"] = [f"{i} {w} Street" for i, w in enumerate(cells["address"])]
    cells["card_id"] = RNG.choice(np.arange(10**14, 10**15, 10**9 + 7), ROWS, replace=False).tolist()
    secrets = [w for name in FAKED[:-1] for w in cells[name]] + [str(v) for v in cells["card_id"]]
    rare = [canary(next(words)) for _ in range(30)]
    cells["plan"] = [*rare, *RNG.choice(["free", "paid"], ROWS - 30).tolist()]
    unusual = np.round(RNG.uniform(10**7, 10**8, 30), 4).tolist()
    cells["balance"] = [*unusual, *RNG.integers(0, 900, ROWS - 30).tolist()]
    cells["age"] = RNG.integers(18, 90, ROWS).tolist()
    cells["joined"] = [dt.date(2020, 1, 1) + dt.timedelta(days=int(d)) for d in RNG.integers(0, 900, ROWS)]
    return pa.table(cells), [*secrets, *rare], unusual


SPEC = TableSpec.model_validate(
    {
        "columns": {
            "email": {"follows": "name"},
            "homepage": {"follows": "customer_id"},
            "plan": {"rule": {"kind": "category", "weights": {"free": 1, "paid": 1}}},
            "balance": {"rule": {"kind": "uniform", "low": 0, "high": 900}},
            "age": {"rule": {"kind": "uniform", "low": 18, "high": 90, "decimals": 0}},
            "joined": {"rule": {"kind": "datetime", "start": "2020-01-01", "end": "2022-04-13"}},
        }
    }
)
"""Rules for the columns that are modelled are for the generator `rules`; the others take no notice."""


@pytest.fixture(scope="module")
def planted_table() -> tuple[pa.Table, list[str], list[float]]:
    return planted()


@pytest.fixture(scope="module")
def seen(planted_table: tuple[pa.Table, list[str], list[float]]) -> Profile:
    return profile_table(planted_table[0], "t", SPEC, "0" * 64)


@pytest.fixture(scope="module", params=NAMES)
def fitted(
    request: pytest.FixtureRequest,
    planted_table: tuple[pa.Table, list[str], list[float]],
    seen: Profile,
    registry: Registry,
    quick: dict[str, dict[str, Any]],
) -> Fitted:
    spec = GeneratorSpec(name=request.param, options=quick.get(request.param, {}))
    return create(spec, registry).fit(planted_table[0], SPEC, seen, seed=1)


def inside(path: Path) -> Iterator[tuple[str, Any]]:
    """A file's bytes, and what is packed in them: members of archives, arrays, Arrow tables."""
    data = path.read_bytes()
    yield path.name, data
    if zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                yield f"{path.name}/{name}", archive.read(name)
                if name.endswith(".npy"):
                    yield f"{path.name}/{name}", np.load(io.BytesIO(archive.read(name)), allow_pickle=False)
    if path.suffix == ".arrow":
        try:
            yield path.name, pa.ipc.open_stream(data).read_all()
        except pa.ArrowInvalid:
            yield path.name, str(pa.ipc.read_schema(pa.py_buffer(data))).encode()


def searched(folder: Path, words: list[str], numbers: list[float]) -> list[str]:
    """Names of files that hold one of the words, in any encoding, or one of the numbers, as text or in an array."""
    found = []
    for name, what in (item for path in sorted(folder.iterdir()) for item in inside(path)):
        if isinstance(what, pa.Table):
            what = "\n".join(str(c.to_pylist()) for c in what.columns).encode()
        if isinstance(what, np.ndarray):
            held = set(np.asarray(what, dtype=float).ravel().tolist()) if what.dtype.kind in "iuf" else set()
            text = "\n".join(map(str, what.ravel().tolist())) if what.dtype.kind in "US" else ""
            hit = bool(held & {float(n) for n in numbers}) or any(w in text for w in words)
        else:
            spelled = [*words, *(repr(n) for n in numbers)]
            forms = [w.encode(e) for w in spelled for e in ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le")]
            forms += [np.array([n], dtype=k).tobytes() for n in numbers for k in ("<f8", ">f8")]
            hit = holds_any(what, forms)
        if hit:
            found.append(name)
    return found


def holds_any(data: bytes, forms: list[bytes]) -> bool:
    """Whether one of the forms is in the data: by windows of their lengths, as there are thousands of forms."""
    by_length: dict[int, set[bytes]] = {}
    for form in forms:
        by_length.setdefault(len(form), set()).add(form)
    view = np.frombuffer(data, dtype=np.uint8)
    for length, wanted in by_length.items():
        if length > len(view):
            continue
        # A cheap hash of every window finds the few that need a look.
        windows = np.lib.stride_tricks.sliding_window_view(view, length)
        heads = windows[:, :8].astype(np.uint64) @ (np.uint64(256) ** np.arange(min(8, length), dtype=np.uint64))
        first = {int.from_bytes(w[:8], "little") for w in wanted}
        places = np.flatnonzero(np.isin(heads, np.array(sorted(first), dtype=np.uint64)))
        if any(windows[p].tobytes() in wanted for p in places):
            return True
    return False


def test_the_profile_has_them_faked_and_holds_none(
    seen: Profile, planted_table: tuple[pa.Table, list[str], list[float]], tmp_path: Path
) -> None:
    assert [c.name for c in seen.columns if c.treatment == Treatment.FAKE] == list(FAKED)
    (tmp_path / "profile.json").write_text(seen.model_dump_json())
    assert searched(tmp_path, *planted_table[1:]) == []


def test_a_saved_model_holds_none_of_their_values(
    fitted: Fitted, planted_table: tuple[pa.Table, list[str], list[float]], tmp_path: Path
) -> None:
    _, words, numbers = planted_table
    fitted.save(tmp_path)
    if fitted.card.generator in KEEP_ROWS:  # they keep the rows they are shown, and are shown no identifying column
        words, numbers = words[:-30], []
    assert searched(tmp_path, words, numbers) == []
    numerals = [float(w) for w in words if w.isdigit()]
    assert searched(tmp_path, [], numerals) == []


def test_nor_does_what_is_sampled(fitted: Fitted, planted_table: tuple[pa.Table, list[str], list[float]]) -> None:
    table, words, numbers = planted_table
    made = fitted.sample(2_000, seed=3).table
    assert made.schema == table.schema
    text = "\n".join(str(v) for name in FAKED for v in made[name].to_pylist())
    assert not set(re.findall(r"canary[0-9a-f]{12}|\b\d{15}\b", text.lower())) & set(words)
    if fitted.card.generator not in KEEP_ROWS:
        assert not set(made["plan"].to_pylist()) & set(words)
        assert not set(made["balance"].to_pylist()) & set(numbers)
    mails = made["email"].to_pylist()
    assert all(m.endswith(("@example.com", "@example.net", "@example.org")) for m in mails)
    by_name: dict[str, str] = {}
    assert all(by_name.setdefault(n, m) == m for n, m in zip(made["name"].to_pylist(), mails, strict=True))


def test_control_the_search_finds_what_is_there(
    planted_table: tuple[pa.Table, list[str], list[float]], registry: Registry, tmp_path: Path
) -> None:
    table, words, numbers = planted_table
    told = profile_table(
        table, "t", TableSpec.model_validate({"columns": {n: {"treatment": "model"} for n in FAKED}}), ""
    )
    create(GeneratorSpec(name="bootstrap"), registry).fit(table, TableSpec(), told, seed=1).save(tmp_path / "leaky")
    assert searched(tmp_path / "leaky", words, []) == ["model-rows.arrow", "model-rows.arrow"]
    assert searched(tmp_path / "leaky", [], numbers) == ["model-rows.arrow", "model-rows.arrow"]
    for encoding in ("utf-8", "utf-16-le"):
        (tmp_path / encoding).mkdir()
        (tmp_path / encoding / "a.pkl").write_bytes(b"\x80\x04" + words[700].encode(encoding) + b".")
        assert searched(tmp_path / encoding, words, []) == ["a.pkl"]
    (tmp_path / "npz").mkdir()
    np.savez_compressed(tmp_path / "npz" / "a.npz", x=np.array([1.0, numbers[3]]))
    np.savez_compressed(tmp_path / "npz" / "b.npz", x=np.array(["x", words[5]]))
    assert {n.split("/")[0] for n in searched(tmp_path / "npz", words, numbers)} == {"a.npz", "b.npz"}


def test_a_column_that_is_dropped_never_reaches_a_generator(
    planted_table: tuple[pa.Table, list[str], list[float]], tmp_path: Path
) -> None:
    table, words, _ = planted_table
    spec = TableSpec.model_validate({"columns": {n: {"treatment": "drop"} for n in FAKED}})
    fit = create(GeneratorSpec()).fit(table, spec, profile_table(table, "t", spec, ""), seed=1)
    fit.save(tmp_path)
    assert fit.sample(10, seed=1).table.column_names == ["plan", "balance", "age", "joined"]
    assert searched(tmp_path, words, []) == []


def test_formats_are_kept(seen: Profile, planted_table: tuple[pa.Table, list[str], list[float]]) -> None:
    fit = create(GeneratorSpec()).fit(planted_table[0], SPEC, seen, seed=1)
    made = fit.sample(3 * MIN_COUNT, seed=1).table
    assert all(len(str(v)) == 15 for v in made["card_id"].to_pylist())
    assert all(re.fullmatch("canary[0-9a-f]{12}", v) for v in made["customer_id"].to_pylist())
