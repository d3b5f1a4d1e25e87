"""The named steps of a run at which a process can be made to die."""

import os
import signal

from target_reply_tasks.steps import Step
from target_reply_tasks.target import TargetReplyTasks

#: The steps that the guarantee names.
NAMED = (Step.CLAIMING, Step.HANDING_OUT, Step.SENT, Step.ANSWERED, Step.SETTLED)
#: All of them, those first.
STEPS = tuple(dict.fromkeys([*NAMED, *Step]))


def plant(name: str, nth: int) -> None:
    """Let this process be killed when it comes to a step for the ``nth`` time."""
    met = 0

    def reached(self: TargetReplyTasks, step: Step) -> None:  # noqa: ARG001
        nonlocal met
        met += step == name
        if step == name and met == nth:
            os.kill(os.getpid(), signal.SIGKILL)

    TargetReplyTasks.reached = reached  # type: ignore[method-assign]
