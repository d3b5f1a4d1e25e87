"""The sink: hands each record of a stream to the run. The run decides; the sink keeps nothing."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from singer_sdk.sinks import RecordSink

from reply_tasks.ledger import AsRead, Settlement
from target_reply_tasks.reading.intake import Intake

if TYPE_CHECKING:
    from target_reply_tasks.target import TargetReplyTasks


class TaskSink(RecordSink):
    """Reads the records of one stream by the contract, which replaces the SDK's own validation.

    The SDK's stops the run on a bad record and can't say where it is bad; here it is a rejection.
    """

    def __init__(
        self,
        target: "TargetReplyTasks",
        stream_name: str,
        schema: dict[str, Any],
        key_properties: Sequence[str] | None,
    ) -> None:
        super().__init__(target, stream_name, schema, key_properties)
        self._run = target.run
        told = {} if target.removes(stream_name) else schema
        self._intake = Intake(stream_name, told, target.settings, self.logger)

    def get_validator(self) -> None:
        """No validation by the SDK."""
        return

    def process_record(self, record: dict[str, Any], context: Mapping[str, Any]) -> None:
        """Read one record, and hand it on; ``context`` has what it was read as."""
        read = self._intake.read(record)
        entry = read.entry._replace(as_read=context["as_read"])
        if isinstance(read, Settlement):
            self._run.refused(read._replace(entry=entry))
        else:
            read.entry = entry
            self._run.received(read)

    def map_failed(self, as_read: AsRead, error: Exception) -> None:
        """A stream map raised on this record: it is rejected, and the run goes on."""
        failed = self._intake.map_failed(as_read.record, error)
        self._run.refused(failed._replace(entry=failed.entry._replace(as_read=as_read)))

    def process_batch_files(self, encoding: object, files: Sequence[str]) -> NoReturn:
        """BATCH messages bypass stream maps and validation: they are refused."""
        del encoding, files
        raise AssertionError("BATCH messages are refused before they reach a sink")
