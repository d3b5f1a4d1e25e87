"""Lines of the SDK that contradict ours are silent."""

import logging

from singer_sdk.metrics import get_metrics_logger

#: How they begin. The SDK counts lines where we count records, knows neither what was settled nor
#: what a signal ended, and takes the environment for unread.
_UNTRUE = ("Reader '%s' completed", "METRIC: ", "Skipping parse of env var settings")


def silence_the_untrue(logger: logging.Logger) -> None:
    """Leave such lines out of the target's own logger and of the SDK's metrics."""
    logger.addFilter(_is_true)
    get_metrics_logger().addFilter(_is_true)


def _is_true(line: logging.LogRecord) -> bool:
    return not str(line.msg).startswith(_UNTRUE)
