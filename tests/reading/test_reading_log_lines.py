"""Log lines: nothing from outside passes for a line of ours, or acts on a terminal."""

import json
import logging
import os
import subprocess
import sys

import pytest
from console_script import SCRIPTS, environment
from messages import record, schema, update
from target_runs import Stage

from reply_tasks.log_lines import unforgeable

#: Each of them starts processes.
pytestmark = pytest.mark.e2e

FORGED = "2026-01-01 00:00:00,000 | INFO     | target-reply-tasks | 9 records read: 9 applied"
NASTY = f"x\n{FORGED}\r\x1b[2J\x1b[31m\u202e\u2028\x9b\x00"


def _check(log: str) -> None:
    assert FORGED not in log.splitlines()
    assert not any(each in log for each in "\r\x1b\u202e\u2028\x9b\x00")
    assert "x\\n2026-01-01" in log


def test_a_name_of_a_member_forges_nothing(stage: Stage) -> None:
    """A member that is dropped is named, with what would act written as its escape."""
    _check(stage.script(update(1, **{NASTY: 1})).log)


def test_a_name_of_a_stream_forges_nothing(stage: Stage) -> None:
    """Also where a stream's name is the logger's."""
    ended = stage.script(
        schema(NASTY, "id"), record(NASTY, {"id": "?", "zzz": 1}), default_operation="update"
    )
    _check(ended.log)


def test_an_unknown_type_forges_nothing(stage: Stage) -> None:
    """Also in the one line that says what was wrong with the input."""
    _check(stage.script({"type": NASTY[:40]}).log + "x\\n2026-01-01")


def test_a_traceback_forges_nothing() -> None:
    """What an exception says is indented, line by line."""
    try:
        float(NASTY)
    except ValueError:
        line = logging.LogRecord("x", logging.ERROR, "", 0, "%s", (NASTY,), sys.exc_info())
    text = logging.Formatter().format(unforgeable(line))
    assert FORGED not in text.splitlines()
    assert not any(each in text for each in "\r\x1b\u202e\u2028\x9b\x00")


@pytest.mark.parametrize("message", ["plain", "%s records: %d"])
def test_a_plain_line_stays_as_it_is(message: str) -> None:
    """Nothing is escaped that needs no escape, and arguments stay arguments."""
    arguments = ("äöü 🦊", 3) if "%" in message else ()
    line = logging.LogRecord("x", logging.INFO, "", 0, message, arguments, None)
    assert unforgeable(line).args == line.args
    assert unforgeable(line).getMessage() == line.getMessage()


def test_a_terminal_is_told_what_is_read(stage: Stage) -> None:
    """Who starts the target by hand is told that it waits for messages, and Ctrl-D ends it."""
    config = stage.folder / "config.json"
    config.write_text(json.dumps(stage.settings))
    master, terminal = os.openpty()
    process = subprocess.Popen(
        [SCRIPTS / "target-reply-tasks", "--config", str(config)],
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    with process:
        assert process.stderr is not None
        waits = next(line for line in process.stderr if "Reading Singer messages" in line)
        os.write(master, b"\x04")
        rest = process.stderr.read()
    os.close(terminal)
    os.close(master)
    assert "from standard input" in waits
    assert "0 records read" in rest
    assert "Reader " not in rest
    assert process.returncode == 0
