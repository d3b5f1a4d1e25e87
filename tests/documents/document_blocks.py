"""The fenced blocks of a document: what runs, what it shows, and what is marked as not run."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: Every document whose blocks somebody pastes.
DOCUMENTS = (
    "README.md",
    "docs/tutorial.md",
    "docs/operations.md",
    *sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs/recipes").glob("*.md")),
)
_BLOCK = re.compile(
    r"(?:^<!-- not run: (?P<reason>[^\n]+) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
#: What differs from run to run: the moment, and where on this machine it was.
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)?")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block; ``reason`` says why it is not run, if it is marked so."""

    document: str
    language: str
    text: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class Step:
    """Commands to run, and what the page shows of their output."""

    commands: str
    shown: tuple[str, ...]


def blocks(document: str) -> list[Block]:
    """Every block of a document, in order."""
    return [
        Block(document, match["language"], match["text"], match["reason"])
        for match in _BLOCK.finditer((ROOT / document).read_text())
    ]


def steps(document: str) -> list[Step]:
    """What is to be run, in order; ``text`` and ``json`` show what the block before them says."""
    found: list[Step] = []
    for block in blocks(document):
        if block.reason is not None:
            continue
        if block.language == "bash":
            found.append(Step(block.text, ()))
        elif block.language in {"text", "json"}:
            last = found.pop()
            found.append(Step(last.commands, (*last.shown, *block.text.splitlines())))
    return found


def missing(shown: tuple[str, ...], said: str) -> Iterator[str]:
    """The lines that a page shows and its commands did not say, in that order."""
    rest = _MOMENT.sub("<moment>", said)
    for line in shown:
        _, found, after = rest.partition(_MOMENT.sub("<moment>", line.strip()))
        if not found:
            yield line
        else:
            rest = after
