"""The Reply account that a sandbox plays: everything that a call can see or change."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from reply_tasks.sandbox.assumptions import Assumptions
from reply_tasks.sandbox.contacts import Contact, Contacts
from reply_tasks.sandbox.identity import User
from reply_tasks.sandbox.mailboxes import Mailboxes
from reply_tasks.sandbox.store import Store
from reply_tasks.sandbox.tasks import Task


@dataclass(frozen=True, slots=True)
class Account:
    """Its parts, and what is assumed of Reply.

    Attributes:
        users: Everybody whom some key may act for.
        in_organization: Whether it may ask for the users of its teams.
    """

    store: Store
    contacts: Contacts
    mailboxes: Mailboxes
    users: Sequence[User]
    in_organization: bool = True
    assumed: Assumptions = field(default_factory=Assumptions)

    def contact(self, task: Task) -> Contact | None:
        """Whom the task is about."""
        return None if task.contact_id is None else self.contacts.of(task.contact_id)

    def reset(self) -> None:
        """As at the start."""
        self.store.reset()
        self.contacts.reset()
        self.mailboxes.reset()
