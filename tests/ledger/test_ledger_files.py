"""The file of a SQLite ledger: its owner's alone, never a link's end, and the same to the end."""

import os
import stat
from pathlib import Path

import pytest
from entries import entry
from ledger_rows import claim_all
from sqlalchemy.exc import SQLAlchemyError

from reply_tasks.ledger import Ledger, LedgerError, open_engine
from reply_tasks.ledger.urls import cause, usable


@pytest.mark.parametrize("end", ["", "-wal"])
def test_a_link_in_a_folder_of_others_is_not_followed(tmp_path: Path, end: str) -> None:
    """Whoever can write there could have us write our texts into a file of theirs."""
    theirs = tmp_path / "theirs"
    theirs.write_text("")
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    (shared / f"ledger.db{end}").symlink_to(theirs)
    with pytest.raises(LedgerError, match="is a link or another user's file"):
        open_engine(f"sqlite:///{shared}/ledger.db")
    assert theirs.read_text() == ""
    shared.chmod(0o700)
    if not end:
        open_engine(f"sqlite:///{shared}/ledger.db").dispose()


def test_a_ledger_in_a_folder_of_others_is_made_for_its_owner(tmp_path: Path) -> None:
    """There it is as private as anywhere."""
    tmp_path.chmod(0o1777)
    for _ in range(2):
        open_engine(f"sqlite:///{tmp_path}/ledger.db").dispose()
    assert stat.S_IMODE((tmp_path / "ledger.db").stat().st_mode) == 0o600


@pytest.mark.parametrize("replaced", [True, False])
def test_a_ledger_that_was_deleted_or_replaced_is_noticed(
    tmp_path: Path, *, replaced: bool
) -> None:
    """Nothing more is written or sent, and no other file comes into being in its place."""
    path = tmp_path / "ledger.db"
    ledger = Ledger.open(f"sqlite:///{path}").__enter__()
    claim_all(ledger, entry(1))
    ledger.check_in_place()
    path.rename(tmp_path / "moved.db")
    if replaced:
        open_engine(f"sqlite:///{path}").dispose()
    with pytest.raises(LedgerError, match="deleted or replaced"):
        ledger.check_in_place()
    with pytest.raises(LedgerError, match="deleted or replaced"):
        claim_all(ledger, entry(2))
    with pytest.raises(LedgerError, match="deleted or replaced"):
        ledger.__exit__(None, None, None)
    assert path.exists() is replaced


def test_a_working_directory_that_changes_moves_no_ledger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative path is meant from where the process began."""
    monkeypatch.chdir(tmp_path)
    with Ledger.open("sqlite:///ledger.db") as ledger:
        (tmp_path / "elsewhere").mkdir()
        os.chdir(tmp_path / "elsewhere")
        ledger.check_in_place()
        assert len(claim_all(ledger, entry(1))) == 1


@pytest.mark.parametrize(
    "said",
    [
        "connection failed: host=db password=s3cr3t-word",
        'missing "=" in "postgresql://me:s3cr3t-word@db/x"',
        "no such option: passwd = 's3cr3t-word x'",
        "could not look up s3cr3t-word",
        "could not look up s3cr3t%2Dword",
    ],
)
def test_what_a_database_says_is_told_without_a_password(said: str) -> None:
    """Drivers quote what they were given to connect with."""
    usable("postgresql://me@db/x?password=s3cr3t-word")
    told = cause(SQLAlchemyError(said.replace("%2D", "-")))
    assert "s3cr3t" not in told
    assert "***" in told
