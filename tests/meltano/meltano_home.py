"""An installed Meltano project, as a clone of this repository gives it."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import programs

ROOT = Path(__file__).parents[2]


#: What a clone has that the pipeline needs.
CHECKOUT = (
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "meltano.yml",
    "examples",
    "reply_tasks",
    "target_reply_tasks",
    "tap_reply_tasks",
    "tools",
)


PLUGINS = (
    "tap-postgres",
    "tap-spreadsheets",
    "target-reply-tasks",
    "tap-reply-tasks",
    "target-postgres",
    "target-duckdb",
    "target-jsonl",
)


@dataclass(frozen=True)
class Home:
    """Where Meltano and the plugins are installed."""

    folder: Path

    @property
    def meltano(self) -> Path:
        """The program."""
        return self.folder / "cli/bin/meltano"

    @property
    def project(self) -> Path:
        """The copy of the checkout that the plugins are installed from."""
        return self.folder / "project"


def install(folder: Path) -> Home:
    """Install everything into ``folder``, once for all processes of a test session."""

    def make(folder: Path) -> None:
        home = Home(folder)
        _check_out(home.project)
        programs.install(folder / "cli", "meltano~=4.4")
        _call(home.meltano, "install", *PLUGINS, cwd=home.project, env=environment())

    return Home(programs.once(folder, make))


def _check_out(project: Path) -> None:
    project.mkdir()
    for name in CHECKOUT:
        source = ROOT / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, project / name, ignore=ignored)
        else:
            shutil.copy(source, project / name)


def environment() -> dict[str, str]:
    """This process's environment without settings of anybody's plugins."""
    ours = ("MELTANO", "REPLY_TASKS", "TARGET_", "TAP_", "PYTEST", "CRM_", "WAREHOUSE_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def _call(*command: object, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> None:
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
