"""What the demo plays: tasks in Reply, records from a CRM, faults, and what must come of each."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from reply_tasks.contract.outcomes import Outcome, Reason


@dataclass(frozen=True, slots=True)
class Note:
    """What one record shows, and how it must end the first time that it is read.

    ``then`` tells of the later records of the same key: each is applied.
    """

    text: str
    outcome: Outcome
    reason: Reason | None
    then: tuple[str, ...] = ()


def example_text(name: str) -> str:
    """An example file as it is."""
    return files(__name__).joinpath(name).read_text(encoding="utf-8")


def example_json(name: str) -> Any:  # noqa: ANN401 - JSON
    """An example file's JSON document."""
    return json.loads(example_text(name))


def record_count(name: str) -> int:
    """How many records a Singer file holds."""
    messages = map(json.loads, example_text(name).splitlines())
    return sum(message["type"] == "RECORD" for message in messages)


def notes() -> Mapping[str, Note]:
    """The note on each record, by its external id."""
    return {
        key: Note(
            note["note"],
            Outcome(note["outcome"]),
            _reason(note.get("reason")),
            tuple(note.get("then", ())),
        )
        for key, note in example_json("notes.json").items()
    }


def _reason(name: str | None) -> Reason | None:
    return None if name is None else Reason(name)
