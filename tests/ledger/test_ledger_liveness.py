"""Whether a holder lives: exact on its own host, a lease elsewhere."""

import os
import re
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from ledger_rows import some_holder
from sqlalchemy import select

from reply_tasks.ledger import Ledger, LedgerError, liveness, new_id
from reply_tasks.ledger import ledger as ledger_module
from reply_tasks.ledger.liveness import (
    LEASE,
    RENEWAL,
    Sighting,
    process_start,
    this_host,
    this_process,
)
from reply_tasks.ledger.runs import forget_holder
from reply_tasks.ledger.tables import holders

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
OVER, VALID = NOW - timedelta(hours=1), NOW + timedelta(seconds=1)


def test_this_process_lives() -> None:
    """Even when its lease is long over: it may have been asleep."""
    holder = this_process(new_id())
    assert holder.pid == os.getpid()
    assert holder.lives(lease_until=OVER, seen_from=this_host(), now=NOW)


def test_another_process_with_the_same_pid_is_not_the_holder() -> None:
    """A pid is given again: the start of the process tells them apart."""
    mine = some_holder(pid=os.getpid(), start="an earlier one")
    assert not mine.lives(lease_until=VALID, seen_from=this_host(), now=NOW)


def test_a_process_that_has_ended_does_not_live() -> None:
    """Gone, or dead and not yet buried: a zombie holds nothing."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        start = process_start(child.pid)
        assert not isinstance(start, Sighting)
        holder = some_holder(pid=child.pid, start=start)
        assert holder.lives(lease_until=OVER, seen_from=this_host(), now=NOW)
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it stays a zombie
        assert not holder.lives(lease_until=VALID, seen_from=this_host(), now=NOW)
    assert process_start(child.pid) is Sighting.DEAD
    assert not holder.lives(lease_until=VALID, seen_from=this_host(), now=NOW)


def test_a_process_that_is_hidden_is_judged_by_its_lease(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ``/proc`` that shows no other user's processes proves nobody's death."""
    mine = this_process(new_id())
    (tmp_path / "self").mkdir()
    (tmp_path / "self/stat").touch()
    monkeypatch.setattr(liveness, "PROC", tmp_path)
    assert process_start(mine.pid) is Sighting.HIDDEN
    assert mine.lives(lease_until=VALID, seen_from=this_host(), now=NOW)
    assert not mine.lives(lease_until=OVER, seen_from=this_host(), now=NOW)


def test_a_signal_that_may_not_be_sent_proves_that_there_is_somebody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another user's process refuses the signal; only one that is gone is not found."""

    def refuse(_pid: int, _signal: int) -> None:
        raise PermissionError

    monkeypatch.setattr(liveness, "PROC", Path("/nowhere"))
    monkeypatch.setattr(liveness, "_posix_start", lambda _pid: Sighting.HIDDEN)
    monkeypatch.setattr(os, "kill", refuse)
    assert process_start(os.getpid()) is Sighting.HIDDEN


def test_on_another_host_only_the_lease_counts() -> None:
    """The same pid may live here and mean nothing."""
    mine = this_process(new_id())
    elsewhere = some_holder(host="elsewhere", pid=mine.pid, start=mine.process_start)
    assert elsewhere.lives(lease_until=VALID, seen_from=this_host(), now=NOW)
    assert not elsewhere.lives(lease_until=NOW, seen_from=this_host(), now=NOW)


def test_a_process_name_of_any_kind_does_not_confuse(tmp_path: Path) -> None:
    """The kernel puts the name in front of the start, brackets, blanks and all."""
    if not Path("/proc/self/stat").exists():
        pytest.skip("only Linux shows it so")
    script = tmp_path / ") Z 1 ("
    script.symlink_to("/bin/sleep")
    with subprocess.Popen([script, "30"]) as child:
        try:
            start = process_start(child.pid)
            assert re.fullmatch(r"\d+", start)
        finally:
            child.kill()


def test_the_start_is_told_by_ps_where_there_is_no_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    """On macOS: the same process gives the same answer, none gives none."""
    if not Path("/bin/ps").exists():
        pytest.skip("needs /bin/ps")
    mine = liveness._posix_start(os.getpid())
    assert mine
    assert liveness._posix_start(os.getpid()) == mine
    monkeypatch.setattr(liveness, "PROC", Path("/nowhere"))
    assert process_start(2**22 + 1) is Sighting.DEAD
    monkeypatch.setenv("TZ", "America/Santiago")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    assert this_process(new_id()).process_start == mine


def test_a_holder_renews_its_lease_while_it_lives(
    ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several times within a lease, also while nothing else is written."""
    assert RENEWAL * 3 < LEASE
    monkeypatch.setattr(ledger_module, "RENEWAL", timedelta(seconds=0.05))
    with Ledger.open(ledger_url) as ledger:
        leases = {_lease(ledger)}
        deadline = time.monotonic() + 10
        while len(leases) < 4 and time.monotonic() < deadline:
            time.sleep(0.02)
            leases.add(_lease(ledger))
        assert len(leases) == 4
        assert ledger.held
        assert max(leases) - min(leases) < LEASE
    with Ledger.open(ledger_url) as later, later.read() as connection:
        assert connection.scalars(select(holders.c.holder_id)).all() == [later.holder.holder_id]


def test_a_holder_that_could_not_renew_in_time_knows_it(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before another host may take its claims: it sends nothing more."""
    now = ledger_module._monotonic()
    assert ledger.held
    safe = (LEASE - RENEWAL).total_seconds()
    monkeypatch.setattr(ledger_module, "_monotonic", lambda: now + safe - 1)
    assert ledger.held
    monkeypatch.setattr(ledger_module, "_monotonic", lambda: now + safe + 1)
    assert not ledger.held


def test_a_holder_that_was_struck_off_does_not_count_as_renewed(
    ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A renewal that finds no row renews nothing."""
    monkeypatch.setattr(ledger_module, "RENEWAL", timedelta(seconds=0.02))
    monkeypatch.setattr(ledger_module, "LEASE", timedelta(seconds=0.4))
    with Ledger.open(ledger_url) as ledger:
        with ledger.write() as connection:
            forget_holder(connection, ledger.holder)
        deadline = time.monotonic() + 10
        while ledger.held and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not ledger.held


def test_leaving_a_ledger_that_is_gone_hides_no_error_that_came_before(tmp_path: Path) -> None:
    """What went wrong first is what is told."""

    def break_it(error: BaseException | None) -> None:
        path = tmp_path / f"{new_id()}.db"
        with Ledger.open(f"sqlite:///{path}"):
            path.unlink()
            if error is not None:
                raise error

    with pytest.raises(LedgerError, match="deleted or replaced"):
        break_it(None)
    with pytest.raises(KeyError):
        break_it(KeyError())


def _lease(ledger: Ledger) -> datetime:
    with ledger.read() as connection:
        lease: datetime = connection.execute(select(holders.c.lease_until)).scalar_one()
        return lease
