"""Addressing: the ids that a record's addresses stand for, and the body that is sent with them."""

from functools import partial
from typing import Any

from reply_tasks.api.decisions import Decision, StopCause
from reply_tasks.api.repeating import CallerRefusedError
from reply_tasks.contract.members import LOOKED_UP
from reply_tasks.contract.outcomes import Outcome, Reason
from reply_tasks.ledger import Settlement
from reply_tasks.ledger.lookups import KINDS, LookUpKey, LookUpKind
from reply_tasks.settings import TargetSettings
from target_reply_tasks.sending.effects import Effects
from target_reply_tasks.sending.listing import Listing
from target_reply_tasks.sending.look_ups import NEEDS, NOT_FOUND, FoundId, ids_by_address
from target_reply_tasks.work import Work

#: Members of a record's body that Reply is never told.
_OURS = frozenset({*LOOKED_UP, "deleteSequenceTask"})


class _LookUpRefusedError(Exception):
    """Reply refuses a look-up; the decision says why."""

    def __init__(self, decision: Decision) -> None:
        super().__init__(decision.detail)
        self.decision = decision


class Addressing(Listing):
    """Looks up the addresses of one record."""

    def __init__(self, effects: Effects, settings: TargetSettings, work: Work) -> None:
        super().__init__(effects, settings, work)
        self._looked_up: dict[str, int] = {}

    @property
    def wire_body(self) -> dict[str, Any]:
        """The body of the call: with the ids of what was looked up, without what is ours."""
        body = self.work.record.body
        if not _OURS.isdisjoint(body):
            body = {name: value for name, value in body.items() if name not in _OURS}
        return {**body, **self._looked_up}

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
            except _LookUpRefusedError as error:
                of_the_user = error.decision.reason is Reason.USER_REFUSED
                return self.settled(
                    Outcome.REJECTED,
                    reason=Reason.USER_REFUSED if of_the_user else NOT_FOUND[kind],
                    detail=f"{member} could not be looked up: {error}",
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
        if LOOKED_UP.keys().isdisjoint(body):  # as most are
            return []
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
        """What Reply says of an address, and of others."""
        client, acting = self._client, self._acting
        asks = {
            LookUpKind.CONTACT: lambda: client.find_contacts(address, act_as_user_id=acting),
            LookUpKind.USER: lambda: client.list_users(act_as_user_id=acting),
            LookUpKind.MAILBOX: lambda: client.find_mailboxes(address, act_as_user_id=acting),
        }
        listed = self.ask_for_list(f"the {kind} of an address", asks[kind])
        if listed.refusal is not None:
            raise _LookUpRefusedError(listed.refusal)
        names = ("userEmail", "userId") if kind is LookUpKind.USER else ("email", "id")
        return ids_by_address(listed.items, address=names[0], value=names[1])


def _said(error: CallerRefusedError) -> str:
    """What Reply said, without the advice for a call on a task."""
    return str(error).partition(" -- ")[0].rstrip(".")
