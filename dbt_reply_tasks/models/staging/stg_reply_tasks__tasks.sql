{{ config(enabled=var('reply_tasks_use_tasks', false)) }}

{%- set landed = reply_tasks.landed('tasks') -%}

with renamed as (

  select
    {{ reply_tasks.as_integer(landed, 'id') }} as task_id,
    {{ reply_tasks.as_integer(landed, 'taskType') }} as task_type,
    {{ reply_tasks.as_text(landed, 'taskTypeName') }} as task_type_name,
    {{ reply_tasks.as_integer(landed, 'status') }} as status,
    {{ reply_tasks.as_text(landed, 'statusName') }} as status_name,
    {{ reply_tasks.as_integer(landed, 'linkedInTaskType') }} as linked_in_task_type,
    {{ reply_tasks.as_text(landed, 'linkedInTaskTypeName') }} as linked_in_task_type_name,
    {{ reply_tasks.as_integer(landed, 'assignedUserId') }} as assigned_user_id,
    {{ reply_tasks.as_integer(landed, 'contactId') }} as contact_id,
    {{ reply_tasks.as_moment(landed, 'startAt') }} as start_at,
    {{ reply_tasks.as_moment(landed, 'dueTo') }} as due_to,
    {{ reply_tasks.as_moment(landed, 'finishedAt') }} as finished_at,
    {{ reply_tasks.as_boolean(landed, 'isScheduled') }} as is_scheduled,
    {{ reply_tasks.as_integer(landed, 'sequenceId') }} as sequence_id,
    {{ reply_tasks.as_integer(landed, 'sequenceStepId') }} as sequence_step_id,
    {{ reply_tasks.as_text(landed, 'contactFullName') }} as contact_full_name,
    {{ reply_tasks.read_at(landed) }} as read_at
  from {{ landed['relation'] }}

),

latest as (

  {{ reply_tasks.latest('renamed', 'task_id', 'read_at') }}

)

select
  task_id,
  task_type,
  task_type_name,
  status,
  status_name,
  linked_in_task_type,
  linked_in_task_type_name,
  assigned_user_id,
  contact_id,
  start_at,
  due_to,
  finished_at,
  is_scheduled,
  sequence_id,
  sequence_step_id,
  contact_full_name,
  read_at
from latest
