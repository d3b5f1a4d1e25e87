-- A CRM as a sync leaves it in PostgreSQL: the tables of Salesforce with the names of its API, and the
-- marks of the sync in the last columns. Two custom fields carry Reply's own ids.
CREATE SCHEMA salesforce;

CREATE TABLE salesforce.contact (
    id text PRIMARY KEY,
    email text,
    reply_contact_id__c text,               -- custom field: the contact's id in Reply
    system_modstamp timestamptz NOT NULL,
    _synced_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE salesforce."user" (
    id text PRIMARY KEY,
    email text,
    system_modstamp timestamptz NOT NULL,
    _synced_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE salesforce.task (
    id text PRIMARY KEY,
    subject text,
    description text,
    activity_date date,
    status text NOT NULL,
    task_subtype text NOT NULL,             -- Task, Email, Call, LinkedIn
    who_id text,
    owner_id text NOT NULL,
    is_deleted boolean NOT NULL DEFAULT false,
    reply_task_id__c text,                  -- custom field: the task's id in Reply
    system_modstamp timestamptz NOT NULL,
    _synced_at timestamptz NOT NULL DEFAULT now()
);
