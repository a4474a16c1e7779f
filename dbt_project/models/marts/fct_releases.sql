-- Every release, with the evidence it went out on.
select
    r.candidate,
    r.dataset,
    d.purpose,
    d.owner,
    c.outcome,
    c.synthetic_rows,
    c.approvers,
    r.folder,
    r.passport_digest,
    r.released_by,
    r.released_at,
    r.expires_at,
    r.state
from {{ ref('stg_releases') }} as r
inner join {{ ref('fct_candidates') }} as c using (candidate)
inner join {{ ref('dim_datasets') }} as d on r.dataset = d.dataset
