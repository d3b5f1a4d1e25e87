"""What must hold of any input whatsoever."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reply_tasks.contract import (
    InvalidRecord,
    MergeNulls,
    Operation,
    TaskRecord,
    UpdateMode,
    body_hash,
    read_record,
    read_task_detail,
)
from reply_tasks.contract.date_times import read_date_time
from reply_tasks.contract.members import places
from reply_tasks.contract.validate import Form, judge, passes_screen

SPELLINGS = sorted({*places(Operation.UPDATE), *places(Operation.EXECUTE)})
MODES = st.sampled_from(UpdateMode)
NULLS = st.sampled_from(MergeNulls)

texts = st.text(st.characters(codec=None), max_size=12) | st.sampled_from(
    ["", "None", "null", "7", "sms", "linkedIn", "2026-09-01", "2026-09-02T10:00:00+02:00", "{}"]
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(0, 9)
    | st.floats()
    | st.decimals(allow_nan=True)
    | texts
    | st.datetimes()
    | st.dates()
    | st.times()
    | st.sampled_from([Decimal("sNaN"), Decimal("1E+999999"), float("inf")])
    | st.integers(4999, 5000).map(lambda digits: -(10**digits))
)
names = st.sampled_from([*SPELLINGS, "body", "subject", "attachmentIdList", "other"]) | st.text(
    st.characters(codec=None), max_size=8
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=8,
)


def as_json(value: Any) -> str:
    try:
        return json.dumps(value, default=str)
    except ValueError:  # an integer too long for Python to write
        return "1" * 5000


anything_or_its_json = anything | anything.map(as_json)


@given(
    st.dictionaries(names, anything_or_its_json, max_size=8),
    st.sampled_from(Operation),
    MODES,
    NULLS,
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_reading_never_raises(
    raw: dict[str, Any], operation: Operation, mode: UpdateMode, nulls: MergeNulls
) -> None:
    """Whatever a record holds, it is read, or every violation of it is short and can be stored."""
    record = read_record(raw, operation, mode=mode, merge_nulls=nulls).record
    if isinstance(record, InvalidRecord):
        assert record.violations
        for violation in record.violations:
            assert len(violation.message.encode()) < 400
            assert len(violation.value_type) <= 80
    else:
        assert len(body_hash(operation, record.body)) == 64


canonical_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), canonical_values, max_size=4), st.sampled_from(Operation))
def test_a_hash_is_that_of_the_same_json_for_ever(
    body: dict[str, Any], operation: Operation
) -> None:
    """Ledgers hold hashes for years: another spelling would send every unchanged record again."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert body_hash(operation, body) == sha256(f"{operation}\n{text}".encode()).hexdigest()


@given(anything)
@settings(max_examples=80, deadline=None)
def test_reading_a_detail_never_raises(data: Any) -> None:
    """Whatever Reply answers is a TaskDetail or none."""
    for one in (data, {"id": 1, "template": data, "taskType": data, "dueTo": data}):
        detail = read_task_detail(one)
        if detail is not None:
            detail.row()
            detail.update_body()


@given(texts | st.from_regex(r"[0-9]{4}-?[0-9W]{0,3}-?[0-9]{0,2}([T ][0-9:.,+Z -]{0,20})?"))
@settings(max_examples=150, deadline=None)
def test_reading_a_date_time_never_raises(text: str) -> None:
    """Text is an instant in UTC or nothing."""
    moment = read_date_time(text, ZoneInfo("Europe/Berlin"))
    assert moment is None or moment.utcoffset() == timedelta(0)


ids = st.integers(1, 2**63 - 1)
body_texts = st.text(min_size=1, max_size=20).filter(str.strip)
keys = body_texts.filter(lambda text: "\0" not in text)
instants = st.datetimes(datetime(2015, 1, 2), datetime(2100, 1, 1)) | st.dates(  # noqa: DTZ001
    date(2015, 1, 2), date(2100, 1, 1)
)


def either(*spellings: str) -> st.SearchStrategy[str]:
    return st.sampled_from(spellings)


def spelt_ids() -> st.SearchStrategy[Any]:
    return ids.flatmap(lambda n: st.sampled_from([n, str(n), Decimal(n)]))


