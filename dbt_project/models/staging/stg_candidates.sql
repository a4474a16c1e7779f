-- One row per candidate the ledger recorded.
select
    cast(candidate as varchar) as candidate,
    cast(dataset as varchar) as dataset,
    cast(synthetic_digest as varchar) as synthetic_digest,
    cast(source_digest as varchar) as source_digest,
    cast(evidence_digest as varchar) as evidence_digest,
    cast(policy_digest as varchar) as policy_digest,
    cast(requested_by as varchar) as requested_by,
    cast(outcome as varchar) as outcome,
    cast(rows as bigint) as rows,
    cast(generations as bigint) as generations,
    cast(recorded_at as timestamptz) as recorded_at
from {{ source('ledger', 'candidates') }}
