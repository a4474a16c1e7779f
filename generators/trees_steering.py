"""Steered trees: what a spec's steering changes when a block is drawn.

Steered columns come first in the order. Their combinations are listed with their probabilities (trees_lead.py),
weighted once, and drawn from the list; everything else follows from the trees as always. A condition whose
combinations would be too many, or whose column comes later because the model was fitted without it, is met by drawing
from the allowed codes alone; the row's weight is then the probability that was left to them, and rows are resampled by
weight (Rubin 1987, doi:10.1080/01621459.1987.10478461), which is exact as the number of rows drawn grows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import pyarrow as pa

from generators.blocks import Block
from generators.coding_numbers import to_arrow
from generators.tables import TableCodec
from generators.trees_conditions import Column
from generators.trees_encode import Encoder
from generators.trees_forest import Forest
from generators.trees_layout import feature_groups
from generators.trees_lead import Lead, enumerate_lead, gap, parity_margin, rake
from generators.trees_plan import Plan
from generators.trees_requests import Requests
from generators.trees_tilt import Tilted, tilt
from proofset.errors import GeneratorError

POOL = 4
"""Rows drawn for each row wanted, where rows are resampled."""
LEAST_POOL = 8_192
LEAST_EFFECTIVE = 0.1
"""Smallest effective share of the rows drawn; below it a few rows would be repeated too often."""


class Model(Protocol):
    """What steering needs of the learned trees."""

    codec: TableCodec
    order: tuple[int, ...]
    forests: dict[int, Forest]


def make_plan(requests: Requests, model: Model) -> Plan:
    """List and weight the lead; see the module. Raises GeneratorError where something asked for cannot be had."""
    groups = [feature_groups(codec) for codec in model.codec.codecs]
    steered = frozenset(requests.cells)
    # A moved column is drawn by itself, and what comes after it depends on where it moved to.
    stop = min((model.order.index(i) for i in requests.moves), default=len(model.order))
    order = model.order[:stop]
    lead = enumerate_lead(order, steered, requests.cells_of, model.forests, groups)
    late = [i for i in model.order if i in steered and i not in lead.positions]
    names = model.codec.schema.names
    undone = [names[i] for i in late if i in requests.weighted]
    undone += [
        names[i] for i in requests.moves if not _leads(i, model.order, {*lead.positions, *late, *requests.moves})
    ]
    if undone:
        raise GeneratorError(
            f"generator.steer: {', '.join(undone)} cannot be given other shares or values here.",
            why="Too many columns, or too many of their values, are drawn before them.",
            fix="Declare it in the spec and fit again: steered columns are then drawn first. Or steer fewer at once.",
        )
    total = float(lead.p.sum())
    if not total > 0:
        raise GeneratorError(
            "generator.steer.where: no row can meet all conditions together.",
            why="Each is met by some rows, but not all of them by the same row.",
            fix="Leave one of them out, or widen it.",
        )
    before = lead.p / total
    after = _weighted(requests, lead, before, names)
    lead = Lead(lead.positions, lead.cells, lead.combos, after)
    plan = Plan(requests.steering, lead, {i: requests.cells[i] for i in late}, dict(requests.moves))
    effective, left = 1.0, 1.0
    if late:
        pilot = Sampler(model, plan)
        _, effective, left = pilot.rows(Block(0, 0, LEAST_POOL, 0), pilot=True)
    plan.report.update(_report(requests, lead, before, names))
    plan.report.update({"where.share": total * left, "where.effective": effective})
    return plan


def _leads(position: int, order: Sequence[int], others: set[int]) -> bool:
    """Whether only `others` are drawn before `position`."""
    return set(order[: order.index(position)]) <= others


def _weighted(requests: Requests, lead: Lead, p: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """The combinations' probabilities with the shares and the parity asked for."""
    margins = []
    for margin in requests.margins:
        index = margin.index[lead.combos[:, lead.positions.index(margin.position)]]
        margins.append((index, margin.target(np.bincount(index, weights=p, minlength=len(margin.shares)))))
    weighted = rake(p, margins)
    parity = requests.steering.parity
    if parity is None:
        return weighted
    outcome, group, *given = (names.index(n) for n in (parity.outcome, parity.group, *parity.given))
    margins.append(parity_margin(lead, weighted, outcome, group, given, parity.strength))
    return rake(weighted, margins)


def _report(requests: Requests, lead: Lead, before: np.ndarray, names: Sequence[str]) -> dict[str, float]:
    figures = {"combinations": float(len(lead.p)), "moved": float(np.abs(lead.p - before).sum() / 2)}
    parity = requests.steering.parity
    if parity is not None:
        outcome, group, *given = (names.index(n) for n in (parity.outcome, parity.group, *parity.given))
        figures["parity.gap.before"] = gap(lead, before, outcome, group, given)
        figures["parity.gap.after"] = gap(lead, lead.p, outcome, group, given)
    return figures


