-- One row per demand of the policy and how it turned out.
select
    cast(candidate as varchar) as candidate,
    cast(check_name as varchar) as check_name,
    cast(measure as varchar) as measure,
    cast(threshold as varchar) as threshold,
    cast(outcome as varchar) as outcome,
    cast(reason as varchar) as reason,
    cast(severity as varchar) as severity,
    cast(group_check as varchar) as group_check,
    cast(waived as varchar) as waived
from {{ source('ledger', 'findings') }}
