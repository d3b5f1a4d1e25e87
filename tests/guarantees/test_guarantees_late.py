"""What comes late changes nothing: slow answers, late effects, clocks that differ, slow commits."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from entries import entry
from fault_rows import POST, PUT
from messages import execution, merge, update
from pipeline import new_stage, observe, sandbox
from target_runs import KEY, Stage

from reply_tasks.api.access import ReplyAccess
from reply_tasks.api.backoff import Backoff
from reply_tasks.api.client import ReplyClient
from reply_tasks.connecting import shared_quota
from reply_tasks.contract.enums import TaskStatus
from reply_tasks.contract.kept import read_kept_record
from reply_tasks.contract.outcomes import Operation
from reply_tasks.ledger import Attempt, Ledger, new_id
from reply_tasks.ledger.claims import claim
from reply_tasks.sandbox import FaultKind, SandboxServer, When
from reply_tasks.settings import TargetSettings
from target_reply_tasks.context import Context
from target_reply_tasks.errors import StopRun
from target_reply_tasks.inbox import Inbox
from target_reply_tasks.pacing import Pacing
from target_reply_tasks.sending.calls import Calls
from target_reply_tasks.sending.effects import Effects
from target_reply_tasks.sending.pool import Pools
from target_reply_tasks.work import Work

AN_HOUR = timedelta(hours=1)


def claimed_by_the_dead(stage: Stage, *, at: datetime, reply_ahead: float | None = None) -> None:
    """Task 7's execution is claimed by a run that is gone."""
    ledger_url = stage.settings["ledger_url"]
    with Ledger.open(ledger_url) as ledger, ledger.write() as connection:
        holder, run = ledger.holder, new_id()
        claim(
            connection,
            [entry(7, received_at=datetime.now(UTC))],
            holder=holder,
            run_id=run,
            at=at,
            reply_ahead=reply_ahead,
        )


def client_of(server: SandboxServer) -> ReplyClient:
    """A client of a sandbox."""
    return ReplyClient(ReplyAccess(api_url=server.url, api_key=KEY, request_timeout=20))


def test_the_window_of_a_dead_run_s_call_begins_when_it_is_taken_over(quick_folder: Path) -> None:
    """However old the claim is, the call may be slow: its effect is waited for, not sent again."""
    with sandbox() as server, client_of(server) as dead, ThreadPoolExecutor(1) as thread:
        server.create_task(7)
        stage = new_stage(server, quick_folder / "run")
        server.fault(FaultKind.LATENCY, endpoint=POST, seconds=1.2)
        claimed_by_the_dead(stage, at=datetime.now(UTC) - AN_HOUR)
        slow = thread.submit(dead.execute_task, 7, {})
        server.wait_for_calls(1, POST)
        observe(stage, settle_seconds=30)
        assert slow.result().status == 200
        assert (len(server.outbox), len(server.calls_of(POST))) == (1, 1)
        assert stage.fate()["outcome"] == "applied"


@pytest.mark.parametrize("hours", [-1, 1])
def test_whether_it_was_this_call_is_judged_by_reply_s_clock(
    hours: int, quick_folder: Path
) -> None:
    """Two clocks that differ by an hour, either way: what this call did is its own doing."""
    with sandbox(clock=lambda: time.time() + hours * 3600) as server:
        server.create_task(7)
        stage = new_stage(server, quick_folder / "run")
        server.fault(FaultKind.DROP, endpoint=POST, when=When.AFTER)
        observe(stage, execution(7))
        assert (stage.fate()["outcome"], len(server.outbox)) == ("applied", 1)


def test_a_colleague_s_doing_is_told_apart_by_reply_s_clock(quick_folder: Path) -> None:
    """Where Reply's clock is ahead, what was finished before the claim is not this call's doing."""
    ahead = timedelta(minutes=10)
    with sandbox(clock=lambda: time.time() + ahead.total_seconds()) as server:
        finished = datetime.now(UTC) + ahead - timedelta(minutes=3)
        server.create_task(7, status=TaskStatus.FINISHED, finished_at=finished)
        stage = new_stage(server, quick_folder / "run")
        server.fault(FaultKind.DROP, endpoint=POST)
        observe(stage, execution(7))
        assert (stage.fate()["outcome"], stage.fate()["reason"]) == ("rejected", "task_not_new")


