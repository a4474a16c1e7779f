-- Nothing is released without a passing verdict, or one that people settled, and at least one approver. A row here is a breach.
select candidate, outcome, approvers
from {{ ref('fct_releases') }}
where outcome not in ('pass', 'review') or approvers < 1
