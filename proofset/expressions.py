"""Expressions: a small, safe language over whole columns. Nothing is ever handed to Python's eval.

Allowed are numbers, texts in quotes, True and False; column names, or col("any name"); + - * / // % **; comparisons,
also chained; `in` and `not in` a list of values; and, or, not; `a if condition else b`; and the functions in
`expressions_functions`. Moments: the difference of two is in days, and days can be added. A row in which a used column
is null, or which divides by zero, gives null; only `coalesce` and `is_null` see nulls.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Mapping
from typing import Protocol

import numpy as np

from proofset.errors import GeneratorError, did_you_mean
from proofset.expressions_functions import DAY, FUNCTIONS, INTEGER_ROOM, MOST_PLACES, Misuse, call, need
from proofset.values import Values as Values
from proofset.values import any_missing

MAX_LENGTH = 2_000
MAX_DEPTH = 100
MOMENT_ROOM = 2.0**63 - 4_096
"""Microseconds from 1970 that a moment can lie away; a little less than int64, as floats round there."""


class Expression:
    """A checked expression.

    Raises GeneratorError, naming the column it is for, for anything outside the language.
    """

    def __init__(self, text: str, column: str) -> None:
        self.text = text
        self.column = column
        if len(text) > MAX_LENGTH:
            raise self._refused(f"it is longer than {MAX_LENGTH} characters")
        try:
            self._tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            raise self._refused("it cannot be parsed") from None
        self.columns = frozenset(self._names(self._tree))

    def _refused(self, why: str) -> GeneratorError:
        return GeneratorError(
            f"The expression of column '{self.column}' cannot be used: {why}.",
            fix=f"Correct tables.*.columns.{self.column}.rule.expression; docs/rules.md lists what is allowed.",
        )

    def _names(self, node: ast.expr, depth: int = 0) -> list[str]:
        """Check the node's form and return the columns below it."""
        if depth > MAX_DEPTH:
            raise self._refused(f"it is nested more than {MAX_DEPTH} deep")
        match node:
            case ast.Name(id=name):
                return [name]
            case ast.Constant(value=value):
                if not isinstance(value, bool | int | float | str) or (
                    isinstance(value, int) and abs(value) > INTEGER_ROOM
                ):
                    raise self._refused("a constant in it is neither a number, a text nor True or False")
                return []
            case ast.Call(func=ast.Name(id="col"), args=[ast.Constant(value=str(name))], keywords=[]):
                return [name]
            case ast.Call(func=ast.Name(id=word), args=args, keywords=[]):
                if word not in FUNCTIONS:
                    known = [*FUNCTIONS, "col"]
                    raise self._refused(
                        f"it calls '{word}', which is not one of {', '.join(known)}" + _hint(word, known)
                    )
                if word == "round" and len(args) == 2 and not _is_places(args[1]):
                    raise self._refused(
                        f"the places of 'round' must be a constant whole number from -{MOST_PLACES} to {MOST_PLACES}"
                    )
                parts = args
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
                parts = [left, right]
            case ast.UnaryOp(op=ast.USub() | ast.UAdd() | ast.Not(), operand=operand):
                parts = [operand]
            case ast.Compare(left=left, ops=[ast.In() | ast.NotIn()], comparators=[ast.List() | ast.Tuple() as listed]):
                if not listed.elts or any(self._names(e, depth + 1) for e in listed.elts):
                    raise self._refused("the list behind 'in' must hold values, and no columns")
                parts = [left]
            case ast.Compare(left=left, ops=ops, comparators=others) if all(type(o) in _COMPARISONS for o in ops):
                parts = [left, *others]
            case ast.BoolOp(values=values):
                parts = values
            case ast.IfExp(test=test, body=body, orelse=other):
                parts = [test, body, other]
            case _:
                raise self._refused(f"it uses {type(node).__name__}, which is not part of the language")
        return [name for inner in parts for name in self._names(inner, depth + 1)]

    def evaluate(self, columns: Mapping[str, Values], rows: int) -> Values:
        """Return the expression's value for every row. Raises GeneratorError where kinds do not fit together."""
        try:
            with np.errstate(all="ignore"):
                result = self._value(self._tree, columns, rows)
        except Misuse as misuse:
            raise self._refused(str(misuse)) from None
        if result.data.dtype.kind == "f":
            return Values(result.data, result.missing | ~np.isfinite(result.data))
        return result

    def _value(self, node: ast.expr, columns: Mapping[str, Values], rows: int) -> Values:
        def of(inner: ast.expr) -> Values:
            return self._value(inner, columns, rows)

        match node:
            case ast.Name(id=name) | ast.Call(func=ast.Name(id="col"), args=[ast.Constant(value=str(name))]):
                return columns[name]
            case ast.Constant(value=value):
                data = np.full(rows, value, dtype=object if isinstance(value, str) else None)
                return Values(data, np.zeros(rows, bool))
            case ast.Call(func=ast.Name(id=word), args=args):
                return call(word, [of(a) for a in args])
            case ast.BinOp(left=left, op=op, right=right):
                return self._arithmetic(op, of(left), of(right))
            case ast.UnaryOp(op=op, operand=operand):
                inner = of(operand)
                need("truth" if isinstance(op, ast.Not) else "number", inner)
                data = ~inner.data if isinstance(op, ast.Not) else inner.data
                return Values(-data if isinstance(op, ast.USub) else data, inner.missing)
            case ast.Compare(left=left, ops=[ast.In() | ast.NotIn() as op], comparators=[listed]):
                return _among(of(left), [of(e) for e in listed.elts], wanted=isinstance(op, ast.In))  # type: ignore[attr-defined]
            case ast.Compare(left=left, ops=ops, comparators=others):
                return self._compare(ops, [of(left), *(of(o) for o in others)])
            case ast.BoolOp(op=op, values=values):
                parts = [of(v) for v in values]
                need("truth", *parts)
                join = np.logical_and if isinstance(op, ast.And) else np.logical_or
                return Values(join.reduce([p.data for p in parts]), any_missing(parts))
            case ast.IfExp(test=test, body=body, orelse=other):
                return self._choose(of(test), of(body), of(other))
        raise self._refused("it holds something unknown")  # pragma: no cover - _names has refused it

    def _arithmetic(self, op: ast.operator, left: Values, right: Values) -> Values:
        missing = left.missing | right.missing
        if left.kind == "moment" and isinstance(op, ast.Add | ast.Sub):
            if right.kind == "moment" and isinstance(op, ast.Sub):
                return Values(_days_between(left.data, right.data), missing)
            need("number", right)
            return _shifted(left.data, right.data if isinstance(op, ast.Add) else -right.data, missing)
        need("number", left, right)
        a, b = left.data, right.data
        whole = a.dtype.kind == "i" and b.dtype.kind == "i"
        if isinstance(op, ast.Div | ast.FloorDiv | ast.Mod):
            zero = b == 0
            missing, b = missing | zero, np.where(zero, 1, b)
        if isinstance(op, ast.Pow):
            a, whole = a.astype(float), False
        result = _ARITHMETIC[type(op)](a, b)
        if whole and not isinstance(op, ast.Div):
            exact = _ARITHMETIC[type(op)](a.astype(float), b.astype(float))
            if (np.abs(exact[~missing]) > INTEGER_ROOM).any():
                raise self._refused("a whole number in it becomes too large; write 1.0 * to work with decimals")
        return Values(result, missing)

    def _compare(self, ops: list[ast.cmpop], values: list[Values]) -> Values:
        _same(values)
        pairs = zip(ops, values, values[1:], strict=False)
        holds = [np.asarray(_COMPARISONS[type(o)](a.data, b.data), dtype=bool) for o, a, b in pairs]
        return Values(np.logical_and.reduce(holds), any_missing(values))

    def _choose(self, test: Values, yes: Values, no: Values) -> Values:
        need("truth", test)
        _same([yes, no])
        missing = test.missing | np.where(test.data, yes.missing, no.missing)
        return Values(np.where(test.data, yes.data, no.data), missing)


