"""Programs of other people: each has an environment from PyPI, kept in pytest's cache."""

import fcntl
import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from uv import find_uv_bin

PATIENCE = 300

#: dbt-core 1.12 and later need a program that is not on PyPI. With DuckDB 1.3 or later,
#: target-duckdb drops records: https://github.com/jwills/target-duckdb/pull/58
REQUIREMENTS = {
    "dbt": ("dbt-core==1.11.16", "dbt-duckdb==1.11.1", "dbt-postgres==1.11.0", "duckdb==1.2.2"),
    "target-duckdb": ("target-duckdb==0.8.0", "duckdb==1.2.2"),
    "target-postgres": ("meltanolabs-target-postgres==0.8.1",),
    "tap-postgres": ("meltanolabs-tap-postgres==0.10.0",),
    "target-jsonl": ("target-jsonl==0.1.4",),
}


def once(folder: Path, make: Callable[[Path], object]) -> Path:
    """``folder``, made by the first that asks; others wait. What is half made is made anew."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    done = folder / "done"
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            run("rm", "-rf", folder)
            folder.mkdir()
            make(folder)
            done.touch()
    return folder


def program(cache: Path, environment: str, *requirements: str) -> Path:
    """The folder of an environment's scripts, installed if it is not there yet.

    Args:
        cache: Where environments are kept.
        environment: Its name.
        requirements: What is in it; by default what ``REQUIREMENTS`` says.
    """
    wanted = requirements or REQUIREMENTS[environment]
    digest = hashlib.sha256("\n".join([sys.version, *wanted]).encode()).hexdigest()[:12]
    folder = once(cache / f"{environment}-{digest}", lambda made: install(made / "venv", *wanted))
    return folder / "venv" / "bin"


def install(folder: Path, *requirements: str) -> None:
    """Make a virtual environment, by uv: with pip the larger ones take minutes."""
    quiet = {"UV_NO_CONFIG": "1", "UV_NO_PROGRESS": "1"}
    run(find_uv_bin(), "venv", "--quiet", "--python", sys.executable, folder, environment=quiet)
    python = ("--python", folder / "bin/python")
    run(find_uv_bin(), "pip", "install", "--quiet", *python, *requirements, environment=quiet)


def run(
    *command: object,
    source: Path | None = None,
    output: Path | None = None,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    expected: Iterable[int] = (0,),
) -> str:
    """Run a program to its end; what it printed. An exit code not expected fails the test."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DBT_")}
    with source.open() if source else Path(os.devnull).open() as given:
        done = subprocess.run(
            [str(word) for word in command],
            stdin=given,
            env={**kept, **(environment or {})},
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    said = f"{done.stdout[-6000:]}\n{done.stderr[-6000:]}"
    assert done.returncode in set(expected), f"{command} ended with {done.returncode}:\n{said}"
    if output is not None:
        output.write_text(done.stdout)
    return done.stdout
