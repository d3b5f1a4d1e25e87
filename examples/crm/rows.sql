-- Rows to begin with: 30 tasks for the ids 1 to 30 of the sandbox, of which 20 are open, six are to be
-- sent, two have no twin in Reply, one is deleted and one is done. Task 3 has no due date, which the
-- contract refuses; task 5 names a task that Reply does not have. Only an update is a template, which may
-- hold {{firstName}}: what is to be sent is the final text.
INSERT INTO salesforce.contact (id, email, reply_contact_id__c, system_modstamp)
SELECT
    format('003-%s', n),
    format('contact%s@example.com', n),
    (1000 + n)::text,
    timestamptz '2027-01-10 08:00:00+00' + n * interval '1 minute'
FROM generate_series(1, 30) AS n;

INSERT INTO salesforce.task (
    id, subject, description, activity_date, status, task_subtype, who_id, owner_id, is_deleted,
    reply_task_id__c, system_modstamp
)
SELECT
    format('00T-%s', n),
    format('About the renewal, %s', n),
    CASE
        WHEN n BETWEEN 21 AND 26 THEN format('Hi contact %s, shall we talk about the renewal?', n)
        ELSE 'Hi {{firstName}}, shall we talk about the renewal?'
    END,
    CASE WHEN n = 3 THEN NULL ELSE date '2027-03-01' + n::int END,
    CASE WHEN n BETWEEN 21 AND 26 THEN 'Send now' WHEN n = 30 THEN 'Completed' ELSE 'Open' END,
    CASE WHEN n % 4 = 0 AND n < 21 THEN 'Call' ELSE 'Email' END,
    format('003-%s', n),
    '005-1',
    n = 29,
    CASE WHEN n = 5 THEN '999999' WHEN n BETWEEN 27 AND 28 THEN NULL ELSE n::text END,
    timestamptz '2027-01-15 08:00:00+00' + n * interval '1 minute'
FROM generate_series(1, 30) AS n;
