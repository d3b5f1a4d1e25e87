with links as (

  select * from {{ ref('stg_reply_tasks__task_links') }}

),

operations as (

  select
    *,
    row_number() over (partition by external_id order by sequence desc) as age,
    row_number() over (
      partition by external_id order by case when outcome = 'applied' then 0 else 1 end, sequence desc
    ) as age_of_applied
  from {{ ref('stg_reply_tasks__task_operations') }}
  where external_id is not null

),

-- Every key that a record brought, whether or not it stands for a task.
keys as (

  select external_id from links
  union
  select external_id from operations

),

deleted as (

  select
    task_id,
    min(settled_at) as deleted_at
  from {{ ref('stg_reply_tasks__task_operations') }}
  where operation = 'delete' and outcome in ('applied', 'unchanged') and task_id is not null
  group by task_id

)

select
  keys.external_id,
  links.task_id,
  links.task_id is not null and not links.ambiguous as is_linked,
  coalesce(links.ambiguous, false) as is_ambiguous,
  links.source,
  links.linked_at as linked_since,
  links.operation_id as linked_by_operation_id,
  last_one.operation_id as last_operation_id,
  last_one.operation as last_operation,
  last_one.outcome as last_outcome,
  last_one.reason as last_reason,
  last_one.settled_at as last_settled_at,
  applied.operation as last_applied_operation,
  applied.settled_at as last_applied_at,
  tasks.status_name,
  deleted.deleted_at is not null as is_deleted,
  deleted.deleted_at
from keys
left join links on links.external_id = keys.external_id
left join operations as last_one on last_one.external_id = keys.external_id and last_one.age = 1
left join operations as applied
  on applied.external_id = keys.external_id and applied.age_of_applied = 1 and applied.outcome = 'applied'
left join {{ ref('reply_task_current') }} as tasks on tasks.task_id = links.task_id and not links.ambiguous
left join deleted on deleted.task_id = links.task_id and not links.ambiguous
