"""The ledger as a process uses it: opened once, with a holder whose lease is renewed."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Self

from sqlalchemy import Connection, Engine

from reply_tasks.ledger.boot_clock import since_boot
from reply_tasks.ledger.database import LedgerError, clear_errors, open_engine, writing, writing_on
from reply_tasks.ledger.files import LedgerFile
from reply_tasks.ledger.identity import claim_origin, note_opening
from reply_tasks.ledger.ids import new_id
from reply_tasks.ledger.liveness import LEASE, RENEWAL, Holder, this_process
from reply_tasks.ledger.runs import forget_holder, register_holder, renew_lease


class Ledger:
    """A ledger that this process writes, and the holder that its claims name.

    Use it as a context manager: leaving it ends the lease, so that what is still claimed can be
    taken over at once.
    """

    def __init__(self, engine: Engine, holder: Holder, *, api_url: str | None = None) -> None:
        self.engine = engine
        self.holder = holder
        self._api_url = api_url
        self._file = LedgerFile.of(engine.url)
        self._lease = _Lease(engine, holder)

    @classmethod
    def open(cls, ledger_url: str, *, create: bool = True, api_url: str | None = None) -> Self:
        """Open the ledger.

        Args:
            ledger_url: SQLAlchemy URL.
            create: Make the ledger where there is none; otherwise its absence is an error.
            api_url: The API that is called under this ledger's promises: it belongs to that API
                from now on, or is refused on entering. None if nothing is called.

        Raises:
            LedgerError: It can't be opened.
        """
        engine = open_engine(ledger_url, create=create)
        return cls(engine, this_process(new_id()), api_url=api_url)

    def __enter__(self) -> Self:
        """Make this process known to the others.

        Raises:
            ForeignLedgerError: The ledger belongs to another API.
        """
        try:
            with self.write() as connection:
                if self._api_url is not None:
                    claim_origin(connection, self._api_url)
                note_opening(connection, self.holder)
                register_holder(connection, self.holder)
        except BaseException:
            self.engine.dispose()
            raise
        self._lease.start()
        return self

    def __exit__(self, _: object, error: BaseException | None, *__: object) -> None:
        self._lease.stop()
        try:
            with self.write() as connection:
                forget_holder(connection, self.holder)
        except LedgerError:
            if error is None:
                raise
        finally:
            self.engine.dispose()

    @property
    def held(self) -> bool:
        """Whether the lease is safely ours: no other host may take our claims yet."""
        return self._lease.safe

    @property
    def struck_off(self) -> bool:
        """Whether another process assumed that this one had died: its lease can't be renewed."""
        return self._lease.struck_off

    def check_in_place(self) -> None:
        """See that the ledger is where it was: cheap enough for every send.

        Raises:
            LedgerError: Its file was deleted or replaced.
        """
        if self._file is not None:
            self._file.check()

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[Connection]:
        """A write transaction on a connection of its own.

        Raises:
            LedgerError: The database refused it.
        """
        with clear_errors(), writing(self.engine, durable=durable) as connection:
            yield connection

    @contextmanager
    def session(self) -> Iterator[Callable[..., AbstractContextManager[Connection]]]:
        """One connection for many write transactions, for the one thread that commits groups.

        Yields a function that, called with ``durable=``, gives a transaction on that connection.
        """
        with clear_errors(), self.engine.connect() as connection:

            @contextmanager
            def transaction(*, durable: bool) -> Iterator[Connection]:
                with clear_errors(), writing_on(connection, durable=durable):
                    yield connection

            yield transaction

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for reading."""
        with clear_errors(), self.engine.connect() as connection:
            yield connection


class _Lease:
    """Renews a holder's lease in a thread of its own, and knows when it could not."""

    def __init__(self, engine: Engine, holder: Holder) -> None:
        self._engine = engine
        self._holder = holder
        self._stopped = threading.Event()
        self._renewed = 0.0
        self.struck_off = False
        self._thread = threading.Thread(target=self._run, name="lease", daemon=True)

    def start(self) -> None:
        self._renewed = _monotonic()
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def safe(self) -> bool:
        return _monotonic() - self._renewed < (LEASE - RENEWAL).total_seconds()

    def _run(self) -> None:
        pause = RENEWAL.total_seconds()
        while not self._stopped.wait(pause):
            began, pause = _monotonic(), RENEWAL.total_seconds()
            try:
                with clear_errors(), writing(self._engine, durable=False) as connection:
                    known = renew_lease(connection, self._holder)
            except LedgerError:
                pause = min(pause, 1.0)  # the next renewal may succeed; until then `safe` tells
                continue
            if known:
                self._renewed = began
            self.struck_off = not known


_monotonic = since_boot
