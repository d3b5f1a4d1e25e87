"""Processes and hosts on one ledger spend one quota, and no one can read whose it is."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Thread

import pytest
from quota_world import KEY, Context, spend_side_by_side
from sqlalchemy import inspect

from reply_tasks.ledger.database import open_engine, writing_on
from reply_tasks.quota.quota import WaitReason, digest

#: Each of them starts processes.
pytestmark = pytest.mark.e2e


@pytest.fixture
def world(ledger_url: str) -> Iterator[Context]:
    engine = open_engine(ledger_url)
    try:
        yield Context(engine)
    finally:
        engine.dispose()


def test_processes_side_by_side_spend_one_quota(ledger_url: str) -> None:
    """Three processes that take at once get the limit between them: not one call more, or less."""
    open_engine(ledger_url).dispose()
    spent = spend_side_by_side(ledger_url, per_minute=400, processes=3)
    assert sum(spent) == 400


def test_the_next_run_knows_what_the_last_one_spent(ledger_url: str) -> None:
    """A process that starts after another one has ended gets only what is left."""
    assert spend_side_by_side(ledger_url, per_minute=50, processes=1) == [50]
    assert spend_side_by_side(ledger_url, per_minute=60, processes=1) == [10]


def test_a_grant_that_is_rolled_back_was_never_made(world: Context) -> None:
    """Slots belong to the caller's transaction."""
    quota = world.quota(5, 10)
    with world.engine.connect() as connection, writing_on(connection, durable=False):
        assert quota.take(connection, None, 5).granted == 5
        connection.rollback()
    assert world.take(quota, 9).granted == 5


def test_takers_of_several_users_do_not_block_each_other_for_good(world: Context) -> None:
    """Two transactions that take for two users in opposite order both end, and count right."""
    quota = world.quota(1000, 3000)

    def take_for(*users: str) -> None:
        for _ in range(20):
            with world.write() as connection:
                for user in users:
                    assert quota.take(connection, user, 2).granted == 2

    threads = [Thread(target=take_for, args=users) for users in (("1", "2"), ("2", "1"))]
    with ExitStack() as stack:
        for thread in threads:
            thread.start()
            stack.callback(thread.join)
    assert [world.left(quota, user)[0].left for user in ("1", "2")] == [920, 920]


def test_the_same_rules_hold_on_either_database(world: Context) -> None:
    """Windows, pauses, ceilings, deletion and a clock put back, once through."""
    quota = world.quota(10, 25)
    assert world.take(quota, 12).granted == 10
    world.pass_(61.001)
    world.correct(quota, 8, world.after(120), in_flight=2)
    assert world.take(world.quota(10, 25), 12).granted == 6
    world.correct(quota, 2, world.after(119.999), in_flight=0)
    world.pause(quota, 30)
    grant = world.take(quota, 1)
    assert (grant.why, grant.wait) == (WaitReason.HOUR, 121)
    world.pass_(121)
    assert world.take(quota, 5).granted == 1
    world.accept(quota)
    world.pass_(10)
    assert world.take(quota, 9).granted == 8
    assert [window.left for window in world.left(quota)] == [1, 0]
    world.pass_(-5)
    assert world.left(quota)[0].left == 1
    world.pass_(3_601.001)
    assert world.take(quota, 10).granted == 10
    assert [wait.why for wait in world.acquire(quota)] == [WaitReason.MINUTE]


def test_the_key_is_kept_nowhere(world: Context, ledger_url: str, tmp_path: Path) -> None:
    """The ledger and the quota object hold a digest, from which no key can be read."""
    quota = world.quota(10, 25)
    world.take(quota, 1, "rep@example.com")
    world.pause(quota, 1, "rep@example.com")
    assert KEY not in repr(vars(quota))
    with world.engine.connect() as connection:
        assert {"quota_calls", "quota_pauses"} <= set(inspect(connection).get_table_names())
        rows = [
            *connection.exec_driver_sql("SELECT digest FROM quota_calls").scalars(),
            *connection.exec_driver_sql("SELECT digest FROM quota_pauses").scalars(),
        ]
    assert set(rows) == {digest(KEY, "rep@example.com")}
    if ledger_url.startswith("sqlite"):
        written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        assert KEY.encode() not in written
        assert b"rep@example.com" not in written


def test_a_digest_tells_keys_and_users_apart() -> None:
    """Each pair of key and user has a digest of its own."""
    pairs = [("a", None), ("a", ""), ("a", "user "), ("a", "b"), ("ab", ""), ("ab", None)]
    assert len({digest(*pair) for pair in pairs}) == len(pairs)
    assert digest("a", "b") == digest("a", "b")
    assert len(digest("a", "b")) == 64
