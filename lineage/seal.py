"""Seal: what a released Parquet file says about itself, so that one that got separated from its folder can be traced.

A file cannot state the digest of a passport that states the file's digest. It states the candidate's *seal* instead:
the SHA-256 over dataset, table, evidence, policy and requester (`Candidate.seal`), which the passport states, too. The
seal is a label, not a signature: whoever can write a file can write any seal into it. What it leads to proves the rest.

It lies in the Parquet footer's key-value metadata, under the key `proofset`, as canonical JSON of `Seal`. CSV has no
place for it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import StringConstraints, ValidationError

from proofset.digest import canonical
from proofset.evidence import Candidate, seal_digest
from proofset.spec import Frozen, Name

KEY = b"proofset"
"""The key of the Parquet metadata."""
MAX_BYTES = 4096
"""A seal is a few hundred bytes; what is longer is none."""

Hex = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Seal(Frozen):
    """What a file states. seal: `Candidate.seal`; evidence: SHA-256 over the evidence about it."""

    synthetic: Literal[True]
    dataset: Name
    seal: Hex
    evidence: Hex

    @classmethod
    def make(
        cls, *, dataset: str, synthetic_digest: str, evidence_digest: str, policy_digest: str, requested_by: str
    ) -> Seal:
        """The seal of a candidate whose manifest is not written yet."""
        seal = seal_digest(dataset, synthetic_digest, evidence_digest, policy_digest, requested_by)
        return cls(synthetic=True, dataset=dataset, seal=seal, evidence=evidence_digest)

    def fits(self, candidate: Candidate) -> bool:
        """Whether it is the one that this candidate's data files carry."""
        stated = (candidate.dataset, candidate.seal, candidate.evidence_digest)
        return (self.dataset, self.seal, self.evidence) == stated

    @property
    def metadata(self) -> dict[bytes, bytes]:
        """As Parquet metadata."""
        return {KEY: canonical(self.plain())}


def read_seal(file: Path | pa.NativeFile) -> Seal | None:
    """The seal that a Parquet file carries; None where it carries none or something else, or is no Parquet."""
    try:
        with pq.ParquetFile(file) as opened:
            data = (opened.metadata.metadata or {}).get(KEY, b"")
    except (pa.ArrowException, OSError, ValueError):
        return None
    if not 0 < len(data) <= MAX_BYTES:
        return None
    try:
        seal = Seal.model_validate_json(data)
        return seal if canonical(seal.plain()) == data else None
    except (ValidationError, ValueError, RecursionError):
        return None
