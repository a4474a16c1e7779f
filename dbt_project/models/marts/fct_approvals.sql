-- Every signed decision, with how long the candidate had waited for it.
select
    a.candidate,
    c.dataset,
    a.person,
    a.decision,
    a.signed_at,
    a.recorded_at,
    date_diff('second', c.recorded_at, a.signed_at) as waited_seconds
from {{ ref('stg_approvals') }} as a
inner join {{ ref('stg_candidates') }} as c using (candidate)
