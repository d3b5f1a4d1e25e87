"""What must follow from each fault, written out by hand: the tests and docs/guarantees.md read it.

Nothing here is computed from the code that it judges.
"""

from dataclasses import dataclass
from typing import Any

from reply_tasks.contract.enums import TaskStatus
from reply_tasks.contract.outcomes import Outcome, Reason
from reply_tasks.sandbox import Endpoint, FaultKind, TaskMembers, When

PUT, POST, GET = Endpoint.UPDATE, Endpoint.EXECUTE, Endpoint.GET
METHODS = {PUT: "PUT", POST: "POST", GET: "GET"}

#: The faults of the matrix; after each of them the caller can't know whether its call took effect.
FAULTS = {
    FaultKind.DROP: "the connection is closed without an answer",
    FaultKind.STALL: "no answer comes within `request_timeout`",
    FaultKind.SERVER_ERROR: "500",
    FaultKind.UNAVAILABLE: "503",
    FaultKind.GARBAGE: "200 with a body that can't be read",
}
#: More of the same sort, which must not differ.
MORE_FAULTS = {
    FaultKind.RESET: "the connection is reset",
    FaultKind.TRUNCATE: "the connection is closed in the middle of the answer",
    FaultKind.EMPTY: "200 without a body",
    FaultKind.BAD_GATEWAY: "502",
    FaultKind.GATEWAY_TIMEOUT: "504",
}

REPLACE: dict[str, Any] = {"update_mode": "replace"}
MERGE: dict[str, Any] = {"update_mode": "merge"}
VERIFY: dict[str, Any] = {"on_lost_answer": "verify"}
HOLD: dict[str, Any] = {"on_lost_answer": "hold"}
#: The kinds of run in the matrix: what a row's settings are called.
GROUPS = {
    "update": REPLACE,
    "merge": MERGE,
    "execute, verify": VERIFY,
    "execute, hold": HOLD,
}


