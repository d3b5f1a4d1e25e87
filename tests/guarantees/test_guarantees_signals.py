"""Signals: what is in flight settles, the last safe STATE is out, and a rerun finds the rest."""

import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from signal import SIGINT, SIGTERM, SIGUSR1, Signals
from textwrap import dedent
from typing import Any

import pytest
from fault_rows import GET, POST, PUT
from messages import Message, execution, merge, state, update
from pipeline import observe
from target_process import TargetProcess, wait_until_delivered
from target_runs import Stage

from reply_tasks.sandbox import Endpoint, FaultKind

#: Each of them starts processes.
pytestmark = pytest.mark.e2e

#: Seconds in which a process must be gone: no call that it waits for takes longer than this.
BOUND = 10.0
ONE = state({"records": 1})
TWO = state({"records": 2})
EXECUTIONS = (execution(1, externalId=1), ONE, execution(2, externalId=2), TWO)


@dataclass(frozen=True)
class Moment:
    """What a run does when the signal comes.

    Attributes:
        messages: Its input.
        reach: Waits until the run does it.
        states: How many of the two STATEs leave in all.
        claims: How many claims stay: of operations that may have been sent.
        arrange: Prepares the sandbox and the ledger.
        settings: Of the run.
    """

    messages: tuple[Message, ...]
    reach: Callable[[Stage, TargetProcess], object]
    states: int
    claims: int = 0
    arrange: Callable[[Stage], object] = lambda _stage: None
    settings: dict[str, Any] = field(default_factory=dict)


def _backing_off(stage: Stage) -> None:
    stage.sandbox.fault(FaultKind.UNAVAILABLE, endpoint=PUT, times=None, retry_after=60)


def _wait_for_answers(stage: Stage, count: int, endpoint: Endpoint) -> None:
    calls = stage.sandbox.wait_for_calls(count, endpoint)
    while not all(call.done for call in calls):
        time.sleep(0.002)


def _leave_a_claim(stage: Stage) -> None:
    """A run that is stopped between a lost answer and its read-back leaves its claim behind."""
    stage.sandbox.fault(FaultKind.DROP, endpoint=POST)
    stage.sandbox.fault(FaultKind.UNAUTHORIZED, endpoint=GET)
    observe(stage, *EXECUTIONS, concurrency=1)
    assert len(stage.claims()) == 1


MOMENTS = {
    "idle on stdin": Moment(
        EXECUTIONS[:2], lambda _stage, process: process.wait_for_states(1), states=1
    ),
    "in a backoff": Moment(
        (update(1, externalId=1), ONE),
        lambda stage, _process: _wait_for_answers(stage, 1, PUT),
        states=0,
        claims=1,
        arrange=_backing_off,
    ),
    "in a quota wait": Moment(
        EXECUTIONS,
        lambda _stage, process: process.stderr.wait_for(1, "Waiting "),
        states=1,
        settings={"requests_per_minute": 1},
    ),
    "in a quota wait between two calls": Moment(
        (merge(1, externalId=1, dueTo="2027-03-05T17:00:00Z"), ONE),
        lambda _stage, process: process.stderr.wait_for(1, "Waiting "),
        states=0,
        settings={"requests_per_minute": 1, "update_mode": "merge"},
    ),
    "in a call": Moment(
        EXECUTIONS,
        lambda stage, _process: stage.sandbox.wait_for_calls(1, POST),
        states=1,
        arrange=lambda stage: stage.sandbox.fault(FaultKind.LATENCY, endpoint=POST, seconds=1.2),
    ),
    "in a read-back": Moment(
        EXECUTIONS,
        lambda stage, _process: _wait_for_answers(stage, 2, GET),
        states=0,
        claims=1,
        arrange=lambda stage: stage.sandbox.fault(FaultKind.DROP, endpoint=POST),
        settings={"settle_seconds": 60},
    ),
    "in a recovery": Moment(
        EXECUTIONS,
        lambda stage, _process: _wait_for_answers(stage, 2, GET),
        states=0,
        claims=1,
        arrange=_leave_a_claim,
        settings={"settle_seconds": 60},
    ),
}
OTHER_WAYS = [(SIGINT,), (SIGINT, SIGINT), (SIGTERM, SIGTERM), (SIGTERM, SIGINT)]


