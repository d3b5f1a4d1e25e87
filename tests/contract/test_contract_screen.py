"""The screen knows every keyword that it meets, or says so when it is made."""

from typing import Any

import pytest

from reply_tasks.contract.screen import UnknownKeywordError, screen_of


def _schema(**member: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"m": member}}


@pytest.mark.parametrize(
    "schema",
    [
        _schema(type="string", minLength=1),
        _schema(type="integer", multipleOf=2),
        _schema(type="number"),
        _schema(enum=[1], minimum=1),
        _schema(),
        {**_schema(type="string"), "additionalProperties": {"type": "string"}},
        {**_schema(type="string"), "not": {"required": ["m"]}},
        {**_schema(type="string"), "required": ["another"]},
    ],
    ids=[
        *("minLength", "multipleOf", "number", "enum beside another", "nothing"),
        *("additionalProperties", "not", "required but not described"),
    ],
)
def test_what_it_does_not_know_it_does_not_guess(schema: dict[str, Any]) -> None:
    """A schema that grows by a keyword is told at once, not taken for a laxer one."""
    with pytest.raises(UnknownKeywordError):
        screen_of(schema, formats={})


@pytest.mark.parametrize(
    ("member", "passing", "failing"),
    [
        ({"type": "integer", "minimum": 1, "maximum": 2**63 - 1}, [1, 2**63 - 1], [0, 2**63, True]),
        ({"type": "string", "maxLength": 2}, ["é\U0001f600", ""], ["abc", 1, None]),
        ({"type": "string", "pattern": "\\S"}, [" x", "\U0001f600"], ["", " \n\u2003"]),
        ({"type": ["string", "integer"], "maxLength": 1}, ["a", 55], ["ab", None, 1.0]),
        ({"type": ["array", "null"], "items": {"type": "integer"}}, [None, [], [1]], [[None], {}]),
        ({"enum": [0, 7, None]}, [0, 7, None], [1, True, False, "7"]),
        ({"type": "boolean"}, [True], [1, None]),
        ({"enum": ["a", None]}, ["a", None], ["b", "\ud800"]),
    ],
)
def test_members(member: dict[str, Any], passing: list[Any], failing: list[Any]) -> None:
    """Each kind of member, at its limits."""
    passes = screen_of(_schema(**member), formats={})
    assert all(passes({"m": value}) for value in passing)
    assert not any(passes({"m": value}) for value in failing)
    assert passes({"another": object()})
    assert not passes({"\ud800": 1})  # no more can be said: the judge takes it


def test_a_closed_object_holds_nothing_else() -> None:
    """A schema that allows no other members is taken at its word, for the object that says so."""
    inner = {**_schema(type="string"), "additionalProperties": False}
    passes = screen_of(_schema(**inner), formats={})
    assert passes({"m": {"m": "x"}, "another": 1})
    assert not passes({"m": {"m": "x", "another": 1}})
