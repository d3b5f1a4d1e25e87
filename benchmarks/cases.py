"""The cases: what is done, by whom, and what it should come to."""

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import contenders
from benchmarks.contenders import Command
from benchmarks.inputs import Job, write_input
from benchmarks.measure import BenchmarkError, Usage, measure
from benchmarks.pairs import Contender, Sample, compare, rate, row, time
from benchmarks.peers.rows import write_config
from benchmarks.server import Sandbox, sandbox
from benchmarks.table import Goal, Row

APPLIED = 5_000
RESYNCED = 20_000
LONG = 1_000_000

#: What the target may take above the idle SDK target, at its peak.
MEMORY_MB = 28
_MEMORY = "memory: MB above the idle target as ratio"

#: The quota-bound runs: Reply's minute, one and a half times.
PER_MINUTE, PACED = 100, 150
LATENCIES = (0.05, 0.6, 3.0)
#: A run of the target, from its start to its first call and from its last one to its end, may take
#: this share of the ideal beside it.
PACING_GOAL = Goal(1.1, at_most=True)


@dataclass
class Bench:
    """What the cases share: a folder, and a ledger in which every task was updated once.

    Attributes:
        folder: Where everything is written.
        runs: Pairs of runs of each comparison.
        long: Whether to run what takes long.
        postgres: The URL of a database of a PostgreSQL server on which others may be made.
    """

    folder: Path
    runs: int
    long: bool
    postgres: str | None = None
    _inputs: dict[tuple[Job, int], Path] = field(default_factory=dict)
    _ledger: Path | None = None
    _applied: Sample | None = None

    def input(self, job: Job, records: int) -> Path:
        """The input of so many records."""
        path = self._inputs.get((job, records))
        if path is None:
            path = self._inputs[job, records] = self.folder / f"{job}-{records}.singer"
            write_input(path, job, records)
        return path

    def applied(self) -> tuple[Path, Sample]:
        """A ledger after ``RESYNCED`` updates, and what it took to make it."""
        if self._ledger is None or self._applied is None:
            with sandbox(tasks=RESYNCED) as server, TemporaryDirectory(dir=self.folder) as name:
                given = self.input(Job.UPDATES, RESYNCED)
                self._applied = on_a_new_ledger(Path(name), server, given)
                self._ledger = self.folder / "applied.db"
                shutil.copy(Path(name) / "ledger.db", self._ledger)
            _belong_to_no_api(self._ledger)
        return self._ledger, self._applied

    def work(self, stack: ExitStack) -> Path:
        """A folder of one run's own."""
        return Path(stack.enter_context(TemporaryDirectory(dir=self.folder)))


def _belong_to_no_api(ledger: Path) -> None:
    """Let a ledger be used with another sandbox, whose address is another."""
    with closing(sqlite3.connect(ledger)) as connection, connection:
        connection.execute("UPDATE ledger_identity SET api_origin = NULL")


def on_a_new_ledger(folder: Path, server: Sandbox, given: Path, **settings: object) -> Sample:
    """One run of our target on a ledger that it makes."""
    command = contenders.our_target(folder, server.url, **settings)
    usage = measure(command, given=given, output=folder / "output")
    return Sample(usage, server.served())


def _on_a_sandbox(
    bench: Bench, server: Sandbox, given: Path, command: Callable[[Path], Command]
) -> Callable[[], Sample]:
    def run() -> Sample:
        with ExitStack() as stack:
            folder = bench.work(stack)
            usage = measure(command(folder), given=given, output=folder / "output")
            return Sample(usage, server.served())

    return run


def apply(bench: Bench) -> Iterator[Row]:
    """New updates, as fast as they go."""
    given = bench.input(Job.UPDATES, APPLIED)
    with sandbox(tasks=APPLIED) as server:
        plain = _on_a_sandbox(
            bench, server, given, lambda folder: contenders.plain_target(folder, server.url)
        )
        for case, settings, goal in (
            ("apply, concurrency 1", {"concurrency": 1}, Goal(2.0)),
            ("apply, default", {}, Goal(3.0)),
        ):
            ours = _on_a_sandbox(
                bench,
                server,
                given,
                lambda folder, settings=settings: contenders.our_target(  # type: ignore[misc]
                    folder, server.url, **settings
                ),
            )
            yield from compare(
                case,
                records=APPLIED,
                ours=Contender("target-reply-tasks", ours),
                peer=Contender("plain SDK target", plain),
                runs=bench.runs,
                ratio=rate,
                goal=goal,
            )
        loop = _on_a_sandbox(bench, server, given, lambda _: contenders.requests_loop(server.url))
        yield row("apply, default", "bare requests loop", APPLIED, (loop(),))


def execute(bench: Bench) -> Iterator[Row]:
    """Executions, each with an intent that is committed before it is sent."""
    given = bench.input(Job.EXECUTIONS, APPLIED)
    with sandbox(tasks=APPLIED) as server:
        ours = _on_a_sandbox(
            bench, server, given, lambda folder: contenders.our_target(folder, server.url)
        )
        plain = _on_a_sandbox(
            bench, server, given, lambda folder: contenders.plain_target(folder, server.url)
        )
        yield from compare(
            "execute",
            records=APPLIED,
            ours=Contender("target-reply-tasks", ours),
            peer=Contender("plain SDK target", plain),
            runs=bench.runs,
            ratio=rate,
            goal=Goal(1.0),
        )


