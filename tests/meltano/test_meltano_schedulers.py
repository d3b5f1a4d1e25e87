"""The write-back's shards under real schedulers: the files of examples/scaling, as they are."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from meltano_home import ROOT, environment
from meltano_world import Project, fates, wait_until
from programs import PATIENCE, program, run

pytestmark = pytest.mark.e2e

SHARDS, KILLED = 3, 1
#: Airflow with its own provider of operators; nothing else of it is needed.
AIRFLOW = ("apache-airflow-core==3.3.2", "apache-airflow-providers-standard==1.21.0")
DAGSTER = ("dagster==1.13.29",)
EXAMPLES = ROOT / "examples/scaling"
ROWS = (ROOT / "examples/crm/rows.sql").read_text()
#: Two of the example's rows have mistakes, for other tests.
WITHOUT_MISTAKES = "DELETE FROM salesforce.task WHERE id IN ('00T-3', '00T-5')"
UPDATED = [n for n in range(1, 21) if n not in {3, 5}]
SENT = range(21, 27)


@pytest.fixture
def write_back(make_project: Callable[..., Project]) -> Project:
    """A project on PostgreSQL whose Reply takes a second for each call."""
    project = make_project(latency_ms=1000)
    project.crm.run(ROWS, WITHOUT_MISTAKES)
    project.settings |= {
        "PATH": f"{project.home.meltano.parent}:{os.environ['PATH']}",
        "REPLY_API_KEY": "sandbox-key",
        "REPLY_TASKS_LEDGER_URL": project.ledger_url,
        "TAP_REPLY_TASKS_API_URL": project.sandbox.url,
        "WRITE_BACK_PROJECT": str(project.folder),
        "WRITE_BACK_SHARDS": str(SHARDS),
        "WRITE_BACK_RETRY_SECONDS": "1",
    }
    return project


@pytest.mark.parametrize("make_project", ["postgresql"], indirect=True)
def test_airflow_runs_the_shards_and_one_that_was_killed_again(
    write_back: Project, program_cache: Path, tmp_path: Path
) -> None:
    """Each shard is a mapped task; one that is killed is retried, and the warehouse has it all."""
    bin_ = program(program_cache, "airflow", *AIRFLOW)
    write_back.settings |= {
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(EXAMPLES),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    }
    run(bin_ / "airflow", "db", "migrate", environment=_environment(write_back))
    with _engine(write_back, bin_ / "airflow", "dags", "test", "write_back") as said:
        _kill_a_shard(write_back)
    starts = f"starting task_id=shard map_index={KILLED} "
    assert said.read_text().count(starts) == 2
    _assert_all_done_once(write_back)
    assert len(write_back.warehouse.rows("SELECT * FROM reply.task_details")) == 24


@pytest.mark.parametrize("make_project", ["postgresql"], indirect=True)
def test_dagster_runs_the_shards_and_one_that_was_killed_again(
    write_back: Project, program_cache: Path, tmp_path: Path
) -> None:
    """The shards are ops of one asset, side by side; one that is killed is retried."""
    bin_ = program(program_cache, "dagster", *DAGSTER)
    home = tmp_path / "dagster"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    write_back.settings |= {"DAGSTER_HOME": str(home)}
    job = ("job", "execute", "-f", EXAMPLES / "dagster_assets.py", "--job")
    with _engine(write_back, bin_ / "dagster", *job, "write_back_job") as said:
        _kill_a_shard(write_back)
    assert "STEP_UP_FOR_RETRY" in said.read_text()
    _assert_all_done_once(write_back)
    with _engine(write_back, bin_ / "dagster", *job, "warehouse_job"):
        pass
    assert len(write_back.warehouse.rows("SELECT * FROM reply.task_details")) == 24


def _environment(project: Project) -> dict[str, str]:
    return environment() | project.settings


@contextmanager
def _engine(project: Project, *command: object) -> Iterator[Path]:
    """A scheduler's command beside the block; it has to end well. Where its log is."""
    log = project.folder / "engine.log"
    with (
        log.open("w") as output,
        subprocess.Popen(
            [str(word) for word in command],
            cwd=project.folder,
            env=_environment(project),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
    ):
        try:
            yield log
            assert process.wait(2 * PATIENCE) == 0, log.read_text()[-6000:]
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            print(log.read_text()[-6000:])  # noqa: T201 - pytest shows it with the failure
            raise


def _kill_a_shard(project: Project) -> None:
    """SIGKILL all of a shard's processes as soon as it has called Reply."""
    wait_until(lambda: any(_of_shard(call["task_id"]) for call in _changes(project)), 2 * PATIENCE)
    folder = project.folder / ".meltano/shards" / str(KILLED)
    processes = [each for each in Path("/proc").glob("[0-9]*") if _folder_of(each) == folder]
    assert len(processes) >= 2, processes  # Meltano and the target; the tap may have ended
    for process in processes:
        os.kill(int(process.name), signal.SIGKILL)


def _of_shard(task_id: int) -> bool:
    return task_id % SHARDS == KILLED


def _changes(project: Project) -> list[dict[str, int]]:
    return project.sandbox.calls("update", "execute")


def _folder_of(process: Path) -> Path | None:
    with suppress(OSError):
        return (process / "cwd").readlink()
    return None


def _assert_all_done_once(project: Project) -> None:
    """Every record is applied; each email went out once, and each other shard had one worker."""
    assert sorted(project.sandbox.sent()) == list(SENT)
    assert fates(project.operations()).keys() == {
        *(f"00T-{n}" for n in UPDATED),
        *(f"00T-{n}:send" for n in SENT),
    }
    assert {row["outcome"] for row in project.operations()} <= {"applied", "unchanged"}
    # What the killed worker had claimed is settled by whichever run comes next.
    workers = {(row["task_id"] % SHARDS, row["run_id"]) for row in project.operations()}
    assert sum(shard != KILLED for shard, _ in workers) == SHARDS - 1
    crashed = [run["crashed"] for run in project.runs()]
    assert crashed.count(True) == 1
    assert crashed.count(False) == SHARDS
