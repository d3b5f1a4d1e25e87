"""tap-reply-tasks: the fate of every record and what Reply returned, for the warehouse."""

from collections.abc import Sequence
from types import FrameType
from typing import Any, ClassVar

import click
from singer_sdk import Stream, Tap
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.helpers.capabilities import (
    CapabilitiesEnum,
    PluginCapabilities,
    TapCapabilities,
)
from singer_sdk.tap_base import CliTestOptionValue

from reply_tasks.importing import importing
from reply_tasks.plugin_settings import CatalogedSettings
from reply_tasks.settings import TapSettings, tap_settings_schema
from tap_reply_tasks.stopping import Stopping


class TapReplyTasks(CatalogedSettings[TapSettings], Tap):
    """Emits the tasks that Reply returned, and the fate of every record, for the warehouse."""

    name = "tap-reply-tasks"
    package_name = "reply-tasks"
    settings_class = TapSettings
    example = """\b
Example:
  tap-reply-tasks --config config.json --state state.json | target-jsonl >> states.jsonl
  tail -n 1 states.jsonl > state.json
"""
    config_jsonschema: ClassVar[dict[str, Any]] = tap_settings_schema()
    # No BATCH: records of a ledger are few and small. No ACTIVATE_VERSION: nothing is deleted.
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        TapCapabilities.CATALOG,
        TapCapabilities.STATE,
        TapCapabilities.DISCOVER,
        TapCapabilities.TEST,
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.STRUCTURED_LOGGING,
    ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - the SDK's own
        self.stopping = Stopping(self.logger, self._write_last_state)
        super().__init__(*args, **kwargs)
        if kwargs.get("validate_config", True) and self.settings.api_key is None:
            self._need_no_key()

    def problems(self) -> list[str]:
        """What is wrong with the config; maps that would only drop this tap's records are."""
        from tap_reply_tasks.streams import maps_of_another  # noqa: PLC0415 - it has the ledger

        return [*super().problems(), *maps_of_another(self._config.get("stream_maps"))]

    def discover_streams(self) -> Sequence[Stream]:
        """The streams; those that call Reply are not selected unless a catalog says so.

        What they import, the ledger above all, ``--about`` does without.
        """
        with importing():
            from tap_reply_tasks.streams import STREAMS  # noqa: PLC0415 - as said above

        return [
            stream_class(self, settings=lambda: self.settings, stopping=self.stopping)
            for stream_class in STREAMS.values()
        ]

    @classmethod
    def cb_test(cls, ctx: click.Context, param: click.Option, value: str) -> None:
        """``--test``: as the SDK has it, but without a key only what needs none is tested."""
        if value != CliTestOptionValue.All.value:
            super().cb_test(ctx, param, value)
            return
        given = ctx.params["config"]
        try:
            tap = cls(config=given.config, parse_env_config=given.parse_env)
        except ConfigValidationError as error:
            for problem in error.errors:
                cls.logger.error(problem)  # noqa: TRY400 - one line for a person
            ctx.exit(1)
        streams = list(tap.streams.values())
        if tap.settings.api_key is None:
            calling = tap.calling_reply()
            streams = [stream for stream in streams if stream not in calling]
            cls.logger.info("No api_key: only the streams of the ledger are tested.")
        tap.run_sync_dry_run(dry_run_record_limit=1, streams=streams)
        ctx.exit()

    def calling_reply(self) -> list[Stream]:
        """The streams that need a key."""
        from tap_reply_tasks.api_streams import ApiStream  # noqa: PLC0415 - it has the ledger

        return [stream for stream in self.streams.values() if isinstance(stream, ApiStream)]

    def _need_no_key(self) -> None:
        from tap_reply_tasks.api_streams import missing_key  # noqa: PLC0415 - it has the ledger

        selected = [stream.name for stream in self.calling_reply() if stream.selected]
        if selected:
            problem = missing_key(selected)
            raise ConfigValidationError(problem, errors=[problem])

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        """Stop at the next point where no message is half written, not in the middle of one."""
        del frame
        self.stopping.signalled(signum)

    def _write_last_state(self) -> None:
        self.state_writer.write_state(self.state)
