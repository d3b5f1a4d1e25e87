"""The stream of links: each of the CRM's keys with its task, once, and again when it changes."""

from pathlib import Path

import pytest
from tap_ledger import LedgerWriter, applied, moment, rejected, sqlite_url, unchanged
from tap_world import emit

from reply_tasks.contract.outcomes import Operation, Outcome
from reply_tasks.ledger import Settlement
from reply_tasks.ledger.links import import_links


def _about(settlement: Settlement, task_id: int | None, key: str) -> Settlement:
    """The same of another task, under a key."""
    return settlement._replace(
        entry=settlement.entry._replace(task_id=task_id, external_id=key),
    )


def test_a_link_is_emitted_with_where_it_comes_from(ledger_url: str) -> None:
    """One of a record, one of a creation, one that a person brought."""
    told = applied(1)
    made = _about(applied(5, Operation.CREATE), None, "crm-new")._replace(created=5)
    with LedgerWriter.open(ledger_url) as writer:
        writer.settle(told, made)
        with writer.ledger.write() as connection:
            assert not import_links(connection, {"crm-old": 9}).conflicts
    records = emit({"ledger_url": ledger_url}).records["task_links"]
    moments = [record.pop("linkedAt") for record in records]
    assert all(each.endswith("Z") for each in moments)
    assert records == [
        {
            "externalId": key,
            "taskId": task_id,
            "source": source,
            "ambiguous": False,
            "operationId": operation_id,
            "sequence": number,
        }
        for number, (key, task_id, source, operation_id) in enumerate(
            [
                ("crm-1", 1, "record", told.entry.operation_id),
                ("crm-new", 5, "created", made.entry.operation_id),
                ("crm-old", 9, "imported", None),
            ],
            start=1,
        )
    ]


def test_a_link_that_changes_is_emitted_again(ledger_url: str) -> None:
    """It gets a new number, so that a run that goes on from the last one finds it, and no other."""
    config = {"ledger_url": ledger_url}
    with LedgerWriter.open(ledger_url) as writer:
        writer.settle(applied(1), applied(2), rejected(3))
        first = emit(config, "task_links")
        assert emit(config, "task_links", state=first.state).records["task_links"] == []
        writer.settle(_about(unchanged(7), 7, "crm-1"))
    [changed] = emit(config, "task_links", state=first.state).records["task_links"]
    assert first.ids("task_links") == [1, 2]
    assert (changed["externalId"], changed["taskId"]) == ("crm-1", 1)
    assert (changed["ambiguous"], changed["sequence"]) == (True, 3)


@pytest.mark.parametrize("outcome", [Outcome.REJECTED, Outcome.UNCERTAIN])
def test_a_creation_that_made_nothing_has_no_task(ledger_url: str, outcome: Outcome) -> None:
    """Its row says which record it was; what the ledger calls it in the meantime is not emitted."""
    failed = _about(rejected(None, Operation.CREATE), -77, "crm-9")
    failed = failed._replace(outcome=outcome, reason=None, settled_at=moment(3))
    with LedgerWriter.open(ledger_url) as writer:
        writer.settle(failed)
    output = emit({"ledger_url": ledger_url})
    [row] = output.records["task_operations"]
    assert (row["operation"], row["externalId"], row["taskId"]) == ("create", "crm-9", None)
    assert dict(output.records).keys() == {"task_operations"}


def test_a_creation_and_a_deletion_are_operations_like_others(tmp_path: Path) -> None:
    """A creation brings its task; a deletion brings none: task_operations says that it is gone."""
    made = _about(applied(5, Operation.CREATE), 5, "crm-5")
    gone = _about(applied(5, Operation.DELETE), 5, "crm-5")._replace(task_detail=None)
    with LedgerWriter.open(sqlite_url(tmp_path)) as writer:
        writer.settle(made, gone)
    output = emit({"ledger_url": sqlite_url(tmp_path)})
    [detail] = output.records["task_details"]
    assert (detail["id"], detail["operation"]) == (5, "create")
    rows = output.records["task_operations"]
    assert [(row["operation"], row["taskId"], row["outcome"]) for row in rows] == [
        ("create", 5, "applied"),
        ("delete", 5, "applied"),
    ]
