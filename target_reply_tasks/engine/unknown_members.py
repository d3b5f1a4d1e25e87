"""Unknown members: what Reply returns that this version does not know is kept, and logged once."""

from collections.abc import Callable, Mapping
from typing import Any

from reply_tasks.contract import read_task_detail

#: The members whose values are enums: a new value is told, as a new member is.
_ENUMS = ("taskType", "status", "linkedInTaskType", "creationSource")


class UnknownMembers:
    """Logs each unknown member or enum value of the tasks that Reply returned, once."""

    def __init__(self, log: Callable[[str], None]) -> None:
        self._log = log
        self._seen: set[object] = set()
        self._logged: set[str] = set()

    def check(self, returned: Mapping[str, Any]) -> None:
        """Check one task; a form that was seen before costs next to nothing."""
        form = (*returned, *map(str, map(returned.get, _ENUMS)))
        if form in self._seen:
            return
        self._seen.add(form)
        task = read_task_detail(returned)
        for name in () if task is None else task.unknowns:
            if name not in self._logged:
                self._logged.add(name)
                self._log(f"Reply returned something new in member {name}: it is kept as it is.")
