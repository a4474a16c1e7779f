-- One row per published release.
select
    cast(candidate as varchar) as candidate,
    cast(dataset as varchar) as dataset,
    cast(folder as varchar) as folder,
    cast(passport_digest as varchar) as passport_digest,
    cast(released_by as varchar) as released_by,
    cast(released_at as timestamptz) as released_at,
    cast(expires_at as timestamptz) as expires_at,
    cast(state as varchar) as state
from {{ source('ledger', 'releases') }}
