"""Fake columns: values that never saw the source, for columns that could name a person.

A fake column is planned from the spec, the profile and the Arrow type, never from values. Only three numbers of the
profile go into a plan: the share of nulls, whether values are unique, and how many distinct ones there are per row.
"""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from pydantic import Field

from proofset.errors import GeneratorError, MissingExtraError, did_you_mean
from proofset.evidence import ColumnProfile, Profile
from proofset.seeds import stream
from proofset.spec import ColumnSpec, Frozen, SemanticType, TableSpec

POOL = 2_000
"""Faker is slow (about 50 µs a value): a column draws from this many values, numbered on where it must be unique."""

PROVIDERS = {
    SemanticType.EMAIL: "email",
    SemanticType.PHONE: "phone_number",
    SemanticType.PERSON_NAME: "name",
    SemanticType.ADDRESS: "address",
    SemanticType.URL: "url",
    SemanticType.IP_ADDRESS: "ipv4_private",
    SemanticType.TEXT: "sentence",
}
FIRST_DAY, LAST_DAY = datetime.date(2000, 1, 1), datetime.date(2024, 12, 31)
MOST_DAYS = (datetime.date.max - FIRST_DAY).days


class FakeColumn(Frozen):
    """How one column is faked.

    distinct_share: distinct values per row, for ids that repeat.  low, high: declared bounds of a number.
    values: declared categories.  provider: of the Faker library.
    """

    name: str
    semantic: SemanticType
    unique: bool = False
    null_share: float = Field(default=0.0, ge=0, le=1)
    distinct_share: float = Field(default=1.0, ge=0, le=1)
    provider: str | None = None
    values: tuple[str, ...] | None = None
    low: float | None = None
    high: float | None = None


def plan_fakes(schema: pa.Schema, names: Sequence[str], table: TableSpec, profile: Profile) -> tuple[FakeColumn, ...]:
    """Plan the columns `names`. Raises GeneratorError for an Arrow type that cannot be faked or an unknown provider."""
    profiled = {c.name: c for c in profile.columns}
    plans = []
    for name in names:
        spec = table.columns.get(name, ColumnSpec())
        kind = _value_type(schema.field(name).type)
        if not (_is_text(kind) or pa.types.is_primitive(kind) or pa.types.is_decimal(kind)):
            raise GeneratorError(
                f"Column '{name}' is to be faked, but its type {kind} is not supported.",
                fix=f"Set tables.*.columns.{name}.treatment to drop, or store it as text.",
            )
        plan = _plan(name, spec, profiled.get(name), profile.rows)
        if _is_text(kind) and (provider := _provider(plan)) is not None:
            check_provider(provider, name)
        plans.append(plan)
    return tuple(plans)


def _plan(name: str, spec: ColumnSpec, seen: ColumnProfile | None, rows: int) -> FakeColumn:
    semantic = spec.type or (seen.semantic if seen else SemanticType.TEXT)
    null_share = seen.null_share if seen else spec.null_share
    filled = max(1.0, rows * (1.0 - null_share))
    return FakeColumn(
        name=name,
        semantic=semantic,
        unique=spec.unique or (seen.unique if seen else False),
        null_share=null_share,
        distinct_share=min(1.0, seen.distinct / filled) if seen else 1.0,
        provider=spec.faker,
        values=spec.values,
        low=spec.min,
        high=spec.max,
    )


def write_fakes(plans: Sequence[FakeColumn], schema: pa.Schema, rows: int, seed: int) -> dict[str, pa.Array]:
    """Return a column of `rows` values for each plan, with the schema's type."""
    return {plan.name: _write(plan, schema.field(plan.name).type, rows, seed) for plan in plans}


