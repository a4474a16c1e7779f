"""Each export against its format's own judge: mlcroissant, the contract's schema, prov, rdflib."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import jsonschema
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import rdflib
import yaml
from open_data_contract_standard.model import OpenDataContractStandard
from rdflib.namespace import DCAT, DCTERMS, FOAF, PROV, RDF, RDFS, XSD

from lineage.exports import exported
from lineage.record import Record, record_of
from tests.lineage.record_world import NOW, World, full, hostile, minimal, utc_text

SPDX = rdflib.Namespace("http://spdx.org/rdf/terms#")
VCARD = rdflib.Namespace("http://www.w3.org/2006/vcard/ns#")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, Record]:
    return full(tmp_path_factory.mktemp("full"))


@pytest.fixture(scope="module")
def outputs(world: tuple[World, Record], tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, bytes]]:
    made = {"minimal": minimal, "hostile": hostile}
    found = {name: exported(make(tmp_path_factory.mktemp(name))) for name, make in made.items()}
    return found | {"full": exported(world[1])}


@pytest.fixture(scope="module")
def folder(world: tuple[World, Record], outputs: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The release's folder with its exports."""
    target = Path(shutil.copytree(world[0].parts.path, tmp_path_factory.mktemp("release") / "folder"))
    for path, data in outputs["full"].items():
        (target / path).parent.mkdir(exist_ok=True)
        (target / path).write_bytes(data)
    return target


KINDS = ("minimal", "full", "hostile")


# Croissant


def validate_croissant(path: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("mlcroissant")), "validate", "--jsonld", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def croissant_of(path: Path) -> Any:
    import mlcroissant
    from absl import logging

    # Its handler closes whatever stream it was made with, which here is pytest's own.
    logging.get_absl_handler().python_handler.stream = sys.__stderr__
    return mlcroissant.Dataset(jsonld=str(path))


@pytest.mark.parametrize("kind", KINDS)
def test_mlcroissant_reads_every_kind_without_errors(kind: str, outputs: Any, tmp_path: Path) -> None:
    path = tmp_path / "croissant.json"
    path.write_bytes(outputs[kind]["exports/croissant.json"])
    issues = croissant_of(path).metadata.ctx.issues
    assert not issues.errors
    if kind != "minimal":  # which names no version
        assert not issues.warnings


def test_mlcroissant_validates_and_loads_the_released_rows(folder: Path, world: tuple[World, Record]) -> None:
    path = folder / "exports" / "croissant.json"
    done = validate_croissant(path)
    assert done.returncode == 0, done.stderr
    assert "Done" in done.stderr
    dataset = croissant_of(path)
    rows = list(dataset.records("visits"))
    table = pq.read_table(next((folder / "data").glob("*.parquet")))
    assert len(rows) == table.num_rows == world[1].identity.rows
    assert [r["visits/visits"] for r in rows] == table["visits"].to_pylist()
    assert [r["visits/spend"] for r in rows] == pytest.approx(table["spend"].to_pylist())
    assert dataset.metadata.distribution[0].sha256 == world[1].identity.data_files[0].sha256
    assert dataset.metadata.data_limitations == [*world[1].closeness.limits, "Not for: decisions about a single person"]
    assert dataset.metadata.data_biases


def test_mlcroissant_notices_a_changed_file_and_a_broken_description(folder: Path, tmp_path: Path) -> None:
    """Controls: the judge is one."""
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    data = next((copy / "data").glob("*.parquet"))
    pq.write_table(pa.table({"spend": [1.0], "visits": [1], "town": ["north"]}), data)
    with pytest.raises(Exception, match="Download") as caught:
        list(croissant_of(copy / "exports" / "croissant.json").records("visits"))
    assert "Hash of downloaded file" in str(caught.value.__cause__)
    broken = json.loads((folder / "exports" / "croissant.json").read_bytes())
    del broken["recordSet"][0]["field"][0]["source"]["fileObject"]
    path = tmp_path / "broken.json"
    path.write_text(json.dumps(broken))
    assert validate_croissant(path).returncode != 0


