-- One row per refused release.
select
    cast(candidate as varchar) as candidate,
    cast(dataset as varchar) as dataset,
    cast(reasons as varchar) as reasons,
    cast(denied_at as timestamptz) as denied_at
from {{ source('ledger', 'denials') }}
