-- One row per signed decision of a person.
select
    cast(candidate as varchar) as candidate,
    cast(person as varchar) as person,
    cast(decision as varchar) as decision,
    cast(signed_at as timestamptz) as signed_at,
    cast(recorded_at as timestamptz) as recorded_at,
    cast(comment_length as bigint) as comment_length
from {{ source('ledger', 'approvals') }}
