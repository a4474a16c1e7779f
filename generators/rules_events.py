"""Event logs: entities that move from state to state in time.

Every block simulates entities of its own, numbered from the block's first row, and ends with the one that is under
way when the block is full: its log stops early, as one that is still running does. So blocks stay independent, and a
table has exactly the rows asked for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from generators.blocks import Block
from generators.rules_draw import Cells, Drawer, delays, drawer_of
from generators.rules_numbers import shares
from proofset.rules_table import Events
from proofset.values import Values, filled

FINAL = -1
BATCH = 4_096


@dataclass(frozen=True)
class Walk:
    """The states that the rows of a block go through.

    states: a state's place per row.  lengths: rows per entity, all at least 1; they sum to the block's rows.
    """

    states: np.ndarray
    lengths: np.ndarray

    @property
    def first(self) -> np.ndarray:
        """The row at which each entity begins."""
        starts: np.ndarray = np.cumsum(self.lengths) - self.lengths
        return starts


class Machine:
    """The state machine of a table's events. Raises GeneratorError for a delay that cannot work."""

    def __init__(self, events: Events) -> None:
        self.events = events
        named = [*events.start, *events.moves, *(n for moves in events.moves.values() for n in moves)]
        self.names = sorted(set(named))
        at = {name: i for i, name in enumerate(self.names)}
        self.start = _cumulated({at[n]: w for n, w in events.start.items()}, len(at))
        self.moves = np.array(
            [_cumulated({at[m]: w for m, w in events.moves.get(n, {}).items()}, len(at)) for n in self.names]
        )
        self.final = np.array([not events.moves.get(name) for name in self.names])
        self.delays: dict[str, Drawer] = {n: drawer_of(events.at, rule) for n, rule in events.delay.items()}

    @property
    def columns(self) -> frozenset[str]:
        """The columns the delays need; they must be drawn per entity."""
        return frozenset(c for drawer in self.delays.values() for c in drawer.columns)

    def walk(self, block: Block) -> Walk:
        """Simulate entities until the block is full."""
        rng = block.stream("rules", "events")
        states: list[np.ndarray] = []
        lengths: list[np.ndarray] = []
        rows = 0
        while rows < block.rows:
            walked, counts = self._batch(min(BATCH, block.rows - rows), rng)
            states.append(walked)
            lengths.append(counts)
            rows += int(counts.sum())
        every, counts = np.concatenate(states)[: block.rows], np.concatenate(lengths)
        upto = np.minimum(np.cumsum(counts), block.rows)
        counts = np.diff(upto, prepend=0)
        return Walk(every, counts[counts > 0])

    def _batch(self, entities: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """The states of whole entities, one entity after the other, and how many each has."""
        now = np.searchsorted(self.start, shares(rng, entities), side="right")
        steps = [now]
        for _ in range(self.events.max_events - 1):
            going = (now != FINAL) & ~self.final[now]
            if not going.any():
                break
            u = shares(rng, entities)
            after = (u[:, None] >= self.moves[now]).sum(axis=1)
            now = np.where(going, after, FINAL)
            steps.append(now)
        table = np.stack(steps, axis=1)
        return table[table != FINAL], (table != FINAL).sum(axis=1)

    def states(self, walk: Walk) -> Values:
        """The name of every row's state."""
        return Values(filled(self.names)[walk.states], np.zeros(len(walk.states), bool))

    def times(self, walk: Walk, starts: Values, cells: Cells) -> Values:
        """Every row's time. starts: the first event's, per row.  cells: the rows, with the columns delays need."""
        seconds = np.zeros(cells.rows, dtype=np.int64)
        left = np.concatenate([[0], walk.states[:-1]])
        later = np.ones(cells.rows, bool)
        later[walk.first] = False
        own = [n for n in self.names if n in self.delays]
        for name in [*own, *(["default"] if "default" in self.delays else [])]:
            which = left == self.names.index(name) if name in self.names else ~np.isin(left, self._places(own))
            rows = np.flatnonzero(later & which)
            drawer = self.delays[name]
            drawn = drawer.draw(cells.take(rows, drawer.columns), (self.events.at, "delay", name))
            seconds[rows] = delays(self.events.at, drawn, self.events.unit)[0]
        total = np.cumsum(seconds)
        since = total - np.repeat(total[walk.first], walk.lengths)
        return Values(starts.data + since.astype("timedelta64[s]"), starts.missing)

    def _places(self, names: list[str]) -> list[int]:
        return [self.names.index(n) for n in names]


def _cumulated(weights: dict[int, float], size: int) -> np.ndarray:
    """Cumulated probabilities over all states; a state without weight is never picked, nor is one behind the last."""
    every = np.zeros(size)
    for place, weight in weights.items():
        every[place] = weight
    if every.sum() == 0.0:
        return np.ones(size)
    upto = np.cumsum(every / every.sum())
    upto[np.flatnonzero(every)[-1] :] = 1.0
    return upto
