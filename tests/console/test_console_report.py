"""The report: one file, whole, without a network, for its owner's eyes."""

import base64
import hashlib
import re
import stat

import pytest
from console_script import run_command
from console_world import hold, words_of
from messages import execution, update
from target_runs import Stage

from reply_tasks.contract.enums import TaskType

#: Each of them starts processes.
pytestmark = pytest.mark.e2e

SCRIPT = "<p>Hi</p><script>alert('x')</script>"


def written(stage: Stage, *options: str) -> str:
    ended = run_command(stage, "report", "--output", "report.html", *options)
    assert ended.returncode == 0, ended.stderr
    path = stage.folder / "report.html"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    return path.read_text()


def test_a_report_of_a_run_and_one_of_a_period(stage: Stage) -> None:
    """The last run by default; with --since what was sent, held and rejected in that time."""
    stage.sandbox.create_task(1, task_type=TaskType.MANUAL_EMAIL)
    stage.run(execution(1, content={"subject": "Renewal", "body": SCRIPT}), update(404))
    hold(stage, {2: "Hi Bob."})
    last, period = written(stage), written(stage, "--since", "1d")
    assert "1 waiting for a person" in words_of(last)
    assert "0 sent" in words_of(last)
    said = words_of(period)
    for part in ("1 sent", "Renewal", "Hi Bob.", "1 task not found", "HTTP 404"):
        assert part in said
    assert "&lt;script&gt;" in period
    assert "<script" not in period


def test_it_needs_no_network_and_allows_only_its_own_style(stage: Stage) -> None:
    """No address in it is fetched, and its policy names the digest of its one stylesheet."""
    hold(stage, {1: SCRIPT})
    page = written(stage)
    assert not re.search(r"<(script|link|img|iframe|object|form)\b| src=| href=| style=", page)
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in page
    assert "url(" not in style


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--run", "last", "--since", "1d"), "not both"),
        (("--run", "ffff"), "No run"),
        ((), "No run has ended yet"),
    ],
)
def test_what_can_not_be_reported_is_one_line(
    stage: Stage, options: tuple[str, ...], says: str
) -> None:
    """And leaves no file."""
    if options:
        stage.run()
    ended = run_command(stage, "report", "--output", "report.html", *options)
    assert ended.returncode != 0
    assert says in ended.stderr or "no ledger" in ended.stderr
    assert not (stage.folder / "report.html").exists()
