"""The streams that read the ledger: no call to Reply, and no key needed."""

import json
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import Stream, Tap
from singer_sdk.singerlib.catalog import REPLICATION_INCREMENTAL
from sqlalchemy import Connection
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from reply_tasks.contract.date_times import write_date_time
from reply_tasks.contract.detail import read_task_detail
from reply_tasks.contract.outcomes import Outcome
from reply_tasks.ledger import LedgerError, open_engine
from reply_tasks.ledger.database import cause
from reply_tasks.ledger.identity import Edition, Position, is_continued, position
from reply_tasks.ledger.pruning import rows_missed
from reply_tasks.ledger.queries import finished_runs, links, settled_operations
from reply_tasks.settings import TapSettings
from tap_reply_tasks import schemas
from tap_reply_tasks.stopping import Stopping

if TYPE_CHECKING:
    from singer_sdk.helpers.types import Context, Record

Row = Mapping[str, Any]


class LedgerStream(Stream):
    """Rows of the ledger that are numbered after the bookmark, in the order of their numbers.

    Numbers become visible in their order, so a run that reads while the target writes skips none.
    It reads no further than the ledger had come when it began: what its bookmark names is then true
    of the whole reading.
    """

    STATE_MSG_FREQUENCY = 1000
    replication_key = "sequence"
    is_sorted = True
    #: The ledger's counter that numbers these rows.
    counter: ClassVar[str]

    def __init__(
        self, tap: Tap, *, settings: Callable[[], TapSettings], stopping: Stopping
    ) -> None:
        super().__init__(tap)
        self._read_settings = settings
        self._stopping = stopping

    @property
    def _settings(self) -> TapSettings:
        return self._read_settings()

    @property
    def config(self) -> Mapping[str, Any]:
        """The tap's config without ``start_date``, which the SDK would take for a bookmark."""
        return MappingProxyType({k: v for k, v in self._config.items() if k != "start_date"})

    @abstractmethod
    def rows(self, connection: Connection, *, after: int, upto: int) -> Iterator[Row]:
        """The ledger's rows numbered after ``after``, up to ``upto``, in the order of numbers."""

    @abstractmethod
    def record(self, row: Row) -> "Record | None":
        """What is emitted of a row, if anything."""

    def get_records(self, context: "Context | None") -> "Iterator[Record]":
        """Records numbered strictly after the bookmark; none where there is no ledger yet."""
        with self._told():
            if _is_missing(self._settings.ledger_url):
                self.logger.warning(
                    "There is no ledger at %s yet, so %s is empty: target-reply-tasks makes it "
                    "on its first run. If it has run, ledger_url names another place.",
                    self._settings.ledger_name,
                    self.name,
                )
                return
            with self._stopping.waiting():
                engine = open_engine(self._settings.ledger_url, create=False)
            try:
                with engine.connect() as connection:
                    yield from self._read(connection, context)
            finally:
                engine.dispose()

    def _read(self, connection: Connection, context: "Context | None") -> "Iterator[Record]":
        there = position(connection)
        after = self._bookmark(connection, context, there)
        if self.replication_method == REPLICATION_INCREMENTAL:
            self.stream_state["ledger"] = there.edition.as_json()
        rows = self.rows(connection, after=after, upto=there.numbers[self.counter])
        for row in self._stopping.iterated(rows):
            record = self.record(row)
            if record is not None:
                yield record

    def _bookmark(self, connection: Connection, context: "Context | None", there: Position) -> int:
        """The last number already emitted; 0 if it is not one of this ledger's."""
        bookmark = self.get_starting_replication_key_value(context) or 0
        if not isinstance(bookmark, int):
            self._stopping.fail(
                f"The state's bookmark of {self.name} is {bookmark!r}, but must be a number: "
                "it is of another tap. Remove it to read the ledger from its beginning."
            )
        if not bookmark:
            return 0
        seen = Edition.from_json(self.stream_state.get("ledger"))
        replaced = bookmark > there.numbers[self.counter] or (
            seen is not None and not is_continued(connection, seen, self.counter, bookmark)
        )
        connection.rollback()
        if not replaced:
            self._tell_missed(connection, bookmark)
            return bookmark
        self.logger.warning(
            "The state says that %s was read up to number %s, but not of this ledger: it was "
            "replaced, or an older copy of it restored. Everything in it is emitted.",
            self.name,
            bookmark,
        )
        self.stream_state.pop("replication_key_value", None)
        return 0

    def _tell_missed(self, connection: Connection, bookmark: int) -> None:
        """Say how many operations were pruned before this tap had read them."""
        missed = rows_missed(connection, after=bookmark) if self.counter == "operations" else 0
        connection.rollback()
        if missed:
            self.logger.warning(
                "Up to %d operations that %s had not emitted yet were pruned from the ledger "
                "(retention_days, or `reply-tasks prune`): they will never be.",
                missed,
                self.name,
            )

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn trouble with the ledger into one line and exit code 1."""
        try:
            yield
        except LedgerError as error:
            self._stopping.fail(str(error))
        except SQLAlchemyError as error:
            self._stopping.fail(f"The ledger can't be read: {cause(error)}")


class TaskDetails(LedgerStream):
    """The TaskDetail that each applied operation returned; the latest of a task comes last."""

    name = "task_details"
    primary_keys = ("id",)
    schema = schemas.task_details()
    counter = "operations"

    def rows(self, connection: Connection, *, after: int, upto: int) -> Iterator[Row]:
        """Applied operations with what Reply returned."""
        return settled_operations(connection, after=after, upto=upto, applied_only=True)

    def record(self, row: Row) -> "Record | None":
        """The task, and which operation it comes from."""
        detail = read_task_detail(row["task_detail"])
        if detail is None:
            self.logger.warning("Operation %s holds no readable task.", row["operation_id"])
            return None
        return detail.row() | {
            "operation": row["operation"],
            "operationId": row["operation_id"],
            "appliedAt": _moment(row["settled_at"]),
            "sequence": row["sequence"],
        }


class TaskOperations(LedgerStream):
    """The fate of every record, without its body."""

    name = "task_operations"
    primary_keys = ("operationId",)
    schema = schemas.task_operations()
    counter = "operations"

    def rows(self, connection: Connection, *, after: int, upto: int) -> Iterator[Row]:
        """Settled operations."""
        return settled_operations(connection, after=after, upto=upto)

    def record(self, row: Row) -> "Record":
        """The operation, its outcome and the calls made for it."""
        return {
            "operationId": row["operation_id"],
            "sequence": row["sequence"],
            "runId": row["run_id"],
            "stream": row["stream"],
            "operation": row["operation"],
            "taskId": row["task_id"],
            "externalId": row["external_id"],
            "actAsUserId": row["act_as_user_id"],
            "outcome": row["outcome"],
            "reason": row["reason"],
            "detail": row["detail"],
            "problem": _json(row["problem"]),
            "httpStatus": row["http_status"],
            "attempts": _json(row["attempts"]),
            "apiCalls": row["api_calls"],
            "bodyHash": row["body_hash"],
            "receivedAt": _moment(row["received_at"]),
            "claimedAt": _moment(row["claimed_at"]),
            "settledAt": _moment(row["settled_at"]),
            "approvedBy": row["approved_by"],
            "approvedAt": _moment(row["approved_at"]),
        }


class TaskLinks(LedgerStream):
    """Which task each of the CRM's keys stands for; a link that changes comes again."""

    name = "task_links"
    primary_keys = ("externalId",)
    schema = schemas.task_links()
    counter = "task_links"

    def rows(self, connection: Connection, *, after: int, upto: int) -> Iterator[Row]:
        """Links that were made or changed."""
        return links(connection, after=after, upto=upto)

    def record(self, row: Row) -> "Record":
        """The link, and where it comes from."""
        return {
            "externalId": row["external_id"],
            "taskId": row["task_id"],
            "source": row["source"],
            "ambiguous": row["ambiguous"],
            "linkedAt": _moment(row["linked_at"]),
            "operationId": row["operation_id"],
            "sequence": row["sequence"],
        }


