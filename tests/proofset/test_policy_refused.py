"""Policies that cannot mean anything are refused when they are read, with the line and the nearest valid word."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from proofset.errors import SpecError
from proofset.policy import BESIDE_MEASURES, Forbid, Policy
from proofset.reading import parse_model
from tests.proofset.test_policy import MAX, policy

TEXT = """\
policy: p
purposes: [sharing]
require:
  - {measure: a.b, max: 1}
  - any_of:
      - {measure: a.c, max: 1}
      - all_of:
          - {measure: a.d, min: 0}
approvals: {required: 1}
"""


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("require:", "thresholds:", "unknown field 'thresholds'. Did you mean `require`"),
        ("policy: p", "policy: p\nforbidden_licences: [MIT]", r"Did you mean `forbid: \{licences: \[...\]\}`"),
        ("max: 1}", "max: 1, of: every}", r"p.yaml:4: require.0.of: .*allowed: whole, worst, each"),
        ("max: 1}", "max: 1, end: best}", "allowed: cautious, value, optimistic"),
        ("a.c, max: 1", "a.c, mx: 1", r"p.yaml:6: require.1.any_of.0.mx: unknown field. Did you mean 'max'"),
        ("a.d, min: 0", "a.d, min: 0, max: 1", r"p.yaml:8: require.1.any_of.1.all_of.0: .*exactly one of"),
        ("a.c, max: 1", "a.b, max: 1", "set twice.*a_b_max"),
        ("  - any_of:", "  - name: a_b_max\n    any_of:", "given twice: a_b_max"),
        ("  - any_of:", "  - name: a-b\n    any_of:", "pattern"),
        ("a.c, max: 1", "a.c, max: 1, severity: warn", "inside a group nothing only warns"),
        ("      - {measure: a.c, max: 1}", "", "something"),
        ("{measure: a.d, min: 0}", "all_of: [{any_of: [{measure: x.y, max: 1}]}]", "deeper than 3"),
        ("- {measure: a.d, min: 0}", "[]", "at least 1"),
        ("policy: p", "policy: p\nforbid: {purposes: [sharing]}", "both served and forbidden: sharing"),
        ("policy: p", "policy: p\nforbid: {max_generations: -1}", "greater than or equal to 0"),
        ("policy: p", "policy: p\nforbid: {min_real_share: 1.1}", "less than or equal to 1"),
        ("policy: p", "policy: p\nforbid: {min_real_share: -0.1}", "greater than or equal to 0"),
        ("required: 1", "required: 1, separation: [policy_author]", "say who in `authors`"),
        ("required: 1", "required: 1, separation: [auditor]", "allowed: requester, owner, policy_author, robots"),
        ("required: 1", "required: 101", "less than or equal to 100"),
        ("max: 1}", "max: true}", r"p.yaml:4: require.0.max: found True; .*valid number"),
        ("max: 1}", "max: '1'}", r"require.0.max: found '1'; .*valid number"),
        ("max: 1}", "max: .inf}", "finite number"),
        ("max: 1}", "max: .nan}", "finite number"),
        ("max: 1}", "max: 010}", r"p.yaml:4: '010' is another number in YAML 1.1 than in YAML 1.2"),
        ("max: 1}", "max: 1:30}", r"p.yaml:4: '1:30' is another number"),
        ("max: 1}", "max: 1:30.5}", r"p.yaml:4: '1:30.5' is another number"),
        ("- any_of:", "- measure: m\n    any_of:",
         r"p.yaml:5: require.1.measure: unknown field. Allowed here: any_of, name, severity, why"),
        *(("- any_of:", f"- name: {n}\n    any_of:", f"may not be called {n}") for n in sorted(BESIDE_MEASURES)),
        ("policy: p", 'policy: p\ndescription: "\\ud800"', "p.yaml:2: half a character"),
        ("policy: p", 'policy: p\n"\\udfff": x', "p.yaml:2: half a character"),
        ("policy: p", "policy: p\nexpires_after_days: 0", "greater than or equal to 1"),
        ("policy: p", "policy: p\nwaivers: [{measure: a.b, why: x, by: y}]", "waivers.0.until: missing"),
        ("policy: p", "policy: p\nwaivers: [{measure: a.b, why: x, by: '', until: 2026-01-01}]", "at least 1"),
        ("policy: p", "policy: p\nwaivers: [{measure: a.b, check: c, why: x, by: y, until: 2026-01-01}]", "one of"),
        ("policy: p", "policy: p\nwaivers: [{why: x, by: y, until: 2026-01-01}]", "exactly one of measure, check"),
        ("policy: p", "policy: p\nwaivers: [{measure: a.b, why: x, by: y, until: soon}]", "date"),
    ],
)  # fmt: skip
def test_a_policy_that_cannot_mean_anything_is_refused(old: str, new: str, told: str) -> None:
    assert parse_model(TEXT, Policy, "p.yaml").requirements[2].measure == "a.d"
    if told == "something":
        assert parse_model(TEXT.replace(old, new, 1), Policy, "p.yaml")
        return
    with pytest.raises(SpecError, match=told):
        parse_model(TEXT.replace(old, new, 1), Policy, "p.yaml")


def test_a_policy_of_warnings_alone_is_refused() -> None:
    with pytest.raises(ValidationError, match="demands nothing"):
        policy(MAX | {"severity": "warn"})


def test_a_wrong_entry_is_told_once() -> None:
    text = TEXT.split("  - any_of")[0].replace("max: 1", "max: one")
    with pytest.raises(SpecError) as error:
        parse_model(text + "approvals: {required: 1}\n", Policy, "p.yaml")
    assert error.value.what == "p.yaml:4: require.0.max: found 'one'; Input should be a valid number."


@pytest.mark.parametrize("written", ["1e-3", "0.001", "1E-3", "1.0e-3", "+1e-3"])
def test_a_limit_may_be_written_with_an_exponent(written: str) -> None:
    made = parse_model(TEXT.replace("max: 1}", f"max: {written}}}", 1), Policy, "p.yaml")
    assert made.requirements[0].amount == 0.001
    assert Policy.model_validate_json(made.model_dump_json()) == made


REFUSED = Forbid(licences=("x",), max_generations=1, min_real_share=1)


@pytest.mark.parametrize("name", ["validation_suite", *sorted(REFUSED.checks)])
def test_names_of_checks_beside_the_measures_are_reserved(name: str) -> None:
    assert name in BESIDE_MEASURES
