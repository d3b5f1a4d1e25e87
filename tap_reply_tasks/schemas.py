"""The columns of the streams. What a task looks like comes from the contract alone."""

from collections.abc import Iterable
from typing import Any

from reply_tasks.contract.detail import detail_schema
from reply_tasks.contract.outcomes import Operation, Outcome, Reason
from reply_tasks.ledger.links import LinkSource

#: A JSON Schema, or a part of one.
Schema = dict[str, Any]

#: What a task of the list endpoints has; the rest only a single read tells.
_LISTED = (
    "id",
    "taskType",
    "taskTypeName",
    "status",
    "statusName",
    "linkedInTaskType",
    "linkedInTaskTypeName",
    "assignedUserId",
    "contactId",
    "startAt",
    "dueTo",
    "finishedAt",
    "isScheduled",
    "sequenceId",
    "sequenceStepId",
)


def task_details() -> Schema:
    """The TaskDetail that an operation returned, and which operation it was."""
    detail = task_snapshots()
    return detail | {
        "title": "task_details",
        "description": "Tasks as Reply returned them when a record was applied, latest last.",
        "required": [*detail["required"], "operationId", "sequence"],
        "properties": {
            **detail["properties"],
            "operation": _text(f"What was applied: {_or(Operation)}."),
            "operationId": _text("The operation, as in task_operations.", nullable=False),
            "appliedAt": _moment("When Reply's answer was recorded.", nullable=False),
            "sequence": _integer(_SEQUENCE, nullable=False),
        },
    }


def task_operations() -> Schema:
    """The fate of one record."""
    return _object(
        "task_operations",
        "Every record that reached its end, with its one outcome.",
        operationId=_text("The operation: 32 hex digits.", nullable=False),
        sequence=_integer(_SEQUENCE, nullable=False),
        runId=_text("The run that read the record, as in runs.", nullable=False),
        stream=_text("The stream it came in, after stream maps.", nullable=False),
        operation=_text(f"What it asked for: {_or(Operation)}; null if it could not be read."),
        taskId=_integer(
            "The task; null if it could not be read or is not known: of a creation that made none, "
            "and of a record whose externalId is linked to none."
        ),
        externalId=_text("The record's own key in the system that it came from."),
        actAsUserId=_integer("The Reply user that it named to act as."),
        outcome=_text(f"How it ended: {_or(Outcome)}.", nullable=False),
        reason=_text(f"Why it was rejected: {_or(Reason)}."),
        detail=_text("One sentence for a person."),
        problem=_text("The problem document that Reply sent, as JSON text."),
        httpStatus=_integer("Status of the answer that decided; null if no call was made."),
        attempts=_text(
            "The calls made for it, as JSON text: an array of objects with at, call, status, "
            "error and seconds; of a call for many tasks also tasks, how many, and counted, "
            "whether it is in apiCalls."
        ),
        apiCalls=_integer(
            "How many calls were made for it. One for many tasks counts once, with the first of "
            "them, so that a sum is the number of calls.",
            nullable=False,
        ),
        bodyHash=_text("SHA-256 of the body; equal bodies have equal hashes."),
        receivedAt=_moment("When it was read.", nullable=False),
        claimedAt=_moment("When its intent was committed, before a call; null if none was needed."),
        settledAt=_moment("When its outcome was committed.", nullable=False),
        approvedBy=_text("Who approved this execution, or declined it (`not_approved`)."),
        approvedAt=_moment("When they did; null where nobody was asked."),
    )


def task_links() -> Schema:
    """Which task one of the CRM's keys stands for."""
    return _object(
        "task_links",
        "Which task each key of the CRM stands for, again when it changes.",
        externalId=_text("The CRM's own key.", nullable=False),
        taskId=_integer(
            "The task; of an ambiguous link the one that was named first.", nullable=False
        ),
        source=_text(f"Where the link comes from: {_or(LinkSource)}.", nullable=False),
        ambiguous={
            "description": "Whether records disagree on it, so that it stands for nothing.",
            "type": "boolean",
        },
        linkedAt=_moment("When it was made.", nullable=False),
        operationId=_text("The operation that made it; null of one that was imported."),
        sequence=_integer(_SEQUENCE_OF_A_LINK, nullable=False),
    )


