"""The values of fake columns, by what they mean and how they are stored; each a function of its subject alone."""

from __future__ import annotations

import datetime
import decimal
import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from generators.faking_codes import Codes
from generators.faking_numbers import Subjects, key
from generators.faking_plan import FakeColumn, is_text, no_room, provider_of, room
from generators.faking_pools import DOMAINS, POOL, distinct_pool, mail_name, numbered_on, people, pool
from proofset.spec import SemanticType

FIRST_DAY, LAST_DAY = datetime.date(2000, 1, 1), datetime.date(2024, 12, 31)
MOST_DAYS = (datetime.date.max - FIRST_DAY).days
DAY = 86_400
_PRIVATE = 1 << 24
"""Addresses of 10.0.0.0/8 (RFC 1918)."""

_TICKS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}

Objects = npt.NDArray[np.object_]


class Written(NamedTuple):
    """A block of values, none of them null.  distinct: whether two subjects that are counted never share one."""

    values: pa.Array
    distinct: bool


class Task(NamedTuple):
    """What is to be written.

    kind: Arrow type of the values.  subjects: of the rows.  end: how many rows there are up to the block's last.
    most: how many different values the column may hold, for dictionaries with a small index.  followed: values of
    the column it follows, as text, where it follows a person's name.
    """

    plan: FakeColumn
    kind: pa.DataType
    subjects: Subjects
    seed: int
    end: int
    most: int
    followed: list[str | None] | None = None

    @property
    def key(self) -> int:
        """The column's own key."""
        return key(self.seed, "column", self.plan.name)

    @property
    def pool(self) -> int:
        """How many values a pool needs: no more than there are rows, which matters where they are few."""
        return max(1, min(POOL, self.most, self.end))


def write_values(task: Task) -> Written:
    """Write a block of values of any type that can be faked."""
    if is_text(task.kind):
        texts, distinct = _texts(task)
        return Written(pa.array(texts, pa.large_string()).cast(task.kind), distinct)
    if pa.types.is_boolean(task.kind):
        return Written(pa.array(task.subjects.below(2, task.key, "truth") == 1), distinct=False)
    if pa.types.is_temporal(task.kind):
        return _times(task)
    return _numbers(task)


def _texts(task: Task) -> tuple[Objects, bool]:
    plan = task.plan
    if plan.values is not None and plan.provider is None:
        words = np.array(plan.values, dtype=object)
        return words[task.subjects.below(len(words), task.key, "word")], False
    if (provider := provider_of(plan)) is not None:
        return _pooled(task, provider)
    if plan.formats is not None:
        return _coded(task)
    match plan.semantic:
        case SemanticType.PERSON_NAME:
            return _names(task)
        case SemanticType.EMAIL:
            return _mails(task)
        case SemanticType.IP_ADDRESS:
            return _addresses(task)
        case SemanticType.DATETIME:
            return _written_times(task)
    numbers = task.subjects.numbers
    form = "id-{:06d}" if task.subjects.counted else "id-{:016x}"
    return _objects([form.format(n) for n in (numbers + np.uint64(task.subjects.counted)).tolist()]), True


def _objects(texts: list[str]) -> Objects:
    result = np.empty(len(texts), dtype=object)
    result[:] = texts
    return result


def _pooled(task: Task, provider: str) -> tuple[Objects, bool]:
    """Values of a Faker provider, numbered on where they must differ. Paths become addresses on the web."""
    plan = task.plan
    found = (distinct_pool if plan.unique else pool)(provider, plan.locale, task.pool, task.key % 2**32)
    if plan.semantic == SemanticType.URL and plan.provider is None:
        hosts = [f"https://{('', 'www.')[i % 2]}{DOMAINS[i % len(DOMAINS)]}" for i in range(len(found))]
        found = tuple(f"{host}/{path}" for host, path in zip(hosts, found, strict=True))
    words = np.array(found, dtype=object)
    if not plan.unique:
        return words[task.subjects.below(len(words), task.key, "word")], False
    place, lap = task.subjects.dealt(len(words), task.key)
    chosen = words[place.astype(np.int64)]
    return _objects([numbered_on(w, n + 1) for w, n in zip(chosen, lap.tolist(), strict=True)]), True


