"""How each fake column is written: planned once, while fitting, from the spec, the profile and the Arrow type.

No value of the source goes into a plan: of the profile it takes the share of nulls, whether values are unique, how
many distinct ones there are per row, and the formats, each of which many different values share.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Literal

import pyarrow as pa
from pydantic import Field

from generators.faking_pools import DEFAULT_LOCALE, check_provider
from proofset.errors import GeneratorError, did_you_mean
from proofset.evidence import ColumnProfile, Format, Profile
from proofset.spec import IDENTIFYING, ColumnSpec, Frozen, SemanticType, TableSpec

PROVIDERS = {
    SemanticType.ADDRESS: "address",
    SemanticType.PHONE: "phone_number",
    SemanticType.TEXT: "sentence",
    SemanticType.URL: "uri_path",
}
"""Providers of Faker for texts that have no generator of their own; "word" for any other."""

_FIRST = re.compile(r"(first|given|fore)_?name|(^|_)first$")
_LAST = re.compile(r"(last|family|sur|maiden)_?name|(^|_)last$")
_LOGIN = re.compile(r"(user|nick)_?name|login|handle")
_NOT_ENTITY = re.compile(
    r"first|given|fore|last|family|sur|maiden|full|user|nick|name|login|handle|e?_?mail|address|phone|mobile|url|id|no"
)


class FakeColumn(Frozen):
    """How one column is faked.

    distinct_share: distinct values per row that is not null.  low, high: declared bounds of a number.
    values: declared categories.  provider, locale: of the Faker library.  formats: of its codes.
    follows: the column of which it is a function; from_name: which is a person's name, so that an e-mail address is
    made of it.  part: of a person's name.  entity: columns of one entity speak of the same invented person.
    """

    name: str
    semantic: SemanticType
    unique: bool = False
    null_share: float = Field(default=0.0, ge=0, le=1)
    distinct_share: float = Field(default=1.0, ge=0, le=1)
    provider: str | None = None
    locale: str = DEFAULT_LOCALE
    values: tuple[str, ...] | None = None
    low: float | None = None
    high: float | None = None
    formats: tuple[Format, ...] | None = None
    follows: str | None = None
    from_name: bool = False
    part: Literal["full", "first", "last", "login"] = "full"
    entity: str = ""

    @property
    def counted(self) -> bool:
        """Whether no two rows need to share a value."""
        return self.unique or self.distinct_share >= 1.0

    @property
    def identifies(self) -> bool:
        """Whether its values stand for something that may come back in other rows, rather than for the row."""
        return self.semantic in IDENTIFYING - {SemanticType.TEXT} or self.formats is not None


def plan_fakes(schema: pa.Schema, names: Sequence[str], table: TableSpec, profile: Profile) -> tuple[FakeColumn, ...]:
    """Plan the columns `names`, each after the one it follows.

    Raises GeneratorError for an Arrow type that cannot be faked, an unknown provider or locale, and a column that
    follows one that does not exist, follows itself in the end, or is modelled.
    """
    _check_follows(schema, names, table)
    profiled = {c.name: c for c in profile.columns}
    plans = {}
    for name in names:
        spec = table.columns.get(name, ColumnSpec())
        kind = value_type(schema.field(name).type)
        if not (is_text(kind) or pa.types.is_primitive(kind) or pa.types.is_decimal(kind)):
            raise GeneratorError(
                f"Column '{name}' is to be faked, but its type {kind} is not supported.",
                fix=f"Set tables.*.columns.{name}.treatment to drop, or store it as text.",
            )
        plan = _plan(name, spec, profiled, table, profile.rows)
        if is_text(kind):
            check_provider(provider_of(plan) or "name", name, plan.locale)
        plans[name] = plan
    graph = {n: {p.follows} if p.follows in plans else set() for n, p in plans.items()}
    return tuple(plans[str(n)] for n in TopologicalSorter(graph).static_order())


def _check_follows(schema: pa.Schema, names: Sequence[str], table: TableSpec) -> None:
    followed = {n: c.follows for n, c in table.columns.items() if c.follows is not None and n in schema.names}
    for name, other in followed.items():
        if other not in schema.names:
            raise GeneratorError(
                f"Column '{name}' follows '{other}', which the table has not.{did_you_mean(other, schema.names)}",
                fix=f"Correct tables.*.columns.{name}.follows; a column that is dropped cannot be followed.",
            )
        if name not in names:
            raise GeneratorError(
                f"Column '{name}' follows '{other}', but it is not faked.",
                why="Only a generated value can be made a function of another column.",
                fix=f"Set tables.*.columns.{name}.treatment to fake, or leave `follows` out.",
            )
    try:
        TopologicalSorter({n: {o} for n, o in followed.items()}).prepare()
    except CycleError as error:
        raise GeneratorError(
            f"Columns follow each other in a circle: {', '.join(sorted(set(error.args[1])))}.",
            fix="Leave `follows` out of one of them.",
        ) from None


def _plan(name: str, spec: ColumnSpec, profiled: dict[str, ColumnProfile], table: TableSpec, rows: int) -> FakeColumn:
    seen = profiled.get(name)
    semantic = spec.type or (seen.semantic if seen else SemanticType.TEXT)
    null_share = seen.null_share if seen else spec.null_share
    filled = max(1.0, rows * (1.0 - null_share))
    words = re.sub(r"[\W_]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)).lower()
    shown = (("first", _FIRST), ("last", _LAST), ("login", _LOGIN))
    return FakeColumn.model_validate(
        {
            "name": name,
            "semantic": semantic,
            "unique": spec.unique or (seen.unique if seen else False),
            "null_share": null_share,
            "distinct_share": min(1.0, seen.distinct / filled) if seen else 1.0,
            "provider": spec.faker,
            "locale": spec.locale or DEFAULT_LOCALE,
            "values": spec.values,
            "low": spec.min,
            "high": spec.max,
            "formats": seen.formats if seen and spec.faker is None and spec.values is None else None,
            "follows": spec.follows,
            "from_name": spec.follows is not None
            and _meaning(spec.follows, table, profiled) == SemanticType.PERSON_NAME,
            "part": next((part for part, pattern in shown if pattern.search(words)), "full"),
            "entity": re.sub(r"_+", "_", _NOT_ENTITY.sub("", words)).strip("_"),
        }
    )


def _meaning(name: str, table: TableSpec, profiled: dict[str, ColumnProfile]) -> SemanticType | None:
    declared = table.columns.get(name, ColumnSpec()).type
    return declared or (profiled[name].semantic if name in profiled else None)


def provider_of(plan: FakeColumn) -> str | None:
    """The Faker provider a text column draws from; None where it is written in another way."""
    if plan.provider is not None:
        return plan.provider
    own = (
        SemanticType.ID,
        SemanticType.PERSON_NAME,
        SemanticType.EMAIL,
        SemanticType.IP_ADDRESS,
        SemanticType.DATETIME,
    )
    if plan.values is not None or plan.formats is not None or plan.semantic in own:
        return None
    return PROVIDERS.get(plan.semantic, "word")


def value_type(kind: pa.DataType) -> pa.DataType:
    """The type of a column's values, dictionary coding aside."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def is_text(kind: pa.DataType) -> bool:
    """Whether a type holds text."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def room(kind: pa.DataType) -> int:
    """The largest whole number of a type up to which it holds every one."""
    if pa.types.is_decimal(kind):
        return int(10 ** (kind.precision - kind.scale) - 1)
    if pa.types.is_integer(kind):
        return int(2 ** (kind.bit_width - (0 if pa.types.is_unsigned_integer(kind) else 1)) - 1)
    return int(2 ** {16: 11, 32: 24, 64: 53}[kind.bit_width])


def no_room(name: str, kind: pa.DataType, wanted: int, most: int) -> GeneratorError:
    """The error for a column whose type has too few values."""
    return GeneratorError(
        f"Column '{name}' cannot hold {wanted} different values.",
        why=f"Its type {kind} has room for {most}.",
        fix="Sample fewer rows, or store the column in a wider type.",
    )
