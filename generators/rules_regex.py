"""Texts that a regular expression matches: counted, numbered, and written a whole column at a time.

A pattern is parsed by the standard library into an automaton whose states know how many texts lie behind them, so
that a number picks a text: "ranking" (Goldberg, Sipser 1985, Compression and ranking, doi:10.1145/22145.22194).
Two ways of matching one text count once, because the automaton is deterministic.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from generators.rules_regex_net import MAX_LENGTH, Net, Unusable, parsed_pattern
from generators.rules_unique import MOST
from proofset.errors import GeneratorError
from proofset.values import filled

MAX_STATES = 4_000
PREFIXES = 2**44
"""Of a pattern with more texts than fit into 60 bits, at least so many beginnings are told apart."""


class Pattern:
    """A pattern's texts.

    size: how many there are, at most MOST; of larger ones only so many beginnings are told apart.

    Raises Unusable for a pattern that cannot be parsed, is too large, or uses what generating cannot honour.
    """

    def __init__(self, text: str) -> None:
        self.states: list[list[tuple[np.ndarray, int]]] = []
        self.final: list[bool] = []
        self._build(parsed_pattern(text))
        self.longest = self._longest()
        if self.longest > MAX_LENGTH:
            raise Unusable(f"its texts may be longer than {MAX_LENGTH} characters")
        counts = self._counts()
        self.whole = counts[0] <= MOST
        everywhere = range(len(self.states))
        self._shares = _Level(self, counts, everywhere, shares=True)
        if self.whole:
            self.size = counts[0]
            level = _Level(self, counts, everywhere)
            self._levels = [level] * (self.longest + 1)
        else:
            depth = 1
            while (layers := self._prefixes(depth))[-1][0] < PREFIXES:
                depth += 1
            if layers[-1][0] > MOST:  # one more letter of a very large class
                layers.pop()
            self.size = layers[-1][0]
            # Only states that so many letters lead to: behind others may lie more than 64 bits can count.
            self._levels, reached = [], {0}
            for layer in reversed(layers[:-1]):
                self._levels.append(_Level(self, layer, reached))
                reached = {target for state in reached for _, target in self.states[state]}

    def _build(self, items: Any) -> None:
        net = Net()
        first = net.node()
        last = net.add(items, first)
        known = {net.closure([first]): 0}
        order = [net.closure([first])]
        for state in order:
            targets: dict[int, set[int]] = {}
            for node in state:
                move = net.moves[node]
                for letter in move[0] if move else ():
                    targets.setdefault(letter, set()).add(move[1] if move else 0)
            groups: dict[frozenset[int], list[int]] = {}
            for letter in sorted(targets):
                groups.setdefault(frozenset(targets[letter]), []).append(letter)
            edges = []
            for nodes, letters in groups.items():
                reached = net.closure(nodes)
                if reached not in known:
                    if len(known) >= MAX_STATES:
                        raise Unusable("it has too many ways to match")
                    known[reached] = len(known)
                    order.append(reached)
                edges.append((np.array(letters, dtype=np.uint32), known[reached]))
            self.states.append(edges)
            self.final.append(last in state)

    def _backwards(self) -> Iterator[int]:
        """The states, each after those it leads to. Texts end, so there is no circle."""
        done: set[int] = set()
        stack = [(0, False)]
        while stack:
            state, ready = stack.pop()
            if ready:
                yield state
            elif state not in done:
                done.add(state)
                stack.append((state, True))
                stack += [(target, False) for _, target in self.states[state]]

    def _longest(self) -> int:
        longest = [0] * len(self.states)
        for state in self._backwards():
            longest[state] = max((1 + longest[t] for _, t in self.states[state]), default=0)
        return longest[0]

    def _counts(self) -> list[int]:
        """How many texts lie behind each state; of any size."""
        counts = [0] * len(self.states)
        for state in self._backwards():
            counts[state] = int(self.final[state]) + sum(len(c) * counts[t] for c, t in self.states[state])
        return counts

    def _prefixes(self, depth: int) -> list[list[int]]:
        """By number of letters left: how many beginnings of that length, or whole shorter texts, lie behind a state."""
        layers = [[1] * len(self.states)]
        for _ in range(depth):
            before = layers[-1]
            layers.append([
                int(final) + sum(len(c) * before[t] for c, t in edges)
                for final, edges in zip(self.final, self.states, strict=True)
            ])  # fmt: skip
        return layers

    def texts(self, numbers: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return the text at each number in [0, size). `rng` decides what the numbers leave open (never if `whole`)."""
        rows = len(numbers)
        out, state, active = self._begun(rows)
        rank = numbers.astype(np.int64)
        for place, level in enumerate(self._levels):
            if not len(active):
                break
            edge, letters, rank[active] = level.by_rank(state[active], rank[active])
            active = self._step(out, state, active, place, edge, letters)
        self._finish(out, state, active, len(self._levels), rng)
        return _strings(out)

    def random(self, rows: int, rng: np.random.Generator) -> np.ndarray:
        """Return texts, each of all the pattern's equally likely."""
        if self.whole:
            return self.texts(rng.integers(0, self.size, rows), rng)
        out, state, active = self._begun(rows)
        self._finish(out, state, active, 0, rng)
        return _strings(out)

    def _begun(self, rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Letters written, states, and the rows whose text goes on."""
        return np.zeros((rows, max(1, self.longest)), np.uint32), np.zeros(rows, np.int64), np.arange(rows)

    def _finish(
        self, out: np.ndarray, state: np.ndarray, active: np.ndarray, place: int, rng: np.random.Generator
    ) -> None:
        while len(active):
            edge, letters = self._shares.by_share(state[active], rng)
            active = self._step(out, state, active, place, edge, letters)
            place += 1

    def _step(
        self, out: np.ndarray, state: np.ndarray, active: np.ndarray, place: int, edge: np.ndarray, letters: np.ndarray
    ) -> np.ndarray:
        goes_on = edge > 0
        active, edge = active[goes_on], edge[goes_on]
        if len(active):
            out[active, place] = letters[goes_on]
            state[active] = self._shares.target[state[active], edge]
        return active


class _Level:
    """The choices at each state: edge 0 ends the text, the others lead on.

    counts: how many texts lie behind each state once a letter was written; of any size for shares.
    states: those to prepare.  shares: keep each choice's part of its state's texts (for by_share), not their number
    (for by_rank), which must be below 2**63.
    """

    def __init__(self, pattern: Pattern, counts: list[int], states: Iterable[int], *, shares: bool = False) -> None:
        kind = float if shares else np.int64
        width = 1 + max(len(edges) for edges in pattern.states)
        shape = (len(pattern.states), width)
        self.upto = np.zeros(shape, dtype=kind)
        self.behind = np.ones(shape, dtype=kind)
        self.target = np.zeros(shape, dtype=np.int64)
        self.size = np.ones(shape, dtype=np.int64)
        self.start = np.zeros(shape, dtype=np.int64)
        pool: list[np.ndarray] = [np.zeros(1, np.uint32)]
        at = 1
        for s in states:
            edges = pattern.states[s]
            every = int(pattern.final[s]) + sum(len(letters) * counts[target] for letters, target in edges)
            total = int(pattern.final[s])
            self.upto[s, :] = total / every if shares else total
            for e, (letters, target) in enumerate(edges, start=1):
                total += len(letters) * counts[target]
                # Integers of any size divide exactly, where as floats they would overflow.
                self.upto[s, e:] = total / every if shares else total
                self.behind[s, e] = 1 if shares else counts[target]
                self.target[s, e] = target
                self.size[s, e], self.start[s, e] = len(letters), at
                pool.append(letters)
                at += len(letters)
        self.letters = np.concatenate(pool)
        self.single = np.array([len(e) == 1 and not f for e, f in zip(pattern.states, pattern.final, strict=True)])

    def _one_way(self, state: np.ndarray) -> bool:
        """Whether all rows stand at one state which a single edge leaves: so it is along most patterns."""
        return bool(self.single[state[0]] and (state == state[0]).all())

    def by_rank(self, state: np.ndarray, rank: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        if self._one_way(state):
            one = state[0]
            place, rest = np.divmod(rank, self.behind[one, 1])
            return np.ones(len(rank), np.int64), self.letters[self.start[one, 1] + place], rest
        edge = (rank[:, None] >= self.upto[state]).sum(axis=1)
        before = np.where(edge > 0, self.upto[state, edge - 1], 0)
        place, rest = np.divmod(rank - before, self.behind[state, edge])
        return edge, self.letters[self.start[state, edge] + np.where(edge > 0, place, 0)], rest

    def by_share(self, state: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        if self._one_way(state):
            place = rng.integers(0, self.size[state[0], 1], len(state))
            return np.ones(len(state), np.int64), self.letters[self.start[state[0], 1] + place]
        upto = self.upto[state]
        point = rng.random(len(state)) * upto[:, -1]
        edge = (point[:, None] >= upto).sum(axis=1).clip(max=upto.shape[1] - 1)
        within = np.floor(rng.random(len(state)) * self.size[state, edge]).astype(np.int64)
        return edge, self.letters[self.start[state, edge] + within]


def _strings(codes: np.ndarray) -> np.ndarray:
    """Rows of code points, ended by zeros, as texts."""
    return filled(np.ascontiguousarray(codes).view(f"<U{codes.shape[1]}").ravel().tolist())


@lru_cache(maxsize=256)
def _cached(text: str) -> Pattern:
    return Pattern(text)


def pattern_of(name: str, text: str) -> Pattern:
    """The texts of a column's pattern. Raises GeneratorError that names the column and says what is supported."""
    try:
        return _cached(text)
    except (Unusable, KeyError) as error:
        why = str(error) if isinstance(error, Unusable) else "it uses a class that is not supported"
        raise GeneratorError(
            f"Column '{name}': its pattern cannot be used: {why}.",
            fix="Use letters, classes such as [A-Z] or \\d, groups, |, and repetitions such as {3}; no look-around, "
            "back-reference, flag or word boundary.",
        ) from None
