{%- set landed = reply_tasks.landed('task_operations') -%}

with renamed as (

  select
    {{ reply_tasks.as_id(landed, 'operationId') }} as operation_id,
    {{ reply_tasks.as_integer(landed, 'sequence') }} as sequence,
    {{ reply_tasks.as_id(landed, 'runId') }} as run_id,
    {{ reply_tasks.as_text(landed, 'stream') }} as stream,
    {{ reply_tasks.as_text(landed, 'operation') }} as operation,
    {{ reply_tasks.as_integer(landed, 'taskId') }} as task_id,
    {{ reply_tasks.as_text(landed, 'externalId') }} as external_id,
    {{ reply_tasks.as_integer(landed, 'actAsUserId') }} as act_as_user_id,
    {{ reply_tasks.as_text(landed, 'outcome') }} as outcome,
    {{ reply_tasks.as_text(landed, 'reason') }} as reason,
    {{ reply_tasks.as_text(landed, 'detail') }} as detail,
    {{ reply_tasks.as_text(landed, 'problem') }} as problem,
    {{ reply_tasks.as_integer(landed, 'httpStatus') }} as http_status,
    {{ reply_tasks.as_text(landed, 'attempts') }} as attempts,
    {{ reply_tasks.as_integer(landed, 'apiCalls') }} as api_calls,
    {{ reply_tasks.as_text(landed, 'bodyHash') }} as body_hash,
    {{ reply_tasks.as_moment(landed, 'receivedAt') }} as received_at,
    {{ reply_tasks.as_moment(landed, 'claimedAt') }} as claimed_at,
    {{ reply_tasks.as_moment(landed, 'settledAt') }} as settled_at,
    {{ reply_tasks.as_text(landed, 'approvedBy') }} as approved_by,
    {{ reply_tasks.as_moment(landed, 'approvedAt') }} as approved_at
  from {{ landed['relation'] }}

),

latest as (

  {{ reply_tasks.latest('renamed', 'operation_id', 'sequence') }}

)

select
  operation_id,
  sequence,
  run_id,
  stream,
  operation,
  task_id,
  external_id,
  act_as_user_id,
  outcome,
  reason,
  detail,
  problem,
  http_status,
  attempts,
  api_calls,
  body_hash,
  received_at,
  claimed_at,
  settled_at,
  approved_by,
  approved_at,
  {{ reply_tasks.json_text('problem', 'code') }} as problem_code,
  {{ reply_tasks.json_text('problem', 'title') }} as problem_title
from latest
