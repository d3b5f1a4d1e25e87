"""Canonical records against their schema.

jsonschema is the judge: what it says is what counts. It is slow, so a screen that is made from the
same schema lets pass what is surely valid, and the judge sees only the rest. Both are imported when
a record is judged: a command that reads the ledger needs neither.
"""

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any

from reply_tasks.contract.date_times import is_canonical_date_time
from reply_tasks.contract.outcomes import Operation
from reply_tasks.contract.records import Body, Violation
from reply_tasks.contract.rules import (
    broken_rules,
    broken_rules_of_assignment,
    broken_rules_of_creation,
)
from reply_tasks.contract.schemas import schema
from reply_tasks.contract.values import found_at, json_type

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import ValidationError

    from reply_tasks.contract.screen import Screen


#: What is said of a record that names no task.
NO_KEY = "id is required, or an externalId that is linked to a task."


class Form(StrEnum):
    """What is validated. Each is derived from a schema file."""

    UPDATE = "an update's record that replaces"
    MERGE = "an update's record that is laid over the task: nothing but its key is required"
    UPDATE_BODY = "the body of an update, without the record's own members"
    EXECUTION = "an execution's record"
    CREATION = "a creation's record"
    COMPLETION = "a completion's record"
    ASSIGNMENT = "an assignment's record"
    DELETION = "a deletion's record"


_FORMS = {
    Operation.EXECUTE: Form.EXECUTION,
    Operation.CREATE: Form.CREATION,
    Operation.COMPLETE: Form.COMPLETION,
    Operation.ASSIGN: Form.ASSIGNMENT,
    Operation.DELETE: Form.DELETION,
}


def form_of(operation: Operation, *, merging: bool = False) -> Form:
    """The form of an operation's records."""
    return _FORMS.get(operation, Form.MERGE if merging else Form.UPDATE)


_SCHEMAS = {
    Form.EXECUTION: "task_execution",
    Form.CREATION: "task_creation",
    Form.COMPLETION: "task_completion",
    Form.ASSIGNMENT: "task_assignment",
    Form.DELETION: "task_deletion",
}


@cache
def form_schema(form: Form) -> dict[str, Any]:
    """The JSON Schema of ``form``."""
    derived = schema(_SCHEMAS.get(form, "task_update"))
    if form is Form.MERGE:
        del derived["required"]
        del derived["properties"]["template"]["required"]
    elif form is Form.UPDATE_BODY:
        del derived["anyOf"]
    return derived


def violations(form: Form, members: dict[str, Any]) -> tuple[Violation, ...]:
    """Everything that is wrong with canonical ``members``, rules between members included."""
    found = () if passes_screen(form, members) else judge(form, members)
    return (*found, *violations_of_rules(form, members))


def violations_of_rules(form: Form, members: Body) -> tuple[Violation, ...]:
    """What is wrong between the members of what matches its schema."""
    broken = broken_rules(members)
    if form in _RULES:
        broken += _RULES[form](members)
    return tuple(broken)


_RULES: Mapping[Form, Callable[[Body], Iterator[Violation]]] = {
    Form.CREATION: broken_rules_of_creation,
    Form.ASSIGNMENT: broken_rules_of_assignment,
}


def violations_of_update(body: Body) -> tuple[Violation, ...]:
    """Everything that is wrong with the full body of an update, e.g. one that was merged."""
    return violations(Form.UPDATE_BODY, dict(body))


def violations_of_creation(body: Body) -> tuple[Violation, ...]:
    """Everything that is wrong with a body of which a task is to be created."""
    return violations(Form.CREATION, dict(body))


def passes_screen(form: Form, members: object) -> bool:
    """Whether the screen lets ``members`` pass: then they are valid."""
    return _screen(form)(members)


def judge(form: Form, members: object) -> tuple[Violation, ...]:
    """What jsonschema finds wrong with ``members``, ordered by pointer.

    Of a member that has the wrong type, nothing else is said.
    """
    errors = _validator(form).iter_errors(members)
    found = {violation for error in errors for violation in _violations_of(error)}
    mistyped = {violation.pointer for violation in found if violation.rule == "type"}
    telling = (v for v in found if v.rule == "type" or v.pointer not in mistyped)
    return tuple(sorted(telling, key=lambda violation: (violation.pointer, violation.rule)))


@cache
def _screen(form: Form) -> "Screen":
    from reply_tasks.contract.screen import screen_of  # noqa: PLC0415 - as said above

    return screen_of(form_schema(form), formats={"date-time": is_canonical_date_time})


@cache
def _validator(form: Form) -> "Draft202012Validator":
    from jsonschema import Draft202012Validator, FormatChecker  # noqa: PLC0415 - as said above

    formats = FormatChecker(formats=())
    formats.checks("date-time")(is_canonical_date_time)
    return Draft202012Validator(form_schema(form), format_checker=formats)


def _violations_of(error: "ValidationError") -> Iterator[Violation]:
    path = [str(part) for part in error.absolute_path]
    value: Any = error.instance
    required: Any = error.validator_value
    if error.validator == "anyOf":
        yield Violation("/id", "required", "missing", NO_KEY)
        return
    if error.validator == "required":
        for name in required:
            if name not in value:
                yield _violation([*path, name], "required", "missing", "is required")
        return
    kind = json_type(value)
    if "then" in error.absolute_schema_path:
        rule = "linkedInTaskType_only_linkedIn"
        yield _violation(path, rule, kind, "is only for LinkedIn tasks (taskType 5)")
        return
    rule = str(error.validator)
    if value is None and rule == "type":
        yield _violation(path, rule, kind, "is required; it is null")
        return
    found = found_at("/" + "/".join(path), value)
    yield _violation(path, rule, kind, f"must {_NEEDS[rule](error.validator_value)}; it is {found}")


def _either(choices: object) -> str:
    listed = choices if isinstance(choices, list) else [choices]
    return " or ".join("null" if choice is None else str(choice) for choice in listed)


_NEEDS: Mapping[str, Callable[[object], str]] = {
    "type": lambda kinds: f"be of type {_either(kinds)}",
    "enum": lambda choices: f"be {_either(choices)}",
    "minimum": lambda limit: f"be at least {limit}",
    "maximum": lambda limit: f"be at most {limit}",
    "maxLength": lambda limit: f"have at most {limit} characters",
    "pattern": lambda _: "hold more than whitespace",
    "format": lambda _: "be a date-time in UTC, e.g. 2026-09-01T22:00:00Z",
}


def _violation(path: list[str], rule: str, kind: str, finding: str) -> Violation:
    name = ".".join(path) or "The record"
    return Violation("".join(f"/{part}" for part in path), rule, kind, f"{name} {finding}.")
