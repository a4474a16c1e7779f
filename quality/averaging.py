"""Averaging: what several versions of a record show together that none of them shows alone.

A generator that hides a training row behind noise of its own in every release hides it ever worse: the mean of k
versions has 1/k of the noise's variance. Somebody who holds the releases and a person's row has these attacks:

nearest of each     how near the person's row is to its nearest row in each release, on average over the releases
averaged            how near it is to the average of these nearest rows
row by row          how near it is to a row of the table of averages, where all releases have as many rows and the
                    first row of one is taken for a version of the first row of the next

each as it is, and against how far the person is from rows that nobody trained on ("for its place"), as the density
ratio of `quality.membership_scores`. Numbers and times are averaged as values, nulls left out; of categories the most
frequent counts, of equally frequent ones that of the first release.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from proofset.codes import Column, Kind, Part
from quality.membership_scores import SMALL, Crowd, Pair, Scores
from quality.neighbours import Boxes, Places, Rows, how_near, nearest, space
from quality.stats import Floats


def averaged(columns: Sequence[Column], part: Part, versions: Sequence[Places]) -> Rows:
    """Averages of rows in the space of ranks. versions: places of rows of `part`, one array for each release."""
    made = []
    for column in columns:
        values = np.stack([column.values[part][rows] for rows in versions])
        middle = _mode(values) if column.kind == Kind.CATEGORY else _mean(values)
        few = column.values["holdout"][:0]
        made.append(
            Column(column.name, column.kind, {"train": column.values["train"], "holdout": few, "synthetic": middle})
        )
    return space(tuple(made), "rank").rows["synthetic"]


def _mean(values: Floats) -> Floats:
    """Mean over the first axis without nulls; null where more than half are."""
    known = ~np.isnan(values)
    count = known.sum(axis=0)
    with np.errstate(invalid="ignore"):  # infinities of both signs have no mean
        mean = np.where(known, values / np.maximum(count, 1), 0.0).sum(axis=0)  # divided first: doubles have an end
    return np.where(2 * count >= len(values), mean, np.nan)


def _mode(values: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """The most frequent code along the first axis; of equally frequent ones the first."""
    votes = np.stack([(values == own).sum(axis=0) for own in values])
    return np.asarray(np.take_along_axis(values, votes.argmax(axis=0)[None], axis=0)[0])


def apart(one: Rows, other: Rows) -> Floats:
    """The distance of each row of one to the row of the other at the same place, in columns."""
    gap = np.minimum(np.abs(one.values.astype(np.int64) - other.values), one.step)
    gap[one.ordered :] = np.where(gap[one.ordered :] > 0, one.step, 0)
    return np.asarray(gap.sum(axis=0) / one.step, dtype=np.float64)


def scores(
    crowd: Crowd,
    part: Part,
    releases: Sequence[Places],
    orders: Sequence[Places] | None,
    planted: Places,
    isolation: Pair,
) -> Scores:
    """What each attacker says of members and others.

    Parameters
    ----------
    releases: places of each release's rows in `part`, shuffled, as ties go to the first.
    orders: the same as they were published; None where they are not equally many.
    planted: of the members, those whose very rows are in every release.
    isolation: of members and others, see `Crowd.isolation`.
    """
    sides = [_distances(crowd, part, releases, orders, asked) for asked in crowd.asked]
    if len(planted):
        leaked = crowd.near("train", crowd.members[planted])
        sides = [{n: np.minimum(d, leak) for n, d in own.items()} for own, leak in zip(sides, leaked, strict=True)]
    inside, outside = (dict(_scored(own, far)) for own, far in zip(sides, isolation, strict=True))
    return Scores(inside, outside)


def _scored(distances: dict[str, Floats], far: Floats) -> Iterator[tuple[str, Floats]]:
    for name, near in distances.items():
        yield name, -near
        yield f"{name}, for its place", np.log((far + SMALL) / (near + SMALL))


def _distances(
    crowd: Crowd, part: Part, releases: Sequence[Places], orders: Sequence[Places] | None, asked: Rows
) -> dict[str, Floats]:
    among = crowd.where.rows[part]
    found = [nearest(asked, Boxes.of(among.taken(rows)), 1, crowd.workers) for rows in releases]
    places = [rows[near.place[:, 0]] for rows, near in zip(releases, found, strict=True)]
    made = {
        "nearest of each": np.mean([near.distance[:, 0] / among.step for near in found], axis=0),
        "averaged": apart(asked, averaged(crowd.columns, part, places)),
    }
    if orders is not None:
        made["row by row"] = how_near(asked, averaged(crowd.columns, part, orders), crowd.workers)
    return made
