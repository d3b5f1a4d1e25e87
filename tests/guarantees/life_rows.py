"""What must follow from each fault of a creation, completion, assignment or deletion, by hand.

As in ``fault_rows``, nothing here is computed from the code that it judges.
"""

from typing import Any

from fault_rows import (
    AFTER,
    APPLIED,
    BEFORE,
    HOLD,
    HOLLOW,
    REJECTED,
    TIMED_OUT,
    UNCERTAIN,
    VERIFY,
    Certain,
    Forever,
    Found,
    Row,
    Strike,
)

from reply_tasks.contract.enums import TaskStatus
from reply_tasks.contract.outcomes import Reason
from reply_tasks.sandbox import EffectKind, Endpoint, FaultKind, TaskMembers

CREATE, COMPLETE, ASSIGN = Endpoint.CREATE, Endpoint.COMPLETE, Endpoint.ASSIGN
DELETE, SEARCH, READ = Endpoint.DELETE, Endpoint.FILTER, Endpoint.GET
#: How the tables call them.
WORDS = {
    CREATE: "CREATE",
    COMPLETE: "COMPLETE",
    ASSIGN: "ASSIGN",
    DELETE: "DELETE",
    SEARCH: "SEARCH",
    READ: "READ",
    Endpoint.LIST: "LIST",
}
#: What each operation does to the world, which is where it is counted.
EFFECTS = {
    "create": EffectKind.CREATED,
    "complete": EffectKind.COMPLETED,
    "assign": EffectKind.ASSIGNED,
    "delete": EffectKind.DELETED,
}
LIFE_GROUPS: dict[str, dict[str, Any]] = {
    "create, verify": VERIFY,
    "create, hold": HOLD,
    "complete, verify": VERIFY,
    "complete, hold": HOLD,
    "assign": VERIFY,
    "delete, verify": VERIFY,
    "delete, hold": HOLD,
}


def _lost(endpoint: Endpoint, when: Any) -> Strike:
    return Strike(endpoint, kind=FaultKind.DROP, when=when)