@pytest.mark.parametrize("steps", [-3600, 0, 300])
def test_a_clock_that_was_set_since_a_dead_run_s_claim_changes_nothing(
    steps: int, quick_folder: Path
) -> None:
    """The claim holds how far Reply's clock was ahead of the one that it was dated by."""
    with sandbox() as server:
        finished = datetime.now(UTC)
        server.create_task(7, status=TaskStatus.FINISHED, finished_at=finished)
        stage = new_stage(server, quick_folder / "run")
        dated = finished + timedelta(seconds=steps)
        claimed_by_the_dead(stage, at=dated, reply_ahead=-steps)
        observe(stage)
        assert stage.fate()["outcome"] == "applied"


class Clock:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        """Now."""
        return self.seconds

    def passes(self, seconds: float) -> bool:
        """Let time go by."""
        self.seconds += seconds
        return True


@dataclass(frozen=True)
class SlowEffects(Effects):
    """Effects that take as long as a test says, by a clock of its own."""

    clock: Clock = field(default_factory=Clock)
    slot_takes: float = 0.0
    note_takes: Callable[[tuple[Attempt, ...]], float] = lambda _: 0.0
    lease_lasts: float = float("inf")

    def holds_lease(self) -> bool:
        """The lease ends so many seconds after the beginning."""
        return self.clock() - Clock().seconds < self.lease_lasts

    def take_slot(self, work: Work) -> bool:
        """A slot comes after a wait."""
        del work
        return self.clock.passes(self.slot_takes)

    def note(self, attempts: Mapping[Work, tuple[Attempt, ...]]) -> Work | None:
        """The note is written down after a while."""
        for calls in attempts.values():
            self.clock.passes(self.note_takes(calls))
        return None


def ledger_in(folder: Path) -> Ledger:
    """An empty ledger."""
    return Ledger.open(f"sqlite:///{folder / 'ledger.db'}")


def _calls(client: ReplyClient, ledger: Ledger, **slowness: Any) -> Calls:
    settings, asked, clock = TargetSettings.from_config({"api_key": KEY}), entry(7), Clock()
    lines = list[str]()
    context = Context(
        ledger=ledger,
        client=client,
        pacing=Pacing(shared_quota(settings, ledger.write), default_user=None, log=lines.append),
        backoff=Backoff(),
        write_state=lines.append,
        close_input=lines.clear,
        log=lines.append,
    )
    effects = SlowEffects(
        context,
        Inbox(gathering=0.0),
        Pools(settings),
        Event(),
        monotonic=clock,
        clock=clock,
        **slowness,
    )
    work = Work(
        index=0,
        entry=asked,
        record=read_kept_record(Operation.EXECUTE, asked.record),
        received=clock(),
        claimed_at=datetime.now(UTC),
        claimed_moment=clock(),
        intent_at=clock(),
    )
    return Calls(effects, settings, work)


@pytest.mark.parametrize(("waited", "notes"), [(0.5, 0), (1.5, 1), (60.0, 1)])
def test_an_intent_is_fresh_when_the_first_byte_leaves(
    waited: float, notes: int, quick_folder: Path
) -> None:
    """After a wait for the quota, the intent is written down anew before anything is sent."""
    noted = list[int]()
    with sandbox() as server, client_of(server) as client, ledger_in(quick_folder) as ledger:
        server.create_task(7)

        def note(attempts: tuple[Attempt, ...]) -> float:
            assert server.calls == []
            noted.append(len(attempts))
            return 0.0

        calls = _calls(client, ledger, slot_takes=waited, note_takes=note)
        assert calls.execute().task is not None
        assert (noted, len(server.outbox)) == ([1] * notes, 1)


