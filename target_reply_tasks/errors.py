"""What ends a run, or its reading, before its end."""


class InputClosedError(Exception):
    """The run is stopping: read no more."""


class StopRun(Exception):  # noqa: N818 - it is not an error of ours
    """The run can't go on. The message is the one line that a person reads."""
