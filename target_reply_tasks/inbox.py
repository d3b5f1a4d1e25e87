"""The engine's inbox: what the reader and the senders tell the engine thread."""

from collections import deque
from dataclasses import dataclass, field
from threading import Event
from typing import NamedTuple

from reply_tasks.ledger import Settlement
from target_reply_tasks.work import Unsettled, Work

#: Seconds for which messages that nobody waits for gather into one commit.
GATHERING = 0.05


class Received(NamedTuple):
    """A valid record was read."""

    work: Work


class Refused(NamedTuple):
    """A record was read that can't be applied; it needs no call to be settled.

    Attributes:
        settlement: Its rejection.
        size: Bytes of its line.
    """

    settlement: Settlement
    size: int = 0


@dataclass(frozen=True, slots=True)
class StateRead:
    """A STATE was read; its value is the JSON text that came."""

    text: str


@dataclass(frozen=True, slots=True)
class StateLeft:
    """A STATE was written, or will never be: so many bytes are no longer in hand."""

    size: int


@dataclass(frozen=True, slots=True)
class OutputClosed:
    """Nobody reads standard output any more."""

    cause: str


@dataclass(frozen=True, slots=True)
class InputEnded:
    """There is no more to read.

    Attributes:
        broken: What was wrong with the input, if it ended before its end.
    """

    broken: str | None = None


@dataclass(frozen=True, slots=True)
class StopWanted:
    """The run shall stop: a signal, or a cause that a person must see to.

    Attributes:
        cause: The one line that says why; None for a signal.
        exit_code: The run's exit code.
    """

    cause: str | None
    exit_code: int


@dataclass(frozen=True, slots=True)
class Ended:
    """A sender is done with a record.

    Attributes:
        work: The record.
        result: What became of it.
        last: Whether it was the last one of its call, so that the sender is free again.
    """

    work: Work
    result: Settlement | Unsettled
    last: bool = True


@dataclass(frozen=True, slots=True)
class Crashed:
    """A thread of ours failed: a bug, never a wire trouble."""

    error: BaseException


@dataclass(slots=True, eq=False)
class SlotWanted:
    """A sender needs a slot of the quota for one more call of a record."""

    work: Work
    answered: Event = field(default_factory=Event)
    granted: bool = False

    def answer(self, *, granted: bool) -> None:
        """Let the sender go on."""
        self.granted = granted
        self.answered.set()


@dataclass(frozen=True, slots=True)
class PauseWanted:
    """Reply answered 429: no more calls of this user for so many seconds."""

    user: str | None
    seconds: float


Message = (
    Received
    | Refused
    | StateRead
    | StateLeft
    | OutputClosed
    | InputEnded
    | StopWanted
    | Ended
    | Crashed
    | SlotWanted
    | PauseWanted
)


class Inbox:
    """Messages in the order sent, taken in groups: one group is one commit of the ledger.

    A message that somebody waits for is urgent; the others rest a moment, so that a group is worth
    its commit.
    """

    def __init__(self, *, gathering: float) -> None:
        """Make an empty inbox.

        Args:
            gathering: Seconds for which a message that is not urgent may wait for others.
        """
        self._gathering = gathering
        self._enough = 1
        self._messages: deque[Message] = deque()
        self._arrived = Event()
        self._urgent = Event()

    def put(self, message: Message, *, urgent: bool) -> None:
        """Send a message, from any thread."""
        self._messages.append(message)
        if not self._arrived.is_set():
            self._arrived.set()
        if (urgent or len(self._messages) >= self._enough) and not self._urgent.is_set():
            self._urgent.set()

    def stop_wanted(self) -> StopWanted | None:
        """The wish to stop that waits among the messages; they stay."""
        return next((each for each in tuple(self._messages) if isinstance(each, StopWanted)), None)

    def take(self, *, timeout: float | None, enough: int) -> list[Message]:
        """The next group; empty when ``timeout`` seconds have passed without a message.

        Args:
            timeout: Seconds; None for as long as it takes.
            enough: A group of so many waits for no more: those who send them may be waiting.
        """
        self._enough = enough
        if not self._arrived.wait(timeout):
            return []
        if len(self._messages) < enough:
            self._urgent.wait(self._gathering)
        self._arrived.clear()
        self._urgent.clear()
        group = []
        while self._messages:
            group.append(self._messages.popleft())
        return group
