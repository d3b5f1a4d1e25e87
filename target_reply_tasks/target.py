"""The Singer target: reads messages with the SDK, and leaves everything that counts to the run."""

import os
import signal
import sys
from collections import Counter
from functools import partial
from types import FrameType
from typing import IO, TYPE_CHECKING, Any, ClassVar, cast

import click
from singer_sdk import Target
from singer_sdk.exceptions import RecordsWithoutSchemaException
from singer_sdk.helpers.capabilities import CapabilitiesEnum, PluginCapabilities
from singer_sdk.mapper import RemoveRecordTransform
from singer_sdk.sinks import Sink

from reply_tasks.api.backoff import Backoff
from reply_tasks.api.errors import ConfigurationError
from reply_tasks.importing import importing
from reply_tasks.ledger import AsRead, LedgerError
from reply_tasks.log_lines import LogLines
from reply_tasks.plugin_settings import CatalogedSettings
from reply_tasks.settings import TargetSettings, merged, target_settings_schema
from target_reply_tasks.errors import InputClosedError, StopRun
from target_reply_tasks.one_core import on_one_core
from target_reply_tasks.output import write_line
from target_reply_tasks.reading.intake import Intake
from target_reply_tasks.reading.meltano_test import PASSED, without_test
from target_reply_tasks.reading.reader import (
    BrokenInputError,
    InterruptibleReader,
    as_singer_text,
    what_broke,
)
from target_reply_tasks.reading.signals import Signals
from target_reply_tasks.result import STOP_BOUND, RunResult
from target_reply_tasks.sdk_lines import silence_the_untrue
from target_reply_tasks.sinks import TaskSink
from target_reply_tasks.steps import Step

if TYPE_CHECKING:
    from target_reply_tasks.run import AnyRun


