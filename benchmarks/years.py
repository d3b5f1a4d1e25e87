"""What years cost: the same jobs on a ledger that has grown and on a new one, in turns."""

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from benchmarks import contenders
from benchmarks.cases import RESYNCED, Bench, emitted, on_a_new_ledger
from benchmarks.contenders import Command
from benchmarks.inputs import Job, write_input
from benchmarks.measure import BenchmarkError, measure
from benchmarks.pairs import Contender, Sample, compare, row, time
from benchmarks.server import Sandbox, sandbox
from benchmarks.table import Goal, Row

TASKS, OPERATIONS = 1_000_000, 5_000_000
CHANGED, NEW_ROWS = 2_000, 1_000
#: A job on a ledger that has grown may take this share of its time on a new one.
GOAL = Goal(1.2, at_most=True)
#: Re-syncs in which nothing changes, and the kilobytes that each may add: a row of runs.
RESYNCS = 100
ROW = Goal(1.0, at_most=True)
#: Memory of a tap over all rows, beside that over as few as a new ledger has.
FLAT = Goal(1.1, at_most=True)


@dataclass(frozen=True, slots=True)
class Place:
    """A ledger to work on.

    Attributes:
        who: As the table shows it.
        url: Where it is.
        operations: The last number given in it, before anything is measured.
        stride: Of how many rounds of tasks the re-sync of tasks from everywhere takes some.
    """

    who: str
    url: str
    operations: int
    stride: int


def years(bench: Bench) -> Iterator[Row]:
    """A ledger of five million operations beside a new one: long, and tens of gigabytes."""
    if not bench.long:
        return
    with sandbox(tasks=RESYNCED) as server:
        yield from _on_sqlite(bench, server)
        if bench.postgres is not None:
            yield from _on_postgres(bench, server, bench.postgres)


def repeats(bench: Bench) -> Iterator[Row]:
    """A hundred re-syncs of 20,000 unchanged records: what they add to the ledger."""
    if not bench.long:
        return
    applied, _ = bench.applied()
    given = bench.input(Job.UPDATES, RESYNCED)

    with sandbox(tasks=1) as server, ExitStack() as stack:
        folder = bench.work(stack)
        ledger = folder / "ledger.db"
        shutil.copy(applied, ledger)
        before = _counted(ledger)
        samples = [on_a_new_ledger(folder, server, given) for _ in range(RESYNCS)]
        after = _counted(ledger)
    if (after.operations, after.runs) != (before.operations, before.runs + RESYNCS):
        raise BenchmarkError(f"{RESYNCS} re-syncs made {before} into {after}")
    case = f"{RESYNCS} re-syncs: KB a re-sync"
    kilobytes = (after.size - before.size) / RESYNCS / 1000
    yield row(case, "target-reply-tasks", RESYNCED, tuple(samples), ratio=kilobytes, goal=ROW)


@dataclass(frozen=True, slots=True)
class _Counted:
    """Rows of a ledger, and its bytes."""

    operations: int
    runs: int
    size: int


