"""What a measure family is: cards that say what is measured, and a function from a context to observations.

A family never raises out of scoring: `observe` turns an exception into measures with status "error" whose detail
is the exception's type alone, because its message may quote data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar, cast

import numpy as np
import pyarrow as pa

from proofset.codes import Encoded, encode, modelled
from proofset.evidence import MAX_PARTS, Direction, Measure, Profile, Share
from proofset.progress import Progress, silent
from proofset.seeds import stream
from proofset.spec import TableSpec
from quality.canary_rows import Canaries
from quality.stats import Estimate

T = TypeVar("T")


class UnsupportedError(Exception):
    """The measure has no meaning on this table; the message says why and quotes no value."""


class InconclusiveError(Exception):
    """The measure has a meaning, but this table does not let it be found out: too few rows, or an attack that missed
    the leak planted for it. The message says why and quotes no value."""


@dataclass(frozen=True)
class MeasureCard:
    """What a measure is, before it is measured.

    direction: which way is better.  floor, ceiling: the range it can take.  unit: of the value.
    method: how it is computed and its interval's kind, one line.  paper: author, year, DOI.
    gates: False for a warning, which no policy may ask for.
    """

    name: str
    title: str
    direction: Direction
    method: str
    paper: str
    floor: float = 0.0
    ceiling: float = 1.0
    unit: str = "share"
    gates: bool = True

    def ok(
        self,
        estimate: Estimate,
        reference: Estimate | None,
        detail: str = "",
        *,
        parts: Iterable[Share] = (),
        sampled: str = "",
    ) -> Measure:
        """The measure with its value, its interval and, where there is one, its reference on the holdout.

        parts: by column, pair, group or class; the worst MAX_PARTS are kept, worst first.
        sampled: where it rests on a random part of the rows, how many of how many, and the name of the seed.
        """
        value, low, high = estimate.within(self.floor, self.ceiling)
        found = list(parts)
        about = reference.within(self.floor, self.ceiling) if reference else (None, None, None)
        return self._measure(
            estimate.n,
            value=value,
            low=low,
            high=high,
            reference=about[0],
            reference_low=about[1],
            reference_high=about[2],
            detail=detail,
            sampled=sampled,
            parts=self._worst(found),
            parts_count=len(found),
        )

    def inconclusive(self, why: str, n: int = 0) -> Measure:
        """The measure where it has a meaning, but this table does not let it be found out."""
        return self._measure(n, status="inconclusive", detail=why)

    def unsupported(self, why: str) -> Measure:
        """The measure where it has no meaning."""
        return self._measure(0, status="unsupported", detail=why)

    def error(self, detail: str) -> Measure:
        """The measure where measuring failed."""
        return self._measure(0, status="error", detail=detail)

    def _worst(self, parts: Iterable[Share]) -> tuple[Share, ...]:
        sign = -1 if self.direction is Direction.LOWER else 1
        return tuple(sorted(parts, key=lambda p: (sign * p.value, p.part))[:MAX_PARTS])

    def _measure(self, n: int, **given: object) -> Measure:
        return Measure.model_validate(
            {
                "name": self.name,
                "title": self.title,
                "direction": self.direction,
                "floor": self.floor,
                "ceiling": self.ceiling,
                "method": self.method,
                "paper": self.paper,
                "unit": self.unit,
                "gates": self.gates,
                "n": n,
                **given,
            }
        )


@dataclass(frozen=True)
class Beside:
    """Another live release of the same source, which somebody may hold together with the table.

    digest: of its synthetic table.  table: None where it is lost.  train, rest: the rows of its source that it was made
    from, and the others; None where nobody can say.
    """

    digest: str
    table: pa.Table | None
    train: pa.Table | None
    rest: pa.Table | None


@dataclass(frozen=True)
class Context:
    """Everything a family may look at. Columns whose treatment is not `model` are left out of `encoded`.

    table: what the spec declares of it; how it is measured is in `table.quality`.  seed: the dataset's seed.
    workers: threads a family may use; no value depends on their number.  canaries: invented rows, where a model was
    trained with them.  progress: told by long families how far they are, 0 to 1.  others: the other live releases of
    the source.
    """

    train: pa.Table
    holdout: pa.Table
    synthetic: pa.Table
    profile: Profile
    table: TableSpec
    seed: int
    workers: int = 2
    canaries: Canaries | None = None
    progress: Progress = field(default=silent, repr=False, compare=False)
    others: tuple[Beside, ...] = ()
    _memo: dict[str, object] = field(default_factory=dict, repr=False, compare=False)

    @property
    def target(self) -> str | None:
        """The column a model would predict, or None."""
        return self.table.target

    @cached_property
    def encoded(self) -> Encoded:
        """The modelled columns of the three tables in one coding; made on first use.

        Raises InconclusiveError where a table has a modelled column not, twice, or as another type.
        """
        for name, table in (("train", self.train), ("holdout", self.holdout), ("synthetic", self.synthetic)):
            _require_columns(name, table, self.train.schema, [c.name for c in modelled(self.profile, self.train)])
        return encode(self.train, self.holdout, self.synthetic, self.profile, self.workers)

    def rng(self, *names: str | int) -> np.random.Generator:
        """The random stream of one family; independent of the order in which families run."""
        return stream(self.seed, "quality", *names)

    def once(self, key: str, make: Callable[[], T]) -> T:
        """What `make` returns; made on first use and shared by the families that ask for the same key."""
        if key not in self._memo:
            self._memo[key] = make()
        return cast("T", self._memo[key])


def column_of(table: pa.Table, name: str) -> pa.ChunkedArray:
    """The column of this name. Raises InconclusiveError where there is none, or more than one."""
    places = table.schema.get_all_field_indices(name)
    if len(places) != 1:
        how = "is missing" if not places else f"is there {len(places)} times"
        raise InconclusiveError(f"column '{name}' {how}")
    return table.column(places[0])


def _require_columns(name: str, table: pa.Table, schema: pa.Schema, columns: list[str]) -> None:
    for column in columns:
        places = table.schema.get_all_field_indices(column)
        if len(places) != 1:
            how = "is missing" if not places else f"is there {len(places)} times"
            raise InconclusiveError(f"column '{column}' of the {name} table {how}")
        own, wanted = table.schema.field(places[0]).type, schema.field(column).type
        if own != wanted:
            try:
                table.column(places[0]).cast(wanted)
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
                why = f"column '{column}' of the {name} table is {own}, and not every value reads as {wanted}"
                raise InconclusiveError(why) from None


@dataclass(frozen=True)
class Observed:
    """What a family found: a measure for each of its cards."""

    measures: tuple[Measure, ...]


@dataclass(frozen=True)
class Family:
    """A family of measures.

    cards: one per measure that `measure` returns.
    measure: Context -> Observed. It may raise UnsupportedError, InconclusiveError or anything else; see `observe`.
    """

    name: str
    cards: tuple[MeasureCard, ...]
    measure: Callable[[Context], Observed]

    def observe(self, context: Context) -> Observed:
        """Measure; where that fails, return every measure of the family with its status and no value."""
        try:
            return self.measure(context)
        except UnsupportedError as error:
            return Observed(tuple(card.unsupported(str(error)) for card in self.cards))
        except InconclusiveError as error:
            return Observed(tuple(card.inconclusive(str(error)) for card in self.cards))
        except Exception as error:  # noqa: BLE001 - one family's failure must not hide what the others find
            return Observed(tuple(card.error(type(error).__name__) for card in self.cards))