LIFE_ROWS = (
    Row("create, verify", "first CREATE", BEFORE, (Strike(CREATE),), "CREATE SEARCH CREATE", 1,
        APPLIED),
    Row("create, verify", "first CREATE", AFTER, (Strike(CREATE),), "CREATE SEARCH READ", 1,
        APPLIED, read_back=True),
    Row("create, verify", "second CREATE, the first dropped before its effect", BEFORE,
        (_lost(CREATE, BEFORE), Strike(CREATE, 2)), "CREATE SEARCH CREATE SEARCH CREATE", 1,
        APPLIED),
    Row("create, verify", "second CREATE, the first dropped before its effect", AFTER,
        (_lost(CREATE, BEFORE), Strike(CREATE, 2)), "CREATE SEARCH CREATE SEARCH READ", 1, APPLIED,
        read_back=True),
    Row("create, verify", "search, the CREATE dropped", BEFORE,
        (_lost(CREATE, BEFORE), Strike(SEARCH)), "CREATE SEARCH SEARCH CREATE", 1, APPLIED),
    Row("create, verify", "search, the CREATE dropped", AFTER,
        (_lost(CREATE, AFTER), Strike(SEARCH)), "CREATE SEARCH SEARCH READ", 1, APPLIED,
        read_back=True),
    Row("create, verify", "read of what was found, the CREATE dropped", AFTER,
        (_lost(CREATE, AFTER), Strike(READ)), "CREATE SEARCH READ READ", 1, APPLIED,
        read_back=True),
    Row("create, verify", "search, hollow 200 without a list, the CREATE dropped", AFTER,
        (_lost(CREATE, AFTER), Strike(SEARCH, kind=HOLLOW)), "CREATE SEARCH SEARCH READ", 1,
        APPLIED, read_back=True),
    Row("create, hold", "first CREATE", BEFORE, (Strike(CREATE),), "CREATE SEARCH", 0, UNCERTAIN),
    Row("create, hold", "first CREATE", AFTER, (Strike(CREATE),), "CREATE SEARCH READ", 1, APPLIED,
        read_back=True),
    Row("complete, verify", "first COMPLETE", BEFORE, (Strike(COMPLETE),),
        "COMPLETE READ COMPLETE", 1, APPLIED),
    Row("complete, verify", "first COMPLETE", AFTER, (Strike(COMPLETE),), "COMPLETE READ", 1,
        APPLIED, read_back=True),
    Row("complete, verify", "second COMPLETE, the first dropped before its effect", BEFORE,
        (_lost(COMPLETE, BEFORE), Strike(COMPLETE, 2)), "COMPLETE READ COMPLETE READ COMPLETE", 1,
        APPLIED),
    Row("complete, verify", "second COMPLETE, the first dropped before its effect", AFTER,
        (_lost(COMPLETE, BEFORE), Strike(COMPLETE, 2)), "COMPLETE READ COMPLETE READ", 1, APPLIED,
        read_back=True),
    Row("complete, verify", "read-back, the COMPLETE dropped", BEFORE,
        (_lost(COMPLETE, BEFORE), Strike(READ)), "COMPLETE READ READ COMPLETE", 1, APPLIED),
    Row("complete, verify", "read-back, the COMPLETE dropped", AFTER,
        (_lost(COMPLETE, AFTER), Strike(READ)), "COMPLETE READ READ", 1, APPLIED, read_back=True),
    Row("complete, hold", "first COMPLETE", BEFORE, (Strike(COMPLETE),), "COMPLETE READ", 0,
        UNCERTAIN),
    Row("complete, hold", "first COMPLETE", AFTER, (Strike(COMPLETE),), "COMPLETE READ", 1, APPLIED,
        read_back=True),
    Row("assign", "first ASSIGN", BEFORE, (Strike(ASSIGN),), "ASSIGN ASSIGN", 1, APPLIED),
    Row("assign", "first ASSIGN", AFTER, (Strike(ASSIGN),), "ASSIGN ASSIGN", 2, APPLIED),
    Row("delete, verify", "first READ", BEFORE, (Strike(READ),), "READ READ DELETE", 1, APPLIED),
    Row("delete, verify", "first DELETE", BEFORE, (Strike(DELETE),), "READ DELETE READ DELETE", 1,
        APPLIED),
    Row("delete, verify", "first DELETE", AFTER, (Strike(DELETE),), "READ DELETE READ", 1, APPLIED,
        read_back=True),
    Row("delete, verify", "second DELETE, the first dropped before its effect", BEFORE,
        (_lost(DELETE, BEFORE), Strike(DELETE, 2)), "READ DELETE READ DELETE READ DELETE", 1,
        APPLIED),
    Row("delete, verify", "second DELETE, the first dropped before its effect", AFTER,
        (_lost(DELETE, BEFORE), Strike(DELETE, 2)), "READ DELETE READ DELETE READ", 1, APPLIED,
        read_back=True),
    Row("delete, verify", "read-back, the DELETE dropped", BEFORE,
        (_lost(DELETE, BEFORE), Strike(READ, 2)), "READ DELETE READ READ DELETE", 1, APPLIED),
    Row("delete, verify", "read-back, the DELETE dropped", AFTER,
        (_lost(DELETE, AFTER), Strike(READ, 2)), "READ DELETE READ READ", 1, APPLIED,
        read_back=True),
    Row("delete, hold", "first DELETE", BEFORE, (Strike(DELETE),), "READ DELETE READ", 0,
        UNCERTAIN),
    Row("delete, hold", "first DELETE", AFTER, (Strike(DELETE),), "READ DELETE READ", 1, APPLIED,
        read_back=True),
)  # fmt: skip


def _half(endpoint: Endpoint, kind: FaultKind) -> tuple[Strike, ...]:
    return (Strike(endpoint, kind=kind),)


