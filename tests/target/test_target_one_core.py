"""The threads of a run stay on one core, and the process is as free afterwards as before."""

import os
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
from messages import Message, update
from target_runs import Stage

from target_reply_tasks import one_core
from target_reply_tasks.one_core import on_one_core


def cores_of_a_new_thread() -> set[int]:
    """Where a thread that is started now may run."""
    seen: list[set[int]] = []
    thread = Thread(target=lambda: seen.append(os.sched_getaffinity(0)))
    thread.start()
    thread.join()
    return seen[0]


def test_threads_stay_together_and_are_free_again() -> None:
    """Those that are started meanwhile share the core; before and after, all are allowed."""
    before = os.sched_getaffinity(0)
    with on_one_core():
        inside = cores_of_a_new_thread()
        assert len(inside) == 1
        assert inside <= before
        assert os.sched_getaffinity(0) == inside
    assert os.sched_getaffinity(0) == before
    assert cores_of_a_new_thread() == before


def test_it_is_left_alone_where_the_system_tells_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the file that says which core it is, the run goes on as it is."""
    before = os.sched_getaffinity(0)
    monkeypatch.setattr(one_core, "_STAT", tmp_path / "stat")
    with on_one_core():
        assert os.sched_getaffinity(0) == before


def test_a_run_of_the_target_stays_on_one_core(stage: Stage) -> None:
    """While it reads; the process may go anywhere again when it has ended."""
    stage.sandbox.create_task(1)
    before, meanwhile = os.sched_getaffinity(0), set[int]()

    def messages() -> Iterator[Message]:
        yield update(1)
        stage.sandbox.wait_for_calls(1)
        meanwhile.update(os.sched_getaffinity(os.getpid()))

    assert stage.run_while(messages()).exit_code == 0
    assert len(meanwhile) == 1
    assert os.sched_getaffinity(0) == before