def unchanged(bench: Bench) -> Iterator[Row]:
    """The same updates again: no call is made."""
    given = bench.input(Job.UPDATES, RESYNCED)
    ledger, _ = bench.applied()

    def ours() -> Sample:
        with ExitStack() as stack:
            folder = bench.work(stack)
            shutil.copy(ledger, folder / "ledger.db")
            return on_a_new_ledger(folder, server, given)

    def idle() -> Sample:
        with ExitStack() as stack:
            output = bench.work(stack) / "output"
            return Sample(measure(contenders.idle_target(), given=given, output=output))

    with sandbox(tasks=1) as server:
        yield from compare(
            "unchanged re-sync",
            records=RESYNCED,
            ours=Contender("target-reply-tasks", ours),
            peer=Contender("idle SDK target", idle),
            runs=bench.runs,
            ratio=time,
            goal=Goal(1.0, at_most=True),
        )


def tap(bench: Bench) -> Iterator[Row]:
    """The ledger's streams for the warehouse."""
    ledger, _ = bench.applied()
    for stream in ("task_operations", "task_details"):
        with ExitStack() as stack:
            folder = bench.work(stack)
            shutil.copy(ledger, folder / "ledger.db")
            output, config = folder / "output", folder / "bare.json"
            catalog = folder / "catalog.json"
            measure(contenders.our_tap(folder, "--discover"), given=None, output=output)
            contenders.select(stream, discovered=output, selected=catalog)

            def ours(
                folder: Path = folder, output: Path = output, catalog: Path = catalog
            ) -> Sample:
                command = contenders.our_tap(folder, "--catalog", catalog)
                return emitted(measure(command, given=None, output=output), output, RESYNCED)

            def bare(output: Path = output, config: Path = config) -> Sample:
                command = contenders.bare_tap(config)
                return emitted(measure(command, given=None, output=output), output, RESYNCED)

            ours()
            write_config(config, *_first(output, "SCHEMA", "RECORD"), records=RESYNCED)
            yield from compare(
                f"tap: {stream}",
                records=RESYNCED,
                ours=Contender("tap-reply-tasks", ours),
                peer=Contender("bare SDK tap", bare),
                runs=bench.runs,
                ratio=rate,
                goal=Goal(0.5),
            )


def emitted(usage: Usage, output: Path, expected: int) -> Sample:
    """What a tap took that emitted as many records as were expected."""
    with output.open(encoding="utf-8") as lines:
        records = sum(line.startswith('{"type":"RECORD"') for line in lines)
    if records != expected:
        raise BenchmarkError(f"{records} records were emitted, not {expected}")
    return Sample(usage)


def _first(output: Path, *kinds: str) -> list[dict[str, object]]:
    """The first message of each kind."""
    found: dict[str, dict[str, object]] = {}
    with output.open(encoding="utf-8") as lines:
        for line in lines:
            message = json.loads(line)
            found.setdefault(message["type"], message)
            if len(found) >= len(kinds):
                break
    return [found[kind] for kind in kinds]


def quota(bench: Bench) -> Iterator[Row]:
    """More updates than a minute allows, at three latencies side by side: about 70 seconds."""
    given = bench.input(Job.UPDATES, PACED)

    def run(latency: float) -> Row:
        with (
            sandbox(tasks=PACED, latency=latency, per_minute=PER_MINUTE) as server,
            TemporaryDirectory(dir=bench.folder) as name,
        ):
            sample = on_a_new_ledger(Path(name), server, given, requests_per_minute=PER_MINUTE)
        ideal = (PACED - 1) // PER_MINUTE * 60 + latency
        return row(
            f"quota-bound, {latency * 1000:g} ms a call",
            "target-reply-tasks",
            PACED,
            (sample,),
            ratio=sample.usage.seconds / ideal,
            goal=PACING_GOAL,
        )

    with ThreadPoolExecutor(len(LATENCIES)) as threads:
        yield from threads.map(run, LATENCIES)


def memory(bench: Bench) -> Iterator[Row]:
    """The peak above that of the idle SDK target, from few records to many."""
    with ExitStack() as stack:
        output = bench.work(stack) / "output"
        given = bench.input(Job.UPDATES, 2_000)
        idle = Sample(measure(contenders.idle_target(), given=given, output=output))
    yield row(_MEMORY, "idle SDK target", 2_000, (idle,))
    sizes = (2_000, RESYNCED, LONG) if bench.long else (2_000, RESYNCED)
    for size in sizes:
        if size == RESYNCED:
            _, sample = bench.applied()
        else:
            given = bench.input(Job.UPDATES, size)
            with sandbox(tasks=size) as server, ExitStack() as stack:
                sample = on_a_new_ledger(bench.work(stack), server, given)
        yield row(
            _MEMORY,
            "target-reply-tasks",
            size,
            (sample,),
            ratio=sample.usage.peak_mb - idle.usage.peak_mb,
            goal=Goal(MEMORY_MB, at_most=True),
        )


CASES: Mapping[str, Callable[[Bench], Iterable[Row]]] = {
    "apply": apply,
    "unchanged": unchanged,
    "execute": execute,
    "tap": tap,
    "memory": memory,
    "quota": quota,
}
