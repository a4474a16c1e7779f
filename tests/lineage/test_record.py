"""The provenance record: complete, deterministic, from evidence and ledger alone, honest about what is not known."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lineage.environment import RunFacts
from lineage.record import SECTIONS, Published, Record, files_of, read_record, record_of
from lineage.record_made import privacy_of
from lineage.record_words import WP216, attacks, untested
from lineage.shape import shape_of
from lineage.times import utc_text
from proofset.digest import canonical, sha256_bytes, sha256_file, sha256_json
from proofset.errors import DeniedError
from proofset.evidence import Direction, Measure
from tests.lineage.record_world import (
    ABOUT,
    HOUR,
    NOW,
    POLICY,
    TERMS,
    World,
    full,
    full_measures,
    make_table,
    make_world,
    minimal,
    spec_of,
)

TITLES = (
    "identity", "source", "preparation", "making", "risks", "closeness", "judgement", "approvals", "use", "budget",
    "history", "log", "readers",
)  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, Record]:
    return full(tmp_path_factory.mktemp("full"))


@pytest.fixture
def record(made: tuple[World, Record]) -> Record:
    return made[1]


def as_of_now(world: World, **more: object) -> Record:
    signed, files = world.approve("ben", "cho")
    return record_of(
        world.parts,
        as_of=utc_text(NOW + 9 * HOUR),
        roster=world.roster,
        files=files_of(world.parts, files),
        signed=signed,
        counted=signed,
        entries=world.ledger.entries(),
        **more,  # type: ignore[arg-type]
    )


def test_it_has_thirteen_sections_in_the_order_of_the_issue(record: Record) -> None:
    assert SECTIONS == TITLES
    assert list(Record.model_fields)[2:] == list(TITLES)


def test_the_same_inputs_give_the_same_bytes_and_come_back(made: tuple[World, Record], tmp_path: Path) -> None:
    world, record = made
    data = record.to_bytes()
    assert read_record(data) == record
    assert canonical(json.loads(data)) == data
    assert as_of_now(world).to_bytes() == as_of_now(world).to_bytes()
    assert minimal(tmp_path / "a") == minimal(tmp_path / "b")


@pytest.mark.parametrize("damage", [b"", b"{}", b"[]", b"\xff", b"[" * 10_000])
def test_what_is_no_record_is_refused(damage: bytes, record: Record) -> None:
    data = record.to_bytes()
    for text in (damage, data[:-1], data + b"\n", data.replace(b'"format"', b'"Format"', 1), b" " + data):
        with pytest.raises(DeniedError, match=r"record\.json"):
            read_record(text)


def test_section_1_names_the_release_and_every_byte(made: tuple[World, Record]) -> None:
    world, record = made
    one, candidate = record.identity, world.parts.candidate
    assert one.release == f"shop/{candidate.digest[:12]}"
    assert (one.candidate, one.version, one.rows) == (candidate.digest, "2.1.0", 300)
    assert (one.data_digest, one.seal) == (candidate.synthetic_digest, candidate.seal)
    table = pq.read_table(world.parts.path / one.data_files[0].path)
    schema = [{"name": f.name, "type": str(f.type)} for f in table.schema]
    assert one.schema_digest == sha256_json(schema)
    assert [c.nulls for c in one.columns] == [table[c.name].null_count for c in one.columns]
    paths = {f.path for f in one.files}
    assert paths >= {"candidate.json", "approvals/ben.dsse.json", "approvals/cho.dsse.json", "README.md"}
    assert not {p for p in paths if p.startswith(("exports/", "record", "passport"))}
    for file in one.files:
        if not file.path.startswith("approvals/"):
            assert file.sha256 == sha256_file(world.parts.path / file.path)
    assert one.released_at == utc_text(NOW + 2 * HOUR)


def test_section_2_says_what_the_spec_says_of_the_source(made: tuple[World, Record]) -> None:
    source = made[1].source
    assert source.controller == ABOUT["controller"]
    assert source.data_categories == ("purchases", "places")
    assert source.kept_until == "2025-12-31"
    assert source.snapshot_digest == made[0].parts.provenance.source_digest
    assert source.unknown == ("It is not said how much of it is real data.",)


def test_section_3_says_what_happened_to_each_column(record: Record) -> None:
    made = record.preparation
    assert [c.name for c in made.dropped] == ["card"]
    assert set(made.kept) == {"spend", "visits", "town"}
    assert made.least == 10


def test_section_4_says_how_it_was_made_and_on_what(record: Record) -> None:
    made = record.making
    assert (made.generator, made.seed, made.licence) == ("trees", 7, "Apache-2.0")
    assert made.options == {"privacy": "medium", "depth": 3.0}
    assert (made.epsilon, made.delta, made.accountant) == (None, None, None)
    assert "no ε" in made.guarantee
    assert made.run is not None
    assert (made.run.dagster_run, made.run.mlflow_run) == ("run-1", "run-2")
    assert made.measured_at == utc_text(NOW - HOUR)
    assert made.run.packages


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"epsilon": 2, "delta": 1e-6, "accountant": "RDP"}, (2.0, 1e-6, "RDP")),
        ({"epsilon": 0.5}, (0.5, None, None)),
        ({"epsilon": 0}, (None, None, None)),
        ({"epsilon": -1}, (None, None, None)),
        ({"epsilon": "1"}, (None, None, None)),
        ({"epsilon": True}, (None, None, None)),
        ({"delta": 1e-6, "accountant": "RDP"}, (None, None, None)),
        ({"epsilon": 1, "delta": -1, "accountant": 3}, (1.0, None, None)),
    ],
)
def test_privacy_is_read_from_options_and_never_made_up(
    options: dict[str, object], expected: tuple[object, ...]
) -> None:
    found = privacy_of(options)
    assert (found.epsilon, found.delta, found.accountant) == expected


def test_section_5_names_every_attack_with_its_figures(record: Record) -> None:
    risks = record.risks
    assert [a.family for a in risks.attacks] == [
        "singling out", "linkability", "attribute inference", "copies", "memorisation",
    ]  # fmt: skip
    assert {m for a in risks.attacks for m in a.measures} == {m.name for m in risks.measures}
    assert all(m.low is not None and m.high is not None for m in risks.measures)
    assert risks.canaries is not None
    assert risks.canaries_planted == 20
    assert (risks.holdout_share, risks.holdout_rows) == (0.5, 300)
    assert "privacy.membership_auc" not in {m.name for m in risks.measures}  # it has no meaning here


def test_a_risk_that_was_not_measured_is_said_to_be_unknown(tmp_path: Path) -> None:
    assert untested(full_measures()) == ()
    assert untested(()) == WP216
    lower = {"n": 1, "direction": Direction.LOWER, "floor": 0, "ceiling": 1}
    doubted = Measure(name="privacy.linkability_risk", title="x", status="inconclusive", detail="too few rows", **lower)
    copies = Measure(name="privacy.exact_copy_rate", title="x", value=0, low=0, high=0.1, **lower)
    assert untested((doubted, copies)) == WP216  # looking for copies is no test of singling out
    found = minimal(tmp_path).risks.unknown
    assert "The risk of linkability (WP216) was not measured." in found
    assert any("canaries" in text for text in found)
    assert attacks((Measure(name="privacy.plugin", title="x", value=0, low=0, high=0, **lower),))[0].family == "others"


def test_section_6_keeps_groups_limits_and_prohibitions(record: Record) -> None:
    close = record.closeness
    assert [p.part for p in close.fairness[0].parts] == ["north", "south"]
    assert close.groups == ("town",)
    assert close.limits[0] == TERMS["known_limits"][0]
    assert close.prohibited_uses == tuple(TERMS["prohibited_uses"])
    assert close.suite == "1 of 1 expectations hold"
    assert [m.name for m in close.others] == ["diagnostic.structure"]


def test_section_7_holds_each_threshold_against_what_was_observed(tmp_path: Path) -> None:
    waived = POLICY.replace("{measure: fidelity.shape_error, max: 0.05}", "{measure: fidelity.shape_error, max: 0.01}")
    waived += "waivers: [{measure: fidelity.shape_error, why: known, by: cho, until: 2027-01-01}]\n"
    world = make_world(tmp_path, spec_of(), waived)
    judged = record_of(world.parts, as_of=utc_text(NOW), roster=world.roster).judgement
    one = next(h for h in judged.findings if h.measure == "fidelity.shape_error")
    assert (one.value, one.low, one.high, one.outcome) == (0.02, 0.01, 0.03, "inconclusive")
    assert one.waived == "waived until 2027-01-01 by cho: known"
    assert judged.waivers[0].used
    assert len(judged.findings) == len(world.parts.verdict.findings)
    assert judged.digest == world.parts.policy.digest


def test_section_8_says_who_agreed_and_whether_duties_were_apart(made: tuple[World, Record]) -> None:
    world, record = made
    told = record.approvals
    assert [(a.person, a.roles, a.counted) for a in told.approvers] == [
        ("ben", ("data_steward",), True), ("cho", ("privacy_officer",), True),
    ]  # fmt: skip
    assert told.approvers[0].reason == "ben looked"
    assert told.approvers[0].expires_at == utc_text(NOW + HOUR + timedelta(days=20))
    assert (told.separated, told.enough) == (True, True)
    _, files = world.approve("ben")
    assert told.approvers[0].sha256 == sha256_bytes(files["approvals/ben.dsse.json"])


def test_duties_that_were_not_apart_are_named(tmp_path: Path) -> None:
    policy = POLICY.replace("valid_days: 20", "valid_days: 20, separation: [owner, policy_author]")
    policy += "authors: [cho]\n"
    world = make_world(tmp_path, spec_of(owner="ben@example.org"), policy)
    signed, _ = world.approve("ben", "cho")
    told = record_of(world.parts, as_of=utc_text(NOW), roster=world.roster, signed=signed, counted=signed).approvals
    kept = {s.duty: s.held for s in told.separation}
    assert kept == {"requester": True, "robots": True, "owner": False, "policy_author": False}
    assert not told.separated
    assert next(s for s in told.separation if s.duty == "owner").detail.startswith("ben approved and owns")
    one = record_of(world.parts, as_of=utc_text(NOW), roster=world.roster, signed=signed, counted=signed[:1]).approvals
    assert not one.enough
    assert [a.counted for a in one.approvers] == [True, False]


def test_sections_9_to_13_follow_the_ledger(tmp_path: Path) -> None:
    world = make_world(tmp_path, spec_of(release=TERMS))
    world.record_candidate(RunFacts.collect(tmp_path))
    before = as_of_now(world)
    assert before.budget.releases == ()
    assert before.budget.statement.startswith("Nothing made from this source")
    world.happened()
    found = as_of_now(
        world,
        withdrawn=["the source was revoked"],
        inclusion=world.ledger.inclusion(1),
        vkey=world.ledger.vkey,
        head=world.ledger.head,
    )
    assert [(e.actor, e.detail) for e in found.use.downloads] == [("ada", "Example Research Ltd, sharing")]
    assert found.budget.releases == (found.identity.release,)
    assert (found.budget.epsilon, found.budget.without_guarantee) == (None, 1)
    assert [e.detail for e in found.history.drift] == ["drifted"]  # the other one is of another snapshot
    assert [e.kind for e in found.history.reapprovals] == ["approval"]
    assert [e.detail for e in found.history.revocations] == ["consent withdrawn"]
    assert found.history.withdrawn == ("the source was revoked",)
    assert [(e.actor, e.kind) for e in found.readers.audits] == [("eve", "audit")]
    assert found.log.entry is not None
    assert (found.log.entry.index, found.log.size) == (1, len(world.ledger.entries()))
    assert found.log.vkey == world.ledger.vkey
    assert found.log.proof is not None
    world.ledger.inclusion(found.log.proof.index).check(world.ledger.vkey)
    assert found.log.proof.checkpoint == world.ledger.inclusion(1).checkpoint
    assert len(found.log.entries) == sum(e.subject == found.identity.candidate for e in world.ledger.entries())


def test_epsilon_adds_up_over_the_releases_of_a_source(tmp_path: Path) -> None:
    world = make_world(tmp_path, spec_of())
    source = world.parts.provenance.source_digest

    def release(name: str, options: dict[str, object], of: str = source) -> None:
        digest = sha256_bytes(name.encode())
        origin = {"source_digest": of, "options": options, "synthetic_digest": sha256_bytes(f"table {name}".encode())}
        body = {"provenance": origin}
        world.ledger.append("candidate", digest, body, NOW)
        world.ledger.append("release", digest, {"dataset": name, "passport_digest": name}, NOW)

    release("one", {"epsilon": 1.5})
    release("two", {"epsilon": 2})
    release("three", {})
    release("elsewhere", {"epsilon": 9}, of="f" * 64)
    release("never", {"epsilon": 9})
    world.ledger.append("denial", sha256_bytes(b"never"), {"withdrawn": "never"}, NOW)
    published = Published(released_at=utc_text(NOW), released_by="x", software="x")
    spent = as_of_now(world, published=published).budget
    assert spent.epsilon is None  # two state none
    assert spent.without_guarantee == 2
    assert len(spent.releases) == 4
    assert "adds up to 3.5" in spent.statement
    assert "no bound is claimed for the whole" in spent.statement
    assert as_of_now(world).budget.epsilon is None  # nor without the one that is about to be


def test_what_is_unknown_is_said_and_never_made_up(tmp_path: Path) -> None:
    record = minimal(tmp_path)
    for name in ("source", "making", "risks", "closeness", "judgement", "use", "log", "identity"):
        assert getattr(record, name).unknown, name
    assert record.identity.version is None
    assert record.source.controller is None
    assert record.making.run is None
    assert record.making.measured_at is None
    assert record.log.entry is None
    assert record.approvals.approvers == ()
    assert not record.approvals.enough
    assert "It is not said whether it holds special categories of personal data." in record.source.unknown


def test_a_shape_is_what_the_file_holds(tmp_path: Path) -> None:
    table = make_table()
    pq.write_table(table, tmp_path / "x.parquet", row_group_size=50)
    found = shape_of((tmp_path / "x.parquet").read_bytes())
    assert found.rows == 300
    assert [(c.name, c.type, c.nulls) for c in found.columns] == [
        (f.name, str(f.type), table[f.name].null_count) for f in table.schema
    ]
    pq.write_table(table, tmp_path / "x.parquet", write_statistics=False)
    assert {c.nulls for c in shape_of((tmp_path / "x.parquet").read_bytes()).columns} == {None}
    with pytest.raises(pa.ArrowInvalid):
        shape_of(b"no parquet")


def test_a_ledger_entry_that_holds_another_run_is_no_crash(tmp_path: Path) -> None:
    world = make_world(tmp_path, spec_of())
    body = {"run": {"who": "knows"}, "measured_at": 3}
    world.ledger.append("candidate", world.parts.candidate.digest, body, NOW)
    record = record_of(world.parts, as_of=utc_text(NOW), roster=world.roster, entries=world.ledger.entries())
    assert record.making.run is None
    assert record.making.measured_at is None


def test_the_page_names_every_section() -> None:
    text = (Path(__file__).parents[2] / "docs" / "record.md").read_text()
    for number, name in enumerate(SECTIONS, 1):
        assert f"| {number} | `{name}` |" in text
