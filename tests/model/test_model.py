"""Runs, crashes, replays, lost answers, people, pruning and the tap in any order.

After each step a simple model says what must hold: no execution is sent twice, or without a yes
where one is needed; no record is without its one outcome, no STATE is ahead of the ledger, and the
tap has emitted what is settled.
"""

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from any_order import holds_in_any_order
from click.testing import CliRunner
from crash_nursery import Order
from crash_steps import STEPS
from hypothesis import Phase
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from model_input import IN_AN_EXECUTION, TASKS, Ask, Deed, executions, inputs, modes, tasks
from model_world import World
from sqlalchemy import Connection
from target_runs import signals_kept

from reply_tasks.contract.enums import TaskStatus
from reply_tasks.ledger import Ledger, open_engine
from reply_tasks.ledger.held import Held, held_operations
from reply_tasks.ledger.holding import note_preview
from reply_tasks.ledger.pruning import prune
from reply_tasks.operator.approval import ApprovalResult, approve_as_shown, decline_held, what_waits
from reply_tasks.sandbox import Endpoint, FaultKind, Task, Template, When
from tap_reply_tasks.tap import TapReplyTasks


class Model(World):
    """What may happen, in any order."""

    # -- runs ----------------------------------------------------------------------------------

    @rule(asked=inputs, mode=modes, concurrency=st.sampled_from([1, 4]))
    def run_to_the_end(self, asked: list[Ask], mode: str, concurrency: int) -> None:
        """A run without trouble."""
        self.input, self.safe = asked, 0
        self._run(mode, concurrency=concurrency)

    @precondition(lambda self: self.input)
    @rule(from_the_start=st.booleans(), mode=modes)
    def replay(self, *, from_the_start: bool, mode: str) -> None:
        """The source sends its last input again: from its last STATE, or all of it."""
        if from_the_start:
            self.safe = 0
        self._run(mode)

    @rule(
        asked=inputs | executions,
        kind=st.sampled_from([FaultKind.DROP, FaultKind.SERVER_ERROR, FaultKind.GARBAGE]),
        when=st.sampled_from(When),
        times=st.integers(1, 2),
        hold=st.booleans(),
    )
    def lose_answers(
        self, *, asked: list[Ask], kind: FaultKind, when: When, times: int, hold: bool
    ) -> None:
        """A run on which the answers to some executions are lost."""
        self.input, self.safe = asked, 0
        self.server.fault(kind, endpoint=Endpoint.EXECUTE, when=when, times=times)
        if hold:  # it holds what dead runs left, too
            self.may_hold |= {ask.task_id for ask in asked if ask.kind == "execute"}
            self.may_hold |= self._executions_claimed()
            self.may_hold |= {row["task_id"] for row in self._held()}
        self._run("replace", on_lost_answer="hold" if hold else "verify")

    @rule(asked=inputs, mode=modes, times=st.integers(1, 3))
    def let_an_update_take_effect_late(self, *, asked: list[Ask], mode: str, times: int) -> None:
        """Answers to updates are lost before the effect, which comes after all, after the run."""
        self.input, self.safe = asked, 0
        seen = len(self.server.calls)
        self.server.fault(FaultKind.DROP, endpoint=Endpoint.UPDATE, when=When.BEFORE, times=times)
        self._run(mode)
        for call in self.server.calls[seen:]:
            if call.fault is None or call.task_id is None or call.task_id in self.edited:
                continue
            if self.server.task(call.task_id).status is TaskStatus.NEW:
                template: Any = call.body
                text = template["template"]
                self.server.edit_task(
                    call.task_id, template=Template(text["body"], text.get("subject"))
                )

    @rule(asked=inputs, mode=modes, step=st.sampled_from(sorted(STEPS)), nth=st.integers(1, 2))
    def crash(self, asked: list[Ask], mode: str, step: str, nth: int) -> None:
        """A run that dies by SIGKILL at a step of its life, if it comes there."""
        self._crash(asked, mode, step, nth)

    @rule(asked=executions, step=st.sampled_from(IN_AN_EXECUTION))
    def crash_in_an_execution(self, asked: list[Ask], step: str) -> None:
        """A run that dies while it is open whether an email has left."""
        self._crash(asked, "replace", step, 1)

    def _crash(self, asked: list[Ask], mode: str, step: str, nth: int) -> None:
        self.input, self.safe = asked, 0
        folder = self.stage.folder
        config, given = self.stage._files(
            self._text(mode), {"update_mode": mode, "keep_repeats": True}
        )
        before = datetime.now(UTC)
        self.nursery.run(
            Order(
                arguments=["--config", str(config)],
                stdin=str(given),
                stdout=str(folder / "states"),
                stderr=str(folder / "log"),
                step=step,
                nth=nth,
            )
        )
        self._let_the_dead_rest()
        written = (folder / "states").read_text().splitlines(keepends=True)
        states = [json.loads(line) for line in written if line.endswith("\n")]
        self._no_state_is_ahead(states, before)
        self.edited -= self._tasks_updated(before)
        if states:
            self.safe = states[-1]

    # -- others --------------------------------------------------------------------------------

    @rule(task_id=tasks, deed=st.sampled_from(Deed))
    def another_client(self, task_id: int, deed: Deed) -> None:
        """A colleague works on a task in Reply."""
        task = self.server.task(task_id)
        match deed:
            case Deed.EDIT:
                self.server.edit_task(task_id, template=Template("E", "S"))
                self.edited.add(task_id)
            case Deed.REOPEN if task_id not in self._sent():
                self.server.edit_task(task_id, status=TaskStatus.NEW, finished_at=None)
            case Deed.CANCEL if task.status is TaskStatus.NEW:
                self.server.edit_task(task_id, status=TaskStatus.CANCELLED)
            case Deed.FINISH if task.status is TaskStatus.NEW:
                an_hour_ago = datetime.now(UTC) - timedelta(hours=1)  # certainly not our doing
                self.server.edit_task(task_id, status=TaskStatus.FINISHED, finished_at=an_hour_ago)

    # No rule below has a precondition on what the world is like: a death is never the same twice,
    # and hypothesis must find the same rules open when it draws the same ones again.

    @rule(knows=st.booleans())
    def the_operator_resolves(self, *, knows: bool) -> None:
        """By reading back; or an operator who has looked into Reply says what has gone."""
        if knows:
            self._tell_the_truth()
            return
        self.may_hold |= self._executions_claimed()
        before = datetime.now(UTC)
        self._resolve()
        self.edited -= self._tasks_updated(before)

    @rule()
    def tap(self) -> None:
        """The warehouse catches up."""
        config, kept = self.stage.folder / "tap.json", self.stage.folder / "tap_state.json"
        config.write_text(json.dumps({"ledger_url": self.stage.settings["ledger_url"]}))
        kept.write_text(json.dumps(self.tap_state))
        with signals_kept():
            done = CliRunner().invoke(
                TapReplyTasks.get_singer_command(),
                ["--config", str(config), "--state", str(kept)],
            )
        assert done.exit_code == 0, done.output
        for line in done.stdout.splitlines():
            message = json.loads(line)
            if message["type"] == "STATE":
                self.tap_state = message["value"]
            elif message["type"] == "RECORD":
                self._emitted(message["stream"], message["record"])
        for row in self.stage.operations():  # what was pruned before it was read is not asked for
            emitted = self.emitted[row["operation_id"]]
            assert (emitted["sequence"], emitted["outcome"]) == (row["sequence"], row["outcome"])
            if row["outcome"] == "applied" and row["task_detail"]:
                assert row["sequence"] in self.details

    def _emitted(self, stream: str, row: dict[str, Any]) -> None:
        if stream == "task_operations":
            assert row["sequence"] > self.last_emitted
            self.last_emitted = row["sequence"]
            self.emitted[row["operationId"]] = row
        elif stream == "task_details":
            self.details.append(row["sequence"])

    # -- people --------------------------------------------------------------------------------

    @rule(asked=inputs | executions, unasked=st.sampled_from([0, 0, 1]), mode=modes)
    def run_with_approval(self, asked: list[Ask], unasked: int, mode: str) -> None:
        """A run in which a person must say yes to executions, or to all but one."""
        self.input, self.safe = asked, 0
        self._run(mode, executions_without_approval=unasked)

    @rule(some=st.sets(tasks), yes=st.booleans())
    def a_person_says(self, *, some: set[int], yes: bool) -> None:
        """Yes to what the preview shows of some tasks, or no."""
        if self._no_ledger_yet():
            return
        with Ledger.open(self.stage.settings["ledger_url"]) as ledger, ledger.write() as connection:
            for held in held_operations(connection):
                if held.claim.entry.task_id in some:
                    self._say(connection, held, yes=yes)

    def _say(self, connection: Connection, held: Held, *, yes: bool) -> None:
        name, task_id = held.operation_id, held.claim.entry.record["id"]
        at = datetime.now(UTC)
        if not yes:
            assert (
                decline_held(connection, [name], why="", by="bob", at=at)[name]
                is ApprovalResult.TAKEN
            )
            self.approved.pop(name, None)
            self.declined.add(str(held.claim.entry.external_id))
            return
        if held.approved_at is not None:
            return
        template = self.server.task(task_id).template
        text = {"subject": template.subject, "body": template.body}
        assert note_preview(connection, held, task_detail={"content": text}, attempts=())
        (shown,) = what_waits(connection, held_operations(connection, operation_ids=[name]))
        if shown.digest is not None:
            words = approve_as_shown(connection, {name: shown.digest}, by="ann", at=at)
            assert words == {name: ApprovalResult.TAKEN}
            self.approved[name] = (task_id, template.body)

    @rule(texts_only=st.booleans())
    def prune(self, *, texts_only: bool) -> None:
        """All that may go from the ledger goes, however young."""
        if self._no_ledger_yet():
            return
        self.pruned = True
        engine = open_engine(self.stage.settings["ledger_url"])
        try:
            prune(engine, before=datetime.now(UTC), texts_only=texts_only)
        finally:
            engine.dispose()

    def _no_ledger_yet(self) -> bool:
        return not (self.stage.folder / "ledger.db").exists()

    def teardown(self) -> None:
        """Whatever happened: one more run, the operator's word and the tap leave nothing open."""
        try:
            self._let_the_dead_rest()
            if self.input:
                self.a_person_says(some=set(TASKS), yes=True)
                self.replay(from_the_start=True, mode="replace")
                self._tell_the_truth()
                self.replay(from_the_start=True, mode="replace")
                self.tap()
            assert not self._uncertain()
            self.nothing_is_sent_twice()
        finally:
            self.stage.close()
            shutil.rmtree(self.stage.folder)


def test_every_order_of_events_keeps_the_promises(quick_folder: Path) -> None:
    """A few hundred steps; REPLY_TASKS_MODEL_ANEW=1 draws others than last time."""
    holds_in_any_order(
        Model,
        quick_folder,
        examples=5,
        steps=15,
        phases=[Phase.generate],
        tasks=map(Task, TASKS),
    )


@pytest.mark.e2e
def test_every_long_order_of_events_keeps_the_promises(quick_folder: Path) -> None:
    """Thousands of steps; a failure is brought to its shortest form."""
    holds_in_any_order(
        Model,
        quick_folder,
        examples=16,
        steps=30,
        phases=[Phase.generate, Phase.shrink],
        tasks=map(Task, TASKS),
    )
