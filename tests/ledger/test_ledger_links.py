"""Links are the same on both databases: numbered anew when they change, and never guessed."""

from sqlalchemy import select

from reply_tasks.ledger import Ledger
from reply_tasks.ledger.links import import_links, links_of
from reply_tasks.ledger.tables import task_links
from reply_tasks.operator.links import links, links_with


def sequences(ledger: Ledger) -> dict[str, int]:
    """The number of each link."""
    with ledger.read() as connection:
        rows = connection.execute(select(task_links.c.external_id, task_links.c.sequence))
        return {row.external_id: row.sequence for row in rows}


def test_a_replaced_link_and_the_one_that_loses_its_task_get_new_numbers(ledger: Ledger) -> None:
    """Whoever reads on from a number learns of both; what did not change keeps its own."""
    with ledger.write() as connection:
        assert set(import_links(connection, {"a": 1, "B": 2, "c": 3}).new) == {"a", "B", "c"}
    before = sequences(ledger)
    with ledger.write() as connection:
        refused = import_links(connection, {"a": 2, "c": 3})
        assert (set(refused.conflicts), set(refused.known)) == ({"a"}, {"c"})
    assert sequences(ledger) == before
    with ledger.write() as connection:
        import_links(connection, {"a": 2, "c": 3}, replace=True)
    after = sequences(ledger)
    assert after["c"] == before["c"]
    assert min(after["a"], after["B"]) > max(before.values())
    with ledger.read() as connection:
        known = links_of(connection, ["a", "B", "c"])
        assert {key: (link.task_id, link.ambiguous) for key, link in known.items()} == {
            "a": (2, False),
            "B": (2, True),
            "c": (3, False),
        }
        assert {row.external_id for row in links(connection, ambiguous=True)} == {"B"}
        found = links_with(connection, external_id="c", task_ids=[2])
        assert {row.external_id for row in found} == {"a", "B", "c"}


def test_links_are_read_in_pages(ledger: Ledger) -> None:
    """Each once, whatever the database's order of letters is."""
    pairs = {f"{'kK-é_ '[n % 6]}{n}": n for n in range(1, 1202)}
    with ledger.write() as connection:
        import_links(connection, pairs)
    with ledger.read() as connection:
        assert {row.external_id: row.task_id for row in links(connection)} == pairs
