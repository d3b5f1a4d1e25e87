"""What the tests of the dbt package share: programs, the pipeline's data, and built warehouses."""

import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest
from dbt_pipeline import Pipeline, play
from dbt_warehouses import Dbt, DuckDb, Postgres, Warehouse
from programs import REQUIREMENTS, once, program

#: Everything on: the API's streams, and a model that tells when the CRM changed what.
ALL_ON = {
    "reply_tasks_use_tasks": True,
    "reply_tasks_use_task_snapshots": True,
    "reply_tasks_use_users": True,
    "reply_tasks_use_email_accounts": True,
    "reply_tasks_crm_changes": "crm_task_changes",
}


@pytest.fixture(scope="session")
def cache(program_cache: Path) -> Path:
    """Where environments are kept, with all that these tests need."""
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda environment: program(program_cache, environment), REQUIREMENTS))
    return program_cache


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder of this session that all workers share."""
    base = tmp_path_factory.getbasetemp()
    return (base if worker_id == "master" else base.parent) / "dbt-shared"


@pytest.fixture(scope="session")
def pipeline(shared: Path) -> Pipeline:
    """The pipeline's data, made once for all workers."""
    return Pipeline.read(once(shared / "pipeline", play))


@pytest.fixture(scope="session")
def dbt(shared: Path, cache: Path) -> Dbt:
    """A user's project with the package in it."""
    return Dbt(once(shared / "dbt", lambda folder: Dbt.make(folder, cache)) / "project", cache)


@pytest.fixture(scope="session")
def make_warehouse(
    cache: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Callable[[str], Warehouse]:
    """Makes an empty warehouse of a kind."""

    def make(kind: str) -> Warehouse:
        folder = tmp_path_factory.mktemp(kind)
        if kind == "duckdb":
            return DuckDb(folder, cache)
        server = request.getfixturevalue("postgres_server")
        database = f"warehouse_{uuid4().hex}"
        server.run(f"CREATE DATABASE {database}")
        return Postgres(folder, cache, server.port, database)

    return make


@pytest.fixture(scope="session")
def built(
    make_warehouse: Callable[[str], Warehouse], pipeline: Pipeline, dbt: Dbt, shared: Path
) -> Callable[[str], Warehouse]:
    """A warehouse of a kind that has everything: loaded by the tap's two runs, and built.

    DuckDB's is a file, which workers share; each worker has a PostgreSQL of its own.
    """

    def fill(warehouse: Warehouse) -> Warehouse:
        for emitted in pipeline.emitted:
            warehouse.load(emitted)
        warehouse.change(*crm_changes(pipeline))
        dbt.build(warehouse, warehouse.folder / "all", ALL_ON)
        return warehouse

    @functools.cache
    def get(kind: str) -> Warehouse:
        if kind == "postgres":
            return fill(make_warehouse(kind))
        folder = once(shared / kind, lambda folder: fill(DuckDb(folder, dbt.cache)))
        return DuckDb(folder, dbt.cache)

    return get


@pytest.fixture(params=["duckdb", "postgres"])
def warehouse(request: pytest.FixtureRequest, built: Callable[[str], Warehouse]) -> Warehouse:
    """Each kind of warehouse, with everything in it."""
    return built(request.param)


def crm_changes(pipeline: Pipeline) -> list[str]:
    """The CRM's own table of when it changed what."""
    rows = ", ".join(
        f"('{key}', timestamp '{moment:%Y-%m-%d %H:%M:%S}')" for key, moment in pipeline.changes()
    )
    return [
        "create schema crm",
        "create table crm.task_changes (external_id varchar, changed_at timestamp)",
        f"insert into crm.task_changes values {rows}",
    ]
