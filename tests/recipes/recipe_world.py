"""What the tests of the recipes stand on: blocks of the documents, samples, a target that runs."""

import json
import re
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import yaml

from reply_tasks.ledger import Ledger
from reply_tasks.ledger.queries import settled_operations
from reply_tasks.sandbox import DEFAULT_API_KEY, SandboxServer
from reply_tasks.sandbox.assumptions import read_assumptions
from target_reply_tasks.target import TargetReplyTasks

#: Answers to what nobody knows of Reply that refuse the most.
STRICTEST = (
    *("variables=documented-case", "partial-content=refused", "unknown-members=refused"),
    *("enum-names=exact", "unrenderable=refused"),
)
ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs" / "recipes"
SAMPLES = Path(__file__).parent / "samples"
#: What a block of another program's settings begins with.
_NOT_THE_TARGETS = {"plugins", "files"}
_BLOCKS = re.compile(
    r"^## (?P<heading>[^\n]+)$|^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Recipe:
    """A block of a document, and the sample that it is run over."""

    document: str
    heading: str
    sample: str

    @property
    def settings(self) -> dict[str, Any]:
        """The block."""
        (settings,) = [
            settings
            for settings in blocks(self.document, "yaml", self.heading)
            if not _NOT_THE_TARGETS & settings.keys()
        ]
        return dict(settings)

    @property
    def expected(self) -> dict[str, Any]:
        """What a run has to come to."""
        expected = json.loads((SAMPLES / self.sample / "expected.json").read_text())
        return dict(expected[self.heading])

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The sample."""
        lines = (SAMPLES / self.sample / "sample.singer").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def __str__(self) -> str:
        return f"{self.document}: {self.heading}"


def blocks(document: str, kind: str, heading: str | None = None) -> list[Any]:
    """The fenced blocks of a kind, all or those under a heading; YAML is read."""
    found = []
    under = ""
    for match in _BLOCKS.finditer((DOCS / f"{document}.md").read_text()):
        under = match["heading"] or under
        if match["kind"] == kind and heading in {None, under}:
            found.append(yaml.safe_load(match["text"]) if kind == "yaml" else match["text"])
    return found


def written_recipes() -> set[tuple[str, str]]:
    """Document and heading of every block that is settings of the target."""
    written = set()
    for path in sorted(DOCS.glob("[a-z]*.md")):
        for heading in re.findall(r"^## (.+)$", path.read_text(), re.MULTILINE):
            for settings in blocks(path.stem, "yaml", heading):
                if not _NOT_THE_TARGETS & settings.keys():
                    written.add((path.stem, heading))
    return written


@contextmanager
def sandbox() -> Iterator[SandboxServer]:
    """A sandbox that has every task that a sample names, as strict as Reply may turn out to be."""
    with SandboxServer(assumed=read_assumptions(STRICTEST)) as server:
        for task_id in (first + n for first in range(100, 700, 100) for n in range(1, 7)):
            server.create_task(task_id)
        yield server


def connection(server: SandboxServer, folder: Path) -> dict[str, Any]:
    """The settings that are no recipe's."""
    return {
        "api_key": DEFAULT_API_KEY,
        "api_url": server.url,
        "api_dialect": "preview",
        "ledger_url": f"sqlite:///{folder / 'ledger.db'}",
    }


def listen(config: Mapping[str, Any], messages: list[dict[str, Any]]) -> int:
    """Run the target in this process, and leave its signal handlers as they were; the exit code."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        target = TargetReplyTasks(config=json.loads(json.dumps(config)))
        target.listen(StringIO("".join(json.dumps(each) + "\n" for each in messages)))
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    return target.result.exit_code


def happened(server: SandboxServer, ledger_url: str) -> dict[str, Any]:
    """The calls that change something, and what became of each record, by task."""
    calls = [
        [call.task_id, call.method, call.body] for call in server.calls if call.method != "GET"
    ]
    with Ledger.open(ledger_url) as ledger, ledger.read() as reading:
        outcomes = [
            [row["task_id"], row["operation"], row["outcome"], row["reason"], row["external_id"]]
            for row in settled_operations(reading, after=0)
        ]
    return {"calls": sorted(calls, key=_by_task), "outcomes": sorted(outcomes, key=_by_task)}


def texts_that_reached_people(server: SandboxServer) -> list[str]:
    """Bodies and subjects of all that was sent."""
    return [
        text for sent in server.outbox for text in (sent.body, sent.subject) if text is not None
    ]


def _by_task(row: list[Any]) -> tuple[int, str]:
    return row[0] or 0, str(row[-1])