class Runs(LedgerStream):
    """What each finished run did."""

    name = "runs"
    primary_keys = ("runId",)
    schema = schemas.runs()
    counter = "runs"

    def rows(self, connection: Connection, *, after: int, upto: int) -> Iterator[Row]:
        """Finished runs."""
        return finished_runs(connection, after=after, upto=upto)

    def record(self, row: Row) -> "Record":
        """The run with its counts by outcome."""
        return {
            "runId": row["run_id"],
            "sequence": row["sequence"],
            "startedAt": _moment(row["started_at"]),
            "endedAt": _moment(row["ended_at"]),
            "exitCode": row["exit_code"],
            "crashed": row["crashed"],
            **{str(outcome): row[str(outcome)] for outcome in Outcome},
            "repeated": row["repeated"],
            "apiCalls": row["api_calls"],
            "quotaWaitSeconds": row["quota_wait_seconds"],
        }


def _is_missing(ledger_url: str) -> bool:
    url = make_url(ledger_url)
    return url.get_backend_name() == "sqlite" and not Path(str(url.database)).exists()


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else write_date_time(moment)


def _json(value: object) -> str | None:
    """JSON text: a document of Reply's has no fixed members, so no fixed columns."""
    return None if value is None else json.dumps(value, ensure_ascii=False)