@st.composite
def valid_updates(draw: st.DrawFn) -> dict[str, Any]:
    start = draw(instants)
    if not isinstance(start, datetime):
        start = datetime(start.year, start.month, start.day)  # noqa: DTZ001  # naive on purpose
    due = start + draw(st.timedeltas(timedelta(days=1), timedelta(days=30)))
    template = draw(
        st.fixed_dictionaries(
            {"body": body_texts},
            optional={
                "subject": st.none() | st.text(max_size=10),
                "attachment_id_list": st.none() | st.lists(ids, max_size=3),
            },
        )
    )
    raw = {
        draw(either("id", "task_id", "taskId")): draw(spelt_ids()),
        draw(either("taskType", "task_type")): draw(st.sampled_from([5, "5", "linkedIn"])),
        draw(either("startAt", "start_at")): draw(st.sampled_from([start, start.isoformat(" ")])),
        draw(either("dueTo", "due_to")): draw(st.sampled_from([due, due.isoformat()])),
        **draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "contact_id": st.none() | spelt_ids(),
                    "linkedin_task_type": st.sampled_from([None, 0, "inMail", "3"]),
                    "externalId": st.none() | st.integers(-9, 9) | keys,
                    "act_as_user_id": st.none() | spelt_ids(),
                },
            )
        ),
    }
    flattened = {f"template__{name}": value for name, value in template.items()}
    forms = [flattened, {"template": template}, {"template": json.dumps(template)}]
    return {**raw, **draw(st.sampled_from(forms))}


def canonical(record: TaskRecord) -> dict[str, Any]:
    about = {"actAsUserId": record.act_as_user_id, "externalId": record.external_id}
    return {"id": record.task_id, **about, **record.body}


@given(valid_updates(), st.sampled_from([UTC, ZoneInfo("America/New_York")]))
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_reading_a_canonical_record_again_changes_nothing(
    raw: dict[str, Any], zone: ZoneInfo
) -> None:
    """Normalising is idempotent, and what it makes is plain JSON."""
    first = read_record(raw, Operation.UPDATE, zone=zone).record
    assert isinstance(first, TaskRecord), first
    again = json.loads(json.dumps(canonical(first)))
    assert read_record(again, Operation.UPDATE, zone=zone).record == first


@given(
    st.dictionaries(names, anything, max_size=6),
    MODES,
    NULLS,
)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_reading_a_partial_record_again_changes_nothing(
    raw: dict[str, Any], mode: UpdateMode, nulls: MergeNulls
) -> None:
    """Normalising is idempotent in merge mode too, for whatever turns out to be valid."""
    first = read_record({**raw, "id": 1}, Operation.UPDATE, mode=mode, merge_nulls=nulls).record
    if isinstance(first, TaskRecord):
        again = read_record(canonical(first), Operation.UPDATE, mode=mode, merge_nulls=nulls)
        assert again.record == first


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 12) | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=5,
)
nearly_templates = st.fixed_dictionaries(
    {},
    optional={
        "body": texts | json_values,
        "subject": texts | json_values,
        "attachmentIdList": st.lists(json_values, max_size=3) | json_values,
    },
)
moments = st.sampled_from(
    ["2026-09-01T10:00:00Z", "2026-02-30T10:00:00Z", "2026-09-01T10:00:00Z\n"]
)
nearly_records = st.fixed_dictionaries(
    {},
    optional={
        "id": ids | json_values,
        "actAsUserId": ids | json_values,
        "externalId": texts | json_values,
        "taskType": st.integers(0, 9) | json_values,
        "startAt": moments | json_values,
        "dueTo": moments | json_values,
        "template": nearly_templates | json_values,
        "contactId": ids | json_values,
        "linkedInTaskType": st.integers(0, 4) | json_values,
        "content": nearly_templates | json_values,
        "emailAccountId": ids | json_values,
    },
)


@given(nearly_records | json_values, st.sampled_from(Form))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_screen_and_judge_agree(members: Any, form: Form) -> None:
    """The screen passes nothing that jsonschema finds wrong, and turns down nothing else.

    But for 1.0, which JSON Schema takes for an integer: that goes to the judge.
    """
    valid = not judge(form, members)
    assert passes_screen(form, members) <= valid
    if not _holds_a_float(members):
        assert passes_screen(form, members) == valid


def _holds_a_float(value: object) -> bool:
    if isinstance(value, dict | list):
        return any(map(_holds_a_float, value.values() if isinstance(value, dict) else value))
    return isinstance(value, float)


@pytest.mark.parametrize("form", Form)
def test_screen_and_judge_agree_on_valid_records(form: Form) -> None:
    """There are records that both pass, in every form."""
    moment = "2026-09-01T10:00:00.5Z"
    members = {
        "id": 1,
        "taskType": 5,
        "startAt": moment,
        "dueTo": moment,
        "template": {"body": "x", "attachmentIdList": [1]},
        "linkedInTaskType": 0,
        "content": {"body": "x"},
    }
    assert passes_screen(form, members)
    assert judge(form, members) == ()
