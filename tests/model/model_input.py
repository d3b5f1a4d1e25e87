"""What the model asks for: records, and what others do to a task."""

from dataclasses import dataclass
from enum import StrEnum, auto

from hypothesis import strategies as st
from messages import BODY, Message, record

TASKS = tuple(range(1, 8))


@dataclass(frozen=True)
class Ask:
    """One record: an update to a body, an execution under a key, or nonsense."""

    kind: str
    task_id: int
    value: str

    @property
    def key(self) -> str:
        """Its external id, by which its row is found."""
        return f"{self.kind} {self.task_id} {self.value}"

    def message(self, *, whole: bool) -> Message:
        """The record; an update as a whole body, or as the one member that it changes."""
        named = {"id": self.task_id, "externalId": self.key}
        if self.kind == "execute":
            return record("task_executions", named)
        template = {"body": self.value, "subject": "S"}
        if self.kind == "bad":
            return record("task_updates", {**named, "startAt": self.value, "template": template})
        if whole:
            return record("task_updates", {**BODY, **named, "taskType": 7, "template": template})
        return record("task_updates", {**named, "template": {"body": self.value}})


asks = st.builds(
    Ask,
    st.sampled_from(["update", "execute"]),
    st.sampled_from(TASKS),
    st.sampled_from("AB"),
) | st.just(Ask("bad", 1, "soon"))
inputs = st.lists(asks, min_size=1, max_size=6)
modes = st.sampled_from(["replace", "replace", "merge"])
tasks = st.sampled_from(TASKS)
executions = st.lists(
    st.builds(Ask, st.just("execute"), tasks, st.just("A")), min_size=1, max_size=4
)
#: Where a death leaves it open whether an execution happened.
IN_AN_EXECUTION = ("after the claim", "after an execution's send", "after the answer")


class Deed(StrEnum):
    """What another client does to a task."""

    EDIT = auto()
    CANCEL = auto()
    FINISH = auto()
    REOPEN = auto()
