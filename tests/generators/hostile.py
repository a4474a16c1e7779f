"""Hostile tables: more than a hundred that have broken somebody's pipeline, each with what is to become of it.

A case makes a table, which is stored as Parquet, or a file. `handled` ones come back with the same types and rows;
`refused` ones end in an error that says what and how to fix it.
"""

from __future__ import annotations

import datetime as dt
import decimal
import io
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

N = 300
RNG = np.random.default_rng(17)
Columns = dict[str, Any]


class Case(NamedTuple):
    """make: a table, or a file's bytes.  handled: or else refused.  name: of the file.  encoding: of CSV."""

    make: Callable[[], pa.Table | bytes]
    handled: bool
    name: str = "table.parquet"
    encoding: str = "utf-8"
    slow: bool = False


CASES: dict[str, Case] = {}


def table(name: str, make: Callable[[], Columns | pa.Table], *, handled: bool = True, slow: bool = False) -> None:
    def made() -> pa.Table:
        columns = make()
        return columns if isinstance(columns, pa.Table) else pa.table(columns)

    CASES[name] = Case(made, handled, slow=slow)


def file(
    name: str, make: Callable[[], bytes], *, handled: bool, called: str = "table.csv", encoding: str = "utf-8"
) -> None:
    CASES[name] = Case(make, handled, called, encoding)


def words(*choices: Any, rows: int = N) -> list[Any]:
    return [choices[i % len(choices)] for i in range(rows)]


def beside(**columns: Any) -> Columns:
    """Columns beside two that are well-behaved."""
    return {**columns, "_n": RNG.normal(size=N), "_c": words("a", "b", "c")}


def named(*names: str) -> Columns:
    return {name: RNG.integers(0, 9, N) if i % 2 else words("x", "y") for i, name in enumerate(names)}


def whole(low: int, high: int, kind: pa.DataType, rows: int = N) -> pa.Array:
    step = (high - low) // (rows - 1)
    return pa.array([low + i * step for i in range(rows - 1)] + [high], kind)


