"""The write-back as an Airflow DAG: one mapped task for each shard, then the warehouse.

Copy it into the folder of the DAGs. Workers need ``meltano`` on their ``PATH`` and this repository,
with ``meltano install`` done, at ``WRITE_BACK_PROJECT``; see docs/scaling.md.
"""

import os
from datetime import UTC, datetime, timedelta

from airflow.sdk import dag, task

PROJECT = os.environ.get("WRITE_BACK_PROJECT", "/opt/reply-tasks")
SHARDS = int(os.environ.get("WRITE_BACK_SHARDS", "4"))
RETRY_SECONDS = int(os.environ.get("WRITE_BACK_RETRY_SECONDS", "120"))


@dag(
    schedule="*/15 * * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
)
def write_back() -> None:
    """Every quarter of an hour, what the CRM changed."""

    # Running again is always safe: what is settled costs no call, and nothing is sent twice.
    @task.bash(
        retries=2,
        retry_delay=timedelta(seconds=RETRY_SECONDS),
        execution_timeout=timedelta(hours=3),
        append_env=True,
        cwd=PROJECT,
    )
    def shard(number: int) -> str:
        return f"examples/scaling/shard {number} {SHARDS}"

    # Also when a shard failed: the warehouse is where that is seen.
    @task.bash(trigger_rule="all_done", append_env=True, cwd=PROJECT)
    def warehouse() -> str:
        return "meltano --environment=prod run --force tap-reply-tasks target-postgres"

    shard.expand(number=list(range(SHARDS))) >> warehouse()


write_back()
