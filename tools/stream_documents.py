"""``python -m tools.stream_documents write`` puts the streams' columns into what repeats them.

A developer's tool, run from the top of a checkout: the tables of ``docs/warehouse.md``, and what
the dbt package says of its sources and its staging models. The schemas are the source of truth.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill
from typing import Any

import click
import yaml
from singer_sdk import Stream

from reply_tasks.contract.outcomes import Operation, Outcome, Reason
from reply_tasks.ledger.links import LinkSource
from tap_reply_tasks.schemas import Schema
from tap_reply_tasks.streams import STREAMS
from tap_reply_tasks.tap import TapReplyTasks

WAREHOUSE = "docs/warehouse.md"
SOURCES = "dbt_reply_tasks/models/staging/_sources.yml"
STAGING = "dbt_reply_tasks/models/staging/_staging.yml"

#: The widest line of a document.
_WIDTH = 120
_BEGIN = "<!-- generated columns -->\n"
_END = "<!-- end of generated columns -->"
_GENERATED = "# Written by `make docs` from the tap's schemas; not by hand.\n"
_VOCABULARIES = {
    "operation": Operation,
    "outcome": Outcome,
    "reason": Reason,
    "source": LinkSource,
}

#: A YAML document of dbt's, or a part of one.
Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a stream.

    Attributes:
        name: As the tap emits it.
        kind: ``integer``, ``text``, ``date-time``, ``boolean``, ``number`` or ``object``.
        nullable: Whether it may be null.
        description: What it means.
        parts: The members of an object.
    """

    name: str
    kind: str
    nullable: bool
    description: str
    parts: tuple["Column", ...] = ()


def streams() -> list[Stream]:
    """The tap's streams, in the order in which the tap lists them."""
    tap = TapReplyTasks(config={}, validate_config=False)
    return [tap.streams[name] for name in STREAMS]


def columns(schema: Schema) -> list[Column]:
    """The columns that a stream's schema describes."""
    return [
        _column(name, part, required=name in schema.get("required", ()))
        for name, part in schema["properties"].items()
    ]


def staged_names(stream: str, column: Column) -> list[str]:
    """The columns of a staging model that hold it: snake_case, an object's members on their own."""
    if column.parts:
        return [f"{_snake(column.name)}_{_snake(part.name)}" for part in column.parts]
    if column.name == "id":
        return ["email_account_id" if stream == "email_accounts" else "task_id"]
    return [_snake(column.name)]


def columns_markdown() -> str:
    """A section with a table for each stream."""
    return "\n\n".join(_section(stream) for stream in streams())


def with_columns(text: str) -> str:
    """``text`` with the part between the marked lines written anew.

    Raises:
        ValueError: A marked line is missing.
    """
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise ValueError("no marked lines for the columns")
    return f"{before}{begin}\n{columns_markdown()}\n\n{end}{after}"


def sources_yaml() -> str:
    """The dbt package's sources: the tables that a loader made of the streams."""
    source: Document = {
        "name": "reply_tasks",
        "description": "What tap-reply-tasks emitted, as a loader landed it.",
        "database": "{{ var('reply_tasks_database', target.database) }}",
        "schema": "{{ var('reply_tasks_schema', 'reply') }}",
        "tables": [_source_table(stream) for stream in streams()],
    }
    return _dump({"version": 2, "sources": [source]})


def staging_yaml() -> str:
    """What the dbt package says of its staging models, and the tests of their columns."""
    return _dump({"version": 2, "models": [_staging_model(stream) for stream in streams()]})


def _column(name: str, schema: Schema, *, required: bool) -> Column:
    types = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    kind = next(each for each in types if each != "null")
    words = {"string": schema.get("format", "text"), "array": "array"}
    return Column(
        name=name,
        kind=words.get(kind, kind),
        nullable="null" in types and not required,
        description=schema.get("description", ""),
        parts=tuple(
            _column(part, each, required=False)
            for part, each in schema.get("properties", {}).items()
        ),
    )


def _section(stream: Stream) -> str:
    key = ", ".join(f"`{each}`" for each in stream.primary_keys)
    how = f"incremental by `{stream.replication_key}`" if stream.replication_key else "full table"
    chosen = "selected" if stream.selected_by_default else "not selected by default"
    lines = [
        f"### `{stream.name}`",
        "",
        fill(f"{stream.schema['description']} Key {key}, {how}, {chosen}.", _WIDTH),
        "",
        "| Column | Type | Meaning |",
        "|---|---|---|",
        *(_row(column) for column in columns(stream.schema)),
    ]
    return "\n".join(lines)


