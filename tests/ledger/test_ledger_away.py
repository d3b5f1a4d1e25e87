"""A database that is away or busy: what may be tried again, and how many connections it costs."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from entries import entry
from ledger_rows import claim_all
from postgres_server import PostgresServer
from sqlalchemy import text

from reply_tasks.ledger import Ledger, LedgerAwayError, database
from reply_tasks.ledger.claims import last_sequence


def test_a_transaction_reads_what_is_committed_whatever_the_default(
    postgres_url: str, postgres_server: PostgresServer
) -> None:
    """With snapshots, a turn would judge by what was true before it got its lock."""
    name = postgres_url.rpartition("/")[2]
    postgres_server.run(
        f"ALTER DATABASE {name} SET default_transaction_isolation TO 'serializable'"
    )
    with Ledger.open(postgres_url) as ledger, ledger.write() as connection:
        shown = {
            setting: connection.execute(text(f"SHOW {setting}")).scalar_one()
            for setting in ("transaction_isolation", "lock_timeout", "statement_timeout")
        }
    assert shown == {
        "transaction_isolation": "read committed",
        "lock_timeout": "10s",
        "statement_timeout": "20s",
    }


def test_a_ledger_that_another_process_holds_is_away_not_broken(
    ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer that gets no turn in time may try again."""
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.2)
    monkeypatch.setattr(database, "_POSTGRES_SESSION", ("SET lock_timeout = '200ms'",))
    with Ledger.open(ledger_url) as one, Ledger.open(ledger_url) as two:
        with one.write() as connection:
            last_sequence(connection)
            with pytest.raises(LedgerAwayError), two.write() as waiting:
                last_sequence(waiting)
        assert len(claim_all(two, entry(1))) == 1


def test_a_process_opens_few_connections(postgres_url: str) -> None:
    """However many of its threads write at once: they wait for each other."""
    with Ledger.open(postgres_url) as ledger, ThreadPoolExecutor(32) as threads:
        for claimed in threads.map(lambda id_: claim_all(ledger, entry(id_)), range(1, 65)):
            assert len(claimed) == 1
        with ledger.read() as connection:
            count = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
            assert connection.execute(count).scalar_one() <= 4
