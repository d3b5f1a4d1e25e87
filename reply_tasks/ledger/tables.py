"""The ledger's tables, in SQLAlchemy Core: one row an operation, one row a run.

Tables beside them hold what the promises need: ``tasks`` (what was last applied to a task, and
whether it was executed), ``holders`` (who holds claims, and how to tell that it lives),
``sequences`` (the counters that number rows in commit order), ``ledger_identity`` (which ledger it
is, and to which API it belongs) and ``ledger_openings`` (who opened it, by which a reader notices
that an older copy was restored).
"""

from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    DateTime,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    event,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import BigInteger, TypeDecorator

metadata = MetaData()


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC instant: text without an offset in SQLite, timestamptz in PostgreSQL."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Hand an instant to the database."""
        if value is None or dialect.name == "postgresql":
            return value
        return value.astimezone(UTC).replace(tzinfo=None)

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], object] | None:
        """For SQLite, the text that SQLAlchemy would make, three times as fast."""
        return _sqlite_text if dialect.name == "sqlite" else super().bind_processor(dialect)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Take an instant from the database."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _sqlite_text(value: datetime | None) -> str | None:
    if value is None:
        return None
    if value.tzinfo is not UTC:
        value = value.astimezone(UTC)
    return value.isoformat(" ", "microseconds")[:_SQLITE_LENGTH]


_SQLITE_LENGTH = len("2026-09-01 22:00:00.000000")


class CleanText(TypeDecorator[str]):
    """Text that both databases can store: no NUL, no lone surrogate."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Replace what can't be stored."""
        del dialect
        if value is None or (value.isascii() and "\0" not in value):
            return value
        return value.encode("utf-8", "replace").decode().replace("\0", "\ufffd")

    def process_literal_param(self, value: str | None, dialect: Dialect) -> str:
        """As a bound value."""
        return repr(self.process_bind_param(value, dialect))


BIG = BigInteger().with_variant(Integer, "sqlite")

operations = Table(
    "operations",
    metadata,
    Column("operation_id", String(32), primary_key=True),
    Column("sequence", BIG, unique=True),
    Column("run_id", String(32), nullable=False),
    Column("claimed_by", String(32)),
    Column("stream", CleanText, nullable=False),
    Column("source_stream", CleanText),
    Column("operation", String(16)),
    Column("task_id", BIG),
    Column("external_id", CleanText),
    Column("act_as_user_id", BIG),
    Column("outcome", String(16)),
    Column("reason", String(32)),
    Column("detail", CleanText),
    Column("problem", JSON(none_as_null=True)),
    Column("http_status", Integer),
    Column("attempts", JSON(none_as_null=True)),
    Column("api_calls", Integer, nullable=False, server_default="0"),
    Column("body_hash", String(64)),
    Column("record", JSON(none_as_null=True)),
    Column("task_detail", JSON(none_as_null=True)),
    Column("received_at", UtcDateTime, nullable=False),
    Column("claimed_at", UtcDateTime),
    Column("reply_ahead", Float),
    Column("claimed_moment", Float),
    Column("settled_at", UtcDateTime),
    Column("approved_by", CleanText),
    Column("approved_at", UtcDateTime),
    Column("approved_digest", String(64)),
    Index("operations_of_a_run", "run_id"),
)


@event.listens_for(operations, "after_create")
def _one_claim_a_task(_table: Table, connection: Connection, **_: object) -> None:
    """What makes two runs on one ledger take turns.

    In words that both databases share: an ``Index`` with its WHERE would import PostgreSQL's
    dialect into every run.
    """
    for statement in (
        "CREATE UNIQUE INDEX one_claim_a_task ON operations (task_id) WHERE outcome IS NULL",
        *APPROVAL_INDEXES,
        *QUESTION_INDEXES,
        HELD_INDEX,
    ):
        connection.execute(text(statement))


#: One execution of a task waits for a person at once; a person's no is found by its task. The row
#: of a record that only repeated what waits, where such rows are kept, has no record of its own.
APPROVAL_INDEXES = (
    """CREATE UNIQUE INDEX one_held_a_task ON operations (task_id)
    WHERE outcome = 'held' AND record IS NOT NULL""",
    "CREATE INDEX declined_of_a_task ON operations (task_id) WHERE reason = 'not_approved'",
)


#: What an operator asks for: the history of a task, and the few rows that somebody has to look at.
QUESTION_INDEXES = (
    "CREATE INDEX operations_of_a_task ON operations (task_id, sequence)",
    "CREATE INDEX rejected_operations ON operations (sequence) WHERE reason IS NOT NULL",
    "CREATE INDEX uncertain_operations ON operations (sequence) WHERE outcome = 'uncertain'",
)


#: What waits for a person, in the order in which it was held: each run asks which have expired.
HELD_INDEX = """CREATE INDEX held_operations ON operations (sequence)
    WHERE outcome = 'held' AND record IS NOT NULL"""


