"""A ledger belongs to one API: what was rehearsed on a sandbox says nothing about Reply."""

from contextlib import closing
from pathlib import Path

from messages import execution, update
from target_runs import KEY, USERS, Stage

from reply_tasks.sandbox import SandboxServer


def test_what_was_rehearsed_is_refused_elsewhere(stage: Stage, tmp_path: Path) -> None:
    """No call is made there, neither by a run nor by a dry run, and the line names both."""
    for task_id in (1, 2):
        stage.sandbox.create_task(task_id)
    assert stage.run(update(1), execution(2)).exit_code == 0
    before = stage.operations()
    with SandboxServer(keys={KEY: USERS}) as live:
        elsewhere = {"api_url": live.url}
        for ended in (
            stage.run(update(1), execution(2), **elsewhere),
            stage.run(update(1), execution(2), dry_run=True, **elsewhere),
            stage.run(**elsewhere),
        ):
            assert ended.exit_code == 1
            assert ended.states == []
            belongs, given = (url.removesuffix("/v3") for url in (stage.sandbox.url, live.url))
            assert f"belongs to {belongs}, but api_url is at {given}" in ended.log
            assert "a ledger of its own (ledger_url)" in ended.log
        assert live.calls == []
        (tmp_path / "live").mkdir()
        for task_id in (1, 2):
            live.create_task(task_id)
        with closing(Stage(live, tmp_path / "live")) as apart:
            assert apart.run(update(1), execution(2)).exit_code == 0
            assert [row["outcome"] for row in apart.operations()] == ["applied", "applied"]
    assert stage.operations() == before
