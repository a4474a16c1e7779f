-- A measure's interval holds its value; a row here was not measured by proofset.
select candidate, measure
from {{ ref('fct_measures') }}
where status = 'ok' and (value is null or value < low or value > high)