Operation = Callable[[np.ndarray, np.ndarray], np.ndarray]
_ARITHMETIC: dict[type[ast.operator], Operation] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.FloorDiv: np.floor_divide,
    ast.Mod: np.mod,
    ast.Pow: np.power,
}
_COMPARISONS: dict[type[ast.cmpop], Operation] = {
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
}


def _is_places(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        node = node.operand
    places = node.value if isinstance(node, ast.Constant) else None
    return isinstance(places, int) and not isinstance(places, bool) and abs(places) <= MOST_PLACES


def _days_between(later: np.ndarray, earlier: np.ndarray) -> np.ndarray:
    """Days; NaN where one is no moment."""
    rough = later.astype(np.int64).astype(float) - earlier.astype(np.int64)
    exact = (later - earlier) / np.timedelta64(1, "us")
    nothing = np.isnat(later) | np.isnat(earlier)
    days: np.ndarray = np.where(nothing, np.nan, np.where(np.abs(rough) < MOMENT_ROOM, exact, rough)) / 1e6 / DAY
    return days


def _shifted(moments: np.ndarray, days: np.ndarray, missing: np.ndarray) -> Values:
    """The moments so many days on; null where the result is none that microseconds in 64 bits can tell."""
    shift = np.rint(days * DAY * 1e6)
    reached = moments.astype(np.int64) + shift
    gone = missing | np.isnat(moments) | ~(np.abs(shift) < MOMENT_ROOM) | ~(np.abs(reached) < MOMENT_ROOM)
    return Values(moments + np.where(gone, 0, shift).astype("timedelta64[us]"), gone)


def _same(values: list[Values]) -> None:
    need(values[0].kind, *values[1:])


def _among(value: Values, listed: list[Values], *, wanted: bool) -> Values:
    _same([value, *listed])
    if value.kind == "text":
        words = {other.data[0] for other in listed if len(other.data)}
        holds = np.array([v in words for v in value.data], dtype=bool)
    else:
        holds = np.logical_or.reduce([value.data == other.data for other in listed])
    return Values(holds if wanted else ~holds, value.missing)


def _hint(word: str, known: list[str]) -> str:
    near = did_you_mean(word, known).strip().rstrip("?").replace("Did you mean", "did you mean")
    return f" ({near}?)" if near else ""


class Needs(Protocol):
    """Something computed from columns: an Expression is one."""

    @property
    def columns(self) -> Collection[str]:
        """The columns it uses."""


def evaluation_order(computed: Mapping[str, Needs], known: list[str]) -> list[str]:
    """Return the computed columns so that each comes after those it uses.

    Raises GeneratorError for a column that is not there (with the nearest name) and for a circle.
    """
    for name, wants in computed.items():
        for used in sorted(set(wants.columns) - set(known)):
            raise GeneratorError(
                f"The rule of column '{name}' uses '{used}', which is not a column with a rule."
                f"{did_you_mean(used, [k for k in known if k != name])}",
                fix=f"Correct tables.*.columns.{name}.rule, or give '{used}' a rule.",
            )
    done: list[str] = []
    waiting = {name: set(c.columns) & set(computed) for name, c in computed.items()}
    while waiting:
        ready = [name for name, needs in waiting.items() if needs <= set(done)]
        if not ready:
            raise GeneratorError(
                f"The rules of {', '.join(sorted(waiting))} wait for each other.",
                why="Each uses, directly or by way of others, its own result.",
                fix="Give one of them a rule that does not use the others.",
            )
        done += ready
        waiting = {name: needs for name, needs in waiting.items() if name not in done}
    return done
