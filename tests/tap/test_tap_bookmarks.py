"""A run of the tap goes on where the last one ended, on this ledger and on no other."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tap_ledger import LedgerWriter, applied, rejected, sqlite_url, unchanged
from tap_world import emit, make_tap

from reply_tasks.ledger.runs import start_run


def test_a_second_run_emits_only_what_is_new(ledger_url: str) -> None:
    """With the state of the last run nothing comes twice, and nothing new is missed."""
    config = {"ledger_url": ledger_url}
    with LedgerWriter.open(ledger_url) as writer:
        writer.settle(applied(1), rejected(2))
        writer.end()
        first = emit(config)
        again = emit(config, state=first.state)
        assert dict(again.records) == {}
        assert again.state == first.state
        with writer.ledger.write() as connection:
            writer.run_id = "f" * 32
            start_run(connection, writer.run_id)
        writer.settle(rejected(3), applied(4))
        writer.end()
    third = emit(config, state=again.state)
    assert third.ids("task_operations") == [3, 4]
    assert third.ids("task_details") == [4]
    assert third.ids("runs") == [2]


def test_the_start_date_is_not_taken_for_a_bookmark(tmp_path: Path) -> None:
    """``start_date`` is for the API streams: the ledger is read from its beginning."""
    with LedgerWriter.open(sqlite_url(tmp_path)) as writer:
        writer.settle(applied(1))
    config = {"ledger_url": sqlite_url(tmp_path), "start_date": "2030-01-01"}
    first = emit(config)
    assert first.ids("task_operations") == [1]
    assert emit(config, state=first.state).records["task_operations"] == []


def test_a_stream_that_is_forced_to_full_table_is_read_whole(tmp_path: Path) -> None:
    """Whoever drops the bookmark gets every row, whatever the state says."""
    config = {"ledger_url": sqlite_url(tmp_path)}
    with LedgerWriter.open(sqlite_url(tmp_path)) as writer:
        writer.settle(applied(1))
    state = emit(config).state
    tap = make_tap(config, state=state)
    tap.streams["task_operations"].forced_replication_method = "FULL_TABLE"
    rows = tap.streams["task_operations"].get_records(None)
    assert [row["sequence"] for row in rows if isinstance(row, dict)] == [1]


def test_a_ledger_that_was_replaced_is_read_from_its_beginning(
    ledger_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A bookmark beyond every number that a ledger has given is not its own: no row is lost."""
    with LedgerWriter.open(ledger_url) as writer:
        writer.settle(applied(1), applied(2))
    bookmark = {"replication_key": "sequence", "replication_key_value": 900}
    output = emit({"ledger_url": ledger_url}, state={"bookmarks": {"task_operations": bookmark}})
    assert output.ids("task_operations") == [1, 2]
    assert output.state["bookmarks"]["task_operations"]["replication_key_value"] == 2
    assert "it was replaced" in caplog.text


