"""The gate on doubts, waivers, separation and expiry: only the right person's word on the right bytes settles one."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from lineage.candidate import CandidateFolder, read_candidate
from lineage.decisions import Signed, make_approval, read_approval
from lineage.folders import entry_of
from lineage.gate import Circumstances, Decision, decide
from lineage.passport import PASSPORT, read_passport, sign_passport
from lineage.records import approve
from lineage.release import Released, record_candidate
from lineage.roster import add_key
from lineage.signing import Signer
from lineage.times import parse_utc
from lineage.verify import verify_release
from proofset.errors import DeniedError, UnknownNameError
from proofset.evidence import Candidate, Outcome
from tests.lineage.shop import (
    DAY,
    HOUR,
    LATER,
    NOW,
    POLICY,
    Evidence,
    Place,
    endorse,
    failing,
    make_measures,
    make_table,
    named,
)

DOUBT = POLICY.replace(
    "  - {measure: privacy.exact_copy_rate, max_excess: 0.01}",
    """\
  - {measure: privacy.exact_copy_rate, max_excess: 0.01, when_inconclusive: review}
  - {measure: fidelity.pair_error, max: 0.1, when_inconclusive: review}""",
)
COPIES, PAIRS = "privacy_exact_copy_rate_max_excess", "fidelity_pair_error_max"
TODAY = NOW.date()


def doubtful(place: Place, *, copies: float = 0.02, pairs: float = 0.05) -> Evidence:
    """Evidence in which the copies' interval straddles its limit; the pairs' does from 0.1 on."""
    shape, copied, members = make_measures()
    pair = shape.model_copy(update={"name": "fidelity.pair_error", "high": pairs})
    measures = (shape, copied.model_copy(update={"high": copies}), members, pair)
    return replace(place.evidence, measures=measures, today=TODAY)


@pytest.fixture
def shop(place: Place) -> Place:
    place.write("policies/sharing.yaml", DOUBT)
    return place


def made(place: Place, evidence: Evidence) -> CandidateFolder:
    return read_candidate(place.build(evidence, today=evidence.today)[1])


def word(place: Place, about: Candidate, person: str, *accepts: str, hours: int = 0) -> Signed:
    signed_at = NOW + hours * HOUR
    envelope = make_approval(about, place.signers[person], place.roster, "approve", "", signed_at, accepts)
    return read_approval(envelope, place.roster)


def asked(place: Place, parts: CandidateFolder, *signed: Signed, now: Any = NOW + 5 * HOUR) -> Decision:
    spec, policy = place.workspace.dataset("shop"), place.workspace.policy("sharing")
    decision = decide(parts, policy, spec, signed, place.roster, now, Circumstances(recorded_at=NOW))
    assert decision.allowed == (not decision.reasons)
    return decision


def test_a_doubt_is_settled_by_the_privacy_officers_signed_acceptance(shop: Place) -> None:
    parts = made(shop, doubtful(shop))
    assert (parts.verdict.outcome, parts.candidate.outcome) == (Outcome.REVIEW, Outcome.REVIEW)
    ben, cho = word(shop, parts.candidate, "ben"), word(shop, parts.candidate, "cho", COPIES)
    assert asked(shop, parts, ben, cho).allowed


@pytest.mark.parametrize(
    ("by_ben", "by_cho", "told"),
    [
        ((), (), f"no approval that counts accepts '{COPIES}'"),
        ((), (PAIRS,), f"no approval that counts accepts '{COPIES}'"),
        ((), ("privacy_exact_copy_rate_max",), f"no approval that counts accepts '{COPIES}'"),
        ((COPIES,), (), f"no privacy officer's approval that counts accepts '{COPIES}'"),
    ],
)
def test_no_acceptance_or_anothers_or_of_another_check_is_denied(
    by_ben: tuple[str, ...], by_cho: tuple[str, ...], told: str, shop: Place
) -> None:
    parts = made(shop, doubtful(shop))
    signed = word(shop, parts.candidate, "ben", *by_ben), word(shop, parts.candidate, "cho", *by_cho)
    (reason,) = asked(shop, parts, *signed).reasons
    assert reason.endswith(told)
    assert "to be reviewed, 0 [0, 0.02] against 0.012" in reason


def test_an_acceptance_over_other_bytes_is_denied(shop: Place) -> None:
    parts = made(shop, doubtful(shop))
    other = made(shop, replace(doubtful(shop), table=make_table(1)))
    ben, cho = word(shop, parts.candidate, "ben"), word(shop, other.candidate, "cho", COPIES)
    again = word(shop, parts.candidate, "cho", hours=1)
    assert f"no approval that counts accepts '{COPIES}'" in asked(shop, parts, ben, cho, again).reasons[0]


def test_an_acceptance_of_other_evidence_or_under_another_policy_is_denied(shop: Place) -> None:
    parts = made(shop, doubtful(shop))
    ben, cho = word(shop, parts.candidate, "ben"), word(shop, parts.candidate, "cho", COPIES)
    for changes in ({"evidence_digest": "0" * 64}, {"policy_digest": "0" * 64}, {"candidate": "0" * 64}):
        assert not asked(shop, parts, ben, cho.model_copy(update=changes)).allowed


def test_the_newest_word_counts(shop: Place) -> None:
    """Approving again without the acceptance takes it back; an expired or a requester's one never counted."""
    parts = made(shop, doubtful(shop))
    ben, cho = word(shop, parts.candidate, "ben"), word(shop, parts.candidate, "cho", COPIES)
    assert not asked(shop, parts, ben, cho, word(shop, parts.candidate, "cho", hours=1)).allowed
    assert asked(shop, parts, ben, cho, word(shop, parts.candidate, "cho", COPIES, hours=1)).allowed
    assert not asked(shop, parts, ben, cho, now=NOW + 21 * DAY).allowed
    with pytest.raises(DeniedError, match="A rejection accepts nothing"):
        make_approval(parts.candidate, shop.signers["cho"], shop.roster, "reject", "", NOW, [COPIES])


