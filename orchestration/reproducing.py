"""Reproducing: making a candidate's table again from the sealed inputs, elsewhere, and comparing every step.

The inputs are the private copy of the source, by its digest, and the candidate's own spec, which names split,
generator, options and seed. They are put into a workspace of their own in a private temporary folder, in which another
process runs the steps from the profile to the synthetic table. It fits anew: no stored model is loaded, and of the
real workspace nothing is changed. The folder lies in the private state, or where TMPDIR says: source data stays there
if the process is killed. Otherwise it is removed at the end.

    python -m orchestration.reproducing FOLDER [WORKERS]    what that process runs
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import proofset
from orchestration.chain import Chain, ledger, versions
from orchestration.store import Note, Store
from proofset import errors
from proofset.digest import sha256_bytes, sha256_json, table_digest
from proofset.errors import InternalError, ProofsetError, WorkspaceError
from proofset.files import parquet_bytes, write_bytes, write_json
from proofset.policy import Policy
from proofset.progress import Progress, silent
from proofset.spec import DatasetSpec
from proofset.workspace import CONFIG, Workspace

if TYPE_CHECKING:
    from lineage.candidate import CandidateFolder
    from lineage.reproduction import Reproduction
    from lineage.signing import Signer
    from proofset.evidence import Candidate

TASK, FOUND, FAILED = "task.json", "found.json", "failed.json"
_RUN = ("profile", "split", "model", "synthetic")
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "PYTHON_CPU_COUNT")


@dataclass(frozen=True)
class Signed:
    """A signed reproduction. file: the statement; entry: its number in the ledger."""

    person: str
    file: Path
    entry: int


def reproduce(
    workspace: Workspace, ref: str, workers: int | None = None, progress: Progress = silent
) -> tuple[Candidate, Reproduction]:
    """Make a candidate's table again and compare it, step by step, with what is on record.

    Parameters
    ----------
    ref: a dataset, for its newest candidate, or the first digits of a candidate's digest.
    workers: threads to work with; None for the machine's own choice.

    Raises UnknownNameError, DeniedError for a candidate that is not intact, WorkspaceError where the source is gone,
    and what a step raises that refuses to work.
    """
    from lineage.candidate import read_candidate
    from lineage.release import find_candidate
    from lineage.reproduction import Reproduction

    candidate, folder = find_candidate(workspace, ledger(workspace), ref)
    parts = read_candidate(folder, candidate)
    expected = _on_record(parts)
    place = Path(os.environ["TMPDIR"]) if os.environ.get("TMPDIR") else workspace.private
    with tempfile.TemporaryDirectory(prefix="again-", dir=place if place.is_dir() else workspace.private) as home:
        _prepare(workspace, parts, Path(home))
        found = _run(Path(home), workers, progress)
    now = found.pop("versions")
    return candidate, Reproduction.of(
        expected, found, _differing(parts.provenance.versions, now), workers, f"proofset {proofset.__version__}"
    )


def _on_record(parts: CandidateFolder) -> dict[str, str]:
    """The digest of each step, from the evidence; of the Parquet file, from the manifest."""
    origin, path = parts.provenance, f"data/{parts.spec.table_name}.parquet"
    return {
        "split": sha256_json({"holdout": origin.holdout_digest, "train": origin.train_digest}),
        "fitted": origin.fitted_digest,
        "synthetic": origin.synthetic_digest,
        "parquet": next(f.sha256 for f in parts.candidate.files if f.path == path),
    }


def _prepare(workspace: Workspace, parts: CandidateFolder, home: Path) -> None:
    """Put the sealed inputs into a workspace of their own: source, spec and policy, each as it was."""
    source = Store(workspace, parts.spec.dataset).table_path(parts.provenance.source_digest, private=True)
    if not source.is_file():
        raise WorkspaceError(
            f"The source of candidate {parts.candidate.digest[:12]} is no longer in the private state.",
            why="A table can be made again only from the rows it was made from.",
            fix=f"Restore private/tables/{source.name}, or reproduce in a workspace that has it.",
        )
    write_bytes(home / CONFIG, b"workspace: again\n")
    again = Workspace(home)
    target = Store(again, parts.spec.dataset).table_path(parts.provenance.source_digest, private=True)
    write_bytes(target, source.read_bytes(), private=True)
    Store(again, parts.spec.dataset).get_table(parts.provenance.source_digest, private=True)  # checked by its digest
    task = {
        "spec": parts.spec.plain(),
        "policy": parts.policy.plain(),
        "source": parts.provenance.source_digest,
        "metadata": {k.decode(): v.decode() for k, v in _metadata(parts).items()},
    }
    write_json(home / TASK, task, private=True)


def _metadata(parts: CandidateFolder) -> dict[bytes, bytes]:
    """What the released file's footer says beside its schema; it follows from the evidence, not from the table."""
    from lineage.seal import read_seal

    seal = read_seal(parts.path / "data" / f"{parts.spec.table_name}.parquet")
    return seal.metadata if seal else {}


