"""Rules from a profile: distributions from its protected quantiles and frequent values. No row is read."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np

from generators.rules_infer import Draft, Fact, Facts, Kind, draft
from proofset.evidence import ColumnProfile, Profile
from proofset.spec import SemanticType, Treatment

FAKED = {
    SemanticType.EMAIL: "email",
    SemanticType.PHONE: "phone_number",
    SemanticType.PERSON_NAME: "name",
    SemanticType.ADDRESS: "address",
    SemanticType.URL: "url",
    SemanticType.IP_ADDRESS: "ipv4_private",
}


def infer_profile(profile: Profile) -> Draft:
    """Return rules that give each column its own distribution; how columns depend on each other is not in a profile.

    Raises GeneratorError where the profile has no column that is not dropped.
    """
    notes = ["Columns are independent: a profile does not say how they belong together."]
    facts = [_fact(c, notes) for c in profile.columns if c.treatment is not Treatment.DROP]
    return draft(Facts(profile.table, tuple(facts), notes=tuple(notes)))


def _fact(column: ColumnProfile, notes: list[str]) -> Fact:
    rule = _rule(column, notes)
    kind: Kind = "datetime" if column.semantic is SemanticType.DATETIME else "text"
    return Fact(column.name, kind, null_share=column.null_share, unique=column.unique, rule=rule)


def _rule(column: ColumnProfile, notes: list[str]) -> dict[str, Any]:
    name = column.name
    if column.semantic is SemanticType.ID or (column.unique and column.integral):
        numbers = "int" in column.storage
        return {"kind": "sequence"} | ({} if numbers else {"format": "id-{:08d}"})
    if column.semantic in FAKED:
        return {"kind": "faker", "provider": FAKED[column.semantic]}
    if column.semantic is SemanticType.DATETIME and column.low is not None and column.high is not None:
        notes.append(f"{name}: uniform in time; the profile's quantiles are not used for times.")
        return {"kind": "datetime", "start": _iso(column.low), "end": _iso(column.high)}
    if column.semantic in (SemanticType.NUMBER, SemanticType.GEO) and column.low is not None:
        return _numbers(column)
    if column.semantic is SemanticType.BOOLEAN:
        share = sum(t.share for t in column.top if t.value.lower() in ("true", "1", "yes"))
        whole = sum(t.share for t in column.top) or 1.0
        return {"kind": "bernoulli", "p": round(min(1.0, share / whole), 6)}
    if column.top:
        if column.rare_share > 0:
            notes.append(f"{name}: {column.rare_share:.1%} of its rows hold rare values, which are left out.")
        return _words(column)
    notes.append(f"{name}: the profile quotes none of its values; sentences for now.")
    return {"kind": "faker", "provider": "sentence"}


def _numbers(column: ColumnProfile) -> dict[str, Any]:
    assert column.low is not None  # noqa: S101 - asked before
    high = column.high if column.high is not None else column.low
    inner = sorted((float(q), v) for q, v in column.quantiles.items() if 0.0 < float(q) < 1.0)
    values = np.maximum.accumulate([column.low, *(v for _, v in inner), high]).tolist()
    values = [min(v, max(values[0], high)) for v in values]
    decimals = {"decimals": 0} if column.integral else {}
    return {"kind": "quantiles", "at": [0.0, *(q for q, _ in inner), 1.0], "values": values} | decimals


def _words(column: ColumnProfile) -> dict[str, Any]:
    values: list[Any] = [t.value for t in column.top]
    for kind in ("int", "float", "double", "decimal"):
        if column.storage.startswith((kind, f"u{kind}")):
            try:
                values = [int(v) if kind == "int" else float(v) for v in values]
            except ValueError:
                break
    return {"kind": "choice", "values": values, "weights": [t.share for t in column.top]}


def _iso(seconds: float) -> str:
    moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=round(seconds))
    return moment.isoformat()
