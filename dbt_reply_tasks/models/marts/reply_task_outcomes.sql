with operations as (

  select
    *,
    -- A record is the CRM's row; without its key, the task. It is created and updated as one.
    case
      when external_id is not null then 'key ' || external_id
      when task_id is not null then 'task ' || cast(task_id as {{ dbt.type_string() }})
      else 'operation ' || operation_id
    end || ' ' || case when operation = 'create' then 'update' else coalesce(operation, '') end as record_key
  from {{ ref('stg_reply_tasks__task_operations') }}

),

ranked as (

  select
    *,
    row_number() over (partition by record_key order by sequence desc) = 1 as is_last_of_record,
    task_id is not null
      and row_number() over (partition by task_id order by sequence desc) = 1 as is_last_of_task
  from operations

)

select
  ranked.operation_id,
  ranked.sequence,
  ranked.run_id,
  runs.started_at as run_started_at,
  ranked.stream,
  ranked.operation,
  ranked.task_id,
  ranked.external_id,
  ranked.act_as_user_id,
  tasks.assigned_user_id,
  coalesce(ranked.act_as_user_id, tasks.assigned_user_id) as rep_user_id,
  tasks.task_type_name,
  ranked.outcome,
  ranked.reason,
  ranked.detail,
  ranked.problem_code,
  ranked.problem_title,
  ranked.problem,
  ranked.http_status,
  ranked.outcome in ('applied', 'unchanged', 'superseded') as is_success,
  ranked.is_last_of_record,
  ranked.is_last_of_task,
  ranked.is_last_of_record and ranked.outcome in ('rejected', 'held', 'uncertain') as needs_attention,
  ranked.api_calls,
  ranked.attempts,
  ranked.body_hash,
  ranked.received_at,
  ranked.claimed_at,
  ranked.settled_at,
  ranked.approved_by,
  ranked.approved_at,
  {{ reply_tasks.seconds_between('ranked.received_at', 'ranked.settled_at') }} as seconds_to_settle
from ranked
left join {{ ref('stg_reply_tasks__runs') }} as runs on runs.run_id = ranked.run_id
left join {{ ref('reply_task_current') }} as tasks on tasks.task_id = ranked.task_id
