with operations as (

  select * from {{ ref('stg_reply_tasks__task_operations') }}

),

by_run as (

  select
    run_id,
    count(distinct task_id) as tasks,
    sum(case when operation = 'update' then 1 else 0 end) as updates,
    sum(case when operation = 'execute' then 1 else 0 end) as executions,
    sum(case when operation = 'execute' and outcome = 'applied' then 1 else 0 end) as executions_applied,
    sum(case when operation = 'create' then 1 else 0 end) as creations,
    sum(case when operation = 'complete' then 1 else 0 end) as completions,
    sum(case when operation = 'assign' then 1 else 0 end) as assignments,
    sum(case when operation = 'delete' then 1 else 0 end) as deletions,
    sum(case when outcome = 'uncertain' then 1 else 0 end) as uncertain_now,
    min(settled_at) as first_settled_at,
    max(settled_at) as last_settled_at
  from operations
  group by run_id

),

reasons as (

  select
    run_id,
    reason,
    row_number() over (partition by run_id order by count(*) desc, reason) as place
  from operations
  where reason is not null
  group by run_id, reason

),

runs as (

  select
    *,
    applied + unchanged + superseded + rejected + held + uncertain as records,
    {{ reply_tasks.seconds_between('started_at', 'ended_at') }} as seconds
  from {{ ref('stg_reply_tasks__runs') }}

)

select
  runs.run_id,
  runs.sequence,
  case
    when runs.crashed then 'crashed'
    when runs.exit_code = 0 then 'succeeded'
    when runs.exit_code = 2 then 'rejected'
    when runs.exit_code in (130, 143) then 'interrupted'
    else 'stopped'
  end as status,
  runs.exit_code,
  runs.crashed,
  runs.started_at,
  runs.ended_at,
  runs.seconds,
  by_run.first_settled_at,
  by_run.last_settled_at,
  runs.records,
  runs.applied,
  runs.unchanged,
  runs.superseded,
  runs.rejected,
  runs.held,
  runs.uncertain,
  runs.repeated,
  runs.rejected + runs.uncertain as failed,
  case
    when runs.records > 0 then cast(runs.rejected + runs.uncertain as double precision) / runs.records
  end as failed_share,
  coalesce(by_run.uncertain_now, 0) as uncertain_now,
  reasons.reason as most_frequent_reason,
  coalesce(by_run.tasks, 0) as tasks,
  coalesce(by_run.updates, 0) as updates,
  coalesce(by_run.executions, 0) as executions,
  coalesce(by_run.executions_applied, 0) as executions_applied,
  coalesce(by_run.creations, 0) as creations,
  coalesce(by_run.completions, 0) as completions,
  coalesce(by_run.assignments, 0) as assignments,
  coalesce(by_run.deletions, 0) as deletions,
  runs.api_calls,
  case
    when runs.records > 0 then cast(runs.api_calls as double precision) / runs.records
  end as api_calls_per_record,
  runs.quota_wait_seconds
from runs
left join by_run on by_run.run_id = runs.run_id
left join reasons on reasons.run_id = runs.run_id and reasons.place = 1
