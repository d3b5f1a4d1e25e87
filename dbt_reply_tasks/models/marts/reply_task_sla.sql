{%- set changes = var('reply_tasks_crm_changes', none) -%}

with tasks as (

  select * from {{ ref('reply_task_current') }}

),

outcomes as (

  select * from {{ ref('reply_task_outcomes') }}

),

delivered as (

  select
    task_id,
    min(received_at) as first_received_at,
    max(case when outcome = 'applied' then seconds_to_settle end) as slowest_seconds_to_reply,
    min(case when needs_attention then received_at end) as waiting_since,
    sum(case when needs_attention then 1 else 0 end) as records_waiting
  from outcomes
  where task_id is not null
  group by task_id

),

last_applied as (

  select
    outcomes.task_id,
    outcomes.external_id,
    outcomes.received_at,
    outcomes.settled_at,
    outcomes.seconds_to_settle
  from outcomes
  inner join tasks on tasks.last_applied_operation_id = outcomes.operation_id

),

changed as (

  {% if changes -%}
  -- The change that a record carried is the last one before it was read.
  select
    last_applied.task_id,
    max(crm.changed_at) as crm_changed_at
  from last_applied
  inner join {{ ref(changes) }} as crm
    on cast(crm.external_id as {{ dbt.type_string() }}) = last_applied.external_id
    and crm.changed_at <= last_applied.received_at
  group by last_applied.task_id
  {%- else -%}
  select task_id, cast(null as timestamp) as crm_changed_at
  from last_applied
  {%- endif %}

)

select
  tasks.task_id,
  tasks.assigned_user_id,
  tasks.task_type_name,
  tasks.status_name,
  tasks.start_at,
  tasks.due_to,
  tasks.finished_at,
  case
    when tasks.is_failed then 'failed'
    when tasks.status_name = 'finished' and tasks.finished_at <= tasks.due_to then 'finished_in_time'
    when tasks.status_name = 'finished' and tasks.finished_at > tasks.due_to then 'finished_late'
    when tasks.status_name = 'new' and tasks.is_overdue then 'overdue'
    when tasks.status_name = 'new' then 'open'
    when tasks.status_name in ('cancelled', 'archived', 'sequenceDetached') then 'closed'
    else 'unknown'
  end as sla_status,
  case
    when tasks.finished_at > tasks.due_to then {{ reply_tasks.seconds_between('tasks.due_to', 'tasks.finished_at') }}
    when tasks.is_overdue then {{ reply_tasks.seconds_between('tasks.due_to', reply_tasks.utc_now()) }}
  end as seconds_late,
  last_applied.external_id,
  delivered.first_received_at,
  last_applied.received_at as last_received_at,
  last_applied.settled_at as last_applied_at,
  last_applied.seconds_to_settle as seconds_to_reply,
  delivered.slowest_seconds_to_reply,
  changed.crm_changed_at,
  {{ reply_tasks.seconds_between('changed.crm_changed_at', 'last_applied.settled_at') }} as seconds_from_crm_change,
  coalesce(delivered.records_waiting, 0) as records_waiting,
  delivered.waiting_since,
  tasks.told_by
from tasks
left join delivered on delivered.task_id = tasks.task_id
left join last_applied on last_applied.task_id = tasks.task_id
left join changed on changed.task_id = tasks.task_id
