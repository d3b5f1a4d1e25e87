"""What the tap does with the ledger that it is pointed at: none, a sandbox's, no ledger at all."""

import stat
from pathlib import Path

import pytest
from tap_ledger import LedgerWriter, applied, sqlite_url
from tap_world import emit, run

from reply_tasks.ledger import Ledger

#: Each of them starts processes.
pytestmark = pytest.mark.e2e


def test_the_ledger_of_a_sandbox_is_read_without_its_address(tmp_path: Path) -> None:
    """Nothing is called, so that nobody has to say which API it belongs to."""
    url = sqlite_url(tmp_path)
    with Ledger.open(url, api_url="http://127.0.0.1:8300/v3"):
        pass
    assert emit({"ledger_url": url}).exit_code == 0


def test_without_a_ledger_there_are_schemas_and_no_rows(tmp_path: Path) -> None:
    """A tap that is scheduled before the target's first run says so, succeeds and makes no file."""
    config = {"ledger_url": sqlite_url(tmp_path)}
    before = run(tmp_path, config)
    assert before.exit_code == 0
    assert sorted(before.schemas) == ["runs", "task_details", "task_links", "task_operations"]
    assert dict(before.records) == {}
    assert "There is no ledger at" in before.log
    assert not (tmp_path / "ledger.db").exists()
    with LedgerWriter.open(sqlite_url(tmp_path)) as writer:
        writer.settle(applied(1))
    assert run(tmp_path, config, state=before.state).ids("task_operations") == [1]


def test_a_file_that_is_no_ledger_ends_the_run_with_one_line(tmp_path: Path) -> None:
    """Exit code 1 and a sentence, no traceback."""
    (tmp_path / "ledger.db").write_text("not a database" * 100)
    output = run(tmp_path, {"ledger_url": sqlite_url(tmp_path)})
    assert output.exit_code == 1
    assert "can't be opened: file is not a database" in output.log
    assert "Traceback" not in output.log


def test_a_password_of_the_ledger_is_never_shown(tmp_path: Path) -> None:
    """A database that can't be reached is named without its password."""
    url = "postgresql+psycopg://reply:s3cr3t-word@127.0.0.1:1/ledger"
    output = run(tmp_path, {"ledger_url": url})
    assert output.exit_code == 1
    assert "127.0.0.1" in output.log
    assert "s3cr3t-word" not in output.log
    assert "Traceback" not in output.log


def test_the_ledger_stays_private(tmp_path: Path) -> None:
    """Reading leaves the file to its owner."""
    with LedgerWriter.open(sqlite_url(tmp_path)) as writer:
        writer.settle(applied(1))
    emit({"ledger_url": sqlite_url(tmp_path)})
    assert stat.S_IMODE((tmp_path / "ledger.db").stat().st_mode) == 0o600