# Shapes.
table("no columns", lambda: pa.table({}), handled=False)
table("no rows", lambda: {"a": pa.array([], pa.int64()), "b": pa.array([], pa.string())}, handled=False)
table("one row", lambda: {"a": [1], "b": ["x"]}, handled=False)
table("two rows", lambda: {"a": [1, 2], "b": ["x", "y"]}, handled=False)
table("ninety-nine rows", lambda: {"a": np.arange(99) % 4}, handled=False)
table("one column of numbers", lambda: {"a": RNG.normal(size=N)})
table("one column of words", lambda: {"a": words("x", "y", "z")})
table("one column of ids", lambda: {"customer_id": np.arange(N)})
table("a thousand columns", lambda: {f"c{i}": RNG.integers(0, 4, 120) for i in range(1_000)}, slow=True)
table(
    "three hundred flags of which few are set",
    lambda: {f"is_{i}": (RNG.random(N) < 0.02).astype(int) for i in range(300)},
    slow=True,
)
table("all rows alike", lambda: {"a": [7] * N, "b": ["x"] * N, "c": [1.5] * N})
table("every row twice", lambda: {"a": np.repeat(np.arange(N // 2), 2), "b": np.repeat(RNG.normal(size=N // 2), 2)})
table(
    "chunks of one row with dictionaries of their own",
    lambda: pa.concat_tables(
        [pa.table({"a": pa.array([w]).dictionary_encode(), "n": [i]}) for i, w in enumerate(words("x", "y", "z"))]
    ),
)
table(
    "a slice of a longer table",
    lambda: pa.table({"a": np.arange(900) % 7, "b": words("x", None, rows=900)}).slice(301, N),
)

# Names.
table("a name twice", lambda: pa.table([[1] * N, [2] * N], names=["a", "a"]), handled=False)
table("an empty name", lambda: {"": [1] * N, "b": [2] * N}, handled=False)
table("a name of spaces", lambda: {"  ": [1] * N, "b": [2] * N}, handled=False)
table("names with quotes", lambda: named("a'b", 'a"b', "a`b", "a'b\"c"))
table("names with line ends and tabs", lambda: named("a\nb", "a\r\nb", "a\tb", "a\\nb"))
table("names of emoji and other scripts", lambda: named("😀", "שלום", "名前", "e\u0301", "é"))
table("names with spaces around", lambda: named(" a", "a ", "a", " a "))
table("names of SQL", lambda: named("'; DROP TABLE t; --", "select", "a.b.c", "*", "COUNT(*)"))
table("names of HTML and templates", lambda: named("<script>alert(1)</script>", "{{ 7*7 }}", "${x}", "%s", "{0}"))
table("names of paths", lambda: named("../../etc/passwd", "C:\\x", "/dev/null", "a/b"))
table("names of ten thousand characters", lambda: named("a" * 10_000, "a" * 9_999 + "b"))
table("names that differ in case", lambda: named("id_no", "ID_NO", "Amount", "amount", "AMOUNT"))
table("names that mean something to Python", lambda: named("__class__", "None", "self", "0", "1.5", "nan", "index"))
table("names that mean something to a generator", lambda: named("codes", "weights", "missing", "c0", "model-x", "rows"))

# Numbers.
table("integers beyond 2**53", lambda: beside(a=whole(2**53, 2**53 + 997, pa.int64())))
table(
    "the smallest and largest int64",
    lambda: beside(a=whole(-(2**63), 2**63 - 1, pa.int64()), b=words(-(2**63), 2**63 - 1)),
)
table(
    "the largest uint64",
    lambda: beside(a=pa.array(words(0, 2**64 - 1), pa.uint64()), b=whole(2**63, 2**64 - 1, pa.uint64())),
)
table("the ends of int8", lambda: beside(a=pa.array(words(-128, 127), pa.int8()), b=whole(-128, 127, pa.int16())))
table(
    "decimals of 38 digits",
    lambda: beside(a=pa.array([decimal.Decimal(10**37 + i).scaleb(-10) for i in range(N)], pa.decimal128(38, 10))),
)
table(
    "decimals of 76 digits",
    lambda: beside(a=pa.array([decimal.Decimal(int("9" * 70) - i) for i in range(N)], pa.decimal256(76, 0))),
)
table(
    "decimals of money",
    lambda: beside(
        a=pa.array([decimal.Decimal(int(v)).scaleb(-2) for v in RNG.integers(0, 10**6, N)], pa.decimal128(12, 2))
    ),
)
table("not-a-number among numbers", lambda: beside(a=words(1.5, float("nan"), 2.5, 7.25)))
table("not-a-number and nothing else", lambda: beside(a=[float("nan")] * N), handled=False)
table("infinities", lambda: beside(a=words(1.0, float("inf"), -float("inf"))), handled=False)
table("negative zero", lambda: beside(a=words(0.0, -0.0), b=[-0.0] * N))
table("denormals", lambda: beside(a=words(5e-324, 1e-310, 2e-308), b=np.linspace(5e-324, 1e-309, N)))
table("numbers near 1e308", lambda: beside(a=words(1.7e308, -1.7e308), b=np.linspace(-8e307, 8e307, N)))
table("half-precision floats", lambda: beside(a=pa.array(RNG.normal(size=N).astype(np.float16))))
table("single-precision floats", lambda: beside(a=pa.array(RNG.lognormal(3, 2, N).astype(np.float32))))
table("whole numbers as floats with nulls", lambda: beside(a=pa.array(words(1.0, None, 3.0, 4.0))))
table("nine tenths missing", lambda: beside(a=pa.array([float(i) if i % 10 == 0 else None for i in range(N)])))
table("a single number among nulls", lambda: beside(a=pa.array([12345.678, *[None] * (N - 1)])))
table(
    "sentinels",
    lambda: beside(a=words(-999, 5, 6, 7, 9999), b=pa.array(words(dt.date(9999, 12, 31), dt.date(2020, 1, 5)))),
)
table("mostly zero", lambda: beside(a=[0.0] * (N - 12) + RNG.lognormal(8, 2, 12).tolist(), b=[0] * (N - 3) + [7, 8, 9]))
table("extreme skew", lambda: beside(a=RNG.lognormal(0, 10, N), b=RNG.pareto(0.3, N)))
table(
    "columns that repeat each other",
    lambda: {f"c{i}": np.arange(N) * (i + 1) % 17 for i in (0, 0, 1, 16)} | {"d": -(np.arange(N) % 17)},
)
table(
    "a linear combination",
    lambda: (lambda x, y: {"x": x, "y": y, "sum": x + y, "same": x})(RNG.normal(size=N), RNG.normal(size=N)),
)

# Truth values.
table("truth with nulls", lambda: beside(a=words(True, None, False)))
table("truth and nothing else", lambda: {"a": [True] * N, "b": words(True, False), "c": words(False, None)})
table("one true row", lambda: beside(a=[True, *[False] * (N - 1)]))

# Times.
table("dates of the years 1 and 9999", lambda: beside(a=pa.array(words(dt.date(1, 1, 1), dt.date(9999, 12, 31)))))
table(
    "dates over all years",
    lambda: beside(a=pa.array([dt.date(1, 1, 1) + dt.timedelta(days=12_000 * i) for i in range(N)])),
)
table("the ends of nanoseconds", lambda: beside(a=whole(-(2**63) + 1, 2**63 - 1, pa.timestamp("ns"))))
table(
    "moments in a zone that changes its clock",
    lambda: beside(
        a=pa.array(
            [dt.datetime(2024, 3, 31, 0, 30) + dt.timedelta(minutes=7 * i) for i in range(N)],
            pa.timestamp("us", "Europe/Berlin"),
        )
    ),
)
table("moments at odd offsets", lambda: beside(a=pa.array(RNG.integers(0, 2**31, N), pa.timestamp("s", "+05:45"))))
table("date64", lambda: beside(a=pa.array(RNG.integers(0, 9_999, N) * 86_400_000, pa.date64())))
table(
    "times of day",
    lambda: beside(
        a=pa.array(RNG.integers(0, 86_400, N).astype(np.int32), pa.time32("s")),
        b=pa.array(RNG.integers(0, 86_400 * 10**9, N), pa.time64("ns")),
    ),
)
table("durations", lambda: beside(a=pa.array(RNG.integers(0, 10**9, N), pa.duration("us"))), handled=False)
table("a leap second as text", lambda: beside(a=words("2016-12-31T23:59:60Z", "2016-12-31T23:59:59Z")))
table("dates as text in several ways", lambda: beside(a=words("2020-01-31", "31.01.2020", "01/31/20", "Jan 31, 2020")))
table("dates that never were", lambda: beside(a=words("2023-02-30", "0000-00-00", "9999-99-99")))

# Types that are no single values.
table("bytes", lambda: beside(a=pa.array([bytes([i % 256]) for i in range(N)])), handled=False)
table("bytes of one length", lambda: beside(a=pa.array([b"1234"] * N, pa.binary(4))), handled=False)
table("lists", lambda: beside(a=pa.array([[i, i + 1] for i in range(N)])), handled=False)
table("structures", lambda: beside(a=pa.array([{"x": i} for i in range(N)])), handled=False)
table(
    "maps", lambda: beside(a=pa.array([[("k", i)] for i in range(N)], pa.map_(pa.string(), pa.int64()))), handled=False
)
table("a column of no type", lambda: beside(a=pa.nulls(N)), handled=False)
table("every cell null", lambda: {"a": pa.nulls(N, pa.int64()), "b": pa.nulls(N, pa.string())}, handled=False)
table(
    "dictionary with entries nobody has",
    lambda: beside(a=pa.DictionaryArray.from_arrays(pa.array(words(0, 2), pa.int32()), ["x", "unused", "y"])),
)
table(
    "dictionary with a null entry",
    lambda: beside(a=pa.DictionaryArray.from_arrays(pa.array(words(0, 1, 2), pa.int32()), pa.array(["x", None, "y"]))),
)
table(
    "dictionary with an entry twice",
    lambda: beside(a=pa.DictionaryArray.from_arrays(pa.array(words(0, 1, 2), pa.int32()), ["x", "y", "x"])),
)
table(
    "dictionary with a full small index",
    lambda: beside(
        a=pa.DictionaryArray.from_arrays(
            pa.array([i % 127 for i in range(N)], pa.int8()), [f"w{i}" for i in range(127)]
        )
    ),
)
table(
    "dictionary of numbers",
    lambda: beside(a=pa.array(words(10, 20, 30)).dictionary_encode(), b=pa.array(words(1.5, 2.5)).dictionary_encode()),
)

# Words.
table("a cell of a megabyte", lambda: beside(a=["x" * 2**20, *words("a", "b", rows=N - 1)]))
table("characters of no width", lambda: beside(a=words("a\u200bb", "ab", "a\u00adb", "\ufeffab")))
table(
    "words from right to left and marks that combine",
    lambda: beside(a=words("مرحبا", "שלום", "e\u0301", "é", "👩‍👩‍👧")),
)
table("empty words and nulls", lambda: beside(a=words("", None, "x", " ")))
table("the character NUL", lambda: beside(a=words("a\x00b", "a", "\x00")))
table(
    "words for nothing",
    lambda: beside(a=words("None", "NaN", "null", "NULL", "nan", "N/A", "", "-"), b=words("nan", None)),
)
table(
    "codes with leading zeros",
    lambda: beside(a=[f"{i:08d}" for i in range(N)], b=words("007", "042", "7")),
)
table("codes with leading zeros, of one length", lambda: beside(zip=[f"{i * 37 % 99_999:05d}" for i in range(N)]))
table(
    "thousands with commas",
    lambda: beside(a=[f"{i * 7_919:,}" for i in range(N)], b=words("1,000", "2.000,50", "3 000")),
)
table("numbers and words in one column", lambda: beside(a=[*map(str, range(N - 5)), *["unknown"] * 5]), handled=False)
table("all words different", lambda: {"a": [f"w{i} x{i * 7}" for i in range(N)], "b": [f"k{i}" for i in range(N)]})
table(
    "nearly all different, in every column",
    lambda: {f"c{k}": [f"v{i * (k + 1) % 290}" for i in range(N)] for k in range(4)},
)
table("one word nearly everywhere", lambda: {"a": ["x"] * 19_998 + ["y", "z"], "b": np.arange(20_000) % 5})
table(
    "a hundred thousand categories",
    lambda: {"a": [f"k{i % 100_000}" for i in range(250_000)], "b": np.arange(250_000) % 3},
)
table(
    "categories of nine rows each",
    lambda: beside(a=[f"group {'abcdefghijklmnopqrstuvwxyzABCDEFGH'[i // 9]}" for i in range(N)]),
)
table("formulas for a spreadsheet", lambda: beside(a=words("=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "-2+3")))
table(
    "names and addresses of people",
    lambda: {
        "name": [
            f"{a} {b}"
            for a, b in zip(
                words("Ada", "Bob", "Cem"), [f"Sur{chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(N)], strict=True
            )
        ],
        "email": [f"u{i}@corp.test" for i in range(N)],
        "phone": [f"+1 555 {i:07d}" for i in range(N)],
        "age": np.arange(N) % 60,
    },
)
table("large strings", lambda: beside(a=pa.array(words("x", "y"), pa.large_string())))


# Files.
def csv(header: str = "a,b", row: Callable[[int], str] = lambda i: f"{i % 7},w{i % 3}", end: str = "\n") -> str:
    return end.join([header, *(row(i) for i in range(N))]) + end


def parquet(made: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(made, sink, **options)
    return sink.getvalue()


PLAIN = {"a": np.arange(N) % 7, "b": words("x", "y")}
file("CSV", lambda: csv().encode(), handled=True)
file("CSV with a mark of byte order", lambda: b"\xef\xbb\xbf" + csv().encode(), handled=True)
file("CSV with line ends of Windows", lambda: csv(end="\r\n").encode(), handled=True)
file(
    "CSV with quotes and line ends in cells",
    lambda: csv(row=lambda i: f'{i % 7},"say ""{i % 3}""\nagain"').encode(),
    handled=True,
)
file(
    "CSV of a quote that never ends",
    lambda: csv(row=lambda i: f"{i},{'abc' if i != 9 else chr(34)}").encode(),
    handled=False,
)
file("CSV of uneven rows", lambda: (csv() + "1,2,3\n").encode(), handled=False)
file("CSV of a header alone", lambda: b"a,b\n", handled=False)
file("CSV of nothing", lambda: b"", handled=False)
file("CSV of blank lines", lambda: b"\n" * 500, handled=False)
file("CSV with semicolons", lambda: csv("a;b", lambda i: f"{i % 7};w{i % 3}").encode(), handled=False)
file("CSV that is not UTF-8", lambda: csv(row=lambda i: f"{i % 7},caf\xe9").encode("latin-1"), handled=False)
file(
    "CSV of declared Latin-1",
    lambda: csv(row=lambda i: f"{i % 7},caf\xe9").encode("latin-1"),
    handled=True,
    encoding="latin-1",
)
file("CSV of an encoding nobody knows", lambda: csv().encode(), handled=False, encoding="klingon-8")
file("CSV that is UTF-16", lambda: csv().encode("utf-16"), handled=False)
file("CSV with NUL bytes", lambda: csv(row=lambda i: f"{i % 7},w\x00{i % 3}").encode(), handled=True)
file("CSV of mixed types", lambda: csv(row=lambda i: f"{i if i % 50 else 'unknown'},x").encode(), handled=False)
file("CSV with a name twice", lambda: csv("a,a").encode(), handled=False)
file("CSV with a name missing", lambda: csv("a,").encode(), handled=False)
file("CSV with no header but numbers", lambda: csv("1,2", lambda i: f"{i % 7},{i % 5}").encode(), handled=True)
file(
    "CSV with codes of leading zeros",
    lambda: csv(row=lambda i: f"{i * 37 % 99_999:05d},w{i % 3}").encode(),
    handled=True,
)
file(
    "CSV with codes of twenty digits", lambda: csv(row=lambda i: f"{10**19 + i * 7919},w{i % 3}").encode(), handled=True
)
file(
    "CSV with words for nothing", lambda: csv(row=lambda i: ("NA", "3", "", "NaN")[i % 4] + ",x").encode(), handled=True
)
file("CSV with a column of nothing", lambda: csv(row=lambda i: f",{i % 5}").encode(), handled=False)
file("CSV with spaces around cells", lambda: csv("a, b", lambda i: f" {i % 7} , w{i % 3} ").encode(), handled=True)
file("TSV", lambda: csv("a\tb", lambda i: f"{i % 7}\tw{i % 3}").encode(), handled=True, called="table.tsv")
file("Parquet cut short", lambda: parquet(pa.table(PLAIN))[:-20], handled=False, called="table.parquet")
file(
    "Parquet with its middle overwritten",
    lambda: parquet(pa.table(PLAIN))[:4] + b"\x00" * 400 + parquet(pa.table(PLAIN))[404:],
    handled=False,
    called="table.parquet",
)
file("Parquet of nothing", lambda: b"", handled=False, called="table.parquet")
file("Parquet without row groups", lambda: parquet(pa.table(PLAIN).slice(0, 0)), handled=False, called="table.parquet")
file(
    "Parquet with a row group per row",
    lambda: parquet(pa.table(PLAIN), row_group_size=1),
    handled=True,
    called="table.parquet",
)
file("Parquet that is CSV", lambda: csv().encode(), handled=False, called="table.parquet")
file("CSV that is Parquet", lambda: parquet(pa.table(PLAIN)), handled=False)
file("a spreadsheet", lambda: b"PK\x03\x04", handled=False, called="table.xlsx")
