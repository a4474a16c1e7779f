"""Imputation: the missing cells of a real table, drawn given the row's other cells.

A missing cell's distribution given all the others is its own forest's, given the columns before it, times the
probability that the forests of later columns give to the cells they have. A row with one missing cell is drawn from it
once. A row with several alternates between two steps that both leave the joint distribution as it is: all its missing
cells are drawn anew several times, column by column, and one of these candidates or the present cells is taken by
weight (iterated sampling importance resampling; Andrieu, Doucet, Holenstein 2010,
doi:10.1111/j.1467-9868.2009.00736.x), which moves between far-apart modes; then each cell is drawn given all others
(Gibbs sampling; Geman, Geman 1984, doi:10.1109/TPAMI.1984.4767596), which explores each mode.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from generators.blocks import BLOCK, Block, blocks
from generators.trees_conditions import Column
from generators.trees_encode import Encoder
from generators.trees_forest import Forest
from generators.trees_layout import feature_groups
from generators.trees_steering import Model
from generators.trees_tilt import probabilities, tilt
from proofset.errors import GeneratorError

SWEEPS = 6
"""Rounds of both steps, for rows with several missing cells."""
CANDIDATES = 16
CHUNK = 1 << 22
"""Probabilities held at once."""
CHUNK_ROWS = 1 << 17
"""Candidates held at once."""
TINY = 1e-12


def impute(model: Model, table: pa.Table, seed: int) -> pa.Table:
    """Return `table` with the nulls and NaN of the learned columns drawn; every other cell stays as it is.

    Rows are handled in blocks with random streams of their own: the same table and seed give the same bytes.

    Raises GeneratorError where a learned column is missing, has another type, or has no value to draw.
    """
    schema = model.codec.schema
    wrong = [f.name for f in schema if f.name not in table.column_names or table.schema.field(f.name).type != f.type]
    if wrong:
        raise GeneratorError(
            f"The table has no such columns, or with other types: {', '.join(wrong)}.",
            why="Missing cells are drawn given the columns the generator was fitted on.",
            fix="Give it a table with the columns and Arrow types of the training table.",
        )
    columns = [Column(f.name, codec, f.type) for f, codec in zip(schema, model.codec.codecs, strict=True)]
    empty = [c.name for c in columns if not _drawable(c).any() and _holes(table[c.name]).any()]
    if empty:
        raise GeneratorError(
            f"Nothing is known about the values of: {', '.join(empty)}.",
            why="The column was empty where the generator was fitted.",
            fix="Fit on a table that has values there, or leave the column out.",
        )
    filler = Filler(model, columns)
    parts = [filler.fill(table.slice(block.first, block.rows), block) for block in blocks(table.num_rows, seed)]
    for name in {n for part in parts for n in part}:
        arrays = [p.get(name, _whole(table[name].slice(i * BLOCK, BLOCK))) for i, p in enumerate(parts)]
        column = pa.chunked_array(arrays, table.schema.field(name).type)
        table = table.set_column(table.column_names.index(name), table.schema.field(name), column)
    return table.unify_dictionaries()


def _holes(column: pa.ChunkedArray) -> np.ndarray:
    """Which cells are null or NaN."""
    return np.asarray(column.is_null(nan_is_null=pa.types.is_floating(column.type)))


def _whole(column: pa.ChunkedArray) -> pa.Array:
    joined = column.combine_chunks()
    return pa.concat_arrays(joined.chunks) if isinstance(joined, pa.ChunkedArray) else joined


def _drawable(column: Column) -> np.ndarray:
    """Which codes stand for a value that occurs."""
    codes = np.arange(column.codec.codes)
    _, missing = column.values(codes, np.zeros(len(codes)))
    return ~missing & (np.asarray(column.codec.weights) > 0)


class Filler:
    """Fills the holes of blocks of rows."""

    def __init__(self, model: Model, columns: Sequence[Column]) -> None:
        self.model = model
        self.columns = columns
        self.groups = [feature_groups(c.codec) for c in columns]
        self.encoders = [Encoder(c) for c in columns]
        self.asked: dict[int, list[int]] = {i: [] for i in model.order}
        for k in model.order:
            forest = model.forests[k]
            for i in np.unique(np.append(forest.feature[forest.feature >= 0], forest.split)).tolist():
                self.asked[i].append(k)

        self.tilted = {
            i: tilt(model.forests[i], _drawable(c).astype(float), c.codec.weights)
            for i, c in enumerate(columns)
            if _drawable(c).any()
        }

    def fill(self, table: pa.Table, block: Block) -> dict[str, pa.Array]:
        """Return the columns of a block that had holes, filled."""
        holes = {i: _holes(table[c.name]) for i, c in enumerate(self.columns)}
        some = np.flatnonzero(np.any(list(holes.values()), axis=0)) if holes else np.zeros(0, np.int64)
        if not len(some):
            return {}
        codes = {}
        features = np.zeros((len(self.columns), len(some)), np.uint8)
        for i, column in enumerate(self.columns):
            values, missing = column.read(_whole(table[column.name].take(some)))
            codes[i] = self.encoders[i].encode(values, missing)
            features[i] = self.groups[i][codes[i]]
        open_ = {i: np.flatnonzero(holes[i][some]) for i in self.model.order if holes[i].any()}
        for i, rows in open_.items():
            rng = block.stream("impute", self.columns[i].name, "start")
            codes[i][rows], _ = self._ahead(i, np.ascontiguousarray(features[:, rows]), rng)
            features[i, rows] = self.groups[i][codes[i][rows]]
        many = np.sum([holes[i][some] for i in open_], axis=0)
        several = np.flatnonzero(many > 1)
        for sweep in range(SWEEPS if len(several) else 1):
            for start in range(0, len(several), CHUNK_ROWS // CANDIDATES):
                rng = block.stream("impute", "leap", sweep, start)
                self._leap(several[start : start + CHUNK_ROWS // CANDIDATES], codes, features, open_, rng)
            for i, rows in open_.items():
                again = rows if sweep == 0 else rows[many[rows] > 1]
                if len(again):
                    self._redraw(i, again, codes, features, block.stream("impute", self.columns[i].name, sweep))
        filled = {}
        for i, rows in open_.items():
            column = self.columns[i]
            share = block.stream("impute", column.name, "decode").random(len(rows))
            filled[column.name] = _merged(
                _whole(table[column.name]), column.codec.at(codes[i][rows], share, column.kind), some[rows]
            )
        return filled

    def _ahead(self, i: int, given: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Draw a column given those before it, missing left out; return codes and the probability of not missing."""
        return self.tilted[i].draw(given, rng.random((given.shape[1], 3), dtype=np.float32))

    def _leap(
        self,
        rows: np.ndarray,
        codes: dict[int, np.ndarray],
        features: np.ndarray,
        open_: dict[int, np.ndarray],
        rng: np.random.Generator,
    ) -> None:
        """Draw all holes of each row anew, several times, and take one of these or the present cells, by weight."""
        wide = np.repeat(rows, CANDIDATES)
        given = np.ascontiguousarray(features[:, wide])
        own = {i: codes[i][wide] for i in codes}
        fresh = np.arange(len(wide)) % CANDIDATES > 0  # the first one is what is there now
        log = np.zeros(len(wide))
        hole = {i: np.repeat(np.isin(rows, where), CANDIDATES) for i, where in open_.items()}
        tells = {i: np.zeros(len(wide), bool) for i in self.model.order}  # whether a hole before it matters to it
        for i, here in hole.items():
            for k in self.asked[i]:
                tells[k] |= here
        for i in self.model.order:
            some = np.flatnonzero(hole[i]) if i in hole else np.zeros(0, np.int64)
            if len(some):
                drawn, mass = self._ahead(i, np.ascontiguousarray(given[:, some]), rng)
                log[some] += np.log(np.maximum(mass, TINY))
                new = fresh[some]
                own[i][some[new]] = drawn[new]
                given[i, some] = self.groups[i][own[i][some]]
                tells[i][some] = False  # it is no evidence itself
            seen = np.flatnonzero(tells[i])
            if len(seen):
                log[seen] += self._fit_of(i, own[i][seen], np.ascontiguousarray(given[:, seen]))
        weight = np.exp(log.reshape(-1, CANDIDATES) - log.reshape(-1, CANDIDATES).max(axis=1, keepdims=True))
        upto = np.cumsum(weight, axis=1)
        drawn = (rng.random(len(rows))[:, None] * upto[:, -1:] >= upto).sum(axis=1).clip(max=CANDIDATES - 1)
        chosen = np.arange(len(rows)) * CANDIDATES + drawn
        for i in open_:
            codes[i][rows] = own[i][chosen]
            features[i, rows] = given[i, chosen]

    def _fit_of(self, i: int, codes: np.ndarray, given: np.ndarray) -> np.ndarray:
        """Log-probability of each row's own code in column i, given the columns before it."""
        log = np.zeros((len(codes), 1))
        self._add(i, -2, codes, given, log)
        return log[:, 0]

    def _redraw(
        self,
        i: int,
        rows: np.ndarray,
        codes: dict[int, np.ndarray],
        features: np.ndarray,
        rng: np.random.Generator,
    ) -> None:
        """Draw the holes of one column given all the other columns."""
        candidates = np.flatnonzero(_drawable(self.columns[i]))
        group = self.groups[i][candidates]
        step = max(1, CHUNK // len(candidates))
        for start in range(0, len(rows), step):
            part = rows[start : start + step]
            given = np.ascontiguousarray(features[:, part])
            prior = probabilities(self.model.forests[i], given, candidates)
            log = self._likelihood(i, part, codes, given, int(group.max()) + 1)
            weight = prior * np.exp(log - log.max(axis=1, keepdims=True))[:, group]
            none = weight.sum(axis=1) <= 0
            weight[none] = np.asarray(self.columns[i].codec.weights, float)[candidates]
            upto = np.cumsum(weight, axis=1)
            drawn = (rng.random(len(part))[:, None] * upto[:, -1:] >= upto).sum(axis=1)
            codes[i][part] = candidates[np.minimum(drawn, len(candidates) - 1)]
            features[i, part] = self.groups[i][codes[i][part]]

    def _likelihood(
        self, i: int, rows: np.ndarray, codes: dict[int, np.ndarray], given: np.ndarray, groups: int
    ) -> np.ndarray:
        """Log-probability of each row's later cells, were column i in each of its groups; (rows, groups)."""
        log = np.zeros((len(rows), groups))
        for k in self.asked[i]:
            self._add(k, i, codes[k][rows], given, log)
        return log

    def _add(self, k: int, column: int, codes: np.ndarray, given: np.ndarray, log: np.ndarray) -> None:
        """Add to `log` how likely codes of column k are, were `column` in each group (a column that is not: as is)."""
        forest: Forest = self.model.forests[k]
        if not forest.asks(column):
            log += np.log(np.maximum(forest.likelihood(given, codes), TINY))[:, None]
            return
        asked = given.copy()
        for group in range(log.shape[1]):
            asked[column] = group
            log[:, group] += np.log(np.maximum(forest.likelihood(asked, codes), TINY))


def _merged(column: pa.Array, filled: pa.Array, places_: np.ndarray) -> pa.Array:
    """The column with `filled` put at these places; all other cells are taken over as they are."""
    both = pa.chunked_array([column, filled], column.type).unify_dictionaries()
    index = np.arange(len(column))
    index[places_] = len(column) + np.arange(len(filled))
    return _whole(both.take(pa.array(index)))
