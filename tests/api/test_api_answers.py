"""Whatever a server sends, reading its problems, headers and bodies never fails."""

import json
import string
from http import HTTPStatus
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reply_tasks.api.answers import LONGEST_RETRY_AFTER, AnswerKind, read_answer, read_json
from reply_tasks.api.problems import Problem, read_problem


def problem(status: int, document: Any) -> Problem:
    read = read_answer(status, {}, json.dumps(document).encode()).problem
    assert read is not None
    return read


def test_todays_business_problem() -> None:
    """Title, detail and code, and the document itself."""
    document = {
        "title": "Bad Request",
        "status": 400,
        "detail": "Only tasks with 'New' status can be edited.",
        "code": "task.unknown",
    }
    read = problem(400, document)
    assert read == Problem(
        "Bad Request",
        400,
        "Only tasks with 'New' status can be edited.",
        "task.unknown",
        raw=document,
    )
    assert read.summary() == "400 task.unknown: Only tasks with 'New' status can be edited."


def test_a_validation_problem_as_seen_on_the_wire() -> None:
    """With every offending member."""
    read = problem(
        400,
        {
            "errors": [
                {"pointer": "/dueTo", "detail": "'dueTo' must be after 'startAt'."},
                {"pointer": "", "detail": "Field is required."},
            ],
            "title": "Validation failed",
            "status": 400,
            "detail": "The request body contains validation errors.",
            "extensions": {},
        },
    )
    assert read.code is None
    assert read.errors == (
        ("/dueTo", "'dueTo' must be after 'startAt'."),
        ("", "Field is required."),
    )
    assert read.summary() == (
        "400 Validation failed: The request body contains validation errors.; "
        "/dueTo: 'dueTo' must be after 'startAt'.; Field is required."
    )


@pytest.mark.parametrize(
    ("status", "document", "code", "summary"),
    [
        (409, {"errorCode": 12, "title": "Conflict"}, "12", "409 12"),
        (409, {"ErrorCode": 0, "Message": "No."}, "0", "409 0: No."),
        (403, {"error": "insufficient_scope"}, "insufficient_scope", "403 insufficient_scope"),
        (403, {"error": {"code": "a.b", "message": "No."}}, "a.b", "403 a.b: No."),
        (403, {"reasons": ["plan", "role"]}, None, "403 Forbidden: plan; role"),
        (
            403,
            {"code": "TEAM_REQUIRED", "teams": [{"TeamId": 1, "TeamName": "A"}, {"teamId": 2}]},
            "TEAM_REQUIRED",
            "403 TEAM_REQUIRED: teams 1 (A), 2",
        ),
        (
            400,
            {"errors": {"id": ["Bad.", "Worse."]}},
            None,
            "400 Bad Request: id: Bad.; id: Worse.",
        ),
        (400, {"errors": ["Bad."]}, None, "400 Bad Request: Bad."),
        (400, {"errors": [{}, None, 7, []], "code": True}, None, "400 Bad Request: 7"),
        (400, {"title": ["no"], "detail": {"no": 1}, "code": 1.5}, None, "400 Bad Request"),
    ],
)
def test_other_shapes(
    status: int, document: dict[str, Any], code: str | None, summary: str
) -> None:
    """What previews, proxies and other generations send."""
    read = problem(status, document)
    assert read.code == code
    assert read.summary() == summary


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (502, b"upstream secret-host connect error"),
        (502, b"<html><title>502</title><p>user secret-host at 10.0.0.7</p></html>"),
        (502, b'["secret-host"]'),
        (502, b'"secret-host"'),
        (502, b"\xff\xfe\x00secret-host"),
        (503, b'{"message": "secret-host is down", "upstream": "secret-host"}'),
        (403, b'{"error": "secret-host may not"}'),
        (404, b"{}"),
        (407, b'{"title": "Proxy", "detail": "Who is secret-host?", "code": "secret-host"}'),
    ],
)
def test_what_is_no_document_of_reply_s_is_not_quoted(status: int, body: bytes) -> None:
    """A proxy's page may name hosts, users and credentials: it is said only that it came."""
    read = read_answer(status, {"content-type": "text/html; secret-host"}, body)
    assert read.problem is not None
    assert read.problem.title == HTTPStatus(status).phrase
    assert "look at the proxy or gateway" in read.problem.summary()
    assert read.problem.raw == {}
    assert "secret-host" not in repr(read) + read.problem.words() + str(read.data)


