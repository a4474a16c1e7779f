-- The life of a candidate: verdict, who signed, whether it was released or refused.
with decisions as (
    -- A person's newest decision is the one that counts.
    select candidate, person, decision
    from {{ ref('stg_approvals') }}
    qualify row_number() over (partition by candidate, person order by signed_at desc, recorded_at desc) = 1
),

signed as (
    select
        candidate,
        count(*) filter (where decision = 'approve') as approvers,
        count(*) filter (where decision = 'reject') as rejecters
    from decisions
    group by candidate
),

found as (
    select
        candidate,
        count(*) as demands,
        count(*) filter (where outcome = 'pass') as demands_met
    from {{ ref('stg_findings') }}
    -- What only warns, and what stands inside a group, decides nothing by itself.
    where severity = 'block' and group_check = ''
    group by candidate
),

denied as (
    select candidate, count(*) as denials from {{ ref('stg_denials') }} group by candidate
)

select
    c.candidate,
    c.dataset,
    c.synthetic_digest,
    c.source_digest,
    c.evidence_digest,
    c.policy_digest,
    c.requested_by,
    c.outcome,
    c.rows as synthetic_rows,
    c.generations,
    c.recorded_at,
    coalesce(f.demands, 0) as demands,
    coalesce(f.demands_met, 0) as demands_met,
    coalesce(s.approvers, 0) as approvers,
    coalesce(s.rejecters, 0) as rejecters,
    coalesce(d.denials, 0) as denials,
    coalesce(r.state in ('released', 'superseded'), false) as is_released,
    r.released_at
from {{ ref('stg_candidates') }} as c
left join found as f using (candidate)
left join signed as s using (candidate)
left join denied as d using (candidate)
left join {{ ref('stg_releases') }} as r using (candidate)
