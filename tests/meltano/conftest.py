"""Meltano installed once, and for each test a CRM, a warehouse, a sandbox and a project."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from meltano_home import ROOT, Home, install
from meltano_world import Database, Project, sandbox_process

CRM = ROOT / "examples" / "crm"


@pytest.fixture(scope="session")
def meltano_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Meltano and the plugins, installed from PyPI by the first test that needs them."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # shared by all workers
    return install(folder / "meltano-home")


@pytest.fixture
def database(postgres_server: Any) -> Iterator[Callable[[], Database]]:
    """Makes empty databases that are gone after the test."""
    made: list[str] = []

    def make() -> Database:
        name = f"test_{uuid4().hex}"
        postgres_server.run(f"CREATE DATABASE {name}")
        made.append(name)
        return Database(postgres_server.url(name))

    yield make
    for name in made:
        postgres_server.run(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def make_project(
    request: pytest.FixtureRequest,
    meltano_home: Home,
    database: Callable[[], Database],
    tmp_path: Path,
) -> Iterator[Callable[..., Project]]:
    """Makes the project of a test, with the ledger on SQLite, then on PostgreSQL."""
    with ExitStack() as stack:

        def make(**sandbox_options: object) -> Project:
            crm = database()
            crm.run(*((CRM / name).read_text() for name in ("tables.sql", "views.sql")))
            ledger_url = (
                f"sqlite:///{tmp_path / 'ledger.db'}"
                if request.param == "sqlite"
                else database().url
            )
            sandbox = stack.enter_context(sandbox_process(tmp_path, **sandbox_options))
            return Project(meltano_home, tmp_path / "project", sandbox, ledger_url, crm, database())

        yield make
