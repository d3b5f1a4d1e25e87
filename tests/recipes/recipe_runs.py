"""Runs of the recipes: the target on a sample, and what becomes of it without a column."""

import ast
import json
import logging
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from console_script import run_script
from programs import program, run
from recipe_world import SAMPLES, Recipe, blocks
from singer_sdk.mapper import PluginMapper

RECIPES = [
    Recipe("salesforce", "Updates and executions", "salesforce"),
    Recipe("salesforce", "Executions from Reply's own template", "salesforce"),
    Recipe("hubspot", "Updates and executions", "hubspot"),
    Recipe("pipedrive", "Updates", "pipedrive"),
    Recipe("outreach", "Updates by a cross-walk", "outreach"),
    Recipe("outreach", "Updates by a mark in the note", "outreach"),
    Recipe("csv", "Updates", "csv"),
    Recipe("csv", "A sheet in the contract's own words", "csv-contract"),
    Recipe("sql-view", "Updates and executions", "sql-view"),
]
#: By the CRM's own key, over several days.
LIVES = [
    Recipe("salesforce", "The whole life, by Salesforce's own key", "salesforce-life"),
    Recipe("hubspot", "The whole life, by HubSpot's own key", "hubspot-life"),
]
#: What a tap sends of a stream that is selected besides.
OTHER_STREAM: dict[str, Any] = {
    "type": "SCHEMA",
    "stream": "users",
    "schema": {"properties": {"email": {"type": "string"}}},
    "key_properties": ["email"],
}


def run_target(folder: Path, messages: str) -> subprocess.CompletedProcess[str]:
    """The console script with the folder's settings."""
    return run_script(
        "target-reply-tasks", "--config", "config.json", folder=folder, given=messages
    )


def record(sample: str, cache: Path, environment: dict[str, str]) -> list[dict[str, Any]]:
    """What the published tap emits, from an environment of its own."""
    recording = json.loads((SAMPLES / sample / "recording.json").read_text())
    tap = f"{recording['package']}=={recording['version']}"
    written = run(
        program(cache, recording["package"], tap) / "python",
        Path(__file__).with_name("record_sample.py"),
        SAMPLES / sample,
        environment=environment,
    )
    return [json.loads(line) for line in written.splitlines()]


def samples_messages(sample: str) -> list[dict[str, Any]]:
    return next(each for each in [*RECIPES, *LIVES] if each.sample == sample).messages


def fill(postgres_url: str) -> None:
    """The CRM's tables, the document's cross-walk and views, and the cross-walk's rows."""
    folder = SAMPLES / "sql-view"
    with psycopg.connect(plain(postgres_url), autocommit=True) as session:
        for statements in (
            (folder / "crm.sql").read_text(),
            *blocks("sql-view", "sql"),
            (folder / "map.sql").read_text(),
        ):
            session.execute(statements.encode())


def plain(url: str) -> str:
    """An SQLAlchemy URL as PostgreSQL's own programs take it."""
    return url.replace("+psycopg", "")


def without_fraction(value: Any) -> Any:
    """A time as ``to_jsonb`` writes it: the tap adds six zeros."""
    return value.replace(".000000+", "+") if isinstance(value, str) else value


def names_in(stream_maps: dict[str, Any]) -> set[str]:
    """Every name, key and attribute in the expressions of stream maps."""
    found: set[str] = set()
    for mapped in stream_maps.values():
        members = mapped if isinstance(mapped, dict) else {}
        for member, expression in members.items():
            if member == "__filter__" or not (member.startswith("__") or expression == "__NULL__"):
                for node in ast.walk(ast.parse(expression)):
                    match node:
                        case ast.Name(id=name) | ast.Constant(value=str(name)):
                            found.add(name)
    return found


def columns(record_: dict[str, Any]) -> Iterator[str]:
    """A record's columns, those of HubSpot's ``properties`` too."""
    yield from record_
    yield from record_.get("properties", {})


def renamed(message: dict[str, Any], column: str) -> dict[str, Any]:
    """The message as a tap would send it that calls the column something else."""
    if message["type"] != "RECORD":
        return message
    return {**message, "record": _renamed(message["record"], column)}


def _renamed(members: dict[str, Any], column: str) -> dict[str, Any]:
    return {
        f"{name}_renamed" if name == column else name: (
            _renamed(value, column) if isinstance(value, dict) else value
        )
        for name, value in members.items()
    }


def map_records(recipe: Recipe, *, without: str | None = None) -> list[Any]:
    """What the stream maps make of the sample: records, None for those left out, or the error."""
    mapper = PluginMapper(json.loads(json.dumps(recipe.settings)), logging.getLogger(__name__))
    mapped: list[Any] = []
    for message in recipe.messages:
        if message["type"] == "SCHEMA":
            mapper.register_raw_stream_schema(
                message["stream"], message["schema"], message["key_properties"]
            )
        elif message["type"] == "RECORD":
            record_ = renamed(message, without)["record"] if without else message["record"]
            for stream_map in mapper.stream_maps[message["stream"]]:
                try:
                    mapped.append((stream_map.stream_alias, stream_map.transform(dict(record_))))
                except Exception as error:  # noqa: BLE001 - an expression may raise anything
                    mapped.append(type(error))
    return mapped
