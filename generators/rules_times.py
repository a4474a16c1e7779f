"""Times: marginals of moments and days, by hours of the day and days of the week."""

from __future__ import annotations

import datetime
from collections.abc import Callable

import numpy as np

from proofset.errors import GeneratorError
from proofset.rules import DateRule, DatetimeRule, Weekday

DAY = 86_400
WEEK: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MOST_DAYS = 200_000

Quantile = Callable[[np.ndarray], np.ndarray]


def moment(name: str, text: str) -> np.datetime64:
    """The moment an ISO date names, to the second. Raises GeneratorError that names the column."""
    try:
        read = datetime.datetime.fromisoformat(text).replace(tzinfo=None, microsecond=0)
    except ValueError:
        raise GeneratorError(
            f"Column '{name}': its rule holds a date that is none.", fix='Write ISO dates, such as "2024-01-31".'
        ) from None
    return np.datetime64(read, "s")


def _span(name: str, rule: DatetimeRule | DateRule) -> tuple[int, int]:
    start, end = (int(moment(name, t).astype(np.int64)) for t in (rule.start, rule.end))
    if start > end:
        raise GeneratorError(f"Column '{name}': its rule ends before it starts.", fix="Exchange start and end.")
    return start, end


def _weights(name: str, days: np.ndarray, weekdays: dict[Weekday, float] | None) -> np.ndarray:
    if len(days) > MOST_DAYS:
        raise GeneratorError(
            f"Column '{name}': its rule spans {len(days)} days; hours and weekdays work for at most {MOST_DAYS}.",
            fix="Shorten it, or leave hours and weekdays out.",
        )
    if weekdays is None:
        return np.ones(len(days))
    return np.asarray([weekdays.get(day, 0.0) for day in WEEK], dtype=float).take((days + 3) % 7)


def _pick(name: str, weights: np.ndarray) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """From shares to the place of a weighted entry and the share within it."""
    if weights.sum() <= 0:
        raise GeneratorError(
            f"Column '{name}': its rule leaves no day to draw.",
            why="No moment between start and end lies in the hours and on the weekdays it names.",
            fix=f"Correct tables.*.columns.{name}.rule.",
        )
    cumulated = np.concatenate([[0.0], np.cumsum(weights / weights.sum())])

    def pick(u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        place = (np.searchsorted(cumulated, u, side="right") - 1).clip(0, np.flatnonzero(weights)[-1])
        width = cumulated[place + 1] - cumulated[place]
        return place, ((u - cumulated[place]) / width).clip(0.0, np.nextafter(1.0, 0.0))

    return pick


def time_marginal(name: str, rule: DatetimeRule) -> Quantile:
    """From shares to moments of whole seconds, both ends included. Raises GeneratorError that names the column."""
    start, end = _span(name, rule)
    if rule.hours is None and rule.weekdays is None:
        return lambda u: _moments(start + np.floor(u * (end - start + 1)).clip(max=end - start))
    days = np.arange(start // DAY, end // DAY + 1)
    weights = _weights(name, days, rule.weekdays)
    hours = rule.hours or (0.0, 24.0)
    first = np.maximum(start, days * DAY + round(hours[0] * 3_600))
    last = np.minimum(end + 1, days * DAY + round(hours[1] * 3_600))
    seconds = (last - first).clip(min=0)
    pick = _pick(name, weights * seconds)

    def quantile(u: np.ndarray) -> np.ndarray:
        place, within = pick(u)
        return _moments(first[place] + np.floor(within * seconds[place]))

    return quantile


def day_marginal(name: str, rule: DateRule) -> Quantile:
    """From shares to days, both ends included, as moments at midnight. Raises GeneratorError."""
    start, end = (seconds // DAY for seconds in _span(name, rule))
    if rule.weekdays is None:
        return lambda u: _moments((start + np.floor(u * (end - start + 1)).clip(max=end - start)) * DAY)
    days = np.arange(start, end + 1)
    pick = _pick(name, _weights(name, days, rule.weekdays))
    return lambda u: _moments(days[pick(u)[0]] * DAY)


def _moments(seconds: np.ndarray) -> np.ndarray:
    return seconds.astype(np.int64).astype("datetime64[s]").astype("datetime64[us]")
