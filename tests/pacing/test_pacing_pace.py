"""The pace in real time: the quota of a minute is full at any latency, and never overfull."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pacing_world import OK, paced, updates

RECORDS, PER_MINUTE = 150, 100
IDEAL = 60.0

#: Seconds that a call takes, and how many targets share the ledger.
PACES = [(0.05, 1), (0.6, 1), (3.0, 1), (0.6, 2)]


@pytest.mark.e2e
def test_the_quota_is_full_at_any_latency(tmp_path: Path) -> None:
    """150 updates at 100 a minute take a tenth more than the ideal at most, and meet no 429."""
    with ThreadPoolExecutor(len(PACES)) as threads:
        taken = list(
            threads.map(
                lambda pace: _run(tmp_path / f"{pace[0]}-{pace[1]}", *pace),
                PACES,
            )
        )
    for (latency, targets), seconds in zip(PACES, taken, strict=True):
        assert seconds <= (IDEAL + latency) * 1.1, (latency, targets)


def _run(folder: Path, latency: float, targets: int) -> float:
    """Seconds from the first call's arrival to the last one's answer."""
    with paced(folder, tasks=RECORDS, latency=latency) as stage:
        share = RECORDS // targets
        running = [
            stage.start(f"target{number}", *updates(number * share + 1, (number + 1) * share))
            for number in range(targets)
        ]
        ended = [target.end() for target in running]
        assert [each.exit_code for each in ended] == [0] * targets, ended[0].log
        assert stage.statuses() == {OK}
        arrivals = stage.arrivals()
        assert len(arrivals) == RECORDS
        return arrivals[-1] + latency - arrivals[0]