def test_a_doubt_beyond_privacy_is_anybodys_to_accept(shop: Place) -> None:
    parts = made(shop, doubtful(shop, copies=0.005, pairs=0.2))
    cho = word(shop, parts.candidate, "cho")
    assert asked(shop, parts, word(shop, parts.candidate, "ben", PAIRS), cho).allowed
    assert not asked(shop, parts, word(shop, parts.candidate, "ben"), cho).allowed


def test_an_acceptance_by_somebody_the_policy_does_not_ask_for_is_none(shop: Place) -> None:
    """Dia's approval counts beside the two that are required, but she holds none of the policy's roles."""
    parts = made(shop, doubtful(shop, copies=0.005, pairs=0.2))
    ben, cho = word(shop, parts.candidate, "ben"), word(shop, parts.candidate, "cho")
    (reason,) = asked(shop, parts, ben, cho, word(shop, parts.candidate, "dia", PAIRS)).reasons
    assert reason.endswith(f"no approval by a holder of the role data_steward, privacy_officer accepts '{PAIRS}'")
    shop.write("policies/sharing.yaml", DOUBT.replace(", roles: [data_steward, privacy_officer]", ""))
    free = made(shop, doubtful(shop, copies=0.005, pairs=0.2))
    assert asked(shop, free, word(shop, free.candidate, "ben"), word(shop, free.candidate, "dia", PAIRS)).allowed


def test_a_release_with_an_outsiders_acceptance_does_not_verify(shop: Place) -> None:
    candidate, folder = shop.build(doubtful(shop, copies=0.005, pairs=0.2), today=TODAY)
    record_candidate(shop.workspace, shop.ledger, candidate, folder, NOW)
    shop.sign(candidate, "cho")
    for person in ("ben", "dia"):
        approve(shop.workspace, shop.ledger, candidate.digest, shop.signers[person], at=NOW + HOUR, accepts=[PAIRS])
    released = shop.release()
    assert failing(released.folder, shop) == []
    text = shop.workspace.roster_path.read_text()  # ben keeps his key, and loses the role by which his word counted
    head, tail = text.split("- id: ben", 1)
    shop.workspace.roster_path.write_text(head + "- id: ben" + tail.replace("- data_steward", "- analyst", 1))
    assert any("no approval by a holder of the role" in c.detail for c in failing(released.folder, shop))


def test_every_doubt_needs_its_own_acceptance(shop: Place) -> None:
    parts = made(shop, doubtful(shop, pairs=0.2))
    ben = word(shop, parts.candidate, "ben", PAIRS)
    assert not asked(shop, parts, ben, word(shop, parts.candidate, "cho")).allowed
    assert asked(shop, parts, ben, word(shop, parts.candidate, "cho", COPIES)).allowed
    assert asked(shop, parts, word(shop, parts.candidate, "ben"), word(shop, parts.candidate, "cho", COPIES, PAIRS))


