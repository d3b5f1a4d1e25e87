"""A trial: what each record would become, with no key and no ledger, for testing stream maps.

``reply-tasks try`` finds it by its entry point, since what is shared imports no plugin.
"""

from collections.abc import Callable, Mapping
from typing import IO, Any

from singer_sdk.exceptions import ConfigValidationError

from reply_tasks.ledger import Settlement
from reply_tasks.settings import SettingsError
from target_reply_tasks.dry_run import DryRun
from target_reply_tasks.target import TargetReplyTasks
from target_reply_tasks.work import Work

#: Stands where a key must be; nothing is ever called with it.
_NO_KEY = "no-key-is-needed"

#: Takes what became of one record.
Tell = Callable[[Mapping[str, Any]], None]


def trial(config: Mapping[str, Any], source: IO[str], tell: Tell) -> int:
    """Read Singer messages, and tell what each record would become.

    Args:
        config: The settings as a config file has them; the target's environment counts beside it.
        source: The messages.
        tell: Told of each record in the order read.

    Returns:
        The exit code that a run would end with, as far as it depends on the records.

    Raises:
        SettingsError: The settings can't be used.
    """
    try:
        target = _TargetOnTrial(tell, {**config, "api_key": _NO_KEY, "dry_run": True})
    except ConfigValidationError as error:
        raise SettingsError(error.errors) from None
    return target.exit_code_of(source)


class _TargetOnTrial(TargetReplyTasks):
    """The target with a trial behind it."""

    def __init__(self, tell: Tell, config: dict[str, Any]) -> None:
        self._tell = tell
        super().__init__(config=config, parse_env_config=True)

    def _make_run(self) -> DryRun:
        return _Trial(self.settings, self.logger, self._tell)


class _Trial(DryRun):
    """A dry run that looks at no ledger, and hands on what it finds."""

    def __init__(self, settings: Any, logger: Any, tell: Tell) -> None:  # noqa: ANN401 - as above
        super().__init__(settings, logger)
        self._tell = tell

    def start(self) -> None:
        """There is no ledger to look at."""

    def refused(self, settlement: Settlement, size: int) -> None:
        """Tell why a record would be rejected."""
        super().refused(settlement, size)
        entry = settlement.entry
        self._tell(
            {
                "stream": entry.stream,
                "operation": entry.operation,
                "task_id": entry.task_id,
                "external_id": entry.external_id,
                "would": "be rejected",
                "reason": settlement.reason,
                "detail": settlement.detail,
                "record": entry.record,
            }
        )

    def _say(self, work: Work, what: str) -> None:
        self._tell(
            {
                "stream": work.entry.stream,
                "operation": work.operation,
                "task_id": work.task_id,
                "external_id": work.entry.external_id,
                "would": what.removeprefix("would ").replace("{id}", str(work.task_id)),
                "reason": None,
                "detail": None,
                "record": work.entry.record,
            }
        )