runs = Table(
    "runs",
    metadata,
    Column("run_id", String(32), primary_key=True),
    Column("sequence", BIG, unique=True),
    Column("started_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("exit_code", Integer),
    Column("crashed", Boolean, nullable=False, server_default=text("false")),
    Column("applied", BIG, nullable=False, server_default="0"),
    Column("unchanged", BIG, nullable=False, server_default="0"),
    Column("superseded", BIG, nullable=False, server_default="0"),
    Column("rejected", BIG, nullable=False, server_default="0"),
    Column("held", BIG, nullable=False, server_default="0"),
    Column("uncertain", BIG, nullable=False, server_default="0"),
    Column("repeated", BIG, nullable=False, server_default="0"),
    Column("api_calls", BIG, nullable=False, server_default="0"),
    Column("quota_wait_seconds", Float, nullable=False, server_default="0"),
)

tasks = Table(
    "tasks",
    metadata,
    Column("task_id", BIG, primary_key=True, autoincrement=False),
    Column("body_hash", String(64)),
    Column("detail_operation_id", String(32)),
    Column("execution_operation_id", String(32)),
    Column("execution_outcome", String(16)),
    Column("execution_hash", String(64)),
    Column("execution_external_id", CleanText),
    Column("shaken_at", UtcDateTime),
    Column("shaken_hash", String(64)),
    Column("update_rejected_by", String(32)),
    Column("update_rejected_at", UtcDateTime),
    Column("assignment_hash", String(64)),
    Column("deletion_operation_id", String(32)),
    Column("deletion_outcome", String(16)),
    Column("deletion_hash", String(64)),
    Column("deletion_external_id", CleanText),
)

verdicts = Table(
    "verdicts",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("operation_id", String(32), nullable=False),
    Column("task_id", BIG, index=True),
    Column("outcome", String(16), nullable=False),
    Column("reason", String(32)),
    Column("detail", CleanText),
    Column("asked", Boolean, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

prunings = Table(
    "prunings",
    metadata,
    Column("first_sequence", BIG, primary_key=True, autoincrement=False),
    Column("last_sequence", BIG, nullable=False, index=True),
    Column("operations", BIG, nullable=False),
    Column("pruned_at", UtcDateTime, nullable=False),
)

#: Which task an external id stands for; of an ambiguous one records disagree: nothing is guessed.
task_links = Table(
    "task_links",
    metadata,
    Column("external_id", String(255), primary_key=True),
    Column("task_id", BIG, nullable=False, index=True),
    Column("source", String(16), nullable=False),
    Column("ambiguous", Boolean, nullable=False, server_default=text("false")),
    Column("operation_id", String(32)),
    Column("linked_at", UtcDateTime, nullable=False),
    Column("sequence", BIG, unique=True),
)

#: What an address was found to stand for; ``found`` is how many there were. Each Reply user sees
#: contacts and mailboxes of its own: ``caller`` is the digest of the key and the user that asked.
lookups = Table(
    "lookups",
    metadata,
    Column("kind", String(16), primary_key=True),
    Column("address", String(320), primary_key=True),
    Column("caller", String(64), primary_key=True),
    Column("value", BIG),
    Column("found", Integer, nullable=False),
    Column("looked_up_at", UtcDateTime, nullable=False),
)

request_forms = Table(
    "request_forms",
    metadata,
    Column("api_url", String(512), primary_key=True),
    Column("key_digest", String(64), primary_key=True),
    Column("header", String(32), nullable=False),
    Column("enums", String(16), nullable=False),
)

holders = Table(
    "holders",
    metadata,
    Column("holder_id", String(32), primary_key=True),
    Column("host", CleanText, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("process_start", String(120), nullable=False),
    Column("lease_until", UtcDateTime, nullable=False),
    # The last group of its writes that was committed: it asks when a commit's answer was lost.
    Column("turn", BIG, nullable=False, server_default="0"),
)

sequences = Table(
    "sequences",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("value", BIG, nullable=False),
)

#: What is numbered in commit order, for readers that go on from a number.
COUNTERS = ("operations", "runs", "task_links")

#: One row.
identity = Table(
    "ledger_identity",
    metadata,
    Column("ledger_id", String(32), primary_key=True),
    Column("api_origin", CleanText),
)

#: One row a process that opened the ledger to write: the last numbers that had been given then.
openings = Table(
    "ledger_openings",
    metadata,
    Column("number", BIG, primary_key=True, autoincrement=False),
    Column("holder_id", String(32), nullable=False),
    Column("operations", BIG, nullable=False),
    Column("runs", BIG, nullable=False),
    Column("task_links", BIG, nullable=False, server_default="0"),
)

migrations = Table(
    "ledger_migrations",
    metadata,
    Column("name", String(120), primary_key=True),
    Column("applied_at", UtcDateTime, nullable=False),
)