def test_a_group_with_a_privacy_check_is_the_privacy_officers(place: Place) -> None:
    grouped = POLICY.replace(
        "  - {measure: privacy.exact_copy_rate, max_excess: 0.01}",
        """\
  - name: safe
    any_of:
      - all_of: [{measure: privacy.exact_copy_rate, max_excess: 0.01, when_inconclusive: review}]""",
    )
    place.write("policies/sharing.yaml", grouped)
    parts = made(place, doubtful(place))
    ben, cho = word(place, parts.candidate, "ben", "safe"), word(place, parts.candidate, "cho")
    assert "no privacy officer's" in asked(place, parts, ben, cho).reasons[0]
    assert asked(place, parts, ben, word(place, parts.candidate, "cho", "safe")).allowed


def test_a_missing_measure_is_nobodys_to_accept(shop: Place) -> None:
    evidence = doubtful(shop)
    gone = replace(evidence, measures=tuple(m for m in evidence.measures if m.name != "privacy.exact_copy_rate"))
    parts = made(shop, gone)
    assert parts.verdict.outcome is Outcome.INCONCLUSIVE
    signed = word(shop, parts.candidate, "ben", COPIES), word(shop, parts.candidate, "cho", COPIES)
    assert "inconclusive, not measured" in asked(shop, parts, *signed).reasons[0]


def test_a_failure_is_nobodys_to_accept(shop: Place) -> None:
    evidence = doubtful(shop)
    shape, copied, *rest = evidence.measures
    worse = copied.model_copy(update={"value": 0.5, "low": 0.4, "high": 0.6})
    parts = made(shop, replace(evidence, measures=(shape, worse, *rest)))
    signed = word(shop, parts.candidate, "ben", COPIES), word(shop, parts.candidate, "cho", COPIES)
    assert "fail" in asked(shop, parts, *signed).reasons[0]


def reviewed(shop: Place) -> tuple[Candidate, Released]:
    candidate, folder = shop.build(doubtful(shop), today=TODAY)
    record_candidate(shop.workspace, shop.ledger, candidate, folder, NOW)
    shop.sign(candidate, "ben")
    approve(shop.workspace, shop.ledger, candidate.digest, shop.signers["cho"], at=NOW + HOUR, accepts=[COPIES])
    return candidate, shop.release()


def test_a_reviewed_release_says_who_accepted_what_and_verifies(shop: Place) -> None:
    _, released = reviewed(shop)
    assert failing(released.folder, shop) == []
    passport = read_passport(released.folder, shop.roster)
    assert passport.outcome is Outcome.REVIEW
    assert [(a.person, a.accepts) for a in passport.approvals] == [("ben", ()), ("cho", (COPIES,))]
    said = {c.name: c.detail for c in verify_release(released.folder, shop.roster)}
    assert said["verdict"] == "recomputed: 4 of 5 demands of 'sharing' are met, 1 to be accepted"


def test_a_release_without_the_acceptance_does_not_verify(shop: Place) -> None:
    """A releaser who swaps in an approval that accepts nothing, and lists and signs everything anew."""
    candidate, released = reviewed(shop)
    path = "approvals/cho.dsse.json"
    plain = make_approval(candidate, shop.signers["cho"], shop.roster, "approve", "", NOW + HOUR)
    (released.folder / path).write_bytes(plain.to_bytes())
    passport = read_passport(released.folder, shop.roster)
    swapped = passport.model_copy(
        update={
            "files": tuple(entry_of(released.folder, path) if f.path == path else f for f in passport.files),
            "approvals": tuple(a.model_copy(update={"accepts": ()}) for a in passport.approvals),
        }
    )
    endorse(released.folder, swapped, shop.signers["platform"])
    (found,) = failing(released.folder, shop)
    assert found.name == "approvals"
    assert f"no approval that counts accepts '{COPIES}'" in found.detail


def test_only_what_is_to_be_reviewed_can_be_accepted(shop: Place) -> None:
    candidate, _ = shop.record(doubtful(shop))
    with pytest.raises(UnknownNameError, match="Did you mean 'privacy_exact_copy_rate_max_excess'"):
        approve(shop.workspace, shop.ledger, candidate.digest, shop.signers["cho"], accepts=[COPIES[:-1]])
    with pytest.raises(UnknownNameError):
        approve(
            shop.workspace, shop.ledger, candidate.digest, shop.signers["cho"], accepts=["fidelity_shape_error_max"]
        )