@dataclass(frozen=True, slots=True)
class Strike:
    """One call that goes wrong; where kind or moment is None, the row's fault decides it."""

    endpoint: Endpoint
    nth: int = 1
    kind: FaultKind | None = None
    when: When | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the fault matrix, for every fault.

    Attributes:
        group: Operation and setting: a key of ``GROUPS``.
        place: The call that goes wrong, in words.
        when: Whether the call had taken effect by then.
        strikes: The same for the sandbox.
        calls: Every call of the task that reaches Reply, in order.
        effects: How often Reply applied the update, or sent the message.
        outcome: How the record ends.
        read_back: Whether a read-back is the evidence.
    """

    group: str
    place: str
    when: When
    strikes: tuple[Strike, ...]
    calls: str
    effects: int
    outcome: Outcome
    read_back: bool = False

    @property
    def executes(self) -> bool:
        """Whether it is about an execution."""
        return self.group.startswith("execute")


BEFORE, AFTER = When.BEFORE, When.AFTER
APPLIED, UNCERTAIN, REJECTED = Outcome.APPLIED, Outcome.UNCERTAIN, Outcome.REJECTED
LOST = Strike(POST, kind=FaultKind.DROP, when=BEFORE)
LOST_AFTER = Strike(POST, kind=FaultKind.DROP, when=AFTER)
#: Answers that confirm nothing, or refuse nothing for certain.
HOLLOW, REDIRECT, TIMED_OUT = FaultKind.HOLLOW, FaultKind.REDIRECT, FaultKind.REQUEST_TIMEOUT

ROWS = (
    Row("update", "first PUT", BEFORE, (Strike(PUT),), "PUT PUT", 1, APPLIED),
    Row("update", "first PUT", AFTER, (Strike(PUT),), "PUT PUT", 2, APPLIED),
    Row("update", "both first PUTs", BEFORE, (Strike(PUT), Strike(PUT, 2)), "PUT PUT PUT", 1,
        APPLIED),
    Row("update", "both first PUTs", AFTER, (Strike(PUT), Strike(PUT, 2)), "PUT PUT PUT", 3,
        APPLIED),
    Row("merge", "first GET", BEFORE, (Strike(GET),), "GET GET PUT", 1, APPLIED),
    Row("merge", "first GET", AFTER, (Strike(GET),), "GET GET PUT", 1, APPLIED),
    Row("merge", "first PUT", BEFORE, (Strike(PUT),), "GET PUT PUT", 1, APPLIED),
    Row("merge", "first PUT", AFTER, (Strike(PUT),), "GET PUT PUT", 2, APPLIED),
    Row("execute, verify", "first POST", BEFORE, (Strike(POST),), "POST GET POST", 1, APPLIED),
    Row("execute, verify", "first POST", AFTER, (Strike(POST),), "POST GET", 1, APPLIED,
        read_back=True),
    Row("execute, verify", "second POST, the first dropped before its effect", BEFORE,
        (LOST, Strike(POST, 2)), "POST GET POST GET POST", 1, APPLIED),
    Row("execute, verify", "second POST, the first dropped before its effect", AFTER,
        (LOST, Strike(POST, 2)), "POST GET POST GET", 1, APPLIED, read_back=True),
    Row("execute, verify", "read-back, the POST dropped", BEFORE,
        (LOST, Strike(GET)), "POST GET GET POST", 1, APPLIED),
    Row("execute, verify", "read-back, the POST dropped", AFTER,
        (LOST_AFTER, Strike(GET)), "POST GET GET", 1, APPLIED, read_back=True),
    Row("execute, hold", "first POST", BEFORE, (Strike(POST),), "POST GET", 0, UNCERTAIN),
    Row("execute, hold", "first POST", AFTER, (Strike(POST),), "POST GET", 1, APPLIED,
        read_back=True),
    Row("execute, hold", "read-back, the POST dropped", BEFORE,
        (LOST, Strike(GET)), "POST GET GET", 0, UNCERTAIN),
    Row("execute, hold", "read-back, the POST dropped", AFTER,
        (LOST_AFTER, Strike(GET)), "POST GET GET", 1, APPLIED, read_back=True),
)  # fmt: skip


#: Rows of one fault each, which the place names: the answer is read and says too little.
HALF_ANSWERS = (
    Row("execute, verify", "hollow 200 to the first POST: its task is still New", BEFORE,
        (Strike(POST, kind=HOLLOW),), "POST GET POST", 1, APPLIED),
    Row("execute, verify", "hollow 200 to the first POST: its task is still New", AFTER,
        (Strike(POST, kind=HOLLOW),), "POST GET", 1, APPLIED, read_back=True),
    Row("execute, hold", "hollow 200 to the first POST: its task is still New", BEFORE,
        (Strike(POST, kind=HOLLOW),), "POST GET", 0, UNCERTAIN),
    Row("execute, hold", "hollow 200 to the first POST: its task is still New", AFTER,
        (Strike(POST, kind=HOLLOW),), "POST GET", 1, APPLIED, read_back=True),
    Row("execute, verify", "408 to the first POST", BEFORE,
        (Strike(POST, kind=TIMED_OUT),), "POST GET POST", 1, APPLIED),
    Row("execute, verify", "408 to the first POST", AFTER,
        (Strike(POST, kind=TIMED_OUT),), "POST GET", 1, APPLIED, read_back=True),
    Row("update", "408 to the first PUT", BEFORE, (Strike(PUT, kind=TIMED_OUT),), "PUT PUT", 1,
        APPLIED),
    Row("update", "408 to the first PUT", AFTER, (Strike(PUT, kind=TIMED_OUT),), "PUT PUT", 2,
        APPLIED),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Forever:
    """A call that goes wrong each time it is made, with ``max_retries`` 2.

    Attributes:
        settled: The record's outcome; None if the run stops with exit code 1 and no STATE leaves.
        claim: Whether a claim stays behind for the next run to settle, since a call that changes
            something may have reached Reply.
    """

    group: str
    place: str
    when: When
    endpoint: Endpoint
    calls: str
    effects: int
    settled: Outcome | None
    claim: bool
    strikes: tuple[Strike, ...] = ()


FOREVER = (
    Forever("update", "every PUT", BEFORE, PUT, "PUT PUT PUT", 0, None, claim=True),
    Forever("update", "every PUT", AFTER, PUT, "PUT PUT PUT", 3, None, claim=True),
    Forever("merge", "every GET", BEFORE, GET, "GET GET GET", 0, None, claim=False),
    Forever("merge", "every PUT", BEFORE, PUT, "GET PUT PUT PUT", 0, None, claim=True),
    Forever("execute, verify", "every POST", BEFORE, POST, "POST GET POST GET POST GET", 0,
            UNCERTAIN, claim=False),
    Forever("execute, verify", "every read-back, the POST dropped", BEFORE, GET,
            "POST GET GET GET", 0, None, claim=True, strikes=(LOST,)),
    Forever("execute, verify", "every read-back, the POST dropped", AFTER, GET,
            "POST GET GET GET", 1, None, claim=True, strikes=(LOST_AFTER,)),
    Forever("execute, hold", "every read-back, the POST dropped", BEFORE, GET,
            "POST GET GET GET", 0, None, claim=True, strikes=(LOST,)),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Found:
    """What a read-back may find after a lost answer, and what follows.

    Attributes:
        what: The task, in words.
        members: The task as it is when the execution is sent.
        when: Whether the lost execution reached Reply.
        seconds_ago: When the task was finished, if it was.
    """

    what: str
    members: TaskMembers
    when: When
    effects: int
    outcome: Outcome
    reason: Reason | None = None
    seconds_ago: int | None = None


FINISHED: TaskMembers = {"status": TaskStatus.FINISHED}
FOUND = (
    Found("Finished since the claim", {}, AFTER, 1, APPLIED),
    Found("Finished since the claim, with `isFailed`", {"fails_delivery": True}, AFTER, 0, REJECTED,
          Reason.EXECUTION_FAILED),
    Found("Finished up to a minute before the claim (clocks differ)", FINISHED, BEFORE, 0, APPLIED,
          seconds_ago=30),
    Found("Finished earlier than that", FINISHED, BEFORE, 0, REJECTED, Reason.TASK_NOT_NEW,
          seconds_ago=3600),
    Found("Cancelled", {"status": TaskStatus.CANCELLED}, BEFORE, 0, REJECTED, Reason.TASK_NOT_NEW),
    Found("Archived", {"status": TaskStatus.ARCHIVED}, BEFORE, 0, REJECTED, Reason.TASK_NOT_NEW),
    Found("gone, or hidden from this user", {"hidden": True}, BEFORE, 0, UNCERTAIN),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Certain:
    """An answer after which it is certain whether the call took effect.

    Attributes:
        answer: In words.
        calls: Every call of the task that reaches Reply, for an execution.
        effects: How often the message is sent.
    """

    name: str
    answer: str
    calls: str
    effects: int
    outcome: Outcome
    reason: Reason | None = None


CERTAIN = (
    Certain("429", "429 with `Retry-After`", "POST POST", 1, APPLIED),
    Certain("refused", "the connection is refused", "POST", 1, APPLIED),
    Certain("404", "404", "POST", 0, REJECTED, Reason.TASK_NOT_FOUND),
    Certain("409 status", "409, the task is not New", "POST", 0, REJECTED, Reason.TASK_NOT_NEW),
    Certain("409 render", "409, the content can't be rendered", "POST", 0, REJECTED,
            Reason.RENDER_ERROR),
    Certain("400 type", "400, the task's type can't be executed", "POST", 0, REJECTED,
            Reason.NOT_EXECUTABLE),
    Certain("failed", "200 with `isFailed`", "POST", 0, REJECTED, Reason.EXECUTION_FAILED),
)  # fmt: skip