def test_another_ledger_is_noticed_though_its_numbers_have_passed_the_bookmark(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The bookmark names its ledger: what another one gave the same numbers to is not skipped."""
    (tmp_path / "other").mkdir()
    first, other = sqlite_url(tmp_path), sqlite_url(tmp_path / "other")
    for url, count in ((first, 2), (other, 4)):
        with LedgerWriter.open(url) as writer:
            writer.settle(*(applied(task) for task in range(1, count + 1)))
            writer.end()
    state = emit({"ledger_url": first}).state
    moved = emit({"ledger_url": other}, state=state)
    assert moved.ids("task_operations") == moved.ids("task_details") == [1, 2, 3, 4]
    assert moved.ids("runs") == [1]
    assert moved.ids("task_links") == [1, 2, 3, 4]
    assert caplog.text.count("it was replaced") == 4
    assert dict(emit({"ledger_url": other}, state=moved.state).records) == {}


def test_an_older_copy_of_the_ledger_is_noticed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It has the same id, and gives the numbers that the copy lacks a second time."""
    url, path = sqlite_url(tmp_path), tmp_path / "ledger.db"
    with LedgerWriter.open(url) as writer:
        writer.settle(applied(1))
    copy = path.read_bytes()
    with LedgerWriter.open(url) as writer:
        writer.settle(applied(2))
    state = emit({"ledger_url": url}).state
    path.write_bytes(copy)
    for task in (3, 4):
        with LedgerWriter.open(url) as writer:
            writer.settle(applied(task))
    output = emit({"ledger_url": url}, "task_operations", "task_links", state=state)
    assert output.ids("task_operations", "taskId") == [1, 3, 4]
    assert output.ids("task_links", "taskId") == [1, 3, 4]
    assert "an older copy of it restored" in caplog.text


@pytest.mark.parametrize("stream", ["task_operations", "task_links"])
def test_a_copy_that_was_made_in_a_run_is_noticed(tmp_path: Path, stream: str) -> None:
    """The same run opened both; that the next one found fewer rows than were read tells it."""
    url, path, copy = sqlite_url(tmp_path), tmp_path / "ledger.db", tmp_path / "copy.db"
    with LedgerWriter.open(url) as writer:
        writer.settle(applied(1))
        with closing(sqlite3.connect(path)) as there, closing(sqlite3.connect(copy)) as backup:
            there.backup(backup)
        writer.settle(applied(2))
        state = emit({"ledger_url": url}, stream).state
    path.write_bytes(copy.read_bytes())
    with LedgerWriter.open(url) as writer:
        writer.settle(applied(3), applied(4))
    output = emit({"ledger_url": url}, stream, state=state)
    assert output.ids(stream, "taskId") == [1, 3, 4]


def test_a_bookmark_of_an_earlier_version_goes_on_and_names_its_ledger(tmp_path: Path) -> None:
    """An upgrade repeats nothing, and from then on another ledger is noticed."""
    url = sqlite_url(tmp_path)
    with LedgerWriter.open(url) as writer:
        writer.settle(applied(1), applied(2))
    bookmark = {"replication_key": "sequence", "replication_key_value": 1}
    output = emit({"ledger_url": url}, state={"bookmarks": {"task_operations": bookmark}})
    assert output.ids("task_operations") == [2]
    named = output.state["bookmarks"]["task_operations"]
    assert named["replication_key_value"] == 2
    assert named["ledger"]["opened_by"] == writer.ledger.holder.holder_id


def test_a_bookmark_of_another_tap_ends_the_run_with_one_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A date where a number belongs is not guessed at."""
    with LedgerWriter.open(sqlite_url(tmp_path)) as writer:
        writer.settle(applied(1))
    bookmark = {"replication_key": "sequence", "replication_key_value": "2026-01-01"}
    state = {"bookmarks": {"task_operations": bookmark}}
    output = emit({"ledger_url": sqlite_url(tmp_path)}, "task_operations", state=state)
    assert output.exit_code == 1
    assert "bookmark of task_operations is '2026-01-01'" in caplog.text


def test_a_ledger_that_is_being_written_is_read_without_gaps(ledger_url: str) -> None:
    """Runs beside two writers emit, taken together, every operation exactly once and in order."""
    batches, size = 40, 5
    failures: list[BaseException] = []

    def write() -> None:
        try:
            with LedgerWriter.open(ledger_url) as writer:
                for _ in range(batches):
                    writer.settle(*(unchanged(number) for number in range(size)))
        except BaseException as error:  # noqa: BLE001 - told to the test's own thread
            failures.append(error)

    with LedgerWriter.open(ledger_url):
        writers = [threading.Thread(target=write) for _ in range(2)]
        for thread in writers:
            thread.start()
        config = {"ledger_url": ledger_url}
        state: dict[str, Any] = {}
        seen: list[int] = []
        while any(thread.is_alive() for thread in writers):
            output = emit(config, "task_operations", state=state)
            seen += output.ids("task_operations")
            state = output.state
        for thread in writers:
            thread.join()
    seen += emit(config, "task_operations", state=state).ids("task_operations")
    assert failures == []
    assert seen == list(range(1, 2 * batches * size + 1))