def _counted(ledger: Path) -> _Counted:
    with closing(sqlite3.connect(ledger)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        operations, runs = (
            connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 - ours
            for table in ("operations", "runs")
        )
    return _Counted(operations, runs, ledger.stat().st_size)


def _on_sqlite(bench: Bench, server: Sandbox) -> Iterator[Row]:
    applied, _ = bench.applied()
    new, grown = bench.folder / "new.db", bench.folder / "grown.db"
    shutil.copy(applied, new)
    yield from _compared(bench, server, "SQLite", f"sqlite:///{new}", f"sqlite:///{grown}")
    grown.unlink()


def _on_postgres(bench: Bench, server: Sandbox, postgres: str) -> Iterator[Row]:
    new, grown = (f"{postgres.rpartition('/')[0]}/bench_{name}" for name in ("new", "grown"))
    try:
        _ledgers("make", new)
        with ExitStack() as stack:
            folder = bench.work(stack)
            command = contenders.our_target(folder, server.url, ledger_url=new)
            given = bench.input(Job.UPDATES, RESYNCED)
            measure(command, given=given, output=folder / "output")
        yield from _compared(bench, server, "PostgreSQL", new, grown)
    finally:
        _ledgers("drop", grown)
        _ledgers("drop", new)


def _compared(
    bench: Bench, server: Sandbox, database: str, new_url: str, grown_url: str
) -> Iterator[Row]:
    _ledgers("grow", new_url, grown_url, str(TASKS), str(OPERATIONS))
    grown = Place(f"{OPERATIONS:,} operations", grown_url, OPERATIONS, TASKS // RESYNCED)
    new = Place(f"{RESYNCED:,} operations", new_url, RESYNCED, 1)
    jobs = _Jobs(bench, server)
    few, all_rows = jobs.tap(new, after=0), jobs.tap(grown, after=0)
    case = f"{database}: tap over all rows, peak MB"
    ratio = all_rows.usage.peak_mb / few.usage.peak_mb
    yield row(case, grown.who, OPERATIONS, (all_rows,), ratio=ratio, goal=FLAT)
    yield row(case, new.who, RESYNCED, (few,))
    for name, records, job in (
        ("start of a run", 1, jobs.start),
        (f"unchanged re-sync of {RESYNCED:,}", RESYNCED, jobs.resync),
        ("the same, of tasks from everywhere", RESYNCED, jobs.resync_everywhere),
        ("status", 1, jobs.status),
        (f"tap: {NEW_ROWS:,} new rows", NEW_ROWS, jobs.tap_new),
        (f"{CHANGED:,} updates", CHANGED, jobs.change),
    ):
        yield from compare(
            f"{database}: {name}",
            records=records,
            ours=Contender(grown.who, lambda job=job: job(grown)),  # type: ignore[misc]
            peer=Contender(new.who, lambda job=job: job(new)),  # type: ignore[misc]
            runs=bench.runs,
            ratio=time,
            goal=GOAL,
        )


class _Jobs:
    """What is done on either ledger."""

    def __init__(self, bench: Bench, server: Sandbox) -> None:
        self._bench = bench
        self._server = server
        self._revisions = count(1)

    def start(self, place: Place) -> Sample:
        return self._target(place, self._bench.input(Job.UPDATES, 0))

    def resync(self, place: Place) -> Sample:
        return self._target(place, self._bench.input(Job.UPDATES, RESYNCED))

    def resync_everywhere(self, place: Place) -> Sample:
        path = self._bench.folder / f"everywhere-{place.stride}.singer"
        if not path.exists():
            write_input(path, Job.UPDATES, RESYNCED, stride=place.stride)
        return self._target(place, path)

    def change(self, place: Place) -> Sample:
        path = self._bench.folder / "changed.singer"
        write_input(path, Job.UPDATES, CHANGED, revision=next(self._revisions))
        return self._target(place, path)

    def status(self, place: Place) -> Sample:
        return self._measured(
            lambda folder: contenders.our_command(folder, "status", ledger_url=place.url)
        )

    def tap_new(self, place: Place) -> Sample:
        return self.tap(place, after=place.operations - NEW_ROWS)

    def tap(self, place: Place, *, after: int) -> Sample:
        def command(folder: Path) -> Command:
            state, catalog = folder / "state.json", folder / "catalog.json"
            discovered = folder / "discovered.json"
            bookmark = {"replication_key": "sequence", "replication_key_value": after}
            state.write_text(json.dumps({"bookmarks": {"task_operations": bookmark}}))
            discover = contenders.our_tap(folder, "--discover", ledger_url=place.url)
            measure(discover, given=None, output=discovered)
            contenders.select("task_operations", discovered=discovered, selected=catalog)
            words = ("--catalog", catalog, "--state", state)
            return contenders.our_tap(folder, *words, ledger_url=place.url)

        return self._measured(command, expected=None if after else place.operations)

    def _target(self, place: Place, given: Path) -> Sample:
        def command(folder: Path) -> Command:
            return contenders.our_target(folder, self._server.url, ledger_url=place.url)

        sample = self._measured(command, given=given)
        return Sample(sample.usage, self._server.served())

    def _measured(
        self,
        command: Callable[[Path], Command],
        *,
        given: Path | None = None,
        expected: int | None = None,
    ) -> Sample:
        with ExitStack() as stack:
            folder = self._bench.work(stack)
            output = folder / "output"
            usage = measure(command(folder), given=given, output=output)
            return Sample(usage) if expected is None else emitted(usage, output, expected)


def _ledgers(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "benchmarks.ledgers", *words], check=True)
