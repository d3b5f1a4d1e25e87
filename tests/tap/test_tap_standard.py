"""The SDK's standard suite, on a ledger and a sandbox in which every column has a value."""

import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from singer_sdk.testing import SuiteConfig, TapTestRunner, get_tap_test_class
from tap_ledger import LedgerWriter, applied, moment, rejected, sqlite_url
from tap_world import KEY, catalog

from reply_tasks.contract.enums import LinkedInTaskType, TaskStatus, TaskType
from reply_tasks.ledger import Settlement
from reply_tasks.sandbox import DEFAULT_API_KEY, SandboxServer, Template
from tap_reply_tasks.streams import STREAMS
from tap_reply_tasks.tap import TapReplyTasks

_HANDLERS = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
SUITE = SuiteConfig(max_records_limit=100)


def _restore_handlers() -> None:
    for number, handler in _HANDLERS.items():
        signal.signal(number, handler)


ALL = catalog(*STREAMS)

# The factory makes a tap, only to see which streams and columns there are. It needs a catalog:
# of a stream that is not selected the SDK shows it no columns.
_Suite: Any = get_tap_test_class(
    TapReplyTasks, config={"api_key": KEY}, suite_config=SUITE, catalog=ALL
)
_restore_handlers()


class TestStandard(_Suite):  # type: ignore[misc]  # the factory's class has no static type
    """Every standard test applies: none is left out."""

    @pytest.fixture(scope="class")
    @classmethod
    def runner(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TapTestRunner]:
        """A runner whose sources have a value for every column: the suite warns of empty ones."""
        ledger_url = sqlite_url(tmp_path_factory.mktemp("standard"))
        _fill(ledger_url)
        with SandboxServer(requests_per_minute=None, requests_per_hour=None) as server:
            _seed(server)
            config = {
                "ledger_url": ledger_url,
                "api_url": server.url,
                "api_key": DEFAULT_API_KEY,
                "api_dialect": "preview",
            }
            runner = TapTestRunner(TapReplyTasks, config=config, suite_config=SUITE, catalog=ALL)
            runner.sync_all()
            yield runner
        _restore_handlers()


def _fill(ledger_url: str) -> None:
    info = {"email": "a@example.com", "phoneNumber": "1", "linkedInUrl": "https://l.example"}
    with LedgerWriter.open(ledger_url) as writer:
        claimed = writer.claim(3)
        settled = Settlement(claimed, rejected(3).outcome, moment(9), claimed_at=moment(1))
        writer.settle(applied(1, deliveryInfo=info), rejected(2), settled)
        writer.end()


def _seed(server: SandboxServer) -> None:
    server.create_task(
        task_type=TaskType.LINKED_IN,
        status=TaskStatus.FINISHED,
        contact_id=7,
        linked_in_task_type=LinkedInTaskType.IN_MAIL,
        sequence_id=3,
        sequence_step_id=301,
        sequence_step_display_name="Step 1",
        finished_at=datetime(2026, 2, 1, tzinfo=UTC),
        template=Template("Hi", "Hello", (1,)),
    )
    server.create_task(task_type=TaskType.SMS, contact_id=8)