def _run(home: Path, workers: int | None, progress: Progress) -> dict[str, Any]:
    """Run the steps in a process of their own; return digests by step, and versions."""
    environment = dict(os.environ)
    if workers is not None:
        environment |= dict.fromkeys(_THREADS, str(workers))
    progress("making it again", 0.1)
    call = [sys.executable, "-m", "orchestration.reproducing", str(home), *([str(workers)] if workers else [])]
    root = str(Path(__file__).resolve().parent.parent)
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, (root, environment.get("PYTHONPATH", ""))))
    done = subprocess.run(call, cwd=home, env=environment, capture_output=True, check=False)
    if (home / FAILED).is_file():
        said: dict[str, str] = json.loads((home / FAILED).read_bytes())
        kind = getattr(errors, said["kind"], errors.ProofsetError)
        raise kind(said["what"], why=said["why"], fix=said["fix"])
    if done.returncode or not (home / FOUND).is_file():
        raise InternalError(
            f"The process that makes the table again ended with {done.returncode}.",
            why="What it wrote is withheld, since it may quote source data.",
            fix="Try again with --workers 1; if it ends so again, report it as a defect.",
        )
    found: dict[str, Any] = json.loads((home / FOUND).read_bytes())
    return found


def _differing(expected: dict[str, str], found: dict[str, str]) -> list[Any]:
    from lineage.reproduction import Version

    return [
        Version(package=name, expected=expected.get(name, "not recorded"), found=found.get(name, "not looked at"))
        for name in sorted(expected.keys() | found.keys())
        if expected.get(name) != found.get(name)
    ]


def make_again(home: Path) -> dict[str, Any]:
    """In the temporary workspace: run the steps and return the digest of each, and versions."""
    task = json.loads((home / TASK).read_bytes())
    spec, policy = DatasetSpec.model_validate(task["spec"]), Policy.model_validate(task["policy"])
    chain = Chain(Workspace(home), spec, policy)
    source = chain.store.get_table(task["source"], private=True)
    facts = {"rows": source.num_rows, "generations": 0, "parents": [], "real_share": 1.0}
    chain.store.write(Note(step="source", digest=task["source"], inputs={}, facts=facts))
    notes = {step: chain.run(step) for step in _RUN}
    table = chain.store.get_table(notes["synthetic"].digest, private=False)
    metadata = {name.encode(): text.encode() for name, text in task["metadata"].items()}
    return {
        "split": notes["split"].digest,
        "fitted": notes["model"].digest,
        "synthetic": table_digest(table),
        "parquet": sha256_bytes(parquet_bytes(table, metadata)),
        "versions": versions(),
    }


def sign_and_keep(workspace: Workspace, candidate: Candidate, reproduction: Reproduction, signer: Signer) -> Signed:
    """Sign a reproduction, keep the statement in the state and enter it in the ledger. Raises DeniedError."""
    from lineage.kinds import REPRODUCTION
    from lineage.records import append
    from lineage.reproduction import make_reproduction, read_reproduction
    from lineage.roster import read_roster
    from lineage.times import utc_text

    roster, now = read_roster(workspace.roster_path), datetime.now(UTC)
    envelope = make_reproduction(candidate, reproduction, signer, roster, now)
    said = read_reproduction(envelope, roster)
    path = workspace.state / "reproductions" / candidate.digest[:12] / f"{said.person}.dsse.json"
    write_bytes(path, envelope.to_bytes())
    body = {
        "dataset": candidate.dataset,
        "person": said.person,
        "outcome": reproduction.outcome,
        "differs_at": reproduction.differs_at,
        "signed_at": utc_text(said.signed_at),
        "envelope": envelope.plain(),
    }
    entry = append(ledger(workspace), REPRODUCTION, candidate, body, now, said.person)
    return Signed(said.person, path, entry.seq)


def _main(arguments: list[str]) -> int:
    home = Path(arguments[0])
    if len(arguments) > 1:
        # Generators ask for the number of processors; before Python 3.13 no variable answers for it.
        os.cpu_count = lambda: int(arguments[1])
    try:
        found = make_again(home)
    except ProofsetError as error:
        said = {"kind": type(error).__name__, "what": error.what, "why": error.why, "fix": error.fix}
        write_json(home / FAILED, said, private=True)
        return error.exit_code
    write_json(home / FOUND, found, private=True)
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