# --- waivers


def waiving(until: date) -> str:
    return POLICY + f"waivers: [{{measure: fidelity.shape_error, why: Known., by: eve@x.org, until: {until}}}]\n"


def bad(place: Place) -> Evidence:
    first, *rest = make_measures()
    worse = first.model_copy(update={"value": 0.08, "low": 0.07, "high": 0.09})
    return replace(place.evidence, measures=(worse, *rest), today=TODAY)


def test_a_waived_failure_is_released_and_still_shows(place: Place) -> None:
    place.write("policies/sharing.yaml", waiving(TODAY))
    candidate, folder = place.build(bad(place), today=TODAY)
    assert candidate.outcome is Outcome.PASS
    found = read_candidate(folder).verdict.findings[0]
    assert (found.outcome, bool(found.waived)) == (Outcome.FAIL, True)
    assert "fail (waived until 2026-03-01 by eve@x.org: Known.)" in (folder / "README.md").read_text()
    record_candidate(place.workspace, place.ledger, candidate, folder, NOW)
    place.sign(candidate, "ben", "cho")
    released = place.release()
    assert read_passport(released.folder, place.roster).waived == ("fidelity_shape_error_max",)
    assert failing(released.folder, place, NOW + 400 * DAY) == []  # it lived at the time of release
    said = {c.name: c.detail for c in verify_release(released.folder, place.roster)}
    assert said["verdict"] == "recomputed: 3 of 4 demands of 'sharing' are met, 1 waived"


def test_the_day_after_its_waiver_a_failure_denies_again(place: Place) -> None:
    place.write("policies/sharing.yaml", waiving(TODAY))
    parts = made(place, bad(place))
    signed = word(place, parts.candidate, "ben"), word(place, parts.candidate, "cho")
    assert asked(place, parts, *signed).allowed
    midnight = NOW.replace(hour=23, minute=59) + timedelta(seconds=59)
    assert asked(place, parts, *signed, now=midnight).allowed
    told = asked(place, parts, *signed, now=midnight + timedelta(seconds=1)).reasons
    assert told[0].startswith("fidelity.shape_error ≤ 0.05: fail")
    assert told[0].endswith("its waiver ended on 2026-03-01")


def test_a_candidate_cannot_be_built_on_a_dead_waiver(place: Place) -> None:
    place.write("policies/sharing.yaml", waiving(TODAY))
    with pytest.raises(DeniedError, match="the verdict is not what the policy says"):
        place.build(bad(place), today=TODAY + DAY)


def test_a_group_that_holds_by_a_waiver_is_counted_as_waived(place: Place) -> None:
    grouped = waiving(TODAY).replace("{measure: fidelity.shape_error, max: 0.05}",
                                     "{name: close, all_of: [{measure: fidelity.shape_error, max: 0.05}]}")  # fmt: skip
    place.write("policies/sharing.yaml", grouped)
    candidate, folder = place.build(bad(place), today=TODAY)
    assert candidate.outcome is Outcome.PASS
    card = (folder / "README.md").read_text()
    assert "| close | all of 1 hold | fail (waived until 2026-03-01 by eve@x.org: Known.) |" in card
    record_candidate(place.workspace, place.ledger, candidate, folder, NOW)
    place.sign(candidate, "ben", "cho")
    released = place.release()
    assert read_passport(released.folder, place.roster).waived == ("fidelity_shape_error_max", "close")
    said = {c.name: c.detail for c in verify_release(released.folder, place.roster)}
    assert said["verdict"] == "recomputed: 3 of 4 demands of 'sharing' are met, 1 waived"


# --- separation


@pytest.mark.parametrize(
    ("rule", "authors", "denied"),
    [
        ("[]", "[]", False),
        ("[requester, robots]", "[]", False),
        ("[policy_author]", "[Ben]", True),
        ("[policy_author]", "[ben@example.org]", True),
        ("[policy_author]", "[dia]", False),
        ("[owner]", "[]", False),
    ],
)
def test_authors_of_the_policy_may_be_kept_apart(rule: str, authors: str, denied: bool, place: Place) -> None:
    text = POLICY.replace("valid_days: 20", f"valid_days: 20, separation: {rule}")
    place.write("policies/sharing.yaml", f"authors: {authors}\n{text}")
    parts = made(place, place.evidence)
    told = asked(place, parts, word(place, parts.candidate, "ben"), word(place, parts.candidate, "cho")).reasons
    assert any("the policy keeps the policy's authors apart" in r for r in told) == denied


