"""A singer-sdk target that does nothing at all with a record."""

from collections.abc import Mapping
from typing import Any, ClassVar

from singer_sdk import Target
from singer_sdk.sinks import RecordSink


class IdleSink(RecordSink):
    """Drops every record."""

    def process_record(self, record: dict[str, Any], context: Mapping[str, Any]) -> None:
        """Do nothing."""


class IdleTarget(Target):
    """What the SDK itself costs."""

    name = "idle-target"
    config_jsonschema: ClassVar[dict[str, Any]] = {"type": "object", "properties": {}}
    default_sink_class = IdleSink


if __name__ == "__main__":
    IdleTarget.cli()