def _coded(task: Task) -> tuple[Objects, bool]:
    """Codes of the formats; where a format is used up, they go on with the subject's number behind a hyphen, and are
    longer than any other."""
    codes = Codes(task.plan.formats or (), task.key)
    texts, beyond = codes.write(task.subjects)
    for row in np.flatnonzero(beyond):
        width = max(1, codes.longest - len(texts[row]))
        texts[row] = f"{texts[row]}-{int(task.subjects.numbers[row]):0{width}d}"
    return texts, True


def _names(task: Task) -> tuple[Objects, bool]:
    plan = task.plan
    if plan.unique and plan.part in ("first", "last"):
        return _pooled(task, f"{plan.part}_name")
    names, laps = _who(task, plan.part)
    if plan.unique:
        names = [numbered_on(name, lap + 1) for name, lap in zip(names, laps, strict=True)]
    return _objects(names), plan.unique


def _who(task: Task, part: str) -> tuple[list[str], list[int]]:
    """The name of the invented person each row speaks of, and how many of that name came before."""
    own = key(task.seed, "person", task.plan.entity)
    found = people(task.plan.locale, task.pool, own % 2**32)
    place, lap = task.subjects.dealt(min(len(found), task.most), own)
    return [found.name(p, part) for p in place.tolist()], lap.tolist()


def _mails(task: Task) -> tuple[Objects, bool]:
    """Addresses in reserved domains, made of the name that is followed, or of an invented person's."""
    if task.followed is not None:
        codes = task.subjects.draw(task.key, "stranger").tolist()
        local = [mail_name(n or "") or f"person.{c:x}" for n, c in zip(task.followed, codes, strict=True)]
        domain = task.subjects.below(len(DOMAINS), task.key, "domain")
        return _objects([f"{w}@{DOMAINS[d]}" for w, d in zip(local, domain, strict=True)]), False
    logins, laps = _who(task, "login")
    if not task.subjects.counted:  # the name of a hash is shared by many: a code tells them apart
        codes = (task.subjects.draw(task.key, "code") >> np.uint64(24)).tolist()
        logins = [f"{w}.{c:010x}" for w, c in zip(logins, codes, strict=True)]
    mails = [f"{w}@{DOMAINS[sum(map(ord, w)) % len(DOMAINS)]}" for w in logins]
    return _objects([numbered_on(m, lap + 1) for m, lap in zip(mails, laps, strict=True)]), True


def _addresses(task: Task) -> tuple[Objects, bool]:
    """Private IPv4 addresses, and when those are used up, IPv6 addresses of the block for documentation (RFC 3849)."""
    place, lap = task.subjects.dealt(_PRIVATE, task.key)
    texts = [
        f"10.{p >> 16}.{p >> 8 & 255}.{p & 255}" if not n else f"2001:db8::{n:x}:{p >> 16:x}:{p & 0xFFFF:x}"
        for p, n in zip(place.tolist(), lap.tolist(), strict=True)
    ]
    return _objects(texts), True


def _numbers(task: Task) -> Written:
    """Codes as whole numbers, running numbers, or numbers between bounds."""
    plan, kind = task.plan, task.kind
    most = min(room(kind), 2**62)
    distinct = True
    if (codes := _whole_codes(task, most)) is not None:
        whole = codes
    elif plan.semantic == SemanticType.ID or plan.unique:
        whole = _running(task, most)
    else:
        distinct = False
        low, high = _bounds(plan, most)
        share = task.subjects.uniform(task.key, "number")
        if pa.types.is_floating(kind):
            return Written(pa.array(np.round(low + share * (high - low), 6)).cast(kind, safe=False), distinct)
        first, last = math.ceil(low), math.floor(high)
        whole = (first + np.floor(share * (max(first, last) - first + 1)).astype(np.int64)).tolist()
    if pa.types.is_decimal(kind):
        return Written(pa.array([decimal.Decimal(v) for v in whole], kind), distinct)
    if pa.types.is_floating(kind):
        return Written(pa.array([float(v) for v in whole]).cast(kind, safe=False), distinct)
    return Written(pa.array(whole, kind), distinct)


