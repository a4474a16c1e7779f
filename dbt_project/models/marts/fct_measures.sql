-- Every measure of every candidate, with the demand the policy made on it, if any.
select
    m.candidate,
    c.dataset,
    m.measure,
    m.title,
    m.value,
    m.low,
    m.high,
    m.n,
    m.direction,
    m.reference,
    m.status,
    f.threshold,
    f.outcome,
    c.recorded_at
from {{ ref('stg_measures') }} as m
inner join {{ ref('stg_candidates') }} as c using (candidate)
left join {{ ref('stg_findings') }} as f
    on m.candidate = f.candidate and m.measure = f.measure
