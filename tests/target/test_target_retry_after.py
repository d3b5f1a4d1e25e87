"""``Retry-After`` as it may stand on the wire: calls neither spin nor get lost."""

from collections.abc import Iterator
from signal import SIGTERM

import pytest
from messages import execution
from scripted_server import ScriptedServer, Step, http
from target_process import TargetProcess
from target_runs import Stage

DATED = {"Date": "Tue, 01 Sep 2026 21:00:00 GMT"}
REFUSAL = b'{"title":"Too Many Requests","status":429}'

# Each starts the console script.
pytestmark = pytest.mark.e2e


@pytest.fixture
def reply(stage: Stage) -> Iterator[ScriptedServer]:
    """What stands for Reply, byte by byte."""
    with ScriptedServer() as server:
        stage.settings["api_url"] = server.url
        yield server


def _refuse(reply: ScriptedServer, said: str | None, times: int = 1) -> None:
    headers = DATED if said is None else {**DATED, "Retry-After": said}
    reply.script(*[Step(http(429, REFUSAL, headers))] * times)


@pytest.mark.parametrize("said", ["0", "Wed, 21 Oct 2015 07:28:00 GMT"])
def test_a_wait_of_nothing_is_a_second(stage: Stage, reply: ScriptedServer, said: str) -> None:
    """The pause grows with each refusal, and the message leaves once."""
    _refuse(reply, said, times=2)
    ended = stage.script(execution(1))
    assert ended.exit_code == 0, ended.log
    assert [seen.method for seen in reply.seen] == ["POST"] * 3
    assert [outcome for _, outcome, _ in stage.fates()] == ["applied"]
    assert "Waiting 2 s" in ended.log, "the second pause is twice the first"
    assert stage.runs()[0]["quota_wait_seconds"] >= 2.5


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("-5", 10),
        ("soon, and\tnot <b>later</b>", 10),
        ("Tue, 01 Sep 2026 21:00:40 GMT", 40),
        ("9" * 40, 3600),
    ],
)
def test_nothing_leaves_while_reply_asks_for_a_pause(
    stage: Stage, reply: ScriptedServer, said: str | None, seconds: int
) -> None:
    """A date counts by Reply's own clock, an hour is the longest, what is no number is 10 s."""
    _refuse(reply, said)
    with TargetProcess(stage, concurrency=1) as target:
        target.write(execution(1))
        line = target.stderr.wait_for(1, "Waiting ")[0]
        assert f"Waiting {seconds} s" in line
        target.write(execution(2))
        target.signal(SIGTERM)
        assert target.end(close=False).exit_code == 143
    assert [seen.method for seen in reply.seen] == ["POST"]
    assert stage.operations() == []
    assert stage.claims() == [], "what was refused was not sent"
