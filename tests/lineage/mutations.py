"""Mutations of valid inputs for fuzzing: of their bytes, and of their JSON, with values that parsers dislike."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

DEEP = ("[" * 60 + "]" * 60, "[" * 5_000 + "]" * 5_000, '{"a":' * 5_000 + "1" + "}" * 5_000, "[" * 100_000)
HOSTILE = (
    "NaN", "Infinity", "-Infinity", "1e999", "-0", "-0.0", "1.0", "0.1e1", "1E400", "-1", "01", "+1", "0x10", "tru",
    str(2**53), str(2**53 + 1), str(2**63), str(-(2**64)), "1" + "0" * 400, "1" * 5_000, "null", "true", "[]", "{}",
    "[null]", '""', '" "', '"\\ud800"', '"\\udc00\\ud800"', '"\\u0000"', '"\\u0041"', '"\\u202e"', '"a\\nb"', '"\t"',
    '"' + "a" * 70_000 + '"', '"../../etc/passwd"', '"/etc/passwd"', '"data/../x"', '"."', '"a//b"', '"2026-13-45"',
    '"9999-12-31T23:59:59.999999Z"', '"0001-01-01T00:00:00.000000Z"', '"2026-03-01T12:00:00.000000+00:00"', '"9e999"',
    *DEEP,
)  # fmt: skip
"""JSON texts, right and wrong ones, to stand where something else is expected."""
_MARK = "@@here@@"


@st.composite
def bent(draw: st.DrawFn, valid: bytes) -> bytes:
    """`valid` with some of its bytes changed, cut out, doubled or put in."""
    data = valid
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 40)))
        new = draw(
            st.sampled_from([b"", data[start:end] * 2, b"\0", b"\xff", b"\xed\xa0\x80", b'"', b"{", b"\n", b" "])
        )
        data = data[:start] + (new if draw(st.booleans()) else draw(st.binary(max_size=8))) + data[end:]
    return data


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, one in inner for place in _places(one, (*path, key)))]


@st.composite
def rewritten(draw: st.DrawFn, valid: bytes) -> bytes:
    """`valid`, which is JSON, with one thing otherwise: a hostile value, a field too many, too few or twice."""
    value: Any = json.loads(valid)
    place = draw(st.sampled_from(_places(value)[1:]))
    holder = value
    for key in place[:-1]:
        holder = holder[key]
    last, old = place[-1], holder[place[-1]]
    raw = draw(st.sampled_from(HOSTILE))
    how = draw(st.sampled_from(["replace", "remove", "add", "twice", "nearly", "type"]))
    if how == "remove":
        holder.pop(last)
    elif how == "add" or (how == "twice" and isinstance(holder, list)):
        holder.update({"more": _MARK}) if isinstance(holder, dict) else holder.append(old)
    elif how == "nearly":
        holder[last] = draw(_near(old))
    elif how == "type":
        holder[last] = draw(st.sampled_from([[old], {"a": old}, json.dumps(old), None]))
    else:
        holder[last] = _MARK
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    if how == "twice" and isinstance(last, str):
        name = json.dumps(last, ensure_ascii=False)
        written = json.dumps(old, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        raw = draw(
            st.sampled_from([f"{written},{name}:{written}", f"{raw},{name}:{written}", f"{written},{name}:{raw}"])
        )
    return text.replace(f'"{_MARK}"', raw).encode(errors="surrogatepass")


def _near(old: Any) -> st.SearchStrategy[Any]:
    """Another value of the same type."""
    if isinstance(old, bool):
        return st.just(not old)
    if isinstance(old, int):
        return st.sampled_from([old + 1, old - 1, -old, old * 10**6, float(old) + 0.5])
    if isinstance(old, float):
        return st.floats()
    if isinstance(old, str):
        return st.sampled_from([old + " ", old.upper(), old[:-1], old + old, old[::-1], "\u0430" + old]) | st.text()
    if isinstance(old, list):
        return st.sampled_from([old * 2, old[:-1], old[::-1], old * 50])
    return st.none()


def mutated(valid: bytes) -> st.SearchStrategy[bytes]:
    """Anything but `valid` itself."""
    return (rewritten(valid) | bent(valid) | st.binary(max_size=60)).filter(lambda data: data != valid)