def test_an_intent_that_was_slow_to_write_is_written_again(quick_folder: Path) -> None:
    """A commit of three seconds leaves an intent of three seconds: once more, and then it goes."""
    slow = [3.0, 0.1]
    with sandbox() as server, client_of(server) as client, ledger_in(quick_folder) as ledger:
        server.create_task(7)
        _calls(client, ledger, slot_takes=2.0, note_takes=lambda _: slow.pop(0)).execute()
        assert (slow, len(server.outbox)) == ([], 1)


@pytest.mark.parametrize(("lease_lasts", "sent"), [(float("inf"), 1), (10.0, 0)])
def test_on_a_ledger_that_is_always_slow_the_lease_has_the_last_word(
    lease_lasts: float, sent: int, quick_folder: Path
) -> None:
    """After three notes it goes, unless the last one took so long that the lease has ended."""
    with sandbox() as server, client_of(server) as client, ledger_in(quick_folder) as ledger:
        server.create_task(7)
        calls = _calls(
            client, ledger, slot_takes=2.0, note_takes=lambda _: 3.0, lease_lasts=lease_lasts
        )
        with nullcontext() if sent else pytest.raises(StopRun, match="lease"):
            calls.execute()
        assert len(server.outbox) == sent


def test_an_update_that_arrives_late_is_not_what_an_execution_sends(quick_folder: Path) -> None:
    """A is lost and repeated, B is applied, A takes effect after all: the execution sends B."""
    with sandbox() as server:
        server.create_task(7)
        stage = new_stage(server, quick_folder / "run")
        server.fault(FaultKind.LATENCY, endpoint=PUT, seconds=1.6)
        first, second = (
            update(7, taskType=7, template={"body": body, "subject": "S"}) for body in "AB"
        )
        observe(stage, first, settle_seconds=2)
        observe(stage, second, execution(7), settle_seconds=2)
        assert [sent.body for sent in server.outbox] == ["B"]
        assert all(call.effect for call in server.calls_of(PUT))  # the late one too


def test_unchanged_is_not_believed_of_a_task_that_was_shaken(quick_folder: Path) -> None:
    """The last body applied was B, and A came back after all: B is sent once more."""
    with sandbox() as server:
        server.create_task(7)
        stage = new_stage(server, quick_folder / "run")
        a, b = (update(7, template={"body": body, "subject": "S"}) for body in "AB")
        server.fault(FaultKind.DROP, endpoint=PUT)
        observe(stage, a)
        observe(stage, b)
        template = server.task(7).template
        server.edit_task(7, template=type(template)("A", "S"))  # as a late effect does
        observe(stage, b)
        assert server.task(7).template.body == "B"
        before = len(server.calls)
        observe(stage, b)
        assert [call.method for call in server.calls[before:]] == []  # it is calm by now


def test_a_replay_of_a_lost_update_costs_no_call_when_it_is_calm(quick_folder: Path) -> None:
    """A late effect of the last body itself changes nothing: after the window nothing is read."""
    with sandbox() as server:
        server.create_task(7)
        stage = new_stage(server, quick_folder / "run")
        server.fault(FaultKind.DROP, endpoint=PUT)
        observe(stage, update(7))
        observe(stage, update(7), settle_seconds=60)
        assert [call.method for call in server.calls] == ["PUT", "PUT", "GET"]
        observe(stage, update(7), settle_seconds=0)
        assert [call.method for call in server.calls] == ["PUT", "PUT", "GET"]


@pytest.mark.parametrize(("skips", "calls"), [(False, "GET PUT GET PUT"), (True, "GET PUT PUT")])
def test_a_merge_that_skips_nothing_reads_each_time(
    skips: bool,  # noqa: FBT001 - a parameter of the test
    calls: str,
    quick_folder: Path,
) -> None:
    """What a colleague has changed in between is not overwritten by an old base."""
    with sandbox() as server:
        server.create_task(7)
        stage = new_stage(server, quick_folder / "run")
        messages = [merge(7, dueTo=f"2027-03-0{day}T17:00:00Z") for day in (5, 6)]
        observe(stage, *messages, update_mode="merge", skip_unchanged=skips, concurrency=1)
        assert " ".join(call.method for call in server.calls) == calls