def test_the_owner_and_who_waives_may_be_kept_apart(place: Place) -> None:
    text = waiving(TODAY).replace("eve@x.org", "ben").replace("valid_days: 20", "separation: [policy_author, owner]")
    place.write("policies/sharing.yaml", "authors: [dia]\n" + text)
    spec = place.workspace.root / "datasets" / "shop.yaml"
    spec.write_text(spec.read_text().replace("shop-team@example.org", "cho@example.org"))
    parts = made(place, bad(place))
    told = "; ".join(
        asked(place, parts, word(place, parts.candidate, "ben"), word(place, parts.candidate, "cho")).reasons
    )
    assert "the approval by ben does not count: the policy keeps the policy's authors apart" in told
    assert "the approval by cho does not count: the policy keeps the dataset's owner apart" in told


# --- the life of a release


def test_a_release_states_when_its_life_ends(place: Place) -> None:
    place.write("policies/sharing.yaml", POLICY + "expires_after_days: 90\nversion: '7'\n")
    candidate, _ = place.record()
    place.sign(candidate, "ben", "cho")
    released = place.release()
    passport = read_passport(released.folder, place.roster)
    assert parse_utc(passport.expires_at or "") - parse_utc(passport.released_at) == 90 * DAY
    assert passport.policy_version == "7"
    assert place.ledger.entries("release")[0].body["expires_at"] == passport.expires_at
    said = {c.name: c.detail for c in verify_release(released.folder, place.roster, LATER)}
    assert said["expiry"] == f"good until {passport.expires_at}"
    assert failing(released.folder, place) == []


def test_a_release_whose_life_has_ended_does_not_verify(place: Place) -> None:
    place.write("policies/sharing.yaml", POLICY + "expires_after_days: 90\n")
    candidate, _ = place.record()
    place.sign(candidate, "ben", "cho")
    released = place.release()
    end = parse_utc(read_passport(released.folder, place.roster).expires_at or "")
    assert failing(released.folder, place, end) == []
    (found,) = failing(released.folder, place, end + timedelta(microseconds=1))
    assert (found.name, found.file) == ("expiry", PASSPORT)
    assert found.detail.startswith("expired: it was good until 2026-05-30")
    with pytest.raises(DeniedError, match="does not verify: .*expired"):
        place.release(now=end + DAY)


def test_an_end_that_is_no_time_is_no_passport(place: Place) -> None:
    candidate, _ = place.record()
    place.sign(candidate, "ben", "cho")
    released = place.release()
    odd = read_passport(released.folder, place.roster).model_copy(update={"expires_at": "soon"})
    (released.folder / PASSPORT).write_bytes(sign_passport(odd, place.signers["platform"]).to_bytes())
    assert {c.name for c in failing(released.folder, place)} >= {"passport"}


def test_a_life_the_policy_does_not_grant_does_not_verify(place: Place) -> None:
    candidate, _ = place.record()
    place.sign(candidate, "ben", "cho")
    released = place.release()
    passport = read_passport(released.folder, place.roster)
    assert passport.expires_at is None
    longer = passport.model_copy(update={"expires_at": "2099-01-01T00:00:00.000000Z", "waived": ("x",)})
    endorse(released.folder, longer, place.signers["platform"])
    found = failing(released.folder, place)
    assert named(found) == {PASSPORT}
    assert "states another expires_at, waived" in found[0].detail


def test_a_person_with_two_keys_accepts_once(shop: Place) -> None:
    """An acceptance by a key the roster took away is none."""
    parts = made(shop, doubtful(shop))
    ben, cho = word(shop, parts.candidate, "ben"), word(shop, parts.candidate, "cho", COPIES)
    stranger = Signer.generate()
    add_key(shop.workspace.roster_path, "eve", "Eve", "eve@x.org", ["analyst"], stranger.public, NOW.date())
    stolen = cho.model_copy(update={"key_id": stranger.key_id})
    assert not asked(shop, parts, ben, stolen).allowed
    assert asked(shop, parts, ben, cho).allowed
