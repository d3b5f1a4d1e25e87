"""What tests of every kind stand on: a throwaway PostgreSQL, and a folder that is fast to sync."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

_LOOPBACK = "127.0.0.1"
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

    def url(self, database: str) -> str:
        """The SQLAlchemy URL of a database."""
        return f"postgresql+psycopg://postgres@{_LOOPBACK}:{self.port}/{database}"

    def run(self, statement: str) -> None:
        """Run one statement in the maintenance database."""
        with psycopg.connect(
            host=_LOOPBACK, port=self.port, user="postgres", dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(statement.encode())


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One cluster for all tests of this process, gone when they end."""
    initdb, pg_ctl = _binary("initdb"), _binary("pg_ctl")
    home = Path(tempfile.mkdtemp(prefix="postgres-"))
    if os.geteuid() == 0:
        shutil.chown(home, "postgres", "postgres")
    data, log = home / "data", home / "log"
    port = _free_port()
    options = " ".join(f"-c {name}='{value}'" for name, value in _SERVER.items())
    try:
        _run(initdb, "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
        _run(pg_ctl, "-D", data, "-l", log, "-o", f"-p {port} {options}", "-w", "start")
        try:
            yield PostgresServer(port)
        finally:
            _run(pg_ctl, "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The SQLAlchemy URL of an empty database of this test's own."""
    database = f"test_{uuid4().hex}"
    postgres_server.run(f"CREATE DATABASE {database}")
    yield postgres_server.url(database)
    postgres_server.run(f"DROP DATABASE {database} WITH (FORCE)")


@pytest.fixture
def quick_folder() -> Iterator[Path]:
    """A folder of this test's own, in memory where there is such a thing: no commit waits."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of a name of its own is made in it
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:
        yield Path(folder)


def _binary(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
        if not installed:
            pytest.fail(f"{name} is missing: install PostgreSQL, these tests need a server.")
        found = str(installed[-1])
    return found


def _run(*command: object) -> None:
    """Run a command of PostgreSQL, which refuses to run as root."""
    user = "postgres" if os.geteuid() == 0 else None
    with tempfile.TemporaryFile() as output:  # not a pipe: the server would keep it open
        done = subprocess.run(
            [str(word) for word in command],
            user=user,
            group=user,
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
