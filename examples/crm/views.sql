-- What target-reply-tasks reads: one view for each operation, with its members as columns. Every rule of
-- the mapping is here, in SQL; nothing else has to know the CRM.
--
-- `modified_at` is what tap-postgres resumes from. It has to move whenever a column of the row does, so it
-- is the latest of all tables that the row is made of.
CREATE SCHEMA to_reply;

CREATE VIEW to_reply.task_updates AS
SELECT
    task.reply_task_id__c AS id,
    CASE task.task_subtype
        WHEN 'Email' THEN 'manualEmail'
        WHEN 'Call' THEN 'call'
        ELSE 'toDo'
    END AS task_type,
    (task.activity_date + time '09:00') AT TIME ZONE 'UTC' AS start_at,
    (task.activity_date + time '17:00') AT TIME ZONE 'UTC' AS due_to,
    task.subject AS template__subject,
    task.description AS template__body,
    contact.reply_contact_id__c AS contact_id,
    task.id AS external_id,
    greatest(task.system_modstamp, contact.system_modstamp) AS modified_at
FROM salesforce.task AS task
LEFT JOIN salesforce.contact AS contact ON contact.id = task.who_id
WHERE task.reply_task_id__c IS NOT NULL
  AND task.status = 'Open'
  AND NOT task.is_deleted;

-- A rep sends an email by setting its status. The record is the same however often it is read, so it is
-- sent once.
CREATE VIEW to_reply.task_executions AS
SELECT
    task.reply_task_id__c AS id,
    task.subject AS content__subject,
    task.description AS content__body,
    task.id || ':send' AS external_id,
    task.system_modstamp AS modified_at
FROM salesforce.task AS task
WHERE task.reply_task_id__c IS NOT NULL
  AND task.status = 'Send now'
  AND task.task_subtype = 'Email'
  AND NOT task.is_deleted;
