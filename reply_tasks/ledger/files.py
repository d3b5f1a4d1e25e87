"""The file of a SQLite ledger: private to its owner, and the same file throughout a run."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from sqlalchemy.engine import URL

from reply_tasks.ledger.errors import LedgerError, MissingLedgerError

#: What SQLite keeps beside a database.
_SIDE_FILES = ("-wal", "-shm", "-journal")


@dataclass(frozen=True, slots=True)
class LedgerFile:
    """A file as it was when the ledger was opened.

    Attributes:
        path: Where it lies, whatever becomes of the working directory.
        identity: Device and inode.
    """

    path: str
    identity: tuple[int, int]

    @classmethod
    def of(cls, url: URL) -> Self | None:
        """The file of a ledger that was opened; None where it is not a file."""
        if url.get_backend_name() != "sqlite" or url.database in {None, "", ":memory:"}:
            return None
        path = str(Path(str(url.database)).absolute())
        return cls(path, _identity(path))

    def check(self) -> None:
        """Check that the file is still in place: of another in its place this run sees nothing.

        Raises:
            LedgerError: It was deleted or replaced.
        """
        if _identity(self.path) != self.identity:
            raise LedgerError(
                f"The ledger {self.path} was deleted or replaced while it was in use: nothing more "
                "is sent. Put the right file back, with its -wal, and run again."
            )


def _identity(path: str) -> tuple[int, int]:
    try:
        found = os.stat(path)  # noqa: PTH116 - before each send that can't be undone: as cheap as it is
    except OSError:
        return (0, 0)
    return (found.st_dev, found.st_ino)


def private_file(path: Path, *, create: bool) -> None:
    """Make the file readable by its owner only; SQLite gives its side files the same mode.

    Raises:
        LedgerError: It is not there and must not be made, can't be made, or can't be trusted.
    """
    folder = path.absolute().parent
    shared = folder.is_dir() and folder.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    if shared:
        _refuse_planted(path, by_anybody=bool(shared & stat.S_IWOTH))
    if not path.exists():
        if not create:
            raise MissingLedgerError(
                f"There is no ledger at {path}; the first run of the target makes it."
            )
        if not folder.is_dir():
            raise LedgerError(f"The ledger's folder {folder} does not exist.")
        flags = os.O_CREAT | os.O_RDWR | (os.O_NOFOLLOW if shared else 0)
        try:
            os.close(os.open(path, flags, 0o600))
        except OSError as error:
            raise LedgerError(f"The ledger {path} can't be made: {error.strerror}") from None
    elif path.is_dir():
        raise LedgerError(f"The ledger {path} is a folder, not a file.")


def _refuse_planted(path: Path, *, by_anybody: bool) -> None:
    """Where others can write, one of them may have put a link or a file in our way."""
    for each in (path, *(path.with_name(path.name + end) for end in _SIDE_FILES)):
        try:
            found = each.lstat()
        except OSError:
            continue
        if stat.S_ISLNK(found.st_mode) or (by_anybody and found.st_uid != os.geteuid()):
            raise LedgerError(
                f"{each} is a link or another user's file in a folder that others can write: it is "
                "not used. Keep the ledger in a folder of its own, e.g. with mode 0700."
            )
