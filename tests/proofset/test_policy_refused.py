"""Policies that cannot mean anything are refused when they are read, with the line and the nearest valid word."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from proofset.errors import SpecError
from proofset.policy import Policy
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
        ("required: 1", "required: 1, separation: [policy_author]", "say who in `authors`"),
        ("required: 1", "required: 1, separation: [auditor]", "allowed: requester, owner, policy_author, robots"),
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
