-- What an owner asks first: which datasets are governed, and where does each stand?
with candidates as (
    select
        dataset,
        count(*) as candidates,
        count(*) filter (where outcome = 'pass') as passing_candidates,
        max(recorded_at) as last_candidate_at
    from {{ ref('stg_candidates') }}
    group by dataset
),

releases as (
    select dataset, count(*) as releases, max(released_at) as last_released_at
    from {{ ref('stg_releases') }}
    group by dataset
)

select
    d.dataset,
    d.title,
    d.owner,
    d.purpose,
    d.modality,
    d.generator,
    d.generator_licence,
    coalesce(c.candidates, 0) as candidates,
    coalesce(c.passing_candidates, 0) as passing_candidates,
    coalesce(r.releases, 0) as releases,
    c.last_candidate_at,
    r.last_released_at
from {{ ref('stg_datasets') }} as d
left join candidates as c using (dataset)
left join releases as r using (dataset)
