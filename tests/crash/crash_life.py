"""Whole lives of tasks, by the CRM's key alone, in runs that die; and what must hold in the end."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from crash_input import Records, update
from crash_world import FINISHED, REPLAY, World
from sqlalchemy import select

from reply_tasks.contract.enums import TaskStatus
from reply_tasks.contract.outcomes import Outcome
from reply_tasks.ledger.tables import operations, task_links
from reply_tasks.sandbox import EffectKind, Endpoint, FaultKind, SandboxServer, When
from reply_tasks.sandbox.calls import BATCHES

#: What ends a life, and how the task stands then.
ENDS: dict[tuple[str, ...], TaskStatus] = {
    (): TaskStatus.NEW,
    ("complete",): TaskStatus.FINISHED,
    ("execute",): TaskStatus.FINISHED,
    ("delete",): TaskStatus.CANCELLED,
    ("complete", "delete"): TaskStatus.ARCHIVED,
}
_ALONE = (Endpoint.CREATE, Endpoint.COMPLETE, Endpoint.DELETE, Endpoint.ASSIGN)
_ONCE = {*_ALONE, *BATCHES, Endpoint.EXECUTE} - {Endpoint.ASSIGN, Endpoint.BATCH_ASSIGN}
#: The contact of the first key: each key has one of its own, by which its task is known.
_FIRST_CONTACT = 2000


def contact_of(key: str) -> int:
    """The contact of a key's task."""
    return _FIRST_CONTACT + int(key)


def lives(chance: random.Random, keys: int) -> list[dict[str, Any]]:
    """Records of so many keys, mixed; those of one key in the order of a life."""
    waiting = [list(_life(str(number), chance)) for number in range(keys)]
    records = []
    while any(waiting):
        life = chance.choice([life for life in waiting if life])
        records.append(life.pop(0))
    return records


def _life(key: str, chance: random.Random) -> list[dict[str, Any]]:
    body = {**update(f"First of {key}"), "contactId": contact_of(key)}
    begins = chance.choice(["create", "create", "update"])
    named = {"externalId": key}
    life = [{**body, **named, "operation": begins}]
    life += [
        {**update(f"{number} of {key}"), **named, "contactId": contact_of(key)}
        for number in range(chance.randint(0, 2))
    ]
    if chance.random() < 0.4:
        life.append({**named, "operation": "assign", "userId": 2})
    if begins == "create" and chance.random() < 0.3:
        life.append(life[0])  # the source says it again
    for end in chance.choice(list(ENDS)):
        content = {"content": {"body": f"Sent by {key}"}} if end == "execute" else {}
        life.append({**named, "operation": end, **content})
    return life


def lose_some_answers_of_lives(server: SandboxServer, chance: random.Random) -> None:
    """Let some calls that can't be undone lose their answers, before or after the effect."""
    for endpoint in _ALONE:
        when = chance.choice(list(When))
        server.fault(FaultKind.DROP, endpoint=endpoint, nth=chance.randint(1, 5), when=when)
    for endpoint in sorted(BATCHES):
        done = chance.choice((0, 1, 100))
        server.fault(FaultKind.DROP, endpoint=endpoint, nth=chance.randint(1, 3), done=done)


@dataclass
class LifeWorld(World):
    """Lives of tasks on one ledger, from the first crash to the end."""

    def to_the_end(self) -> None:
        """Run until nothing is left, then once more from the start, and check everything."""
        assert self.run().ending.exit_code in FINISHED, self.log()
        self.state = 0
        before = len(self.server.calls)
        last = self.run(REPLAY)
        assert last.ending.exit_code in FINISHED, self.log()
        again = {call.endpoint for call in self.server.calls[before:]}
        assert not again & _ONCE
        rows = self._rows(operations.c.run_id == last.run_id)
        assert Counter(row.external_id for row in rows) == self._records_of_keys(self.records)
        assert self._rows(operations.c.outcome.is_(None)) == []
        self._nothing_happened_twice()
        uncertain = self._rows(operations.c.outcome == Outcome.UNCERTAIN)
        assert self.settings.get("on_lost_answer") == "hold" or not uncertain
        self._every_life_was_lived({row.external_id for row in uncertain})
        self._every_run_is_closed()
        self._sequences_are_whole()

    def _is_covered(self, first: int, rows: Sequence[Any], own: Sequence[Any]) -> None:
        settled = Counter(row.external_id for row in own)
        for key, count in self._records_of_keys(self.records[first : self.state]).items():
            assert settled[key] >= count, "a STATE was ahead of the ledger"
        assert set(self._records_of_keys(self.records[: self.state])) <= {
            row.external_id for row in rows
        }

    @staticmethod
    def _records_of_keys(records: Records) -> Counter[str]:
        return Counter(record["externalId"] for record in records)

    def _nothing_happened_twice(self) -> None:
        created = Counter(e.task.contact_id for e in self.server.effects_of(EffectKind.CREATED))
        assert set(created.values()) <= {1}
        for kind in (EffectKind.COMPLETED, EffectKind.DELETED):
            assert set(Counter(e.task.id for e in self.server.effects_of(kind)).values()) <= {1}
        assert set(Counter(sent.task_id for sent in self.server.outbox).values()) <= {1}

    def _every_life_was_lived(self, uncertain: set[str | None]) -> None:
        """Each key is linked to the one task that was made for it, which ends as it was told."""
        made = {e.task.contact_id: e.task.id for e in self.server.effects_of(EffectKind.CREATED)}
        with self.engine.connect() as connection:
            links = {row.external_id: row for row in connection.execute(select(task_links))}
        for key in self._records_of_keys(self.records):
            if key in uncertain:
                continue
            assert links[key].task_id == made[contact_of(key)]
            assert not links[key].ambiguous
            task = self.server.task(made[contact_of(key)])
            life = [record for record in self.records if record["externalId"] == key]
            asked = {record["operation"] for record in life}
            ends = tuple(end for end in ("complete", "execute", "delete") if end in asked)
            assert task.status is ENDS[ends]
            assert task.assigned_user_id == (2 if "assign" in asked else 1)
            if not ends:
                texts = [each["template"]["body"] for each in life if "template" in each]
                changed = [each for each in life if each["operation"] == "update"]
                last = changed[-1]["template"]["body"] if changed else texts[0]
                assert task.template.body == last
