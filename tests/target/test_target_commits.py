"""A commit whose answer is lost: the ledger is asked whether it was made."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select

from reply_tasks.api.reply_clock import ReplyClock
from reply_tasks.ledger import Ledger, LedgerAwayError, LedgerError
from reply_tasks.ledger.runs import forget_holder, note_turn, start_run
from reply_tasks.ledger.tables import runs
from target_reply_tasks.engine import commits
from target_reply_tasks.engine.commits import Commits

Transaction = Callable[..., AbstractContextManager[Connection]]


class _Flaky:
    """Transactions of which the next one's answer is lost, before or after its commit."""

    def __init__(self, inner: Transaction) -> None:
        self._inner = inner
        self.fails: str | None = None

    @contextmanager
    def __call__(self, *, durable: bool) -> Iterator[Connection]:
        """A transaction."""
        fails, self.fails = self.fails, None
        with self._inner(durable=durable) as connection:
            yield connection
            if fails == "before":
                raise LedgerAwayError("gone")
        if fails == "after":
            raise LedgerAwayError("gone")


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Ledger, _Flaky]]:
    """A ledger whose commits may go unanswered."""
    monkeypatch.setattr(commits, "OUTAGE_CHECK", 0.0)
    with ExitStack() as stack:
        ledger = stack.enter_context(Ledger.open(f"sqlite:///{tmp_path}/ledger.db"))
        yield ledger, _Flaky(stack.enter_context(ledger.session()))


def _commits(ledger: Ledger, transaction: Transaction) -> Commits:
    return Commits(
        ledger,
        "f" * 32,
        transaction,
        reply_clock=ReplyClock(),
        keep_repeats=False,
        log=lambda _: None,
        told_to_stop=lambda: False,
    )


@pytest.mark.parametrize(("fails", "times"), [(None, 1), ("before", 2), ("after", 1)])
def test_what_was_committed_is_not_written_twice(
    opened: tuple[Ledger, _Flaky], fails: str | None, times: int
) -> None:
    """And what was not is written once more."""
    ledger, flaky = opened
    writer = _commits(ledger, flaky)
    written: list[str] = []

    def write(connection: Connection) -> int:
        written.append(f"{len(written):032x}")
        start_run(connection, written[-1])
        return len(written)

    flaky.fails = fails
    assert writer.transact(write) == times
    assert writer.transact(write) == times + 1
    with ledger.read() as connection:
        assert connection.scalar(select(func.count()).select_from(runs)) == 2


def test_a_database_that_lost_what_it_confirmed_ends_the_run(
    opened: tuple[Ledger, _Flaky],
) -> None:
    """Set back to an older state, it knows nothing of claims whose calls have gone out."""
    ledger, flaky = opened
    writer = _commits(ledger, flaky)
    writer.transact(lambda connection: start_run(connection, "a" * 32))
    writer.transact(lambda connection: start_run(connection, "b" * 32))
    with ledger.write() as connection:
        note_turn(connection, ledger.holder, 1)
    flaky.fails = "before"
    with pytest.raises(LedgerError, match="without what it had confirmed"):
        writer.transact(lambda connection: start_run(connection, "c" * 32))


def test_a_run_that_was_struck_off_meanwhile_ends(opened: tuple[Ledger, _Flaky]) -> None:
    """Another run has taken over its claims while the database was away for this one."""
    ledger, flaky = opened
    writer = _commits(ledger, flaky)
    writer.transact(lambda connection: start_run(connection, "a" * 32))
    with ledger.write() as connection:
        forget_holder(connection, ledger.holder)
    flaky.fails = "before"
    with pytest.raises(LedgerError, match="assumed that this one had died"):
        writer.transact(lambda connection: start_run(connection, "b" * 32))


def test_a_database_that_stays_away_ends_the_run(
    opened: tuple[Ledger, _Flaky], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a bound; its claims are the next run's."""
    ledger, _ = opened
    monkeypatch.setattr(commits, "OUTAGE", 0.0)

    def away(*, durable: bool) -> AbstractContextManager[Connection]:
        raise LedgerAwayError(f"gone, {durable}")

    with pytest.raises(LedgerAwayError):
        _commits(ledger, away).transact(lambda connection: start_run(connection, "a" * 32))
