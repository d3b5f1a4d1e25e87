"""Texts from outside, as a person may see them."""

import pytest

from reply_tasks.contract.shown import shown


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("Hi Ada", "Hi Ada"),
        ("Zażółć", "Zażółć"),
        ("a\x1b[2Jb", r"a\x1b[2Jb"),
        ("one\ntwo", r"one\ntwo"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("a\u200bb", r"a\u200bb"),
        ("a\u200db", r"a\u200db"),
        ("\u200d\U0001f469", "\\u200d\U0001f469"),
        ("\U0001f469\u200d\U0001f467", "\U0001f469\u200d\U0001f467"),
        ("❤\ufe0f\u200d\U0001f525", "❤\ufe0f\u200d\U0001f525"),
        ("\u0645\u06cc\u200c\u062e", "\u0645\u06cc\u200c\u062e"),
        ("\ud800", r"\ud800"),
    ],
)
def test_what_draws_nothing_is_written_out(text: str, seen: str) -> None:
    """Controls, bidi marks and lone joiners; letters and whole emoji are left as they are."""
    assert shown(text) == seen


def test_a_block_keeps_its_lines() -> None:
    """Line feeds and tabs only: a carriage return could write over what stands before it."""
    assert shown("a\n\tb\rc\u2028", lines=True) == "a\n\tb\\rc\\u2028"
