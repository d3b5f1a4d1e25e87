-- The tables of a ledger as the first version made them.

CREATE TABLE holders (
    holder_id VARCHAR(32) NOT NULL,
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    process_start VARCHAR(120) NOT NULL,
    lease_until DATETIME NOT NULL,
    PRIMARY KEY (holder_id)
);
CREATE TABLE ledger_migrations (
    name VARCHAR(120) NOT NULL,
    applied_at DATETIME NOT NULL,
    PRIMARY KEY (name)
);
CREATE TABLE operations (
    operation_id VARCHAR(32) NOT NULL,
    sequence INTEGER,
    run_id VARCHAR(32) NOT NULL,
    claimed_by VARCHAR(32),
    stream TEXT NOT NULL,
    operation VARCHAR(16),
    task_id INTEGER,
    external_id TEXT,
    act_as_user_id INTEGER,
    outcome VARCHAR(16),
    reason VARCHAR(32),
    detail TEXT,
    problem JSON,
    http_status INTEGER,
    attempts JSON,
    api_calls INTEGER DEFAULT '0' NOT NULL,
    body_hash VARCHAR(64),
    record JSON,
    task_detail JSON,
    received_at DATETIME NOT NULL,
    claimed_at DATETIME,
    settled_at DATETIME,
    PRIMARY KEY (operation_id),
    UNIQUE (sequence)
);
CREATE INDEX operations_of_a_run ON operations (run_id);
CREATE TABLE runs (
    run_id VARCHAR(32) NOT NULL,
    sequence INTEGER,
    started_at DATETIME NOT NULL,
    ended_at DATETIME,
    exit_code INTEGER,
    crashed BOOLEAN DEFAULT false NOT NULL,
    applied INTEGER DEFAULT '0' NOT NULL,
    unchanged INTEGER DEFAULT '0' NOT NULL,
    superseded INTEGER DEFAULT '0' NOT NULL,
    rejected INTEGER DEFAULT '0' NOT NULL,
    uncertain INTEGER DEFAULT '0' NOT NULL,
    api_calls INTEGER DEFAULT '0' NOT NULL,
    quota_wait_seconds FLOAT DEFAULT '0' NOT NULL,
    PRIMARY KEY (run_id),
    UNIQUE (sequence)
);
CREATE TABLE sequences (
    name VARCHAR(32) NOT NULL,
    value INTEGER NOT NULL,
    PRIMARY KEY (name)
);
CREATE TABLE tasks (
    task_id INTEGER NOT NULL,
    body_hash VARCHAR(64),
    detail_operation_id VARCHAR(32),
    execution_operation_id VARCHAR(32),
    execution_outcome VARCHAR(16),
    execution_hash VARCHAR(64),
    execution_external_id TEXT,
    PRIMARY KEY (task_id)
);
CREATE TABLE quota_calls (
    digest VARCHAR(64) NOT NULL,
    total INTEGER NOT NULL,
    calls INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (digest, total)
)
 WITHOUT ROWID;
CREATE INDEX quota_calls_by_time ON quota_calls (digest, at_ms, total);
CREATE TABLE quota_pauses (
    digest VARCHAR(64) NOT NULL,
    paused_until_ms INTEGER DEFAULT '0' NOT NULL,
    remaining INTEGER,
    reset_ms INTEGER,
    base INTEGER,
    in_flight INTEGER,
    until_ms INTEGER,
    PRIMARY KEY (digest)
);
CREATE UNIQUE INDEX one_claim_a_task ON operations (task_id) WHERE outcome IS NULL;
