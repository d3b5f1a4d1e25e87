"""``python tests/guarantees/guarantees_document.py`` writes the tables of docs/guarantees.md anew.

They are made of the data that the tests in this folder hold the target to. Run it from anywhere.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from fault_rows import (
    CERTAIN,
    FAULTS,
    FOREVER,
    FOUND,
    HALF_ANSWERS,
    MORE_FAULTS,
    ROWS,
    Certain,
    Forever,
    Found,
    Row,
)
from life_rows import (
    COMPLETION_FOUND,
    LIFE_CERTAIN,
    LIFE_FOREVER,
    LIFE_HALF_ANSWERS,
    LIFE_ROWS,
)

from reply_tasks.contract.outcomes import Outcome, Reason

DOCUMENT = Path(__file__).parents[2] / "docs" / "guarantees.md"


def tables() -> dict[str, str]:
    """Every generated part of the document, by the name in its two marked lines."""
    return {
        "faults": _faults(),
        "matrix": _matrix(ROWS),
        "half answers": _matrix(HALF_ANSWERS),
        "found": _found("Messages sent by this execution", FOUND),
        "forever": _forever(FOREVER),
        "certain": _certain("an execution", "POST", "Messages sent", CERTAIN),
        "life": _matrix(LIFE_ROWS),
        "life half answers": _matrix(LIFE_HALF_ANSWERS),
        "life found": _found("Completed by this call", COMPLETION_FOUND),
        "life forever": _forever(LIFE_FOREVER),
        "life certain": _certain("a creation", "CREATE", "Tasks made", LIFE_CERTAIN),
    }


def with_tables(text: str) -> str:
    """``text`` with each table written anew between its two marked lines.

    Raises:
        ValueError: A marked line is missing.
    """
    for name, table in tables().items():
        begin, end = f"<!-- generated: {name} -->\n", f"<!-- end of generated: {name} -->"
        before, found, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        if not found or not closed:
            raise ValueError(f"no marked lines for {name}")
        text = f"{before}{begin}\n{table}\n\n{end}{after}"
    return text


def _faults() -> str:
    return "\n".join(f"- {words}" for words in [*FAULTS.values(), *MORE_FAULTS.values()])


def _matrix(rows: Iterable[Row]) -> str:
    return _table(
        ("Operation", "What goes wrong", "When", "Calls, in order", "Took effect", "Outcome"),
        (
            (
                row.group,
                row.place,
                _moment(row),
                row.calls,
                _times(row.effects),
                _outcome(row.outcome, read_back=row.read_back),
            )
            for row in rows
        ),
    )


def _found(effect: str, cases: Iterable[Found]) -> str:
    return _table(
        ("The task, as read back", effect, "Outcome"),
        ((case.what, str(case.effects), _outcome(case.outcome, case.reason)) for case in cases),
    )


def _forever(cases: Iterable[Forever]) -> str:
    return _table(
        ("Operation", "What goes wrong", "When", "Calls, in order", "Then"),
        ((case.group, case.place, _moment(case), case.calls, _then(case)) for case in cases),
    )


def _certain(what: str, call: str, effect: str, cases: Iterable[Certain]) -> str:
    return _table(
        (f"Answer to {what}", f"{call}s that reach Reply", effect, "Outcome"),
        (
            (
                case.answer,
                str(case.calls.count(call)),
                str(case.effects),
                _outcome(case.outcome, case.reason),
            )
            for case in cases
        ),
    )


def _moment(row: Row | Forever) -> str:
    """When it strikes; a read has no effect that it could come before or after."""
    return "" if row.place.endswith(("GET", "READ")) else f"{row.when} the effect"


def _times(count: int) -> str:
    return ("never", "once", "twice")[count] if count < 3 else f"{count} times"


def _outcome(outcome: Outcome, reason: Reason | None = None, *, read_back: bool = False) -> str:
    why = f", `{reason}`" if reason else ""
    return f"`{outcome}`{why}" + (", the read-back is the evidence" if read_back else "")


def _then(case: Forever) -> str:
    if case.settled is not None:
        return _outcome(case.settled)
    claim = "its claim stays for the next run" if case.claim else "nothing was sent: no claim stays"
    return f"the run stops with exit code 1; {claim}"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(line)} |" for line in (heads, *rows)]
    return "\n".join(dict.fromkeys([lines[0], f"|{'---|' * len(heads)}", *lines[1:]]))


if __name__ == "__main__":
    DOCUMENT.write_text(with_tables(DOCUMENT.read_text()))
