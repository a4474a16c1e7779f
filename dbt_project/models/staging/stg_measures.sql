-- One row per measure of a candidate.
select
    cast(candidate as varchar) as candidate,
    cast(measure as varchar) as measure,
    cast(title as varchar) as title,
    cast(value as double) as value,
    cast(low as double) as low,
    cast(high as double) as high,
    cast(n as bigint) as n,
    cast(direction as varchar) as direction,
    cast(reference as double) as reference,
    cast(status as varchar) as status
from {{ source('ledger', 'measures') }}