@pytest.mark.parametrize("kind", KINDS)
def test_croissant_says_what_its_specifications_ask_for(kind: str, outputs: Any) -> None:
    found = json.loads(outputs[kind]["exports/croissant.json"])
    assert found["conformsTo"] == ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"]
    for name in ("@context", "@type", "description", "license", "name", "url", "creator", "datePublished"):
        assert found[name], name
    for name in ("dataCollection", "dataLimitations", "dataSocialImpact", "personalSensitiveInformation"):
        assert found[f"rai:{name}"], name
    assert found["prov:wasDerivedFrom"][0]["@id"].startswith("urn:sha256:")
    assert found["prov:wasGeneratedBy"]["prov:used"][0]["@id"].startswith("urn:sha256:")
    graph = rdflib.Graph().parse(data=json.dumps(found), format="json-ld", publicID="https://example.org/r/exports/c")
    one = rdflib.URIRef(found["@id"])
    assert list(graph.objects(one, PROV.wasDerivedFrom))
    assert list(graph.objects(one, PROV.wasGeneratedBy))


# Open Data Contract Standard


@pytest.mark.parametrize("kind", KINDS)
def test_a_contract_is_valid_by_the_standards_schema(kind: str, outputs: Any) -> None:
    text = outputs[kind]["exports/odcs.yaml"].decode()
    found = yaml.safe_load(text)
    schema = contract_schema()
    judge = jsonschema.validators.validator_for(schema)(schema, format_checker=jsonschema.FormatChecker())
    assert [e.message for e in judge.iter_errors(found)] == []
    assert OpenDataContractStandard.from_string(text).schema_
    for change in ({"version": None}, {"status": 1}, {"more": "x"}, {"schema": [{"properties": []}]}):  # a control
        wrong = {k: v for k, v in (found | change).items() if v is not None}
        assert list(judge.iter_errors(wrong)), change


def contract_schema() -> Any:
    import importlib.resources

    import open_data_contract_standard

    return json.loads((importlib.resources.files(open_data_contract_standard) / "schema.json").read_text())


def test_a_contract_states_what_was_measured(outputs: Any, world: tuple[World, Record]) -> None:
    found = yaml.safe_load(outputs["full"]["exports/odcs.yaml"])
    table = found["schema"][0]
    assert [c["name"] for c in table["properties"]] == ["spend", "visits", "town"]
    assert [c["required"] for c in table["properties"]] == [True, True, False]
    assert table["quality"][0] == {
        "type": "library", "metric": "rowCount", "mustBe": 300, "dimension": "completeness", "unit": "rows",
    }  # fmt: skip
    checks = {q["name"]: q["implementation"]["outcome"] for q in table["quality"][1:]}
    assert checks == {h.check: h.outcome for h in world[1].judgement.findings}
    assert found["status"] == "active"
    gone = record_of(world[0].parts, as_of=utc_text(NOW), roster=world[0].roster, withdrawn=["consent withdrawn"])
    assert yaml.safe_load(exported(gone)["exports/odcs.yaml"])["status"] == "retired"


# PROV


@pytest.mark.parametrize("kind", KINDS)
def test_prov_reads_back_and_is_one_graph(kind: str, outputs: Any) -> None:
    from prov.graph import prov_to_graph
    from prov.model import ProvDocument

    text = outputs[kind]["exports/prov.json"].decode()
    doc = ProvDocument.deserialize(content=text, format="json")
    assert doc == ProvDocument.deserialize(content=doc.serialize(format="json"), format="json")
    graph = prov_to_graph(doc)
    import networkx

    assert networkx.is_weakly_connected(graph)
    assert doc.get_provn()
    found = json.loads(text)
    for relation in (
        "wasDerivedFrom",
        "wasGeneratedBy",
        "used",
        "wasAssociatedWith",
        "wasAttributedTo",
        "actedOnBehalfOf",
    ):
        assert found[relation], relation


def test_prov_leads_from_the_release_to_the_source(outputs: Any, world: tuple[World, Record]) -> None:
    found, record = json.loads(outputs["full"]["exports/prov.json"]), world[1]
    origins: dict[str, set[str]] = {}
    for one in found["wasDerivedFrom"].values():
        origins.setdefault(one["prov:generatedEntity"], set()).add(one["prov:usedEntity"])
    seen, waiting = set(), [f"sha256:{record.identity.candidate}"]
    while waiting:
        here = waiting.pop()
        if here not in seen:
            seen.add(here)
            waiting += origins.get(here, ())
    assert f"sha256:{record.source.snapshot_digest}" in seen
    assert f"sha256:{record.making.model_digest}" in seen
    assert f"sha256:{record.risks.holdout_digest}" not in seen  # the model never saw it
    assert {e["prov:agent"] for e in found["wasAttributedTo"].values()} >= {"agent:ben", "agent:cho"}
    assert f"sha256:{record.identity.data_files[0].sha256}" in found["entity"]


