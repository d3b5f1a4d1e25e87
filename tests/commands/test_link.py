"""``reply-tasks link`` brings a cross-walk in, and ``reply-tasks links`` shows what is known."""

import json
import re
from typing import Any

import pytest
from click.testing import CliRunner, Result
from messages import record, schema, update
from target_runs import Stage

from reply_tasks.cli import main
from reply_tasks.commands import link as link_command
from reply_tasks.ledger import open_engine
from reply_tasks.ledger.tables import task_links


def command(stage: Stage, *words: str, given: str | bytes = "") -> Result:
    """A command on the stage's ledger."""
    where = ["--ledger-url", stage.settings["ledger_url"]]
    return CliRunner().invoke(main, [words[0], *where, *words[1:]], input=given)


def links(stage: Stage) -> dict[str, tuple[Any, ...]]:
    """Task, source and doubt of every link."""
    done = command(stage, "links", "--format", "jsonl")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return {row["external_id"]: (row["task_id"], row["source"], row["ambiguous"]) for row in rows}


@pytest.fixture(autouse=True)
def _ledger(stage: Stage) -> None:
    open_engine(stage.settings["ledger_url"]).dispose()


@pytest.mark.parametrize(
    "text",
    [
        "external_id,task_id\ncrm-1,7\n",
        "\ufeffexternalId,taskId\r\ncrm-1,7\r\n",
        "name;ID;External_Id\nAda;7;crm-1\n",
        'id,external_id,Task_Id\n99,"crm-1", 7 \n\n',
    ],
)
def test_a_crosswalk_comes_in_however_its_columns_are_written(stage: Stage, text: str) -> None:
    """Any order, any of the names, other columns beside them, a byte order mark, a semicolon."""
    done = command(stage, "link", "--from", "-", given=text)
    assert (done.exit_code, done.stderr) == (0, ""), done.output
    assert links(stage) == {"crm-1": (7, "imported", False)}


def test_a_bad_line_is_named_and_takes_no_other_with_it(stage: Stage) -> None:
    """Each with its number and why; what is right around it is linked."""
    lines = [
        b"external_id,task_id",
        b"a,1",
        b",2",
        b"b",
        b'"c,3',
        b"d,x\x1b[2J",
        b"e,0",
        b"f\xff,4",
        b"a,5",
        b"g,1",
        b"h" * 256 + b",6",
        b"i,9223372036854775808",
        b"a,1",
        b" b,7",
        b"z, 26",
    ]
    done = command(stage, "link", "--from", "-", given=b"\n".join(lines))
    assert done.exit_code == 1
    assert done.stderr.splitlines() == [
        "Line 3 is left out: its external id is empty.",
        "Line 4 is left out: it has too few columns.",
        "Line 5 is left out: its quotes do not match.",
        r"Line 6 is left out: 'x\x1b[2J' is no task's id.",
        "Line 7 is left out: '0' is no task's id.",
        "Line 8 is left out: it is not UTF-8.",
        "Line 9 is left out: line 2 says that it is task 1.",
        "Line 10 is left out: line 2 gives its task to 'a'.",
        "Line 11 is left out: its external id is no text of at most 255 characters.",
        "Line 12 is left out: '9223372036854775808' is no task's id.",
        "Line 14 is left out: its external id begins or ends with a space: ' b'.",
    ]
    assert done.stdout == "2 were linked, 0 are linked already, 11 were refused.\n"
    assert {key: task for key, (task, *_) in links(stage).items()} == {"a": 1, "z": 26}


@pytest.mark.parametrize("heading", ["", "crm,reply\na,1", "external_id\na", "\x00"])
def test_a_file_that_does_not_name_its_columns_is_refused(stage: Stage, heading: str) -> None:
    """Nothing is guessed from the order of columns, and nothing is written."""
    done = command(stage, "link", "--from", "-", given=heading)
    assert done.exit_code == 1
    assert "The first line must name the columns" in done.stderr
    assert links(stage) == {}


def test_what_contradicts_the_ledger_is_refused_until_a_person_replaces_it(stage: Stage) -> None:
    """With --replace the file's word stands; each change has a number, which the tap goes by."""
    for task_id in (1, 2):
        stage.sandbox.create_task(task_id)
    stage.run(update(1, externalId="a"), update(2, externalId="b"))
    text = "external_id,task_id\na,2\nc,3\n"
    refused = command(stage, "link", "--from", "-", given=text)
    assert refused.exit_code == 1
    assert refused.stderr == "Line 2 is left out: 'a' is linked to task 1.\n"
    taken = command(stage, "link", "--from", "-", given="external_id,task_id\nd,3\n")
    assert taken.stderr == "Line 2 is left out: task 3 is linked to 'c'.\n"
    looked = command(stage, "link", "--from", "-", "--replace", "--dry-run", given=text)
    assert looked.stdout == (
        "0 would be linked, 1 are linked already, 1 would be replaced, 0 would be refused.\n"
    )
    assert links(stage)["a"] == (1, "record", False)
    before = max(sequences(stage).values())
    replaced = command(stage, "link", "--from", "-", "--replace", given=text)
    assert (replaced.exit_code, replaced.stderr) == (0, "")
    assert links(stage) == {
        "a": (2, "imported", False),
        "b": (2, "record", True),
        "c": (3, "imported", False),
    }
    assert {key for key, number in sequences(stage).items() if number > before} == {"a", "b"}
    again = command(stage, "link", "--from", "-", "--replace", given=text)
    assert again.stdout == "0 were linked, 2 are linked already, 0 were refused.\n"


