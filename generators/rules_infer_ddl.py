"""Rules from SQL: CREATE TABLE statements, read by sqlglot. The only file that imports it, and only when asked to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from generators.rules_infer import Draft, Fact, Facts, Kind, draft, pick
from proofset.errors import GeneratorError, MissingExtraError

INTEGERS = {"TINYINT", "SMALLINT", "MEDIUMINT", "INT", "BIGINT", "INT128", "INT256", "UTINYINT", "USMALLINT", "UINT",
            "UBIGINT", "SERIAL", "SMALLSERIAL", "BIGSERIAL", "BIT", "YEAR"}  # fmt: skip
NUMBERS = {"FLOAT", "DOUBLE", "DECIMAL", "DECIMAL32", "DECIMAL64", "DECIMAL128", "BIGDECIMAL", "MONEY", "SMALLMONEY"}
TEXTS = {"CHAR", "NCHAR", "VARCHAR", "NVARCHAR", "BPCHAR", "TEXT", "TINYTEXT", "MEDIUMTEXT", "LONGTEXT", "NAME", "UUID",
         "FIXEDSTRING"}  # fmt: skip
MOMENTS = {"DATETIME", "DATETIME2", "DATETIME64", "SMALLDATETIME", "TIMESTAMP", "TIMESTAMPTZ", "TIMESTAMPLTZ",
           "TIMESTAMPNTZ", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"}  # fmt: skip
SERIAL = {"SERIAL", "SMALLSERIAL", "BIGSERIAL"}


def infer_ddl(text: str, table: str | None = None, dialect: str | None = None) -> Draft:
    """Return the rules of one table of a DDL script.

    table: which one; needed where there are several.  dialect: of sqlglot, such as "postgres" or "mysql".

    Raises GeneratorError where the script cannot be parsed, or has no such table.
    """
    try:
        import sqlglot
        from sqlglot import exp
    except ImportError:
        raise MissingExtraError(
            "The package sqlglot is not installed.", fix="Install it: `pip install sqlglot`."
        ) from None
    try:
        statements = sqlglot.parse(text, read=dialect)
    except (sqlglot.errors.SqlglotError, ValueError, RecursionError):
        raise GeneratorError(
            "The SQL cannot be parsed.", fix="Check it, or name its dialect with --dialect, such as postgres."
        ) from None
    schemas = {
        s.this.this.name: s.this
        for s in statements
        if isinstance(s, exp.Create) and s.args.get("kind") == "TABLE" and isinstance(s.this, exp.Schema)
    }
    chosen = schemas[pick(list(schemas), table)]
    return draft(_facts(chosen, exp))


def _facts(schema: Any, exp: Any) -> Facts:
    facts: dict[str, Fact] = {}
    notes: list[str] = []
    sets: list[tuple[str, ...]] = []
    for column in schema.expressions:
        if isinstance(column, exp.ColumnDef):
            facts[column.name] = _column(column, notes, exp)
    for column in schema.expressions:
        if isinstance(column, exp.ColumnDef):
            for constraint in column.find_all(exp.CheckColumnConstraint):
                _check(constraint.this, facts, notes, exp)
            continue
        for part in column.expressions if isinstance(column, exp.Constraint) else [column]:
            _table_constraint(part, facts, notes, sets, exp)
    return Facts(schema.this.name, tuple(facts.values()), tuple(sets), notes=tuple(notes))


def _column(column: Any, notes: list[str], exp: Any) -> Fact:
    name, word = column.name, column.kind.this.name if column.kind else "UNKNOWN"
    sizes = [int(p.name) for p in column.kind.expressions if p.name.isdigit()] if column.kind else []
    fact = Fact(name, _kind(word), decimals=None, numbered=word in SERIAL)
    if word in NUMBERS and "FLOAT" not in word and "DOUBLE" not in word:
        places = sizes[1] if len(sizes) > 1 else 0 if sizes else 2
        room = 10.0 ** (sizes[0] - places) if sizes else None
        fact = replace(fact, decimals=min(places, 12), high=None)
        if room is not None and room <= 1_000:
            fact = replace(fact, low=0.0, high=room - 10.0**-places)
    if fact.kind == "text" and sizes:
        fact = replace(fact, length=(sizes[0] if word in ("CHAR", "NCHAR") else 0, sizes[0]))
    if word == "UUID":
        fact = replace(fact, format="uuid")
    if word == "ENUM":
        fact = replace(fact, kind="text", values=tuple(p.name for p in column.kind.expressions))
    elif fact.kind == "other":
        notes.append(f"{name}: its type {word.lower()} is not known; texts for now.")
    for constraint in column.constraints:
        match constraint.kind:
            case exp.NotNullColumnConstraint() as null:
                fact = replace(fact, nullable=bool(null.args.get("allow_null")))
            case exp.PrimaryKeyColumnConstraint():
                fact = replace(fact, nullable=False, unique=True)
            case exp.UniqueColumnConstraint():
                fact = replace(fact, unique=True)
            case exp.GeneratedAsIdentityColumnConstraint() | exp.AutoIncrementColumnConstraint():
                fact = replace(fact, numbered=True)
            case exp.CommentColumnConstraint() as comment:
                fact = replace(fact, description=comment.this.name)
            case exp.Reference() as reference:
                notes.append(f"{name}: refers to {reference.this.this.name}; its values are not tied to that table.")
    return fact


def _kind(word: str) -> Kind:
    if word in INTEGERS:
        return "integer"
    if word in NUMBERS:
        return "number"
    if word in MOMENTS:
        return "datetime"
    if word in ("DATE", "DATE32"):
        return "date"
    return "boolean" if word == "BOOLEAN" else "text" if word in TEXTS else "other"


def _table_constraint(
    part: Any, facts: dict[str, Fact], notes: list[str], sets: list[tuple[str, ...]], exp: Any
) -> None:
    match part:
        case exp.PrimaryKey() | exp.UniqueColumnConstraint():
            inner = part.expressions or (part.this.expressions if part.this is not None else [])
            names = tuple(n for e in inner if (n := _name(e, exp)) in facts)
            if isinstance(part, exp.PrimaryKey):
                facts.update({n: replace(facts[n], nullable=False) for n in names})
            if len(names) == 1:
                facts[names[0]] = replace(facts[names[0]], unique=True)
            elif names:
                sets.append(names)
        case exp.CheckColumnConstraint() | exp.Check():
            _check(part.this, facts, notes, exp)
        case exp.ForeignKey():
            names = tuple(e.name for e in part.expressions)
            target = part.args["reference"].this.this.name if part.args.get("reference") else "another table"
            notes.append(f"{', '.join(names)}: refers to {target}; its values are not tied to that table.")
        case _:
            notes.append("A constraint of the table was not understood and is left out.")


def _name(node: Any, exp: Any) -> str:
    inner = node.this if isinstance(node, exp.Ordered) else node
    return str(inner.name)


def _check(condition: Any, facts: dict[str, Fact], notes: list[str], exp: Any) -> None:
    """Take bounds and lists out of a condition; note what is left."""
    condition = condition.unnest()
    if isinstance(condition, exp.And):
        _check(condition.left, facts, notes, exp)
        _check(condition.right, facts, notes, exp)
        return
    name = condition.this.name if isinstance(getattr(condition, "this", None), exp.Column) else ""
    fact = facts.get(name)
    if fact is not None:
        changed = _bounded(fact, condition, facts, exp)
        if changed is not None:
            facts[name] = changed
            return
    columns = sorted({c.name for c in condition.find_all(exp.Column)})
    notes.append(f"{', '.join(columns) or 'The table'}: a check was not understood and is left out.")


def _bounded(fact: Fact, condition: Any, facts: dict[str, Fact], exp: Any) -> Fact | None:
    if isinstance(condition, exp.In) and all(isinstance(e, exp.Literal) for e in condition.expressions):
        values = tuple(e.name if e.is_string else float(e.name) for e in condition.expressions)
        whole = fact.kind == "integer"
        return replace(fact, values=tuple(int(v) if whole and isinstance(v, float) else v for v in values))
    if isinstance(condition, exp.Between):
        low, high = _literal(condition.args["low"], exp), _literal(condition.args["high"], exp)
        return replace(fact, low=low, high=high) if low is not None and high is not None else None
    if not isinstance(condition, exp.GT | exp.GTE | exp.LT | exp.LTE):
        return None
    other = condition.expression
    times = ("datetime", "date")
    if isinstance(other, exp.Column):
        later = isinstance(condition, exp.GT | exp.GTE)
        base = facts.get(other.name)
        if later and base is not None and base.after != fact.name and {fact.kind, base.kind} <= set(times):
            return replace(fact, after=other.name)
        return None
    bound = _literal(other, exp)
    if bound is None or fact.kind in times:
        return None
    step = 1.0 if fact.kind == "integer" else 10.0 ** -(fact.decimals if fact.decimals is not None else 6)
    if isinstance(condition, exp.GT | exp.GTE):
        return replace(fact, low=bound + step * isinstance(condition, exp.GT))
    return replace(fact, high=bound - step * isinstance(condition, exp.LT))


def _literal(node: Any, exp: Any) -> float | None:
    sign = 1.0
    if isinstance(node, exp.Neg):
        node, sign = node.this, -1.0
    return sign * float(node.name) if isinstance(node, exp.Literal) and not node.is_string else None
