-- Tables as a sync of a CRM leaves them, with custom fields, and ten tasks.
CREATE SCHEMA crm;

CREATE TABLE crm.contact (
    id text PRIMARY KEY,
    email text,
    reply_contact_id bigint
);

CREATE TABLE crm.task (
    id text PRIMARY KEY,
    who_id text,
    subject text,
    description text,
    activity_date date,
    task_subtype text,
    is_closed boolean NOT NULL DEFAULT false,
    is_deleted boolean NOT NULL DEFAULT false,
    approved_at timestamptz,
    system_modstamp timestamptz NOT NULL
);

INSERT INTO crm.contact VALUES
    ('003-01', 'ada@example.com', 1001),
    ('003-02', 'bo@example.com', NULL);

INSERT INTO crm.task VALUES
    ('00T-01', '003-01', 'Renewal call', 'Ask Ada about the renewal.', '2026-03-10', 'Call',
     false, false, NULL, '2026-03-01 08:01:00+00'),
    ('00T-02', '003-02', 'Prepare the review', '  ', '2026-03-11', 'Task',
     false, false, NULL, '2026-03-01 08:02:00+00'),
    ('00T-03', '003-01', 'The offer', 'Hi Ada, here is the offer.', '2026-03-12', 'Email',
     false, false, '2026-03-01 09:00:00+00', '2026-03-01 08:03:00+00'),
    ('00T-04', '003-01', 'Not in Reply', NULL, '2026-03-10', 'Call',
     false, false, NULL, '2026-03-01 08:04:00+00'),
    ('00T-05', '003-01', 'Done', NULL, '2026-03-10', 'Call',
     true, false, NULL, '2026-03-01 08:05:00+00'),
    ('00T-06', '003-01', 'Hello', 'Hi {{firstName}}, shall we talk?', '2026-03-10', 'Email',
     false, false, NULL, '2026-03-01 08:06:00+00'),
    ('00T-07', '003-01', 'Not to be sent', NULL, '2026-03-10', 'Call',
     false, false, '2026-03-01 09:00:00+00', '2026-03-01 08:07:00+00'),
    ('00T-08', '003-01', 'Deleted', NULL, '2026-03-10', 'Call',
     false, true, NULL, '2026-03-01 08:08:00+00'),
    ('00T-09', '003-01', 'No day yet', NULL, NULL, 'Call',
     false, false, NULL, '2026-03-01 08:09:00+00'),
    ('00T-10', '003-01', 'Sent by hand', 'Hi Ada.', '2026-03-10', 'Email',
     true, false, '2026-03-01 09:00:00+00', '2026-03-01 08:10:00+00');
