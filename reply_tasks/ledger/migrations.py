"""What changed in the ledger's tables since the first version, in order, each by name.

A fresh ledger is made from ``tables.py`` as it stands; an older one runs what it has not run yet.
"""

import os
from collections.abc import Callable, Mapping

from sqlalchemy import Connection, Table, text
from sqlalchemy.schema import CreateColumn

from reply_tasks.ledger.tables import (
    APPROVAL_INDEXES,
    HELD_INDEX,
    QUESTION_INDEXES,
    lookups,
    openings,
    operations,
    prunings,
    runs,
    task_links,
    tasks,
    verdicts,
)


def _initial(connection: Connection) -> None:
    """The first version: made whole, so there is nothing to change."""
    del connection


def _identity(connection: Connection) -> None:
    """A ledger has an id, belongs to the first API that it is used with, and notes who opens it."""
    _run(
        connection,
        "CREATE TABLE ledger_identity (ledger_id VARCHAR(32) NOT NULL PRIMARY KEY,"
        " api_origin TEXT)",
        "CREATE TABLE ledger_openings (number BIGINT NOT NULL PRIMARY KEY,"
        " holder_id VARCHAR(32) NOT NULL, operations BIGINT NOT NULL, runs BIGINT NOT NULL)",
    )
    identify(connection)


def identify(connection: Connection) -> None:
    """Give a ledger its id."""
    connection.execute(
        text("INSERT INTO ledger_identity (ledger_id) VALUES (:id)"), {"id": os.urandom(16).hex()}
    )


def _run(connection: Connection, *statements: str) -> None:
    for statement in statements:
        connection.execute(text(statement))


def _late_effects(connection: Connection) -> None:
    """Reply's clock beside a claim, and the tasks on which a call may still take effect late."""
    add_columns(connection, operations, "reply_ahead")
    add_columns(connection, tasks, "shaken_at", "shaken_hash")


def _claimed_moment(connection: Connection) -> None:
    """When a claim was made, by the clock of its machine's boot."""
    add_columns(connection, operations, "claimed_moment")


def _source_stream(connection: Connection) -> None:
    """The stream in which a rejected record was read, where a stream map gave it another one."""
    connection.execute(text("ALTER TABLE operations ADD COLUMN source_stream TEXT"))


def _quota(connection: Connection) -> None:
    """The quota's tables, until then made by whoever needed them, and what a series of 429s is."""
    without_rowid = " WITHOUT ROWID" if connection.dialect.name == "sqlite" else ""
    for statement in (
        f"""CREATE TABLE IF NOT EXISTS quota_calls (digest VARCHAR(64) NOT NULL,
            total BIGINT NOT NULL, calls INTEGER NOT NULL, at_ms BIGINT NOT NULL,
            PRIMARY KEY (digest, total)){without_rowid}""",
        "CREATE INDEX IF NOT EXISTS quota_calls_by_time ON quota_calls (digest, at_ms, total)",
        """CREATE TABLE IF NOT EXISTS quota_pauses (digest VARCHAR(64) NOT NULL PRIMARY KEY,
            paused_until_ms BIGINT DEFAULT 0 NOT NULL, remaining BIGINT, reset_ms BIGINT,
            base BIGINT, in_flight BIGINT, until_ms BIGINT)""",
        "ALTER TABLE quota_pauses ADD COLUMN refused INTEGER DEFAULT 0 NOT NULL",
        "ALTER TABLE quota_pauses ADD COLUMN refused_since_ms BIGINT DEFAULT 0 NOT NULL",
        "ALTER TABLE quota_pauses ADD COLUMN probe_until_ms BIGINT DEFAULT 0 NOT NULL",
        """UPDATE quota_pauses SET refused = 1, refused_since_ms = paused_until_ms
            WHERE paused_until_ms > 0""",
    ):
        connection.execute(text(statement))


def _approval(connection: Connection) -> None:
    """Executions may wait for a person, and repeats are counted in their run."""
    add_columns(connection, operations, "approved_by", "approved_at", "approved_digest")
    add_columns(connection, runs, "held", "repeated")
    for statement in APPROVAL_INDEXES:
        connection.execute(text(statement))


def _verdicts(connection: Connection) -> None:
    """What came to nothing is remembered by what its record said."""
    verdicts.create(connection)


def _prunings(connection: Connection) -> None:
    """What was pruned is noted, so that a tap can say what it missed."""
    prunings.create(connection)


def _request_forms(connection: Connection) -> None:
    """How a Reply wants requests written is remembered."""
    connection.execute(
        text(
            """CREATE TABLE request_forms (api_url VARCHAR(512) NOT NULL,
            key_digest VARCHAR(64) NOT NULL, header VARCHAR(32) NOT NULL,
            enums VARCHAR(16) NOT NULL, PRIMARY KEY (api_url, key_digest))"""
        )
    )


def _rejected_updates(connection: Connection) -> None:
    """A task is marked whose update was rejected."""
    add_columns(connection, tasks, "update_rejected_by", "update_rejected_at")


def add_columns(connection: Connection, table: Table, *names: str) -> None:
    """Add columns as ``tables.py`` has them."""
    for name in names:
        column = str(CreateColumn(table.c[name]).compile(dialect=connection.dialect))
        connection.execute(text(f"ALTER TABLE {table.name} ADD COLUMN {column}"))


def _questions(connection: Connection) -> None:
    """Indexes for what an operator asks."""
    for statement in QUESTION_INDEXES:
        connection.execute(text(statement))


def _turns(connection: Connection) -> None:
    """Which turn of a process was committed last."""
    _run(connection, "ALTER TABLE holders ADD COLUMN turn BIGINT DEFAULT 0 NOT NULL")


def _held(connection: Connection) -> None:
    """An index of what waits for a person."""
    _run(connection, HELD_INDEX)


def _links(connection: Connection) -> None:
    """External ids stand for tasks: learnt from all that was applied so far."""
    task_links.create(connection)
    lookups.create(connection)
    add_columns(connection, openings, "task_links")
    add_columns(
        connection,
        tasks,
        "assignment_hash",
        *("deletion_operation_id", "deletion_outcome", "deletion_hash", "deletion_external_id"),
    )
    _run(
        connection,
        """INSERT INTO task_links
            (external_id, task_id, source, ambiguous, operation_id, linked_at, sequence)
            SELECT external_id, min(task_id), 'record', count(DISTINCT task_id) > 1,
                min(operation_id), min(settled_at), row_number() OVER (ORDER BY external_id)
            FROM operations
            WHERE outcome IN ('applied', 'unchanged') AND task_id IS NOT NULL
                AND external_id IS NOT NULL
            GROUP BY external_id""",
        """UPDATE task_links SET ambiguous = true WHERE task_id IN
            (SELECT task_id FROM task_links GROUP BY task_id HAVING count(*) > 1)""",
        """INSERT INTO sequences (name, value)
            SELECT 'task_links', count(*) FROM task_links""",
    )


MIGRATIONS: Mapping[str, Callable[[Connection], None]] = {
    "0001_initial": _initial,
    "0002_identity": _identity,
    "0003_late_effects": _late_effects,
    "0005_source_stream": _source_stream,
    "0006_quota": _quota,
    "0007_approval": _approval,
    "0008_verdicts": _verdicts,
    "0009_prunings": _prunings,
    "0010_questions": _questions,
    "0011_turns": _turns,
    "0012_claimed_moment": _claimed_moment,
    "0011_request_forms": _request_forms,
    "0012_rejected_updates": _rejected_updates,
    "0013_held": _held,
    "0014_links": _links,
}
