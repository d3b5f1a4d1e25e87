"""The tap's streams by their names."""

from collections.abc import Mapping
from fnmatch import fnmatch

from tap_reply_tasks.api_streams import ApiStream, EmailAccounts, Tasks, TaskSnapshots, Users
from tap_reply_tasks.ledger_streams import (
    LedgerStream,
    Runs,
    TaskDetails,
    TaskLinks,
    TaskOperations,
)

#: In the order in which they are read.
STREAMS: Mapping[str, type[ApiStream | LedgerStream]] = {
    "task_details": TaskDetails,
    "task_operations": TaskOperations,
    "task_links": TaskLinks,
    "runs": Runs,
    "tasks": Tasks,
    "task_snapshots": TaskSnapshots,
    "users": Users,
    "email_accounts": EmailAccounts,
}


def maps_of_another(maps: object) -> list[str]:
    """Stream maps that name none of the tap's streams: they are the target's."""
    if not isinstance(maps, Mapping) or not maps:
        return []
    sources = [
        str(each.get("__source__", name)) if isinstance(each, Mapping) else name
        for name, each in maps.items()
        if name != "__else__"
    ]
    if any(fnmatch(stream, source) for stream in STREAMS for source in sources):
        return []
    named = ", ".join(sources) or "none"
    problem = (
        f"stream_maps are for the streams of this tap ({', '.join(STREAMS)}), but name {named}: "
        "they are the target's, and here would drop what the tap emits and let its state advance. "
        "Give the tap a config without them."
    )
    return [problem]