#: Rows of one fault each, which the place names: the answer is read and says too little.
LIFE_HALF_ANSWERS = (
    Row("create, verify", "hollow 200 to the first CREATE: no task is in it", BEFORE,
        _half(CREATE, HOLLOW), "CREATE SEARCH CREATE", 1, APPLIED),
    Row("create, verify", "hollow 200 to the first CREATE: no task is in it", AFTER,
        _half(CREATE, HOLLOW), "CREATE SEARCH READ", 1, APPLIED, read_back=True),
    Row("create, verify", "408 to the first CREATE", BEFORE, _half(CREATE, TIMED_OUT),
        "CREATE SEARCH CREATE", 1, APPLIED),
    Row("create, verify", "408 to the first CREATE", AFTER, _half(CREATE, TIMED_OUT),
        "CREATE SEARCH READ", 1, APPLIED, read_back=True),
    Row("complete, verify", "hollow 200 to the first COMPLETE: its task is still New", BEFORE,
        _half(COMPLETE, HOLLOW), "COMPLETE READ COMPLETE", 1, APPLIED),
    Row("complete, verify", "hollow 200 to the first COMPLETE: its task is still New", AFTER,
        _half(COMPLETE, HOLLOW), "COMPLETE READ", 1, APPLIED, read_back=True),
    Row("complete, verify", "408 to the first COMPLETE", BEFORE, _half(COMPLETE, TIMED_OUT),
        "COMPLETE READ COMPLETE", 1, APPLIED),
    Row("complete, verify", "408 to the first COMPLETE", AFTER, _half(COMPLETE, TIMED_OUT),
        "COMPLETE READ", 1, APPLIED, read_back=True),
    Row("assign", "hollow 200 to the first ASSIGN: its task is another user's", BEFORE,
        _half(ASSIGN, HOLLOW), "ASSIGN ASSIGN", 1, APPLIED),
    Row("assign", "hollow 200 to the first ASSIGN: its task is another user's", AFTER,
        _half(ASSIGN, HOLLOW), "ASSIGN ASSIGN", 2, APPLIED),
    Row("assign", "408 to the first ASSIGN", BEFORE, _half(ASSIGN, TIMED_OUT), "ASSIGN ASSIGN", 1,
        APPLIED),
    Row("delete, verify", "200 to the first DELETE, in place of 204", BEFORE,
        _half(DELETE, HOLLOW), "READ DELETE READ DELETE", 1, APPLIED),
    Row("delete, verify", "200 to the first DELETE, in place of 204", AFTER,
        _half(DELETE, HOLLOW), "READ DELETE READ", 1, APPLIED, read_back=True),
    Row("delete, verify", "408 to the first DELETE", BEFORE, _half(DELETE, TIMED_OUT),
        "READ DELETE READ DELETE", 1, APPLIED),
    Row("delete, verify", "408 to the first DELETE", AFTER, _half(DELETE, TIMED_OUT),
        "READ DELETE READ", 1, APPLIED, read_back=True),
)  # fmt: skip

LIFE_FOREVER = (
    Forever("create, verify", "every CREATE", BEFORE, CREATE,
            "CREATE SEARCH CREATE SEARCH CREATE SEARCH", 0, UNCERTAIN, claim=False),
    Forever("create, verify", "every search, the CREATE dropped", BEFORE, SEARCH,
            "CREATE SEARCH SEARCH SEARCH", 0, None, claim=True, strikes=(_lost(CREATE, BEFORE),)),
    Forever("create, verify", "every search, the CREATE dropped", AFTER, SEARCH,
            "CREATE SEARCH SEARCH SEARCH", 1, None, claim=True, strikes=(_lost(CREATE, AFTER),)),
    Forever("complete, verify", "every COMPLETE", BEFORE, COMPLETE,
            "COMPLETE READ COMPLETE READ COMPLETE READ", 0, UNCERTAIN, claim=False),
    Forever("complete, verify", "every read-back, the COMPLETE dropped", AFTER, READ,
            "COMPLETE READ READ READ", 1, None, claim=True, strikes=(_lost(COMPLETE, AFTER),)),
    Forever("assign", "every ASSIGN", AFTER, ASSIGN, "ASSIGN ASSIGN ASSIGN", 3, None, claim=True),
    Forever("delete, verify", "every READ", BEFORE, READ, "READ READ READ", 0, None, claim=False),
    Forever("delete, verify", "every DELETE", BEFORE, DELETE,
            "READ DELETE READ DELETE READ DELETE READ", 0, UNCERTAIN, claim=False),
)  # fmt: skip

#: What a read-back finds of a completion, and of a deletion.
FINISHED: TaskMembers = {"status": TaskStatus.FINISHED}
COMPLETION_FOUND = (
    Found("Finished since the claim", {}, AFTER, 1, APPLIED),
    Found("Finished up to a minute before the claim (clocks differ)", FINISHED, BEFORE, 0, APPLIED,
          seconds_ago=30),
    Found("Finished earlier than that", FINISHED, BEFORE, 0, REJECTED, Reason.TASK_NOT_NEW,
          seconds_ago=3600),
    Found("Cancelled", {"status": TaskStatus.CANCELLED}, BEFORE, 0, REJECTED, Reason.TASK_NOT_NEW),
    Found("gone, or hidden from this user", {"hidden": True}, BEFORE, 0, UNCERTAIN),
)  # fmt: skip

#: 4xx of a creation: in words, and what Reply or a gateway says.
LIFE_CERTAIN = (
    Certain("429", "429 with `Retry-After`", "CREATE CREATE", 1, APPLIED),
    Certain("404", "404 with a code of Reply's", "CREATE", 0, REJECTED, Reason.API_REJECTED),
    Certain("404 gateway", "404 or 405 of a gateway, the list of tasks can be read", "CREATE LIST",
            0, REJECTED, Reason.API_REJECTED),
)  # fmt: skip
