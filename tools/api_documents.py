"""``python -m tools.api_documents write`` puts the facts of the API into ``docs/api.md``.

A developer's tool, run from the top of a checkout: the tables of operations, of differences and of
what the sandbox assumes. The facts and the sandbox are the source of truth.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import click

from reply_tasks.sandbox.assumptions import QUESTIONS
from tools.api_facts import AnswerFacts, OperationFacts, differences, document_facts

DOCUMENT = "docs/api.md"


def with_generated_tables(text: str) -> str:
    """``text`` with each table written anew between its two marked lines.

    Raises:
        ValueError: A marked line is missing.
    """
    for name, table in _TABLES.items():
        before, begin, rest = text.partition(f"<!-- generated {name} -->\n")
        _, end, after = rest.partition(f"<!-- end of generated {name} -->")
        if not begin or not end:
            raise ValueError(f"no marked lines for {name}")
        text = f"{before}{begin}\n{table()}\n\n{end}{after}"
    return text


def _operations() -> str:
    rows = [_operation_row(each) for each in document_facts().operations.values()]
    return _table(("Operation", "Call", "Scope", "Body", "Success", "Refusals"), rows)


def _operation_row(facts: OperationFacts) -> tuple[str, ...]:
    success = next(status for status in facts.answers if status.startswith("2"))
    refusals = [
        _refusal(status, answer)
        for status, answer in sorted(facts.answers.items())
        if not status.startswith("2") and status not in {"401", "429"}
    ]
    kinds = " ".join(facts.answers[success].schemas)
    return (
        facts.name,
        f"`{facts.call}`",
        f"`{facts.scope}`",
        facts.body_name,
        f"{success} {kinds}".strip(),
        "; ".join(refusals),
    )


def _refusal(status: str, answer: AnswerFacts) -> str:
    codes = ", ".join(f"`{code}`" for code in sorted(answer.codes))
    listed = "errors listed" if "ValidationProblem" in answer.schemas else ""
    return f"{status} {' or '.join(part for part in (listed, codes) if part)}"


def _neighbours() -> str:
    rows = [
        (each.name, f"`{each.call}`", f"`{each.scope}`")
        for each in document_facts().neighbours.values()
    ]
    return _table(("Operation", "Call", "Scope"), rows)


def _differences() -> str:
    rows = [
        (
            each.part,
            ", ".join(f"`{member}`" for member in each.members),
            "; ".join(each.changes),
            each.why,
        )
        for each in differences()
    ]
    return _table(("Part", "Member", "Difference", "Why"), rows)


def _assumptions() -> str:
    rows = []
    for name, question in QUESTIONS.items():
        answers = [f"`{name}={answer.value}`: {answer.meaning}" for answer in question]
        rows.append((str(question.__doc__), "<br>".join(answers)))
    return _table(("Nobody says", "`--assume`, the usual first"), rows)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(
        f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |" for line in lines
    )


_TABLES: Mapping[str, Callable[[], str]] = {
    "operations": _operations,
    "neighbours": _neighbours,
    "differences": _differences,
    "assumptions": _assumptions,
}


@click.group()
def documents() -> None:
    """Keep docs/api.md equal to the facts."""


@documents.command()
def write() -> None:
    """Write the generated tables anew."""
    path = Path(DOCUMENT)
    path.write_text(with_generated_tables(path.read_text()))


if __name__ == "__main__":
    documents()
