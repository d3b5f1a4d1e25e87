"""The writer of STATEs: a thread of its own, so that a full pipe never blocks the engine.

What a STATE says is committed before it comes here.
"""

from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread

from target_reply_tasks.inbox import Crashed, Inbox, OutputClosed, StateLeft
from target_reply_tasks.steps import Reached, Step, pass_by


class StateWriter:
    """Writes STATEs in the order given, for as long as somebody reads them.

    Args:
        write: Writes one STATE to standard output.
        inbox: Told of each STATE that has left, and of an output that nobody reads any more.
        reached: Told of each step of the run.
    """

    def __init__(
        self, write: Callable[[str], None], inbox: Inbox, *, reached: Reached = pass_by
    ) -> None:
        self._write = write
        self._reached = reached
        self._inbox = inbox
        self._texts: SimpleQueue[str | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name="states", daemon=True)
        self.leaving = 0

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def put(self, text: str) -> None:
        """Let a STATE leave."""
        self.leaving += 1
        self._texts.put(text)

    def left(self) -> None:
        """The engine was told that one has left."""
        self.leaving -= 1

    def close(self) -> None:
        """Nothing more will leave."""
        self._texts.put(None)

    def _run(self) -> None:
        heard = True
        while (text := self._texts.get()) is not None:
            try:
                if heard:
                    self._write(text)
                    self._reached(Step.STATE_WRITTEN)
            except OSError as error:
                heard = False
                self._inbox.put(OutputClosed(error.strerror or str(error)), urgent=True)
            except BaseException as error:  # noqa: BLE001 - it is told, and stops the run
                heard = False
                self._inbox.put(Crashed(error), urgent=True)
            self._inbox.put(StateLeft(len(text)), urgent=self._texts.empty())
