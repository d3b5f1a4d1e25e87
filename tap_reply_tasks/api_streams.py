"""The streams that read from Reply. Their calls count in the quota that all runs share."""

import json
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import Stream, Tap

from reply_tasks.api.errors import ConfigurationError
from reply_tasks.contract.detail import TaskDetail, read_task_detail
from reply_tasks.contract.values import json_type
from reply_tasks.finding_dialect import client_of_reply
from reply_tasks.ledger import LedgerError, open_engine
from reply_tasks.ledger.database import clear_errors, writing
from reply_tasks.ledger.identity import claim_origin
from reply_tasks.quota.quota import Wait
from reply_tasks.settings import TapSettings
from reply_tasks.slots import Slots
from tap_reply_tasks import schemas
from tap_reply_tasks.reply_reader import Effects, ReadError, ReplyReader
from tap_reply_tasks.stopping import Stopping

if TYPE_CHECKING:
    from singer_sdk.helpers.types import Context, Record


class ApiStream(Stream):
    """What Reply tells now, page by page or one by one."""

    primary_keys = ("id",)
    selected_by_default = False

    def __init__(
        self, tap: Tap, *, settings: Callable[[], TapSettings], stopping: Stopping
    ) -> None:
        super().__init__(tap)
        self._read_settings = settings
        self._stopping = stopping
        self._unknowns: set[str] = set()

    @property
    def _settings(self) -> TapSettings:
        return self._read_settings()

    @abstractmethod
    def records(self, reader: ReplyReader) -> "Iterator[Record]":
        """What is emitted, as it is read."""

    def get_records(self, context: "Context | None") -> "Iterator[Record]":
        """Each of what is read once; trouble ends the run with one line and exit code 1."""
        del context
        if self._settings.api_key is None:
            self._stopping.fail(missing_key([self.name]))
        try:
            with self._reader() as reader:
                yield from self._stopping.iterated(self.records(reader))
        except (ReadError, LedgerError, ConfigurationError) as error:
            self._stopping.fail(str(error))

    @contextmanager
    def _reader(self) -> Iterator[ReplyReader]:
        """A reader of Reply that takes its slots from the quota in the ledger."""
        settings = self._settings
        engine = open_engine(settings.ledger_url)
        try:
            with clear_errors(), writing(engine) as connection:
                claim_origin(connection, settings.api_url)
            with client_of_reply(settings, engine, self._log_wait) as client:
                slots = Slots(engine, settings, on_wait=self._log_wait)
                effects = Effects(
                    client=client, slot=slots.take, pause=slots.pause, observe=slots.observe
                )
                yield ReplyReader(settings, effects, self.logger)
        finally:
            engine.dispose()

    def _row(self, detail: TaskDetail) -> dict[str, Any]:
        """A task's columns."""
        self._name_unknowns(detail.unknowns, f"task {detail.id}")
        return detail.row()

    def _name_unknowns(self, names: Iterable[str], where: str) -> None:
        """What is not in the contract is named once a stream."""
        for name in names:
            if name not in self._unknowns:
                self._unknowns.add(name)
                self.logger.warning(
                    "Reply sent %s in a form that is not in the contract, first in %s.",
                    name,
                    where,
                )

    def _log_wait(self, wait: Wait) -> None:
        self.logger.info("Waiting %.0f s for the quota (%s).", wait.seconds, wait.why)


class Tasks(ApiStream):
    """Every task that starts on or after ``start_date``, as Reply lists it."""

    name = "tasks"
    schema = schemas.tasks()

    def records(self, reader: ReplyReader) -> "Iterator[Record]":
        """The items of every page."""
        for item in reader.listed():
            contact = item.get("contact")
            contact = contact if isinstance(contact, Mapping) else {}
            listed = {name: value for name, value in item.items() if name != "contact"}
            detail = read_task_detail({"contactId": contact.get("id"), **listed})
            if detail is not None:
                row = self._row(detail)
                name = contact.get("fullName")
                row["contactFullName"] = name if isinstance(name, str) else None
                yield {name: row[name] for name in self.schema["properties"]}


class TaskSnapshots(ApiStream):
    """Each of these tasks, read one by one: with its texts."""

    name = "task_snapshots"
    schema = schemas.task_snapshots()

    def records(self, reader: ReplyReader) -> "Iterator[Record]":
        """One call a task, after all were listed: a list that is read slowly shifts meanwhile."""
        for task_id in [item["id"] for item in reader.listed()]:
            detail = reader.task(task_id)
            if detail is None:
                self.logger.info("Task %s vanished after it was listed.", task_id)
            else:
                yield self._row(detail)


class ReferenceStream(ApiStream):
    """What the ids in tasks and records stand for: few rows, read whole."""

    #: What one row is, in a sentence.
    noun: ClassVar[str]

    @abstractmethod
    def items(self, reader: ReplyReader) -> Iterator[Mapping[str, Any]]:
        """What Reply lists."""

    def records(self, reader: ReplyReader) -> "Iterator[Record]":
        """The columns of each; what Reply sends in another form is null, and named."""
        columns = self.schema["properties"]
        for item in self.items(reader):
            row: dict[str, Any] = {}
            unknown = [name for name in item if name not in columns]
            for name, column in columns.items():
                value = item.get(name)
                if isinstance(value, list):
                    value = json.dumps(value, ensure_ascii=False)
                is_readable = json_type(value) in column["type"]
                row[name] = value if is_readable else None
                if not is_readable and name in item:
                    unknown.append(name)
            self._name_unknowns(unknown, f"{self.noun} {row[self.primary_keys[0]]}")
            yield row


class Users(ReferenceStream):
    """The Reply users: one call."""

    name = "users"
    noun = "user"
    primary_keys = ("userId",)
    schema = schemas.users()

    def items(self, reader: ReplyReader) -> Iterator[Mapping[str, Any]]:
        """Every user whom Reply names."""
        return reader.users()


class EmailAccounts(ReferenceStream):
    """The mailboxes of the team."""

    name = "email_accounts"
    noun = "mailbox"
    schema = schemas.email_accounts()

    def items(self, reader: ReplyReader) -> Iterator[Mapping[str, Any]]:
        """The items of every page."""
        return reader.mailboxes()


def missing_key(streams: list[str]) -> str:
    """What to tell a person who selected streams that need a key."""
    return (
        f"api_key must be set to read {' and '.join(streams)}; "
        "the streams of the ledger need no key."
    )
