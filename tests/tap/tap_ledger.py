"""What the tests of the tap write into a ledger, as the target would."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import entries

from reply_tasks.contract.outcomes import Operation, Outcome, Reason
from reply_tasks.ledger import Attempt, Entry, Ledger, RunTotals, Settlement, new_id
from reply_tasks.ledger.claims import claim
from reply_tasks.ledger.links import learn_links
from reply_tasks.ledger.runs import end_run, start_run
from reply_tasks.ledger.settling import settle

#: A task in the preview's form: integers, offsets, nulls present.
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

DETAIL: dict[str, Any] = {
    "id": 1,
    "contactId": 71,
    "taskType": 5,
    "status": 1,
    "linkedInTaskType": 2,
    "sequenceId": 9,
    "sequenceStepId": 902,
    "sequenceStepDisplayName": "Step 2",
    "assignedUserId": 4,
    "creationSource": 1,
    "createdAt": "2026-01-05T09:24:35.84+02:00",
    "startAt": "2026-03-01T12:00:00+02:00",
    "dueTo": "2026-03-08T12:00:00+00:00",
    "finishedAt": "2026-03-02T12:00:00-05:00",
    "isFailed": False,
    "isScheduled": True,
    "template": {"body": "Hi", "subject": "Hello", "attachmentIdList": [3]},
    "content": {"body": "Hi Ada", "subject": "Hello Ada"},
    "deliveryInfo": {"email": None, "phoneNumber": None, "linkedInUrl": "https://l.example/ada"},
}


def sqlite_url(folder: Path) -> str:
    """The URL of a ledger file in ``folder``, which need not be there yet."""
    return f"sqlite:///{folder / 'ledger.db'}"


class LedgerWriter:
    """Fills a ledger as the target does: through the ledger's own functions."""

    def __init__(self, ledger: Ledger, run_id: str) -> None:
        self.ledger = ledger
        self.run_id = run_id
        self.totals = RunTotals()

    @classmethod
    @contextmanager
    def open(cls, ledger_url: str) -> Iterator[Self]:
        """A writer with a run that has started; it ends when the test says so."""
        with Ledger.open(ledger_url) as ledger:
            writer = cls(ledger, new_id())
            with ledger.write() as connection:
                start_run(connection, writer.run_id)
            yield writer

    def settle(self, *settlements: Settlement) -> list[str]:
        """Settle operations in one transaction; their ids."""
        with self.ledger.write() as connection:
            settle(connection, settlements, holder=self.ledger.holder, run_id=self.run_id)
            learn_links(connection, settlements)
        for settlement in settlements:
            self.totals.count(settlement)
        return [settlement.entry.operation_id for settlement in settlements]

    def claim(self, task_id: int) -> Entry:
        """Claim a task and leave it unsettled."""
        claimed = entry(task_id)
        with self.ledger.write() as connection:
            claim(
                connection, [claimed], holder=self.ledger.holder, run_id=self.run_id, at=moment(1)
            )
        return claimed

    def end(self, exit_code: int = 0) -> str:
        """End the run; its id."""
        with self.ledger.write() as connection:
            end_run(connection, self.run_id, exit_code=exit_code, totals=self.totals)
        return self.run_id


def moment(seconds: float) -> datetime:
    """So many seconds after noon."""
    return NOON + timedelta(seconds=seconds)


def entry(task_id: int | None, operation: Operation | None = Operation.UPDATE) -> Entry:
    """An operation as it was received."""
    return entries.entry(
        task_id,
        operation,
        stream="task_updates",
        external_id=f"crm-{task_id}",
        act_as_user_id=5,
        record={"id": task_id, "template": {"body": "TOP SECRET BODY"}},
        received_at=NOON,
    )


def applied(task_id: int, operation: Operation = Operation.UPDATE, **members: object) -> Settlement:
    """An applied operation with the task that Reply returned."""
    return Settlement(
        entry=entry(task_id, operation),
        outcome=Outcome.APPLIED,
        settled_at=moment(2.5),
        http_status=200,
        attempts=(Attempt(at=moment(1), call="update", status=200, seconds=0.25),),
        task_detail=DETAIL | {"id": task_id} | members,
    )


def rejected(task_id: int | None, operation: Operation | None = Operation.UPDATE) -> Settlement:
    """An operation that Reply refused."""
    return Settlement(
        entry=entry(task_id, operation),
        outcome=Outcome.REJECTED,
        settled_at=moment(3),
        reason=Reason.TASK_NOT_NEW,
        detail="Only tasks with 'New' status can be edited.",
        problem={"title": "Bad Request", "status": 400, "code": "task.unknown"},
        http_status=400,
        attempts=(Attempt(at=moment(1), call="update", status=400, seconds=0.5),),
    )


def unchanged(task_id: int) -> Settlement:
    """An operation that needed no call."""
    return Settlement(entry=entry(task_id), outcome=Outcome.UNCHANGED, settled_at=moment(4))
