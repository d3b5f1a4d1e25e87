{%- set landed = reply_tasks.landed('task_links') -%}

with renamed as (

  select
    {{ reply_tasks.as_text(landed, 'externalId') }} as external_id,
    {{ reply_tasks.as_integer(landed, 'taskId') }} as task_id,
    {{ reply_tasks.as_text(landed, 'source') }} as source,
    {{ reply_tasks.as_boolean(landed, 'ambiguous') }} as ambiguous,
    {{ reply_tasks.as_moment(landed, 'linkedAt') }} as linked_at,
    {{ reply_tasks.as_id(landed, 'operationId') }} as operation_id,
    {{ reply_tasks.as_integer(landed, 'sequence') }} as sequence
  from {{ landed['relation'] }}

),

latest as (

  {{ reply_tasks.latest('renamed', 'external_id', 'sequence') }}

)

select
  external_id,
  task_id,
  source,
  ambiguous,
  linked_at,
  operation_id,
  sequence
from latest