# DCAT-AP


def graph_of(data: bytes, folder: Path) -> rdflib.Graph:
    base = (folder / "exports" / "dcat.jsonld").as_uri()
    return rdflib.Graph().parse(data=data.decode(), format="json-ld", publicID=base)


@pytest.mark.parametrize("kind", KINDS)
def test_dcat_has_what_the_profile_asks_for(kind: str, outputs: Any, folder: Path) -> None:
    graph = graph_of(outputs[kind]["exports/dcat.jsonld"], folder)
    (dataset,) = graph.subjects(RDF.type, DCAT.Dataset)
    (distribution,) = graph.objects(dataset, DCAT.distribution)
    for wanted in (DCTERMS.title, DCTERMS.description):  # mandatory
        (text,) = graph.objects(dataset, wanted)
        assert isinstance(text, rdflib.Literal)
        assert text.language == "en"
    recommended = (
        DCAT.contactPoint, DCAT.keyword, DCTERMS.publisher, DCTERMS.identifier, DCTERMS.accessRights, DCTERMS.issued,
        PROV.wasDerivedFrom, PROV.wasGeneratedBy, DCTERMS.provenance,
    )  # fmt: skip
    for wanted in recommended:
        assert list(graph.objects(dataset, wanted)), wanted
    (publisher,) = graph.objects(dataset, DCTERMS.publisher)
    assert list(graph.objects(publisher, FOAF.name))
    (kind_of,) = graph.objects(dataset, DCAT.contactPoint)
    assert (kind_of, RDF.type, VCARD.Kind) in graph
    assert (distribution, RDF.type, DCAT.Distribution) in graph
    for wanted in (DCAT.accessURL, DCTERMS.license, DCAT.mediaType, DCAT.byteSize, SPDX.checksum, DCTERMS.description):
        assert list(graph.objects(distribution, wanted)), wanted
    for _, _, node in graph.triples((None, DCTERMS.license, None)):
        assert (node, RDF.type, DCTERMS.LicenseDocument) in graph
    if kind == "full":
        (period,) = graph.objects(dataset, DCTERMS.temporal)
        (began,) = graph.objects(period, DCAT.startDate)
        assert began == rdflib.Literal("2024-01-01", datatype=XSD.date)
        (role,) = set(graph.objects(None, DCAT.hadRole))
        assert role == rdflib.URIRef("https://proofset.dev/dcat#approver")
    assert not list(graph.subjects(RDFS.label, rdflib.Literal("")))


def test_dcat_leads_to_the_file_and_its_digest(outputs: Any, folder: Path) -> None:
    graph = graph_of(outputs["full"]["exports/dcat.jsonld"], folder)
    query = """
        PREFIX dcat: <http://www.w3.org/ns/dcat#> PREFIX spdx: <http://spdx.org/rdf/terms#>
        SELECT ?url ?sum ?size WHERE {
            ?d a dcat:Dataset ; dcat:distribution ?x .
            ?x dcat:accessURL ?url ; dcat:byteSize ?size ; spdx:checksum ?c .
            ?c spdx:algorithm spdx:checksumAlgorithm_sha256 ; spdx:checksumValue ?sum .
        }"""
    ((url, digest, size),) = list(graph.query(query))
    data = Path(unquote(urlparse(str(url)).path)).resolve().read_bytes()
    assert hashlib.sha256(data).hexdigest() == str(digest).lower()
    assert int(size) == len(data)
    assert digest.datatype == XSD.hexBinary


# The documentation


def test_the_pages_examples_run_in_a_releases_folder(folder: Path, world: tuple[World, Record]) -> None:
    docs = Path(__file__).parents[2] / "docs"
    text = (docs / "exports.md").read_text() + (docs / "record.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == 5
    code = "\n".join(blocks).replace('records("adult")', 'records("visits")')
    code = code.replace('"adult.parquet"', '"data/visits.parquet"')
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    for said in ("visits/spend", "wasDerivedFrom", "dcat:Dataset", world[1].identity.seal):
        assert said in done.stdout


def test_the_page_names_every_export() -> None:
    from lineage.exports import EXPORTERS

    text = (Path(__file__).parents[2] / "docs" / "exports.md").read_text()
    for path in EXPORTERS:
        assert f"`{path}`" in text
