"""Whatever a tap sends or Reply answers can be written down; what must not be kept is not."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

from entries import NOON, entry
from ledger_rows import claim_all, row_of, settle_all, settlement
from sqlalchemy import select

from reply_tasks.contract.outcomes import Outcome
from reply_tasks.ledger import Attempt, Ledger
from reply_tasks.ledger.queries import settled_operations, uncertain_claims
from reply_tasks.ledger.tables import operations
from reply_tasks.ledger.values import Entry

STRANGE: list[tuple[object, object]] = [
    (float("nan"), "NaN"),
    (float("-inf"), "-Infinity"),
    (Decimal("NaN"), "NaN"),
    (Decimal("Infinity"), "Infinity"),
    (Decimal("2.0"), 2),
    (Decimal("0.25"), 0.25),
    (Decimal("1E+400"), "1E+400"),
    (Decimal("1E-400"), "1E-400"),
    (2**70, 2**70),
    (-(10**30), -(10**30)),
    ("a\0b", "a\0b"),
    ("lone \ud83d surrogate", "lone \ud83d surrogate"),
    ("ünïcødé 🎈", "ünïcødé 🎈"),
    (datetime(2026, 3, 1, 12, tzinfo=UTC), "2026-03-01T12:00:00+00:00"),
    (date(2026, 3, 1), "2026-03-01"),
    ({"deep": [{"er": float("nan")}]}, {"deep": [{"er": "NaN"}]}),
    ((1, 2), [1, 2]),
    ({1}, "{1}"),
    (b"\xff", r"b'\xff'"),
    (None, None),
    ("", ""),
]


def test_a_value_of_any_kind_is_kept(ledger: Ledger) -> None:
    """In a record, in a problem document and in a task, on either database."""
    for value, kept in STRANGE:
        refused = entry(None, None, record={"value": value, "id": "x"})
        documents = {"problem": {"value": value}, "task_detail": {"value": value}}
        settle_all(ledger, settlement(refused, Outcome.REJECTED, claimed=False, **documents))
        row = row_of(ledger.engine, refused)
        assert row.record == {"value": kept, "id": "x"}
        assert (row.problem, row.task_detail) == ({"value": kept}, {"value": kept})


def test_what_is_written_is_readable_from_a_deeper_stack(ledger: Ledger) -> None:
    """How deep JSON can be read depends on the reader's stack: no value is kept that needs it."""

    def read(row: Entry, frames: int) -> object:
        return read(row, frames - 1) if frames else row_of(ledger.engine, row).record

    for depth in (49, 50, 300, 700, 900, 5000):
        value: object = "innermost"
        for _ in range(depth):
            value = [value]
        deep = entry(None, None, record={"value": value})
        settle_all(ledger, settlement(deep, Outcome.REJECTED, claimed=False))
        assert ("innermost" in str(read(deep, 500))) == (depth < 50)


def test_a_text_of_any_kind_is_kept(ledger: Ledger) -> None:
    """What a column can't hold is replaced, and can be looked up as it was given."""
    for text, kept in {
        "a\0b": "a\ufffdb",
        "lone \ud83d surrogate": "lone ? surrogate",
        "ünïcødé 🎈": "ünïcødé 🎈",
        "x" * 100_000: "x" * 100_000,
        "'; DROP TABLE operations; --": "'; DROP TABLE operations; --",
    }.items():
        strange = entry(1, external_id=text)
        settle_all(ledger, settlement(strange, Outcome.REJECTED, claimed=False, detail=text))
        row = row_of(ledger.engine, strange)
        assert (row.external_id, row.detail) == (kept, kept)
        with ledger.read() as connection:
            found = connection.scalars(
                select(operations.c.operation_id).where(operations.c.external_id == text)
            ).all()
        assert found == [strange.operation_id]


def test_a_task_id_of_any_size_is_kept(ledger: Ledger) -> None:
    """Up to what Reply's 64 bits hold."""
    for task_id in (1, 2**31, 2**53 + 1, 2**63 - 1):
        large = entry(task_id)
        claim_all(ledger, large)
        assert row_of(ledger.engine, large).task_id == task_id


def test_times_are_utc(ledger: Ledger) -> None:
    """To the microsecond, whatever the offset that they were given with."""
    east = timezone(timedelta(hours=5, minutes=30))
    claimed = entry(1)
    claim_all(ledger, claimed, at=NOON.astimezone(east))
    settle_all(ledger, settlement(claimed))
    row = row_of(ledger.engine, claimed)
    assert (row.claimed_at, row.claimed_at.utcoffset()) == (NOON, timedelta(0))
    with ledger.read() as connection:
        (read,) = settled_operations(connection, after=0)
    assert read["settled_at"].isoformat() == "2026-03-01T12:00:01.123456+00:00"


def test_every_call_is_written_down(ledger: Ledger) -> None:
    """When, which call, its status or what went wrong, and how long it took."""
    calls = (
        Attempt(at=NOON, call="execute", error="timed out", seconds=30.0),
        Attempt(at=NOON, call="read", status=200, seconds=0.25),
    )
    claimed = entry(1)
    claim_all(ledger, claimed)
    settle_all(ledger, settlement(claimed, Outcome.UNCERTAIN, attempts=calls, http_status=200))
    row = row_of(ledger.engine, claimed)
    assert (row.api_calls, row.http_status) == (2, 200)
    assert [set(call) for call in row.attempts] == [
        {"at", "call", "status", "error", "seconds"}
    ] * 2
    with ledger.read() as connection:
        (uncertain,) = uncertain_claims(connection)
    assert uncertain.attempts == calls
    assert uncertain.entry == claimed


def test_a_record_is_kept_only_where_a_person_may_want_it(ledger: Ledger) -> None:
    """The texts of what went well are not hoarded."""
    for task_id, outcome in enumerate(Outcome):
        claimed = entry(task_id, record={"id": task_id, "content": {"body": "Hi"}})
        claim_all(ledger, claimed)
        settle_all(ledger, settlement(claimed, outcome))
        row = row_of(ledger.engine, claimed)
        assert row.outcome == outcome
        assert (row.record is not None) == (
            outcome in {Outcome.REJECTED, Outcome.HELD, Outcome.UNCERTAIN}
        )
