"""Expressions: a small, safe language over whole columns. Nothing is ever handed to Python's eval.

Allowed are numbers, texts in quotes, True and False; column names, or col("any name"); + - * / // % **; comparisons,
also chained; and, or, not; `a if condition else b`; min, max, round, abs, concat. Moments: the difference of two is
in days, and days can be added. A row in which a used column is null, or which divides by zero, gives null.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from proofset.errors import GeneratorError, did_you_mean

MAX_LENGTH = 2_000
MAX_DEPTH = 100
DAY = 86_400.0
INTEGER_ROOM = 2.0**62


@dataclass(frozen=True)
class Values:
    """A column while rules are at work.

    data: int64, float64, bool, datetime64[us] or object (texts), one per row.  missing: which rows are null.
    """

    data: np.ndarray
    missing: np.ndarray

    @property
    def kind(self) -> str:
        """What the data are: "number", "truth", "moment" or "text"."""
        return {"i": "number", "f": "number", "b": "truth", "M": "moment"}.get(self.data.dtype.kind, "text")


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
            fix=f"Correct tables.*.columns.{self.column}.rule.expression; docs/generators.md lists what is allowed.",
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
                if word not in _FUNCTIONS:
                    known = [*_FUNCTIONS, "col"]
                    raise self._refused(
                        f"it calls '{word}', which is not one of {', '.join(known)}" + _hint(word, known)
                    )
                parts = args
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
                parts = [left, right]
            case ast.UnaryOp(op=ast.USub() | ast.UAdd() | ast.Not(), operand=operand):
                parts = [operand]
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
        with np.errstate(all="ignore"):
            result = self._value(self._tree, columns, rows)
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
                return self._call(word, [of(a) for a in args])
            case ast.BinOp(left=left, op=op, right=right):
                return self._arithmetic(op, of(left), of(right))
            case ast.UnaryOp(op=op, operand=operand):
                inner = of(operand)
                self._need("truth" if isinstance(op, ast.Not) else "number", inner)
                data = ~inner.data if isinstance(op, ast.Not) else inner.data
                return Values(-data if isinstance(op, ast.USub) else data, inner.missing)
            case ast.Compare(left=left, ops=ops, comparators=others):
                return self._compare(ops, [of(left), *(of(o) for o in others)])
            case ast.BoolOp(op=op, values=values):
                parts = [of(v) for v in values]
                self._need("truth", *parts)
                join = np.logical_and if isinstance(op, ast.And) else np.logical_or
                return Values(join.reduce([p.data for p in parts]), _any_missing(parts))
            case ast.IfExp(test=test, body=body, orelse=other):
                return self._choose(of(test), of(body), of(other))
        raise self._refused("it holds something unknown")  # pragma: no cover - _names has refused it

    def _need(self, kind: str, *values: Values) -> None:
        for value in values:
            if value.kind != kind:
                raise self._refused(f"a {value.kind} stands where a {kind} is needed")

    def _same(self, values: list[Values]) -> None:
        self._need(values[0].kind, *values[1:])

    def _arithmetic(self, op: ast.operator, left: Values, right: Values) -> Values:
        missing = left.missing | right.missing
        if left.kind == "moment" and isinstance(op, ast.Add | ast.Sub):
            if right.kind == "moment" and isinstance(op, ast.Sub):
                return Values((left.data - right.data) / np.timedelta64(1, "s") / DAY, missing)
            self._need("number", right)
            shift = np.nan_to_num(np.rint(right.data * DAY * 1e6)).astype("timedelta64[us]")
            return Values(left.data + shift if isinstance(op, ast.Add) else left.data - shift, missing)
        self._need("number", left, right)
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
        self._same(values)
        pairs = zip(ops, values, values[1:], strict=False)
        holds = [np.asarray(_COMPARISONS[type(o)](a.data, b.data), dtype=bool) for o, a, b in pairs]
        return Values(np.logical_and.reduce(holds), _any_missing(values))

    def _choose(self, test: Values, yes: Values, no: Values) -> Values:
        self._need("truth", test)
        self._same([yes, no])
        missing = test.missing | np.where(test.data, yes.missing, no.missing)
        return Values(np.where(test.data, yes.data, no.data), missing)

    def _call(self, word: str, values: list[Values]) -> Values:
        low, high = _FUNCTIONS[word]
        if not low <= len(values) <= high:
            raise self._refused(f"'{word}' was given {len(values)} values")
        missing = _any_missing(values)
        if word == "concat":
            texts = [_texts(v) for v in values]
            return Values(np.array(["".join(row) for row in zip(*texts, strict=True)], dtype=object), missing)
        if word in ("min", "max"):
            self._same(values)
            self._need("number", *(v for v in values if v.kind != "moment"))
            pick = np.minimum if word == "min" else np.maximum
            return Values(pick.reduce([v.data for v in values]), missing)
        self._need("number", *values)
        if word == "abs":
            return Values(np.abs(values[0].data), missing)
        places = int(values[1].data[0]) if len(values) == 2 and len(values[1].data) else 0
        rounded = np.round(values[0].data, places)
        if len(values) == 1:
            rounded = np.nan_to_num(rounded, nan=0.0, posinf=0.0, neginf=0.0)
            if (np.abs(rounded) > INTEGER_ROOM).any():
                raise self._refused("a number is too large to be rounded to a whole one")
            rounded = rounded.astype(np.int64)
        return Values(rounded, missing | ~np.isfinite(values[0].data))


_FUNCTIONS = {"min": (2, 64), "max": (2, 64), "round": (1, 2), "abs": (1, 1), "concat": (1, 64)}
"""Fewest and most values each function takes."""

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


def _any_missing(values: list[Values]) -> np.ndarray:
    missing: np.ndarray = np.logical_or.reduce([v.missing for v in values])
    return missing


def _texts(values: Values) -> list[str]:
    if values.kind == "moment":
        return [str(v).replace("T", " ").removesuffix(".000000") for v in values.data]
    return [str(v) for v in values.data.tolist()]


def _hint(word: str, known: list[str]) -> str:
    near = did_you_mean(word, known).strip().rstrip("?").replace("Did you mean", "did you mean")
    return f" ({near}?)" if near else ""


def evaluation_order(expressions: Mapping[str, Expression], known: list[str]) -> list[str]:
    """Return the expressions' columns so that each comes after those it uses.

    Raises GeneratorError for a column that is not there (with the nearest name) and for a circle.
    """
    for name, expression in expressions.items():
        for used in sorted(expression.columns - set(known)):
            raise GeneratorError(
                f"The expression of column '{name}' uses '{used}', which is not a column with a rule."
                f"{did_you_mean(used, [k for k in known if k != name])}",
                fix=f"Correct tables.*.columns.{name}.rule.expression, or give '{used}' a rule.",
            )
    done: list[str] = []
    waiting = {name: set(e.columns) & set(expressions) for name, e in expressions.items()}
    while waiting:
        ready = [name for name, needs in waiting.items() if needs <= set(done)]
        if not ready:
            raise GeneratorError(
                f"The expressions of {', '.join(sorted(waiting))} wait for each other.",
                why="Each uses, directly or by way of others, its own result.",
                fix="Give one of them a rule that does not use the others.",
            )
        done += ready
        waiting = {name: needs for name, needs in waiting.items() if name not in done}
    return done
