"""Listing: what Reply answers with a list, which an answer without one says nothing of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from reply_tasks.api.answers import Answer
from reply_tasks.api.calls import Call
from reply_tasks.api.decisions import Action, Decision
from reply_tasks.api.repeating import AssumedDownError, Request
from target_reply_tasks.sending.settling import Settling


@dataclass(frozen=True, slots=True)
class Listed:
    """What Reply has listed.

    Attributes:
        items: The first of them.
        has_more: Whether there are more.
        refusal: Why there is no list.
    """

    items: tuple[Any, ...] = ()
    has_more: bool = False
    refusal: Decision | None = None


class Listing(Settling):
    """Asks Reply for lists, for one record."""

    def ask_for_list(self, what: str, send: Callable[[], Answer]) -> Listed:
        """Ask until there is a list, or a refusal.

        Raises:
            Interrupted: The run stopped while this waited.
            CannotGoOnError: Reply is assumed to be down, answers without a list, or refuses the
                key.
        """
        answers: list[Answer] = []

        def send_once() -> Answer:
            answers.append(send())
            return answers[-1]

        for _ in range(self.settings.max_retries + 1):
            decision = self.ask_for(Request(Call.READ, what, send_once))
            if decision.action is Action.REJECTED:
                return Listed(refusal=decision)
            data = answers[-1].data
            page: Mapping[str, Any] = data if isinstance(data, Mapping) else {"items": data}
            items = page.get("items")
            if isinstance(items, list):
                return Listed(tuple(items), has_more=bool(page.get("hasMore")))
        raise AssumedDownError(
            f"Reply was asked for {what}, and answers without a list. Run again when it does not."
        )
