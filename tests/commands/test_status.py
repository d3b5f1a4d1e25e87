"""``reply-tasks status`` shows how things stand, to a person, a script and a scraper."""

import json
import os
import pty
from datetime import UTC, datetime

import pytest
from console_script import SCRIPTS, environment, run_command
from messages import execution, update
from prometheus_client.parser import text_string_to_metric_families
from target_runs import KEY, Stage

from reply_tasks.contract import Reason
from reply_tasks.ledger import Ledger, new_id
from reply_tasks.ledger.runs import close_dead_runs, start_run
from reply_tasks.sandbox import Endpoint, FaultKind

#: Each of them starts processes.
pytestmark = pytest.mark.e2e


def eventful(stage: Stage) -> None:
    """Runs that leave something of everything: applied, rejected twice, uncertain, claimed."""
    for task_id in (1, 2, 3):
        stage.sandbox.create_task(task_id)
    stage.sandbox.fault(FaultKind.DROP, endpoint=Endpoint.EXECUTE, task_id=2)
    limits = {"requests_per_minute": 100, "requests_per_hour": 3000}
    stage.run(
        update(1),
        update(9),
        update(3, template=None),
        execution(2),
        on_lost_answer="hold",
        **limits,
    )
    stage.left_by_the_dead(3)


def test_a_person_sees_it_all_within_80_columns_and_without_a_key(stage: Stage) -> None:
    """Runs, what waits and what to do about it, reasons, quota; no escape code goes into a pipe."""
    eventful(stage)
    calls = stage.runs()[0]["api_calls"]
    done = run_command(stage, "status")
    assert (done.returncode, done.stderr) == (0, "")
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "\x1b" not in done.stdout
    words = " ".join(done.stdout.split())
    for expected in (
        "1 applied, 2 rejected, 1 uncertain",
        "claimed 1 oldest",
        "held 0",
        "ago reply-tasks resolve",
        "invalid_record 1",
        "task_not_found 1",
        f"minute {100 - calls} 100",
        f"hour {3000 - calls:,} 3,000",
    ):
        assert expected in words


def test_a_terminal_gets_colours(stage: Stage) -> None:
    """The same on a terminal has escape codes, unless NO_COLOR forbids them."""
    stage.run(update(1, template=None))
    assert "\x1b[" in on_a_terminal(stage, {})
    assert "\x1b[3" not in on_a_terminal(stage, {"NO_COLOR": "1"})


def on_a_terminal(stage: Stage, env: dict[str, str]) -> str:
    """What the command writes to a terminal."""
    variables = {"REPLY_TASKS_LEDGER_URL": stage.settings["ledger_url"], "TERM": "xterm", **env}
    program = str(SCRIPTS / "reply-tasks")
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(program, [program, "status"], {**environment(), **variables})  # noqa: S606
    written = b""
    while True:
        try:
            part = os.read(terminal, 4096)
        except OSError:  # Linux says so when the other end is closed
            part = b""
        if not part:
            break
        written += part
    os.close(terminal)
    os.waitpid(pid, 0)
    return written.decode()


def test_a_script_gets_numbers(stage: Stage) -> None:
    """``--json`` has the same, with counts by name and instants in ISO 8601."""
    eventful(stage)
    done = run_command(stage, "status", "--json", env={"REPLY_TASKS_API_KEY": KEY})
    seen = json.loads(done.stdout)
    (run,) = seen["runs"]
    assert run == seen["last_ended"]
    counts = ("records", "applied", "rejected", "uncertain", "exit_code", "state")
    assert [run[name] for name in counts] == [4, 1, 2, 1, 0, "finished"]
    assert datetime.fromisoformat(run["ended_at"]) <= datetime.now(UTC)
    assert (seen["open"]["count"], seen["held"]["count"], seen["uncertain"]["count"]) == (1, 0, 1)
    assert seen["rejected"] == {"invalid_record": 1, "task_not_found": 1}
    (own,) = seen["quota"]
    assert own["user"] == "own"
    assert [(each["name"], each["left"]) for each in own["windows"]] == [
        ("minute", 100 - run["api_calls"]),
        ("hour", 3000 - run["api_calls"]),
    ]


def samples(text: str) -> dict[str, dict[tuple[str, ...], float]]:
    """The values by metric and labels, as Prometheus's own parser reads them."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(text):
        assert (family.type, bool(family.documentation)) == ("gauge", True)
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
    return found


def test_a_scraper_gets_every_number(stage: Stage) -> None:
    """The text is what Prometheus reads, and has a value for each reason, also those at zero."""
    eventful(stage)
    done = run_command(stage, "status", "--format", "prometheus")
    seen = samples(done.stdout)
    ended = stage.runs()[0]["ended_at"].timestamp()
    assert seen["reply_tasks_last_run_end_timestamp_seconds"][()] == pytest.approx(ended)
    assert seen["reply_tasks_last_run_exit_code"][()] == 0
    assert seen["reply_tasks_last_run_records"]["rejected",] == 2
    for name, count in (("open", 1), ("held", 0), ("uncertain", 1)):
        assert seen[f"reply_tasks_{name}"][()] == count
    rejected = seen["reply_tasks_rejected"]
    assert {reason for (reason,) in rejected} == set(map(str, Reason))
    assert (rejected["task_not_found",], rejected["render_error",]) == (1, 0)
    left = {window: value for (_, window), value in seen["reply_tasks_quota_left"].items()}
    calls = seen["reply_tasks_last_run_api_calls"][()]
    assert left == {"minute": 100 - calls, "hour": 3000 - calls}
    assert calls > 0


def test_a_killed_run_has_an_exit_code_too(stage: Stage) -> None:
    """A run that left none shows as -1, so that an alert on anything but 0 fires."""
    with Ledger.open(stage.settings["ledger_url"]) as ledger, ledger.write() as connection:
        start_run(connection, new_id())
        close_dead_runs(connection, seen_from=ledger.holder.host)
    seen = samples(run_command(stage, "status", "--format", "prometheus").stdout)
    assert seen["reply_tasks_last_run_exit_code"][()] == -1


def test_no_ledger_is_a_line_and_none_is_made(stage: Stage) -> None:
    """A command that only reads names the ledger that is missing, and leaves no file."""
    for command in (["status"], ["find", "1"]):
        done = run_command(stage, *command)
        assert (done.returncode, done.stdout) == (1, "")
        assert "There is no ledger at" in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert not [*stage.folder.iterdir()]


def test_a_database_that_is_no_ledger_stays_as_it_is(stage: Stage) -> None:
    """An empty file, or another program's database, gets no tables."""
    (stage.folder / "ledger.db").touch()
    done = run_command(stage, "status")
    assert done.returncode == 1
    assert "There is no ledger in" in done.stderr
    assert (stage.folder / "ledger.db").stat().st_size == 0


def test_start_up_imports_no_sdk(stage: Stage) -> None:
    """The commands need no singer-sdk, which alone takes longer to import than they run."""
    stage.run(update(1, template=None))
    done = run_command(stage, "status", env={"PYTHONPROFILEIMPORTTIME": "1"})
    assert "reply_tasks.commands.output\n" in done.stderr
    for heavy in ("singer_sdk", "pendulum", "requests", "httptools"):
        assert f" {heavy}\n" not in done.stderr