@pytest.mark.parametrize("body", [None, b"", b" \r\n"])
def test_a_refusal_without_a_body_says_no_more(body: bytes | None) -> None:
    """A 401 may have none, also of Reply."""
    read = read_answer(401, {}, body).problem
    assert read is not None
    assert read.summary() == "401 Unauthorized"


def test_a_summary_is_one_short_line() -> None:
    """However long the document, and whatever control characters it holds."""
    long = "many\nwords\x1b[31m\ud800 " * 500
    read = problem(400, {"title": long, "detail": long, "errors": [long] * 50})
    assert len(read.summary()) <= 300
    assert read.summary().isprintable()


def test_a_huge_refusal_is_no_document() -> None:
    """What is kept in the ledger is bounded."""
    read = problem(400, {"detail": "x" * 1_000_000})
    assert read.raw == {}
    assert "xx" not in read.detail


def test_a_deep_refusal_is_cut_off() -> None:
    """No nesting breaks what reads it later."""
    deep: Any = "bottom"
    for _ in range(300):
        deep = [deep]
    assert json.dumps(problem(400, {"deep": deep}).raw).count("[") < 30


def test_a_key_echoed_is_hidden_everywhere() -> None:
    """Also in names."""
    key = "abcdef-123456"
    document = {"detail": f"Unknown key {key}", key: [{key: key}], "code": key}
    read = read_problem(401, document, secret=key)
    assert key not in repr(read) + json.dumps(read.raw) + read.summary()
    assert read_problem(401, {"detail": "a b c"}).detail == "a b c"


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a": 1}', {"a": 1}),
        (b'\xef\xbb\xbf {"a": 1}\n', {"a": 1}),
        ('{"a": "é"}'.encode(), {"a": "é"}),
        ('{"a": "é"}'.encode("latin-1"), None),
        (b'{"a": 1}{', None),
        (b'{"a": NaN}', None),
        (b'{"a": -Infinity}', None),
        (b'{"a": 1e999}', None),
        (b"9" * 5000, None),
        (b"[" * 100_000, None),
        (b"", None),
        (None, None),
    ],
)
def test_json(body: bytes | None, value: object) -> None:
    """What is not JSON that every ledger can keep is unreadable."""
    assert read_json(body) == value


def test_an_answer_keeps_what_reply_says_of_a_person_out_of_its_repr() -> None:
    """It may be logged."""
    read = read_answer(200, {}, b'{"id": 1, "deliveryInfo": {"email": "ann@example.com"}}')
    assert read.succeeded
    assert "ann@" not in repr(read)


texts = st.text(max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
members = st.sampled_from(
    (
        *("title", "detail", "code", "errors", "errorCode", "reasons", "teams", "error"),
        *("Message", "status", "pointer", "teamId", "teamName"),
    )
)
documents = st.dictionaries(members, values | st.lists(st.dictionaries(members, values)))
bodies = st.binary() | documents.map(lambda document: json.dumps(document).encode())
header_texts = st.text(max_size=40) | st.text(string.digits + "-:.TZ+ ", max_size=30)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(
    status=st.integers(100, 999),
    body=st.none() | bodies,
    headers=st.dictionaries(
        st.sampled_from(
            (
                *("retry-after", "date", "x-rate-limit-limit"),
                *("x-rate-limit-remaining", "x-rate-limit-reset"),
            )
        ),
        header_texts,
    ),
)
def test_reading_never_fails(status: int, body: bytes | None, headers: dict[str, str]) -> None:
    """Whatever the bytes, an answer is read, can be shown, and can be kept as JSON."""
    read = read_answer(status, headers, body, secret="a secret key")
    assert read.kind is AnswerKind.RESPONSE
    assert (read.problem is None) == (200 <= status < 300)
    json.dumps(read.data, allow_nan=False)
    assert read.retry_after is None or 0 <= read.retry_after <= LONGEST_RETRY_AFTER
    if read.problem is not None:
        assert len(read.problem.summary()) <= 300
        assert read.problem.summary().isprintable()
        json.dumps(read.problem.raw, allow_nan=False)
