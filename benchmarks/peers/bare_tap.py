"""A singer-sdk tap whose rows are at hand: it emits one given record over and over, numbered.

Its configuration names a file that holds the stream's name, schema and record, as the tap that it
is compared with emits them.
"""

from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import Stream, Tap

if TYPE_CHECKING:
    from collections.abc import Iterable

    from singer_sdk.helpers.types import Context, Record


class BareStream(Stream):
    """The same record, with a number of its own."""

    replication_key = "sequence"
    is_sorted = True

    def get_records(self, context: "Context | None") -> "Iterable[Record]":
        """So many records."""
        del context
        record: dict[str, Any] = self.config["example"]
        for number in range(1, self.config["records"] + 1):
            yield {**record, "sequence": number}


class BareTap(Tap):
    """What the SDK itself costs."""

    name = "bare-tap"
    config_jsonschema: ClassVar[dict[str, Any]] = {
        "type": "object",
        "properties": {"stream": {"type": "string"}, "records": {"type": "integer"}},
    }

    def discover_streams(self) -> list[Stream]:
        """The one stream."""
        return [BareStream(self, name=self.config["stream"], schema=self.config["schema"])]


if __name__ == "__main__":
    BareTap.cli()
