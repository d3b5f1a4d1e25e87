"""A ledger from before the quota's tables had migrations keeps its calls and its pauses."""

from quota_world import KEY, Context
from sqlalchemy import inspect, text

from reply_tasks.ledger.database import open_engine, writing
from reply_tasks.ledger.quota_tables import quota_calls, quota_pauses
from reply_tasks.quota.quota import WaitReason, digest

#: As the quota's constructor made them.
OLD_TABLES = (
    """CREATE TABLE quota_calls (digest VARCHAR(64) NOT NULL, total BIGINT NOT NULL,
        calls INTEGER NOT NULL, at_ms BIGINT NOT NULL, PRIMARY KEY (digest, total))""",
    "CREATE INDEX quota_calls_by_time ON quota_calls (digest, at_ms, total)",
    """CREATE TABLE quota_pauses (digest VARCHAR(64) NOT NULL,
        paused_until_ms BIGINT DEFAULT '0' NOT NULL, remaining BIGINT, reset_ms BIGINT,
        base BIGINT, in_flight BIGINT, until_ms BIGINT, PRIMARY KEY (digest))""",
)


def _make_old(ledger_url: str, *statements: str) -> None:
    engine = open_engine(ledger_url)
    with writing(engine) as connection:
        for table in (quota_calls, quota_pauses):
            table.drop(connection)
        connection.execute(text("DELETE FROM ledger_migrations WHERE name = '0006_quota'"))
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def test_an_old_ledger_keeps_its_calls_and_pauses(ledger_url: str) -> None:
    """What was spent counts on, and a pause goes on."""
    seven, eight = (digest(KEY, user) for user in ("7", "8"))
    engine = open_engine(ledger_url)
    world = Context(engine)
    _make_old(
        ledger_url,
        *OLD_TABLES,
        f"INSERT INTO quota_calls VALUES ('{seven}', 4, 4, {world.now_ms - 1_000})",
        "INSERT INTO quota_pauses (digest, paused_until_ms)"
        f" VALUES ('{eight}', {world.now_ms + 30_000})",
    )
    open_engine(ledger_url).dispose()
    quota = world.quota(5, 10)
    assert world.take(quota, 5, "7").granted == 1
    grant = world.take(quota, 5, "8")
    assert (grant.wait, grant.why) == (30, WaitReason.PAUSED)
    world.pass_(30)
    assert world.take(quota, 5, "8").granted == 1
    world.accept(quota, "8")
    assert world.take(quota, 5, "8").granted == 4
    engine.dispose()


def test_an_old_ledger_without_limits_gets_the_tables(ledger_url: str) -> None:
    """A ledger that never needed them has them afterwards, as a fresh one has."""
    engine = open_engine(ledger_url)
    fresh = {
        table: {column["name"] for column in inspect(engine).get_columns(table)}
        for table in ("quota_calls", "quota_pauses")
    }
    engine.dispose()
    _make_old(ledger_url)
    engine = open_engine(ledger_url)
    for table, columns in fresh.items():
        assert {column["name"] for column in inspect(engine).get_columns(table)} == columns
    assert [index["name"] for index in inspect(engine).get_indexes("quota_calls")] == [
        "quota_calls_by_time"
    ]
    engine.dispose()
