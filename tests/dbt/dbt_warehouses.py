"""Warehouses that real loaders fill, and the dbt project that builds in them."""

import json
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import psycopg
from programs import program, run
from psycopg.rows import dict_row

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "dbt_reply_tasks"
_README = (PACKAGE / "README.md").read_text()

Row = dict[str, Any]


class Warehouse(Protocol):
    """A database that a loader fills, dbt builds in and people ask."""

    @property
    def name(self) -> str:
        """The name of its output in dbt's profile."""

    @property
    def folder(self) -> Path:
        """Where its files are, and what is made for it."""

    def output(self) -> Row:
        """Its output in dbt's profile."""

    def load(self, emitted: Path) -> None:
        """Land what the tap emitted."""

    def change(self, *statements: str) -> None:
        """Run statements."""

    def ask(self, query: str) -> list[Row]:
        """The rows of a query. Values are those of JSON: numbers, booleans, text."""


@dataclass(frozen=True, slots=True)
class DuckDb:
    """A DuckDB file, loaded by target-duckdb. It is asked through dbt's own driver."""

    folder: Path
    cache: Path
    name: str = "duckdb"

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder / "warehouse.duckdb"

    def output(self) -> Row:
        """Its output in dbt's profile."""
        return {"type": "duckdb", "path": str(self.path)}

    def load(self, emitted: Path) -> None:
        """Land what the tap emitted with target-duckdb."""
        config = self.folder / "target-duckdb.json"
        config.write_text(
            json.dumps({"filepath": str(self.path), "default_target_schema": "reply"})
        )
        run(program(self.cache, "target-duckdb") / "target-duckdb", "-c", config, source=emitted)

    def change(self, *statements: str) -> None:
        """Run statements."""
        self._run(";\n".join(statements), "write")

    def ask(self, query: str) -> list[Row]:
        """The rows of a query."""
        rows: list[Row] = json.loads(self._run(query, "read"))
        return rows

    def _run(self, text: str, how: str) -> str:
        python = program(self.cache, "dbt") / "python"
        return run(python, "-c", _ASK_DUCKDB, self.path, text, how)


_ASK_DUCKDB = """
import decimal, duckdb, json, sys
def plain(value):
    return float(value) if isinstance(value, decimal.Decimal) else value.isoformat()
asked = duckdb.connect(sys.argv[1], read_only=sys.argv[3] == "read").execute(sys.argv[2])
names = [column[0] for column in asked.description or []]
print(json.dumps([dict(zip(names, row)) for row in asked.fetchall()], default=plain))
"""


@dataclass(frozen=True, slots=True)
class Postgres:
    """A PostgreSQL database, loaded by meltanolabs-target-postgres."""

    folder: Path
    cache: Path
    port: int
    database: str
    name: str = "postgres"

    def output(self) -> Row:
        """Its output in dbt's profile."""
        place = {"host": "127.0.0.1", "port": self.port, "dbname": self.database}
        who = {"user": "postgres", "password": "trusted"}
        return {"type": "postgres", **place, **who}

    def load(self, emitted: Path) -> None:
        """Land what the tap emitted with meltanolabs-target-postgres."""
        url = f"postgresql://postgres@127.0.0.1:{self.port}/{self.database}"
        config = self.folder / "target-postgres.json"
        config.write_text(json.dumps({"sqlalchemy_url": url, "default_target_schema": "reply"}))
        script = program(self.cache, "target-postgres") / "target-postgres"
        run(script, "--config", config, source=emitted)

    def change(self, *statements: str) -> None:
        """Run statements."""
        with self._connect() as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def ask(self, query: str) -> list[Row]:
        """The rows of a query."""
        with self._connect() as connection, connection.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute(query.encode()).fetchall()
        return [{name: _plain(value) for name, value in row.items()} for row in rows]

    def _connect(self) -> "psycopg.Connection[Any]":
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user="postgres", dbname=self.database
        )


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return value if value is None or isinstance(value, bool | int | str) else float(value)


@dataclass(frozen=True, slots=True)
class Dbt:
    """A dbt project of a user's, with the package installed in it by ``dbt deps``."""

    folder: Path
    cache: Path

    @classmethod
    def make(cls, folder: Path, cache: Path) -> "Dbt":
        """A project with a model of its own that tells when the CRM changed what."""
        project = folder / "project"
        run("cp", "-R", PACKAGE, folder / "package")
        (project / "models").mkdir(parents=True)
        documents: dict[str, Row] = {
            "dbt_project.yml": {"name": "shop", "version": "1.0.0", "profile": "warehouse"},
            "packages.yml": {"packages": [{"local": str(folder / "package")}]},
            "profiles.yml": {"warehouse": {"outputs": {"none": {"type": "duckdb"}}}},
        }
        for name, document in documents.items():
            (project / name).write_text(json.dumps(document))
        (project / "models" / "crm_task_changes.sql").write_text(
            "select external_id, changed_at from crm.task_changes\n"
        )
        (own,) = re.findall(r"^-- (models/\w+\.sql)\n(.*?)^```", _README, re.DOTALL | re.MULTILINE)
        (project / own[0]).write_text(own[1])
        dbt = cls(project, cache)
        dbt.command("deps", folder / "work")
        return dbt

    def build(
        self,
        warehouse: Warehouse,
        work: Path,
        variables: Row,
        *words: object,
        schema: str = "analytics",
        expected: int = 0,
    ) -> str:
        """``dbt build`` in a schema of a warehouse; what it printed."""
        given = _given(warehouse, work, schema, variables)
        return self.command("build", work, *given, *words, expected=expected)

    def freshness(self, warehouse: Warehouse, variables: Row, *, expected: int = 0) -> str:
        """``dbt source freshness`` of the package's sources; what it printed."""
        work = warehouse.folder / "freshness"
        given = _given(warehouse, work, "analytics", variables)
        words = ("freshness", "--select", "source:reply_tasks")
        return self.command("source", work, *words, *given, expected=expected)

    def command(self, name: str, work: Path, *words: object, expected: int = 0) -> str:
        """One of dbt's commands in the project, leaving its files in ``work``."""
        places = {"DBT_TARGET_PATH": str(work / "target"), "DBT_LOG_PATH": str(work / "logs")}
        quiet = {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DO_NOT_TRACK": "1", "NO_COLOR": "1"}
        return run(
            program(self.cache, "dbt") / "dbt",
            name,
            *words,
            folder=self.folder,
            environment={**places, **quiet},
            expected=(expected,),
        )


def _given(warehouse: Warehouse, work: Path, schema: str, variables: Row) -> list[object]:
    """Where a command of dbt builds, and with which variables."""
    work.mkdir(exist_ok=True)
    output = warehouse.output() | {"schema": schema, "threads": 2}
    profile = {"target": warehouse.name, "outputs": {warehouse.name: output}}
    (work / "profiles.yml").write_text(json.dumps({"warehouse": profile}))
    return ["--profiles-dir", work, "--vars", json.dumps(variables)]
