"""Addressing: the ids that a record's addresses stand for, and the body that is sent with them."""

from functools import partial
from typing import Any

from reply_tasks.api.answers import Answer
from reply_tasks.api.calls import Call
from reply_tasks.api.decisions import Action, StopCause
from reply_tasks.api.repeating import CallerRefusedError, Request
from reply_tasks.contract.members import LOOKED_UP
from reply_tasks.contract.outcomes import Outcome, Reason
from reply_tasks.ledger import Settlement
from reply_tasks.ledger.lookups import KINDS, LookUpKey, LookUpKind
from reply_tasks.settings import TargetSettings
from target_reply_tasks.sending.effects import Effects
from target_reply_tasks.sending.look_ups import NEEDS, NOT_FOUND, FoundId, ids_by_address
from target_reply_tasks.sending.settling import Settling
from target_reply_tasks.work import Work

#: Members of a record's body that Reply is never told.
_OURS = frozenset({*LOOKED_UP, "deleteSequenceTask"})


class Addressing(Settling):
    """Looks up the addresses of one record."""

    def __init__(self, effects: Effects, settings: TargetSettings, work: Work) -> None:
        super().__init__(effects, settings, work)
        self._looked_up: dict[str, int] = {}

    @property
    def wire_body(self) -> dict[str, Any]:
        """The body of the call: with the ids of what was looked up, without what is ours."""
        body = self.work.record.body
        plain = {name: value for name, value in body.items() if name not in _OURS}
        return {**plain, **self._looked_up}

    def look_up(self) -> Settlement | None:
        """Find the ids of the addresses that the record brings; its rejection where there is none.

        Raises:
            Interrupted: The run stopped while this waited.
            CannotGoOnError: Reply is assumed to be down, or refuses the key.
        """
        for member, address in self._to_look_up():
            kind = KINDS[member]
            try:
                found = self._effects.look_ups.find(
                    self._key(kind, address), partial(self._ask_for_address, kind, address)
                )
            except CallerRefusedError as error:
                if error.decision.stop is not StopCause.FORBIDDEN:
                    raise
                return self.settled(
                    Outcome.REJECTED,
                    reason=NOT_FOUND[kind],
                    detail=f"{member} could not be looked up: {_said(error)}. {NEEDS[kind]}",
                )
            if found.value is None:
                return self._not_found(member, found)
            self._looked_up[LOOKED_UP[member]] = found.value
        return None

    def recall(self) -> bool:
        """Take the ids that a dead run has found for this record, however long ago.

        Returns:
            False where it had not found them all, so that it can't have sent anything: what is
            found is kept before it is used.
        """
        for member, address in self._to_look_up():
            key = self._key(KINDS[member], address)
            found = self._effects.known_lookup(key, however_old=True)
            if found is None or found.value is None:
                return False
            self._looked_up[LOOKED_UP[member]] = found.value
        return True

    def _to_look_up(self) -> list[tuple[str, str]]:
        body = self.work.record.body
        return [
            (member, body[member])
            for member, stands_for in LOOKED_UP.items()
            if body.get(member) is not None and stands_for not in self._looked_up
        ]

    def _key(self, kind: LookUpKind, address: str) -> LookUpKey:
        return LookUpKey(kind, address, self._effects.context.pacing.caller(self.work.user))

    def _not_found(self, member: str, found: FoundId) -> Settlement:
        kind = KINDS[member]
        several = found.found > 1
        return self.settled(
            Outcome.REJECTED,
            reason=Reason.AMBIGUOUS if several else NOT_FOUND[kind],
            detail=f"{found.found} {kind}s of Reply have the record's {member}: give the id."
            if several
            else f"No {kind} of Reply has the record's {member}.",
        )

    def _ask_for_address(self, kind: LookUpKind, address: str) -> dict[str, FoundId]:
        answers: list[Answer] = []

        def send() -> Answer:
            match kind:
                case LookUpKind.CONTACT:
                    answer = self._client.find_contacts(address, act_as_user_id=self._acting)
                case LookUpKind.USER:
                    answer = self._client.list_users(act_as_user_id=self._acting)
                case LookUpKind.MAILBOX:
                    answer = self._client.find_mailboxes(address, act_as_user_id=self._acting)
            answers.append(answer)
            return answer

        decision = self.ask_for(Request(Call.READ, f"the {kind} of an address", send))
        if decision.action is Action.REJECTED:
            return {}
        data = answers[-1].data
        items = data.get("items") if isinstance(data, dict) else data
        names = ("userEmail", "userId") if kind is LookUpKind.USER else ("email", "id")
        listed = items if isinstance(items, list) else []
        return ids_by_address(listed, address=names[0], value=names[1])


def _said(error: CallerRefusedError) -> str:
    """What Reply said, without the advice for a call on a task."""
    return str(error).partition(" -- ")[0].rstrip(".")
