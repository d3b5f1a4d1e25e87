"""Look-ups: the id that an address stands for, asked once and kept for a day."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any

from reply_tasks.contract.outcomes import Reason
from reply_tasks.ledger.lookups import LookUpKey, LookUpKind

NOT_FOUND = {
    LookUpKind.CONTACT: Reason.CONTACT_NOT_FOUND,
    LookUpKind.USER: Reason.USER_NOT_FOUND,
    LookUpKind.MAILBOX: Reason.MAILBOX_NOT_FOUND,
}
#: What a key needs that may not ask.
NEEDS = {
    LookUpKind.CONTACT: "Give the key the scope contacts:read, or the record its contactId.",
    LookUpKind.USER: "Only an organization's key may ask for its users: give the record userId.",
    LookUpKind.MAILBOX: "Give the key the scope channels:read, or the record its emailAccountId.",
}


@dataclass(frozen=True, slots=True)
class FoundId:
    """What an address stands for.

    Attributes:
        value: The id; None unless there is exactly one.
        found: How many there are.
    """

    value: int | None
    found: int


class LookUps:
    """What was looked up, by this run and, for a day, by others. One asks, the others wait.

    Args:
        read: What the ledger knows of an address.
        write: Keeps what was found, durably: what was sent with an id can then be told.
    """

    def __init__(
        self,
        read: Callable[[LookUpKey], FoundId | None],
        write: Callable[[Mapping[LookUpKey, FoundId]], None],
    ) -> None:
        self._read = read
        self._write = write
        self._known: dict[LookUpKey, FoundId] = {}
        self._asking = {kind: Lock() for kind in LookUpKind}

    def find(self, key: LookUpKey, ask: Callable[[], Mapping[str, FoundId]]) -> FoundId:
        """What an address stands for.

        Only what was found is kept: what is missing or twice in Reply, a person may mend at once.

        Args:
            key: The kind, the address, and for whom.
            ask: Asks Reply; what it says of this address, and of others where it says that too.
        """
        with self._asking[LookUpKind(key.kind)]:
            found = self._known.get(key) or self._read(key)
            if found is None:
                said = {key._replace(address=email): each for email, each in ask().items()}
                self._known.update(said)
                self._write({key: each for key, each in said.items() if each.value is not None})
                found = said.get(key, FoundId(None, 0))
            self._known[key] = found
            return found


def ids_by_address(items: Iterable[Any], *, address: str, value: str) -> dict[str, FoundId]:
    """What a list of Reply's says of addresses: those that name one thing, and those of several.

    Args:
        items: The objects of the list.
        address: The member that holds the address.
        value: The member that holds the id.
    """
    ids: dict[str, set[int]] = {}
    for item in items:
        if isinstance(item, Mapping) and isinstance(item.get(address), str):
            named = item.get(value)
            if type(named) is int:
                ids.setdefault(item[address].strip().lower(), set()).add(named)
    return {
        email: FoundId(next(iter(found)) if len(found) == 1 else None, len(found))
        for email, found in ids.items()
    }
