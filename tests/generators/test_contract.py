"""The contract that every registered generator keeps, and a third party's, installed for these tests, too."""

from __future__ import annotations

import io
import json
import random
import re
import subprocess
import sys
import types
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from generators import REGISTRY, Fitted, create, load_fitted
from generators.blocks import BLOCK
from proofset import registry as registry_module
from proofset.digest import canonical, sha256_bytes, table_digest
from proofset.errors import GeneratorError, InternalError, ProofsetError, UnknownNameError
from proofset.evidence import Profile
from proofset.registry import Registry
from proofset.spec import GeneratorSpec, SemanticType, TableSpec

OTHERS = ["bootstrap"]
NEURAL = {"sdv_copula_gan", "sdv_ctgan", "sdv_tvae"}
NAMES = [pytest.param(n, marks=[pytest.mark.slow] if n in NEURAL else []) for n in [*REGISTRY, *OTHERS]]
ROWS = 700
Fit = Callable[..., Fitted]


@pytest.fixture(scope="module", params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def fit(registry: Registry, quick: dict[str, dict[str, Any]], people_spec: TableSpec, people_profile: Profile) -> Fit:
    def fit(name: str, table: pa.Table | Path, profile: Profile = people_profile, **other: Any) -> Fitted:
        generator = create(GeneratorSpec(name=name, options=quick.get(name, {})), registry)
        return generator.fit(table, people_spec, profile, **({"seed": 3} | other))

    return fit


@pytest.fixture(scope="module")
def fitted(name: str, fit: Fit, people: pa.Table) -> Fitted:
    return fit(name, people)


def test_schema_types_and_rows_are_kept(fitted: Fitted, people: pa.Table) -> None:
    synthetic = fitted.sample(ROWS, seed=1)
    assert synthetic.table.schema == people.schema.remove_metadata()
    assert synthetic.table.num_rows == ROWS
    assert synthetic.digest == table_digest(synthetic.table)
    synthetic.table.validate(full=True)
    assert fitted.sample(1, seed=1).table.num_rows == 1


def test_the_same_seed_gives_the_same_bytes_twice_and_after_loading(
    fitted: Fitted, registry: Registry, tmp_path: Path
) -> None:
    first = fitted.sample(ROWS, seed=1)
    fitted.sample(10, seed=9)
    assert fitted.sample(ROWS, seed=1).digest == first.digest
    fitted.save(tmp_path / "model")
    loaded = load_fitted(tmp_path / "model", expected=fitted.digest, registry=registry)
    assert loaded.sample(ROWS, seed=1).digest == first.digest
    assert loaded.digest == fitted.digest
    assert (loaded.card, loaded.options) == (fitted.card, fitted.options)


def test_neither_workers_nor_batches_change_a_byte(fitted: Fitted) -> None:
    rows = BLOCK + ROWS
    first = fitted.sample(rows, seed=1, workers=1)
    for workers, batch_rows in ((2, BLOCK), (3, 30_011)):
        batches = list(fitted.stream(rows, seed=1, workers=workers, batch_rows=batch_rows))
        assert [b.num_rows for b in batches[:-1]] == [batch_rows] * (rows // batch_rows)
        table = pa.Table.from_batches(batches).unify_dictionaries().combine_chunks()
        assert table_digest(table) == first.digest


def test_fitting_twice_gives_the_same_rows_and_moves_nothing_else(
    fitted: Fitted, name: str, fit: Fit, people: pa.Table
) -> None:
    digest = table_digest(people)
    before = str(np.random.get_state()), random.getstate()  # noqa: NPY002 - the state itself is at stake
    torch_before = sys.modules["torch"].random.get_rng_state().numpy().tobytes() if "torch" in sys.modules else b""
    again = fit(name, people)
    assert again.sample(ROWS, seed=1).digest == fitted.sample(ROWS, seed=1).digest
    assert table_digest(people) == digest, "the input was changed"
    assert (str(np.random.get_state()), random.getstate()) == before, "a global generator was moved"  # noqa: NPY002
    if torch_before:
        assert sys.modules["torch"].random.get_rng_state().numpy().tobytes() == torch_before


def test_a_file_gives_the_same_as_its_table_and_is_left_as_it_is(
    fitted: Fitted, name: str, fit: Fit, people: pa.Table, tmp_path: Path
) -> None:
    pq.write_table(people, tmp_path / "people.parquet", row_group_size=400)
    digest = sha256_bytes((tmp_path / "people.parquet").read_bytes())
    from_file = fit(name, tmp_path / "people.parquet")
    assert from_file.digest == fitted.digest or name in OTHERS  # one may well keep the file's own row groups
    assert from_file.sample(ROWS, seed=1).digest == fitted.sample(ROWS, seed=1).digest
    assert sha256_bytes((tmp_path / "people.parquet").read_bytes()) == digest


def test_another_seed_gives_other_rows(fitted: Fitted) -> None:
    assert fitted.sample(ROWS, seed=1).digest != fitted.sample(ROWS, seed=2).digest


def test_nulls_are_kept_roughly(fitted: Fitted, name: str, people: pa.Table) -> None:
    table = fitted.sample(2_000, seed=5).table
    for column in people.column_names:
        wanted = people[column].null_count / people.num_rows
        if name not in {*NEURAL, "control_collapser"} or not wanted:  # so little training, and so few rows, draw badly
            assert abs(table[column].null_count / 2_000 - wanted) < 0.05, column


def test_faked_columns_never_saw_the_source_and_are_unique(fitted: Fitted, people: pa.Table) -> None:
    table = fitted.sample(people.num_rows, seed=5).table
    assert table["person"].to_pylist() == list(range(1, people.num_rows + 1))
    emails = table["email"].to_pylist()
    assert len(set(emails)) == len(emails)
    assert not set(emails) & set(people["email"].to_pylist())
    assert all("@example." in mail for mail in emails)


def test_what_is_saved_is_json_npz_and_arrow(fitted: Fitted, name: str, tmp_path: Path) -> None:
    fitted.save(tmp_path)
    pickles = []
    for path in tmp_path.iterdir():
        data = path.read_bytes()
        match path.suffix:
            case ".json":
                assert canonical(json.loads(data)) == data
            case ".npz":
                np.load(io.BytesIO(data), allow_pickle=False)
            case ".arrow":
                assert pa.ipc.read_schema(pa.py_buffer(data)) is not None
            case _:
                pickles.append(path.name)
    assert not pickles or name.startswith("sdv_"), "only SDV's own save may be a pickle"


def test_saved_files_are_private_and_a_flipped_byte_refuses(fitted: Fitted, tmp_path: Path, registry: Registry) -> None:
    fitted.save(tmp_path)
    files = sorted(tmp_path.iterdir())
    assert len(files) >= 3
    for path in files:
        assert path.stat().st_mode & 0o077 == 0, path.name
        good = path.read_bytes()
        for place in (0, len(good) // 2, len(good) - 1):
            path.write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
            with pytest.raises(GeneratorError, match="not what was saved"):
                load_fitted(tmp_path)
        path.write_bytes(good)
    load_fitted(tmp_path, registry=registry)


def test_a_missing_an_unlisted_and_an_exchanged_file_refuse(fitted: Fitted, tmp_path: Path) -> None:
    fitted.save(tmp_path)
    with pytest.raises(GeneratorError, match="not the one on record"):
        load_fitted(tmp_path, expected="0" * 64)
    (tmp_path / "more.txt").write_text("x")
    with pytest.raises(GeneratorError, match=r"more\.txt"):
        load_fitted(tmp_path)
    (tmp_path / "more.txt").unlink()
    (tmp_path / "schema.arrow").unlink()
    with pytest.raises(GeneratorError, match=r"schema\.arrow"):
        load_fitted(tmp_path)
    fitted.save(tmp_path)
    seal = json.loads((tmp_path / "seal.json").read_bytes())
    (tmp_path / "seal.json").write_bytes(canonical(seal | {"digest": "0" * 64}))
    with pytest.raises(GeneratorError, match=r"seal\.json is damaged"):
        load_fitted(tmp_path)
    (tmp_path / "seal.json").unlink()
    with pytest.raises(GeneratorError, match=r"seal\.json"):
        load_fitted(tmp_path)


def test_an_unknown_option_names_the_nearest(name: str, registry: Registry) -> None:
    options = list(registry[name].Options.model_fields)
    wrong = options[0] + "x" if options else "privacy"
    with pytest.raises(UnknownNameError, match=f"Did you mean '{options[0]}'" if options else "Known: none"):
        create(GeneratorSpec(name=name, options={wrong: 1}), registry)


def test_an_options_wrong_value_is_refused_with_what_is_allowed(name: str, registry: Registry) -> None:
    for option in registry[name].Options.model_fields:
        with pytest.raises(GeneratorError, match=re.escape(f"options.{option}")):
            create(GeneratorSpec(name=name, options={option: "medum"}), registry)
    with pytest.raises(GeneratorError, match="Did you mean 'medium'"):
        create(GeneratorSpec(name="trees", options={"privacy": "medum"}))


def test_no_rows_are_refused(name: str, fitted: Fitted, fit: Fit, people: pa.Table, registry: Registry) -> None:
    with pytest.raises(GeneratorError, match="rows"):
        fitted.sample(0, seed=1)
    with pytest.raises(GeneratorError, match="threads"):
        fitted.sample(5, seed=1, workers=0)
    if registry[name].reads_source:
        with pytest.raises(GeneratorError, match="no rows"):
            fit(name, people.slice(0, 0))


def test_every_card_says_what_a_reader_needs(name: str, registry: Registry) -> None:
    card = registry[name].card
    assert card.generator == name
    assert all(str(text).strip() for text in card.plain().values())
    assert re.search(r"\d{4}", card.paper), "a source has a year"
    assert min(len(t) for t in (card.method, card.use_when, card.avoid_when, card.privacy)) >= 15


def test_progress_runs_from_0_to_1(name: str, fit: Fit, people: pa.Table) -> None:
    seen: list[float] = []
    made = fit(name, people, progress=lambda _, share: seen.append(share))
    assert seen[-1] == 1.0
    assert all(0.0 <= s <= 1.0 for s in seen)
    seen.clear()
    made.sample(50, 1, progress=lambda _, share: seen.append(share))
    assert seen[-1] == 1.0
    assert seen == sorted(seen)


def test_an_unknown_generator_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'trees'"):
        create(GeneratorSpec(name="tree"))


def test_a_column_the_profile_does_not_know_is_refused(people: pa.Table, people_profile: Profile) -> None:
    table = people.append_column("extra", pa.array(np.arange(people.num_rows)))
    with pytest.raises(GeneratorError, match="extra"):
        create(GeneratorSpec()).fit(table, TableSpec(), people_profile, seed=1)


def test_importing_the_room_loads_nothing_heavy() -> None:
    code = (
        "import sys, generators, generators.trees, generators.rules, generators.sdv_gaussian_copula;"
        "import generators.sdv_ctgan, generators.sdv_copula_gan, generators.sdv_tvae;"
        "print(sorted({'torch', 'numba', 'sdv', 'faker', 'sklearn', 'dagster'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# A third party's generator: a real package, installed, and the same code as the documentation shows.

PAGE = Path(__file__).parents[2] / "docs" / "generators.md"


def test_an_installed_package_is_found_by_its_entry_point(plugin: Path) -> None:
    code = (
        "import generators, pyarrow as pa; from proofset.spec import *; from proofset.evidence import *;"
        "c = ColumnProfile(name='a', storage='int64', semantic='number', guessed='number', nullable=False,"
        " null_share=0, distinct=2, unique=False);"
        "p = Profile(table='t', source_digest='0' * 64, rows=2, duplicate_rows=0, key_candidates=(), columns=(c,));"
        "g = generators.create(GeneratorSpec(name='bootstrap'));"
        "print(sorted(set(g.fit(pa.table({'a': [4, 7]}), TableSpec(), p, 1).sample(99, 1).table['a'].to_pylist())))"
    )
    call = [sys.executable, "-c", code]
    done = subprocess.run(call, capture_output=True, text=True, check=False, env={"PYTHONPATH": str(plugin)})
    assert done.stdout.strip() == "[4, 7]", done.stderr
    without = subprocess.run(call, capture_output=True, text=True, check=False, env={})
    assert "'bootstrap' is not a known generator" in without.stderr, "control: it is not there unless installed"


def test_the_documented_example_is_the_installed_one(
    registry: Registry, fit: Fit, people: pa.Table, people_profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    example = re.search(r"```python\n(# bootstrap\.py.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert example is not None
    module = types.ModuleType("bootstrap")
    exec(example.group(1), module.__dict__)
    monkeypatch.setitem(sys.modules, "bootstrap", module)
    point = EntryPoint("bootstrap", "bootstrap:Bootstrap", "proofset.generators")
    monkeypatch.setattr(registry_module, "entry_points", lambda group: [point])
    own = Registry("generator", {}, "proofset.generators")
    shown = create(GeneratorSpec(name="bootstrap"), own).fit(people, TableSpec(), people_profile, seed=3)
    assert shown.sample(ROWS, seed=1).digest == fit("bootstrap", people).sample(ROWS, seed=1).digest


@pytest.mark.usefixtures("registry")
def test_two_packages_may_not_claim_one_name() -> None:
    with pytest.raises(ProofsetError, match="registered twice"):
        Registry("generator", {"bootstrap": "x:Y"}, "proofset.generators")


def test_a_third_party_that_breaks_the_contract_is_held_to_it(
    registry: Registry, fit: Fit, people: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = registry["bootstrap"]
    made = fit("bootstrap", people)
    honest = kind.Model.draw
    for broken in (
        lambda *a: honest(*a).drop_columns(["age"]),
        lambda *a: honest(*a).slice(1),
        lambda *a: honest(*a).set_column(0, "age", pa.array(["x"] * ROWS)),
    ):
        monkeypatch.setattr(kind.Model, "draw", broken)
        with pytest.raises(GeneratorError, match=r"broke its contract in: .*age"):
            made.sample(ROWS, seed=1)


def test_a_third_partys_own_error_is_withheld(
    registry: Registry, fit: Fit, people: pa.Table, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def leak(*_: object) -> None:
        raise ValueError("secret1@corp.test")

    kind = registry["bootstrap"]
    made = fit("bootstrap", people)
    made.save(tmp_path)
    monkeypatch.setattr(kind, "learn", leak)
    monkeypatch.setattr(kind.Model, "draw", leak)
    monkeypatch.setattr(kind.Model, "from_files", leak)
    for act in (
        lambda: fit("bootstrap", people),
        lambda: made.sample(5, seed=1),
        lambda: load_fitted(tmp_path, registry=registry),
    ):
        with pytest.raises(InternalError) as caught:
            act()
        assert "secret1" not in str(caught.value)
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__


def test_a_format_from_the_future_is_refused(
    people: pa.Table, make_profile: Callable[..., Profile], tmp_path: Path
) -> None:
    from generators.storage import read_sealed, write_sealed

    fake = make_profile(people.select(["person"]), fake={"person": SemanticType.ID})
    create(GeneratorSpec()).fit(people.select(["person"]), TableSpec(), fake, seed=1).save(tmp_path)
    files = read_sealed(tmp_path)
    files["fitted.json"] = files["fitted.json"].replace(b'"format":1', b'"format":2')
    write_sealed(tmp_path, files)
    with pytest.raises(GeneratorError, match="Found 2, expected 1"):
        load_fitted(tmp_path)
