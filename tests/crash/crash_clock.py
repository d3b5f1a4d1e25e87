"""A wall clock that is set: every module of the product in this process reads another time."""

import sys
from datetime import datetime, timedelta, tzinfo
from typing import Any


class _AlsoReal(type):
    """What the real class made counts as an instance."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, datetime)


def set_clock(ahead: float) -> None:
    """Let the product read a clock that is so many seconds ahead. The monotonic clock goes on."""

    class Shifted(datetime, metaclass=_AlsoReal):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return datetime.now(tz) + timedelta(seconds=ahead)

    for name, module in list(sys.modules.items()):
        ours = name.startswith(("reply_tasks", "target_reply_tasks"))
        if ours and getattr(module, "datetime", None) is datetime:
            vars(module)["datetime"] = Shifted