def _whole_codes(task: Task, most: int) -> list[int] | None:
    """Codes of the formats as numbers, those beyond counted on above them; None where there is no format that fits."""
    if task.plan.formats is None:
        return None
    codes = Codes(task.plan.formats, task.key, whole=True)
    above = 10**codes.longest
    texts, beyond = codes.write(task.subjects)
    if above + (task.end if beyond.any() else 0) > most or not all(map(str.isdecimal, texts)):
        return None
    numbers = task.subjects.numbers.tolist()
    return [above + n if b else int(t) for t, n, b in zip(texts, numbers, beyond, strict=True)]


def _running(task: Task, most: int) -> list[int]:
    """1, 2, ... for subjects that are counted; else hashes, as large as the type allows."""
    if not task.subjects.counted:
        return [n % most + 1 for n in task.subjects.numbers.tolist()]
    if int(task.subjects.numbers.max(initial=0)) >= most:
        raise no_room(task.plan.name, task.kind, task.end, most)
    return [n + 1 for n in task.subjects.numbers.tolist()]


def _bounds(plan: FakeColumn, most: int) -> tuple[float, float]:
    """Declared bounds; else degrees for a place, ten digits for a telephone, 0 to 100 for anything else."""
    low, high = 0.0, 100.0
    if plan.semantic == SemanticType.GEO:
        low, high = -90.0, 90.0
    elif plan.semantic == SemanticType.PHONE and most >= 10**10:
        low, high = 1e9, 1e10 - 1
    low = plan.low if plan.low is not None else min(low, plan.high if plan.high is not None else low)
    return low, max(low, plan.high if plan.high is not None else max(high, low + 100.0 if low > high else high))


def _seconds(task: Task) -> npt.NDArray[np.int64]:
    """Whole seconds since the first day, or since midnight: a fixed span of years (or the day), one after another
    where they must differ. Dates are whole days."""
    dates, hours = pa.types.is_date(task.kind), pa.types.is_time(task.kind)
    step, most = (DAY, MOST_DAYS) if dates else (1, DAY if hours else 2**40)
    if task.plan.unique and task.subjects.counted:
        if task.end > most:
            raise no_room(task.plan.name, task.kind, task.end, most)
        return task.subjects.numbers.astype(np.int64) * step
    span = DAY if hours or pa.types.is_duration(task.kind) else (LAST_DAY - FIRST_DAY).days * DAY
    return task.subjects.below(span // step, task.key, "moment") * step


def _times(task: Task) -> Written:
    kind, seconds = task.kind, _seconds(task)
    distinct = task.plan.unique
    if pa.types.is_time(kind) or pa.types.is_duration(kind):
        ticks = pa.array(seconds * _TICKS[kind.unit], pa.int32() if pa.types.is_time32(kind) else pa.int64())
        return Written(ticks.cast(kind), distinct)
    moments = seconds + (FIRST_DAY - datetime.date(1970, 1, 1)).days * DAY
    if pa.types.is_date32(kind):
        return Written(pa.array((moments // DAY).astype(np.int32)).cast(kind), distinct)
    unit = "ms" if pa.types.is_date64(kind) else kind.unit
    return Written(pa.array(moments * _TICKS[unit]).cast(kind), distinct)


def _written_times(task: Task) -> tuple[Objects, bool]:
    """Moments as ISO 8601 text: days, or seconds where they must differ."""
    day = pa.timestamp("s") if task.plan.unique else pa.date32()
    written = _times(task._replace(kind=day))
    return _objects([m.isoformat() for m in written.values.to_pylist()]), written.distinct