def runs() -> Schema:
    """What one run of the target did."""
    counts = {
        str(outcome): _integer(f"Records that ended {outcome}.", nullable=False)
        for outcome in Outcome
    }
    return _object(
        "runs",
        "Every run of the target that has ended.",
        runId=_text("The run: 32 hex digits.", nullable=False),
        sequence=_integer(_SEQUENCE, nullable=False),
        startedAt=_moment("When it started.", nullable=False),
        endedAt=_moment("When it ended, or was found dead.", nullable=False),
        exitCode=_integer("Its exit code; null if it crashed."),
        crashed={
            "description": "Whether it died without an end, and a later run closed it.",
            "type": "boolean",
        },
        **counts,
        repeated=_integer(
            "How many of all these only repeated what the ledger had answered: no row each.",
            nullable=False,
        ),
        apiCalls=_integer("How many calls it made.", nullable=False),
        quotaWaitSeconds={
            "description": "Seconds that it waited for the quota.",
            "type": "number",
        },
    )


def tasks() -> Schema:
    """A task as the list endpoints tell it."""
    detail = detail_schema()
    return detail | {
        "title": "tasks",
        "description": "Tasks as Reply lists them, without their texts.",
        "properties": {
            **{name: detail["properties"][name] for name in _LISTED},
            "contactFullName": _text("The contact's name."),
        },
    }


def task_snapshots() -> Schema:
    """A task as a single read tells it."""
    return detail_schema() | {
        "title": "task_snapshots",
        "description": "Tasks as Reply returns them one by one.",
    }


def users() -> Schema:
    """A user of the team, or of the organization's teams."""
    return _object(
        "users",
        "The Reply users, each with the first team that Reply names them in.",
        userId=_integer("The user.", nullable=False),
        userName=_text("The user's name."),
        userEmail=_text("The address that assignedUserEmail of a record means."),
        teamId=_integer("The user's team."),
        teamName=_text("That team's name."),
    )


def email_accounts() -> Schema:
    """A mailbox that Reply sends from."""
    return _object(
        "email_accounts",
        "The mailboxes that Reply sends from: what an emailAccountId stands for.",
        id=_integer("The mailbox.", nullable=False),
        email=_text("Its address, which emailAccount of a record means."),
        ownerUserId=_integer("The Reply user whose it is."),
        senderName=_text("The name that mails from it bear."),
        emailAccountType=_text("Who runs it: custom, gmail, outlook, exchange, exchangeOnPremise."),
        isDefault={
            "description": "Whether its owner sends from it unless told otherwise.",
            "type": ["boolean", "null"],
        },
        dailyLimit=_integer("How many mails a day it may send."),
        connectionStatus=_text("Whether Reply reaches it: connected, disconnected, unknown."),
        tags=_text("Its tags, as JSON text: an array of strings."),
    )


_SEQUENCE_OF_A_LINK = (
    "Its number, given anew when the link changes: strictly increasing, never reused."
)
_SEQUENCE = "Its number, given when it was committed: strictly increasing, never reused."


def _or(words: Iterable[str]) -> str:
    return ", ".join(words)


def _object(title: str, description: str, **columns: Schema) -> Schema:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "description": description,
        "type": "object",
        "required": [name for name, column in columns.items() if "null" not in column["type"]],
        "properties": columns,
    }


def _text(description: str, *, nullable: bool = True) -> Schema:
    return {"description": description, "type": ["string", "null"] if nullable else "string"}


def _integer(description: str, *, nullable: bool = True) -> Schema:
    return {"description": description, "type": ["integer", "null"] if nullable else "integer"}


def _moment(description: str, *, nullable: bool = True) -> Schema:
    return _text(f"{description} UTC.", nullable=nullable) | {"format": "date-time"}
