{%- set landed = reply_tasks.landed('runs') -%}

with renamed as (

  select
    {{ reply_tasks.as_id(landed, 'runId') }} as run_id,
    {{ reply_tasks.as_integer(landed, 'sequence') }} as sequence,
    {{ reply_tasks.as_moment(landed, 'startedAt') }} as started_at,
    {{ reply_tasks.as_moment(landed, 'endedAt') }} as ended_at,
    {{ reply_tasks.as_integer(landed, 'exitCode') }} as exit_code,
    {{ reply_tasks.as_boolean(landed, 'crashed') }} as crashed,
    {{ reply_tasks.as_integer(landed, 'applied') }} as applied,
    {{ reply_tasks.as_integer(landed, 'unchanged') }} as unchanged,
    {{ reply_tasks.as_integer(landed, 'superseded') }} as superseded,
    {{ reply_tasks.as_integer(landed, 'rejected') }} as rejected,
    {{ reply_tasks.as_integer(landed, 'held') }} as held,
    {{ reply_tasks.as_integer(landed, 'uncertain') }} as uncertain,
    {{ reply_tasks.as_integer(landed, 'repeated') }} as repeated,
    {{ reply_tasks.as_integer(landed, 'apiCalls') }} as api_calls,
    {{ reply_tasks.as_number(landed, 'quotaWaitSeconds') }} as quota_wait_seconds
  from {{ landed['relation'] }}

),

latest as (

  {{ reply_tasks.latest('renamed', 'run_id', 'sequence') }}

)

select
  run_id,
  sequence,
  started_at,
  ended_at,
  exit_code,
  crashed,
  applied,
  unchanged,
  superseded,
  rejected,
  held,
  uncertain,
  repeated,
  api_calls,
  quota_wait_seconds
from latest
