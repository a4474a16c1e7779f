"""Columns that follow another one: a function of its value, in every row and block, whatever the other column is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import yaml

from generators import create
from generators.blocks import BLOCK, blocks
from generators.faking import plan_fakes, write_fakes
from proofset.errors import GeneratorError
from proofset.evidence import ColumnProfile, Format, Profile
from proofset.spec import GeneratorSpec, SemanticType, TableSpec, Treatment
from quality.profile import profile_table

S = SemanticType


def profile(**columns: dict[str, Any]) -> Profile:
    base = {"storage": "string", "nullable": True, "null_share": 0.0, "distinct": 100, "unique": False}
    found = []
    for name, own in columns.items():
        meaning = own.get("semantic", S.CATEGORY)
        found.append(ColumnProfile.model_validate(base | {"name": name, "semantic": meaning, "guessed": meaning} | own))
    return Profile(
        table="t", source_digest="0" * 64, rows=1_000, duplicate_rows=0, key_candidates=(), columns=tuple(found)
    )


def made(
    seen: Profile, spec: dict[str, Any], rows: int, drawn: dict[str, pa.Array] | None = None
) -> list[dict[str, Any]]:
    """All rows, block by block; `drawn` is repeated from its start in each block."""
    table = TableSpec.model_validate({"columns": spec})
    names = [c.name for c in seen.columns if c.name not in (drawn or {})]
    kinds = [(n, drawn[n].type if drawn and n in drawn else pa.string()) for n in (c.name for c in seen.columns)]
    plans = plan_fakes(pa.schema(kinds), names, table, seen)
    result = []
    for block in blocks(rows, 3):
        here = {n: a.slice(0, block.rows) for n, a in (drawn or {}).items()}
        result += pa.table({**here, **write_fakes(plans, pa.schema(kinds), block, here)}).to_pylist()
    return result


def values_by(rows: list[dict[str, Any]], key: str, value: str) -> dict[Any, set[Any]]:
    found: dict[Any, set[Any]] = defaultdict(set)
    for row in rows:
        found[row[key]].add(row[value])
    return found


CODES = (Format(mask=r"\C999999", share=1.0),)


def test_a_customer_has_one_name_one_mail_and_one_account_in_the_whole_table() -> None:
    seen = profile(
        customer={"semantic": S.ID, "formats": CODES, "distinct": 200},
        name={"semantic": S.PERSON_NAME}, email={"semantic": S.EMAIL}, account={"semantic": S.ID, "formats": CODES},
        phone={"semantic": S.PHONE, "null_share": 0.3}, joined={"semantic": S.DATETIME},
    )  # fmt: skip
    spec = {n: {"follows": "customer"} for n in ("name", "email", "phone", "joined")} | {
        "account": {"follows": "email"}
    }
    rows = made(seen, spec, BLOCK + 10_000)
    assert len({r["customer"] for r in rows}) == np.ceil(len(rows) * 0.2)
    for column in ("name", "email", "account", "phone", "joined"):
        assert {len(v) for v in values_by(rows, "customer", column).values()} == {1}, column
    for column in ("email", "account"):  # and nobody shares theirs
        assert {len(v) for v in values_by(rows, column, "customer").values()} == {1}, column
    assert 0.25 < np.mean([r["phone"] is None for r in rows]) < 0.35
    assert all(r["name"].split()[-1].lower()[:4] in r["email"] for r in rows[:500]), "the mail is the person's"


@pytest.mark.parametrize(
    "other",
    [
        pa.array(np.arange(BLOCK) % 5_000), pa.array((np.arange(BLOCK) % 5_000) / 7),
        pa.array([f"v{i % 5_000}" for i in range(BLOCK)]).dictionary_encode(),
        pa.array(np.arange(BLOCK) % 5_000, pa.timestamp("s")), pa.array(np.arange(BLOCK) % 2 == 0),
    ],
    ids=lambda a: str(a.type),
)  # fmt: skip
def test_a_modelled_column_can_be_followed(other: pa.Array) -> None:
    seen = profile(
        k={},
        name={"semantic": S.PERSON_NAME},
        email={"semantic": S.EMAIL},
        code={"semantic": S.ID},
        n={"semantic": S.ID},
    )
    rows = made(seen, {n: {"follows": "k"} for n in ("name", "email", "code")}, BLOCK + 7_000, {"k": other})
    for column in ("name", "email", "code"):
        assert {len(v) for v in values_by(rows, "k", column).values()} == {1}
    different = len(other.unique())
    assert len({r["email"] for r in rows}) == len({r["code"] for r in rows}) == different
    assert different == 2 or len({r["name"] for r in rows}) > 1_500


def test_a_mail_that_follows_a_name_is_made_of_it() -> None:
    seen = profile(name={"semantic": S.PERSON_NAME, "distinct": 1_000, "null_share": 0.1}, email={"semantic": S.EMAIL})
    for row in made(seen, {"email": {"follows": "name"}}, 500):
        if row["name"] is None:
            assert row["email"].startswith("person.")
        else:
            assert row["email"].partition("@")[0] == row["name"].lower().replace(" ", ".").replace("'", "")
    modelled = pa.array(["Zoë O'Neil", "Straße Groß", "李雷", "李雷"])
    rows = made(seen, {"email": {"follows": "name"}}, 4, {"name": modelled})
    assert [r["email"].partition("@")[0] for r in rows[:2]] == ["zoe.oneil", "strasse.gross"]
    assert rows[2]["email"] == rows[3]["email"]
    assert rows[2]["email"].startswith("person.")


def test_a_row_without_a_subject_stands_for_itself() -> None:
    seen = profile(
        customer={"semantic": S.ID, "formats": CODES, "distinct": 100, "null_share": 0.5}, email={"semantic": S.EMAIL}
    )
    rows = made(seen, {"email": {"follows": "customer"}}, 2_000)
    strangers = [r["email"] for r in rows if r["customer"] is None]
    assert len(set(strangers)) == len(strangers) > 900
    assert not set(strangers) & {r["email"] for r in rows if r["customer"] is not None}
    other = pa.array([None, "a"] * 1_000)
    rows = made(profile(k={}, email={"semantic": S.EMAIL}), {"email": {"follows": "k"}}, 2_000, {"k": other})
    assert len({r["email"] for r in rows}) == 1_001


def test_chains_are_written_in_their_order() -> None:
    seen = profile(c={"semantic": S.ID}, b={"semantic": S.ID}, a={"semantic": S.ID, "distinct": 100})
    rows = made(seen, {"c": {"follows": "b"}, "b": {"follows": "a"}}, 1_000)
    assert {len(v) for v in values_by(rows, "a", "c").values()} == {1}
    assert list(rows[0]) == ["a", "b", "c"]


def test_a_follower_of_what_cannot_be_followed_is_refused() -> None:
    seen = profile(customer={}, email={"semantic": S.EMAIL}, name={"semantic": S.PERSON_NAME})
    for spec, words in (
        ({"email": {"follows": "custmer"}}, "has not. Did you mean 'customer'"),
        ({"email": {"follows": "email"}}, "in a circle: email"),
        ({"email": {"follows": "name"}, "name": {"follows": "email"}}, "in a circle: email, name"),
    ):
        with pytest.raises(GeneratorError, match=words):
            made(seen, spec, 5)
    with pytest.raises(GeneratorError, match="it is not faked"):
        made(seen, {"customer": {"follows": "email"}}, 5, {"customer": pa.array(["x"] * 5)})


def test_through_a_generator_the_bytes_are_the_same_whatever_the_workers_and_batches(
    people: pa.Table, make_profile: Callable[..., Profile]
) -> None:
    seen = make_profile(people, fake={"person": S.ID, "email": S.EMAIL})
    spec = TableSpec.model_validate({"columns": {"email": {"follows": "city", "treatment": "fake"}}})
    fit = create(GeneratorSpec()).fit(people, spec, seen, seed=1)
    table = fit.sample(BLOCK + 500, seed=2, workers=2).table
    assert fit.sample(BLOCK + 500, seed=2, workers=1).table.equals(table)
    assert pa.Table.from_batches(fit.stream(BLOCK + 500, seed=2, workers=3, batch_rows=7_001)).equals(table)
    pairs = set(zip(table["city"].to_pylist(), table["email"].to_pylist(), strict=True))
    assert len(pairs) == len(set(table["city"].to_pylist()))
    assert seen.column("email").treatment == Treatment.FAKE


def test_the_documented_spec_works() -> None:
    page = (Path(__file__).parents[2] / "docs" / "pii.md").read_text(encoding="utf-8")
    spec = TableSpec.model_validate(yaml.safe_load(page.split("```yaml")[1].split("```")[0])["tables"]["orders"])
    rows = 1_000
    table = pa.table(
        {
            "customer_id": [f"C{i % 300:05d}" for i in range(rows)], "name": ["x"] * rows, "email": ["x"] * rows,
            "iban": ["x"] * rows, "order_id": [f"ORD-{i * 91:06d}" for i in range(rows)], "card_number": ["x"] * rows,
            "street": ["x"] * rows, "note": ["x"] * rows, "amount": np.arange(rows) % 70,
        }
    )  # fmt: skip
    seen = profile_table(table, "orders", spec, "0" * 64)
    made = create(GeneratorSpec()).fit(table, spec, seen, seed=1).sample(rows, seed=1).table
    assert made.column_names == [n for n in table.column_names if n != "note"]
    rows_made = made.to_pylist()
    assert {len(v) for v in values_by(rows_made, "customer_id", "email").values()} == {1}
    assert {len(v) for v in values_by(rows_made, "name", "email").values()} == {1}
    assert len(set(made["order_id"].to_pylist())) == rows
    assert all(v.startswith("ORD-") for v in made["order_id"].to_pylist())
