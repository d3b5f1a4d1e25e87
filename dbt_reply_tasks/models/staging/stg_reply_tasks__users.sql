{{ config(enabled=var('reply_tasks_use_users', false)) }}

{%- set landed = reply_tasks.landed('users') -%}

with renamed as (

  select
    {{ reply_tasks.as_integer(landed, 'userId') }} as user_id,
    {{ reply_tasks.as_text(landed, 'userName') }} as user_name,
    {{ reply_tasks.as_text(landed, 'userEmail') }} as user_email,
    {{ reply_tasks.as_integer(landed, 'teamId') }} as team_id,
    {{ reply_tasks.as_text(landed, 'teamName') }} as team_name,
    {{ reply_tasks.read_at(landed) }} as read_at
  from {{ landed['relation'] }}

),

latest as (

  {{ reply_tasks.latest('renamed', 'user_id', 'read_at') }}

)

select
  user_id,
  user_name,
  user_email,
  team_id,
  team_name,
  read_at
from latest
