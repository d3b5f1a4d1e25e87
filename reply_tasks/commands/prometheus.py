"""How things stand, for a scraper: the text format that node_exporter's collector reads.

Source: "Exposition formats" of the Prometheus documentation, text format 0.0.4.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from reply_tasks.contract.outcomes import Reason
from reply_tasks.operator import Overview

#: The exit code that is shown of a run that was killed: it left none.
KILLED = -1


class Sample(NamedTuple):
    """One value of a metric, with its labels."""

    value: float
    labels: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Metric:
    """One gauge; without samples it is left out."""

    name: str
    help: str
    samples: tuple[Sample, ...]


def exposition(seen: Overview) -> str:
    """The whole text."""
    return "".join(f"{line}\n" for metric in _metrics(seen) for line in _lines(metric))


def _lines(metric: Metric) -> Iterator[str]:
    if not metric.samples:
        return
    name = f"reply_tasks_{metric.name}"
    yield f"# HELP {name} {metric.help}"
    yield f"# TYPE {name} gauge"
    for value, labels in metric.samples:
        pairs = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
        yield f"{name}{{{pairs}}} {value:.15g}" if pairs else f"{name} {value:.15g}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _metrics(seen: Overview) -> Iterator[Metric]:
    yield from _last_run(seen)
    for name, waiting, meaning in (
        ("open", seen.waiting.claimed, "Operations that are claimed and not settled."),
        ("held", seen.waiting.held, "Executions that wait for a person's approval."),
        ("uncertain", seen.waiting.uncertain, "Operations whose effect is not known."),
    ):
        yield Metric(name, meaning, (Sample(waiting.count),))
        since = () if waiting.since is None else (Sample(waiting.since.timestamp()),)
        yield Metric(
            f"{name}_since_timestamp_seconds",
            f"When the oldest of reply_tasks_{name} waits.",
            since,
        )
    yield Metric(
        "rejected",
        "Records that are rejected, by the latest verdict on each.",
        tuple(Sample(seen.rejected.get(each, 0), {"reason": str(each)}) for each in Reason),
    )
    yield from _quota(seen)


def _last_run(seen: Overview) -> Iterator[Metric]:
    run = seen.last_ended
    if run is None or run.ended_at is None:
        return
    code = KILLED if run.exit_code is None else run.exit_code
    for name, meaning, samples in (
        (
            "end_timestamp_seconds",
            "When the last run ended.",
            [Sample(run.ended_at.timestamp())],
        ),
        (
            "exit_code",
            f"The exit code of the last run; {KILLED}: it was killed and left none.",
            [Sample(code)],
        ),
        (
            "records",
            "Records of the last run by outcome.",
            [Sample(count, {"outcome": str(each)}) for each, count in run.outcomes.items()],
        ),
        ("api_calls", "Calls that the last run made.", [Sample(run.api_calls)]),
        (
            "quota_wait_seconds",
            "How long the last run waited for the quota.",
            [Sample(run.quota_wait_seconds)],
        ),
    ):
        yield Metric(f"last_run_{name}", meaning, tuple(samples))


def _quota(seen: Overview) -> Iterator[Metric]:
    windows = [(each.user, window) for each in seen.quota for window in each.windows]

    def samples(values: Iterable[float]) -> tuple[Sample, ...]:
        labels = ({"user": user, "window": str(window.name)} for user, window in windows)
        return tuple(Sample(value, each) for value, each in zip(values, labels, strict=True))

    yield Metric(
        "quota_left", "Calls that a Reply user has left.", samples(w.left for _, w in windows)
    )
    yield Metric(
        "quota_limit", "Calls that a Reply user has.", samples(w.limit for _, w in windows)
    )
