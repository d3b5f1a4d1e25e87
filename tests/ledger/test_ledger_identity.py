"""Whose ledger it is: it belongs to one API, and a bookmark knows it again."""

import shutil
from pathlib import Path

import pytest
from ledger_rows import settle_all, unclaimed
from sqlalchemy import select

from reply_tasks.ledger import ForeignLedgerError, Ledger, identity
from reply_tasks.ledger.identity import Edition, api_origin, is_continued, position
from reply_tasks.ledger.tables import identity as identity_table
from reply_tasks.ledger.tables import openings

LIVE, SANDBOX = "https://api.reply.io/v3", "http://127.0.0.1:8300/v3"


@pytest.mark.parametrize(
    ("api_url", "origin"),
    [
        (LIVE, "https://api.reply.io"),
        ("https://API.Reply.io:443/other/v3", "https://api.reply.io"),
        ("http://localhost:80/v3", "http://localhost"),
        (SANDBOX, "http://127.0.0.1:8300"),
        ("http://[::1]:8300/v3", "http://[::1]:8300"),
    ],
)
def test_an_origin_is_scheme_host_and_port(api_url: str, origin: str) -> None:
    """However it is written."""
    assert api_origin(api_url) == origin


def test_a_ledger_belongs_to_the_first_api_that_it_is_used_with(ledger_url: str) -> None:
    """Another one is refused before anything is written, with a line that says what to do."""
    Ledger.open(ledger_url).engine.dispose()
    with Ledger.open(ledger_url, api_url=SANDBOX):
        pass
    with Ledger.open(ledger_url, api_url=SANDBOX + "/"):
        pass
    with pytest.raises(ForeignLedgerError) as refused, Ledger.open(ledger_url, api_url=LIVE):
        raise AssertionError("it was opened")
    line = str(refused.value)
    assert "belongs to http://127.0.0.1:8300, but api_url is at https://api.reply.io" in line
    assert "ledger_url" in line
    with Ledger.open(ledger_url) as ledger, ledger.read() as connection:
        assert connection.scalars(select(identity_table.c.api_origin)).all() == [
            "http://127.0.0.1:8300"
        ]
        assert len(connection.scalars(select(openings.c.number)).all()) == 3


def test_a_ledger_that_goes_on_is_known_again(ledger_url: str) -> None:
    """By its id, and by who has opened it since, however many those were."""
    with Ledger.open(ledger_url) as first:
        settle_all(first, *unclaimed(1, 2))
        with first.read() as connection:
            seen = position(connection)
        settle_all(first, *unclaimed(3))
    assert seen.numbers == {"operations": 2, "runs": 0, "task_links": 0}
    with Ledger.open(ledger_url) as second, second.read() as connection:
        assert is_continued(connection, seen.edition, "operations", 2)
        assert Edition.from_json(seen.edition.as_json()) == seen.edition


def test_another_ledger_is_told_apart_though_its_numbers_have_passed(
    ledger: Ledger, tmp_path: Path
) -> None:
    """A number means nothing in a ledger that did not give it."""
    settle_all(ledger, *unclaimed(1))
    with ledger.read() as connection:
        seen = position(connection).edition
    with Ledger.open(f"sqlite:///{tmp_path}/other.db") as other:
        settle_all(other, *unclaimed(1, 2, 3))
        with other.read() as connection:
            assert not is_continued(connection, seen, "operations", 1)


@pytest.mark.parametrize("same_run", [True, False])
def test_an_older_copy_that_was_restored_is_told_apart(tmp_path: Path, *, same_run: bool) -> None:
    """Whether the copy lacks whole runs or only the end of one: its numbers are given twice."""
    path, copy = tmp_path / "ledger.db", tmp_path / "copy.db"
    with Ledger.open(f"sqlite:///{path}") as ledger:
        settle_all(ledger, *unclaimed(1, 2))
        _copy(ledger, copy)
        if same_run:
            settle_all(ledger, *unclaimed(3, 4))
            with ledger.read() as connection:
                seen = position(connection).edition
    if not same_run:
        with Ledger.open(f"sqlite:///{path}") as later:
            settle_all(later, *unclaimed(3, 4))
            with later.read() as connection:
                seen = position(connection).edition
    for number in (5, 6, 7):
        with Ledger.open(f"sqlite:///{copy}") as restored:
            settle_all(restored, *unclaimed(number))
            with restored.read() as connection:
                assert not is_continued(connection, seen, "operations", 4)


def test_old_openings_are_forgotten_and_prove_nothing(
    ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table stays small; a bookmark that is older than all of it is believed."""
    monkeypatch.setattr(identity, "OPENINGS_KEPT", 3)
    with Ledger.open(ledger_url) as first, first.read() as connection:
        seen = position(connection).edition
    for _ in range(5):
        Ledger.open(ledger_url).__enter__().__exit__(None, None, None)
    with Ledger.open(ledger_url) as last, last.read() as connection:
        assert connection.scalars(select(openings.c.number)).all() == [5, 6, 7]
        assert is_continued(connection, seen, "operations", 0)


def _copy(ledger: Ledger, to: Path) -> None:
    with ledger.write() as connection:
        connection.exec_driver_sql("SELECT 1")
    with ledger.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        raw = connection.connection.driver_connection
        assert raw is not None
        raw.execute(f"VACUUM INTO '{to}'")
    shutil.copymode(str(ledger.engine.url.database), to)
