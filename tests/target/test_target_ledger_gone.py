"""A run whose ledger is taken away stops before its next send."""

from threading import Thread

from messages import execution
from target_runs import Stage

from reply_tasks.sandbox.calls import Endpoint


def test_a_run_whose_ledger_was_deleted_sends_nothing_more(stage: Stage) -> None:
    """What it sends the next run could not know of; the call under way is the last one."""
    for task_id in range(1, 7):
        stage.sandbox.create_task(task_id)
    stage.sandbox.fault("latency", seconds=1.0, times=1)

    def take_away() -> None:
        stage.sandbox.wait_for_calls(1, Endpoint.EXECUTE)
        (stage.folder / "ledger.db").unlink()

    thief = Thread(target=take_away)
    thief.start()
    ended = stage.run(*map(execution, range(1, 7)), concurrency=1)
    thief.join()
    assert ended.exit_code == 1
    assert "was deleted or replaced while it was in use: nothing more is sent" in ended.log
    assert len(stage.sandbox.calls_of(Endpoint.EXECUTE)) == 1
    assert not (stage.folder / "ledger.db").exists()
