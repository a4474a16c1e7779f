"""What a source has spent, and that no release passes the gate without the others that are live."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lineage.gate import Live
from lineage.release import Released, record_candidate, release, status_of
from lineage.revoking import revoke
from lineage.spend import live_beside, spend
from lineage.states import State
from lineage.verify import verify_release
from orchestration.cli.app import run
from proofset.digest import sha256_bytes
from proofset.errors import DeniedError, UnknownNameError
from proofset.evidence import Candidate, Direction, Measure
from proofset.policy_judge import Facts, judge
from proofset.policy_union import UNITED
from tests.lineage.shop import HOUR, NOW, POLICY, Place, make_measures, make_place, make_table

DAY = timedelta(days=1)
COPIES = "privacy.exact_copy_rate"


@dataclass
class Shop:
    """Releases of one source, each a step of the clock after the other."""

    place: Place
    now: datetime = NOW
    made: list[Candidate] = field(default_factory=list)

    def record(
        self, seed: int, union: tuple[str, ...] | None = None, copies: float | None = 0.0, **provenance: Any
    ) -> Candidate:
        """A recorded candidate. union, copies: digests it was attacked together with, and what that found."""
        evidence = self.place.evidence
        evidence.table = make_table(seed)
        measures = list(make_measures())
        if union is not None and copies is not None:
            measures.append(
                Measure(
                    name=UNITED[COPIES], title="Copies, together", value=copies, low=copies, high=copies,
                    reference=0.002, n=300, direction=Direction.LOWER, floor=0, ceiling=1,
                )
            )  # fmt: skip
        parts = evidence.parts()
        made = parts["provenance"].model_copy(update=provenance)
        profile = parts["profile"].model_copy(update={"source_digest": made.source_digest})
        made = made.model_copy(update={"profile_digest": profile.digest})
        card = parts["scorecard"].model_copy(update={"measures": tuple(measures), "union": union})
        said = judge(evidence.policy, card, parts["suite"], Facts.of(made, evidence.spec.source), self.now.date())
        changed = {"provenance": made, "profile": profile, "scorecard": card, "verdict": said, "today": self.now.date()}
        candidate, folder = self.place.build(evidence, **changed)
        record_candidate(self.place.workspace, self.place.ledger, candidate, folder, self.now)
        self.made.append(candidate)
        return candidate

    def approve(self, candidate: Candidate) -> None:
        self.place.sign(candidate, "ben", "cho", at=self.now)

    def release(self, candidate: Candidate) -> Released:
        self.now += HOUR
        self.approve(candidate)
        self.now += HOUR
        signer = self.place.signers["platform"]
        return release(self.place.workspace, self.place.ledger, candidate.digest, signer, "ada@example.org", self.now)

    def denied(self, candidate: Candidate) -> str:
        with pytest.raises(DeniedError) as error:
            self.release(candidate)
        return error.value.what

    def live(self, **about: str) -> tuple[Live, ...]:
        asked = {"dataset": "shop", "source_digest": "", "synthetic_digest": ""} | about
        return live_beside(self.place.ledger, now=self.now, **asked)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(make_place(tmp_path))


def tables(*candidates: Candidate) -> tuple[str, ...]:
    return tuple(sorted(c.synthetic_digest for c in candidates))


def test_a_second_release_needs_the_attacks_on_both(shop: Shop) -> None:
    first = shop.record(1)
    shop.release(first)
    alone = shop.record(2)
    told = shop.denied(alone)
    assert f"not run together with the live release shop/{first.digest[:12]} of its source" in told
    together = shop.record(3, tables(first))
    done = shop.release(together)
    checks = verify_release(done.folder, shop.place.roster, shop.now)
    assert all(c.ok for c in checks), [c for c in checks if not c.ok]
    verdict = next(c for c in checks if c.name == "verdict")
    assert "5 of 5 demands" in verdict.detail  # two limits, the one on the union, suite and licence


def test_evidence_is_stale_once_another_release_appears(shop: Shop) -> None:
    first = shop.record(1)
    shop.release(first)
    second, third = shop.record(2, tables(first)), shop.record(3, tables(first))
    shop.release(second)
    told = shop.denied(third)
    assert f"shop/{second.digest[:12]}" in told
    assert f"shop/{first.digest[:12]}" not in told
    shop.release(shop.record(4, tables(first, second)))


def test_what_the_union_shows_is_judged_by_the_limit_on_one_table(shop: Shop) -> None:
    first = shop.record(1)
    shop.release(first)
    assert "privacy.union_exact_copy_rate ≤ reference + 0.01: fail" in shop.denied(shop.record(2, tables(first), 0.1))
    missing = shop.denied(shop.record(3, tables(first), None))
    assert "privacy.union_exact_copy_rate ≤ reference + 0.01: inconclusive, not measured" in missing


def test_the_same_table_again_changes_nothing(shop: Shop) -> None:
    first = shop.record(1)
    shop.release(first)
    shop.now += DAY
    again = shop.record(1, options={"privacy": "medium", "depth": 4.0})
    assert again.digest != first.digest
    assert again.synthetic_digest == first.synthetic_digest
    shop.release(again)
    found = spend(shop.place.ledger, "shop", shop.now)
    assert [s.again for s in found.releases] == [False, True]
    assert (found.live, found.rows, found.rows_live) == (2, 300, 300)


def test_superseded_releases_are_live_and_revoked_and_expired_ones_are_not(shop: Shop) -> None:
    first = shop.record(1)
    shop.release(first)
    second = shop.record(2, tables(first))
    shop.release(second)
    assert [one.candidate for one in shop.live()] == [first.digest, second.digest]
    assert [one.candidate for one in shop.live(synthetic_digest=second.synthetic_digest)] == [first.digest]
    assert shop.live(dataset="other") == ()
    source = shop.place.evidence.parts()["provenance"].source_digest
    assert len(shop.live(dataset="other", source_digest=source)) == 2  # the same rows under another name
    revoke(shop.place.workspace, shop.place.ledger, "release", first.digest[:12], "leaked", "ben", shop.now, None)
    assert [one.candidate for one in shop.live()] == [second.digest]
    third = shop.record(3, tables(second))
    shop.release(third)
    states = [s.state for s in spend(shop.place.ledger, "shop", shop.now).releases]
    assert states == [State.REVOKED, State.SUPERSEDED, State.RELEASED]


def test_an_expired_release_is_not_live(shop: Shop) -> None:
    shop.place.write("policies/sharing.yaml", POLICY + "expires_after_days: 5\n")
    shop.release(shop.record(1))
    assert len(shop.live()) == 1
    shop.now += 6 * DAY
    assert shop.live() == ()
    shop.release(shop.record(2))  # needs no union
    found = spend(shop.place.ledger, "shop", shop.now)
    assert (len(found.releases), found.live, found.rows, found.rows_live) == (2, 1, 600, 300)


def test_another_snapshot_of_the_dataset_is_the_same_source(shop: Shop) -> None:
    first = shop.record(1)
    shop.release(first)
    later = {"source_digest": sha256_bytes(b"next month")}
    assert "not run together" in shop.denied(shop.record(2, **later))
    shop.release(shop.record(3, tables(first), **later))
    found = spend(shop.place.ledger, "shop", shop.now)
    assert len(found.sources) == 2
    assert len(found.releases) == 2
    assert spend(shop.place.ledger, later["source_digest"][:8], shop.now).releases == found.releases


@pytest.mark.parametrize(
    ("options", "epsilon", "delta", "said"),
    [
        ([{}, {}], None, None, "no bound is claimed"),
        ([{"epsilon": 1.5, "delta": 1e-6}, {"epsilon": 2, "delta": 1e-6}], 3.5, 2e-6, "add up to 3.5"),
        ([{"epsilon": 1.5, "delta": 0}, {}], None, None, "1 used no differential privacy: no bound"),
        ([{"epsilon": 1.5}, {"epsilon": 2, "delta": 1e-6}], 3.5, None, "For 1 no δ is stated"),
        ([{"epsilon": -1}, {"epsilon": True}], None, None, "no bound is claimed"),
        ([{"epsilon": "1"}, {"epsilon": 0}], None, None, "no bound is claimed"),
    ],
)
def test_epsilon_adds_up_and_is_never_invented(
    shop: Shop, options: list[dict[str, Any]], epsilon: float | None, delta: float | None, said: str
) -> None:
    first = shop.record(1, options=options[0])
    shop.release(first)
    second = shop.record(2, tables(first), options=options[1])
    shop.release(second)
    found = spend(shop.place.ledger, "shop", shop.now)
    assert (found.epsilon, found.delta) == (epsilon, delta)
    assert said in found.statement
    assert [s.together for s in found.releases] == [0, 1]
    assert [m.name for m in found.releases[1].union] == [UNITED[COPIES]]
    revoke(shop.place.workspace, shop.place.ledger, "release", first.digest[:12], "leaked", "ben", shop.now, None)
    after = spend(shop.place.ledger, "shop", shop.now)
    assert (after.epsilon, after.delta, after.live, after.revoked) == (epsilon, delta, 1, 1)  # told stays told


def test_the_same_table_spends_its_epsilon_once(shop: Shop) -> None:
    shop.release(shop.record(1, options={"epsilon": 2.0, "delta": 0}))
    shop.now += DAY
    shop.release(shop.record(1, options={"epsilon": 2.0, "delta": 0, "depth": 1}))
    assert spend(shop.place.ledger, "shop", shop.now).epsilon == 2.0


def test_nothing_was_released(shop: Shop) -> None:
    with pytest.raises(UnknownNameError, match="shop"):
        spend(shop.place.ledger, "shop", shop.now)
    candidate = shop.record(1)
    found = spend(shop.place.ledger, "shop", shop.now)
    assert found.statement == "Nothing made from this source has been released."
    assert (found.releases, found.epsilon, found.live) == ((), None, 0)
    with pytest.raises(UnknownNameError, match="Did you mean 'shop'"):
        spend(shop.place.ledger, "shp", shop.now)
    assert not status_of(shop.place.workspace, shop.place.ledger, candidate.digest, shop.now).allowed


def test_the_screen_says_what_was_spent(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    first = shop.record(1, options={"epsilon": 1.5, "delta": 1e-6})
    shop.release(first)
    shop.release(shop.record(2, tables(first)))
    root = str(shop.place.workspace.root)
    capsys.readouterr()
    assert run(["--workspace", root, "spend", "shop"]) == 0
    shown = capsys.readouterr().out
    for text in (
        "2 releases, 2 live, 0 revoked; 600 rows in all",
        "Cumulative ε: none; those that state one add up to 1.5",
        "1 used no differential privacy: no bound",
        "none other was live",
        f"shop/{first.digest[:12]}",
    ):
        assert text in " ".join(shown.split()), text
    assert run(["--workspace", root, "spend", "shop", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["stated"], told["live"], len(told["releases"])) == (1.5, 2, 2)
    assert "epsilon" not in told
    assert run(["--workspace", root, "spend", "nowhere"]) == 2
