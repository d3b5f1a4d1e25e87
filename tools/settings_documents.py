"""``python -m tools.settings_documents write`` puts the settings into what repeats them.

A developer's tool, run from the top of a checkout. Between two marked lines a file is generated;
the rest is written by hand.
"""

from collections.abc import Mapping
from pathlib import Path
from textwrap import indent

import click
import yaml

from reply_tasks.settings.meltano import TAP, TARGET, meltano_settings
from tools.settings_tables import settings_markdown

#: Document -> the generated parts in it, by name.
DOCUMENTS: Mapping[str, tuple[str, ...]] = {
    "docs/reference.md": ("settings",),
    "meltano.yml": (TARGET, TAP),
    "plugins/loaders/target-reply-tasks.yml": (TARGET,),
    "plugins/extractors/tap-reply-tasks.yml": (TAP,),
}


def with_generated_parts(text: str, parts: tuple[str, ...]) -> str:
    """``text`` with each part written anew between its two marked lines.

    Raises:
        ValueError: A marked line is missing.
    """
    for part in parts:
        before, begin, rest = text.partition(f"generated settings: {part}")
        _, end, after = rest.partition(f"end of generated settings: {part}")
        if not begin or not end:
            raise ValueError(f"no marked lines for {part}")
        opening = before.rpartition("\n")[2]
        closing = " -->" if opening.lstrip().startswith("<") else ""
        margin = opening[: len(opening) - len(opening.lstrip())]
        body = indent(_part(part), margin)
        text = f"{before}{begin}{closing}\n{body}\n{opening}{end}{after}"
    return text


def _part(part: str) -> str:
    if part == "settings":
        return f"\n{settings_markdown()}\n"
    return yaml.safe_dump(
        meltano_settings(part), sort_keys=False, width=96, allow_unicode=True
    ).rstrip()


@click.group()
def documents() -> None:
    """Keep the documents equal to the settings."""


@documents.command()
def write() -> None:
    """Write the generated parts anew."""
    for name, parts in DOCUMENTS.items():
        path = Path(name)
        path.write_text(with_generated_parts(path.read_text(), parts))


@documents.command()
def markdown() -> None:
    """Print the reference's tables."""
    click.echo(settings_markdown())


if __name__ == "__main__":
    documents()
