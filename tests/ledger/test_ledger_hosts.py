"""Which host a process runs on: two hosts are never one, and one is the same for all who ask."""

import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from entries import entry
from ledger_rows import claim_all, known_holder, set_lease, some_holder

from reply_tasks.ledger import Ledger, hosts
from reply_tasks.ledger.hosts import this_host
from reply_tasks.ledger.orphans import take_over_orphans

MACHINE, BOOT = "0123456789abcdef", "1b4e28ba-2fa1-11d2-883f-0016d3cca427"


@pytest.fixture(autouse=True)
def _asked_anew() -> Iterator[None]:
    """What a process knows of its host it asks once; these tests change the answer."""
    this_host.cache_clear()
    yield
    this_host.cache_clear()


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Linux machine made of files, on which this process runs."""
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(platform, "node", lambda: "worker")
    own, process = tmp_path / "self", tmp_path / str(os.getpid())
    (process / "ns").mkdir(parents=True)
    own.symlink_to(process.name)
    (process / "ns/pid").symlink_to("pid:[4026531836]")
    (process / "ns/time").symlink_to("time:[4026531834]")
    (tmp_path / "machine-id").write_text(MACHINE + "\n")
    (tmp_path / "boot_id").write_text(BOOT + "\n")
    monkeypatch.setattr(hosts, "MACHINE_ID_FILES", (tmp_path / "machine-id",))
    monkeypatch.setattr(hosts, "BOOT_ID_FILE", tmp_path / "boot_id")
    monkeypatch.setattr(hosts, "OWN_PROCESS", own)
    monkeypatch.setattr(hosts, "PID_NAMESPACE", own / "ns/pid")
    monkeypatch.setattr(hosts, "TIME_NAMESPACE", own / "ns/time")
    return tmp_path


def _asked() -> str:
    this_host.cache_clear()
    return this_host()


def test_every_process_of_a_host_names_it_alike() -> None:
    """Otherwise a run could prove no death but its own."""
    code = "from reply_tasks.ledger.hosts import this_host; print(this_host())"
    told = {subprocess.check_output([sys.executable, "-c", code], text=True) for _ in range(2)}
    assert told == {f"{this_host()}\n"}


def test_two_machines_of_one_name_are_two_hosts(machine: Path) -> None:
    """Also when one image made both, or when one was copied while it ran."""
    first = _asked()
    assert first.startswith("worker ")
    assert _asked() == first
    (machine / "boot_id").write_text("another boot\n")
    copied = _asked()
    (machine / "machine-id").write_text("another machine\n")
    assert len({first, copied, _asked()}) == 3


@pytest.mark.parametrize("namespace", ["pid", "time"])
def test_two_containers_of_one_machine_are_two_hosts(machine: Path, namespace: str) -> None:
    """A pid, and the start of its process, mean something in their namespaces only."""
    first = _asked()
    link = machine / str(os.getpid()) / "ns" / namespace
    link.unlink()
    link.symlink_to(f"{namespace}:[4026532999]")
    assert _asked() != first


def test_a_machine_without_an_id_is_known_by_its_boot(machine: Path) -> None:
    """A container's image may have no machine id; the kernel's boot id tells kernels apart."""
    (machine / "machine-id").write_text("")
    assert _asked() == _asked()
    assert BOOT in _asked()


@pytest.mark.parametrize("missing", ["boot_id", "self"])
def test_a_process_that_cannot_know_its_host_is_a_host_of_its_own(
    machine: Path, missing: str
) -> None:
    """Two of them could be on two machines: only leases count between them."""
    (machine / missing).unlink()
    assert _asked() != _asked()


def test_the_proc_of_another_namespace_is_not_believed(machine: Path) -> None:
    """A container that sees its host's ``/proc`` would look up pids in the wrong list."""
    (machine / "self").unlink()
    (machine / "self").symlink_to("1")
    assert _asked() != _asked()


def test_a_claim_of_a_twin_machine_is_not_taken_while_its_lease_lasts(ledger: Ledger) -> None:
    """The pid that it names lives nowhere here, and that proves nothing."""
    mine = this_host().split()
    twin = some_holder(host=" ".join((*mine[:1], "another-machine", "another-boot", *mine[3:])))
    earlier = some_holder(host=f"{mine[0]} {mine[-1]}")  # as earlier versions named this host
    for holder in (twin, earlier):
        known_holder(ledger, holder, lease=30)
        claim_all(ledger, entry(holder.pid + len(holder.host)), holder=holder)
    assert _taken(ledger) == 0
    for holder in (twin, earlier):
        with ledger.write() as connection:
            set_lease(connection, holder, -1)
    assert _taken(ledger) == 2


def _taken(ledger: Ledger) -> int:
    with ledger.write() as connection:
        return len(take_over_orphans(connection, holder=ledger.holder, run_id=None))
