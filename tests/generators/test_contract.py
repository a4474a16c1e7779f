"""The contract that every registered generator keeps, and a third party's, too."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from generators import REGISTRY, Fitted, create, load_fitted
from proofset import registry as registry_module
from proofset.digest import canonical, table_digest
from proofset.errors import GeneratorError, InternalError, ProofsetError, UnknownNameError
from proofset.evidence import Profile
from proofset.registry import Registry
from proofset.spec import GeneratorSpec, SemanticType, TableSpec

NAMES = list(REGISTRY)
ROWS = 700


@pytest.fixture(scope="module", params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def fitted(name: str, people: pa.Table, people_spec: TableSpec, people_profile: Profile) -> Fitted:
    return create(GeneratorSpec(name=name)).fit(people, people_spec, people_profile, seed=3)


def test_schema_types_and_rows_are_kept(fitted: Fitted, people: pa.Table) -> None:
    synthetic = fitted.sample(ROWS, seed=1)
    assert synthetic.table.schema == people.schema.remove_metadata()
    assert synthetic.table.num_rows == ROWS
    assert synthetic.digest == table_digest(synthetic.table)
    synthetic.table.validate(full=True)


def test_the_same_seed_gives_the_same_bytes_twice_and_after_loading(fitted: Fitted, tmp_path: Path) -> None:
    first = fitted.sample(ROWS, seed=1)
    fitted.sample(10, seed=9)
    assert fitted.sample(ROWS, seed=1).digest == first.digest
    fitted.save(tmp_path / "model")
    loaded = load_fitted(tmp_path / "model", expected=fitted.digest)
    assert loaded.sample(ROWS, seed=1).digest == first.digest
    assert loaded.digest == fitted.digest
    assert (loaded.card, loaded.options) == (fitted.card, fitted.options)


def test_fitting_twice_gives_the_same_rows(
    fitted: Fitted, name: str, people: pa.Table, people_spec: TableSpec, people_profile: Profile
) -> None:
    before, digest = str(np.random.get_state()), table_digest(people)  # noqa: NPY002 - the state itself is at stake
    again = create(GeneratorSpec(name=name)).fit(people, people_spec, people_profile, seed=3)
    assert again.sample(ROWS, seed=1).digest == fitted.sample(ROWS, seed=1).digest
    assert table_digest(people) == digest, "the input was changed"
    assert str(np.random.get_state()) == before, "the global generator was moved"  # noqa: NPY002


def test_another_seed_gives_other_rows(fitted: Fitted) -> None:
    assert fitted.sample(ROWS, seed=1).digest != fitted.sample(ROWS, seed=2).digest


def test_nulls_are_kept_roughly(fitted: Fitted, people: pa.Table) -> None:
    table = fitted.sample(2_000, seed=5).table
    for column in people.column_names:
        wanted = people[column].null_count / people.num_rows
        assert abs(table[column].null_count / 2_000 - wanted) < 0.05, column


def test_faked_columns_never_saw_the_source_and_are_unique(fitted: Fitted, people: pa.Table) -> None:
    table = fitted.sample(people.num_rows, seed=5).table
    assert table["person"].to_pylist() == list(range(1, people.num_rows + 1))
    emails = table["email"].to_pylist()
    assert len(set(emails)) == len(emails)
    assert not set(emails) & set(people["email"].to_pylist())
    assert all("@example." in mail for mail in emails)


def test_saved_files_are_private_and_a_flipped_byte_refuses(fitted: Fitted, tmp_path: Path) -> None:
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
    load_fitted(tmp_path)


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


def test_an_unknown_option_names_the_nearest(name: str) -> None:
    options = list(REGISTRY[name].Options.model_fields)
    wrong = options[0] + "x" if options else "privacy"
    with pytest.raises(UnknownNameError, match=f"Did you mean '{options[0]}'" if options else "Known: none"):
        create(GeneratorSpec(name=name, options={wrong: 1}))


def test_an_options_wrong_value_is_refused_with_what_is_allowed(name: str) -> None:
    for option in REGISTRY[name].Options.model_fields:
        with pytest.raises(GeneratorError, match=re.escape(f"options.{option}")):
            create(GeneratorSpec(name=name, options={option: "medum"}))
    with pytest.raises(GeneratorError, match="Did you mean 'medium'"):
        create(GeneratorSpec(name="trees", options={"privacy": "medum"}))


def test_no_rows_are_refused(name: str, fitted: Fitted, people: pa.Table, people_profile: Profile) -> None:
    with pytest.raises(GeneratorError, match="rows"):
        fitted.sample(0, seed=1)
    if REGISTRY[name].reads_source:
        with pytest.raises(GeneratorError, match="no rows"):
            create(GeneratorSpec(name=name)).fit(people.slice(0, 0), TableSpec(), people_profile, seed=1)


def test_every_card_says_what_a_reader_needs(name: str) -> None:
    card = REGISTRY[name].card
    assert card.generator == name
    assert all((card.licence, card.use_when, card.avoid_when, card.privacy, card.method, card.version))


def test_progress_runs_from_0_to_1(
    name: str, people: pa.Table, people_spec: TableSpec, people_profile: Profile
) -> None:
    seen: list[float] = []
    fit = create(GeneratorSpec(name=name)).fit(
        people, people_spec, people_profile, seed=3, progress=lambda _, share: seen.append(share)
    )
    assert seen[-1] == 1.0
    assert all(0.0 <= s <= 1.0 for s in seen)
    seen.clear()
    fit.sample(50, 1, progress=lambda _, share: seen.append(share))
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
        "import sys, generators, generators.trees, generators.rules, generators.sdv_gaussian_copula as s;"
        "print(sorted({'torch', 'numba', 'sdv', 'faker', 'sklearn', 'dagster'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# A third party's generator, taken word for word from the documentation.

PAGE = Path(__file__).parents[2] / "docs" / "generators.md"


@pytest.fixture
def third_party(monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    example = re.search(r"```python\n(# bootstrap\.py.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert example is not None
    module = types.ModuleType("bootstrap")
    exec(example.group(1), module.__dict__)
    monkeypatch.setitem(sys.modules, "bootstrap", module)
    point = EntryPoint("bootstrap", "bootstrap:Bootstrap", "proofset.generators")
    monkeypatch.setattr(registry_module, "entry_points", lambda group: [point])
    return Registry("generator", {"trees": "generators.trees:Trees"}, "proofset.generators")


def test_the_documented_example_keeps_the_contract(
    third_party: Registry, people: pa.Table, people_profile: Profile, tmp_path: Path
) -> None:
    assert list(third_party) == ["bootstrap", "trees"]
    fit = create(GeneratorSpec(name="bootstrap"), third_party).fit(people, TableSpec(), people_profile, seed=1)
    first = fit.sample(ROWS, seed=1)
    assert first.table.schema == people.schema
    fit.save(tmp_path)
    loaded = load_fitted(tmp_path, registry=third_party)
    assert loaded.sample(ROWS, seed=1).digest == first.digest
    assert not set(first.table["email"].to_pylist()) & set(people["email"].to_pylist())


def test_two_packages_may_not_claim_one_name(third_party: Registry) -> None:
    with pytest.raises(ProofsetError, match="registered twice"):
        Registry("generator", {"bootstrap": "x:Y"}, "proofset.generators")


def test_a_third_party_that_breaks_the_contract_is_held_to_it(
    third_party: Registry, people: pa.Table, people_profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = third_party["bootstrap"]
    fit = create(GeneratorSpec(name="bootstrap"), third_party).fit(people, TableSpec(), people_profile, seed=1)
    honest = kind.Model.draw
    for broken in (
        lambda *a: honest(*a).drop_columns(["age"]),
        lambda *a: honest(*a).slice(1),
        lambda *a: honest(*a).set_column(0, "age", pa.array(["x"] * ROWS)),
    ):
        monkeypatch.setattr(kind.Model, "draw", broken)
        with pytest.raises(GeneratorError, match=r"broke its contract in: .*age"):
            fit.sample(ROWS, seed=1)


def test_a_third_partys_own_error_is_withheld(
    third_party: Registry, people: pa.Table, people_profile: Profile, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def leak(*_: object) -> None:
        raise ValueError("secret1@corp.test")

    kind = third_party["bootstrap"]
    generator = create(GeneratorSpec(name="bootstrap"), third_party)
    fit = generator.fit(people, TableSpec(), people_profile, seed=1)
    fit.save(tmp_path)
    monkeypatch.setattr(kind, "learn", leak)
    monkeypatch.setattr(kind.Model, "draw", leak)
    monkeypatch.setattr(kind.Model, "from_files", leak)
    for act in (
        lambda: generator.fit(people, TableSpec(), people_profile, seed=1),
        lambda: fit.sample(5, seed=1),
        lambda: load_fitted(tmp_path, registry=third_party),
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