class Sampler:
    """Draws blocks of a model under a plan. Made once, then only read, so that blocks may be drawn on threads."""

    def __init__(self, model: Model, plan: Plan) -> None:
        self.model = model
        self.plan = plan
        codec = model.codec
        self.columns = [Column(f.name, c, f.type) for f, c in zip(codec.schema, codec.codecs, strict=True)]
        self.groups = [feature_groups(c) for c in codec.codecs]
        self.upto = np.cumsum(plan.lead.p)
        self.tilted: dict[int, Tilted] = {}
        self.cell_of: dict[int, np.ndarray] = {}
        for position, cells in plan.later.items():
            weights = cells.weights(codec.codecs[position].codes)
            self.tilted[position] = tilt(model.forests[position], weights, codec.codecs[position].weights)
            self.cell_of[position] = np.zeros(len(weights), np.int64)
            self.cell_of[position][cells.code] = np.arange(len(cells))
        names = codec.schema.names
        self.wanted = {
            names.index(n): self.columns[names.index(n)].wanted(c, n) for n, c in plan.steering.where.items()
        }
        self.encoders = {i: Encoder(self.columns[i]) for i in plan.moves}
        self.last = max((model.order.index(i) for i in plan.later), default=-1)

    def draw(self, block: Block) -> pa.Table:
        """Draw a block. Raises GeneratorError where too few of its rows are effective."""
        drawn, _, _ = self.rows(block)
        arrays = []
        for position, column in enumerate(self.columns):
            if position in self.plan.moves:
                arrays.append(to_arrow(drawn.values[position], drawn.missing[position], column.kind))
                continue
            share = block.stream("decode", column.name).random(block.rows)
            cells = self.plan.lead.cells.get(position) or self.plan.later.get(position)
            share = share if cells is None else cells.place(drawn.cells[position], share)
            array = column.codec.at(drawn.codes[position], share, column.kind)
            if position in self.wanted:
                array = self._held(position, array, drawn, share)
            arrays.append(array)
        return pa.table(arrays, schema=self.model.codec.schema)

    def _held(self, position: int, array: pa.Array, drawn: Rows, share: np.ndarray) -> pa.Array:
        """The column with values beyond a bound put to the start of their cell's first span, which is within: floats
        between two knots may pass the second by their last bit."""
        column = self.columns[position]
        beyond = np.flatnonzero(~self.wanted[position].holds(*column.read(array)))
        if not len(beyond):
            return array
        cells = self.plan.lead.cells.get(position) or self.plan.later[position]
        share[beyond] = cells.start[cells.first[drawn.cells[position][beyond]]]
        return column.codec.at(drawn.codes[position], share, column.kind)

    def rows(self, block: Block, *, pilot: bool = False) -> tuple[Rows, float, float]:
        """Return a block's codes, the effective share of the rows drawn, and the mean probability of what is allowed.

        pilot: stop after the last condition.
        """
        many = max(POOL * block.rows, LEAST_POOL) if self.plan.later else block.rows
        rows = Rows(np.zeros((len(self.columns), many), np.uint8))
        rng = block.stream("steer", "lead")
        chosen = np.searchsorted(self.upto, rng.random(many) * self.upto[-1], side="right").clip(0, len(self.upto) - 1)
        for i, position in enumerate(self.plan.lead.positions):
            cell = self.plan.lead.combos[chosen, i].astype(np.int64)
            rows.cells[position] = cell
            self._put(rows, position, self.plan.lead.cells[position].code[cell])
        weight, effective, left = np.ones(many), 1.0, 1.0
        for place, position in enumerate(self.model.order):
            if position in rows.codes:
                continue
            self._next(rows, position, block, weight)
            if place == self.last:
                left = float(weight.mean())
                effective = float(weight.sum() ** 2 / max((weight**2).sum(), 1e-300) / many)
                if effective < LEAST_EFFECTIVE:
                    raise _too_few(effective)
                if pilot:
                    break
                rows.take(_resampled(weight, block))
                weight = np.ones(block.rows)
        return rows, effective, left

    def _next(self, rows: Rows, position: int, block: Block, weight: np.ndarray) -> None:
        """Draw one column for all rows."""
        name = self.columns[position].name
        chance = block.stream("trees", name).random((rows.features.shape[1], 3), dtype=np.float32)
        if position in self.plan.later:
            codes, mass = self.tilted[position].draw(rows.features, chance)
            weight *= mass
            rows.cells[position] = self.cell_of[position][codes]
            self._put(rows, position, codes)
            return
        codes = self.model.forests[position].draw(rows.features, chance)
        if position not in self.plan.moves:
            self._put(rows, position, codes)
            return
        rng = block.stream("steer", name)
        values, missing = self.columns[position].values(codes, rng.random(len(codes)))
        moved = np.where(missing, values, self.plan.moves[position].apply(values, rng.random(len(codes))))
        rows.values[position], rows.missing[position] = moved, missing
        self._put(rows, position, self.encoders[position].encode(moved, missing))

    def _put(self, rows: Rows, position: int, codes: np.ndarray) -> None:
        rows.codes[position] = codes
        rows.features[position] = self.groups[position][codes]


class Rows:
    """Rows while they are drawn, by the column's position: codes, cells, moved values, and features."""

    def __init__(self, features: np.ndarray) -> None:
        self.features = features
        self.codes: dict[int, np.ndarray] = {}
        self.cells: dict[int, np.ndarray] = {}
        self.values: dict[int, np.ndarray] = {}
        self.missing: dict[int, np.ndarray] = {}

    def take(self, rows: np.ndarray) -> None:
        """Keep these rows, in this order."""
        for held in (self.codes, self.cells, self.values, self.missing):
            for position in held:
                held[position] = held[position][rows]
        self.features = np.ascontiguousarray(self.features[:, rows])


def _resampled(weight: np.ndarray, block: Block) -> np.ndarray:
    """Rows drawn by weight with as few repeats as possible (systematic resampling), shuffled."""
    rng = block.stream("steer", "resample")
    steps = (np.arange(block.rows) + rng.random()) / block.rows
    upto = np.cumsum(weight)
    return rng.permutation(np.searchsorted(upto, steps * upto[-1], side="right").clip(0, len(weight) - 1))


def _too_few(effective: float) -> GeneratorError:
    return GeneratorError(
        f"generator.steer.where: only {effective:.1%} of the rows drawn count, too few to stand for the others.",
        why="The model draws other columns before the conditioned ones, and they rarely agree with the conditions.",
        fix="Declare the conditions in the spec and fit again, so that these columns are drawn first.",
    )
