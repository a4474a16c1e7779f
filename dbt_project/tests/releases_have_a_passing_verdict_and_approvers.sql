-- Nothing is released without a passing verdict and at least one approver. A row here is a breach.
select candidate, outcome, approvers
from {{ ref('fct_releases') }}
where outcome <> 'pass' or approvers < 1
