"""Making an expression true: assignments that follow from how it is written.

`a <= b + 1` can hold because a is lowered or, where it is a column alone, the other side is raised; `x == 'paid'`
because x is set. What cannot be turned into an assignment gives no proposal.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from generators.constraints_write import moved, nulled, to_column, with_column
from proofset.constraints_values import columns_of, flat, value_type
from proofset.errors import ProofsetError
from proofset.expressions import Expression
from proofset.values import Values

OPPOSITE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.GtE, ast.LtE: ast.Gt, ast.Gt: ast.LtE, ast.GtE: ast.Lt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
MIRRORED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.Gt, ast.LtE: ast.GtE, ast.Gt: ast.Lt, ast.GtE: ast.LtE, ast.Eq: ast.Eq,
}  # fmt: skip
SIDES: dict[type[ast.cmpop], tuple[int, bool]] = {
    ast.Lt: (-1, True), ast.LtE: (-1, False), ast.Gt: (1, True), ast.GtE: (1, False), ast.Eq: (0, False),
}  # fmt: skip
"""The direction in which a column is moved to the other side's value, and whether it must go beyond."""


@dataclass(frozen=True)
class Assigner:
    """Proposals for the rows of tables.

    pool: rows to take values from where a missing one is to be filled.  rng: chooses among them.
    """

    pool: pa.Table
    rng: np.random.Generator

    def proposals(self, text: str, table: pa.Table, *, wanted: bool = True) -> Iterator[pa.Table]:
        """Tables in which the expression may be `wanted`; the caller checks."""
        yield from self._made(ast.parse(text.strip(), mode="eval").body, table, wanted)

    def _made(self, node: ast.expr, table: pa.Table, wanted: bool) -> Iterator[pa.Table]:
        match node:
            case ast.UnaryOp(op=ast.Not(), operand=inner):
                yield from self._made(inner, table, not wanted)
            case ast.BoolOp(op=op, values=parts) if isinstance(op, ast.And) == wanted:  # all of them
                yield from self._all(parts, table, wanted)
            case ast.BoolOp(values=parts):  # any of them
                for inner in parts:
                    yield from self._made(inner, table, wanted)
            case ast.Compare(left=left, ops=ops, comparators=others) if len(ops) > 1:
                sides = [left, *others]
                links: list[ast.expr] = [
                    ast.Compare(left=a, ops=[op], comparators=[b]) for a, op, b in zip(sides, ops, others, strict=False)
                ]
                yield from self._made(ast.BoolOp(op=ast.And(), values=links), table, wanted)
            case ast.Compare(left=left, ops=[op], comparators=[other]):
                yield from self._compared(left, type(op) if wanted else OPPOSITE[type(op)], other, table)
            case ast.Call(func=ast.Name(id="is_null"), args=[inner]) if (name := _column(inner)) is not None:
                yield nulled(table, name) if wanted else self.filled(table, name)
            case _ if (name := _column(node)) is not None:
                truth = Values(np.full(table.num_rows, wanted), np.zeros(table.num_rows, bool))
                yield from _assigned(table, name, truth, 0)

    def _all(self, parts: list[ast.expr], table: pa.Table, wanted: bool) -> Iterator[pa.Table]:
        made = [table]
        for inner in parts:
            # A part that already holds is left alone by the caller's choice of rows, not here: keep the untouched, too.
            made = [other for before in made[:4] for other in (*self._made(inner, before, wanted), before)]
        yield from made

    def _compared(self, left: ast.expr, op: type[ast.cmpop], other: ast.expr, table: pa.Table) -> Iterator[pa.Table]:
        held = self._held(ast.Compare(left=left, ops=[op()], comparators=[other]), table)
        if held is None:
            return
        if op is ast.In and isinstance(other, ast.List | ast.Tuple) and (name := _column(left)) is not None:
            place = int(self.rng.integers(len(other.elts)))
            yield from self._set(name, ast.Eq, other.elts[place], table, held)
        if op in SIDES and (name := _column(left)) is not None:
            yield from self._set(name, op, other, table, held)
        if op in SIDES and (name := _column(other)) is not None:
            yield from self._set(name, MIRRORED[op], left, table, held)

    def _held(self, node: ast.expr, table: pa.Table) -> np.ndarray | None:
        """Rows in which a comparison holds already; they are left alone."""
        said = self._value(node, table)
        return None if said is None else said.data.astype(bool) & ~said.missing

    def _value(self, node: ast.expr, table: pa.Table) -> Values | None:
        expression = Expression(ast.unparse(node), "")
        try:
            return expression.evaluate(columns_of(table, expression.columns), table.num_rows)
        except ProofsetError:
            return None

    def _set(
        self, name: str, op: type[ast.cmpop], other: ast.expr, table: pa.Table, held: np.ndarray
    ) -> Iterator[pa.Table]:
        direction, beyond = SIDES[op]
        limit = self._value(other, table)
        if limit is None:
            return
        if beyond and limit.kind in ("number", "moment"):
            limit = moved(limit, table.schema.field(name).type, direction)
        for made in _assigned(table, name, limit, direction):
            kept = pc.if_else(pa.array(held), flat(table[name]), flat(made[name]))
            yield with_column(table, name, kept)

    def filled(self, table: pa.Table, name: str) -> pa.Table:
        """The table with a column's nulls filled from rows of the pool in which it is known, if any."""
        known = flat(self.pool[name]).drop_null()
        if not len(known):
            return table
        rows = self.rng.integers(len(known), size=table.num_rows)
        return with_column(table, name, pc.coalesce(flat(table[name]), known.take(pa.array(rows))))


def _assigned(table: pa.Table, name: str, values: Values, direction: int) -> Iterator[pa.Table]:
    kind = table.schema.field(name).type
    try:
        yield with_column(table, name, to_column(values, value_type(kind), direction))
    except (TypeError, ValueError, OverflowError, pa.ArrowException):
        return


def _column(node: ast.expr) -> str | None:
    match node:
        case ast.Name(id=name) | ast.Call(func=ast.Name(id="col"), args=[ast.Constant(value=str(name))]):
            return name
    return None
