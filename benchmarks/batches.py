"""The case of many completions: a hundred of them to a call, at the pace of Reply's quota."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.cases import PER_MINUTE, Bench, on_a_new_ledger
from benchmarks.inputs import Job
from benchmarks.measure import Usage
from benchmarks.pairs import Sample, row
from benchmarks.server import sandbox
from benchmarks.table import Goal, Row

COMPLETED = 10_000
#: Seconds that a call takes, as Reply's do.
LATENCY = 0.6
#: So many calls go at once; the next when a minute has passed.
MINUTE = 60.0
_CASE = "batches: minutes as ratio"


def batches(bench: Bench) -> Iterator[Row]:
    """Ten thousand completions at 100 calls a minute, beside one call each, which is computed."""
    given = bench.input(Job.COMPLETIONS, COMPLETED)
    with (
        sandbox(tasks=COMPLETED, latency=LATENCY, per_minute=PER_MINUTE) as server,
        TemporaryDirectory(dir=bench.folder) as name,
    ):
        sample = on_a_new_ledger(Path(name), server, given, requests_per_minute=PER_MINUTE)
    yield row(
        _CASE,
        "target-reply-tasks",
        COMPLETED,
        (sample,),
        ratio=sample.usage.seconds / MINUTE,
        goal=Goal(1.2, at_most=True),
    )
    each = (COMPLETED - 1) // PER_MINUTE * MINUTE + LATENCY
    alone = Sample(Usage(each, cpu_seconds=0.0, peak_mb=0.0))
    yield row(_CASE, "one call each, computed", COMPLETED, (alone,), ratio=each / MINUTE)
