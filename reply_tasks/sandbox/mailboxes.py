"""The mailboxes that Reply sends from: each user has one, and the sequences share another."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from threading import Lock
from typing import TypedDict, Unpack

from reply_tasks.sandbox.identity import User

#: The mailboxes of a sandbox: the first user's default one, and the one of every sequence.
DEFAULT_MAILBOX, SEQUENCE_MAILBOX = 1, 2


class ConnectionStatus(StrEnum):
    """Whether Reply reaches a mailbox."""

    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    UNKNOWN = "unknown"


class MailboxType(StrEnum):
    """Who runs a mailbox."""

    CUSTOM = "custom"
    GMAIL = "gmail"
    OUTLOOK = "outlook"
    EXCHANGE = "exchange"
    EXCHANGE_ON_PREMISE = "exchangeOnPremise"


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An email account of Reply's."""

    id: int
    email: str
    owner_user_id: int = 1
    sender_name: str = ""
    type: MailboxType = MailboxType.CUSTOM
    is_default: bool = False
    daily_limit: int = 200
    status: ConnectionStatus = ConnectionStatus.CONNECTED
    tags: tuple[str, ...] = field(default=())


class MailboxMembers(TypedDict, total=False):
    """The members of a Mailbox that a test may set."""

    email: str
    owner_user_id: int
    sender_name: str
    type: MailboxType
    is_default: bool
    daily_limit: int
    status: ConnectionStatus
    tags: tuple[str, ...]


class Mailboxes:
    """The mailboxes of an account; safe for any number of threads."""

    def __init__(self, mailboxes: Iterable[Mailbox] = ()) -> None:
        self._lock = Lock()
        self._first = {mailbox.id: mailbox for mailbox in mailboxes}
        self._mailboxes = dict(self._first)

    def make(self, mailbox_id: int | None = None, **members: Unpack[MailboxMembers]) -> Mailbox:
        """A mailbox under the next free id, or in the place of the one with this id."""
        with self._lock:
            number = mailbox_id or max(self._mailboxes, default=SEQUENCE_MAILBOX) + 1
            mailbox = replace(Mailbox(number, f"mailbox{number}@example.com"), **members)
            self._mailboxes[number] = mailbox
            return mailbox

    def all(self) -> list[Mailbox]:
        """Every mailbox, by id."""
        with self._lock:
            return sorted(self._mailboxes.values(), key=lambda mailbox: mailbox.id)

    def is_own(self, mailbox_id: int, user_id: int) -> bool:
        """Whether a mailbox is this user's."""
        mailbox = self._mailboxes.get(mailbox_id)
        return mailbox is not None and mailbox.owner_user_id == user_id

    def default_of(self, user_id: int) -> int:
        """The mailbox that a user sends from unless told."""
        for mailbox in self.all():
            if mailbox.is_default and mailbox.owner_user_id == user_id:
                return mailbox.id
        return DEFAULT_MAILBOX

    def reset(self) -> None:
        """The mailboxes of the start."""
        with self._lock:
            self._mailboxes = dict(self._first)


def mailboxes_of(users: Iterable[User]) -> list[Mailbox]:
    """A default mailbox for each user, and the one of the sequences, which the first user owns."""
    mailboxes: list[Mailbox] = []
    for user in users:
        number = DEFAULT_MAILBOX if not mailboxes else SEQUENCE_MAILBOX + len(mailboxes) - 1
        email = user.email or f"user{user.id}@example.com"
        mailboxes.append(Mailbox(number, email, user.id, user.name, is_default=True))
        if len(mailboxes) == 1:
            mailboxes.append(Mailbox(SEQUENCE_MAILBOX, "sequences@example.com", user.id))
    return mailboxes
