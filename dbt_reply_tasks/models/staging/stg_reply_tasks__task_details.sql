{%- set landed = reply_tasks.landed('task_details') -%}

with renamed as (

  select
    {{ reply_tasks.as_integer(landed, 'id') }} as task_id,
    {{ reply_tasks.as_integer(landed, 'contactId') }} as contact_id,
    {{ reply_tasks.as_integer(landed, 'taskType') }} as task_type,
    {{ reply_tasks.as_text(landed, 'taskTypeName') }} as task_type_name,
    {{ reply_tasks.as_integer(landed, 'status') }} as status,
    {{ reply_tasks.as_text(landed, 'statusName') }} as status_name,
    {{ reply_tasks.as_integer(landed, 'linkedInTaskType') }} as linked_in_task_type,
    {{ reply_tasks.as_text(landed, 'linkedInTaskTypeName') }} as linked_in_task_type_name,
    {{ reply_tasks.as_integer(landed, 'sequenceId') }} as sequence_id,
    {{ reply_tasks.as_integer(landed, 'sequenceStepId') }} as sequence_step_id,
    {{ reply_tasks.as_text(landed, 'sequenceStepDisplayName') }} as sequence_step_display_name,
    {{ reply_tasks.as_integer(landed, 'assignedUserId') }} as assigned_user_id,
    {{ reply_tasks.as_integer(landed, 'creationSource') }} as creation_source,
    {{ reply_tasks.as_text(landed, 'creationSourceName') }} as creation_source_name,
    {{ reply_tasks.as_moment(landed, 'createdAt') }} as created_at,
    {{ reply_tasks.as_moment(landed, 'startAt') }} as start_at,
    {{ reply_tasks.as_moment(landed, 'dueTo') }} as due_to,
    {{ reply_tasks.as_moment(landed, 'finishedAt') }} as finished_at,
    {{ reply_tasks.as_boolean(landed, 'isFailed') }} as is_failed,
    {{ reply_tasks.as_boolean(landed, 'isScheduled') }} as is_scheduled,
    {{ reply_tasks.as_member(landed, 'template', 'body') }} as template_body,
    {{ reply_tasks.as_member(landed, 'template', 'subject') }} as template_subject,
    {{ reply_tasks.as_member(landed, 'template', 'attachmentIdList') }} as template_attachment_id_list,
    {{ reply_tasks.as_member(landed, 'content', 'body') }} as content_body,
    {{ reply_tasks.as_member(landed, 'content', 'subject') }} as content_subject,
    {{ reply_tasks.as_member(landed, 'deliveryInfo', 'email') }} as delivery_info_email,
    {{ reply_tasks.as_member(landed, 'deliveryInfo', 'phoneNumber') }} as delivery_info_phone_number,
    {{ reply_tasks.as_member(landed, 'deliveryInfo', 'linkedInUrl') }} as delivery_info_linked_in_url,
    {{ reply_tasks.as_text(landed, 'operation') }} as operation,
    {{ reply_tasks.as_id(landed, 'operationId') }} as operation_id,
    {{ reply_tasks.as_moment(landed, 'appliedAt') }} as applied_at,
    {{ reply_tasks.as_integer(landed, 'sequence') }} as sequence
  from {{ landed['relation'] }}

),

latest as (

  {{ reply_tasks.latest('renamed', 'task_id', 'sequence') }}

)

select
  task_id,
  contact_id,
  task_type,
  task_type_name,
  status,
  status_name,
  linked_in_task_type,
  linked_in_task_type_name,
  sequence_id,
  sequence_step_id,
  sequence_step_display_name,
  assigned_user_id,
  creation_source,
  creation_source_name,
  created_at,
  start_at,
  due_to,
  finished_at,
  is_failed,
  is_scheduled,
  template_body,
  template_subject,
  template_attachment_id_list,
  content_body,
  content_subject,
  delivery_info_email,
  delivery_info_phone_number,
  delivery_info_linked_in_url,
  operation,
  operation_id,
  applied_at,
  sequence
from latest
