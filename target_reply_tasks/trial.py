"""A trial: what each record would become, with no key and no ledger, for testing stream maps.

``reply-tasks try`` finds it by its entry point, since what is shared imports no plugin.
"""

from collections.abc import Callable, Mapping
from typing import IO, Any

from singer_sdk.exceptions import ConfigValidationError

from reply_tasks.settings import SettingsError
from target_reply_tasks.dry_run.lines import members_of, text_of
from target_reply_tasks.dry_run.planned import Planned, Summary
from target_reply_tasks.dry_run.run import DryRun
from target_reply_tasks.target import TargetReplyTasks

#: Stands where a key must be; nothing is ever called with it.
_NO_KEY = "no-key-is-needed"

#: Takes what became of one record: what a program reads of it, and the line for a person.
Tell = Callable[[Mapping[str, Any], str], None]


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
        return DryRun(self.settings, self.logger, _HandOn(self._tell), with_ledger=False)


class _HandOn:
    """Hands on what is planned, with the record in the contract's own spelling."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell

    def record(self, planned: Planned) -> None:
        """One record."""
        self._tell({**members_of(planned), "record": planned.entry.record}, text_of(planned))

    def summary(self, summary: Summary) -> None:
        """The log's last line says it."""
