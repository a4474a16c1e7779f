"""The contract of every exporter: deterministic, parseable, named by the release and its bytes, and hostile-proof."""

from __future__ import annotations

import html.parser
import itertools
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from lineage.exports import EXPORTERS, exported, exporter
from lineage.record import Record, read_record
from tests.lineage.record_world import HOSTILE, full, hostile, make_table, minimal

SECRET = "ZZ-SECRET-"


def with_secrets(root: Path) -> Record:
    """A release whose every row holds a value found nowhere else."""
    table = make_table()
    return full(root, table=table.append_column("code", [[f"{SECRET}{n}" for n in range(table.num_rows)]]))[1]


MAKERS: dict[str, Callable[[Path], Record]] = {
    "minimal": minimal,
    "full": lambda root: full(root)[1],
    "hostile": hostile,
    "secrets": with_secrets,
}


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Record]:
    return {name: make(tmp_path_factory.mktemp(name)) for name, make in MAKERS.items()}


@pytest.fixture(scope="module")
def outputs(records: dict[str, Record]) -> dict[str, dict[str, bytes]]:
    return {name: exported(record) for name, record in records.items()}


class Page(html.parser.HTMLParser):
    """Collects what a browser would take for elements, addresses and text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def parsed(path: str, data: bytes) -> Any:
    """The output as its own kind of reader sees it."""
    text = data.decode()
    if path.endswith(".ndjson"):
        return [json.loads(line) for line in text.splitlines()]
    if path.endswith((".json", ".jsonld")):
        return json.loads(text)
    if path.endswith(".yaml"):
        return yaml.safe_load(text)
    if path.endswith(".html"):
        page = Page()
        page.feed(text)
        return page
    return text


def texts(value: Any) -> list[str]:
    """Every text in a parsed value."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, Page):
        return ["".join(value.text)]
    if isinstance(value, dict):
        return [t for k, v in value.items() for t in (k, *texts(v))]
    return [t for one in value for t in texts(one)] if isinstance(value, list) else []


@pytest.mark.parametrize("path", EXPORTERS)
@pytest.mark.parametrize("kind", MAKERS)
def test_an_export_is_deterministic_and_parses(path: str, kind: str, records: dict[str, Record]) -> None:
    record = records[kind]
    data = exporter(path)(record)
    assert exporter(path)(read_record(record.to_bytes())) == data
    assert data.endswith(b"\n")
    assert b"\r" not in data
    assert texts(parsed(path, data))


@pytest.mark.parametrize("path", EXPORTERS)
@pytest.mark.parametrize("kind", MAKERS)
def test_an_export_names_the_release_and_its_bytes(
    path: str, kind: str, records: dict[str, Record], outputs: dict[str, dict[str, bytes]]
) -> None:
    one, text = records[kind].identity, outputs[kind][path].decode()
    assert one.candidate in text
    assert one.data_files[0].sha256 in text
    assert one.release in text
    assert one.data_digest in text or path.endswith((".jsonld", "croissant.json", ".md", ".html"))


@pytest.mark.parametrize("path", EXPORTERS)
def test_no_value_of_a_row_leaves(path: str, outputs: dict[str, dict[str, bytes]], records: dict[str, Record]) -> None:
    assert SECRET.encode() not in outputs["secrets"][path]
    assert SECRET.encode() not in records["secrets"].to_bytes()


@pytest.mark.parametrize("path", EXPORTERS)
def test_hostile_texts_stay_texts(path: str, outputs: dict[str, dict[str, bytes]]) -> None:
    data = outputs["hostile"][path]
    assert b"<script" not in data.lower() or path.endswith((".ndjson", ".yaml", "prov.json"))
    assert b"<img" not in data
    found = parsed(path, data)
    if path.endswith((".json", ".jsonld", ".ndjson", ".yaml")):  # a reader gets the text back, whole
        assert any(HOSTILE.strip() in text for text in texts(found)), path
    if isinstance(found, Page):
        assert "script" not in found.tags
        assert not {"img", "iframe", "object", "embed", "form"} & found.tags
        addresses = [value or "" for name, value in found.attributes if name in ("href", "src")]
        assert all(a.startswith(("#s", "https://doi.org/")) for a in addresses)
        assert not any(name.startswith("on") for name, _ in found.attributes)
        assert " ".join(HOSTILE.split()) in " ".join("".join(found.text).split())


def test_hostile_texts_add_nothing_to_the_markdown(outputs: dict[str, dict[str, bytes]]) -> None:
    shown, plain = (outputs[kind]["exports/datasheet.md"].decode() for kind in ("hostile", "full"))
    headings = [[line for line in text.splitlines() if line.startswith("#")] for text in (shown, plain)]
    assert headings[0][1:] == headings[1][1:]
    assert len(headings[0]) == len(headings[1])
    tables = [list(g) for table, g in itertools.groupby(shown.split("\n"), lambda line: line.startswith("|")) if table]
    assert len(tables) > 5
    for table in tables:  # a sign in a cell that divides columns would make one row longer
        assert len({line.replace("\\|", "").count("|") for line in table}) == 1
    assert "](javascript" not in shown.replace("\\]", "")
    assert shown.replace("\\`", "").count("`") == 2


def test_a_linked_export_can_stand_in_a_web_page(outputs: dict[str, dict[str, bytes]]) -> None:
    for path in ("exports/croissant.json", "exports/dcat.jsonld"):
        data = outputs["hostile"][path]
        assert not set(data) & set(b"<>&")
        assert "\u2028" not in data.decode()


def test_all_exports_take_less_than_two_seconds_with_their_imports(records: dict[str, Record], tmp_path: Path) -> None:
    (tmp_path / "record.json").write_bytes(records["full"].to_bytes())
    code = (
        "import sys, time\n"
        "from lineage.record import read_record; from lineage.exports import exported\n"
        f"done = exported(read_record(open({str(tmp_path / 'record.json')!r}, 'rb').read()))\n"
        "print(time.process_time(), len(done))\n"
        "heavy = {'dagster', 'mlflow', 'sdv', 'torch', 'sklearn', 'mlcroissant', 'jsonschema', 'sqlalchemy'}\n"
        "print(*(heavy & {m.split('.')[0] for m in sys.modules}))"
    )
    out = subprocess.check_output([sys.executable, "-c", code], text=True, timeout=60).splitlines()
    seconds, count = out[0].split()
    assert int(count) == len(EXPORTERS)
    assert float(seconds) < 2  # of the processor: other processes may have the machine
    assert out[1] == ""


def test_the_table_names_functions_that_exist() -> None:
    assert len(set(EXPORTERS.values())) == len(EXPORTERS)
    for path in EXPORTERS:
        assert path.startswith("exports/")
        assert callable(exporter(path))
    with pytest.raises(KeyError):
        exporter("exports/other.json")
