"""The sink: reads each record of a stream, and hands it on. It keeps nothing."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn, Protocol

from singer_sdk import Target
from singer_sdk.mapper import RemoveRecordTransform, SameRecordTransform, StreamMap
from singer_sdk.sinks import RecordSink

from reply_tasks.ledger import AsRead, Settlement
from target_reply_tasks.reading.intake import Intake
from target_reply_tasks.work import Work


class Receiver(Protocol):
    """What takes a run's input in the order read: the engine's gate, or a dry run."""

    def received(self, work: Work) -> None:
        """A valid record was read."""

    def refused(self, settlement: Settlement, size: int) -> None:
        """A record was read that can't be applied, from a line of so many bytes."""

    def state(self, text: str) -> None:
        """A STATE was read; its value is the JSON text that came."""


class TaskSink(RecordSink):
    """Reads the records of one stream by the contract, which replaces the SDK's own validation.

    The SDK's stops the run on a bad record and can't say where it is bad; here it is a rejection.
    """

    def __init__(  # noqa: PLR0913 - four of them are the SDK's
        self,
        target: Target,
        stream_name: str,
        schema: dict[str, Any],
        key_properties: Sequence[str] | None,
        *,
        intake: Callable[[str, dict[str, Any]], Intake],
        receiver: Receiver,
        line_size: Callable[[], int],
    ) -> None:
        super().__init__(target, stream_name, schema, key_properties)
        self._intake = intake(stream_name, schema)
        self._receiver = receiver
        self._line_size = line_size

    def get_validator(self) -> None:
        """No validation by the SDK."""
        return

    def map_record(self, as_read: AsRead, stream_map: StreamMap) -> None:
        """Map a record, and process it; a map that raises rejects this record only."""
        record = as_read.record
        if isinstance(record, dict) and not _changes_nothing(stream_map):
            try:
                record = stream_map.transform(record.copy())
            except Exception as error:  # noqa: BLE001 - a map's expression may raise anything
                settlement = self._intake.map_failed(as_read, error)
                self._receiver.refused(settlement, self._line_size())
                return
            if record is None:
                return
        elif isinstance(stream_map, RemoveRecordTransform):  # the record is no object
            return
        self.process_record(record, {"as_read": as_read})

    def process_record(self, record: Any, context: Mapping[str, Any]) -> None:  # noqa: ANN401
        """Read one record, whatever it is, and hand it on; ``context`` has what it was read as."""
        read = self._intake.read(record, context["as_read"])
        if isinstance(read, Settlement):
            self._receiver.refused(read, self._line_size())
        else:
            read.size = self._line_size()
            self._receiver.received(read)

    def process_batch_files(self, encoding: object, files: Sequence[str]) -> NoReturn:
        """BATCH messages bypass stream maps and validation: they are refused."""
        del encoding, files
        raise AssertionError("BATCH messages are refused before they reach a sink")


def _changes_nothing(stream_map: StreamMap) -> bool:
    """Whether the records of a stream are what they were read as."""
    return type(stream_map) is SameRecordTransform and not stream_map.flattening_enabled