class TargetReplyTasks(CatalogedSettings[TargetSettings], Target):
    """Applies task records to Reply.io: updates and executions, each sent once, none lost."""

    name = "target-reply-tasks"
    package_name = "reply-tasks"
    settings_class = TargetSettings
    example = """\b
Example:
  target-reply-tasks --config config.json --dry-run < records.singer
  tap-postgres --config crm.json | target-reply-tasks --config config.json >> states.jsonl
"""
    config_jsonschema: ClassVar[dict[str, Any]] = target_settings_schema()
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.STRUCTURED_LOGGING,
    ]
    default_sink_class = TaskSink
    message_reader_class = InterruptibleReader
    max_parallelism = 1
    message_reader: InterruptibleReader
    #: How long to wait before a repeat; a subclass may be less patient.
    backoff: ClassVar[Backoff] = Backoff()

    def __init__(self, *, plan_format: str | None = None, **arguments: Any) -> None:  # noqa: ANN401 - the SDK's own arguments
        super().__init__(**arguments)
        self._plan_format = plan_format
        self._signals = Signals(self.logger, on_stop=self._on_signal, reader=self.message_reader)
        self._told_to_stop = False
        self._named: dict[str, set[str]] = {}
        self.run: AnyRun = self._make_run()
        self.result = RunResult()

    def _make_run(self) -> "AnyRun":
        """What a run imports, the ledger above all, ``--about`` does without."""
        if self.settings.dry_run:
            from target_reply_tasks.dry_run.run import dry_run  # noqa: PLC0415 - as said above

            jsonl = self._plan_format == "jsonl"
            return dry_run(self.settings, self.logger, self.write_line, jsonl=jsonl)
        from target_reply_tasks.run import Run  # noqa: PLC0415 - as said above

        return Run(
            self.settings,
            self.logger,
            write_state=self.write_line,
            close_input=self._signals.wake_reader,
            backoff=self.backoff,
            reached=self.reached,
        )

    def reached(self, step: Step) -> None:
        """The run has come to this step; a test may wait for it, or end the process there."""

    def write_line(self, text: str) -> None:
        """Write a STATE, or a line of a plan; a test may take it instead."""
        write_line(text)

    # -- messages ------------------------------------------------------------------------------

    def _process_record_message(self, message_dict: dict[str, Any]) -> None:
        """Hand a record to the sinks of its stream, each with its map."""
        if "stream" not in message_dict or "record" not in message_dict:
            self._assert_line_requires(message_dict, requires={"stream", "record"})
        stream = message_dict["stream"]
        stream_maps = self.mapper.stream_maps.get(stream)
        if stream_maps is None:
            raise RecordsWithoutSchemaException(
                f"A record of stream {stream!r} came before its SCHEMA."
            )
        as_read = AsRead(stream, message_dict["record"])
        for stream_map in stream_maps:
            sink = cast("TaskSink", self._sinks_active[stream_map.stream_alias])
            sink.map_record(as_read, stream_map)

    def get_sink_class(self, stream_name: str) -> type[Sink]:
        """The sink of a stream, with what it needs handed in."""
        del stream_name
        sink_class = partial(
            TaskSink,
            intake=self._intake,
            receiver=self.run.receiver,
            line_size=lambda: self.message_reader.line_size,
        )
        return cast("type[Sink]", sink_class)

    def get_sink(self, stream_name: str, **options: Any) -> Sink:  # noqa: ANN401 - the SDK's own
        """The sink of a stream; one that a changed SCHEMA has replaced is kept no longer."""
        sink = super().get_sink(stream_name, **options)
        self._sinks_to_clear.clear()
        return sink

    def _intake(self, stream: str, schema: dict[str, Any]) -> Intake:
        return Intake(
            stream,
            {} if self._removes(stream) else schema,
            self.settings,
            self.logger.getChild(stream),
            named=self._named.setdefault(stream, set()),
        )

    def _removes(self, stream: str) -> bool:
        """Whether the stream maps remove every record of a stream: it needs no operation then."""
        maps = [
            each
            for stream_maps in self.mapper.stream_maps.values()
            for each in stream_maps
            if each.stream_alias == stream
        ]
        return all(isinstance(each, RemoveRecordTransform) for each in maps)

    def _process_state_message(self, message_dict: dict[str, Any]) -> None:
        """A STATE leaves when all before it is settled, which the run knows."""
        self._assert_line_requires(message_dict, requires={"value"})
        self.run.receiver.state(message_dict["value"])

    def _process_batch_message(self, message_dict: dict[str, Any]) -> None:
        """Refuse: the SDK would pass over maps and validation, and lose the rows."""
        stream = str(message_dict.get("stream"))
        raise BrokenInputError(
            f"Stream {stream!r} comes as BATCH messages, which this target does not read: turn "
            "batching off in the tap (remove its batch_config)."
        )

    def _process_activate_version_message(self, message_dict: dict[str, Any]) -> None:
        """Versions of tables mean nothing to tasks."""
        self.logger.debug("ACTIVATE_VERSION of %s is ignored.", message_dict.get("stream"))

    def process_lines(self, file_input: IO[str] | None) -> Counter[str]:  # type: ignore[misc]
        """Read all input, with the run around it.

        The SDK holds this method final, but what it does when the input breaks off loses all that
        was settled: here the run is always finished.
        """
        self._signals.start()
        self.run.start()
        try:
            return super().process_lines(file_input)
        except InputClosedError:  # the run wants no more: why, it knows
            self._signals.tell()
            return Counter()
        except StopRun as stop:
            self.run.stop(exit_code=1, cause=str(stop))
            return Counter()
        except Exception as error:
            self._finish(broken=what_broke(error))
            raise

    def process_endofpipe(self) -> None:
        """There is no more to read: settle the rest. The verdict is in ``result``."""
        for sink in self._sinks_active.values():
            sink.clean_up()
        self._finish()

    def _finish(self, *, broken: str | None = None) -> None:
        try:
            self.result = self.run.finish(broken=broken)
        finally:
            self._signals.stop()

    def _on_signal(self, signum: int) -> None:
        if not self._told_to_stop:
            self._told_to_stop = True
            self.logger.info(
                "Told to stop (%s): nothing more is read or begun, and what is in flight has %.0f "
                "s to settle.",
                signal.Signals(signum).name,
                STOP_BOUND,
            )
        self.run.stop(exit_code=128 + signum)

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        """A signal before anything was begun: the SDK would exit with 0."""
        del frame
        raise SystemExit(128 + signum)

    @classmethod
    def get_singer_command(cls) -> click.Command:
        """The command line: the SDK's, ``--dry-run`` and ``--plan-format``."""
        command = super().get_singer_command()
        command.params += [
            click.Option(
                ["--dry-run"],
                is_flag=True,
                help="Plan every record, call nothing and write nothing: the setting dry_run.",
            ),
            click.Option(
                ["--plan-format"],
                type=click.Choice(["text", "jsonl"]),
                help="Make a dry run, and write its plan to the log (text), as without this "
                "option, or as a JSON object a line to standard output (jsonl).",
            ),
        ]
        return command

    @classmethod
    def invoke(  # type: ignore[override]  # noqa: PLR0913 - the command line's options
        cls,
        *,
        about: bool = False,
        about_format: str | None = None,
        config: Any = None,  # noqa: ANN401 - the SDK's parsed --config
        file_input: IO[str] | None = None,
        dry_run: bool = False,
        plan_format: str | None = None,
    ) -> None:
        """Run the target, and exit with its verdict; never with a traceback for bad input."""
        silence_the_untrue(cls.logger)
        with on_one_core(), LogLines():
            super(Target, cls).invoke(about=about, about_format=about_format)
            cls.print_version(print_fn=cls.logger.info)
            # Who asks for a plan does not mean to send.
            plans = {"dry_run": True} if dry_run or plan_format else {}
            with importing():
                target = cls(
                    plan_format=plan_format,
                    config=merged(config.config if config else {}, plans),
                    parse_env_config=bool(config and config.parse_env),
                )
            sys.exit(target.exit_code_of(file_input or target.message_reader.default_input))

    def exit_code_of(self, source: IO[str]) -> int:
        """Read an input to its end, or to the run's; the process's exit code."""
        given: Any = as_singer_text(source)
        if given.isatty():
            self.logger.info("Reading Singer messages from standard input (Ctrl-D ends it).")
        # Before the run: even settling what a dead run left would be a call.
        lines = without_test(given, os.environ)
        if lines is None:
            self.logger.info(PASSED)
            return 0
        try:
            self.listen(cast("IO[str]", lines))
        except (LedgerError, ConfigurationError) as error:
            self.logger.error("Stopped: %s", error)  # noqa: TRY400 - one line is enough
            signal_number = self._signals.first
            return 1 if signal_number is None else 128 + signal_number
        except Exception:
            if self.result.stopped is None:
                raise
        return self.result.exit_code
