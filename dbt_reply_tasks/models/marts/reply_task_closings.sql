with links as (

  select external_id, task_id
  from {{ ref('stg_reply_tasks__task_links') }}
  where not ambiguous

),

-- What closes a task, by the task where it is known, else by the CRM's key.
closings as (

  select
    operations.operation,
    operations.outcome,
    operations.reason,
    operations.sequence,
    operations.external_id,
    operations.received_at,
    operations.settled_at,
    coalesce(operations.task_id, links.task_id) as task_id,
    case
      when coalesce(operations.task_id, links.task_id) is not null
        then 'task ' || cast(coalesce(operations.task_id, links.task_id) as {{ dbt.type_string() }})
      else 'key ' || operations.external_id
    end as closing_key
  from {{ ref('stg_reply_tasks__task_operations') }} as operations
  left join links on links.external_id = operations.external_id
  where operations.operation in ('execute', 'complete', 'delete')
    and (operations.task_id is not null or operations.external_id is not null)

),

ranked as (

  select
    *,
    row_number() over (partition by closing_key, operation order by sequence desc) as age
  from closings

),

asked as (

  select
    closing_key,
    max(task_id) as task_id,
    max(external_id) as external_id,
    min(case when operation = 'complete' then received_at end) as crm_closed_at,
    min(case when operation = 'complete' and outcome = 'applied' then settled_at end) as completed_at,
    min(case when operation = 'execute' and outcome = 'applied' then settled_at end) as executed_at,
    max(case when operation = 'complete' and age = 1 then outcome end) as completion_outcome,
    max(case when operation = 'complete' and age = 1 then reason end) as completion_reason,
    min(case when operation = 'delete' then received_at end) as crm_deleted_at,
    min(case when operation = 'delete' and outcome in ('applied', 'unchanged') then settled_at end) as deleted_at,
    max(case when operation = 'delete' and age = 1 then outcome end) as deletion_outcome,
    max(case when operation = 'delete' and age = 1 then reason end) as deletion_reason
  from ranked
  group by closing_key

),

closed as (

  select
    'task ' || cast(task_id as {{ dbt.type_string() }}) as closing_key,
    task_id,
    assigned_user_id,
    status_name,
    finished_at
  from {{ ref('reply_task_current') }}
  where status_name in ('finished', 'cancelled', 'archived')

),

together as (

  select
    coalesce(asked.closing_key, closed.closing_key) as closing_key,
    coalesce(asked.task_id, closed.task_id) as task_id,
    asked.external_id,
    closed.assigned_user_id,
    closed.status_name,
    asked.crm_closed_at,
    coalesce(closed.finished_at, asked.completed_at, asked.executed_at) as reply_closed_at,
    asked.completed_at,
    asked.executed_at,
    asked.completion_outcome,
    asked.completion_reason,
    asked.crm_deleted_at,
    asked.deleted_at,
    asked.deletion_outcome,
    asked.deletion_reason
  from asked
  full outer join closed on closed.closing_key = asked.closing_key

)

select
  together.closing_key,
  together.task_id,
  coalesce(links.external_id, together.external_id) as external_id,
  together.assigned_user_id,
  together.status_name,
  together.crm_closed_at,
  together.reply_closed_at,
  case
    when together.completed_at is not null then 'completion'
    when together.executed_at is not null then 'execution'
    when together.reply_closed_at is not null then 'reply'
    when together.deleted_at is not null then 'deletion'
    when together.status_name is not null then 'reply'
    else 'nothing'
  end as closed_by,
  {{ reply_tasks.seconds_between('together.crm_closed_at', 'together.reply_closed_at') }} as seconds_to_close,
  together.completion_outcome,
  together.completion_reason,
  together.crm_deleted_at,
  together.deleted_at,
  {{ reply_tasks.seconds_between('together.crm_deleted_at', 'together.deleted_at') }} as seconds_to_delete,
  together.deletion_outcome,
  together.deletion_reason
from together
left join links on links.task_id = together.task_id
