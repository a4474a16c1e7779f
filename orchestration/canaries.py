"""Canaries: where a spec asks for it, the same generator is fitted a second time, with invented rows among its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from orchestration.chain import Chain
from proofset.evidence import Profile
from proofset.seeds import stream

if TYPE_CHECKING:
    from quality.canary_rows import Canaries


def canaries(chain: Chain, train: pa.Table, profile: Profile) -> Canaries | None:
    """Planted and withheld canaries, and a table of the model trained with the planted ones; None where the spec asks
    for none.

    Generator, options, seed and number of rows are those of the candidate. Neither model nor table is stored.
    Raises GeneratorError where the generator cannot learn from the rows.
    """
    import generators
    from quality.canary_rows import Canaries, invent

    spec = chain.spec
    count = spec.table.quality.canaries
    if not count:
        return None
    planted, withheld = invent(train, profile, count, stream(spec.seed, "canaries"))
    chain.progress("fitting with canaries", 0.0)
    generator = generators.create(spec.generator)
    fitted = generator.fit(pa.concat_tables([train, planted]), spec.table, profile, spec.seed)
    rows = spec.generator.rows or train.num_rows
    return Canaries(planted, withheld, fitted.sample(rows, spec.seed).table)
