-- One row per governed dataset that has a candidate.
select
    cast(dataset as varchar) as dataset,
    cast(title as varchar) as title,
    cast(owner as varchar) as owner,
    cast(purpose as varchar) as purpose,
    cast(modality as varchar) as modality,
    cast(policy_digest as varchar) as policy_digest,
    cast(generator as varchar) as generator,
    cast(generator_licence as varchar) as generator_licence,
    cast(first_recorded_at as timestamptz) as first_recorded_at,
    cast(last_recorded_at as timestamptz) as last_recorded_at
from {{ source('ledger', 'datasets') }}
