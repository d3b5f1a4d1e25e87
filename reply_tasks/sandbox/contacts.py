"""The people that tasks are about: everybody has an id, and some were made for a test."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from threading import Lock
from typing import TypedDict, Unpack

#: The first id that a contact gets which is made without one.
_FIRST_MADE = 5001
_FIRST = ("Ada", "Bo", "Carla", "Deniz", "Emeka", "Freya", "Goran", "Hana", "Ivan", "June")
_LAST = (
    "Abbott",
    "Berg",
    "Costa",
    "Dahl",
    "Eze",
    "Frank",
    "Gupta",
    "Horn",
    "Ito",
    "Jansen",
    "Kern",
)
_COMPANIES = ("Acme", "Borealis", "Cobalt", "Dune", "Ember", "Fjord", "Gale")
_TITLES = ("CEO", "Head of Sales", "Buyer", "Engineer", "Office Manager")
_CITIES = (("Lisbon", "Europe/Lisbon"), ("Kyiv", "Europe/Kyiv"), ("Boston", "America/New_York"))


@dataclass(frozen=True, slots=True)
class Contact:
    """A person that tasks are about; an address that is empty is none.

    ``hidden`` is the sandbox's own: no look-up finds them.
    """

    id: int
    first_name: str
    last_name: str
    company: str
    title: str
    city: str
    time_zone: str
    email: str
    phone: str
    linked_in_url: str
    owner_user_id: int = 1
    is_opted_out: bool = False
    hidden: bool = False

    @property
    def full_name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}"


class ContactMembers(TypedDict, total=False):
    """The members of a Contact that a test may set."""

    first_name: str
    last_name: str
    company: str
    title: str
    city: str
    time_zone: str
    email: str
    phone: str
    linked_in_url: str
    owner_user_id: int
    is_opted_out: bool
    hidden: bool


@lru_cache(maxsize=4096)
def contact_of(contact_id: int) -> Contact:
    """Who has this id unless one was made under it; every id names somebody, always the same.

    The address is under a name that is reserved for examples, the number in the range that is
    reserved for fiction.
    """
    city, time_zone = _CITIES[contact_id % len(_CITIES)]
    first_name = _FIRST[contact_id % len(_FIRST)]
    last_name = _LAST[contact_id % len(_LAST)]
    return Contact(
        id=contact_id,
        first_name=first_name,
        last_name=last_name,
        company=_COMPANIES[contact_id % len(_COMPANIES)],
        title=_TITLES[contact_id % len(_TITLES)],
        city=city,
        time_zone=time_zone,
        email=f"{first_name}.{last_name}.{contact_id}@example.com".lower(),
        phone=f"+1555{contact_id % 10_000_000:07d}",
        linked_in_url=f"https://www.linkedin.example/in/contact-{contact_id}",
    )


class Contacts:
    """The contacts of an account; safe for any number of threads."""

    def __init__(self, made: Iterable[Contact] = ()) -> None:
        self._lock = Lock()
        self._first = {contact.id: contact for contact in made}
        self._made = dict(self._first)

    def of(self, contact_id: int) -> Contact:
        """Who has this id, hidden or not."""
        return self._made.get(contact_id) or contact_of(contact_id)

    def make(self, contact_id: int | None = None, **members: Unpack[ContactMembers]) -> Contact:
        """A contact under the next free id, or in the place of the one with this id."""
        with self._lock:
            number = contact_id or max((*self._made, _FIRST_MADE - 1)) + 1
            contact = replace(self.of(number), **members)
            self._made[number] = contact
            return contact

    def known(self, ids: Iterable[int] = ()) -> list[Contact]:
        """Everybody who was made or has one of these ids, and is not hidden; by id."""
        with self._lock:
            numbers = sorted({*self._made, *ids})
        contacts = [self.of(number) for number in numbers]
        return [contact for contact in contacts if not contact.hidden]

    def reset(self) -> None:
        """The contacts of the start."""
        with self._lock:
            self._made = dict(self._first)


def id_in(email: str) -> int | None:
    """The id that ends the name of an address such as :func:`contact_of` makes up."""
    digits = email.partition("@")[0].rpartition(".")[2]
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 10 else None  # noqa: PLR2004