def _row(column: Column) -> str:
    about = column.description
    if column.parts:
        members = "; ".join(
            f"`{part.name}`, {part.kind}: {part.description}" for part in column.parts
        )
        about = f"{about} Members: {members}"
    kind = f"{column.kind} or null" if column.nullable else column.kind
    return f"| `{column.name}` | {kind} | {about} |"


#: The pipeline is as fresh as the last run of the target that the warehouse knows of.
_FRESHNESS: Document = {
    "loaded_at_query": "{{ reply_tasks.loaded_at(this, 'endedAt') }}",
    "freshness": {
        f"{level}_after": {
            "count": f"{{{{ var('reply_tasks_{level}_after_hours', {hours}) }}}}",
            "period": "hour",
        }
        for level, hours in (("warn", 24), ("error", 72))
    },
}


def _source_table(stream: Stream) -> Document:
    return {
        "name": stream.name,
        "description": stream.schema["description"],
        **({"config": _FRESHNESS} if stream.name == "runs" else {}),
        "columns": [
            {"name": column.name, "description": _plain(column.description)}
            for column in columns(stream.schema)
        ],
    }


def _staging_model(stream: Stream) -> Document:
    staged = [
        _staged(stream, name, column, part)
        for column in columns(stream.schema)
        for name, part in zip(
            staged_names(stream.name, column), column.parts or (column,), strict=True
        )
    ]
    if stream.replication_key is None:
        staged.append(
            {
                "name": "read_at",
                "description": "When the tap read it, UTC; null if the loader adds no "
                "_sdc_extracted_at.",
            }
        )
    return {
        "name": f"stg_reply_tasks__{stream.name}",
        "description": f"{stream.schema['description']} One row of each key, the latest.",
        "columns": [*staged, *_derived(stream.name)],
    }


def _derived(stream: str) -> Iterator[Document]:
    if stream == "task_operations":
        yield {"name": "problem_code", "description": "The problem document's code."}
        yield {"name": "problem_title", "description": "The problem document's title."}


def _staged(stream: Stream, name: str, column: Column, part: Column) -> Document:
    about = part.description
    if part is not column:
        about = f"{about.rstrip('.')} ({column.name}.{part.name})."
    key = column.name in stream.primary_keys
    tests: list[Any] = ["unique"] if key else []
    if key or not column.nullable:
        tests.append("not_null")
    if name in _VOCABULARIES:
        values = [str(each) for each in _VOCABULARIES[name]]
        tests.append({"accepted_values": {"arguments": {"values": values}}})
    if (stream.name, name) in _RELATIONSHIPS:
        tests.append({"relationships": _RELATIONSHIPS[stream.name, name]})
    staged: Document = {"name": name, "description": _plain(about)}
    return staged | {"data_tests": tests} if tests else staged


#: A run that has not ended has operations but no row yet, and what made a link may have been pruned
#: before the tap read it: a missing row of these is worth a warning.
_RELATIONSHIPS: Mapping[tuple[str, str], Document] = {
    ("task_details", "operation_id"): {
        "arguments": {"to": "ref('stg_reply_tasks__task_operations')", "field": "operation_id"}
    },
    ("task_operations", "run_id"): {
        "arguments": {"to": "ref('stg_reply_tasks__runs')", "field": "run_id"},
        "config": {"severity": "warn"},
    },
    ("task_links", "operation_id"): {
        "arguments": {"to": "ref('stg_reply_tasks__task_operations')", "field": "operation_id"},
        "config": {"severity": "warn"},
    },
}


def _plain(text: str) -> str:
    """Keep braces that are Reply's own from dbt, which renders descriptions."""
    return f"{{% raw %}}{text}{{% endraw %}}" if "{{" in text else text


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def _dump(document: Document) -> str:
    return _GENERATED + yaml.safe_dump(document, sort_keys=False, width=96, allow_unicode=True)


@click.group()
def documents() -> None:
    """Keep the documents equal to the tap's schemas."""


@documents.command()
def write() -> None:
    """Write the generated parts anew."""
    warehouse = Path(WAREHOUSE)
    warehouse.write_text(with_columns(warehouse.read_text()))
    Path(SOURCES).write_text(sources_yaml())
    Path(STAGING).write_text(staging_yaml())


if __name__ == "__main__":
    documents()