def _check(stage: Stage, name: str, signals: tuple[Signals, ...]) -> None:
    moment = MOMENTS[name]
    moment.arrange(stage)
    settings = {"concurrency": 1, **moment.settings}
    with TargetProcess(stage, **settings) as process:
        process.write(*moment.messages)
        moment.reach(stage, process)
        sent = _writes(stage)
        began = time.monotonic()
        process.signal(*signals)
        ended = process.end(close=False)
    assert time.monotonic() - began < BOUND
    assert ended.exit_code == 128 + signals[0]
    assert ended.states == [{"records": n} for n in range(1, moment.states + 1)]
    assert "Traceback" not in ended.log
    assert "records read" in ended.last_line
    assert f"Told to stop ({signals[0].name})" in ended.log
    assert _writes(stage) == sent
    assert len(stage.claims()) == moment.claims
    assert [run["exit_code"] for run in stage.runs()][-1] == 128 + signals[0]
    _rerun(stage, moment)


def _rerun(stage: Stage, moment: Moment) -> None:
    """The same input again settles everything, and nothing twice."""
    stage.sandbox.faults.clear()
    modes = {key: moment.settings[key] for key in ("update_mode",) if key in moment.settings}
    again = stage.run(*moment.messages, **modes)
    states = [message["value"] for message in moment.messages if message["type"] == "STATE"]
    assert (again.exit_code, again.states) == (0, states)
    assert stage.claims() == []
    executed = [sent.task_id for sent in stage.sandbox.outbox]
    assert sorted(executed) == [
        message["record"]["id"]
        for message in moment.messages
        if message.get("stream") == "task_executions"
    ]
    assert {outcome for _, outcome, _ in stage.fates()} <= {"applied", "unchanged"}


def _writes(stage: Stage) -> int:
    return sum(call.method != "GET" for call in stage.sandbox.calls)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_signal_at_any_moment_loses_nothing(moment: str, stage: Stage) -> None:
    """Exit 143 within the bound, the safe STATEs are out, nothing more is sent."""
    _check(stage, moment, (SIGTERM,))


@pytest.mark.parametrize("moment", ["idle on stdin", "in a call", "in a read-back"])
def test_an_impatient_ctrl_c_loses_nothing(moment: str, stage: Stage) -> None:
    """Exit 130, and the second SIGINT breaks nothing off."""
    _check(stage, moment, (SIGINT, SIGINT))


@pytest.mark.parametrize("signals", OTHER_WAYS, ids=lambda s: " ".join(each.name for each in s))
@pytest.mark.parametrize("moment", MOMENTS)
def test_signals_in_any_order_lose_nothing(
    moment: str, signals: tuple[Signals, ...], stage: Stage
) -> None:
    """The first signal decides the exit code; more of them change nothing."""
    _check(stage, moment, signals)


def test_a_signal_before_the_ledger_opens_is_not_forgotten(stage: Stage) -> None:
    """While another process holds the ledger's lock nothing is read; then the signal counts."""
    stage.run()
    blocker = sqlite3.connect(stage.folder / "ledger.db", isolation_level=None)
    blocker.execute("BEGIN EXCLUSIVE")
    with TargetProcess(stage) as process:
        process.write(*EXECUTIONS)
        process.wait_until_it_catches(SIGUSR1)
        process.signal(SIGTERM)
        blocker.execute("ROLLBACK")
        blocker.close()
        ended = process.end(close=False)
    assert (ended.exit_code, ended.states) == (143, [])
    assert "Traceback" not in ended.log
    assert stage.sandbox.calls == []


BUSY = """
    import hashlib, logging, os
    from target_reply_tasks.reading.signals import Signals

    class Reader:
        def close(self): pass

    signals = Signals(logging.getLogger(), on_stop=int, reader=Reader())
    signals.start()
    print("busy", flush=True)
    hashlib.pbkdf2_hmac("sha256", b"", b"", 6_000_000)  # no handler of Python's runs meanwhile
    print(signals.first, flush=True)
    os._exit(0)
"""


def test_the_signal_that_came_first_decides_however_late_both_are_handled() -> None:
    """Python runs the handlers of two waiting signals by their numbers, not in their order."""
    with subprocess.Popen(
        [sys.executable, "-c", dedent(BUSY)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "busy\n"
        for each in (SIGTERM, SIGINT):
            process.send_signal(each)
            wait_until_delivered(process.pid, each)
        assert process.stdout.read() == f"{SIGTERM:d}\n"
