"""A valid record as the ledger keeps it: canonical, and readable as a record again."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from reply_tasks.contract.outcomes import Operation
from reply_tasks.contract.records import TaskRecord

#: Members of the kept record that are not members of its body.
BESIDE_THE_BODY = frozenset({"id", "actAsUserId", "externalId"})


def kept_record(record: TaskRecord) -> dict[str, Any]:
    """What the ledger keeps of a valid record."""
    kept: dict[str, Any] = {} if record.task_id is None else {"id": record.task_id}
    if record.external_id is not None:
        kept["externalId"] = record.external_id
    if record.act_as_user_id is not None:
        kept["actAsUserId"] = record.act_as_user_id
    kept.update(record.body)
    return kept


def kept_body(kept: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a kept record."""
    return {name: value for name, value in kept.items() if name not in BESIDE_THE_BODY}


def read_kept_record(operation: Operation, kept: Mapping[str, Any]) -> TaskRecord:
    """The record that ``kept_record`` kept."""
    return TaskRecord(
        operation=operation,
        task_id=kept.get("id"),
        body=kept_body(kept),
        act_as_user_id=kept.get("actAsUserId"),
        external_id=kept.get("externalId"),
    )


def digest_of(kept: Mapping[str, Any]) -> str:
    """What an approval binds to: SHA-256 of exactly what an execution would send, and to whom.

    That is the task, the acting user and the body; not the CRM's own key, which is never sent.
    """
    sent = {name: value for name, value in kept.items() if name != "externalId"}
    text = json.dumps(sent, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


#: Deeper than this, and longer than so many digits, is not a record that anybody could mend.
_DEEPEST = 50
_MOST_DIGITS = 100
_LARGEST = 2**63 - 1


def kept_as_it_came(raw: object, depth: int = 0) -> Any:  # noqa: ANN401 - any JSON
    """Any value as it came, as far as a database's JSON can say it.

    A number that no database holds becomes text, and so does what lies too deep.
    """
    if raw is None or isinstance(raw, bool | str):
        return raw
    if isinstance(raw, int | float | Decimal):
        return _kept_number(Decimal(repr(raw)) if isinstance(raw, float) else Decimal(raw))
    if depth < _DEEPEST:
        if isinstance(raw, Mapping):
            return {str(key): kept_as_it_came(value, depth + 1) for key, value in raw.items()}
        if isinstance(raw, list | tuple):
            return [kept_as_it_came(value, depth + 1) for value in raw]
    return raw.isoformat() if isinstance(raw, date) else f"({type(raw).__name__}, left out)"


def nests_too_deep(value: object) -> bool:
    """Whether ``kept_as_it_came`` would leave something out of it for its depth."""
    level: list[object] = [value]
    for _ in range(_DEEPEST):
        level = [inner for outer in level for inner in _inside(outer)]
    return any(isinstance(each, Mapping | list | tuple) for each in level)


def _inside(value: object) -> Iterable[object]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list | tuple) else ()


def _kept_number(number: Decimal) -> int | float | str:
    if number.is_finite() and abs(number.adjusted()) <= _MOST_DIGITS:
        if number == number.to_integral_value() and abs(number) <= _LARGEST:
            return int(number)
        near = float(number)
        if Decimal(repr(near)) == number:
            return near
    return _text_of_number(number)


def _text_of_number(number: Decimal) -> str:
    """Its digits; of too many, how many there are."""
    text = str(number)
    return text if len(text) <= _MOST_DIGITS else f"(a number of {len(text)} characters, left out)"