def sequences(stage: Stage) -> dict[str, int]:
    """The number of each link."""
    engine = open_engine(stage.settings["ledger_url"])
    with engine.connect() as connection:
        rows = connection.execute(task_links.select()).all()
    engine.dispose()
    return {row.external_id: row.sequence for row in rows}


def test_a_long_file_is_written_in_parts(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """What contradicts an earlier part is refused as well; two tasks may change places."""
    monkeypatch.setattr(link_command, "A_TRANSACTION", 2)
    text = "external_id,task_id\n" + "".join(f"k{n},{n}\n" for n in range(1, 6)) + "x,1\n"
    done = command(stage, "link", "--from", "-", given=text)
    assert done.stderr == "Line 7 is left out: line 2 gives its task to 'k1'.\n"
    assert len(links(stage)) == 5
    swapped = "external_id,task_id\nk1,5\nk2,2\nk3,3\nk5,1\n"
    assert command(stage, "link", "--from", "-", "--replace", given=swapped).exit_code == 0
    assert {key: each[:1] + each[2:] for key, each in links(stage).items()} == {
        "k1": (5, False),
        "k2": (2, False),
        "k3": (3, False),
        "k4": (4, False),
        "k5": (1, False),
    }


def test_a_crosswalk_may_come_before_the_first_run(stage: Stage) -> None:
    """The ledger is made, a person is told so, and the run knows the task."""
    stage.sandbox.create_task(7)
    stage.settings["ledger_url"] = f"sqlite:///{stage.folder / 'first_ledger.db'}"
    text = "external_id,task_id\n42,7\n"
    assert command(stage, "link", "--from", "-", "--dry-run", given=text).exit_code == 1
    done = command(stage, "link", "--from", "-", given=text)
    assert re.fullmatch(r"There was no ledger: \S+ledger.db is made.\n", done.stderr)
    assert command(stage, "link", "--from", "-", given=text).stderr == ""
    stage.run(schema("task_completions"), record("task_completions", {"externalId": 42}))
    assert stage.fates() == [(7, "applied", None)]


def test_links_fit_a_terminal_and_can_be_brought_in_again(stage: Stage) -> None:
    """A table of 80 columns; CSV that keeps formulas from a spreadsheet comes back as it was."""
    text = "external_id,task_id\n-5,1\n=1+1,2\ncrm\u202e,3\n" + "k" * 120 + ",4\n"
    assert command(stage, "link", "--from", "-", given=text).exit_code == 0
    shown = command(stage, "links").stdout
    assert max(map(len, shown.splitlines())) <= 80
    assert r"crm\u202e" in shown
    assert shown.endswith("4 links.\n")
    written = command(stage, "links", "--format", "csv").stdout
    assert "'=1+1,2,imported,false" in written
    again = command(stage, "link", "--from", "-", given=written)
    assert again.stdout == "0 were linked, 4 are linked already, 0 were refused.\n"
    assert json.loads(command(stage, "links", "--task", "1", "--json").stdout)[0][
        "external_id"
    ] == ("-5")
    assert command(stage, "links", "--external-id", "5").stdout == "No link is there.\n"


def test_an_ambiguous_link_is_shown_as_such(stage: Stage) -> None:
    """It stands for nothing, says so, and is not brought in as if it did."""
    for task_id in (1, 2):
        stage.sandbox.create_task(task_id)
        stage.run(update(task_id, externalId="a"))
    assert "ambiguous (first 1)" in command(stage, "links", "--ambiguous").stdout
    written = command(stage, "links", "--format", "csv").stdout
    refused = command(stage, "link", "--from", "-", "--replace", given=written)
    assert refused.stderr == (
        "Line 2 is left out: it is marked as ambiguous: say which task it is.\n"
    )
    meant = "external_id,task_id\na,2\n"
    assert "records disagree" in command(stage, "link", "--from", "-", given=meant).stderr
    assert command(stage, "link", "--from", "-", "--replace", given=meant).exit_code == 0
    assert links(stage) == {"a": (2, "imported", False)}
