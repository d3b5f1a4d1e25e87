"""A request that was let in, and what its endpoint may use."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from reply_tasks.sandbox.account import Account
from reply_tasks.sandbox.assumptions import INT32, Assumptions
from reply_tasks.sandbox.effects import Effect, EffectKind
from reply_tasks.sandbox.forms import Form, Reading, open_form
from reply_tasks.sandbox.identity import Caller, Dialect, User
from reply_tasks.sandbox.messages import Answer, Request
from reply_tasks.sandbox.problems import INVALID_TYPE, Violation, business, validation
from reply_tasks.sandbox.routes import Route
from reply_tasks.sandbox.store import Store
from reply_tasks.sandbox.tasks import Content, Task
from reply_tasks.sandbox.wire import task_json

#: How many items a page has when nothing is said, and at most.
PAGE, LARGEST_PAGE = 25, 1000
_MOST_DIGITS = 20

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Visit:
    """A request that was let in, who makes it, where and when.

    Attributes:
        call: The number of the call in the log.
        arrived_at: The task as it was when the call arrived, where that is what it is judged by.
        batch_limit: How many tasks of a batch are reached before the call goes wrong; None: all.
    """

    request: Request
    route: Route
    caller: Caller
    account: Account
    now: datetime
    call: int
    arrived_at: Task | None = None
    batch_limit: int | None = None

    @property
    def task_id(self) -> int:
        """The task that the route is about."""
        return self.route.task_id or 0

    @property
    def dialect(self) -> Dialect:
        """The dialect to read and to answer in."""
        return self.caller.dialect

    @property
    def user(self) -> User:
        """Who calls."""
        return self.caller.user

    @property
    def store(self) -> Store:
        """The tasks."""
        return self.account.store

    @property
    def assumed(self) -> Assumptions:
        """What is assumed of Reply."""
        return self.account.assumed

    def form(self, *violations: Violation) -> Form:
        """The body, to be read; what is wrong with the address is noted in it already."""
        assumed = self.assumed
        reading = Reading(self.dialect, assumed.enum_names, assumed.unknown_members, assumed.ids)
        return open_form(self.request, reading, list(violations))

    def flag(self, name: str) -> bool:
        """A boolean of the query, false when it is not there; or a Problem 400."""
        text = self.request.query.get(name, "false").lower()
        if text not in {"true", "false"}:
            raise validation([(f"/{name}", INVALID_TYPE)])
        return text == "true"

    def effect(self, kind: EffectKind, task: Task, call_resolution: int | None = None) -> Effect:
        """What this call did to a task, which is now as given."""
        return Effect(kind, task, self.user.id, self.now, self.call, call_resolution)

    def answer_task(
        self,
        task: Task,
        content: Content | None = None,
        *,
        status: int = 200,
        effect: bool = True,
    ) -> Answer:
        """The answer that shows a task."""
        document = task_json(task, self.account.contact(task), self.dialect, content)
        return Answer.of(document, status, effect=effect)


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is asked for, and what is wrong with that."""

    top: int
    skip: int
    unreadable: list[Violation]
    out_of_range: list[Violation]

    def check(self, domain: str) -> None:
        """Raise what is wrong as the lists of Reply do: out of range is a business problem."""
        if self.unreadable:
            raise validation(self.unreadable)
        if self.out_of_range:
            detail = " ".join(f"Parameter {said}" for _, said in self.out_of_range)
            raise business(400, f"{domain}.invalidPagination", detail)

    def of(self, things: Sequence[T]) -> tuple[Sequence[T], bool]:
        """The things on this page, and whether more follow."""
        end = self.skip + self.top
        return things[self.skip : end], len(things) > end


def page_of(request: Request) -> Page:
    """The page that the query asks for."""
    unreadable: list[Violation] = []
    out_of_range: list[Violation] = []

    def read(name: str, default: int, least: int, most: int) -> int:
        text = request.query.get(name)
        if text is None:
            return default
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdecimal()) or len(digits) > _MOST_DIGITS:
            unreadable.append((f"/{name}", INVALID_TYPE))
            return default
        if not least <= int(text) <= most:
            out_of_range.append((f"/{name}", f"'{name}' must be between {least} and {most}."))
        return int(text)

    top = read("top", PAGE, 1, LARGEST_PAGE)
    skip = read("skip", 0, 0, INT32)
    return Page(top, skip, unreadable, out_of_range)
