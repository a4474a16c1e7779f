"""Identify: what of some rows comes from which known table, on made-up tables under a real key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lineage.fingerprint import KEY_FILE, columns_of, fingerprints, workspace_key
from lineage.identify import Match, collect, explain, explained, groups_of
from lineage.known import Known, Shelf, read_sketch, sketch_path, sketch_table
from lineage.sketch import make_sketch
from proofset.digest import table_digest
from proofset.files import write_bytes
from proofset.workspace import Workspace

Draw = Callable[[int, int], pa.Table]


def shops(rows: int, seed: int) -> pa.Table:
    """Independent draws of one kind of table; two of its rows in a thousand or so occur in another draw."""
    rng = np.random.default_rng(seed)
    return pa.table(
        {
            "spend": rng.gamma(2, 20, rows).round(1),
            "visits": pa.array(rng.poisson(3, rows), mask=rng.random(rows) < 0.05),
            "town": rng.choice(["north", "south", "west"], rows),
            "since": pa.array(rng.integers(15000, 19000, rows).astype("int32")).cast(pa.date32()),
            "member": rng.random(rows) < 0.4,
        }
    )


def narrow(rows: int, seed: int) -> pa.Table:
    """Draws of which nearly every row occurs in every other."""
    return shops(rows, seed).select(["visits", "town"])


def stored(workspace: Workspace, table: pa.Table, *, private: bool) -> str:
    digest = table_digest(table)
    home = workspace.private if private else workspace.state
    path = home / "tables" / f"{digest}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)
    return digest


class World:
    """A real source, a released synthetic table that is another draw, and a second one."""

    def __init__(self, root: Path, draw: Draw = shops, rows: int = 20_000) -> None:
        root.mkdir(parents=True, exist_ok=True)
        (root / "proofset.yaml").write_text("workspace: w\n")
        self.workspace = Workspace(root)
        self.real, held = draw(rows, 1), draw(rows // 3, 2)
        self.made, self.second = draw(rows, 3), draw(rows, 4)
        holdout = stored(self.workspace, held, private=True)
        digests = [stored(self.workspace, self.real, private=True)]
        digests += [stored(self.workspace, t, private=False) for t in (self.made, self.second)]
        self.known = (
            Known("source", "shop", digests[0], ("a" * 64,), 0),
            Known("release", "shop", digests[1], ("a" * 64,), 1, holdout),
            Known("candidate", "shop", digests[2], ("b" * 64,), 1, holdout),
        )
        write_bytes(self.workspace.private / KEY_FILE, bytes(range(32)), private=True)  # the same on every run
        self.shelf = Shelf(self.workspace, workspace_key(self.workspace), self.known)

    def ask(self, table: pa.Table) -> tuple[list[Match], bool]:
        groups = groups_of(self.shelf, table.column_names)
        return explained(groups, collect(groups, table.to_batches(5000), self.shelf.key))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("world"))


def cut(table: pa.Table, rows: int, seed: int = 0) -> pa.Table:
    return table.take(np.random.default_rng(seed).permutation(table.num_rows)[:rows])


def test_a_shuffled_part_of_a_release_is_recognised(world: World, tmp_path: Path) -> None:
    frame = cut(world.made, 1000).to_pandas()[["town", "member", "since", "visits", "spend"]]
    frame.to_csv(tmp_path / "part.csv", index=False)
    matches, unclear = world.ask(pa.Table.from_pandas(pd.read_csv(tmp_path / "part.csv", dtype=str)))
    assert [(m.what, m.table) for m in matches] == [("release", world.known[1].table)]
    assert matches[0].share == 1
    assert matches[0].low > 0.99
    assert not unclear


def test_an_independent_draw_is_unknown(world: World) -> None:
    for seed in range(10, 15):
        assert world.ask(shops(5000, seed)) == ([], False)


@pytest.mark.parametrize("half", [0.02, 0.3, 0.5, 0.9])
def test_a_mixture_is_taken_apart(world: World, half: float) -> None:
    first, second = int(4000 * half), int(4000 * (1 - half))
    mixed = pa.concat_tables([cut(world.made, first), cut(world.real, second)])
    matches, _ = world.ask(cut(mixed, mixed.num_rows))
    shares = {m.what: m for m in matches}
    assert set(shares) == {"release", "source"}
    assert abs(shares["release"].share - half) < 0.01
    assert abs(shares["source"].share - (1 - half)) < 0.01
    assert abs(sum(m.alone for m in matches) - 1) < 0.01


def test_rows_of_unknown_origin_are_left_over(world: World) -> None:
    mixed = pa.concat_tables([cut(world.made, 1000), shops(1000, 20)])
    matches, _ = world.ask(mixed)
    assert len(matches) == 1
    assert abs(matches[0].share - 0.5) < 0.01
    assert matches[0].high < 0.6


def test_a_copy_of_real_rows_is_its_source_even_where_a_synthetic_table_holds_them(tmp_path: Path) -> None:
    """A generator that copies does not make real rows synthetic."""
    world = World(tmp_path, rows=3000)
    copied = cut(world.real, 2000)
    copier = replace(world.known[1], table=stored(world.workspace, copied, private=False))
    world.shelf.tables = (copier, *world.known)
    matches, _ = world.ask(copied)
    assert (matches[0].what, matches[0].alone) == ("source", 1)
    assert (matches[1].what, matches[1].table, matches[1].alone) == ("release", copier.table, 0)


def test_fewer_columns_and_more_columns(world: World) -> None:
    fewer = cut(world.made, 3000).select(["spend", "visits", "since"])
    matches, _ = world.ask(fewer)
    assert (matches[0].what, matches[0].columns, matches[0].share) == ("release", 3, 1)
    more = cut(world.made, 3000).append_column("note", pa.array(["x"] * 3000))
    assert world.ask(more)[0][0].share == 1
    other = more.drop_columns(["spend"])
    assert world.ask(other) == ([], False)


def test_where_real_people_share_their_rows_nothing_is_claimed(tmp_path: Path) -> None:
    world = World(tmp_path, draw=narrow, rows=3000)
    for table in (world.made, narrow(2000, 77)):
        assert world.ask(table) == ([], True)
    strange = pa.table({"visits": [1000 + i for i in range(100)], "town": ["nowhere"] * 100})
    assert world.ask(strange) == ([], False)


def test_a_wide_part_reduced_to_columns_everybody_shares_cannot_be_told(world: World) -> None:
    assert world.ask(cut(world.made, 2000).select(["visits", "town"])) == ([], True)


@pytest.mark.parametrize("rows", [1, 3, 10])
def test_very_few_rows(world: World, rows: int) -> None:
    matches, unclear = world.ask(cut(world.made, rows))
    assert ([m.what for m in matches], unclear) == ((["release"], False) if rows > 1 else ([], True))


def test_one_row_repeated_is_no_more_evidence_than_one_row(world: World) -> None:
    repeated = pa.concat_tables([world.made.slice(5, 1)] * 500)
    assert world.ask(repeated) == ([], True)


def test_no_rows(world: World) -> None:
    assert world.ask(world.made.slice(0, 0)) == ([], False)


def test_another_key_recognises_nothing(world: World, tmp_path: Path) -> None:
    """Fingerprints under another key are not in the sketch, and its file cannot be read."""
    groups = groups_of(world.shelf, world.made.column_names)
    matches, unclear = explained(groups, collect(groups, [world.made], bytes(32)))
    assert (matches, unclear) == ([], False)
    for known in world.known:
        assert sketch_path(world.workspace, known).stat().st_mode & 0o777 == 0o600
        assert read_sketch(world.workspace, known, world.shelf.key) is not None
        assert read_sketch(world.workspace, known, bytes(32)) is None


def test_a_lost_key_costs_the_sketches_not_the_answer(tmp_path: Path) -> None:
    world = World(tmp_path, rows=3000)
    assert world.ask(world.made)[0]
    (world.workspace.private / KEY_FILE).unlink()
    world.shelf.key = workspace_key(world.workspace)
    assert world.ask(world.made)[0][0].share == 1


def test_without_table_and_sketch_it_says_so(tmp_path: Path) -> None:
    world = World(tmp_path, rows=3000)
    for folder in (world.workspace.private, world.workspace.state):
        for path in (folder / "tables").iterdir():
            path.unlink()
    assert world.ask(world.made) == ([], False)
    assert world.shelf.lost == list(world.known)


def test_a_table_that_was_changed_is_not_used(tmp_path: Path) -> None:
    world = World(tmp_path, rows=3000)
    path = world.workspace.state / "tables" / f"{world.known[1].table}.parquet"
    pq.write_table(shops(3000, 50), path)
    assert world.ask(shops(3000, 50)) == ([], False)
    assert world.shelf.lost == [world.known[1]]


def test_a_sketch_is_enough_when_the_tables_are_gone(tmp_path: Path) -> None:
    world = World(tmp_path, rows=3000)
    assert world.ask(world.made)[0]
    for folder in (world.workspace.private, world.workspace.state):
        for path in (folder / "tables").iterdir():
            path.unlink()
    assert world.ask(cut(world.made, 500))[0][0].share == 1


def test_an_unknown_chance_level_claims_nothing(tmp_path: Path) -> None:
    world = World(tmp_path, rows=3000)
    world.shelf.tables = (replace(world.known[1], holdout=""),)
    assert world.ask(world.made) == ([], True)


def test_large_tables_and_large_files_are_sampled(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sketch that holds a part, against rows of which a part is kept, gives the share all the same."""
    monkeypatch.setattr("lineage.identify.MOST_ROWS", 6000)
    groups = groups_of(world.shelf, world.made.column_names)
    key = world.shelf.key
    for group in groups:
        group.sketches = [
            (known, make_sketch(s.table, s.columns, s.prints, s.chance, s.generations, most=5000))
            for known, s in group.sketches
        ]
    mixed = cut(pa.concat_tables([cut(world.made, 12_000), cut(world.real, 8000)]), 20_000)
    looked = collect(groups, mixed.to_batches(1000), key)
    (seen,) = looked.values()
    assert seen.rows == 20_000
    assert len(seen.prints) <= 6000
    matches, _ = explain(groups[0], seen)
    shares = {m.what: m for m in matches}
    for what, share in (("release", 0.6), ("source", 0.4)):
        assert abs(shares[what].share - share) < 0.04
        assert shares[what].low - 0.02 < share < shares[what].high + 0.02


def test_the_answer_agrees_with_a_set_of_rows(world: World) -> None:
    """The obvious version: how many of the rows are in the table, as tuples."""
    mixed = pa.concat_tables([cut(world.made, 500), shops(1500, 30)])
    rows, known = (set(map(tuple, t.to_pandas().astype(str).to_numpy())) for t in (mixed, world.made))
    columns = columns_of(world.made.schema)
    sketch = sketch_table(world.workspace, world.known[1], world.made, columns, world.shelf.key)
    found = np.unique(fingerprints(mixed, columns, world.shelf.key))
    assert int(sketch.holds(found).sum()) == len(rows & known)


def test_a_damaged_sketch_is_made_again(tmp_path: Path) -> None:
    world = World(tmp_path, rows=3000)
    first = world.ask(world.made)
    for known in world.known:
        write_bytes(sketch_path(world.workspace, known), b"junk", private=True)
    assert world.ask(world.made) == first
    assert all(read_sketch(world.workspace, known, world.shelf.key) for known in world.known)
