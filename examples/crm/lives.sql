-- In place of views.sql, where the CRM holds no id of Reply's: the whole life of a task by the CRM's own
-- key. One view with an `operation` column, since records are applied in the order read, and a tap reads one
-- stream after the other: a task is made before it is handed to its owner. Set `create_missing: true`.
--
-- `modified_at` is what tap-postgres resumes from, and the order. The owner comes a microsecond later.
CREATE SCHEMA to_reply;

CREATE VIEW to_reply.task_lives AS
WITH task AS (
    SELECT
        task.*,
        contact.email AS contact_email,
        owner.email AS owner_email,
        greatest(task.system_modstamp, contact.system_modstamp, owner.system_modstamp) AS modified_at
    FROM salesforce.task AS task
    LEFT JOIN salesforce.contact AS contact ON contact.id = task.who_id
    LEFT JOIN salesforce."user" AS owner ON owner.id = task.owner_id
)
SELECT
    'update' AS operation,
    id AS external_id,
    CASE task_subtype WHEN 'Email' THEN 'manualEmail' WHEN 'Call' THEN 'call' ELSE 'toDo' END AS task_type,
    (activity_date + time '09:00') AT TIME ZONE 'UTC' AS start_at,
    (activity_date + time '17:00') AT TIME ZONE 'UTC' AS due_to,
    subject AS template__subject,
    coalesce(description, subject) AS template__body,
    contact_email,
    NULL AS assigned_user_email,
    modified_at
FROM task
WHERE status <> 'Completed' AND NOT is_deleted
UNION ALL
SELECT
    'assign', id, NULL, NULL, NULL, NULL, NULL, NULL, owner_email, modified_at + interval '1 microsecond'
FROM task
WHERE status <> 'Completed' AND NOT is_deleted AND owner_email IS NOT NULL
UNION ALL
SELECT
    CASE WHEN is_deleted THEN 'delete' ELSE 'complete' END,
    id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, modified_at
FROM task
WHERE status = 'Completed' OR is_deleted;
