"""One pipeline's data: a CRM's records through sandbox, target and tap, each a real process."""

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from programs import run

from reply_tasks.contract.enums import TaskStatus, TaskType
from reply_tasks.ledger import open_engine
from reply_tasks.ledger.tables import operations, runs
from reply_tasks.sandbox import (
    DEFAULT_API_KEY,
    Dialect,
    Endpoint,
    FaultKind,
    SandboxServer,
    Template,
    User,
)
from reply_tasks.sandbox.contacts import contact_of
from reply_tasks.sandbox.wire import task_json
from tap_reply_tasks.tap import TapReplyTasks

SCRIPTS = Path(sys.executable).parent
KEY = DEFAULT_API_KEY

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What a CRM's records became: what the tap emitted, and what sandbox and ledger know.

    Attributes:
        folder: Where its files are.
        started_at: Its day, in UTC.
        tasks: Each of the sandbox's tasks at the end, as Reply shows it, by id.
        emitted: The messages of the tap's two runs.
    """

    folder: Path
    started_at: datetime
    tasks: Mapping[int, Row]
    emitted: tuple[Path, Path]

    @classmethod
    def read(cls, folder: Path) -> "Pipeline":
        """The pipeline that ``play`` left in a folder."""
        facts = json.loads((folder / "facts.json").read_text())
        return cls(
            folder=folder,
            started_at=datetime.fromisoformat(facts["startedAt"]),
            tasks={task["id"]: task for task in facts["tasks"]},
            emitted=(folder / "tap-1.jsonl", folder / "tap-2.jsonl"),
        )

    def operations(self) -> list[Row]:
        """The ledger's settled operations, in the order settled."""
        return self._ledger(operations.select().order_by(operations.c.sequence))

    def made(self, key: str) -> int:
        """The task that a key of the CRM's got."""
        [task_id] = [
            row["task_id"]
            for row in self.operations()
            if (row["external_id"], row["operation"]) == (key, "create")
        ]
        return int(task_id)

    def runs(self) -> list[Row]:
        """The ledger's runs, in the order ended."""
        return self._ledger(runs.select().order_by(runs.c.sequence))

    def changes(self) -> list[tuple[str, datetime]]:
        """When the CRM changed what: each key two hours, and again 90 seconds before the start."""
        keys = sorted({row["external_id"] for row in self.operations()})
        ago = (timedelta(hours=2), timedelta(seconds=90))
        return [(key, self.started_at - each) for key in keys for each in ago]

    def _ledger(self, statement: Any) -> list[Row]:
        engine = open_engine(f"sqlite:///{self.folder / 'ledger.db'}", create=False)
        try:
            with engine.connect() as connection:
                return [dict(row) for row in connection.execute(statement).mappings()]
        finally:
            engine.dispose()


def play(folder: Path) -> None:
    """Sandbox, target and tap as processes of their own: five runs of the one, two of the other."""
    now = datetime.now(UTC).replace(microsecond=0)
    keys = {KEY: [User(1, "ada@example.com"), User(2, "grace@example.com")]}
    with SandboxServer(keys=keys, requests_per_minute=None, requests_per_hour=None) as sandbox:
        _fill(sandbox, now)
        stage = _Stage(folder, sandbox.url)
        first = _records(now)
        stage.target("1", first)
        stage.tap("1", streams=_LEDGER)
        repaired = _update("crm-bad", 10, now, template={"body": "Call back."})
        stage.target("2", [*first, repaired])
        stage.target("3", [_update("crm-404", 404, now)], expected=2)
        stage.target("4", [_update("crm-1", 1, now, template={"body": "x"})], key="no", expected=1)
        stage.target("5", _lives(now))
        sandbox.edit_task(1, status=TaskStatus.FINISHED, finished_at=now)
        stage.tap("2", streams=(*_LEDGER, *_OF_THE_API), state="tap-1")
        tasks = [
            task_json(task, contact_of(task.contact_id or 0), Dialect.PREVIEW)
            for task in sandbox.store.visible()
        ]
    facts = {"startedAt": now.isoformat(), "tasks": tasks}
    (folder / "facts.json").write_text(json.dumps(facts))


_LEDGER = ("task_details", "task_operations", "task_links", "runs")
_OF_THE_API = ("tasks", "task_snapshots", "users", "email_accounts")
#: Executions that go out, and one more, which waits for a person.
_SENT, _HELD = (3, 4, 5, 6, 8), 11
_EMAIL = Template("Hi {{firstName}}, how is {{company}}?", "For {{company}}")


def _fill(sandbox: SandboxServer, now: datetime) -> None:
    """Tasks of two reps: user 1 has the odd ones, user 2 the even ones."""
    soon, yesterday = now + timedelta(days=7), now - timedelta(days=1)
    for task_id in range(1, 13):
        sandbox.create_task(
            task_id,
            task_type=TaskType.SMS if task_id == 6 else TaskType.MANUAL_EMAIL,
            contact_id=1000 + task_id,
            assigned_user_id=2 - task_id % 2,
            start_at=now - timedelta(days=3),
            due_to=yesterday if task_id in {4, 12} else soon,
            template=Template("See you at ten.") if task_id == 6 else _EMAIL,
            fails_delivery=task_id == 5,
        )
    sandbox.edit_task(7, status=TaskStatus.FINISHED, finished_at=yesterday)
    sandbox.fault(FaultKind.DROP, endpoint=Endpoint.EXECUTE, task_id=8)


