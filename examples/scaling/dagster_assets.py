"""The write-back as Dagster assets: an op for each shard, side by side, and the warehouse.

``dagster dev -f examples/scaling/dagster_assets.py`` shows them. Needs ``meltano`` on the ``PATH``
and this repository, with ``meltano install`` done, at ``WRITE_BACK_PROJECT``; see docs/scaling.md.
"""

import os
import subprocess
from collections.abc import Iterator

import dagster

PROJECT = os.environ.get("WRITE_BACK_PROJECT", "/opt/reply-tasks")
SHARDS = int(os.environ.get("WRITE_BACK_SHARDS", "4"))
RETRY_SECONDS = int(os.environ.get("WRITE_BACK_RETRY_SECONDS", "120"))


@dagster.op(out=dagster.DynamicOut(int))
def shards() -> Iterator[dagster.DynamicOutput[int]]:
    """The number of each shard."""
    for number in range(SHARDS):
        yield dagster.DynamicOutput(number, mapping_key=str(number))


# Running again is always safe: what is settled costs no call, and nothing is sent twice.
@dagster.op(retry_policy=dagster.RetryPolicy(max_retries=2, delay=RETRY_SECONDS))
def shard(number: int) -> int:
    """One shard, from its tasks' rows in the CRM to Reply."""
    _run("examples/scaling/shard", str(number), str(SHARDS))
    return number


@dagster.op
def number_of_shards(numbers: list[int]) -> int:
    """How many shards have ended well."""
    return len(numbers)


@dagster.graph_asset
def write_back() -> int:
    """What the CRM changed, in Reply."""
    return number_of_shards(shards().map(shard).collect())


@dagster.asset
def warehouse() -> None:
    """What became of every record, in PostgreSQL."""
    _run("meltano", "--environment=prod", "run", "--force", "tap-reply-tasks", "target-postgres")


def _run(*command: str) -> None:
    subprocess.run(command, cwd=PROJECT, check=True)


# Two jobs, so that the warehouse learns of a write-back that failed.
_jobs = [
    dagster.define_asset_job("write_back_job", selection=[write_back]),
    dagster.define_asset_job("warehouse_job", selection=[warehouse]),
]
defs = dagster.Definitions(
    assets=[write_back, warehouse],
    jobs=_jobs,
    schedules=[
        dagster.ScheduleDefinition(job=job, cron_schedule=cron)
        for job, cron in zip(_jobs, ("*/15 * * * *", "10-59/15 * * * *"), strict=True)
    ],
)
