-- One row per demand of the policy and how it turned out.
select
    cast(candidate as varchar) as candidate,
    cast(check_name as varchar) as check_name,
    cast(measure as varchar) as measure,
    cast(threshold as varchar) as threshold,
    cast(outcome as varchar) as outcome,
    cast(reason as varchar) as reason
from {{ source('ledger', 'findings') }}
