"""The union: the attacks run again on all live releases of a source together, as somebody holds them who has them all.

What one table hides, several may show. So the families of attacks that a table meets alone run once more, with the
rows of all releases, one after the other, in the synthetic table's place; and their versions of a record are averaged
(`quality.averaging`). Only columns that all releases have and that are modelled are looked at.

Who is a member: a person whose row any of the releases was made from. Another release may have been made from rows that
are this one's holdout; those are no control for the union, and count as members.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from proofset.codes import encode, modelled
from proofset.evidence import Direction, Measure
from proofset.policy_union import AVERAGED, UNITED
from quality import copies, disclosure, inference, linkability, membership, singling_out
from quality.attacks import PLANTED
from quality.averaging import scores
from quality.base import Context, Family, InconclusiveError, MeasureCard, Observed, UnsupportedError
from quality.copies import row_numbers
from quality.membership import Told

AGAIN = (
    copies.FAMILY, membership.FAMILY, singling_out.FAMILY, linkability.FAMILY, inference.FAMILY, disclosure.FAMILY,
)  # fmt: skip
"""The families that run again."""
_ABOUT = "Of all live releases of the source together: "

AVERAGE = MeasureCard(
    AVERAGED,
    "Membership told by averaging the live releases (AUC)",
    Direction.LOWER,
    "AUC of telling rows that any live release was made from from holdout rows, by the strongest of six attackers that"
    " combine each person's nearest rows in all releases or average the releases row by row, chosen on one half of the"
    " persons, measured on the other; 0.5 is perfect; DeLong interval",
    "Dwork, Smith, Steinke, Ullman 2017, doi:10.1146/annurev-statistics-060116-054123",
)


def _again(card: MeasureCard) -> MeasureCard:
    """The card of the same measure of the union."""
    return replace(
        card, name=UNITED[card.name], title=f"{card.title}, all live releases together", method=_ABOUT + card.method
    )


def _measure(context: Context) -> Observed:
    if not context.others:
        raise UnsupportedError("no other release of the source is live")
    shared = pooled(context)
    told = f"with {len(context.others)} other live {'release' if len(context.others) == 1 else 'releases'}"
    measures = [_renamed(m) for family in AGAIN for m in family.observe(shared).measures]
    average = Family("averaging", (AVERAGE,), lambda c: _averaged(c, _sizes(context)))
    measures += average.observe(shared).measures
    return Observed(tuple(_noted(m, told) for m in measures))


def _renamed(measure: Measure) -> Measure:
    return measure.model_copy(
        update={
            "name": UNITED[measure.name],
            "title": f"{measure.title}, all live releases together",
            "method": _ABOUT + measure.method,
        }
    )


def _noted(measure: Measure, told: str) -> Measure:
    return measure.model_copy(update={"detail": f"{told}; {measure.detail}" if measure.detail else told})


def _sizes(context: Context) -> list[int]:
    return [context.synthetic.num_rows, *(o.table.num_rows for o in context.others if o.table is not None)]


def pooled(context: Context) -> Context:
    """The context in which all releases together are the synthetic table, this one's rows first.

    Raises InconclusiveError where a release is lost, fits no column, or was made from rows that nobody can name.
    """
    lost = [o.digest[:12] for o in context.others if o.table is None]
    if lost:
        raise InconclusiveError(
            f"the live release with the table {', '.join(lost)} is lost, so that nobody can attack it"
        )
    tables = [context.synthetic, *(o.table for o in context.others)]
    kinds = {c.name: context.train.schema.field(c.name).type for c in modelled(context.profile, context.train)}
    names = [n for n in kinds if all(len(t.schema.get_all_field_indices(n)) == 1 for t in tables)]
    if len(names) < 2:
        raise InconclusiveError("the live releases share fewer than two modelled columns")
    train, holdout = divided(context)
    return replace(
        context,
        train=train.select(names),
        holdout=holdout.select(names),
        synthetic=pa.concat_tables([_cast(t, {n: kinds[n] for n in names}) for t in tables]),
        canaries=None,
        others=(),
        _memo={},
    )


def _cast(table: pa.Table, kinds: dict[str, pa.DataType]) -> pa.Table:
    made = {}
    for name, kind in kinds.items():
        column = table.column(name)
        try:
            made[name] = column if column.type == kind else column.cast(kind)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            raise InconclusiveError(
                f"column '{name}' is {column.type} in a live release, and not every value reads as {kind}"
            ) from None
    return pa.table(made)


def divided(context: Context) -> tuple[pa.Table, pa.Table]:
    """Rows that any of the releases was made from, and holdout rows that none was.

    Rows are recognised by their modelled values. Of a value that another release's source holds t times among the rows
    it was made from and o times among the others, each holdout row counts as a member with the probability t / (t + o).

    Raises InconclusiveError where nobody can say what a release was made from.
    """
    seen = np.zeros(context.holdout.num_rows, bool)
    known = [context.train]
    for other in context.others:
        if other.train is None or other.rest is None:
            why = f"the rows that the live table {other.digest[:12]} was made from are not in this workspace"
            raise InconclusiveError(f"{why}, so that no control is known to be one")
        if not any(other.train.equals(train) for train in known):
            known.append(other.train)
            draws = context.rng("union", "divide", other.digest).random(len(seen))
            seen |= draws < _chance(context, other.train, other.rest, other.digest)
    moved, kept = context.holdout.filter(pa.array(seen)), context.holdout.filter(pa.array(~seen))
    return pa.concat_tables([context.train, moved]) if seen.any() else context.train, kept


def _chance(context: Context, train: pa.Table, rest: pa.Table, digest: str) -> npt.NDArray[np.float64]:
    """For each holdout row the probability that another release was made from it."""
    names = [c.name for c in modelled(context.profile, context.train)]
    try:
        first, held, last = (t.select(names) for t in (train, context.holdout, rest))
        found = row_numbers(encode(first, held, last, context.profile, context.workers))
    except (KeyError, pa.ArrowInvalid, pa.ArrowNotImplementedError):
        why = f"the live table {digest[:12]} was made from other columns"
        raise InconclusiveError(f"{why}, so that its rows cannot be told from the holdout's") from None
    size = 1 + max(int(n.max(initial=0)) for n in found.values())
    used, free = np.bincount(found["train"], minlength=size), np.bincount(found["synthetic"], minlength=size)
    own = found["holdout"]
    return np.asarray(used[own] / np.maximum(used[own] + free[own], 1), dtype=np.float64)


def _averaged(shared: Context, sizes: Sequence[int]) -> Observed:
    """The attackers that average. sizes: rows of each release, in the order in which they are pooled."""
    if min(sizes) == 0:
        raise InconclusiveError("a live release has no rows")
    rng = shared.rng("union")
    crowd, stand_in = membership.crowd_of(shared, rng)
    if len(stand_in) < len(sizes):
        raise InconclusiveError("too few holdout rows to stand in for the releases")
    isolation = crowd.isolation()
    planted = rng.permutation(len(crowd.members))[: max(1, round(PLANTED * len(crowd.members)))]
    ends = np.cumsum([0, *sizes])
    orders = [np.arange(start, end) for start, end in pairwise(ends)]
    releases = [rng.permutation(rows) for rows in orders]
    each = len(stand_in) // len(sizes)
    others = [stand_in[i * each : (i + 1) * each] for i in range(len(sizes))]
    alike, nobody = len(set(sizes)) == 1, planted[:0]
    told = Told(
        scores(crowd, "synthetic", releases, orders if alike else None, nobody, isolation),
        scores(crowd, "synthetic", releases, orders if alike else None, planted, isolation),
        scores(crowd, "holdout", others, others if alike else None, nobody, isolation),
    )
    rows = shared.encoded.rows
    sampled = f"{len(crowd.members):,} of {rows['train']:,} training and of {rows['holdout']:,} holdout rows"
    return Observed((told.auc(AVERAGE, f"{sampled}, seed quality/union"),))


def cards() -> Iterator[MeasureCard]:
    """Every measure of a union."""
    yield AVERAGE
    yield from (_again(card) for family in AGAIN for card in family.cards)


FAMILY = Family("union", tuple(cards()), _measure)
