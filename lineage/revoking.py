"""Revoking: entering a withdrawal in the ledger, marking what it reaches, and the list for those who verify offline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from lineage import standing
from lineage.candidate import SHORT
from lineage.kinds import CANDIDATE, RELEASE, REVOCATION
from lineage.ledger import Ledger
from lineage.records import MIN_PREFIX, find_candidate
from lineage.revocation import KINDS, Kind, reached
from lineage.revocation_list import RevocationList, list_of
from lineage.roster import read_roster, revoke_key
from lineage.times import parse_utc, utc_text
from proofset.errors import DeniedError, UnknownNameError, did_you_mean, unknown_name
from proofset.files import move, write_bytes
from proofset.workspace import Workspace

MARK = "REVOKED"
"""Ending of the file beside a release's folder that tells whoever looks there."""


@dataclass(frozen=True)
class Reached:
    """A candidate that a revocation reaches. released: whether it was published; reasons: all there are."""

    candidate: str
    dataset: str
    released: bool
    reasons: tuple[str, ...]


def revoke(
    workspace: Workspace,
    ledger: Ledger,
    kind: Kind,
    target: str,
    reason: str,
    who: str,
    now: datetime,
    since: datetime | None = None,
) -> list[Reached]:
    """Withdraw something for good and return everything it reaches, in the order it was made.

    A key is also marked in the roster. Revoking the same again returns what is reached and adds nothing.

    Parameters
    ----------
    target: a dataset's name (its source, or its newest release), the first digits of a digest or key, or
        a generator as NAME or "NAME VERSION".  A dataset that has no release yet stands for its newest candidate.
    since: for a key, from which moment on its signatures do not count; `now` where None.

    Raises UnknownNameError where nothing is called so, DeniedError without a reason or a name.
    """
    if kind not in KINDS:
        raise unknown_name("kind of revocation", kind, KINDS)
    if not reason.strip() or not who.strip():
        raise DeniedError("A revocation needs a reason and a name.", fix="Give --reason and --by.")
    if since is not None and (kind != "key" or since > now):
        raise DeniedError("--since is for keys, and lies in the past.", fix="Leave it out, or give an earlier moment.")
    with workspace.lock("revocation"):
        found = _target(workspace, ledger, kind, target)
        if kind == "key":
            since = _mark_key(workspace, found, since or now, reason)
        known = [r for r in standing.revocations(ledger) if (r.kind, r.target) == (kind, found)]
        if not known or (since is not None and all((r.since or r.at) > since for r in known)):
            body = {"kind": kind, "target": found, "reason": reason, "who": who}
            body |= {"since": utc_text(since)} if since else {}
            ledger.append(REVOCATION, found, body, now, actor=who)
        everything = listed(ledger)
        for one in everything:
            _mark(workspace, one)
        mine = [r for r in standing.revocations(ledger) if (r.kind, r.target) == (kind, found)]
        ours = reached(mine, standing.made((*ledger.entries(CANDIDATE), *ledger.entries(RELEASE))))
        return [one for one in everything if one.candidate in ours]


def listed(ledger: Ledger) -> list[Reached]:
    """Everything that any revocation reaches, in the order it was made."""
    gone, out = standing.withdrawn(ledger), standing.releases(ledger)
    order = {e.subject: e.body["candidate"]["dataset"] for e in ledger.entries(CANDIDATE)}
    return [Reached(c, dataset, c in out, gone[c]) for c, dataset in order.items() if c in gone]


def current_list(workspace: Workspace, ledger: Ledger, now: datetime) -> RevocationList:
    """The list as of now, to be signed."""
    everything = listed(ledger)
    return list_of(
        workspace.config.workspace,
        standing.revocations(ledger),
        {one.candidate: one.reasons for one in everything},
        {one.candidate: one.dataset for one in everything},
        ledger.head,
        ledger.vkey if ledger.head.size else "",  # which is no release's
        now,
    )


def _target(workspace: Workspace, ledger: Ledger, kind: Kind, target: str) -> str:
    """What the ledger calls it."""
    if kind == "release":
        out = [digest for digest, e in standing.releases(ledger).items() if e.body["dataset"] == target]
        return out[-1] if out else find_candidate(workspace, ledger, target)[0].digest
    if kind == "key":
        used = standing.made((*ledger.entries(CANDIDATE), *ledger.entries(RELEASE)))
        signed = {key for m in used for key, _ in m.signatures if key}
        return _one("key", target, sorted(signed | set(read_roster(workspace.roster_path).keys_of())))
    made = standing.made(ledger.entries(CANDIDATE))
    if kind == "generator":
        words = {m.generator for m in made} | {f"{m.generator} {m.generator_version}" for m in made}
        if target not in words:
            raise unknown_name("generator of a recorded candidate", target, words)
        return target
    if target in {m.dataset for m in made} | set(workspace.dataset_names()):
        return f"dataset:{target}"
    return _one("source", target, sorted({s for m in made for s in m.sources}), workspace.dataset_names())


def _mark_key(workspace: Workspace, key_id: str, since: datetime, reason: str) -> datetime:
    """Mark the key in the roster, where it still lists it; return since when it is revoked.

    That is earlier than asked where the roster says so already, such as after a crash that left the ledger behind.
    """
    with workspace.lock("roster"):
        if key_id not in read_roster(workspace.roster_path).keys_of():
            return since  # of somebody who left; what it signed is reached all the same
        _, key = revoke_key(workspace.roster_path, key_id, since, reason)
    return parse_utc(key.revoked_at) if key.revoked_at else since


def _one(kind: str, prefix: str, known: list[str], names: Sequence[str] = ()) -> str:
    """The one of `known` that begins so. names: what it may be called instead, for the error."""
    found = sorted({k for k in known if len(prefix) >= MIN_PREFIX and k.startswith(prefix)})
    if len(found) == 1:
        return found[0]
    raise UnknownNameError(
        f"'{prefix}' names {'more than one' if found else 'no'} {kind} here.",
        why=f"Known: {', '.join([*names, *(k[:12] for k in known[:20])]) or 'none'}.{did_you_mean(prefix, names)}",
        fix=f"Give at least {MIN_PREFIX} digits of one of them" + (", or a dataset's name." if names else "."),
    )


def _mark(workspace: Workspace, one: Reached) -> None:
    """Leave a note beside a published folder, whose own bytes stay what was signed."""
    home = workspace.releases / one.dataset
    if (home / one.candidate[:SHORT]).is_dir():
        lines = ["This release was withdrawn. Do not use it.", "", *(f"- {reason}" for reason in one.reasons), ""]
        note = f"{one.candidate[:SHORT]}.{MARK}.txt"
        staged = workspace.private / "releasing" / note  # where others look, nothing is ever half written
        write_bytes(staged, "\n".join(lines).encode(), private=True)
        staged.chmod(0o644)
        move(staged, home / note)