def _write(plan: FakeColumn, kind: pa.DataType, rows: int, seed: int) -> pa.Array:
    rng = stream(seed, "sample", "fake", plan.name)
    inner = _value_type(kind)
    pool = min(POOL, _room(kind.index_type)) if pa.types.is_dictionary(kind) else POOL
    values = _texts(plan, rows, rng, pool) if _is_text(inner) else _numbers(plan, inner, rows, rng)
    missing = rng.random(rows) < plan.null_share
    array = pa.array(values, type=inner, mask=missing)
    if not pa.types.is_dictionary(kind):
        return array
    array = array.dictionary_encode()
    if len(array.dictionary) > _room(kind.index_type):
        raise _no_room(plan, kind, len(array.dictionary), _room(kind.index_type))
    return array.cast(kind)


def _value_type(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _provider(plan: FakeColumn) -> str | None:
    """The Faker provider of a text column, None for ids and declared categories."""
    if plan.provider is not None:
        return plan.provider
    if plan.values is not None or plan.semantic == SemanticType.ID:
        return None
    return PROVIDERS.get(plan.semantic, "word")


def _texts(plan: FakeColumn, rows: int, rng: np.random.Generator, most: int) -> np.ndarray:
    provider = _provider(plan)
    if provider is None and plan.values is None:
        width = max(6, len(str(rows)))
        return np.array([f"id-{k:0{width}d}" for k in _numbering(plan, rows, rng)], dtype=object)
    if provider is None:
        return np.array(plan.values, dtype=object)[rng.integers(len(plan.values or ()), size=rows)]
    pool = np.array(faker_values(provider, "en_US", min(rows, most), rng), dtype=object)
    chosen = pool[rng.integers(len(pool), size=rows)]
    return numbered(chosen) if plan.unique else chosen


def _numbering(plan: FakeColumn, rows: int, rng: np.random.Generator) -> np.ndarray:
    """1, 2, ... for unique ids; for ids that repeat, numbers among as many as the source has per row."""
    if plan.unique or plan.distinct_share >= 1.0:
        return np.arange(1, rows + 1)
    return rng.integers(1, max(1, round(plan.distinct_share * rows)) + 1, size=rows)


def numbered(values: np.ndarray) -> np.ndarray:
    """Make texts unique by numbering each repetition: "a b" becomes "a b 2", "a@x.org" becomes "a2@x.org"."""
    taken: set[str] = set()
    times: dict[str, int] = {}
    result = []
    for value in values:
        text = value
        while text in taken:
            times[value] = times.get(value, 1) + 1
            head, at, tail = value.rpartition("@")
            text = f"{head}{times[value]}@{tail}" if at else f"{value} {times[value]}"
        taken.add(text)
        result.append(text)
    return np.array(result, dtype=object)


def _numbers(plan: FakeColumn, kind: pa.DataType, rows: int, rng: np.random.Generator) -> Sequence[Any]:
    """Values of a column that is not text, as Python or numpy objects that Arrow takes for `kind`."""
    if pa.types.is_boolean(kind):
        return [bool(b) for b in rng.random(rows) < 0.5]
    if pa.types.is_temporal(kind):
        return _times(plan, kind, rows, rng)
    if plan.semantic == SemanticType.ID or plan.unique:
        numbers = _numbering(plan, rows, rng)
        if numbers.max() > _room(kind):
            raise _no_room(plan, kind, int(numbers.max()), _room(kind))
        whole = numbers.tolist()
    else:
        low, high = _bounds(plan)
        if pa.types.is_floating(kind):
            return list(np.round(rng.uniform(low, high, rows), 6))
        whole = rng.integers(int(low), int(high), size=rows, endpoint=True).tolist()
    if pa.types.is_floating(kind):
        return [float(v) for v in whole]
    if pa.types.is_decimal(kind):
        return [decimal.Decimal(v) for v in whole]
    return list(whole)


def _bounds(plan: FakeColumn) -> tuple[float, float]:
    """Declared bounds; else degrees for a place, 0 to 100 for anything else."""
    low, high = (-90.0, 90.0) if plan.semantic == SemanticType.GEO else (0.0, 100.0)
    low = plan.low if plan.low is not None else min(low, plan.high if plan.high is not None else low)
    return low, max(low, plan.high if plan.high is not None else max(high, low + 100.0 if low > high else high))


def _room(kind: pa.DataType) -> int:
    """The largest whole number of a type up to which it holds every one."""
    if pa.types.is_decimal(kind):
        return int(10 ** (kind.precision - kind.scale) - 1)
    if pa.types.is_integer(kind):
        return int(2 ** (kind.bit_width - (0 if pa.types.is_unsigned_integer(kind) else 1)) - 1)
    return int(2 ** {16: 11, 32: 24, 64: 53}[kind.bit_width])


def _no_room(plan: FakeColumn, kind: pa.DataType, wanted: int, room: int) -> GeneratorError:
    return GeneratorError(
        f"Column '{plan.name}' cannot hold {wanted} different values.",
        why=f"Its type {kind} has room for {room}.",
        fix="Sample fewer rows, or store the column in a wider type.",
    )


def _times(plan: FakeColumn, kind: pa.DataType, rows: int, rng: np.random.Generator) -> Sequence[Any]:
    """Whole seconds, uniform over a fixed span of years (or over the day); one after another where unique."""
    day = 86_400
    room = MOST_DAYS if pa.types.is_date(kind) else day if pa.types.is_time(kind) else None
    if plan.unique and room is not None and rows > room:
        raise _no_room(plan, kind, rows, room)
    if pa.types.is_time(kind) or pa.types.is_duration(kind):
        seconds = np.arange(rows) if plan.unique else rng.integers(day, size=rows)
    elif pa.types.is_date(kind):
        days = (LAST_DAY - FIRST_DAY).days
        seconds = (np.arange(rows) if plan.unique else rng.integers(days, size=rows)) * day
    else:
        span = (LAST_DAY - FIRST_DAY).days * day
        seconds = np.arange(rows) if plan.unique else rng.integers(span, size=rows)
    if pa.types.is_duration(kind):
        return [datetime.timedelta(seconds=int(s)) for s in seconds]
    if pa.types.is_time(kind):
        return [(datetime.datetime.min + datetime.timedelta(seconds=int(s))).time() for s in seconds]
    moments = [datetime.datetime(2000, 1, 1) + datetime.timedelta(seconds=int(s)) for s in seconds]
    return [m.date() for m in moments] if pa.types.is_date(kind) else moments


def check_provider(provider: str, column: str, locale: str = "en_US") -> None:
    """Raise GeneratorError where Faker has no such locale, or no such provider that works without settings."""
    fake = _faker(locale, 0, column)
    own = {*dir(type(fake)), *dir(type(fake.factories[0]))}
    known = [n for n in dir(fake) if not n.startswith("_") and n not in own]
    if provider not in known:
        raise GeneratorError(
            f"Column '{column}': Faker has no provider '{provider}'.{did_you_mean(provider, known)}",
            fix="Use the name of one of Faker's providers, such as name, email or street_address.",
        )
    try:
        getattr(fake, provider)()
    except (TypeError, ValueError, AttributeError):
        raise GeneratorError(
            f"Column '{column}': Faker's provider '{provider}' does not work without settings.",
            fix="Use a provider that needs none, such as name, email or street_address.",
        ) from None


def _faker(locale: str, seed: int, column: str = "") -> Any:
    try:
        import faker
    except ImportError:
        raise MissingExtraError("The package faker is not installed.", fix="Install it: `pip install faker`.") from None
    try:
        fake = faker.Faker(locale, use_weighting=False)
    except AttributeError:
        raise GeneratorError(
            f"Column '{column}': Faker has no locale '{locale}'.", fix="Use a locale such as en_US or de_DE."
        ) from None
    fake.seed_instance(seed)
    return fake


def faker_values(provider: str, locale: str, count: int, rng: np.random.Generator) -> list[str]:
    """Return `count` texts of a Faker provider on one line each, from an instance seeded by `rng`."""
    call = getattr(_faker(locale, int(rng.integers(2**32))), provider)
    return [" ".join(str(call()).split()) for _ in range(count)]