def _records(now: datetime) -> list[Row]:
    """The CRM's first batch: every outcome, and a task that is overdue from the start."""
    late = {"startAt": _text(now - timedelta(days=3)), "dueTo": _text(now - timedelta(days=1))}
    return [
        _update("crm-1", 1, now),
        _update("crm-2", 2, now, **late),
        _update("crm-9", 9, now, template={"body": "First thought."}),
        _update("crm-9", 9, now, template={"body": 'Second "thought", with\na line more.'}),
        _update("crm-7", 7, now),
        _update("crm-404", 404, now),
        _update("crm-bad", 10, now, template=None),
        *(_execution(f"send-{task_id}", task_id) for task_id in (*_SENT, _HELD)),
    ]


def _lives(now: datetime) -> list[Row]:
    """By the CRM's key alone: tasks that are made, handed on, completed and deleted."""
    made = [_update(key, None, now, operation="create") for key in _MADE]
    ends: list[Row] = [
        {"operation": "assign", "externalId": "life-1", "userId": 2},
        {"operation": "complete", "externalId": "life-2"},
        {"operation": "complete", "externalId": "life-5"},
        {"operation": "delete", "externalId": "life-3"},
        {"operation": "complete", "externalId": "life-4"},
        {"operation": "complete", "externalId": "crm-7", "id": 7},
        {"operation": "assign", "externalId": "twice", "id": 2, "userId": 2},
        {"operation": "assign", "externalId": "twice", "id": 10, "userId": 2},
    ]
    return [*made, *ends]


#: The keys that get a task; life-4 has none.
_MADE = ("life-1", "life-2", "life-3", "life-5")


def _update(key: str, task_id: int | None, now: datetime, **members: Any) -> Row:
    record = {
        "operation": "update",
        "id": task_id,
        "taskType": "call",
        "startAt": _text(now),
        "dueTo": _text(now + timedelta(days=7)),
        "template": {"body": "Ask about the renewal."},
        "contactId": 1000 + (task_id or 1),
        "externalId": key,
        **members,
    }
    return {name: value for name, value in record.items() if value is not None}


def _execution(key: str, task_id: int) -> Row:
    return {"operation": "execute", "id": task_id, "externalId": key}


def _text(moment: datetime) -> str:
    return moment.isoformat()


@dataclass(frozen=True, slots=True)
class _Stage:
    folder: Path
    api_url: str

    def target(self, name: str, records: list[Row], *, key: str = KEY, expected: int = 0) -> None:
        """One run of the target's console script."""
        schema: Row = {"type": "SCHEMA", "stream": "crm", "schema": {"properties": {}}}
        messages = [{**schema, "key_properties": []}]
        messages += [{"type": "RECORD", "stream": "crm", "record": record} for record in records]
        given = self._write(f"target-{name}.singer", *messages)
        more = {"settle_seconds": 0, "on_lost_answer": "hold", "api_key": key}
        config = self._write(f"target-{name}.json", self._config() | more)
        run(
            SCRIPTS / "target-reply-tasks",
            "--config",
            config,
            source=given,
            folder=self.folder,
            expected=(expected,),
        )

    def tap(self, name: str, *, streams: Iterable[str], state: str | None = None) -> None:
        """One run of the tap's console script, from where an earlier one ended."""
        words: list[object] = ["--config", self._write("tap.json", self._config())]
        words += ["--catalog", self._write("catalog.json", _catalog(set(streams)))]
        if state is not None:
            messages = map(json.loads, (self.folder / f"{state}.jsonl").read_text().splitlines())
            last = [each["value"] for each in messages if each["type"] == "STATE"][-1]
            words += ["--state", self._write("state.json", last)]
        output = self.folder / f"tap-{name}.jsonl"
        run(SCRIPTS / "tap-reply-tasks", *words, output=output, folder=self.folder)

    def _config(self) -> Row:
        return {
            "api_url": self.api_url,
            "api_dialect": "preview",
            "api_key": KEY,
            "ledger_url": f"sqlite:///{self.folder / 'ledger.db'}",
            "requests_per_minute": None,
            "requests_per_hour": None,
            "keep_repeats": True,
            "executions_without_approval": len(_SENT),
        }

    def _write(self, name: str, *documents: Row) -> Path:
        path = self.folder / name
        path.write_text("".join(f"{json.dumps(each)}\n" for each in documents))
        return path


def _catalog(selected: set[str]) -> Row:
    discovered = TapReplyTasks(config={}, validate_config=False).catalog_dict
    catalog: Row = json.loads(json.dumps(discovered))
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            if not entry["breadcrumb"]:
                entry["metadata"]["selected"] = stream["tap_stream_id"] in selected
    return catalog
