"""The report's contract: every measure of every status in all three forms, nothing invented, the same bytes twice."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest

from proofset.evidence import Outcome, Profile, Provenance, SuiteResult
from proofset.policy import Policy
from proofset.policy_judge import judge
from proofset.spec import TableSpec
from quality.profile import profile_table
from quality.report import HTML, JSON, MARKDOWN, Reports, render, schema
from quality.report_model import FAMILIES, Report
from quality.report_words import attack


def test_every_measure_is_in_every_form(everything: Reports, kinds: SimpleNamespace) -> None:
    known = json.loads(everything.json)
    listed = [m["measure"]["name"] for f in known["families"] for m in f["measures"]]
    assert sorted(listed) == sorted(m.name for m in kinds.card().measures)
    for measure in kinds.card().measures:
        assert f"<code>{measure.name}</code>" in everything.html
        assert f'id="{measure.name.replace(".", "-")}"' in everything.html
        assert f"`{measure.name}`" in everything.markdown


def test_every_finding_is_in_every_form(everything: Reports, kinds: SimpleNamespace) -> None:
    known = json.loads(everything.json)
    assert {t["finding"]["outcome"] for t in known["findings"]} == {o.value for o in Outcome}
    for told in known["findings"]:
        name = told["finding"]["measure"] or told["finding"]["check"]
        assert f"`{name}`" in everything.markdown
        assert told["words"]
    for check in ("privacy.not_there", "nowhere.to_be_found"):
        assert check in everything.html
    assert everything.html.count("Missing</span>") == 2


def test_reasons_come_first_and_the_worst_before_the_rest(everything: Reports) -> None:
    box = everything.html[everything.html.index('class="verdict fail"') : everything.html.index('class="facts"')]
    places = [box.index(w) for w in ("What stops it", "accept by name", "Waived, and failing", "Warnings, which stop")]
    assert places == sorted(places)
    assert box.index("Title of privacy.singling_out_risk") < box.index("Title of fidelity.c2st_auc")
    assert "accepted for now" in box
    assert everything.markdown.index("What does not hold") < everything.markdown.index("Every demand")
    first = everything.markdown.split("## What does not hold")[1].splitlines()[2]
    assert "warning only" not in first


def test_families_stand_in_their_order(everything: Reports) -> None:
    names = [f["name"] for f in json.loads(everything.json)["families"]]
    assert names == [*FAMILIES, "nowhere", "timeliness"]
    titles = re.findall(r'<h2 id="(\w+)"', everything.html)
    assert [t for t in titles if t in names] == names


def test_warnings_are_set_apart(everything: Reports) -> None:
    apart = everything.html.split('<div class="warnings">')[1].split("</section>")[0]
    assert "privacy.dcr_share" in apart
    assert "privacy.nndr" in apart
    assert "prove nothing" in apart
    assert "privacy.membership_auc" not in apart


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("privacy.singling_out_risk", "20 fitted exactly one person whose row was in the data; 6 fitted exactly one"),
        ("privacy.linkability_risk", "This question is open"),
        ("privacy.outlier_membership_auc", ""),
        ("privacy.inference_risk", ""),
        ("privacy.membership_auc", "right one 52 times in 100 (between 50 and 54); tossing a coin gives 50"),
        ("privacy.membership_tpr_at_1fpr", "1 of 100 people who were not in the data, they recognise 2 of 100"),
        ("privacy.membership_tpr_at_01fpr", "they recognise 2 of 1,000 who were, at most 3"),
        ("privacy.exact_copy_rate", "Of 10,000 synthetic rows 0.1 repeat a row"),
        ("privacy.near_copy_rate", "Of 10,000 synthetic rows 2,000 repeat, but for one fact, a row of the data."),
        ("privacy.k_anonymity", "of as many real rows 12"),
        ("privacy.rare_value_disclosure", "among other real people 12 do"),
        ("privacy.nndr", ""),
        ("timeliness.age", ""),
    ],
)
def test_attacks_are_told_in_plain_words(everything: Reports, name: str, words: str) -> None:
    families = json.loads(everything.json)["families"]
    found = next(m["words"] for f in families for m in f["measures"] if m["measure"]["name"] == name)
    assert words in found
    assert bool(words) == bool(found)


def test_what_is_not_certified_is_said_and_nothing_too_much(everything: Reports) -> None:
    known = json.loads(everything.json)
    text = " ".join(known["not_certified"])
    for word in ("recognised", "legal status", "privacy.linkability_risk", "fidelity.c2st_auc", "only warns", "email"):
        assert word in text
    for form in (everything.html, everything.json, everything.markdown):
        assert "anonym" not in re.sub(r"k[-_]anonymity", "", form.lower())


def test_no_number_is_nan_or_infinite(everything: Reports) -> None:
    for form in everything.files.values():
        assert not re.search(r"\b(nan|inf|infinity)\b", form, re.IGNORECASE)


def test_the_json_is_the_model_and_fits_its_schema(everything: Reports) -> None:
    report = Report.model_validate_json(everything.json)
    assert report.format == "proofset.report/1"
    assert set(schema()["required"]) <= set(json.loads(everything.json))
    assert set(json.loads(everything.json)) == set(Report.model_fields)
    assert list(everything.files) == [HTML, JSON, MARKDOWN]


def test_the_same_evidence_gives_the_same_bytes(
    everything: Reports,
    kinds: SimpleNamespace,
    provenance: Provenance,
    profile: Profile,
    suite: SuiteResult,
    fresh: pa.Table,
) -> None:
    card, policy = kinds.card(), kinds.policy()
    verdict = judge(policy, card, suite, kinds.facts, kinds.today)
    assert render(provenance, profile, card, suite, verdict, policy, fresh) == everything


@pytest.mark.parametrize("outcome", list(Outcome))
def test_each_verdict_says_what_may_be_concluded(
    outcome: Outcome, kinds: SimpleNamespace, provenance: Provenance, profile: Profile, fresh: pa.Table
) -> None:
    demand = {
        Outcome.PASS: {"measure": "fidelity.pair_error", "max": 0.5},
        Outcome.FAIL: {"measure": "fidelity.pair_error", "max": 0.001},
        Outcome.INCONCLUSIVE: {"measure": "fidelity.pair_error", "max": 0.02},
        Outcome.REVIEW: {"measure": "fidelity.pair_error", "max": 0.02, "when_inconclusive": "review"},
    }[outcome]
    words = {
        Outcome.PASS: "every demand that counts is met",
        Outcome.FAIL: "must not be released",
        Outcome.INCONCLUSIVE: "must not be released",
        Outcome.REVIEW: "only if approvers accept",
    }[outcome]
    policy: Policy = kinds.policy(require=[demand], suite=False, waivers=[])
    card = kinds.card()
    verdict = judge(policy, card, None, kinds.facts, kinds.today)
    assert verdict.outcome == outcome
    reports = render(provenance, profile, card, None, verdict, policy, fresh)
    known = json.loads(reports.json)
    assert words in known["conclusions"][0]
    assert f'class="verdict {outcome.value}"' in reports.html
    assert known["summary"] in reports.html
    assert "The suite did not run." in reports.markdown


def test_a_waiver_is_not_called_met(
    kinds: SimpleNamespace, provenance: Provenance, profile: Profile, fresh: pa.Table
) -> None:
    policy = kinds.policy(require=[{"measure": "utility.tstr_auc", "min": 0.9}], suite=False)
    verdict = judge(policy, kinds.card(), None, kinds.facts, kinds.today)
    assert verdict.outcome is Outcome.PASS
    known = json.loads(render(provenance, profile, kinds.card(), None, verdict, policy, fresh).json)
    assert "what is waived is not met" in known["conclusions"][0]
    assert "1 more is waived" in known["summary"]


def test_markdown_cannot_be_broken_by_names(
    kinds: SimpleNamespace, provenance: Provenance, profile: Profile, fresh: pa.Table
) -> None:
    card = kinds.card()
    odd = kinds.made("odd.one", value=0.1, low=0.0, high=0.2, title="a | b\n# <b>*c*")
    card = card.model_copy(update={"measures": (*card.measures, odd)})
    policy = kinds.policy()
    verdict = judge(policy, card, None, kinds.facts, kinds.today)
    text = render(provenance, profile, card, None, verdict, policy, fresh).markdown
    line = next(row for row in text.splitlines() if "`odd.one`" in row)
    assert r"a \| b \# \<b\>\*c\*" in line


@pytest.mark.parametrize("name", ["privacy.k_anonymity", "privacy.rare_value_disclosure", "privacy.exact_copy_rate"])
def test_words_without_a_reference_compare_with_nobody(kinds: SimpleNamespace, name: str) -> None:
    words = attack(kinds.made(name, value=0.0000001, low=0.0, high=0.2))
    assert "fewer than 0.1" in words
    assert ";" not in words


def test_without_privacy_measures_nothing_is_concluded_about_them(
    kinds: SimpleNamespace, provenance: Provenance, fresh: pa.Table
) -> None:
    card = kinds.card().model_copy(update={"measures": kinds.card().measures[:2]})
    policy = kinds.policy(require=[{"measure": "validity.ranges", "min": 1.0}], suite=False, waivers=[])
    verdict = judge(policy, card, None, kinds.facts, kinds.today)
    plain = fresh.select(["age", "city"])
    profile = profile_table(plain, "people", TableSpec(), "")
    reports = render(provenance, profile, card, None, verdict, policy, plain)
    known = json.loads(reports.json)
    assert "privacy" not in " ".join(known["conclusions"])
    assert not [line for line in known["not_certified"] if "failed to be measured" in line or "not modelled" in line]
    assert "Where the risk lies" not in reports.html
    assert 'id="pairs"' not in reports.html
    assert "## What does not hold" not in reports.markdown


def test_the_schema_in_the_documentation_is_the_model_s() -> None:
    kept = Path(__file__).parents[3] / "docs" / "schema" / "report.json"
    assert json.loads(kept.read_text(encoding="utf-8")) == schema(), "renew it from quality.report.schema()"
