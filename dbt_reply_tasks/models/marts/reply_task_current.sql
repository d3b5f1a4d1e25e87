{%- set use_tasks = var('reply_tasks_use_tasks', false) -%}
{%- set use_snapshots = var('reply_tasks_use_task_snapshots', false) -%}
{%- set listed = [
  'task_type', 'task_type_name', 'status', 'status_name', 'linked_in_task_type', 'linked_in_task_type_name',
  'assigned_user_id', 'contact_id', 'start_at', 'due_to', 'finished_at', 'is_scheduled', 'sequence_id',
  'sequence_step_id',
] -%}
{%- set full = [
  'sequence_step_display_name', 'creation_source', 'creation_source_name', 'created_at', 'is_failed',
  'template_subject', 'template_body', 'content_subject', 'content_body', 'delivery_info_email',
  'delivery_info_phone_number', 'delivery_info_linked_in_url',
] -%}

-- What each source tells of a task. A row that says no time was read by the tap's latest run.
with versions as (

  select
    task_id, {{ listed | join(', ') }}, {{ full | join(', ') }},
    cast(null as {{ dbt.type_string() }}) as contact_full_name,
    'task_details' as told_by, applied_at as told_at, 1 as told_in_full, 1 as preference
  from {{ ref('stg_reply_tasks__task_details') }}
  {%- if use_tasks %}
  union all
  select
    tasks.task_id
    {%- for name in listed %}, tasks.{{ name }}{% endfor %}
    {%- for name in full %}, null{% endfor %},
    tasks.contact_full_name, 'tasks', tasks.read_at, 0, 2
  from {{ ref('stg_reply_tasks__tasks') }} as tasks
  {%- endif %}
  {%- if use_snapshots %}
  union all
  select
    task_id, {{ listed | join(', ') }}, {{ full | join(', ') }},
    null, 'task_snapshots', read_at, 1, 3
  from {{ ref('stg_reply_tasks__task_snapshots') }}
  {%- endif %}

),

ranked as (

  select
    *,
    row_number() over (
      partition by task_id
      order by case when told_at is null then 1 else 0 end desc, told_at desc, preference desc
    ) as age,
    row_number() over (
      partition by task_id, told_in_full
      order by case when told_at is null then 1 else 0 end desc, told_at desc, preference desc
    ) as age_of_its_kind
  from versions

),

operations as (

  select
    *,
    row_number() over (partition by task_id order by sequence desc) as age,
    row_number() over (
      partition by task_id order by case when outcome = 'applied' then 0 else 1 end, sequence desc
    ) as age_of_applied
  from {{ ref('stg_reply_tasks__task_operations') }}
  where task_id is not null

),

by_task as (

  select
    task_id,
    count(*) as operations,
    sum(case when outcome = 'applied' then 1 else 0 end) as operations_applied,
    sum(case when outcome in ('rejected', 'uncertain') then 1 else 0 end) as operations_failed,
    max(case when outcome = 'uncertain' then 1 else 0 end) = 1 as has_uncertain_execution,
    max(case when operation = 'execute' and outcome = 'applied' then settled_at end) as executed_at,
    max(case when operation = 'complete' and outcome = 'applied' then settled_at end) as completed_at,
    max(case when operation = 'assign' and outcome = 'applied' then settled_at end) as assigned_at,
    min(case when operation = 'delete' and outcome in ('applied', 'unchanged') then settled_at end) as deleted_at
  from operations
  group by task_id

),

-- Reply answers a deletion, and what goes together in a batch, without the task: a record may have completed,
-- deleted or handed it on since it was told.
newest as (

  select
    ranked.*,
    by_task.completed_at,
    by_task.deleted_at,
    coalesce(by_task.assigned_at > ranked.told_at, false) as is_handed_on,
    case
      when ranked.status_name = 'new' and by_task.completed_at is not null then 'finished'
      else ranked.status_name
    end as status_before_deletion
  from ranked
  left join by_task on by_task.task_id = ranked.task_id
  where ranked.age = 1

)

select
  newest.task_id,
  {%- for name in listed %}
  {% if name == 'status' -%}
  case
    when newest.deleted_at is not null and newest.status_before_deletion = 'new' then 3
    when newest.deleted_at is not null and newest.status_before_deletion = 'finished' then 4
    when newest.status_before_deletion = 'finished' then 1
    else newest.status
  end as status,
  {%- elif name == 'status_name' -%}
  case
    when newest.deleted_at is not null and newest.status_before_deletion = 'new' then 'cancelled'
    when newest.deleted_at is not null and newest.status_before_deletion = 'finished' then 'archived'
    else newest.status_before_deletion
  end as status_name,
  {%- elif name == 'assigned_user_id' -%}
  case when not newest.is_handed_on then newest.assigned_user_id end as assigned_user_id,
  {%- elif name == 'finished_at' -%}
  coalesce(newest.finished_at, newest.completed_at) as finished_at,
  {%- else -%}
  newest.{{ name }},
  {%- endif %}
  {%- endfor %}
  {%- for name in full %}
  {{ 'fullest.' ~ name }},
  {%- endfor %}
  names.contact_full_name,
  coalesce(
    newest.deleted_at is null
    and newest.status_before_deletion = 'new'
    and newest.due_to < {{ reply_tasks.utc_now() }},
    false
  ) as is_overdue,
  newest.deleted_at is not null as is_deleted,
  newest.deleted_at,
  newest.told_by,
  newest.told_at,
  last_one.operation_id as last_operation_id,
  last_one.operation as last_operation,
  last_one.outcome as last_outcome,
  last_one.reason as last_reason,
  last_one.external_id as last_external_id,
  applied.operation_id as last_applied_operation_id,
  applied.settled_at as last_applied_at,
  by_task.executed_at,
  coalesce(by_task.operations, 0) as operations,
  coalesce(by_task.operations_applied, 0) as operations_applied,
  coalesce(by_task.operations_failed, 0) as operations_failed,
  coalesce(by_task.has_uncertain_execution, false) as has_uncertain_execution
from newest
left join ranked as fullest
  on fullest.task_id = newest.task_id and fullest.told_in_full = 1 and fullest.age_of_its_kind = 1
left join ranked as names
  on names.task_id = newest.task_id and names.told_by = 'tasks'
left join by_task on by_task.task_id = newest.task_id
left join operations as last_one on last_one.task_id = newest.task_id and last_one.age = 1
left join operations as applied
  on applied.task_id = newest.task_id and applied.age_of_applied = 1 and applied.outcome = 'applied'
