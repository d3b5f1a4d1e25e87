"""Show what the pipeline left in the warehouse: `meltano invoke target-duckdb:tables`.

It runs in target-duckdb's own environment, which has DuckDB and nothing of this project.
"""

import os
from collections.abc import Sequence

import duckdb

QUESTIONS = {
    "Each task as Reply has it (task_details)": """
        SELECT id, tasktypename AS type, statusname AS status, strftime(dueto, '%Y-%m-%d') AS due,
               template ->> 'body' AS body, operation
        FROM task_details ORDER BY id
    """,
    "What became of each record (task_operations)": """
        SELECT sequence AS "no.", externalid AS record, taskid AS task, operation, outcome, reason,
               apicalls AS calls
        FROM task_operations ORDER BY sequence
    """,
    "What each run did (runs)": """
        SELECT sequence AS "no.", applied, unchanged, superseded, rejected, uncertain,
               apicalls AS calls, exitcode AS "exit code"
        FROM runs ORDER BY sequence
    """,
}
WIDTH = 60


def shown(value: object) -> str:
    """One cell; long texts are cut."""
    text = "" if value is None else str(value)
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"


def print_table(names: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Columns as wide as their widest cell; numbers to the right."""
    cells = [[shown(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(names, *cells, strict=True)]
    right = [all(isinstance(row[at], int | None) for row in rows) for at in range(len(names))]
    for line in (names, ["-" * width for width in widths], *cells):
        print(
            "  ".join(
                text.rjust(width) if number else text.ljust(width)
                for text, width, number in zip(line, widths, right, strict=True)
            ).rstrip()
        )


def main() -> None:
    """Ask the warehouse, and print what it answers."""
    schema = os.environ["TARGET_DUCKDB_DEFAULT_TARGET_SCHEMA"]
    with duckdb.connect(os.environ["TARGET_DUCKDB_PATH"], read_only=True) as warehouse:
        warehouse.execute(f"USE {schema}")
        for title, question in QUESTIONS.items():
            answer = warehouse.execute(question)
            print(f"\n{title}\n")
            print_table([column[0] for column in answer.description], answer.fetchall())


if __name__ == "__main__":
    main()
