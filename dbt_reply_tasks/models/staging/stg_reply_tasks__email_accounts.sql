{{ config(enabled=var('reply_tasks_use_email_accounts', false)) }}

{%- set landed = reply_tasks.landed('email_accounts') -%}

with renamed as (

  select
    {{ reply_tasks.as_integer(landed, 'id') }} as email_account_id,
    {{ reply_tasks.as_text(landed, 'email') }} as email,
    {{ reply_tasks.as_integer(landed, 'ownerUserId') }} as owner_user_id,
    {{ reply_tasks.as_text(landed, 'senderName') }} as sender_name,
    {{ reply_tasks.as_text(landed, 'emailAccountType') }} as email_account_type,
    {{ reply_tasks.as_boolean(landed, 'isDefault') }} as is_default,
    {{ reply_tasks.as_integer(landed, 'dailyLimit') }} as daily_limit,
    {{ reply_tasks.as_text(landed, 'connectionStatus') }} as connection_status,
    {{ reply_tasks.as_text(landed, 'tags') }} as tags,
    {{ reply_tasks.read_at(landed) }} as read_at
  from {{ landed['relation'] }}

),

latest as (

  {{ reply_tasks.latest('renamed', 'email_account_id', 'read_at') }}

)

select
  email_account_id,
  email,
  owner_user_id,
  sender_name,
  email_account_type,
  is_default,
  daily_limit,
  connection_status,
  tags,
  read_at
from latest
