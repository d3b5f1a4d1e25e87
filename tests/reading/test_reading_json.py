"""Any JSON passes: a record of any shape has an outcome, and a STATE leaves as its text came."""

import json
from collections.abc import Iterator
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, assume, given, reject, settings
from hypothesis import strategies as st
from messages import lines, update
from target_process import TargetProcess
from target_runs import Stage, _invoke

from target_reply_tasks.reading.json_text import member_text, read_json

DEEP = "[" * 5000 + "]" * 5000
HUGE = "7" * 5000
#: What Python's own parser stumbles over, what no float holds, and what no database stores.
NASTY = [
    "null",
    "[]",
    "{}",
    '""',
    "3",
    DEEP,
    '{"a":' * 2000 + "1" + "}" * 2000,
    HUGE,
    f"-{HUGE}",
    f"{HUGE}.{HUGE}",
    "1e400",
    "-1E+400",
    "1e-400",
    "1e99999999999999999999",
    "-1e-99999999999999999999",
    "NaN",
    "-Infinity",
    "1.10",
    "-0.0",
    '"\\ud800"',
    '"\\u0000 \\u202e \\u001b[31m"',
    '"ä 🦊"',
    '{"a": 1, "a": 1.50}',
]
MEMBERS = ("id", "taskType", "startAt", "template", "contactId", "externalId", "operation", "other")
NASTY_RECORDS = [
    *NASTY,
    *(f'{{"{name}": {value}}}' for name in MEMBERS for value in NASTY),
    *(
        json.dumps(update(1)["record"])[:-1] + f', "{name}": {value}}}'
        for name in ("externalId", "other", "operation")
        for value in NASTY
    ),
]


def _record(text: str, stream: str = "task_updates") -> str:
    return f'{{"type": "RECORD", "stream": "{stream}", "record": {text}}}'


def _state(text: str) -> str:
    return f'{{"value" : {text} , "type": "STATE"}}'


def test_every_nasty_record_has_one_outcome(stage: Stage) -> None:
    """One run takes them all to an end, none of them ends it, and the last STATE leaves."""
    ended = stage.script(*map(_record, NASTY_RECORDS), _state("1.10"), max_rejected_percent=100)
    assert "Traceback" not in ended.log
    assert f"{len(NASTY_RECORDS)} records read: " in ended.last_line
    assert ended.exit_code in {0, 2}
    assert len(stage.operations()) == len(NASTY_RECORDS)
    assert stage.claims() == []


def test_a_record_that_is_no_object_is_rejected(stage: Stage) -> None:
    """`null`, a list, a text: each is one rejection that says so."""
    ended = stage.run(*map(_record, ["null", "[1]", '"x"']), update(1))
    assert [(row["outcome"], row["reason"], row["record"]) for row in stage.operations()] == [
        ("rejected", "invalid_record", None),
        ("rejected", "invalid_record", [1]),
        ("rejected", "invalid_record", "x"),
        ("applied", None, None),
    ]
    assert "A record must be an object" in stage.operations()[0]["detail"]
    assert ended.exit_code == 0


def test_a_state_leaves_as_its_text_came(stage: Stage) -> None:
    """Fractions keep their digits, numbers their size, and depth has no bound."""
    process = TargetProcess(stage)
    with process:
        process.write(*map(_state, NASTY))
        assert process.stdout.wait_for(len(NASTY)) == NASTY


def test_a_byte_order_mark_is_skipped(stage: Stage) -> None:
    """What some programs put before the first line is no broken input."""
    config, source = stage._files("\ufeff" + lines(update(1)), {})
    assert _invoke(config, source).exit_code == 0
    assert stage.fates() == [(1, "applied", None)]


NUMBERS = st.one_of(
    st.integers().map(str),
    st.decimals()
    .map(lambda number: str(number).replace("sNaN", "NaN").lstrip("+"))
    .filter(lambda text: not text.startswith(("-NaN", "NaN"))),
    st.sampled_from([text for text in NASTY if text[:1] in "-0123456789N"]),
)
TEXTS = st.text(st.characters(codec=None)).map(json.dumps)
ATOMS = st.one_of(NUMBERS, TEXTS, st.sampled_from(["null", "true", "false"]))
NAMES = st.one_of(st.sampled_from(MEMBERS).map(json.dumps), TEXTS)
JSON = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.lists(inner).map(lambda items: f"[{', '.join(items)}]"),
        st.lists(st.tuples(NAMES, inner)).map(
            lambda members: "{" + ", ".join(f"{name}: {value}" for name, value in members) + "}"
        ),
        st.tuples(inner, st.integers(1, 3000)).map(lambda a: "[" * a[1] + a[0] + "]" * a[1]),
    ),
    max_leaves=12,
)


@pytest.fixture
def running(stage: Stage) -> Iterator[TargetProcess]:
    with TargetProcess(stage) as process:
        yield process


@pytest.mark.e2e
def test_no_json_ends_or_hangs_a_run(stage: Stage, running: TargetProcess) -> None:
    """Whatever is written into one run, it goes on, and every STATE comes out as it went in."""
    records = 0
    states: list[str] = []

    @settings(
        max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    @given(st.lists(JSON, max_size=20), JSON)
    def passes(values: list[str], state: str) -> None:
        nonlocal records
        running.write(*map(_record, values), _state(state))
        records += len(values)
        states.append(state)
        assert running.stdout.wait_for(len(states))[-1] == state

    passes()
    ended = running.end()
    assert "Traceback" not in ended.log
    assert f"{records} records read" in ended.last_line
    assert ended.exit_code in {0, 2}
    assert len(stage.operations()) == records


@settings(deadline=None)
@given(JSON, JSON)
def test_what_is_read_patiently_is_what_was_written(value: str, other: str) -> None:
    """The text of a member is found whatever stands before and behind it, and reads as it did."""
    text = f'{{"before": {other}, "value":{value}, "value ": {other}, "x": {{"value": 1}}}}'
    assert member_text(text, "value") == value
    assert isinstance(read_json(text), dict)


@settings(deadline=None)
@given(JSON)
def test_a_line_reads_as_the_standard_decoder_reads_it(text: str) -> None:
    """Values and their types are the same, whichever decoder reads the line."""
    assume(len(text) < 500)  # deeper, Python could not compare them
    try:
        standard = json.loads(text, parse_float=Decimal)
    except (ValueError, ArithmeticError):  # nor read numbers beyond all bounds
        reject()
    assert repr(read_json(text)) == repr(standard)


@pytest.mark.parametrize(
    "text", ["[1 2]", '{"a" 1}', "[1,]", '{"a": 1,}', "[", "[1", '{"a"', "[nul]", "[1]]", "{,}"]
)
def test_a_deep_line_that_is_not_json_is_refused(text: str) -> None:
    """What reads deep JSON is as strict as what reads the rest."""
    with pytest.raises(json.JSONDecodeError):
        read_json(f"[{DEEP}, {text}]")
