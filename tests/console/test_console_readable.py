"""How a text in HTML reads: what a person is helped with before they look at the source."""

import pytest

from reply_tasks.console.readable import has_markup, readable


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("<p>Hi <b>Ada</b>,</p><p>see you.</p>", "Hi Ada,\n\nsee you."),
        ("one<br>two<br><br>three", "one\ntwo\n\nthree"),
        ("<div>one</div><div>two</div>", "one\ntwo"),
        ("<ul><li>one</li> <li>two</li></ul>", "• one\n• two"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a  b\nc"),
        ("<a href='https://example.com/x'>Look</a>", "Look (https://example.com/x)"),
        ("<a href='https://example.com'>https://example.com</a>", "https://example.com"),
        ("<img alt='A chart'>", "[picture: A chart]"),
        ("<script>evil()</script><style>b{}</style>Hi", "Hi"),
        ("5 &lt; 6 &amp; more", "5 < 6 & more"),
    ],
)
def test_markup_reads_as_its_words(text: str, reads: str) -> None:
    """Lines, bullets, cells, where links lead; nothing that a mail program would not show."""
    assert readable(text) == reads


@pytest.mark.parametrize(("text", "has"), [("Hi <b>Ada</b>", True), ("5 < 6, <3", False)])
def test_only_markup_counts_as_markup(text: str, has: bool) -> None:  # noqa: FBT001
    """A plain text with a sign in it is shown once."""
    assert has_markup(text) is has
