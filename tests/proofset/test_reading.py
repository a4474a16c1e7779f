"""Specs: what is right is read, what is wrong is told with file, line, field and the nearest word."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from proofset.errors import SpecError
from proofset.policy import Policy
from proofset.reading import parse_model, read_model
from proofset.spec import DatasetSpec, Treatment

GOOD = """\
dataset: people
owner: team:data
purpose: sharing
source:
  licence: CC0-1.0
  lawful_basis: consent
  permitted_purposes: [sharing, test_data]
tables:
  people:
    path: data/people.parquet
    columns:
      age: {type: number, rule: {kind: normal, mean: 40, sd: 10}}
      seen: {rule: {kind: datetime, start: 2020-01-01, end: 2021-01-01}}
policy: sharing
"""


def test_a_good_spec_is_read_and_frozen() -> None:
    spec = parse_model(GOOD, DatasetSpec, "people.yaml")
    assert spec.table_name == "people"
    assert spec.table.columns["age"].rule.mean == 40
    assert spec.table.columns["seen"].rule.start == "2020-01-01"
    assert spec.generator.name == "trees"
    with pytest.raises(ValidationError, match="frozen"):
        spec.seed = 3


WRONG = [
    (
        "policy: sharing",
        "polcy: sharing",
        r"people.yaml:14: polcy: unknown field. Did you mean 'policy'\? Allowed here: .*policy",
    ),
    ("policy: sharing\n", "", r"people.yaml:1: policy: missing; it is required"),
    (
        "purpose: sharing",
        "purpose: shering",
        r"people.yaml:3: purpose: found 'shering'; allowed: .*Did you mean 'sharing'",
    ),
    ("purpose: sharing", "purpose: analytics", r"people.yaml:\d+: .*purpose 'analytics' is not among"),
    (
        "type: number",
        "type: nmber",
        r"people.yaml:12: tables.people.columns.age.type: found 'nmber'.*Did you mean 'number'",
    ),
    ("kind: normal", "kind: normel", r"people.yaml:12: .*age.rule: found kind 'normel'.*Did you mean 'normal'"),
    ("sd: 10", "sd: minus", r"people.yaml:12: .*age.rule.sd: found 'minus'"),
    ("sd: 10", "sd: 10, hi: 3", r"people.yaml:12: .*age.rule.hi: unknown field.*Allowed here: bounds, decimals, high"),
    ("dataset: people", "dataset: ../people", r"people.yaml:1: dataset: found '../people'"),
    ("path: data/people", "path: ../../etc/people", r"people.yaml:10: .*path: .*must not contain '..'"),
    ("owner: team:data", "owner: somebody", r"people.yaml:2: owner: found 'somebody'"),
    ("owner: team:data", "owner: team:data\nowner: team:b", r"people.yaml:3: the field 'owner' is written twice"),
    ("owner: team:data", "owner: [team:data", r"people.yaml:\d+: not valid YAML"),
    ("[sharing, test_data]", "[]", r"people.yaml:7: source.permitted_purposes: .*at least 1"),
    ("policy: sharing", "policy: sharing\nseed: soon", r"people.yaml:15: seed: found 'soon'"),
    ("age: {", "age: {treatment: drop, ", None),
    ("dataset: people", "dataset: a951fbb2", r"reads like the first digits of a digest"),
    ("policy: sharing", "policy: sharing\n? [a]: b", r"people.yaml:15: a field's name must be a word"),
    ("policy: sharing", "policy: sharing\nseed: !!int x", r"people.yaml: not valid YAML"),
    ("policy: sharing", "policy: &a [*a]", r"people.yaml: not valid YAML"),
    ("policy: sharing", "policy: " + "[" * 3000, r"people.yaml: not valid YAML"),
]


@pytest.mark.parametrize(("old", "new", "said"), WRONG, ids=[w[1][:24] for w in WRONG])
def test_what_is_wrong_is_told_with_its_place(old: str, new: str, said: str | None) -> None:
    assert old in GOOD
    text = GOOD.replace(old, new, 1)
    if said is None:
        assert parse_model(text, DatasetSpec, "people.yaml").table.columns["age"].treatment is Treatment.DROP
        return
    with pytest.raises(SpecError, match=said):
        parse_model(text, DatasetSpec, "people.yaml")


def test_all_problems_are_told_at_once() -> None:
    text = GOOD.replace("policy:", "polcy:").replace("type: number", "type: nmber")
    with pytest.raises(SpecError) as told:
        parse_model(text, DatasetSpec, "p.yaml")
    assert len(told.value.what.splitlines()) == 3


def test_a_dropped_column_cannot_be_the_target() -> None:
    text = GOOD.replace("age: {", "age: {treatment: drop, ").replace("    columns:", "    target: age\n    columns:")
    with pytest.raises(SpecError, match="target names a column that is dropped"):
        parse_model(text, DatasetSpec, "p.yaml")


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("{kind: uniform, low: 2, high: 1}", "low must not be above high"),
        ("{kind: category, weights: {a: -1}}", "weights must be >= 0"),
        ("{kind: category, weights: {}}", "at least 1"),
    ],
)
def test_rules_are_checked(rule: str, said: str) -> None:
    with pytest.raises(SpecError, match=said):
        parse_model(GOOD.replace("{kind: normal, mean: 40, sd: 10}", rule), DatasetSpec, "p.yaml")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "sharing.yaml").write_text("")
    with pytest.raises(SpecError, match=r"no such file. Did you mean 'sharing.yaml'"):
        read_model(tmp_path / "shring.yaml", Policy)
    with pytest.raises(SpecError, match="no such file"):
        read_model(tmp_path / "nowhere" / "x.yaml", Policy)
    with pytest.raises(SpecError, match="found nothing"):
        read_model(tmp_path / "sharing.yaml", Policy)
    (tmp_path / "list.yaml").write_text("- 1")
    with pytest.raises(SpecError, match="expected fields, found list"):
        read_model(tmp_path / "list.yaml", Policy)
    (tmp_path / "latin.yaml").write_bytes(b"policy: caf\xe9")
    with pytest.raises(SpecError, match="cannot be read"):
        read_model(tmp_path / "latin.yaml", Policy)


POLICY = """\
policy: sharing
purposes: [sharing]
require:
  - {measure: a.b, max: 1}
approvals: {required: 1}
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("  - {measure: a.b, max: 1}", "  []", "at least 1"),
        ("max: 1", "max: 1, min: 0", r"p.yaml:4: .*exactly one of"),
        ("max: 1", "", r"exactly one of"),
        ("max: 1}", "max: 1}\n  - {measure: a.b, max: 2}", "set twice"),
        ("{required: 1}", "{required: 0}", "greater than or equal to 1"),
        ("{required: 1}", "{required: 1, roles: [a, b]}", "more roles than"),
        ("max: 1}", "mx: 1}", r"p.yaml:4: require.0.mx: unknown field.*Did you mean 'max'"),
    ],
)
def test_a_policy_that_proves_nothing_cannot_be_written(old: str, new: str, said: str) -> None:
    assert parse_model(POLICY, Policy, "p.yaml").requirements[0].text() == "≤ 1"
    with pytest.raises(SpecError, match=said):
        parse_model(POLICY.replace(old, new, 1), Policy, "p.yaml")
