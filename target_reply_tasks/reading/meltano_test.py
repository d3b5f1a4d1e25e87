"""``meltano config test``: Meltano sends a record that it made up, to see what the target does.

Taken like any other it would reach Reply: with ``default_operation: execute`` as a real email.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

from target_reply_tasks.reading.json_text import BYTE_ORDER_MARK, read_json

#: The stream of Meltano's made-up record.
TEST_STREAM = "meltano_test_stream"

PASSED = (
    "The settings are accepted. Meltano's test record was not applied: no call was made, and the "
    "ledger was not touched. Set dry_run to see what real records would do."
)
REFUSED = f"Stream {TEST_STREAM!r} is made up by `meltano config test`: it is never applied."


def without_test(lines: Iterator[str], environment: Mapping[str, str]) -> Iterable[str] | None:
    """The input as it came, unless it is Meltano's test.

    Args:
        lines: The input; where it is the test, all of it is read.
        environment: Of the process.

    Returns:
        The lines to apply; None if it was the test, and nothing is to be applied.
    """
    if not _may_be_test(environment):
        return lines
    first = next(lines, "")
    if not _is_test(first):
        return chain([first], lines)
    for _ in lines:
        pass  # Meltano counts a line that it can't write as a failure
    return None


def _may_be_test(environment: Mapping[str, str]) -> bool:
    """Whether Meltano started this loader without an extractor, which a pipeline never does."""
    return "MELTANO_LOADER_NAME" in environment and "MELTANO_EXTRACTOR_NAME" not in environment


def _is_test(line: str) -> bool:
    """Whether a line of the input is the SCHEMA of Meltano's made-up record."""
    try:
        message = read_json(line.removeprefix(BYTE_ORDER_MARK))
    except ValueError:
        return False
    return isinstance(message, dict) and message.get("stream") == TEST_STREAM
